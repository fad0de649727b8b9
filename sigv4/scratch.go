package sigv4

import (
	"net/http"
	"slices"
	"sync"
)

// scratch holds the buffers of one signature calculation. They are pooled, so
// that verifying and signing cost next to no allocations.
type scratch struct {
	buf     []byte    // the text being built
	toSign  []byte    // the string to sign
	arena   []byte    // what pairs and fields point into
	pairs   []pair    // query parameters to be sorted
	fields  []field   // headers to be sorted
	names   []string  // signed header names
	sum     [32]byte  // last digest
	host    [1]string // host of an outbound request
	keyName [128]byte // canonical form of a header name
}

// pair is one encoded query parameter: name arena[start:eq], value arena[eq:end].
type pair struct{ start, eq, end int }

// field is one header: lower-case name arena[start:end].
type field struct {
	start, end int
	values     []string
}

// maxKeptBuffer is the capacity above which a buffer is not kept in the pool:
// one giant request must not make every later one heavy.
const maxKeptBuffer = 64 << 10

var scratches = sync.Pool{New: func() any {
	return &scratch{buf: make([]byte, 0, 2048), toSign: make([]byte, 0, 256), arena: make([]byte, 0, 1024)}
}}

func newScratch() *scratch { return scratches.Get().(*scratch) }

// release puts s back, without references to the request it served.
func (s *scratch) release() {
	if cap(s.buf) > maxKeptBuffer || cap(s.arena) > maxKeptBuffer || cap(s.pairs) > 1024 || cap(s.fields) > 1024 || cap(s.names) > 1024 {
		return
	}
	clear(s.fields)
	clear(s.names)
	s.host[0] = ""
	s.buf, s.toSign, s.arena = s.buf[:0], s.toSign[:0], s.arena[:0]
	s.pairs, s.fields, s.names = s.pairs[:0], s.fields[:0], s.names[:0]
	scratches.Put(s)
}

// lookup finds the values of a lower-case header name in h, whose keys are in
// canonical form, without allocating for names up to 128 bytes.
func (s *scratch) lookup(h http.Header, name string) []string {
	if len(name) > len(s.keyName) {
		return h[http.CanonicalHeaderKey(name)]
	}
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		s.keyName[i] = c
		upper = c == '-'
	}
	return h[string(s.keyName[:len(name)])]
}

// sortPairs orders the query parameters by encoded name, then encoded value.
func (s *scratch) sortPairs() {
	slices.SortFunc(s.pairs, func(a, b pair) int {
		if c := slices.Compare(s.arena[a.start:a.eq], s.arena[b.start:b.eq]); c != 0 {
			return c
		}
		return slices.Compare(s.arena[a.eq:a.end], s.arena[b.eq:b.end])
	})
}

// sortFields orders the headers by name.
func (s *scratch) sortFields() {
	slices.SortFunc(s.fields, func(a, b field) int {
		return slices.Compare(s.arena[a.start:a.end], s.arena[b.start:b.end])
	})
}
