package security_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// TestMovedObjects puts authentic objects where they were not written.
func TestMovedObjects(t *testing.T) {
	each(t, site.Options{Handler: "plaintext_reads *"}, func(t *testing.T, e *endpoint) {
		other := e.store.Bucket(t)
		a, b := body(70_000, 4), body(70_000, 5)
		for _, key := range []string{"a", "old"} {
			e.Put(t, e.bucket, key, a)
		}
		e.Put(t, e.bucket, "b", b)
		e.Put(t, e.bucket, "empty", nil)
		e.Put(t, other, "a", b)
		sa, sb, soa, se := e.store.Read(t, e.bucket, "a"), e.store.Read(t, e.bucket, "b"), e.store.Read(t, other, "a"), e.store.Read(t, e.bucket, "empty")
		so := e.store.Read(t, e.bucket, "old")
		e.Put(t, e.bucket, "old", b)
		sn := e.store.Read(t, e.bucket, "old")
		for _, tc := range []struct {
			name, key string
			body      []byte
			meta      map[string]string
			given     []byte // what the body's own envelope gives; nil if the object is refused
		}{
			{"body of another key", "a", sb.Body, sa.Info.UserMetadata, nil},
			{"metadata of another key", "a", sa.Body, sb.Info.UserMetadata, nil},
			{"object of another key", "a", sb.Body, sb.Info.UserMetadata, nil},
			{"object of another bucket", "a", soa.Body, soa.Info.UserMetadata, nil},
			{"copied", "copy", sa.Body, sa.Info.UserMetadata, nil},
			{"copied below a prefix", "dir/a", sa.Body, sa.Info.UserMetadata, nil},
			{"emptied", "a", se.Body, se.Info.UserMetadata, nil},
			{"body emptied", "a", se.Body, sa.Info.UserMetadata, nil},
			// A whole object of another time under the same key: the same as if
			// its metadata had come back with it.
			{"old metadata, new body", "old", sn.Body, so.Info.UserMetadata, b},
			{"new metadata, old body", "old", so.Body, sn.Info.UserMetadata, a},
			{"envelope gone", "a", sa.Body, nil, nil},
			{"envelope under another name", "a", sa.Body, map[string]string{"S3sse2": sa.Info.UserMetadata["S3sse"]}, nil},
			{"plaintext with an envelope", "a", a, sa.Info.UserMetadata, nil},
			{"nothing with an envelope", "a", nil, sa.Info.UserMetadata, nil},
		} {
			t.Run(tc.name, func(t *testing.T) {
				// VersityGW merges metadata into that of an object which is there.
				if err := e.store.Client().RemoveObject(t.Context(), e.bucket, tc.key, minio.RemoveObjectOptions{}); err != nil {
					t.Fatal(err)
				}
				e.store.Write(t, e.bucket, tc.key, tc.body, tc.meta)
				if tc.given != nil {
					if a := e.Get(t, e.bucket, tc.key); a.Status != http.StatusOK || !bytes.Equal(a.Body, tc.given) {
						t.Errorf("status %d, %d bytes, %v", a.Status, len(a.Body), a.Err)
					}
					return
				}
				checkError(t, e.Get(t, e.bucket, tc.key), http.StatusForbidden, "InvalidObjectState")
				checkError(t, e.Get(t, e.bucket, tc.key, "Range", "bytes=0-9"), http.StatusForbidden, "InvalidObjectState")
				checkError(t, e.Get(t, e.bucket, tc.key, "Range", "bytes=-9"), http.StatusForbidden, "InvalidObjectState")
				// The metadata alone does not tell that the body is another.
				if head := e.Head(t, e.bucket, tc.key); head.Status != http.StatusOK && head.Status != http.StatusForbidden {
					t.Errorf("HEAD: status %d", head.Status)
				}
			})
		}
	})
}

// TestPlaintextIsRefused reads what somebody put into the store unencrypted.
func TestPlaintextIsRefused(t *testing.T) {
	each(t, site.Options{Handler: "plaintext_reads other-*"}, func(t *testing.T, e *endpoint) {
		for key, content := range map[string][]byte{"small": []byte("planted"), "large": body(streamed, 6), "empty": nil, "prefix": []byte("S3SE and more")} {
			e.store.Write(t, e.bucket, key, content, nil)
			for _, r := range [][]string{nil, {"Range", "bytes=0-3"}, {"Range", "bytes=2-"}, {"Range", "bytes=5000000-"}, {"If-None-Match", "*"}} {
				doc := checkError(t, e.Get(t, e.bucket, key, r...), http.StatusForbidden, "InvalidObjectState")
				if key != "prefix" && !strings.Contains(doc.Message, "plaintext_reads") {
					t.Errorf("%s %v: message %q does not name plaintext_reads", key, r, doc.Message)
				}
				if a := e.Head(t, e.bucket, key, r...); a.Status != http.StatusForbidden {
					t.Errorf("HEAD %s %v: status %d", key, r, a.Status)
				}
			}
		}
	})
}
