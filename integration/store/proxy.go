package store

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between a gateway and its store, hands on every request as it
// came and remembers it. Faults make it a store that fails or lies.
//
// Request targets, header values and bodies pass unchanged, so signatures stay
// valid. All methods may be used concurrently.
type Proxy struct {
	// URL is where the gateway finds the store.
	URL string

	upstream  *url.URL
	transport *http.Transport

	mu        sync.Mutex
	idle      *sync.Cond // signalled when active falls to 0
	active    int
	exchanges []*Exchange
	keep      bool
	fault     func(*http.Request) *Fault
}

// Exchange is one request the proxy received and what became of it.
type Exchange struct {
	Method string
	// Target is the request target as it stood in the request line, escaped,
	// with its query.
	Target string
	Host   string
	Header http.Header
	// ContentLength is the declared length of the request body, -1 when the
	// request did not say.
	ContentLength int64
	// Received counts the body bytes that arrived. Complete says that they
	// were all of them.
	Received int64
	Complete bool
	// Body holds the request body when KeepBodies was called before.
	Body []byte
	// Status is what the proxy answered, 0 when it cut the connection first.
	// Sent counts the body bytes of the answer.
	Status int
	Sent   int64
}

// NewProxy starts a proxy to the store at upstream. It ends with the test.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatalf("parsing the upstream: %v", err)
	}
	p := &Proxy{upstream: u, transport: &http.Transport{
		DisableCompression:  true,
		MaxIdleConnsPerHost: 256,
		ReadBufferSize:      64 << 10,
		WriteBufferSize:     64 << 10,
	}}
	p.idle = sync.NewCond(&p.mu)
	srv := httptest.NewServer(p)
	p.URL = srv.URL
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		p.transport.CloseIdleConnections()
	})
	return p
}

// KeepBodies makes the proxy keep the bodies of the requests to come.
func (p *Proxy) KeepBodies() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep = true
}

// Inject asks choose for each request to come which fault it meets; nil means
// none. A nil choose ends all faults.
func (p *Proxy) Inject(choose func(*http.Request) *Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = choose
}

// Reset waits until no request is in flight and forgets those before.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait()
	p.exchanges = nil
}

// Exchanges waits until no request is in flight and returns copies of all since
// the last Reset, in the order of their arrival.
func (p *Proxy) Exchanges() []Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait()
	all := make([]Exchange, len(p.exchanges))
	for i, e := range p.exchanges {
		all[i] = *e
		all[i].Header = e.Header.Clone()
		all[i].Body = slices.Clone(e.Body)
	}
	return all
}

// Lines returns "METHOD /target" of every exchange, query included: what a test
// compares when it counts requests.
func (p *Proxy) Lines() []string {
	all := p.Exchanges()
	lines := make([]string, len(all))
	for i, e := range all {
		lines[i] = e.Method + " " + e.Target
	}
	return lines
}

// Count returns the number of requests since the last Reset.
func (p *Proxy) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.exchanges)
}

func (p *Proxy) wait() {
	for p.active > 0 {
		p.idle.Wait()
	}
}

// settingsPath is the record of the buckets' settings, which is read every few
// seconds by whatever request comes then. It is not part of what a request
// costs, and a Proxy does not count it.
const settingsPath = "/caddy-s3-sse-system/settings/encryption"

// ServeHTTP hands r to the store.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &Exchange{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header.Clone(),
		ContentLength: r.ContentLength, Complete: r.ContentLength == 0,
	}
	p.mu.Lock()
	p.active++
	if r.Method != http.MethodGet || r.URL.Path != settingsPath {
		p.exchanges = append(p.exchanges, e)
	}
	choose := p.fault
	body := &countedBody{p: p, e: e, body: r.Body, keep: p.keep}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.active--; p.active == 0 {
			p.idle.Broadcast()
		}
	}()

	fault := &Fault{}
	if choose != nil {
		if f := choose(r); f != nil {
			fault = f
		}
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	r = r.WithContext(ctx)
	body.fault, body.cut = fault, cancel
	if fault.Wait != nil {
		select {
		case <-fault.Wait:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	resp, err := p.respond(r, body, fault)
	if err != nil {
		// A store whose connection breaks says nothing at all.
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	p.answer(w, resp, e, fault)
}

func (p *Proxy) respond(r *http.Request, body *countedBody, fault *Fault) (*http.Response, error) {
	if fault.Replace != nil {
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil, err
		}
		return fault.Replace(r), nil
	}
	out := (&http.Request{
		Method: r.Method,
		URL:    targetURL(p.upstream, r.RequestURI),
		Host:   r.Host,
		Header: r.Header.Clone(),
		Body:   body, ContentLength: r.ContentLength,
	}).WithContext(r.Context())
	if r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // or net/http would add its own
	}
	resp, err := p.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if cause := context.Cause(r.Context()); errors.Is(cause, errCut) {
		resp.Body.Close()
		return nil, cause
	}
	return resp, nil
}

// answer hands the store's response to the gateway, as the fault has it.
func (p *Proxy) answer(w http.ResponseWriter, resp *http.Response, e *Exchange, fault *Fault) {
	if resp.Header == nil {
		resp.Header = make(http.Header)
	}
	if resp.ContentLength >= 0 && resp.Header.Get("Content-Length") == "" && resp.StatusCode != http.StatusNoContent {
		resp.Header.Set("Content-Length", itoa(resp.ContentLength))
	}
	if fault.Header != nil {
		fault.Header(resp.Header)
	}
	h := w.Header()
	for name, values := range resp.Header {
		if name != "Connection" && name != "Transfer-Encoding" && name != "Keep-Alive" {
			h[name] = values
		}
	}
	for _, name := range []string{"Content-Type", "Date"} {
		if len(h[name]) == 0 {
			h[name] = nil // or net/http would add its own
		}
	}
	w.WriteHeader(resp.StatusCode)
	p.update(func() { e.Status = resp.StatusCode })

	src := io.Reader(resp.Body)
	if fault.Body != nil {
		src = fault.Body(src)
	}
	if size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		src = io.LimitReader(src, size) // net/http would send nothing of a longer write
	}
	if fault.CutResponse > 0 {
		src = io.LimitReader(src, fault.CutResponse)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, src, make([]byte, 64<<10))
	p.update(func() { e.Sent = n })
	if fault.CutResponse > 0 || err != nil {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (p *Proxy) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// targetURL makes a URL whose request target is exactly target.
func targetURL(base *url.URL, target string) *url.URL {
	path, query, found := strings.Cut(target, "?")
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Opaque: path, RawQuery: query, ForceQuery: found && query == ""}
}
