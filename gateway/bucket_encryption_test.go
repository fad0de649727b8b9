package gateway

import (
	"crypto/md5" //nolint:gosec // Content-MD5
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// at returns the bench as seen through one of its gateways.
func (m *multiBench) at(i int) *multiBench {
	one := *m
	one.gateways = m.gateways[i : i+1]
	return &one
}

// configure sets the encryption of a bucket.
func (m *multiBench) configure(bucket string, b s3api.BucketEncryption) reply {
	m.t.Helper()
	doc := b.AppendXML(nil)
	sum := md5.Sum(doc) //nolint:gosec // Content-MD5
	return m.do(http.MethodPut, "/"+bucket+"?encryption", doc, "Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
}

// configured returns the encryption of a bucket.
func (m *multiBench) configured(bucket string) s3api.BucketEncryption {
	m.t.Helper()
	b, err := s3api.ParseBucketEncryption(m.must(http.MethodGet, "/"+bucket+"?encryption", nil).body)
	if err != nil {
		m.t.Fatal(err)
	}
	return b
}

// encrypted writes an object and returns how it is encrypted.
func (m *multiBench) encrypted(bucket string) string {
	m.t.Helper()
	return m.must(http.MethodPut, "/"+bucket+"/key", []byte("data")).header.Get("X-Amz-Server-Side-Encryption")
}

var defaultDSSE = s3api.BucketEncryption{Method: s3api.EncryptionDSSE}

func TestBucketEncryption(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	const plain = "AES256"
	if got := m.configured("bucket"); got != (s3api.BucketEncryption{Method: plain}) {
		t.Errorf("without a configuration: %+v", got)
	}
	for _, b := range []s3api.BucketEncryption{
		{Method: s3api.EncryptionKMS, KeyID: "no/such:key", BucketKey: true},
		{Method: s3api.EncryptionDSSE, KeyID: testKMSKey, SSEC: s3api.SSECBlocked},
		{Method: s3api.EncryptionKMS, SSEC: s3api.SSECAllowed},
		{Method: plain, BucketKey: true},
	} {
		if r := m.configure("bucket", b); r.status != http.StatusOK || len(r.body) != 0 {
			t.Fatalf("%+v: %d %s", b, r.status, r.body)
		}
		if got := m.configured("bucket"); got != b {
			t.Errorf("%+v became %+v", b, got)
		}
	}
	m.configure("bucket", defaultDSSE)
	if got := m.encrypted("bucket"); got != "aws:kms:dsse" {
		t.Errorf("encrypted with %q", got)
	}
	for range 2 {
		if r := m.do(http.MethodDelete, "/bucket?encryption", nil); r.status != http.StatusNoContent {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if got := m.encrypted("bucket"); got != plain {
			t.Errorf("encrypted with %q", got)
		}
	}
	for _, request := range m.store.requests() {
		if strings.Contains(request, "encryption") && !strings.Contains(request, m.gateways[0].cfg.SystemBucket) {
			t.Errorf("the store got %s", request)
		}
	}
}

func TestBucketEncryptionErrors(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	doc := string(defaultDSSE.AppendXML(nil))
	sum := func(doc string) string {
		s := md5.Sum([]byte(doc)) //nolint:gosec // Content-MD5
		return base64.StdEncoding.EncodeToString(s[:])
	}
	for name, test := range map[string]struct {
		method, bucket, doc string
		header              []string
		status              int
		code                string
	}{
		"no digest":     {"PUT", "bucket", doc, nil, 400, "InvalidRequest"},
		"wrong digest":  {"PUT", "bucket", doc, []string{"Content-Md5", sum("x")}, 400, "BadDigest"},
		"malformed":     {"PUT", "bucket", "<x/>", []string{"Content-Md5", sum("<x/>")}, 400, "MalformedXML"},
		"no put":        {"PUT", "missing", doc, []string{"Content-Md5", sum(doc)}, 404, "NoSuchBucket"},
		"no get":        {"GET", "missing", "", nil, 404, "NoSuchBucket"},
		"no delete":     {"DELETE", "missing", "", nil, 404, "NoSuchBucket"},
		"header":        {"GET", "bucket", "", []string{"X-Amz-Server-Side-Encryption", "AES256"}, 400, "InvalidArgument"},
		"system bucket": {"PUT", defaultSystem, doc, []string{"Content-Md5", sum(doc)}, 403, "AccessDenied"},
	} {
		r := m.do(test.method, "/"+test.bucket+"?encryption", []byte(test.doc), test.header...)
		if r.status != test.status || r.code() != test.code {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if names := m.store.names(defaultSystem); len(names) != 0 {
		t.Errorf("records %q", names)
	}
}

// TestBucketEncryptionNeeds checks what there must be for a configuration.
func TestBucketEncryptionNeeds(t *testing.T) {
	put := func(change func(*Config), b s3api.BucketEncryption) reply {
		return newMultiBench(t, 1, change).configure("bucket", b)
	}
	plain := s3api.BucketEncryption{Method: s3api.EncryptionAES256}
	if r := put(func(c *Config) { c.KMS = KMS{} }, defaultDSSE); r.status != http.StatusNotImplemented {
		t.Errorf("without keys: %d %s", r.status, r.body)
	}
	if r := put(func(c *Config) { c.KMS = KMS{} }, plain); !r.ok() {
		t.Errorf("without keys, AES256: %d %s", r.status, r.body)
	}
	if r := put(func(c *Config) { c.Credentials = readOnly{c.Credentials} }, plain); r.code() != "AccessDenied" {
		t.Errorf("read-only: %d %s", r.status, r.body)
	}
	noAccount := func(c *Config) {
		c.Upstream.Identity = IdentityClient
		c.Upstream.Credential.AccessKey = ""
	}
	if r := put(noAccount, plain); r.status != http.StatusNotImplemented {
		t.Errorf("without an account: %d %s", r.status, r.body)
	}
	m := newMultiBench(t, 1, noAccount)
	if got := m.configured("bucket"); got != plain {
		t.Errorf("without an account: %+v", got)
	}
	m.must(http.MethodDelete, "/bucket", nil)
}

// readOnly makes all clients read-only.
type readOnly struct{ Credentials }

func (r readOnly) Lookup(accessKey string) (*Credential, bool) {
	found, ok := r.Credentials.Lookup(accessKey)
	if !ok {
		return nil, false
	}
	c := *found
	c.ReadOnly = true
	return &c, true
}

// TestEffectiveEncryption shows what is in force without a configuration.
func TestEffectiveEncryption(t *testing.T) {
	m := newMultiBench(t, 1, func(c *Config) {
		c.Rules = []Rule{{
			Buckets: []string{"buck*"}, Default: metadata.SSEKMS, KMSKey: testKMSKey, BucketKey: true, BlockSSEC: true,
		}}
	})
	want := s3api.BucketEncryption{Method: s3api.EncryptionKMS, KeyID: testKMSKey, BucketKey: true, SSEC: s3api.SSECBlocked}
	if got := m.configured("bucket"); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	m.configure("bucket", s3api.BucketEncryption{Method: s3api.EncryptionAES256})
	want = s3api.BucketEncryption{Method: s3api.EncryptionAES256, SSEC: s3api.SSECBlocked}
	if got := m.configured("bucket"); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	m.configure("bucket", s3api.BucketEncryption{Method: s3api.EncryptionAES256, SSEC: s3api.SSECAllowed})
	want.SSEC = s3api.SSECAllowed
	if got := m.configured("bucket"); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestDeletedBucketLeavesNoSettings gives a bucket's name to another one.
func TestDeletedBucketLeavesNoSettings(t *testing.T) {
	for name, missing := range map[string]bool{"deleted": false, "tried again": true} {
		m := newMultiBench(t, 1, nil)
		m.configure("bucket", defaultDSSE)
		m.configure("bucket", defaultDSSE)
		if missing {
			delete(m.store.buckets, "bucket")
			if r := m.do(http.MethodDelete, "/bucket", nil); r.code() != "NoSuchBucket" {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		} else {
			m.must(http.MethodDelete, "/bucket", nil)
		}
		m.store.buckets["bucket"] = map[string]*fakeObject{}
		if got := m.encrypted("bucket"); got != "AES256" {
			t.Errorf("%s: a new bucket's objects are encrypted with %q", name, got)
		}
	}
}

// TestBucketIsMadeAgain has another client make the bucket again, and configure
// it, before the instance that deleted the old one gets to its settings.
func TestBucketIsMadeAgain(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	m.at(0).configure("bucket", defaultDSSE)
	again := false
	m.store.after = func(r *http.Request) error {
		if r.Method == http.MethodDelete && r.URL.Path == "/bucket" && !again {
			again = true
			m.store.buckets["bucket"] = map[string]*fakeObject{}
			m.at(1).configure("bucket", defaultDSSE)
		}
		return nil
	}
	m.at(0).must(http.MethodDelete, "/bucket", nil)
	m.now = m.now.Add(settingsAge)
	if got := m.encrypted("bucket"); !again || got != "aws:kms:dsse" {
		t.Errorf("the new bucket's objects are encrypted with %q", got)
	}
}

// TestInstancesAgree changes a bucket's configuration in one instance. The
// other follows when it reads the settings again, no later than settingsAge.
func TestInstancesAgree(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	if got := m.at(1).encrypted("bucket"); got != "AES256" {
		t.Fatal(got)
	}
	m.at(0).configure("bucket", defaultDSSE)
	if got := m.at(0).encrypted("bucket"); got != "aws:kms:dsse" {
		t.Errorf("where it was changed: %q", got)
	}
	m.now = m.now.Add(settingsAge)
	if got := m.at(1).encrypted("bucket"); got != "aws:kms:dsse" {
		t.Errorf("in the other instance: %q", got)
	}
}

// TestConcurrentChanges has several instances change different buckets at the
// same time. Nothing is lost.
func TestConcurrentChanges(t *testing.T) {
	const buckets = 6
	m := newMultiBench(t, 3, nil)
	for i := range buckets {
		m.store.buckets[fmt.Sprintf("bucket-%d", i)] = map[string]*fakeObject{}
	}
	var wg sync.WaitGroup
	for i := range buckets {
		name := fmt.Sprintf("bucket-%d", i)
		wg.Go(func() {
			for {
				r := m.at(i%3).configure(name, defaultDSSE)
				if r.ok() {
					return
				}
				if r.status < http.StatusInternalServerError {
					t.Errorf("%s: %d %s", name, r.status, r.body)
					return
				}
			}
		})
	}
	wg.Wait()
	m.now = m.now.Add(settingsAge)
	for i := range buckets {
		if got := m.configured(fmt.Sprintf("bucket-%d", i)); got != defaultDSSE {
			t.Errorf("bucket %d: %+v", i, got)
		}
	}
}

// TestHostileSettings changes the record in the store. Nothing is written with
// another encryption because of that.
func TestHostileSettings(t *testing.T) {
	for name, test := range map[string]struct {
		do    func(store *fakeStore, record string, old *fakeObject)
		fresh bool // also noticed by an instance that starts now
	}{
		"altered": {func(s *fakeStore, r string, _ *fakeObject) { s.buckets[defaultSystem][r].body[100] ^= 1 }, true},
		"garbage": {func(s *fakeStore, r string, _ *fakeObject) { s.buckets[defaultSystem][r].body = []byte("{}") }, true},
		"another one": {func(s *fakeStore, r string, o *fakeObject) {
			s.buckets[defaultSystem][r].body = s.buckets["bucket"]["key"].body
		}, true},
		"rolled back": {func(s *fakeStore, r string, o *fakeObject) { s.buckets[defaultSystem][r] = o }, false},
		"deleted":     {func(s *fakeStore, r string, _ *fakeObject) { delete(s.buckets[defaultSystem], r) }, false},
		"no bucket":   {func(s *fakeStore, _ string, _ *fakeObject) { delete(s.buckets, defaultSystem) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMultiBench(t, 2, nil)
			m.at(0).must(http.MethodPut, "/bucket/key", []byte("data"))
			m.at(0).configure("bucket", s3api.BucketEncryption{Method: s3api.EncryptionAES256})
			records := m.store.names(defaultSystem)
			if len(records) != 1 {
				t.Fatalf("records %q", records)
			}
			old := *m.store.buckets[defaultSystem][records[0]]
			m.at(0).configure("bucket", defaultDSSE)
			test.do(m.store, records[0], &old)
			m.now = m.now.Add(settingsAge)
			for i, notices := range []bool{true, test.fresh} {
				r := m.at(i).do(http.MethodPut, "/bucket/other", []byte("data"))
				refused := r.code() == "InvalidObjectState" && strings.Contains(string(r.body), "Nothing is written")
				if refused != notices || r.ok() == notices {
					t.Errorf("instance %d: %d %s", i, r.status, r.body)
				}
				if notices && m.store.buckets["bucket"]["other"] != nil {
					t.Errorf("instance %d: it was written", i)
				}
			}
			if r := m.at(0).do(http.MethodGet, "/bucket/key", nil); string(r.body) != "data" {
				t.Errorf("reading: %d %s", r.status, r.body)
			}
			if r := m.at(0).configure("bucket", defaultDSSE); r.ok() {
				t.Error("the settings were changed on top of it")
			}
		})
	}
}

// TestFullSettings has so many buckets configured that another one would make
// the settings larger than what is read of them. That one is refused, and
// everything else goes on.
func TestFullSettings(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	key := strings.Repeat("<", 2048) // takes six times the room in JSON
	full := settings{Generation: 1, Buckets: map[string]bucketSettings{}}
	for n := 0; n < maxRecord-32<<10; n += 6*len(key) + 40 {
		full.Buckets[fmt.Sprintf("bucket-%06d", n/100)] = bucketSettings{Mode: metadata.SSEKMS, KMSKey: key}
	}
	doc, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealRecord(m.gateways[0].cfg.Keys, settingsRecord, doc)
	if err != nil {
		t.Fatal(err)
	}
	m.store.buckets[defaultSystem] = map[string]*fakeObject{settingsRecord: m.store.object(http.Header{}, sealed)}
	last := 0
	for ; last < 4; last++ {
		bucket := fmt.Sprintf("last-%d", last)
		m.store.buckets[bucket] = map[string]*fakeObject{}
		r := m.configure(bucket, s3api.BucketEncryption{Method: s3api.EncryptionKMS, KeyID: key})
		if r.status == http.StatusBadRequest && r.code() == "InvalidRequest" {
			break
		}
		if r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if last == 0 || last == 4 {
		t.Errorf("%d more buckets", last)
	}
	if got := m.encrypted("bucket"); got != "AES256" {
		t.Errorf("encrypted with %q", got)
	}
	m.must(http.MethodDelete, "/last-0?encryption", nil)
	if r := m.configure("bucket", defaultDSSE); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestSettingsOutage writes while the settings cannot be read.
func TestSettingsOutage(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	m.store.before = func(r *http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/"+defaultSystem) {
			return errCut
		}
		return nil
	}
	if r := m.do(http.MethodPut, "/bucket/key", []byte("data")); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	m.store.before = nil
	m.now = m.now.Add(time.Second)
	if got := m.encrypted("bucket"); got != "AES256" {
		t.Errorf("encrypted with %q", got)
	}
}
