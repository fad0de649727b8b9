package post_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/local"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestAnswers asks for every kind of answer.
func TestAnswers(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	location := "https" + strings.TrimPrefix(g.URL, "http") + "/" + g.Bucket + "/dir%2Fa%20b%2B%C3%A9"
	const key = "dir/a b+é"
	for _, tt := range []struct {
		field, value string
		status       int
		location     string
	}{
		{"x-ignore-nothing", "", 204, location},
		{"success_action_status", "200", 200, location},
		{"success_action_status", "201", 201, location},
		{"success_action_status", "204", 204, location},
		{"success_action_status", "404", 204, location},
		{"success_action_status", "", 204, location},
		{"success_action_redirect", "https://app.example.com/done?a=b#top", 303, "https://app.example.com/done?a=b&bucket=" + g.Bucket + "&key=dir%2Fa+b%2B%C3%A9&etag=ETAG#top"},
		{"redirect", "http://app.example.com/", 303, "http://app.example.com/?bucket=" + g.Bucket + "&key=dir%2Fa+b%2B%C3%A9&etag=ETAG"},
		{"success_action_redirect", "javascript:alert(1)", 204, location},
		{"success_action_redirect", "//app.example.com/", 204, location},
	} {
		a := expect(t, g, tt.status, form(t, g, key, 1000, tt.field, tt.value))
		etag := a.Header.Get("Etag")
		want := strings.ReplaceAll(tt.location, "ETAG", "%22"+strings.Trim(etag, `"`)+"%22")
		if got := a.Header.Get("Location"); got != want {
			t.Errorf("%s %s: location %s, want %s", tt.field, tt.value, got, want)
		}
		if a.Header.Get("X-Amz-Server-Side-Encryption") != "AES256" || len(a.Header.Get("X-Amz-Request-Id")) == 0 {
			t.Errorf("%s %s: header %v", tt.field, tt.value, a.Header)
		}
		if tt.status != http.StatusCreated {
			if len(a.Body) != 0 {
				t.Errorf("%s %s: body %s", tt.field, tt.value, a.Body)
			}
			continue
		}
		var doc struct {
			XMLName                     xml.Name `xml:"PostResponse"`
			Location, Bucket, Key, ETag string
		}
		if err := xml.Unmarshal(a.Body, &doc); err != nil {
			t.Fatal(err)
		}
		doc.XMLName = xml.Name{}
		if diff := cmp.Diff([]string{location, g.Bucket, key, etag, "application/xml"}, []string{doc.Location, doc.Bucket, doc.Key, doc.ETag, a.Header.Get("Content-Type")}); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	}
}

// TestOrigin: what the store says of pages of other origins is in the answer,
// also where that is an error of the store's.
func TestOrigin(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	for _, n := range []int{10, large} {
		a := expect(t, g, http.StatusNoContent, form(t, g, "k", n), "Origin", "https://app.example.com")
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != "https://app.example.com" {
			t.Errorf("%d bytes: allowed origin %q", n, got)
		}
	}
	a := post(t, g, form(t, g, "k", 10), "Origin", "https://app.example.com", "If-None-Match", "*")
	if got := a.Header.Get("Access-Control-Allow-Origin"); a.Status != http.StatusPreconditionFailed || got != "https://app.example.com" {
		t.Errorf("status %d, allowed origin %q", a.Status, got)
	}
}

func putEncryption(t *testing.T, g *local.Gateway, doc []byte) {
	t.Helper()
	g.Expect(t, http.StatusOK, wire.Request{
		Method: http.MethodPut, Target: "/" + g.Bucket + "?encryption", Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc)),
	})
}
