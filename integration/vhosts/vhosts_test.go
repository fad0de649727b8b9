// Package vhosts_test names buckets by the host, as S3 clients do by default.
package vhosts_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	miniocredentials "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/local"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/webform"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// endpoint is a gateway that knows the domains s3.test and eu.s3.test.
type endpoint struct {
	*local.Gateway
	http *http.Client // which finds it under every name
	port string
}

func start(t *testing.T, s *store.Store, change func(*gateway.Config)) *endpoint {
	t.Helper()
	e := &endpoint{Gateway: local.Start(t, s, func(c *gateway.Config) {
		c.VirtualHosts = []string{"s3.test", "eu.s3.test"}
		if change != nil {
			change(c)
		}
	})}
	_, addr, _ := strings.Cut(e.URL, "://")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	e.port = port
	transport := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	e.http = &http.Client{Transport: transport}
	return e
}

// at returns a client whose requests go to that host.
func (e *endpoint) at(host string) *wire.Client {
	c := *e.Client
	c.URL, c.HTTP = "http://"+host+":"+e.port, e.http
	return &c
}

var keys = []string{"k", "a b+é", "dir/k", "a//b", "/k", "test-", "?&=%25", "k/"}

// TestObjects writes through one host and reads through all others.
func TestObjects(t *testing.T) {
	store.Each(t, func(t *testing.T, s *store.Store) {
		e := start(t, s, nil)
		clients := map[string]*wire.Client{e.Bucket + ".s3.test": nil, strings.ToUpper(e.Bucket) + ".S3.Test.": nil, e.Bucket + ".eu.s3.test": nil, "s3.test": nil, "eu.s3.test": nil, "127.0.0.1": nil, "elsewhere.test": nil}
		for host := range clients {
			clients[host] = e.at(host)
		}
		target := func(host, key, query string) string {
			if strings.HasPrefix(strings.ToLower(host), e.Bucket) {
				return strings.TrimPrefix(wire.Target(e.Bucket, key, query), "/"+e.Bucket)
			}
			return wire.Target(e.Bucket, key, query)
		}
		for _, key := range keys {
			if s.Name != "minio" && strings.HasSuffix(key, "/") || strings.Contains(key, "//") || strings.HasPrefix(key, "/") {
				continue // stores that keep objects as files take these for others
			}
			for host, c := range clients {
				body := []byte(host + key)
				c.Expect(t, http.StatusOK, wire.Request{Method: http.MethodPut, Target: target(host, key, ""), Body: body})
				for other, d := range clients {
					if a := d.Do(t, wire.Request{Method: http.MethodGet, Target: target(other, key, "")}); !bytes.Equal(a.Body, body) {
						t.Errorf("%s: written by %s, read by %s: %d %.300q", key, host, other, a.Status, a.Body)
					}
				}
			}
		}
		for host, c := range clients {
			query := "list-type=2&prefix=dir%2F"
			tgt := target(host, "", query)
			if strings.HasPrefix(tgt, "?") {
				tgt = "/" + tgt
			}
			a := c.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: tgt})
			if !strings.Contains(string(a.Body), "<Name>"+e.Bucket+"</Name>") || !strings.Contains(string(a.Body), "<Key>dir/k</Key>") {
				t.Errorf("%s lists\n%s", host, a.Body)
			}
		}
	})
}

// TestBuckets makes, finds and removes a bucket by its host.
func TestBuckets(t *testing.T) {
	e := start(t, store.MinIO(t), nil)
	name := "new." + e.Bucket
	c := e.at(name + ".s3.test")
	for _, tt := range []struct {
		method string
		status int
	}{{"HEAD", 404}, {"PUT", 200}, {"HEAD", 200}, {"GET", 200}, {"DELETE", 204}, {"HEAD", 404}} {
		c.Expect(t, tt.status, wire.Request{Method: tt.method, Target: "/"})
	}
	a := e.at("s3.test").Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: "/"})
	if !strings.Contains(string(a.Body), "<Name>"+e.Bucket+"</Name>") {
		t.Errorf("buckets\n%s", a.Body)
	}
}

