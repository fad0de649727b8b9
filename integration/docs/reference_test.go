package docs_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// TestSyntax compares the syntaxes in the README with those in the
// documentation of the code, and finds every subdirective explained.
func TestSyntax(t *testing.T) {
	syntax := only(t, "README.md", "Caddyfile reference", "", "s3_sse").text
	if diff := cmp.Diff(documentedSyntax(t, "caddyfile.go"), strings.TrimSpace(syntax)); diff != "" {
		t.Errorf("README (-code +README):\n%s", diff)
	}
	vault := only(t, "README.md", "Keys in Vault", "", "address").text
	if diff := cmp.Diff("keys "+documentedSyntax(t, "keys_vault_caddyfile.go"), strings.TrimSpace(vault)); diff != "" {
		t.Errorf("README (-code +README):\n%s", diff)
	}
	explainedVault := section(t, "README.md", "Keys in Vault")
	for _, m := range regexp.MustCompile(`(?m)^ {4,8}([a-z_]+)`).FindAllStringSubmatch(vault, -1) {
		if !strings.Contains(explainedVault, "`"+m[1]+"`") {
			t.Errorf("%s is not explained", m[1])
		}
	}

	explained := strings.Join([]string{
		section(t, "README.md", "The store"), section(t, "README.md", "Master keys"),
		section(t, "README.md", "Keys of a key management service"), section(t, "README.md", "How objects are encrypted"),
		section(t, "README.md", "Clients"), section(t, "README.md", "Objects"),
	}, "\n")
	for _, m := range regexp.MustCompile(`(?m)^ {4}([a-z_]+)`).FindAllStringSubmatch(syntax, -1) {
		if !strings.Contains(explained, "* **`"+m[1]+"`**") {
			t.Errorf("%s is not explained", m[1])
		}
	}
}

// documentedSyntax returns the syntax in the documentation of the method
// UnmarshalCaddyfile in a file of package caddymodule.
func documentedSyntax(t *testing.T, name string) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), root+"/caddymodule/"+name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var doc string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "UnmarshalCaddyfile" {
			doc = f.Doc.Text()
		}
	}
	var syntax strings.Builder
	for line := range strings.Lines(doc) {
		if code, ok := strings.CutPrefix(line, "\t"); ok || (line == "\n" && syntax.Len() > 0) {
			syntax.WriteString(code)
		} else if syntax.Len() > 0 {
			break
		}
	}
	return strings.TrimSpace(syntax.String())
}

