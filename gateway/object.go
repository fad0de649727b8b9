package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// object is what is known of a stored object from one answer of the store.
type object struct {
	env       *metadata.Envelope // nil for an object that is not encrypted
	keys      encryptor.Keys
	layout    encryptor.Layout
	digests   encryptor.Digests
	size      int64 // of the plaintext, in bytes
	stored    int64 // in the store, in bytes
	storeETag string
	versionID string
	modified  time.Time
}

// Errors of objects that the store returned and that cannot be given out. None
// of them is worth a retry, so they are not server errors to a client.
var (
	errTampered = s3api.ErrInvalidObjectState.WithMessage(
		"The object in the store is not what was written through the gateway: it was altered, truncated, or moved to another name. It cannot be read.")
	errLostEnvelope = s3api.ErrInvalidObjectState.WithMessage(
		"The object is encrypted, but the store has lost its metadata. The data can be recovered from the object itself, not through this request.")
	errPlaintext = s3api.ErrInvalidObjectState.WithMessage(
		"The object is not encrypted. To read such objects of a bucket, list the bucket under plaintext_reads in the gateway's configuration.")
	errMultipartObject = s3api.ErrNotImplemented.WithMessage("Objects uploaded in parts are not supported by this version of the gateway.")
)

// errReplaced is not about the client's own conditions, so it must not look
// like one that failed; the client tries again.
var errReplaced = errors.New("the object was replaced while it was being read")

// inspect opens the envelope in the header of a store's answer about an
// object of the given stored size. An object without an envelope comes back
// with a nil env; whether it may be read is not decided here.
func (c *call) inspect(h http.Header, stored int64) (*object, error) {
	o := &object{
		stored:    stored,
		size:      stored,
		storeETag: unquote(h.Get("Etag")),
		versionID: h.Get("X-Amz-Version-Id"),
	}
	o.modified, _ = http.ParseTime(h.Get("Last-Modified")) // a zero time fails no condition
	env, err := metadata.FromHeader(h)
	if err != nil {
		return nil, fmt.Errorf("reading the envelope: %w", errors.Join(err, encryptor.ErrNotAuthentic))
	}
	if env == nil {
		c.out.Mode = "plaintext"
		return o, nil
	}
	c.out.Mode = env.Mode.String()
	if err := c.open(o, env); err != nil {
		return nil, err
	}
	return o, nil
}

// open unseals the data key and what is known of the plaintext.
func (c *call) open(o *object, env *metadata.Envelope) (err error) {
	o.env = env
	if o.keys, err = c.openEnvelope(env, c.key); err != nil {
		return err
	}
	if env.Multipart {
		return errMultipartObject
	}
	if o.layout, err = encryptor.SingleLayout(o.stored); err != nil {
		return err
	}
	if o.size = o.layout.PlaintextSize(); o.size != env.Length {
		return fmt.Errorf("the store holds %d bytes for an object of %d: %w", o.stored, env.Length, encryptor.ErrNotAuthentic)
	}
	o.digests, err = env.OpenDigests(o.keys)
	return err
}

// openEnvelope unseals the data keys of the object key of the call's bucket.
func (c *call) openEnvelope(env *metadata.Envelope, key string) (encryptor.Keys, error) {
	if env.Mode != metadata.SSES3 {
		return encryptor.Keys{}, s3api.ErrNotImplemented.WithMessage("Objects encrypted with %s are not supported by this version of the gateway.", env.Mode)
	}
	kek, err := c.g.cfg.Keys.KEK(env.KeyID, env.Salt)
	if errors.Is(err, localkeys.ErrKeyNotFound) {
		return encryptor.Keys{}, s3api.ErrKMSNotFound.WithMessage("Key '%s' does not exist", env.KeyID)
	}
	if err != nil {
		return encryptor.Keys{}, err
	}
	return env.Open(metadata.KEKs{Data: kek}, c.realm(), key)
}

// realm is the name that the envelopes of the call's bucket are bound to.
func (c *call) realm() string {
	if realm, ok := c.g.cfg.Realms[c.bucket]; ok {
		return realm
	}
	return c.bucket
}

// admitPlaintext decides about an object without an envelope whose body
// starts with prefix.
func (c *call) admitPlaintext(prefix []byte) error {
	if encryptor.IsEncrypted(prefix) {
		return errLostEnvelope
	}
	if !matchAny(c.g.cfg.PlaintextReads, c.bucket) {
		return errPlaintext
	}
	return nil
}

// again asks for the very same object once more, with another range.
func (c *call) again(ctx context.Context, o *object, q s3api.Query, rng string) (*http.Response, error) {
	sr := &storeRequest{method: http.MethodGet, bucket: c.bucket, key: c.key, query: q, header: http.Header{
		"If-Match": {quote(o.storeETag)},
	}}
	if rng != "" {
		sr.header["Range"] = []string{rng}
	}
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return resp, nil
	case http.StatusPreconditionFailed:
		drain(resp.Body)
		return nil, errReplaced
	default:
		return nil, c.storeError(resp)
	}
}

// readRange reads up to limit bytes of exactly the object o from the store.
func (c *call) readRange(ctx context.Context, o *object, rng string, limit int64) ([]byte, error) {
	resp, err := c.again(ctx, o, versionQuery(o.versionID), rng)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return nil, &unreachableError{err}
	}
	drain(resp.Body)
	return b, nil
}

// complete adds what only the footer knows to o.digests: it costs one small
// request to the store, the first time.
func (c *call) complete(ctx context.Context, o *object) error {
	id := digestID(o.env.Data.Commitment)
	if d, ok := c.g.digests.get(id); ok {
		o.digests = d
		return nil
	}
	n := min(encryptor.FooterSuffix(), o.stored)
	tail, err := c.readRange(ctx, o, "bytes=-"+strconv.FormatInt(n, 10), n)
	if err != nil {
		return err
	}
	rec, err := encryptor.OpenFooter(o.keys, o.stored, tail)
	if err != nil {
		return err
	}
	if rec.Length != o.size {
		return fmt.Errorf("the footer is of an object of %d bytes, not %d: %w", rec.Length, o.size, encryptor.ErrNotAuthentic)
	}
	o.digests = rec.Digests
	c.g.digests.put(id, rec.Digests)
	return nil
}

// contentRange reads the header of a partial answer: where it starts and how
// large the stored object is.
func contentRange(v string) (start, size int64, ok bool) {
	rng, found := strings.CutPrefix(v, "bytes ")
	if !found {
		return 0, 0, false
	}
	span, total, _ := strings.Cut(rng, "/")
	first, _, _ := strings.Cut(span, "-")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil || size < 0 {
		return 0, 0, false
	}
	if span == "*" || size == 0 { // MinIO calls the suffix of nothing "0--1"
		return 0, size, true
	}
	start, err = strconv.ParseInt(first, 10, 64)
	return start, size, err == nil && start >= 0 && start < size
}