// TestRefused: the host is no way around anything.
func TestRefused(t *testing.T) {
	e := start(t, store.MinIO(t), func(c *gateway.Config) {
		c.Credentials.(local.Clients).Add(t, gateway.Credential{AccessKey: "limited", Buckets: []string{"mine-*"}})
		c.PublicBuckets = []string{"test-*"}
	})
	other := e.Store.Bucket(t)
	e.Put(t, e.Bucket, "k", []byte("content"))
	rehost := func(host string) func(*http.Request) {
		return func(r *http.Request) { r.Host = host + ".s3.test:" + e.port }
	}
	limited := func(c *wire.Client) *wire.Client { return c.As("limited", local.SecretKey) }
	for name, tt := range map[string]struct {
		client *wire.Client
		r      wire.Request
		status int
		code   string
	}{
		"another host signed": {e.at(other + ".s3.test"), wire.Request{Tamper: rehost(e.Bucket)}, 403, "SignatureDoesNotMatch"},
		"path style signed":   {e.at("s3.test"), wire.Request{Tamper: rehost(e.Bucket)}, 403, "SignatureDoesNotMatch"},
		"not allowed":         {limited(e.at(e.Bucket + ".s3.test")), wire.Request{}, 403, "AccessDenied"},
		"system bucket":       {e.at("system-" + e.Bucket + ".s3.test"), wire.Request{}, 403, "AccessDenied"},
		"no bucket":           {e.at("no_bucket.s3.test"), wire.Request{}, 400, "InvalidBucketName"},
		"a short one":         {e.at("x.s3.test"), wire.Request{}, 400, "InvalidBucketName"},
		"minio":               {e.at("minio.s3.test"), wire.Request{Target: "/admin/v3/info"}, 400, "InvalidBucketName"},
		"bucket in the path":  {e.at(e.Bucket + ".s3.test"), wire.Request{Target: "/" + e.Bucket + "/k"}, 404, "NoSuchKey"},
		"public":              {e.at(e.Bucket + ".s3.test"), wire.Request{Target: "/k", Anonymous: true}, 200, ""},
		"public, written":     {e.at(e.Bucket + ".s3.test"), wire.Request{Method: http.MethodPut, Target: "/k", Anonymous: true}, 403, "AccessDenied"},
	} {
		if tt.r.Method == "" {
			tt.r.Method = http.MethodGet
		}
		if tt.r.Target == "" {
			tt.r.Target = "/k"
		}
		if a := tt.client.Do(t, tt.r); a.Status != tt.status || a.Code() != tt.code {
			t.Errorf("%s: status %d, want %d %s; %v\n%.400s", name, a.Status, tt.status, tt.code, a.Err, a.Body)
		}
	}
}

// TestForm uploads a form to the bucket's host.
func TestForm(t *testing.T) {
	e := start(t, store.MinIO(t), nil)
	host := e.Bucket + ".s3.test"
	f := webform.New("key", "dir/${filename}", "success_action_status", "201")
	f.File = []byte("content of the file")
	f.SignPolicy(t, webform.Key{AccessKey: local.AccessKey, SecretKey: local.SecretKey}, time.Now().Add(time.Hour),
		map[string]string{"bucket": e.Bucket}, []string{"starts-with", "$key", "dir/"}, []string{"eq", "$success_action_status", "201"})
	contentType, body := f.Encode()
	a := e.at(host).Expect(t, http.StatusCreated, wire.Request{Method: http.MethodPost, Target: "/", Anonymous: true, Header: wire.Header("Content-Type", contentType), Body: body})
	if want := "https://" + host + ":" + e.port + "/dir%2Ffile.bin"; a.Header.Get("Location") != want {
		t.Errorf("location %s, want %s", a.Header.Get("Location"), want)
	}
	if got := e.Get(t, e.Bucket, "dir/file.bin"); !bytes.Equal(got.Body, f.File) {
		t.Errorf("read %d %q", got.Status, got.Body)
	}
	// At another bucket's host the policy does not hold.
	if a := e.at(e.Store.Bucket(t)+".s3.test").Do(t, wire.Request{Method: http.MethodPost, Target: "/", Anonymous: true, Header: wire.Header("Content-Type", contentType), Body: body}); a.Code() != "AccessDenied" {
		t.Errorf("status %d %s", a.Status, a.Body)
	}
}