// TestOperationsTable sends every operation to a gateway and compares which it
// performs with the table.
func TestOperationsTable(t *testing.T) {
	want := make(map[string][]string)
	for _, op := range s3api.Operations() {
		row := "not yet: 501"
		switch {
		case op.Class == s3api.Refuse:
			row = "refused: 501"
			if performed(t, op) {
				t.Errorf("%s is performed", op.Name)
			}
		case !performed(t, op):
		case op.Class == s3api.Transform:
			row = "encrypted, decrypted"
		case op.Class == s3api.Rewrite:
			row = "converted: sizes, ETags, conditions"
		case op.Class == s3api.Own:
			row = "kept by the gateway itself"
		case op.Class == s3api.Pass:
			row = "passed on, signed again"
		default:
			t.Errorf("%s is performed, and of class %v", op.Name, op.Class)
		}
		want[row] = append(want[row], op.Name)
	}
	got := make(map[string][]string)
	for _, row := range rows(t, section(t, "README.md", "Supported operations")) {
		got[row[0]] = strings.Split(row[1], ", ")
	}
	for _, table := range []map[string][]string{want, got} {
		for _, names := range table {
			slices.Sort(names)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("README (-code +README):\n%s", diff)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type anyKey struct{ encryptor.Key }

func (k anyKey) Active() string { return "k" }

func (k anyKey) KEK(string, [32]byte) (encryptor.Key, error) { return k.Key, nil }

func (k anyKey) OuterKEK(string, [32]byte) (encryptor.Key, error) { return k.Key, nil }

func (k anyKey) RecordKey(string, [32]byte) (encryptor.Key, error) { return k.Key, nil }

type oneClient gateway.Credential

func (c *oneClient) Lookup(accessKey string) (*gateway.Credential, bool) {
	return (*gateway.Credential)(c), accessKey == c.AccessKey
}

// performed reports whether the gateway answers an example of the operation
// with anything but 501.
func performed(t *testing.T, op *s3api.Operation) bool {
	t.Helper()
	secret, err := sigv4.NewSecret("secret-of-the-test")
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	g, err := gateway.New(gateway.Config{
		Logger:      slog.New(slog.DiscardHandler),
		Keys:        anyKey{encryptor.NewKey()},
		Credentials: &oneClient{AccessKey: "client", Secret: secret},
		Upstream: gateway.Upstream{
			Endpoint:   &url.URL{Scheme: "http", Host: "store"},
			Credential: sigv4.Credential{AccessKey: "store", Secret: secret},
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				sent++
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
			}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	method, target, h := op.Example("bucket", "key")
	r := httptest.NewRequest(method, target, http.NoBody)
	r.Header = h
	new(sigv4.Signer).Sign(r, sigv4.Credential{AccessKey: "client", Secret: secret}, "us-east-1", sigv4.EmptySHA256, time.Now())
	w := httptest.NewRecorder()
	g.Serve(w, r, gateway.Inbound{Target: target})
	if w.Code == http.StatusNotImplemented && sent > 0 {
		t.Errorf("%s is answered with 501 and sent to the store", op.Name)
	}
	if w.Code == http.StatusForbidden && bytes.Contains(w.Body.Bytes(), []byte("Signature")) {
		t.Errorf("%s: %s", op.Name, w.Body)
	}
	return w.Code != http.StatusNotImplemented
}

// TestErrorTable compares codes and statuses with those of the code.
func TestErrorTable(t *testing.T) {
	known := make(map[string]int)
	for _, e := range []*s3api.Error{
		s3api.ErrInvalidObjectState, s3api.ErrKMSNotFound, s3api.ErrServiceUnavailable, s3api.ErrInternalError,
		s3api.ErrNotImplemented, s3api.ErrAccessDenied, s3api.ErrInvalidAccessKeyID, s3api.ErrSignatureDoesNotMatch, s3api.ErrRequestTimeTooSkewed,
		s3api.ErrContentSHA256Mismatch, s3api.ErrBadDigest, s3api.ErrIncompleteBody, s3api.ErrMissingContentLength, s3api.ErrEntityTooLarge, s3api.ErrMetadataTooLarge,
	} {
		known[e.Code] = e.Status
	}
	for _, row := range rows(t, section(t, "docs/operations.md", "When something is wrong")) {
		if row[1] == "–" {
			continue
		}
		if status, ok := known[row[1]]; !ok || strconv.Itoa(status) != row[0] {
			t.Errorf("%s has the status %d, the table says %s", row[1], status, row[0])
		}
	}
}

// TestLogFields compares the fields with those that the handler adds.
func TestLogFields(t *testing.T) {
	var want, got []string
	for _, m := range regexp.MustCompile(`"(s3_[a-z_]+)"`).FindAllStringSubmatch(read(t, "caddymodule/handler.go"), -1) {
		want = append(want, m[1])
	}
	for _, row := range rows(t, section(t, "docs/operations.md", "Logs")) {
		got = append(got, codes(row[0])...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table (-code +table):\n%s", diff)
	}
}

// TestAuditFields compares the fields with those that the handler writes.
func TestAuditFields(t *testing.T) {
	want := []string{"ts"} // Caddy's own
	for _, m := range regexp.MustCompile(`zap\.\w+\("([a-z_]+)"`).FindAllStringSubmatch(read(t, "caddymodule/audit.go"), -1) {
		want = append(want, m[1])
	}
	var got []string
	for _, row := range rows(t, section(t, "docs/operations.md", "Audit log")) {
		got = append(got, codes(row[0])...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table (-code +table):\n%s", diff)
	}
}
