//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

const (
	opPut   = "PUT"
	opGet   = "GET"
	opRange = "RANGE"
	opHead  = "HEAD"

	rangeLength = 64 << 10
	// rangesPerKey is how many different ranges of one object are read in turn.
	rangesPerKey = 8
)

// cell is one line of the table: an operation on objects of one size.
type cell struct {
	Op   string `json:"op"`
	Size int64  `json:"size"`
}

func (c cell) String() string {
	switch c.Op {
	case opRange:
		return "GET 64 KiB of " + sizeName(c.Size)
	case opParts:
		return "GET 64 KiB of " + sizeName(c.Size) + " in parts"
	case opUpload:
		return fmt.Sprintf("upload %s in parts of %s", sizeName(c.Size), sizeName(partLength))
	case opList:
		return fmt.Sprintf("list %d objects", listEntries)
	}
	return c.Op + " " + sizeName(c.Size)
}

// inBytes tells whether the cell's throughput is shown in bytes rather than
// in operations a second.
func (c cell) inBytes() bool {
	return (c.Op == opPut || c.Op == opGet || c.Op == opUpload) && c.Size >= 1<<20
}

var objectSizes = []int64{4 << 10, 1 << 20, 64 << 20}

// operation is what is measured, with objects of the sizes for which it is
// worth it.
type operation struct {
	name string
	with func(size int64) bool
}

var operations = []operation{
	{opPut, func(int64) bool { return true }},
	{opGet, func(int64) bool { return true }},
	{opRange, func(size int64) bool { return size >= rangeLength }},
	{opHead, func(int64) bool { return true }},
	{opUpload, func(size int64) bool { return size > partLength }},
	{opParts, func(size int64) bool { return size > partLength }},
	{opList, func(size int64) bool { return size == listSize }},
}

func operationNames() []string {
	names := make([]string, len(operations))
	for i, op := range operations {
		names[i] = op.name
	}
	return names
}

// cells lists what is measured, narrowed down to the given operations and
// sizes; an empty list does not narrow.
func cells(ops, sizes []string) []cell {
	var list []cell
	for _, op := range operations {
		for _, size := range objectSizes {
			if !op.with(size) {
				continue
			}
			if matches(ops, op.name) && matches(sizes, sizeFlag(size)) {
				list = append(list, cell{op.name, size})
			}
		}
	}
	return list
}

func matches(list []string, value string) bool {
	for _, entry := range list {
		if strings.EqualFold(entry, value) {
			return true
		}
	}
	return len(list) == 0
}

// sizeName shows a size the way people write it, sizeFlag the way they type it.
func sizeName(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d B", n)
	}
}

func sizeFlag(n int64) string {
	name, unit, _ := strings.Cut(sizeName(n), " ")
	return name + unit[:1]
}

// keysPerSize keeps the objects few enough for a memory disk.
func keysPerSize(size int64) int {
	if size >= 16<<20 {
		return 4
	}
	return 16
}

// randomBytes returns incompressible content, the same for the same seed.
func randomBytes(seed byte, n int64) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// payloadHash is what a client of the payload mode sends for a body.
func payloadHash(signed bool, body []byte) string {
	if !signed {
		return sigv4.UnsignedPayload
	}
	return hexSHA256(body)
}

// messages prepares the requests of a cell for one contestant, to be sent in
// turn. Objects to read must have been stored under the same names by seed.
func (c *contestant) messages(w cell, body []byte, signed bool) []*message {
	hash := payloadHash(signed, nil)
	switch w.Op {
	case opUpload:
		return c.uploads(w, body, signed)
	case opList:
		return []*message{c.list(hash)}
	}
	var list []*message
	if w.Op == opPut {
		hash = payloadHash(signed, body)
	}
	offsets := rand.New(rand.NewPCG(1, uint64(w.Size))) //nolint:gosec // the same offsets for everybody, every time
	for i := range keysPerSize(w.Size) {
		switch w.Op {
		case opPut:
			m := c.sign(c.put(c.key("put", w.Size, i), body), hash)
			m.transfer = w.Size
			list = append(list, m)
		case opGet:
			m := c.sign(c.read(http.MethodGet, c.key("get", w.Size, i)), hash)
			m.length, m.transfer = w.Size, w.Size
			list = append(list, m)
		case opHead:
			m := c.sign(c.read(http.MethodHead, c.key("get", w.Size, i)), hash)
			m.length = w.Size
			list = append(list, m)
		case opRange, opParts:
			use := "get"
			if w.Op == opParts {
				use = "parts"
			}
			for range rangesPerKey {
				first := offsets.Int64N(w.Size - rangeLength + 1)
				d := c.read(http.MethodGet, c.key(use, w.Size, i))
				d.header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, first+rangeLength-1))
				m := c.sign(d, hash)
				m.status, m.length, m.transfer = http.StatusPartialContent, rangeLength, rangeLength
				list = append(list, m)
			}
		}
	}
	return list
}

// put drafts an upload the way this contestant is asked for encryption.
func (c *contestant) put(key string, body []byte) draft {
	d := draft{method: http.MethodPut, key: key, body: body}
	switch {
	case c.sse:
		d.header = http.Header{"X-Amz-Server-Side-Encryption": {"AES256"}}
	case c.mode != nil:
		d.header = c.mode.put.Clone()
	}
	return d
}

// read drafts a GET or HEAD.
func (c *contestant) read(method, key string) draft {
	d := draft{method: method, key: key, header: http.Header{}}
	if c.mode != nil {
		d.header = c.mode.read.Clone()
	}
	return d
}

// key names an object. Contestants share a store but no object.
func (c *contestant) key(use string, size int64, i int) string {
	return fmt.Sprintf("%s/%s/%s/%d", c.name, use, sizeFlag(size), i)
}
