package objects_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// sendHead sends no more than the header of a request, and reads the answer.
func sendHead(t *testing.T, hr *http.Request, lines ...string) answer {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", hr.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(hr.Method + " " + hr.URL.RequestURI() + " HTTP/1.1\r\nHost: " + hr.Host + "\r\n")
	if err := hr.Header.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	if _, err := fmt.Fprint(conn, b.String(), "\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), hr)
	if err != nil {
		t.Fatal(err)
	}
	return read(resp)
}

// testSizeLimit declares more than a store takes in one piece once encrypted.
func testSizeLimit(t *testing.T, e *endpoint) {
	limit := encryptor.MaxPlaintextSize(5 << 30)
	e.proxy.Reset()
	for _, mode := range []sigv4.PayloadMode{sigv4.PayloadHash, sigv4.PayloadUnsigned, sigv4.PayloadChunksTrailer} {
		for _, size := range []int64{limit + 1, 5 << 30, 5<<30 + 1, 1 << 50} {
			hr, _ := request{method: http.MethodPut, key: "large", mode: mode}.build(t, e)
			length := size
			if mode.Streaming() {
				hr, _ = request{method: http.MethodPut, key: "large", mode: mode, declared: size}.build(t, e)
				length += 1000
			}
			a := sendHead(t, hr, "Content-Length: "+strconv.FormatInt(length, 10))
			want := "<MaxSizeAllowed>" + strconv.FormatInt(limit, 10) + "</MaxSizeAllowed>"
			if a.status != http.StatusBadRequest || a.code() != "EntityTooLarge" || !strings.Contains(string(a.body), want) {
				t.Errorf("%s of %d bytes: status %d, %s", mode, size, a.status, a.body)
			}
		}
	}
	// Without a length there is no knowing how much to encrypt.
	for _, lines := range [][]string{nil, {"Transfer-Encoding: chunked"}} {
		hr, _ := request{method: http.MethodPut, key: "large", mode: sigv4.PayloadUnsigned}.build(t, e)
		a := sendHead(t, hr, lines...)
		if a.status != http.StatusLengthRequired || a.code() != "MissingContentLength" {
			t.Errorf("no length, %q: status %d, %s", lines, a.status, a.body)
		}
	}
	if lines := e.proxy.Lines(); len(lines) > 0 {
		t.Errorf("the store was asked %q", lines)
	}
}
