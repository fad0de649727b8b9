package copies_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// version is the X-Amz-Version-Id of an answer.
func version(a wire.Answer) string { return a.Header.Get("X-Amz-Version-Id") }

func TestCopyAVersion(t *testing.T) {
	e := start(t, nil)
	if err := e.store.Client().EnableVersioning(context.WithoutCancel(t.Context()), e.bucket); err != nil {
		t.Fatal(err)
	}
	first := version(e.Put(t, e.bucket, "source", plain(100)))
	second := version(e.Put(t, e.bucket, "source", plain(200)))
	for _, to := range []mode{modeNamed(t, "SSE-KMS b"), modeNamed(t, "DSSE-KMS")} {
		for name, want := range map[string]struct {
			id string
			n  int
		}{
			e.name("source"):                                    {second, 200},
			e.name("source") + "?versionId=" + first:            {first, 100},
			e.bucket + "/source?versionId=" + second:            {second, 200},
			wire.Target(e.bucket, "source", "versionId="+first): {first, 100},
		} {
			a := e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", name, to.write...))
			if got := a.Header.Get("X-Amz-Copy-Source-Version-Id"); got != want.id {
				t.Errorf("%s: the version %s, not %s, was copied", name, got, want.id)
			}
			get := e.Get(t, e.bucket, "copy")
			if version(a) == "" || version(get) != version(a) || !bytes.Equal(get.Body, plain(want.n)) {
				t.Errorf("%s: %d bytes, version %q of %q", name, len(get.Body), version(get), version(a))
			}
		}
	}
	for id, status := range map[string]int{
		"00000000-0000-0000-0000-000000000000": http.StatusNotFound, "": http.StatusBadRequest,
	} {
		a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source")+"?versionId="+id))
		if a.Status != status {
			t.Errorf("version %q: %d %s", id, a.Status, a.Body)
		}
	}
	// An old version becomes the current one again.
	e.Expect(t, http.StatusOK, copyRequest(e.bucket, "source", e.name("source")+"?versionId="+first))
	if a := e.Get(t, e.bucket, "source"); !bytes.Equal(a.Body, plain(100)) || version(a) == first {
		t.Errorf("%d bytes, version %s", len(a.Body), version(a))
	}
	for _, id := range []string{first, second} {
		a := e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "source", "versionId="+id)})
		if want := map[string]int{first: 100, second: 200}[id]; len(a.Body) != want {
			t.Errorf("version %s: %d bytes", id, len(a.Body))
		}
	}
	// A delete marker cannot be copied.
	e.Expect(t, http.StatusNoContent, wire.Request{Method: http.MethodDelete, Target: wire.Target(e.bucket, "source", "")})
	if a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source"))); a.Status != http.StatusNotFound {
		t.Errorf("a deleted source: %d %s", a.Status, a.Body)
	}
}

func TestSuspendedVersions(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "source", plain(100))
	if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
		t.Fatal(err)
	}
	e.Put(t, e.bucket, "source", plain(200))
	if err := e.store.Client().SuspendVersioning(t.Context(), e.bucket); err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		source string
		n      int
	}{{"", 200}, {"?versionId=null", 100}} {
		key := fmt.Sprint("copy", i)
		e.Expect(t, http.StatusOK, copyRequest(e.bucket, key, e.name("source")+tt.source))
		if a := e.Get(t, e.bucket, key); len(a.Body) != tt.n {
			t.Errorf("%q: %d bytes", tt.source, len(a.Body))
		}
	}
	e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy0", e.name("copy0"), sse, "AES256"))
	if a := e.Get(t, e.bucket, "copy0"); len(a.Body) != 200 {
		t.Errorf("onto itself: %d bytes", len(a.Body))
	}
}
