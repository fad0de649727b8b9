package gateway

import (
	"fmt"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// parse finds out which bucket and object the request is for. Its host may
// name the bucket, its path the rest then.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func (c *call) parse(target string) (err error) {
	rawPath, _, _ := strings.Cut(target, "?")
	bucket, ok := s3api.ParseHost(c.r.Host, c.g.cfg.VirtualHosts)
	switch {
	case !ok:
		c.bucket, c.key, err = s3api.ParsePath(rawPath)
	case bucket == "":
		err = s3api.ErrInvalidBucketName.With("BucketName", c.r.Host)
	default:
		c.virtual, c.bucket = true, bucket
		c.key, err = s3api.ParseKey(rawPath)
	}
	return err
}

// bucketURL is the URL of the bucket as the client addressed it, with a slash
// at its end.
func (c *call) bucketURL() string {
	scheme := "http://"
	if c.secure {
		scheme = "https://"
	}
	if c.virtual {
		return scheme + c.r.Host + "/"
	}
	return scheme + c.r.Host + "/" + c.bucket + "/"
}

// CheckDomain reports why buckets cannot be in front of a domain: it is a name
// of letters, digits, hyphens and dots in lower case, without a port.
func CheckDomain(domain string) error {
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("bad domain %q", domain)
		}
	}
	return nil
}
