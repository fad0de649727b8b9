package security_test

import (
	"bytes"
	cryptotls "crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// TestCopiesKeepTheirDataKey is about what is not promised: the copy under a
// customer key that the store makes of an SSE-S3 object has that object's body,
// and in it that object's envelope. With the master key and the object it opens;
// through the gateway it does not.
func TestCopiesKeepTheirDataKey(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	e.load(t, site.Options{}, tls...)
	e.HTTP.Transport.(*http.Transport).TLSClientConfig = &cryptotls.Config{InsecureSkipVerify: true, ServerName: "127.0.0.1"} //nolint:gosec // its own authority
	e.waitReady(t, "HTTP/1.1")
	content := body(1000, 1)
	e.Put(t, e.bucket, "source", content)
	customer := wire.Header(
		"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256",
		"X-Amz-Server-Side-Encryption-Customer-Key", base64.StdEncoding.EncodeToString(body(32, 1)),
		"X-Amz-Server-Side-Encryption-Customer-Key-Md5", wire.MD5(body(32, 1)))
	copied := customer.Clone()
	copied.Set("X-Amz-Copy-Source", "/"+e.bucket+"/source")
	e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodPut, Target: wire.Target(e.bucket, "copy", ""), Header: copied})

	raw, err := base64.StdEncoding.DecodeString(e.masterKey(t))
	if err != nil {
		t.Fatal(err)
	}
	master, err := localkeys.New([]localkeys.Key{{ID: "test", Key: encryptor.Key(raw)}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	// open opens a body with the envelope in it, as that of the source.
	open := func(key string) ([]byte, error) {
		stored := e.store.Read(t, e.bucket, key).Body
		foot, err := encryptor.FooterEnvelope(stored)
		if err != nil {
			return nil, err
		}
		env, err := metadata.DecodeFooterCopy(foot)
		if err != nil {
			return nil, err
		}
		kek, err := master.KEK(env.KeyID, env.Salt)
		if err != nil {
			return nil, err
		}
		keys, err := env.Open(metadata.KEKs{Data: kek}, e.bucket, "source")
		if err != nil {
			return nil, err
		}
		layout, err := encryptor.SingleLayout(int64(len(stored)))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(encryptor.NewOpener(keys, layout, bytes.NewReader(stored)))
	}
	if got, err := open("copy"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("what SECURITY.md warns of is not so: %v", err)
	}

	// The gateway does not open it so, whatever the metadata say.
	source, stored := e.store.Read(t, e.bucket, "source"), e.store.Read(t, e.bucket, "copy")
	e.store.Write(t, e.bucket, "copy", stored.Body, source.Info.UserMetadata)
	for _, h := range []http.Header{nil, customer} {
		a := e.Do(t, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "copy", ""), Header: h})
		if a.Status < http.StatusBadRequest {
			t.Errorf("status %d, %d bytes", a.Status, len(a.Body))
		}
	}
	// An object that is written with the customer key has nothing of the kind.
	e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodPut, Target: wire.Target(e.bucket, "written", ""), Body: content, Header: customer})
	if got, err := open("written"); err == nil || len(got) > 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
