package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// etag returns the ETag that clients see, without quotes. Every answer that
// names the object's ETag gets it from here.
func (c *call) etag(ctx context.Context, o *object) (string, error) {
	if o.env == nil {
		return o.storeETag, nil
	}
	if c.g.cfg.ETag == ETagOpaque || o.env.Mode != metadata.SSES3 {
		// Also for objects that have an MD5 from another policy or from another
		// mode: listings of such a gateway do not look for it.
		return opaqueETag(o.storeETag), nil
	}
	if o.digests.ETag == "" && o.env.ETagInFooter {
		if err := c.complete(ctx, o); err != nil {
			return "", err
		}
	}
	if o.digests.ETag != "" {
		return o.digests.ETag, nil
	}
	return opaqueETag(o.storeETag), nil
}

// opaqueETag makes the ETag of an object whose plaintext MD5 is not known
// from the store's own. It has the form of a multipart ETag, which no client
// takes for an MD5.
func opaqueETag(store string) string {
	hash, parts, multi := strings.Cut(store, "-")
	if len(hash) == 32 && isLowerHex(hash) {
		if multi && isDigits(parts) {
			return store
		}
		if !multi {
			return store + "-1"
		}
	}
	sum := sha256.Sum256([]byte(store))
	return hex.EncodeToString(sum[:16]) + "-1"
}

func isLowerHex(s string) bool {
	for _, r := range []byte(s) {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for _, r := range []byte(s) {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

func quote(etag string) string { return `"` + etag + `"` }

func unquote(etag string) string {
	if len(etag) >= 2 && etag[0] == '"' && etag[len(etag)-1] == '"' {
		return etag[1 : len(etag)-1]
	}
	return etag
}

// storeCondition translates the ETag of a client's If-Match on a write into
// the store's own, so that the store can decide atomically. An object that
// does not match is refused here.
func (c *call) storeCondition(ctx context.Context, key, versionID string, want s3api.WriteCondition) (string, error) {
	v, err := c.headVersion(ctx, key, versionID)
	if err != nil {
		return "", err
	}
	switch v.status {
	case http.StatusOK:
	case http.StatusNotFound:
		return "", want.Check(false, "")
	default:
		return "", v.err
	}
	at := *c // whose outcome is not about this object
	at.out = new(Outcome)
	o, err := at.inspect(ctx, source{bucket: c.bucket, key: key, query: versionQuery(versionID)}, v.header, v.stored)
	if err != nil {
		return "", err
	}
	have, err := at.etag(ctx, o)
	if err != nil {
		return "", err
	}
	return o.storeETag, want.Check(true, have)
}
