package caddymodule

import (
	"crypto/sha256"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// gate is a body that stops in the middle until it is opened.
type gate struct {
	r       io.Reader
	sum     hash.Hash
	before  int64         // bytes before the middle
	reached chan struct{} // closed in the middle
	open    chan struct{}
	once    sync.Once
}

func newGate(r io.Reader, size int64) *gate {
	return &gate{r: r, sum: sha256.New(), before: size / 2, reached: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) Read(p []byte) (int, error) {
	if g.before <= 0 {
		g.once.Do(func() { close(g.reached) })
		<-g.open
	}
	n, err := g.r.Read(p)
	g.before -= int64(n)
	g.sum.Write(p[:n])
	return n, err
}

// TestReloadDuringTransfers reloads in the middle of an upload and of a
// download, both ways to the store.
func TestReloadDuringTransfers(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	secretEnv(t)
	store := newFakeStore(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	random := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	for name, body := range map[string]string{
		"direct":        directive("upstream " + store.URL),
		"reverse_proxy": directive("store_host store.internal") + "reverse_proxy " + store.host() + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			js := siteJSON(t, "", "http://:8080 {\n"+body+"}\n")
			reload := func() {
				if err := caddy.Load(js, true); err != nil {
					t.Error(err)
				}
			}
			url := "http://" + load(t, js) + "/bucket/large"

			up := newGate(random(), size)
			put := newRequest(t, http.MethodPut, url, up, size, nil)
			go func() {
				<-up.reached
				reload()
				close(up.open)
			}()
			resp, err := client.Do(put)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Fatal(resp.Status)
			}

			// The port is another one after a reload.
			url = "http://" + load(t, js) + "/bucket/large"
			resp, err = client.Do(newRequest(t, http.MethodGet, url, nil, 0, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			down := newGate(resp.Body, size)
			go func() {
				<-down.reached
				reload()
				close(down.open)
			}()
			n, err := io.Copy(io.Discard, down)
			if err != nil || n != size || resp.ContentLength != size {
				t.Fatalf("%d bytes, want %d: %v", n, size, err)
			}
			if string(up.sum.Sum(nil)) != string(down.sum.Sum(nil)) {
				t.Error("not what was uploaded")
			}
		})
	}
}

// eventually waits for something that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestReloadsLeakNothing compares goroutines and connections to the store
// after many reloads with those after the first. How many connections are idle
// at a time is up to the clients' luck, so the limits leave room for that: what
// is forgotten at each reload goes far beyond them.
func TestReloadsLeakNothing(t *testing.T) {
	secretEnv(t)
	setMemory()
	store := newFakeStore(t)
	clients := write(t, "clients.json", credentialsDoc("A"))
	js := siteJSON(t, "", "http://:8080 {\nhandle /one/* {\n"+directive("upstream "+store.URL, "credentials_file "+clients)+"}\nhandle {\n"+
		directive("upstream "+store.URL, "keys memory")+"}\n}\n")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	use := func() {
		base := "http://" + load(t, js)
		var wg sync.WaitGroup
		for _, path := range []string{"/one/key", "/two/key", "/two/other", "/three/key"} {
			wg.Go(func() {
				mustDo(t, client, http.MethodPut, base+path, strings.Repeat("data", 100000), nil)
				mustDo(t, client, http.MethodGet, base+path, "", nil)
			})
		}
		wg.Wait()
	}
	use()
	use()
	goroutines, conns := runtime.NumGoroutine(), store.conns.Load()
	const reloads = 40
	for range reloads {
		use()
	}
	eventually(t, "goroutines are left behind", func() bool { return runtime.NumGoroutine() < goroutines+reloads })
	eventually(t, "connections to the store are left behind", func() bool { return store.conns.Load() < conns+reloads/2 })
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "connections to the store outlive the server", func() bool { return store.conns.Load() == 0 })
}
