package clients_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestDockerRegistry pushes an image to a registry that keeps it behind the
// site and pulls it again, by the requests that docker push and pull make.
func TestDockerRegistry(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		e.eachMode(t, []mode{sseS3, sseKMS}, func(t *testing.T, m mode) {
			r := e.registry(t, m)
			layer, config := content(large), []byte(`{"architecture":"amd64","os":"linux"}`)
			manifest := map[string]any{"schemaVersion": 2, "mediaType": manifestType}
			manifest["config"] = r.push(t, config, len(config))
			// In pieces: the registry continues its upload in parts.
			manifest["layers"] = []any{r.push(t, layer, 7<<20), r.push(t, layer[:10], 10)}
			body, err := json.Marshal(manifest)
			if err != nil {
				t.Fatal(err)
			}
			r.do(t, http.MethodPut, "/v2/image/manifests/latest", http.Header{"Content-Type": {manifestType}}, body, http.StatusCreated)

			if _, got := r.do(t, http.MethodGet, "/v2/image/manifests/latest", http.Header{"Accept": {manifestType}}, nil, http.StatusOK); !bytes.Equal(got, body) {
				t.Errorf("manifest %s, want %s", got, body)
			}
			for _, blob := range [][]byte{layer, layer[:10], config} {
				// Answered with a presigned URL of the site.
				if _, got := r.do(t, http.MethodGet, "/v2/image/blobs/"+digest(blob), nil, nil, http.StatusOK); !bytes.Equal(got, blob) {
					t.Errorf("%s: pulled %d bytes of %d", digest(blob), len(got), len(blob))
				}
			}
			if _, got := r.do(t, http.MethodGet, "/v2/image/tags/list", nil, nil, http.StatusOK); !strings.Contains(string(got), `["latest"]`) {
				t.Errorf("tags: %s", got)
			}
			if _, got := r.do(t, http.MethodGet, "/v2/_catalog", nil, nil, http.StatusOK); !strings.Contains(string(got), `["image"]`) {
				t.Errorf("catalog: %s", got)
			}
			for _, key := range e.keys(t) {
				if strings.HasPrefix(key, m.String()+"/") {
					e.expectMode(t, key, m)
				}
			}
			r.do(t, http.MethodDelete, "/v2/image/blobs/"+digest(layer), nil, nil, http.StatusAccepted)
			r.do(t, http.MethodGet, "/v2/image/blobs/"+digest(layer), nil, nil, http.StatusNotFound)
		})
	})
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

func digest(blob []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(blob)) }

// registry is a running Docker registry.
type registry struct {
	url  string
	http *http.Client
}

// registry starts a Docker registry that keeps everything in the bucket, below
// a folder named as m, until the test ends.
func (e *endpoint) registry(t *testing.T, m mode) *registry {
	t.Helper()
	addr, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	options := ""
	if m == sseKMS {
		options = "keyid: " + kmsKey
	}
	config := filepath.Join(t.TempDir(), "config.yml")
	writeFile(t, config, fmt.Appendf(nil, `version: 0.1
log: {level: error}
http: {addr: "%s"}
storage:
  delete: {enabled: true}
  s3:
    accesskey: %s
    secretkey: %s
    region: us-east-1
    regionendpoint: %s
    forcepathstyle: true
    bucket: %s
    rootdirectory: /%s
    chunksize: 5242880
    multipartcopythresholdsize: 8388608
    multipartcopychunksize: 5242880
    encrypt: true
    %s
`, addr, site.AccessKey, site.SecretKey, e.URL, e.bucket, m, options))
	p, err := store.Program{
		Name: "registry", Args: []string{"serve", config}, Ready: "http://" + addr,
		Env: []string{"SSL_CERT_FILE=" + e.CA, "OTEL_TRACES_EXPORTER=none"},
	}.Run()
	if errors.Is(err, store.ErrNotBuilt) {
		missing(t, "the Docker registry", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &registry{url: "http://" + addr, http: e.http(t)}
}

// do sends a request and expects that status.
func (r *registry) do(t *testing.T, method, target string, h http.Header, body []byte, status int) (http.Header, []byte) {
	t.Helper()
	if strings.HasPrefix(target, "/") {
		target = r.url + target
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, h)
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s %s: %s, %v, %.1000s", method, target, resp.Status, err, got)
	}
	return resp.Header, got
}

// push uploads a blob in pieces and returns its description in a manifest.
func (r *registry) push(t *testing.T, blob []byte, piece int) map[string]any {
	t.Helper()
	h, _ := r.do(t, http.MethodPost, "/v2/image/blobs/uploads/", nil, nil, http.StatusAccepted)
	for at := 0; at < len(blob); at += piece {
		part := blob[at:min(at+piece, len(blob))]
		h, _ = r.do(t, http.MethodPatch, h.Get("Location"), http.Header{
			"Content-Type": {"application/octet-stream"}, "Content-Range": {fmt.Sprintf("%d-%d", at, at+len(part)-1)},
		}, part, http.StatusAccepted)
	}
	r.do(t, http.MethodPut, h.Get("Location")+"&digest="+digest(blob), nil, nil, http.StatusCreated)
	return map[string]any{"mediaType": "application/octet-stream", "size": len(blob), "digest": digest(blob)}
}
