package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// TestUploadNotAllowedAnyMore goes on with uploads that somebody else began, or
// that began before the configuration changed.
func TestUploadNotAllowedAnyMore(t *testing.T) {
	for _, tc := range []struct {
		name   string
		mode   testMode
		change func(*Config) // of the second instance
	}{
		{"a mode that is required no more", testModes[0], func(c *Config) {
			c.Rules = []Rule{{Buckets: []string{"*"}, Default: metadata.SSEKMS, Require: []metadata.Mode{metadata.SSEKMS, metadata.DSSEKMS}}}
		}},
		{"a customer's key", testModes[3], func(c *Config) {
			c.Rules = []Rule{{Buckets: []string{"*"}, Require: []metadata.Mode{metadata.SSES3}}}
		}},
		{"another's key", testModes[1], onlyOtherKeys},
		{"another's key, two layers", testModes[2], onlyOtherKeys},
	} {
		t.Run(tc.name, func(t *testing.T) {
			instances := 0
			m := newMultiBench(t, 2, func(c *Config) {
				if instances++; instances == 2 {
					tc.change(c)
				}
			})
			both := m.gateways
			m.gateways = both[:1]
			u := m.create("object", tc.mode)
			u.mustPut(1, bytesOf(mib5, 1))
			u.mustPut(2, bytesOf(100, 2))
			parts, names := fmt.Sprint(len(m.store.uploads[u.id].parts)), m.store.names(defaultSystem)

			m.gateways = both[1:]
			list := u.list()
			for what, r := range map[string]reply{
				"a part": u.put(3, bytesOf(mib5, 3)), "a small part": u.put(2, bytesOf(10, 3)), "the completion": u.complete(list),
			} {
				if r.status != http.StatusForbidden || r.code() != "AccessDenied" {
					t.Errorf("%s: %d %s", what, r.status, r.body)
				}
			}
			if got := fmt.Sprint(len(m.store.uploads[u.id].parts)); got != parts || len(m.store.names(defaultSystem)) != len(names) {
				t.Errorf("the store has %s parts and %q", got, m.store.names(defaultSystem))
			}

			m.gateways = both[:1]
			u.mustComplete()
			u.check()
		})
	}
}

func onlyOtherKeys(c *Config) {
	cred := c.Credentials.(*oneCredential).c
	cred.KMSKeys = []string{"other-*"}
	c.Credentials = &oneCredential{cred}
}

// TestEndlessListing lets the store list the attempts at parts for ever.
func TestEndlessListing(t *testing.T) {
	oneAtATime(t)
	m := newMultiBench(t, 1, nil)
	u := m.create("object", testModes[0])
	u.mustPut(1, bytesOf(mib5, 1))
	prefix := uploadID{"bucket", "object", u.id}.dir() + "parts/"
	var page strings.Builder
	page.WriteString("<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>")
	for _, name := range m.store.names(defaultSystem) {
		if strings.HasPrefix(name, prefix) {
			page.WriteString(strings.Repeat("<Contents><Key>"+name+"</Key></Contents>", 10_000))
		}
	}
	page.WriteString("</ListBucketResult>")
	pages := 0
	m.store.instead = func(r *http.Request) *http.Response {
		if r.URL.Query().Get("prefix") == "" {
			return nil
		}
		pages++
		return fakeAnswer(200, nil, []byte(page.String()))
	}
	if r := u.complete(nil); r.status != http.StatusBadRequest || r.code() != "InvalidRequest" {
		t.Errorf("completing: %d %s", r.status, r.body)
	}
	if pages != maxKept/10_000+1 {
		t.Errorf("%d pages were read", pages)
	}
	m.store.instead = nil
	u.mustComplete()
	u.check()
}
