//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

const (
	opUpload = "UPLOAD" // in parts
	opParts  = "PARTS"  // ranges of an object that was uploaded in parts
	opList   = "LIST"

	partLength  = 8 << 20
	partsAtOnce = 4

	listSize    = 4 << 10 // of each object
	listEntries = 1000
)

// uploader uploads objects in parts, several at a time, over connections that
// it keeps.
type uploader struct {
	c    *contestant
	hash func([]byte) string

	mu   sync.Mutex
	idle []*conn
}

func (u *uploader) take() *conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := len(u.idle); n > 0 {
		c := u.idle[n-1]
		u.idle = u.idle[:n-1]
		return c
	}
	return newConn(u.c.addr)
}

func (u *uploader) give(c *conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.idle = append(u.idle, c)
}

func (u *uploader) close() {
	for _, c := range u.idle {
		c.close()
	}
}

// exchange signs and sends a draft and returns the answer with its body.
func (u *uploader) exchange(c *conn, d draft, hash string) (*response, string, error) {
	if u.c.mode != nil && d.header == nil {
		d.header = u.c.mode.read.Clone()
	}
	var body bytes.Buffer
	resp, err := c.do(u.c.sign(d, hash), &body)
	return resp, body.String(), err
}

// upload begins an upload of body, sends its parts and completes it.
func (u *uploader) upload(key string, body []byte, hashes []string) error {
	begin := u.c.put(key, nil)
	begin.method, begin.query = http.MethodPost, "uploads="
	first := u.take()
	defer u.give(first)
	_, answer, err := u.exchange(first, begin, u.hash(nil))
	if err != nil {
		return fmt.Errorf("beginning an upload: %w", err)
	}
	_, rest, _ := strings.Cut(answer, "<UploadId>")
	id, _, ok := strings.Cut(rest, "</UploadId>")
	if !ok {
		return errors.New("beginning an upload: no upload id")
	}
	etags := make([]string, len(hashes))
	errs := make([]error, partsAtOnce)
	var next atomic.Int64
	var wg sync.WaitGroup
	for worker := range partsAtOnce {
		wg.Go(func() {
			c := u.take()
			defer u.give(c)
			for i := int(next.Add(1)) - 1; i < len(hashes) && errs[worker] == nil; i = int(next.Add(1)) - 1 {
				d := draft{
					method: http.MethodPut, key: key, body: body[i*partLength : min((i+1)*partLength, len(body))],
					query: fmt.Sprintf("partNumber=%d&uploadId=%s", i+1, id),
				}
				var resp *response
				if resp, _, errs[worker] = u.exchange(c, d, hashes[i]); errs[worker] == nil {
					etags[i] = resp.get("Etag")
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("uploading parts: %w", err)
	}
	var list strings.Builder
	for i, etag := range etags {
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, etag)
	}
	doc := "<CompleteMultipartUpload>" + list.String() + "</CompleteMultipartUpload>"
	end := draft{method: http.MethodPost, key: key, query: "uploadId=" + id, body: []byte(doc)}
	if _, answer, err = u.exchange(first, end, u.hash([]byte(doc))); err == nil && !strings.Contains(answer, "<ETag>") {
		err = errors.New(answer)
	}
	if err != nil {
		return fmt.Errorf("completing an upload: %w", err)
	}
	return nil
}

// newUploader prepares uploads of body.
func (c *contestant) newUploader(body []byte, signed bool) (u *uploader, hashes []string) {
	u = &uploader{c: c, hash: func(b []byte) string { return payloadHash(signed, b) }}
	for at := 0; at < len(body); at += partLength {
		hashes = append(hashes, u.hash(body[at:min(at+partLength, len(body))]))
	}
	return u, hashes
}

// uploads returns the messages of the cell of uploads in parts, which are no
// single requests.
func (c *contestant) uploads(w cell, body []byte, signed bool) []*message {
	if c.uploader != nil {
		c.uploader.close()
	}
	u, hashes := c.newUploader(body, signed)
	c.uploader = u
	list := make([]*message, keysPerSize(w.Size))
	for i := range list {
		key := c.key("upload", w.Size, i)
		list[i] = &message{transfer: w.Size, script: func() error { return u.upload(key, body, hashes) }}
	}
	return list
}

// seedParts stores the objects whose parts are read, and reads each once.
func (c *contestant) seedParts(size int64, body []byte) error {
	u, hashes := c.newUploader(body, false)
	defer u.close()
	conn := newConn(c.addr)
	defer conn.close()
	for i := range keysPerSize(size) {
		key := c.key("parts", size, i)
		if err := u.upload(key, body, hashes); err != nil {
			return fmt.Errorf("upload %s through %s: %w", sizeName(size), c.name, err)
		}
		m := c.sign(c.read(http.MethodGet, key), sigv4.UnsignedPayload)
		m.length = size
		if _, err := conn.do(m, &comparer{want: body}); err != nil {
			return fmt.Errorf("read %s through %s: %w", sizeName(size), c.name, err)
		}
	}
	return nil
}

// seedList stores the objects that are listed, and lists them once.
func (c *contestant) seedList(body []byte) error {
	conn := newConn(c.addr)
	defer conn.close()
	for i := range listEntries {
		if _, err := conn.do(c.sign(c.put(c.key("list", listSize, i), body), sigv4.UnsignedPayload), nil); err != nil {
			return fmt.Errorf("store for listing through %s: %w", c.name, err)
		}
	}
	var answer bytes.Buffer
	if _, err := conn.do(c.list(sigv4.UnsignedPayload), &answer); err != nil {
		return fmt.Errorf("list through %s: %w", c.name, err)
	}
	want := fmt.Sprintf("<Size>%d</Size>", len(body))
	if n := strings.Count(answer.String(), want); n != listEntries {
		return fmt.Errorf("list through %s: %d entries of %d bytes instead of %d", c.name, n, len(body), listEntries)
	}
	return nil
}

// list asks for all objects that seedList stored.
func (c *contestant) list(hash string) *message {
	d := c.read(http.MethodGet, "")
	prefix := strings.TrimSuffix(c.key("list", listSize, 0), "0")
	d.query = fmt.Sprintf("list-type=2&max-keys=%d&prefix=%s", listEntries, strings.ReplaceAll(prefix, "/", "%2F"))
	return c.sign(d, hash)
}