// TestMinIOGo uploads, in one request, in parts and by form, lists, copies and
// reads by presigned URL.
func TestMinIOGo(t *testing.T) {
	e := start(t, store.MinIO(t), nil)
	c, err := minio.New("s3.test:"+e.port, &minio.Options{
		Creds: miniocredentials.NewStaticV4(local.AccessKey, local.SecretKey, ""), Region: "us-east-1",
		BucketLookup: minio.BucketLookupDNS, Transport: e.http.Transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 11<<20/16)
	up, err := c.PutObject(t.Context(), e.Bucket, "dir/in parts", bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{PartSize: 5 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://" + e.Bucket + ".s3.test:" + e.port + "/dir/in%20parts"; up.Location != want {
		t.Errorf("location %s, want %s", up.Location, want)
	}
	_, err = c.CopyObject(t.Context(), minio.CopyDestOptions{Bucket: e.Bucket, Object: "copy"}, minio.CopySrcOptions{Bucket: e.Bucket, Object: "dir/in parts"})
	if err != nil {
		t.Fatal(err)
	}
	policy := minio.NewPostPolicy()
	for _, err := range []error{
		policy.SetBucket(e.Bucket), policy.SetKey("form"), policy.SetExpires(time.Now().Add(time.Hour)),
		policy.SetContentType("text/plain"), policy.SetContentLengthRange(1, 100), policy.SetUserMetadata("colour", "blue"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	at, fields, err := c.PresignedPostPolicy(t.Context(), policy)
	if err != nil {
		t.Fatal(err)
	}
	f := webform.New()
	f.File = []byte("by form")
	for name, value := range fields {
		f.Add(name, value)
	}
	contentType, body := f.Encode()
	resp, err := e.http.Post(at.String(), contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("form: %s", resp.Status)
	}
	var got []string
	for o := range c.ListObjects(t.Context(), e.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		got = append(got, o.Key)
	}
	if diff := cmp.Diff([]string{"copy", "dir/in parts", "form"}, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for key, want := range map[string][]byte{"copy": content, "dir/in parts": content, "form": f.File} {
		u, err := c.PresignedGetObject(t.Context(), e.Bucket, key, time.Minute, url.Values{"response-content-type": {"text/x-test"}})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := e.http.Get(u.String())
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(got, want) || resp.Header.Get("Content-Type") != "text/x-test" {
			t.Errorf("%s: %s, %d bytes, %v, %v", u, resp.Status, len(got), err, resp.Header)
		}
	}
}

// TestSDK works with the AWS SDK as it is when nobody asks for path style.
func TestSDK(t *testing.T) {
	e := start(t, store.MinIO(t), nil)
	c := s3.New(s3.Options{
		BaseEndpoint: aws.String("http://eu.s3.test:" + e.port), Region: "us-east-1", HTTPClient: e.http,
		Credentials: credentials.NewStaticCredentialsProvider(local.AccessKey, local.SecretKey, ""),
	})
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &e.Bucket, Key: aws.String("a/b c"), Body: strings.NewReader("content")}); err != nil {
		t.Fatal(err)
	}
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &e.Bucket, Key: aws.String("a/b c")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if got, err := io.ReadAll(out.Body); string(got) != "content" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &e.Bucket})
	if err != nil || len(list.Contents) != 1 || *list.Contents[0].Size != 7 {
		t.Errorf("%+v, %v", list, err)
	}
}
