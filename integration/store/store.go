// Package store starts real S3 stores for tests, and a recording proxy to put
// in front of one.
//
// Stores listen on free loopback ports, keep their data in a temporary
// directory and are ready when the constructor returns. Both programs must
// have been built before: `make test` does, and a test that finds none fails
// with the command to run.
package store

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
)

// Store is a running plain S3 store. Its methods may be used concurrently.
type Store struct {
	// Name is "minio" or "versitygw".
	Name string
	// URL is the endpoint, http://127.0.0.1:port.
	URL string
	// AccessKey and SecretKey are the store's administrator.
	AccessKey, SecretKey string
	// Region is the region to sign for.
	Region string
	// Dir holds the store's data.
	Dir string

	proc *Process
}

var sharedMinIO = sync.OnceValues(func() (*Store, error) { return startMinIO(nil, nil) })

// MinIO returns a MinIO server.
//
// Without env the server is shared by all tests of the process, and lives as
// long as the process: use a bucket of your own ([Store.Bucket]). With env,
// "NAME=value" settings such as MINIO_KMS_SECRET_KEY, it is the test's own and
// ends with it.
func MinIO(t testing.TB, env ...string) *Store {
	t.Helper()
	start := sharedMinIO
	if len(env) > 0 {
		start = func() (*Store, error) { return startMinIO(nil, env) }
	}
	return started(t, start, len(env) > 0)
}

// MinIOWithoutMD5 returns a MinIO server, the test's own, whose ETags are not
// the MD5 of anything and new for every upload.
func MinIOWithoutMD5(t testing.TB) *Store {
	t.Helper()
	return started(t, func() (*Store, error) { return startMinIO([]string{"--no-compat"}, nil) }, true)
}

// MinIOEncrypting returns a MinIO server, the test's own, that encrypts all that
// it stores itself.
func MinIOEncrypting(t testing.TB) *Store {
	t.Helper()
	return MinIO(t, "MINIO_KMS_SECRET_KEY=own:"+base64.StdEncoding.EncodeToString(make([]byte, 32)), "MINIO_KMS_AUTO_ENCRYPTION=on")
}

// MinIOOfPools returns a MinIO server, the test's own, with two pools of drives. An
// object is in either of them.
func MinIOOfPools(t testing.TB) *Store {
	t.Helper()
	env := []string{"MINIO_CI_CD=on"} // all drives are one
	return started(t, func() (*Store, error) { return startMinIO(nil, env, "/a{1...2}", "/b{1...2}") }, true)
}

var sharedVersityGW = sync.OnceValues(startVersityGW)

// VersityGW returns a VersityGW server over a directory, shared by all tests of
// the process. The stored bytes of an object are the file [Store.File] names.
func VersityGW(t testing.TB) *Store {
	t.Helper()
	return started(t, sharedVersityGW, false)
}

// Each runs test once against every kind of store, as subtests.
func Each(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	t.Run("minio", func(t *testing.T) { test(t, MinIO(t)) })
	t.Run("versitygw", func(t *testing.T) { test(t, VersityGW(t)) })
}

func started(t testing.TB, start func() (*Store, error), own bool) *Store {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if own {
		t.Cleanup(s.proc.Stop)
	}
	mark := s.proc.log.mark()
	t.Cleanup(func() {
		if said := s.proc.log.since(mark); t.Failed() && said != "" {
			t.Logf("meanwhile %s said:\n%s", s.Name, said)
		}
	})
	return s
}

// startMinIO starts one that keeps its data in the given directories below that
// of the store, or in that itself.
func startMinIO(flags, env []string, drives ...string) (*Store, error) {
	if len(drives) == 0 {
		drives = []string{""}
	}
	return start("minio", func(s *Store, addr string) (string, []string, []string) {
		env := append([]string{
			"MINIO_ROOT_USER=" + s.AccessKey,
			"MINIO_ROOT_PASSWORD=" + s.SecretKey,
			"MINIO_BROWSER=off",
			"MINIO_UPDATE=off",
		}, env...)
		args := append(slices.Clone(flags), "server", "--quiet", "--address", addr)
		for _, d := range drives {
			args = append(args, s.Dir+d)
		}
		return "minio", args, env
	})
}

