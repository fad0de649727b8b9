package gateway

import (
	"encoding/xml"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// checkCreateBucket refuses a CreateBucket whose body is something else. An
// upload by a client that names the bucket in the host, of which the gateway
// does not know, looks like one: the store must not see what is uploaded.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func checkCreateBucket(doc []byte) error {
	if len(doc) == 0 {
		return nil
	}
	var config struct {
		XMLName xml.Name `xml:"CreateBucketConfiguration"`
	}
	if err := xml.Unmarshal(doc, &config); err != nil {
		return s3api.ErrMalformedXML.WithMessage("This request creates a bucket, and its body is not a CreateBucketConfiguration. " +
			"If an object was meant, the host does not name a bucket here: use path-style addressing.")
	}
	return nil
}
