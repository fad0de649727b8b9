package rotation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Bucket implements Store.
func (c *Client) Bucket(ctx context.Context, bucket string) (Bucket, error) {
	var versioning struct{ Status string }
	if err := c.config(ctx, bucket, "versioning", &versioning); err != nil {
		return Bucket{}, err
	}
	var lock struct {
		Mode string `xml:"Rule>DefaultRetention>Mode"`
	}
	if err := c.config(ctx, bucket, "object-lock", &lock); err != nil {
		return Bucket{}, err
	}
	return Bucket{Versioned: versioning.Status == "Enabled", LockDefault: lock.Mode != ""}, nil
}

// config reads a document of a bucket's configuration. One that is not there, or
// that the store does not know, leaves v as it is.
func (c *Client) config(ctx context.Context, bucket, name string, v any) error {
	doc, _, err := c.document(ctx, request{method: http.MethodGet, name: Name{Bucket: bucket}, query: s3api.Query{{Name: name}}})
	e, ok := errors.AsType[*s3api.Error](err)
	if ok && (e.Status == http.StatusNotFound && !errors.Is(err, s3api.ErrNoSuchBucket) || e.Status == http.StatusNotImplemented) {
		return nil
	}
	if err == nil {
		err = xml.Unmarshal(doc, v)
	}
	if err != nil {
		return fmt.Errorf("reading the configuration of the bucket %s (%s): %w", bucket, name, err)
	}
	return nil
}

// Head implements Store. No document goes with an answer to HEAD that tells who
// says that an object is not there: the store, or something in its place. With
// one to GET it does.
func (c *Client) Head(ctx context.Context, n Name) (*Object, error) {
	for range attempts {
		o, err := c.head(ctx, n, nil)
		if !gone(err) {
			return o, err
		}
		resp, err := c.do(ctx, request{method: http.MethodGet, name: n})
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	return nil, errors.New("the store says of the object that it is there, and that it is not")
}

// HeadPart implements Store.
func (c *Client) HeadPart(ctx context.Context, n Name, part int) (*Object, error) {
	return c.head(ctx, n, s3api.Query{number("partNumber", part)})
}

func (c *Client) head(ctx context.Context, n Name, q s3api.Query) (*Object, error) {
	resp, err := c.do(ctx, request{
		method: http.MethodHead, name: n, query: q, header: http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}},
	})
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	if resp.ContentLength < 0 {
		return nil, errors.New("the store does not say how large the object is")
	}
	return newObject(resp, resp.ContentLength), nil
}

// Peek implements Store.
func (c *Client) Peek(ctx context.Context, n Name, size int64) (*Object, []byte, error) {
	resp, err := c.do(ctx, request{
		method: http.MethodGet, name: n, header: http.Header{"Range": {"bytes=-" + strconv.FormatInt(size, 10)}},
	})
	if e, ok := errors.AsType[*s3api.Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable {
		o, err := c.Head(ctx, n) // it is empty
		return o, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	total := resp.ContentLength
	if resp.StatusCode == http.StatusPartialContent {
		_, after, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		if total, err = strconv.ParseInt(after, 10, 64); err != nil {
			return nil, nil, errors.New("the store answered with an unreadable Content-Range")
		}
	}
	if want := min(size, total); resp.ContentLength != want {
		return nil, nil, fmt.Errorf("the store returned %d bytes instead of the last %d", resp.ContentLength, want)
	}
	tail := make([]byte, resp.ContentLength)
	if _, err := io.ReadFull(resp.Body, tail); err != nil {
		return nil, nil, fmt.Errorf("reading the end of the object: %w", err)
	}
	return newObject(resp, total), tail, nil
}

func newObject(resp *http.Response, size int64) *Object {
	o := &Object{
		Header: resp.Header, Size: size,
		ETag: unquote(resp.Header.Get("Etag")), VersionID: resp.Header.Get("X-Amz-Version-Id"),
	}
	o.Modified, _ = http.ParseTime(resp.Header.Get("Last-Modified"))
	return o
}

// Get implements Store.
func (c *Client) Get(ctx context.Context, n Name, etag string, offset, length int64) (io.ReadCloser, error) {
	if length <= 0 {
		return c.get(ctx, n, etag, "")
	}
	return c.get(ctx, n, etag, fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
}

func (c *Client) get(ctx context.Context, n Name, etag, byteRange string) (io.ReadCloser, error) {
	h := http.Header{"If-Match": {quote(etag)}}
	if byteRange != "" {
		h["Range"] = []string{byteRange}
	}
	resp, err := c.do(ctx, request{method: http.MethodGet, name: n, header: h})
	if err != nil {
		return nil, err
	}
	if byteRange != "" && resp.StatusCode != http.StatusPartialContent {
		_ = resp.Body.Close()
		return nil, errors.New("the store did not return the range that it was asked for")
	}
	return resp.Body, nil
}

// Tags implements Store.
func (c *Client) Tags(ctx context.Context, n Name) (string, error) {
	doc, _, err := c.document(ctx, request{method: http.MethodGet, name: n, query: s3api.Query{{Name: "tagging"}}})
	if err != nil {
		return "", fmt.Errorf("reading the tags: %w", err)
	}
	var tagging struct {
		Tags []struct{ Key, Value string } `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal(doc, &tagging); err != nil {
		return "", fmt.Errorf("reading the tags: %w", err)
	}
	var tags s3api.Query
	for _, t := range tagging.Tags {
		tags = append(tags, param(t.Key, t.Value))
	}
	return tags.Tags(), nil
}

// ACL implements Store.
func (c *Client) ACL(ctx context.Context, n Name) ([]byte, error) {
	doc, _, err := c.document(ctx, request{method: http.MethodGet, name: n, query: s3api.Query{{Name: "acl"}}})
	if e, ok := errors.AsType[*s3api.Error](err); ok && e.Status == http.StatusNotImplemented {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ACL: %w", err)
	}
	var acl struct {
		Owner  string `xml:"Owner>ID"`
		Grants []struct {
			Grantee    string `xml:"Grantee>ID"`
			Permission string
		} `xml:"AccessControlList>Grant"`
	}
	if err := xml.Unmarshal(doc, &acl); err != nil {
		return nil, fmt.Errorf("reading the ACL: %w", err)
	}
	g := acl.Grants
	if len(g) == 0 || len(g) == 1 && g[0].Permission == "FULL_CONTROL" && (g[0].Grantee == acl.Owner || g[0].Grantee == "") {
		return nil, nil
	}
	return doc, nil
}

// PutACL implements Store.
func (c *Client) PutACL(ctx context.Context, n Name, doc []byte) error {
	_, _, err := c.document(ctx, request{method: http.MethodPut, name: n, query: s3api.Query{{Name: "acl"}}, doc: doc})
	return err
}

// documentHash makes doc the body of req and returns its hash.
func documentHash(req *http.Request, doc []byte) string {
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(doc)), int64(len(doc))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(doc)), nil }
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])
}
