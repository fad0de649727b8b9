package docs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestMain makes the test binary play programs that cannot be expected to be
// installed, when it is called by their name. So shell examples run as they
// stand, pipes and variables included.
func TestMain(m *testing.M) {
	fakes := map[string]func([]string) error{"aws": aws, "rclone": rclone}
	fake, ok := fakes[filepath.Base(os.Args[0])]
	if !ok {
		os.Exit(m.Run())
	}
	if err := fake(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
}

// aws does what the AWS CLI does with the few commands in the documents, by
// another S3 client. It takes no other command and no other option.
func aws(args []string) error {
	if len(args) == 4 && args[0] == "configure" && args[1] == "set" {
		switch args[2] + "=" + args[3] {
		case "default.s3.multipart_threshold=5GB", "default.s3.addressing_style=path":
			return nil
		}
		return fmt.Errorf("configure set: unknown %q", args[2:])
	}
	if len(args) < 4 || args[0] != "--endpoint-url" {
		return fmt.Errorf("no --endpoint-url in %q", args)
	}
	c, err := awsClient(args[1])
	if err != nil {
		return err
	}
	ctx, command := context.Background(), strings.Join(args[2:4], " ")
	args = args[4:]
	switch {
	case command == "s3 mb" && len(args) == 1:
		bucket, _, err := s3URL(args[0])
		if err != nil {
			return err
		}
		return c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: os.Getenv("AWS_REGION")})
	case command == "s3 cp" && len(args) == 2 && args[0] == "-":
		bucket, key, err := s3URL(args[1])
		if err != nil {
			return err
		}
		body, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		_, err = c.PutObject(ctx, bucket, key, strings.NewReader(string(body)), int64(len(body)), minio.PutObjectOptions{})
		return err
	case command == "s3 cp" && len(args) == 2 && args[1] == "-":
		bucket, key, err := s3URL(args[0])
		if err != nil {
			return err
		}
		o, err := c.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, o)
		return errors.Join(err, o.Close())
	case command == "s3api head-object" && len(args) == 4 && args[0] == "--bucket" && args[2] == "--key":
		info, err := c.StatObject(ctx, args[1], args[3], minio.StatObjectOptions{})
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{
			"ContentLength": info.Size, "ETag": info.ETag, "Metadata": info.UserMetadata,
			"ServerSideEncryption": info.Metadata.Get("X-Amz-Server-Side-Encryption"),
		})
	default:
		return fmt.Errorf("unknown command %s %q", command, args)
	}
}

// awsClient takes its settings from where the AWS CLI does.
func awsClient(endpoint string) (*minio.Client, error) {
	if os.Getenv("AWS_REGION") == "" || os.Getenv("AWS_DEFAULT_REGION") == "" {
		return nil, errors.New("no region")
	}
	pool := x509.NewCertPool()
	bundle, err := os.ReadFile(os.Getenv("AWS_CA_BUNDLE"))
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(bundle) {
		return nil, errors.New("AWS_CA_BUNDLE has no certificate")
	}
	return store.Connect(endpoint, os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"),
		&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}})
}

func s3URL(s string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(s, "s3://")
	if !ok {
		return "", "", fmt.Errorf("%q is no s3:// URL", s)
	}
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, nil
}

// rclone knows the options in the documents, and does nothing.
func rclone(args []string) error {
	if len(args) < 3 || args[0] != "copy" {
		return fmt.Errorf("unknown command %q", args)
	}
	takesValue := map[string]bool{"--s3-upload-cutoff": true, "--s3-force-path-style": false}
	for i := 1; i < len(args)-2; i++ {
		value, ok := takesValue[args[i]]
		if !ok {
			return fmt.Errorf("unknown option %s", args[i])
		}
		if value {
			i++
		}
	}
	if slices.ContainsFunc(args[len(args)-2:], func(a string) bool { return strings.HasPrefix(a, "-") }) {
		return fmt.Errorf("no source and destination in %q", args)
	}
	return nil
}
