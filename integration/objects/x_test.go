package objects

import (
	"testing"

	_ "github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/aws/aws-sdk-go-v2/credentials"
	_ "pgregory.net/rapid"
)

func TestX(t *testing.T) {}
