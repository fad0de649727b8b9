package security_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// ordinary are requests that have to ask the store.
func (e *endpoint) ordinary() []wire.Request {
	doc := []byte("<Delete><Object><Key>k</Key></Object></Delete>")
	return []wire.Request{
		{Method: "GET", Target: "/" + e.bucket + "/k"},
		{Method: "GET", Target: "/" + e.bucket + "/k", Header: wire.Header("Range", "bytes=1-2")},
		{Method: "HEAD", Target: "/" + e.bucket + "/k"},
		{Method: "PUT", Target: "/" + e.bucket + "/k", Body: []byte("content")},
		{Method: "PUT", Target: "/" + e.bucket + "/k", Body: body(streamed, 9)},
		{Method: "PUT", Target: "/" + e.bucket + "/k", Body: []byte("content"), Header: wire.Header("If-Match", `"x"`)},
		{Method: "DELETE", Target: "/" + e.bucket + "/k"},
		{Method: "POST", Target: "/" + e.bucket + "?delete", Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc))},
		{Method: "GET", Target: "/" + e.bucket},
		{Method: "GET", Target: "/" + e.bucket + "?list-type=2"},
		{Method: "GET", Target: "/" + e.bucket + "?versions"},
		{Method: "GET", Target: "/"},
		{Method: "GET", Target: "/" + e.bucket + "?versioning"},
		{Method: "HEAD", Target: "/" + e.bucket},
	}
}

// checkAll sends ordinary requests, all of which must end in the error. From a
// store that says nothing about errors of HEAD but the status, those can only
// be handed on.
func (e *endpoint) checkAll(t *testing.T, status int, code string) {
	t.Helper()
	bare := status == http.StatusInternalServerError && e.store.Name != "minio"
	for _, r := range e.ordinary() {
		a := e.Do(t, r)
		switch {
		case r.Method == http.MethodHead:
			if a.Status != status && !bare || a.Status < 400 || len(a.Body) > 0 {
				t.Errorf("%s %s: status %d", r.Method, r.Target, a.Status)
			}
		case bare && r.Header.Get("If-Match") != "": // begins with HEAD
			continue
		case bare && len(r.Body) >= streamed: // the store hangs up before it has read that
			continue
		default:
			checkError(t, a, status, code)
		}
		if (a.Header.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
			t.Errorf("%s %s: Retry-After %q", r.Method, r.Target, a.Header.Get("Retry-After"))
		}
		for _, leak := range []string{e.store.AccessKey, "127.0.0.1", "SignatureDoesNotMatch", "dial"} {
			if strings.Contains(string(a.Body), leak) {
				t.Errorf("%s %s: the answer shows %s:\n%s", r.Method, r.Target, leak, a.Body)
			}
		}
	}
}

// TestStoreDown takes the store away and brings it back.
func TestStoreDown(t *testing.T) {
	for name, through := range map[string]bool{"direct": false, "reverse_proxy": true} {
		t.Run(name, func(t *testing.T) {
			e := start(t, store.MinIO(t), site.Options{})
			addr, err := posixstore.FreeAddr()
			if err != nil {
				t.Fatal(err)
			}
			e.load(t, site.Options{Upstream: "http://" + addr, ThroughProxy: through})
			e.checkAll(t, http.StatusServiceUnavailable, "ServiceUnavailable")

			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{Handler: e.proxy}
			defer srv.Close()
			go srv.Serve(l)
			content := body(100_000, 1)
			e.Put(t, e.bucket, "k", content)
			e.checkObject(t, "k", content)
		})
	}
}

// TestStoreHangsUp breaks every connection to the store in the middle of a
// request.
func TestStoreHangsUp(t *testing.T) {
	eachWay(t, site.Options{}, func(t *testing.T, e *endpoint) {
		e.proxy.Inject(func(*http.Request) *store.Fault {
			return &store.Fault{Replace: func(*http.Request) *http.Response { panic(http.ErrAbortHandler) }}
		})
		e.checkAll(t, http.StatusServiceUnavailable, "ServiceUnavailable")
		e.proxy.Inject(nil)
		content := body(100_000, 1)
		e.Put(t, e.bucket, "k", content)
		e.checkObject(t, "k", content)
	})
}

// TestWrongStoreCredentials gives the gateway a secret that the store does not
// know: that is nothing clients could do something about, or should hear of.
func TestWrongStoreCredentials(t *testing.T) {
	store.Each(t, func(t *testing.T, good *store.Store) {
		bucket := good.Bucket(t)
		for what, s := range map[string]store.Store{
			"secret":     {Name: good.Name, URL: good.URL, AccessKey: good.AccessKey, SecretKey: "not-the-right-secret", Region: good.Region},
			"access key": {Name: good.Name, URL: good.URL, AccessKey: "unknown-to-the-store", SecretKey: good.SecretKey, Region: good.Region},
		} {
			t.Run(what, func(t *testing.T) {
				bad := start(t, &s, site.Options{}, bucket)
				bad.checkAll(t, http.StatusInternalServerError, "InternalError")
				if !strings.Contains(bad.logged(t), "the store refused the gateway's request") {
					t.Error("the log does not say what is wrong")
				}
			})
		}
	})
}

// TestClientIdentity signs requests to the store as the client.
func TestClientIdentity(t *testing.T) {
	s := store.MinIO(t)
	e := start(t, s, site.Options{})
	e.load(t, site.Options{Handler: "upstream_identity client\ncredential " + s.AccessKey + " " + s.SecretKey}, "upstream_credentials", "#")
	known := e.As(s.AccessKey, s.SecretKey)
	content := body(streamed, 1)
	known.Put(t, e.bucket, "k", content)
	if a := known.Get(t, e.bucket, "k"); a.Status != http.StatusOK || len(a.Body) != len(content) {
		t.Errorf("status %d, %d bytes", a.Status, len(a.Body))
	}
	known.Expect(t, http.StatusOK, wire.Request{Method: "GET", Target: "/" + e.bucket + "?list-type=2"})
	for _, x := range e.proxy.Exchanges() {
		e.checkSigner(t, x)
	}
	// This one the gateway knows, but the store does not.
	checkError(t, e.Get(t, e.bucket, "k"), http.StatusForbidden, "InvalidAccessKeyId")
}
