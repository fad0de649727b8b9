package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

func TestParseCredentials(t *testing.T) {
	fixed := credentialSet{"FIXED": {AccessKey: "FIXED"}}
	set, err := parseCredentials([]byte(`{"credentials": [
		{"access_key": "A", "secret_key": "a-secret-value"},
		{"access_key": "B", "secret_key": "b-secret-value", "buckets": ["x-*"], "kms_keys": ["y", "team/*"], "read_only": true}
	]}`), fixed)
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := set.Lookup("A"); !ok || a.ReadOnly || len(a.Buckets) != 0 || a.Secret.IsZero() {
		t.Errorf("A: %+v", a)
	}
	if b, ok := set.Lookup("B"); !ok || !b.ReadOnly || len(b.Buckets) != 1 || len(b.KMSKeys) != 2 {
		t.Errorf("B: %+v", b)
	}
	if _, ok := set.Lookup("FIXED"); !ok {
		t.Error("the credential of the config is missing")
	}
	if _, ok := set.Lookup("C"); ok {
		t.Error("a client that nobody named")
	}
	if _, err := parseCredentials([]byte(`{"credentials": []}`), nil); err != nil {
		t.Error("an empty list:", err)
	}

	for _, test := range []struct{ doc, want string }{
		{``, "ends too early"},
		{`{"credentials": [`, "ends too early"},
		{`{"credentials": [}`, "not valid JSON at byte 18"},
		{`[]`, "has the wrong type"},
		{`null`, `the list "credentials" is missing`},
		{`{}`, `the list "credentials" is missing`},
		{`{"credentials": []} {}`, "after the end"},
		{`{"credentials": []}]`, "after the end"},
		{`{"credentials": [], "version": 2}`, `unknown field "version"`},
		{`{"credentials": [{"access_key": "A", "secret_key": "a-secret-value", "readonly": true}]}`, `unknown field "readonly"`},
		{`{"credentials": [{"access_key": "A", "secret_key": ["a-secret-value"]}]}`, `has the wrong type`},
		{`{"credentials": [{"access_key": 1, "secret_key": "a-secret-value"}]}`, `has the wrong type`},
		{`{"credentials": [{"access_key": "A", "secret_key": "a-secret-value" "x"}]}`, "not valid JSON at byte"},
		{`{"credentials": [{"secret_key": "a-secret-value"}]}`, "credential 1: access_key is missing"},
		{`{"credentials": [{"access_key": "A/B", "secret_key": "a-secret-value"}]}`, "only visible ASCII"},
		{`{"credentials": [{"access_key": "A"}]}`, "credential A: secret_key is missing or shorter than 8"},
		{`{"credentials": [{"access_key": "A", "secret_key": "a-secre"}]}`, "credential A: secret_key is missing or shorter than 8"},
		{`{"credentials": [{"access_key": "A", "secret_key": "a-secret-value", "buckets": ["["]}]}`, "bad bucket pattern"},
		{`{"credentials": [{"access_key": "A", "secret_key": "a-secret-value", "kms_keys": ["["]}]}`, "bad pattern of KMS keys"},
		{`{"credentials": [{"access_key": "A", "secret_key": "a-secret-value"}, {"access_key": "A", "secret_key": "a-secret-value"}]}`, "the access key A is given twice"},
		{`{"credentials": [{"access_key": "FIXED", "secret_key": "a-secret-value"}]}`, "the access key FIXED is given twice"},
	} {
		set, err := parseCredentials([]byte(test.doc), fixed)
		if err == nil || set != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.doc, err, test.want)
		} else if strings.Contains(err.Error(), "a-secre") {
			t.Errorf("%s: the error shows the secret: %v", test.doc, err)
		}
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add([]byte(`{"credentials": [{"access_key": "A", "secret_key": "a-secret-value", "buckets": ["x-*"], "kms_keys": ["y"], "read_only": true}]}`))
	f.Add([]byte(`{"credentials": null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := parseCredentials(data, nil)
		if (set == nil) == (err == nil) {
			t.Fatalf("%v, %v", set, err)
		}
		for id, c := range set {
			if id == "" || c.AccessKey != id || c.Secret.IsZero() {
				t.Errorf("%q: %+v", id, c)
			}
		}
	})
}

// clock is a time that moves when told to.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) advance(d time.Duration) { c.Time = c.Add(d) }

// credentialsFixture is a credentials file and a set that follows it.
type credentialsFixture struct {
	t     *testing.T
	clock *clock
	path  string
	file  *credentialsFile
	logs  *observer.ObservedLogs
}

func newCredentialsFixture(t *testing.T, ids ...string) *credentialsFixture {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	x := &credentialsFixture{t: t, clock: &clock{time.Now()}, path: filepath.Join(t.TempDir(), "clients.json"), logs: logs}
	x.write(credentialsDoc(ids...), time.Hour)
	var err error
	x.file, err = openCredentialsFile(x.path, credentialSet{"FIXED": {AccessKey: "FIXED"}}, zap.New(core), x.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func credentialsDoc(ids ...string) string {
	docs := make([]string, len(ids))
	for i, id := range ids {
		docs[i] = `{"access_key": "` + id + `", "secret_key": "secret-value"}`
	}
	return `{"credentials": [` + strings.Join(docs, ",") + `]}`
}

// write replaces the content of the file, as of some time ago.
func (x *credentialsFixture) write(doc string, age time.Duration) {
	x.t.Helper()
	if err := os.WriteFile(x.path, []byte(doc), 0o600); err != nil {
		x.t.Fatal(err)
	}
	modified := x.clock.Add(-age)
	if err := os.Chtimes(x.path, modified, modified); err != nil {
		x.t.Fatal(err)
	}
}

func (x *credentialsFixture) want(id string, want bool) {
	x.t.Helper()
	var c *gateway.Credential
	c, got := x.file.Lookup(id)
	if got != want || (got && c.AccessKey != id) {
		x.t.Errorf("%s: found %v, want %v", id, got, want)
	}
	if _, ok := x.file.Lookup("FIXED"); !ok {
		x.t.Error("the credential of the config is gone")
	}
}

func (x *credentialsFixture) wantLogs(messages ...string) {
	x.t.Helper()
	var got []string
	for _, e := range x.logs.TakeAll() {
		got = append(got, e.Message)
		for _, f := range e.Context {
			if strings.Contains(f.String, "secret-value") {
				x.t.Errorf("the log shows a secret: %s", f.String)
			}
		}
	}
	if strings.Join(got, "|") != strings.Join(messages, "|") {
		x.t.Errorf("logged %q, want %q", got, messages)
	}
}

const (
	msgReread  = "credentials read again"
	msgInvalid = "the credentials file has changed and is not valid; the credentials stay as they were"
	msgMissing = "cannot read the credentials file; the credentials stay as they were"
	msgShared  = "a file with secrets can be used by others than its owner; change its mode to 0600"
)

func TestCredentialsFileChanges(t *testing.T) {
	x := newCredentialsFixture(t, "A")
	x.want("A", true)
	x.want("B", false)

	x.write(credentialsDoc("A", "B"), 30*time.Minute)
	x.clock.advance(credentialsCheckInterval - 1)
	x.want("B", false) // not looked at yet
	x.clock.advance(1)
	x.want("B", true)
	x.wantLogs(msgReread)

	x.write(credentialsDoc("B"), 20*time.Minute)
	x.clock.advance(credentialsCheckInterval)
	x.want("A", false)
	x.want("B", true)
	x.wantLogs(msgReread)

	// Nothing is read or logged while nothing changes.
	for range 5 {
		x.clock.advance(credentialsCheckInterval)
		x.want("B", true)
	}
	x.wantLogs()
}

func TestCredentialsFileBroken(t *testing.T) {
	x := newCredentialsFixture(t, "A")
	x.write(`{"credentials": [{"access_key": "B", "secret_key": "secret-value"}`, 30*time.Minute)
	for range 5 {
		x.clock.advance(credentialsCheckInterval)
		x.want("A", true)
		x.want("B", false)
	}
	x.wantLogs(msgInvalid)

	if err := os.Remove(x.path); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		x.clock.advance(credentialsCheckInterval)
		x.want("A", true)
	}
	x.wantLogs(msgMissing)

	x.write(credentialsDoc("B"), 20*time.Minute)
	x.clock.advance(credentialsCheckInterval)
	x.want("A", false)
	x.want("B", true)
	x.wantLogs(msgReread)
}

// TestCredentialsFileSameStamp changes a file within the resolution of its
// time stamp, with the same size.
func TestCredentialsFileSameStamp(t *testing.T) {
	x := newCredentialsFixture(t, "A")
	x.write(credentialsDoc("B"), 0)
	info, err := os.Stat(x.path)
	if err != nil {
		t.Fatal(err)
	}
	x.clock.advance(credentialsCheckInterval)
	x.want("B", true)
	if err := os.WriteFile(x.path, []byte(credentialsDoc("C")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(x.path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	x.clock.advance(credentialsCheckInterval)
	x.want("C", true)
	x.want("B", false)
}

// TestCredentialsFileReplaced renames another file over it, as editors and
// Kubernetes do.
func TestCredentialsFileReplaced(t *testing.T) {
	x := newCredentialsFixture(t, "A")
	info, err := os.Stat(x.path)
	if err != nil {
		t.Fatal(err)
	}
	other := x.path + ".new"
	if err := os.WriteFile(other, []byte(credentialsDoc("B")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(other, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, x.path); err != nil {
		t.Fatal(err)
	}
	x.clock.advance(credentialsCheckInterval)
	x.want("B", true)
	x.wantLogs(msgShared, msgReread)
}
