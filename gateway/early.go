package gateway

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// earlyAnswer is how long a client waits for an answer until it gets the
// beginning of one, and how long after that for a sign that there is more to
// come. Clients give up after 60 seconds of silence or so.
const earlyAnswer = 10 * time.Second

// answerEarly lets the answer begin before its outcome is known if that takes
// long: with status 200 and spaces in front of the document, which is then the
// result or the error. The documentation of these operations tells clients to
// expect it. r and env say what is known of the encryption.
//
// What a page of another origin may see, only the store's answer tells, so one
// that asks waits for that.
//
// Not all clients look into the answer to a CopyObject: versions of mc that are
// in use take any for a success, and its mv then removes the source. So an error
// cuts the connection there, which nobody takes for one. In the answers to the
// other operations clients look for an ETag.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (c *call) answerEarly(env *metadata.Envelope, r metadata.Response) {
	if c.early != nil || c.header["Origin"] != nil {
		return
	}
	e := &earlyWriter{client: c.w, header: c.w.Header().Clone(), first: make(http.Header, 4)}
	e.first["Content-Type"] = []string{"application/xml"}
	env.SetResponse(e.first, r)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timer = time.AfterFunc(earlyAnswer, e.next)
	c.early, c.w = e, e
}

// earlyWriter is the response to a request that may take long. Its methods are
// for the request's goroutine; a timer uses the client's side of it until then.
type earlyWriter struct {
	client http.ResponseWriter
	header http.Header // of the answer, if it does not begin early
	first  http.Header // of one that does, besides what the client's has already

	mu    sync.Mutex
	timer *time.Timer
	begun bool // the answer began early
	ended bool // the timer has nothing to do any more
	panic any  // what writing panicked with
}

// next sends what keeps the client waiting.
func (e *earlyWriter) next() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	defer func() { e.panic = recover() }() // here, nobody else would recover it
	text := " "
	if !e.begun {
		e.begun = true
		maps.Copy(e.client.Header(), e.first)
		e.client.WriteHeader(http.StatusOK)
		text = xml.Header // in front of which there must be nothing
	}
	_, err := io.WriteString(e.client, text)
	if err == nil {
		err = http.NewResponseController(e.client).Flush()
	}
	if err == nil {
		e.timer.Reset(earlyAnswer)
	}
}

// spoilt reports whether the answer to an operation began early and cannot
// become an error any more.
func (e *earlyWriter) spoilt(operation string) bool {
	if e == nil || operation != "CopyObject" {
		return false
	}
	e.stop()
	return e.begun
}

// stop ends the waiting. It may be called more than once. If writing panicked
// meanwhile, so does stop, in the goroutine in which the server recovers it.
func (e *earlyWriter) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	e.timer.Stop()
	if v := e.panic; v != nil {
		e.panic = nil
		panic(v)
	}
}

// Header implements http.ResponseWriter.
func (e *earlyWriter) Header() http.Header { return e.header }

// WriteHeader implements http.ResponseWriter. If the answer began early, its
// status is known.
func (e *earlyWriter) WriteHeader(status int) {
	e.stop()
	if e.begun {
		return
	}
	h := e.client.Header()
	clear(h)
	maps.Copy(h, e.header)
	e.client.WriteHeader(status)
}

// Write implements http.ResponseWriter. It must be given a document as a whole,
// after a call of WriteHeader.
func (e *earlyWriter) Write(p []byte) (int, error) {
	rest := p
	if e.begun {
		rest = bytes.TrimPrefix(p, []byte(xml.Header))
	}
	n, err := e.client.Write(rest)
	return len(p) - len(rest) + n, err
}
