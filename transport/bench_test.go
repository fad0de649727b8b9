//go:build unix

package transport

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// asServer makes the test binary a server for the benchmark: in the same
// process, its CPU time and how its goroutines are scheduled would count too.
const asServer = "TRANSPORT_BENCHMARK_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		serveObjects()
		return
	}
	os.Exit(m.Run())
}

// serveObjects prints a URL and serves it until the standard input ends.
func serveObjects() {
	object := bytes.Repeat([]byte("o"), 4<<10)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method != http.MethodPut {
			w.Header().Set("Content-Length", strconv.Itoa(len(object)))
			_, _ = w.Write(object)
		}
	}))
	fmt.Println(store.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startServer starts the benchmark's server and returns its URL.
func startServer(b *testing.B) *url.URL {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// BenchmarkRoundTrip compares small requests with those of http.Transport.
func BenchmarkRoundTrip(b *testing.B) {
	u := startServer(b)
	base := newBase()
	b.Cleanup(base.CloseIdleConnections)
	ours := New(newBase(), u)
	b.Cleanup(ours.CloseIdleConnections)
	for _, request := range []struct {
		method string
		size   int
	}{{"HEAD", 0}, {"GET", 0}, {"PUT", 5 << 10}} {
		for _, via := range []struct {
			name string
			rt   http.RoundTripper
		}{{"base", base}, {"lean", ours}} {
			b.Run(request.method+"/"+via.name, func(b *testing.B) {
				b.ReportAllocs()
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				upload := bytes.Repeat([]byte("u"), request.size)
				buf := make([]byte, 32<<10)
				before := cpuTime(b)
				for b.Loop() {
					req, _ := http.NewRequestWithContext(ctx, request.method, u.String()+"/bucket/key", bytes.NewReader(upload))
					resp, err := via.rt.RoundTrip(req)
					if err != nil {
						b.Fatal(err)
					}
					_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, buf)
					_ = resp.Body.Close()
				}
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// cpuTime returns the CPU time that the process has used, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