func startVersityGW() (*Store, error) {
	return start("versitygw", func(s *Store, addr string) (string, []string, []string) {
		return "devstore", []string{"-dir", s.Dir, "-addr", addr, "-region", s.Region}, []string{
			"DEVSTORE_ACCESS_KEY=" + s.AccessKey,
			"DEVSTORE_SECRET_KEY=" + s.SecretKey,
		}
	})
}

// start runs the store command describes. A free port can be lost to another
// process between finding it and using it, so it tries again with another.
func start(name string, command func(s *Store, addr string) (program string, args, env []string)) (*Store, error) {
	var errs error
	for range 3 {
		addr, err := posixstore.FreeAddr()
		if err != nil {
			return nil, err
		}
		s := &Store{
			Name:      name,
			URL:       "http://" + addr,
			AccessKey: "store-" + rand.Text()[:12],
			SecretKey: rand.Text(),
			Region:    "us-east-1",
		}
		if s.proc, err = launch(s, addr, command); err == nil {
			return s, nil
		}
		errs = errors.Join(errs, err)
		if errors.Is(err, ErrNotBuilt) {
			break
		}
	}
	return nil, fmt.Errorf("starting %s: %w", name, errs)
}

// Client returns a client that talks to the store itself.
func (s *Store) Client() *minio.Client {
	c, err := Connect(s.URL, s.AccessKey, s.SecretKey, nil)
	if err != nil {
		panic(err) // the endpoint is ours and well formed
	}
	return c
}

// Connect returns a client for the S3 endpoint at rawURL, path style, region
// us-east-1. A nil transport is an ordinary one of the client's own.
func Connect(rawURL, accessKey, secretKey string, transport http.RoundTripper) (*minio.Client, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("parsing the endpoint: %w", err)
	}
	c, err := minio.New(u.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(accessKey, secretKey, ""),
		Secure:       u.Scheme == "https",
		Region:       "us-east-1",
		BucketLookup: minio.BucketLookupPath,
		Transport:    transport,
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", rawURL, err)
	}
	return c, nil
}

// Bucket makes a bucket that no other test uses and returns its name.
func (s *Store) Bucket(t testing.TB) string {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text())[:16]
	if err := s.Client().MakeBucket(t.Context(), name, minio.MakeBucketOptions{Region: s.Region}); err != nil {
		t.Fatalf("making a bucket in %s: %v", s.Name, err)
	}
	return name
}

// Object is what the store holds: bytes and headers as it would give them to
// anyone.
type Object struct {
	Body []byte
	Info minio.ObjectInfo
}

// Read returns the object as stored.
func (s *Store) Read(t testing.TB, bucket, key string) Object {
	t.Helper()
	o, err := s.Client().GetObject(t.Context(), bucket, key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatalf("reading %s/%s from %s: %v", bucket, key, s.Name, err)
	}
	defer o.Close()
	body, err := io.ReadAll(o)
	if err != nil {
		t.Fatalf("reading %s/%s from %s: %v", bucket, key, s.Name, err)
	}
	info, err := o.Stat()
	if err != nil {
		t.Fatalf("reading %s/%s from %s: %v", bucket, key, s.Name, err)
	}
	return Object{Body: body, Info: info}
}

// Write stores body under key, around any gateway. The header lines of meta
// become user metadata, without their x-amz-meta- prefix.
func (s *Store) Write(t testing.TB, bucket, key string, body []byte, meta map[string]string) {
	t.Helper()
	_, err := s.Client().PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(len(body)),
		minio.PutObjectOptions{UserMetadata: meta, DisableMultipart: true})
	if err != nil {
		t.Fatalf("writing %s/%s to %s: %v", bucket, key, s.Name, err)
	}
}

// File returns the path of an object's bytes in a VersityGW store.
func (s *Store) File(bucket, key string) string {
	return filepath.Join(posixstore.Options{Dir: s.Dir}.Objects(), bucket, filepath.FromSlash(key))
}
