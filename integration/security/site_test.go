// Package security_test plays the parts of those who must not succeed: clients
// that ask for what they may not have, and whoever controls the store.
package security_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// endpoint is a site under test with its client, a recording proxy between
// site and store, and a bucket of its own.
type endpoint struct {
	*wire.Client
	site   *site.Site
	store  *store.Store
	proxy  *store.Proxy
	bucket string
	log    string // file with everything Caddy logs
}

// start runs a site with a new bucket, or the one that is named.
func start(t *testing.T, s *store.Store, o site.Options, bucket ...string) *endpoint {
	t.Helper()
	e := &endpoint{store: s, proxy: store.NewProxy(t, s.URL), log: filepath.Join(t.TempDir(), "log")}
	if len(bucket) > 0 {
		e.bucket = bucket[0]
	} else {
		e.bucket = s.Bucket(t)
	}
	t.Cleanup(func() {
		// The next site has another master key, which does not open it.
		_ = s.Client().RemoveObject(context.Background(), systemPath[1:], "settings/encryption", minio.RemoveObjectOptions{})
	})
	e.site = site.Start(t, s, o)
	e.Client = wire.New(t, e.site.URL, site.AccessKey, site.SecretKey)
	e.load(t, o)
	t.Cleanup(func() {
		if t.Failed() {
			all := e.logged(t)
			t.Logf("Caddy's log ends in\n%s", all[max(0, len(all)-4000):])
		}
	})
	return e
}

// load gives the running site another configuration, in which Caddy logs
// everything there is to a file. Edits are pairs of texts of the Caddyfile and
// what takes their place.
//
// The site moves to another port, as connections that the old server did not
// accept any more would be reset.
func (e *endpoint) load(t *testing.T, o site.Options, edits ...string) {
	t.Helper()
	addr, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	e.HTTP.CloseIdleConnections() // Caddy waits for them
	if o.Upstream == "" {
		o.Upstream = e.proxy.URL
	}
	e.URL = "http://" + addr
	if slices.Contains(edits, tls[0]) {
		e.URL = "https://" + addr
	}
	edits = append(edits, e.site.URL, e.URL, "level ERROR", "level DEBUG\n\t\toutput file "+e.log)
	text := strings.NewReplacer(edits...).Replace(e.site.Caddyfile(o))
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatalf("adapting\n%s\n%v", text, err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
}

// tls are edits that make a site one for HTTPS.
var tls = []string{"s3_sse {", "tls internal\n\ts3_sse {", "admin off", "admin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}"}

// logged returns what Caddy logged so far.
func (e *endpoint) logged(t *testing.T) string {
	t.Helper()
	all, err := os.ReadFile(e.log)
	if err != nil {
		t.Error(err)
	}
	return string(all)
}

// each runs test against a site in front of every store.
func each(t *testing.T, o site.Options, test func(t *testing.T, e *endpoint)) {
	t.Helper()
	store.Each(t, func(t *testing.T, s *store.Store) { test(t, start(t, s, o)) })
}

// eachWay runs test in front of every store and with both ways to reach it.
func eachWay(t *testing.T, o site.Options, test func(t *testing.T, e *endpoint)) {
	t.Helper()
	t.Run("direct", func(t *testing.T) { each(t, o, test) })
	t.Run("reverse_proxy", func(t *testing.T) {
		o.ThroughProxy = true
		each(t, o, test)
	})
}

// body returns n bytes, different for every seed.
func body(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b)
	return b
}

// errorDocument is what every error answer must be.
type errorDocument struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
	Resource  string
}

// checkError fails the test unless a is an S3 error in its full form with that
// code. It returns the document.
func checkError(t *testing.T, a wire.Answer, status int, code string) (doc errorDocument) {
	t.Helper()
	if a.Status != status || a.Err != nil {
		t.Errorf("status %d, want %d; %v\n%.600s", a.Status, status, a.Err, a.Body)
		return doc
	}
	if err := xml.Unmarshal(a.Body, &doc); err != nil {
		t.Errorf("not an error document: %v\n%.600s", err, a.Body)
		return doc
	}
	if doc.Code != code || doc.Message == "" || doc.RequestID == "" || doc.RequestID != a.Header.Get("X-Amz-Request-Id") {
		t.Errorf("want code %s, a message and request id %q:\n%s", code, a.Header.Get("X-Amz-Request-Id"), a.Body)
	}
	if a.Length != int64(len(a.Body)) || a.Header.Get("Content-Length") != strconv.Itoa(len(a.Body)) || a.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("error of %d bytes with header %v", len(a.Body), a.Header)
	}
	return doc
}

// checkObject fails the test unless the object reads as want.
func (e *endpoint) checkObject(t *testing.T, key string, want []byte) {
	t.Helper()
	a := e.Get(t, e.bucket, key)
	if a.Status != http.StatusOK || a.Err != nil || !bytes.Equal(a.Body, want) {
		t.Errorf("%s reads as status %d, %d bytes, %v; want %d bytes", key, a.Status, len(a.Body), a.Err, len(want))
	}
}
