package caddymodule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// viaNext returns a transport through the handler, as if for a request of a
// client.
func viaNext(t *testing.T, next caddyhttp.HandlerFunc) *nextTransport {
	t.Helper()
	client := httptest.NewRequest(http.MethodGet, "https://s3.example.com/", nil)
	client.RemoteAddr = "192.0.2.7:1234"
	client = caddyhttp.PrepareRequest(client, caddy.NewReplacer(), httptest.NewRecorder(), &caddyhttp.Server{})
	return newNextTransport(next, client, zap.NewNop())
}

func storeRequest(ctx context.Context, method string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, "http://store:9000/bucket/a%2Fb?x=1", body)
	if err != nil {
		panic(err)
	}
	return r
}

// closeCounter is a body that tells how often it was closed, and whether it
// was read after that.
type closeCounter struct {
	io.Reader
	mu     sync.Mutex
	closed int
}

func (c *closeCounter) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return nil
}

func (c *closeCounter) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func TestNextTransport(t *testing.T) {
	tr := viaNext(t, func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.Scheme != "" || r.URL.Host != "" || r.Host != "store:9000" || r.RequestURI != "/bucket/a%2Fb?x=1" {
			t.Errorf("not a server's request: %+v, Host %s, %s", r.URL, r.Host, r.RequestURI)
		}
		if r.RemoteAddr != "192.0.2.7:1234" || r.TLS == nil {
			t.Errorf("not the client's address: %s, %v", r.RemoteAddr, r.TLS)
		}
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding %q", got)
		}
		caddyhttp.SetVar(r.Context(), "own", true) // must not be shared
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		w.WriteHeader(http.StatusContinue)
		w.Header().Set("Content-Length", "9")
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusTeapot) // ignored
		w.Header().Set("X-Late", "1")    // ignored
		_, err := w.Write(append([]byte("got "), body...))
		return err
	})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			body := &closeCounter{Reader: strings.NewReader("hello")}
			resp, err := tr.RoundTrip(storeRequest(tr.client.Context(), http.MethodPut, body))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			data, err := io.ReadAll(resp.Body)
			if err != nil || string(data) != "got hello" || resp.StatusCode != http.StatusCreated || resp.ContentLength != 9 {
				t.Errorf("%d %q %d %v", resp.StatusCode, data, resp.ContentLength, err)
			}
			if diff := cmp.Diff(http.Header{"Content-Length": {"9"}}, resp.Header); diff != "" {
				t.Error(diff)
			}
			if body.times() != 1 {
				t.Errorf("body closed %d times", body.times())
			}
		})
	}
	wg.Wait()
}

// TestNextTransportTimeouts has a handler such as timeouts on the way to the
// store, which changes the limits of the request that it finds.
func TestNextTransportTimeouts(t *testing.T) {
	tr := viaNext(t, func(_ http.ResponseWriter, r *http.Request) error {
		if reader, writer := caddyhttp.IdleTimeoutsFromContext(r.Context()); reader != nil || writer != nil {
			t.Error("what limits the client's connection can be changed from here, while it is in use")
		}
		return nil
	})
	ctx := caddyhttp.ContextWithIdleTimeouts(t.Context(), new(caddyhttp.IdleTimeoutReader), new(caddyhttp.IdleTimeoutWriter))
	if _, err := tr.RoundTrip(storeRequest(ctx, http.MethodGet, nil)); !errors.Is(err, errNotAnswered) { //nolint:bodyclose // there is none
		t.Error(err)
	}
}

func TestNextTransportErrors(t *testing.T) {
	for _, test := range []struct {
		name   string
		next   caddyhttp.HandlerFunc
		status int // of nextError, 0 if it is none
		text   string
	}{
		{"nothing answers", func(http.ResponseWriter, *http.Request) error { return nil }, 502, "needs a reverse_proxy after it"},
		{"no upstream", func(http.ResponseWriter, *http.Request) error {
			return caddyhttp.Error(http.StatusServiceUnavailable, errors.New("no upstreams available"))
		}, 503, "no upstreams available"},
		{"plain error", func(http.ResponseWriter, *http.Request) error { return errors.New("broken") }, 0, "broken"},
		{"abort", func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }, 0, "unexpected EOF"},
		{"panic", func(http.ResponseWriter, *http.Request) error { panic("bug") }, 500, "a handler panicked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := &closeCounter{Reader: strings.NewReader("hello")}
			resp, err := viaNext(t, test.next).RoundTrip(storeRequest(t.Context(), http.MethodPut, body))
			if err == nil {
				_ = resp.Body.Close()
				t.Fatal("no error")
			}
			var ne *nextError
			if errors.As(err, &ne) != (test.status != 0) || (ne != nil && ne.Status != test.status) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%T %v", err, err)
			}
			if body.times() != 1 {
				t.Errorf("body closed %d times", body.times())
			}
		})
	}
}

// TestNextTransportLateErrors checks that a response that ends too early does
// not look complete.
func TestNextTransportLateErrors(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("broken") },
		"abort": func() error { panic(http.ErrAbortHandler) },
		"panic": func() error { panic("bug") },
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := viaNext(t, func(w http.ResponseWriter, _ *http.Request) error {
				if _, err := io.WriteString(w, "part"); err != nil {
					return err
				}
				return fail()
			}).RoundTrip(storeRequest(t.Context(), http.MethodGet, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			data, err := io.ReadAll(resp.Body)
			if err == nil || string(data) != "part" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}

func TestNextTransportCancel(t *testing.T) {
	t.Run("body closed early", func(t *testing.T) {
		ended := make(chan error, 1)
		resp, err := viaNext(t, func(w http.ResponseWriter, r *http.Request) error {
			w.WriteHeader(http.StatusOK)
			<-r.Context().Done() // as a proxy that waits for the store
			ended <- r.Context().Err()
			return nil
		}).RoundTrip(storeRequest(t.Context(), http.MethodGet, nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("client gone", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := viaNext(t, func(w http.ResponseWriter, r *http.Request) error {
			cancel()
			<-r.Context().Done()
			w.WriteHeader(499)
			return nil
		}).RoundTrip(storeRequest(ctx, http.MethodGet, nil))
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("body taken over by a transport", func(t *testing.T) {
		// The handler answers while something else still reads the body.
		pr, pw := io.Pipe()
		body := &closeCounter{Reader: pr}
		reading, done := make(chan struct{}), make(chan struct{})
		resp, err := viaNext(t, func(w http.ResponseWriter, r *http.Request) error {
			go func() {
				defer close(done)
				close(reading)
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
			}()
			<-reading
			w.WriteHeader(http.StatusForbidden)
			return nil
		}).RoundTrip(storeRequest(t.Context(), http.MethodPut, body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		_ = pw.Close()
		<-done
		if body.times() != 1 {
			t.Errorf("body closed %d times", body.times())
		}
	})
}

func TestContentLength(t *testing.T) {
	for _, test := range []struct {
		status int
		value  string
		want   int64
	}{
		{200, "17", 17},
		{200, "0", 0},
		{200, "", -1},
		{200, "-1", -1},
		{200, "x", -1},
		{304, "17", 0},
		{204, "", 0},
	} {
		h := make(http.Header)
		if test.value != "" {
			h.Set("Content-Length", test.value)
		}
		if got := contentLength(test.status, h); got != test.want {
			t.Errorf("%d %q: %d, want %d", test.status, test.value, got, test.want)
		}
	}
}
