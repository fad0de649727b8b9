package encryptor

import (
	"errors"
	"fmt"
	"io"
)

// Opener turns stored bytes back into plaintext. Every byte that it gives out has been
// authenticated, and belongs where it is given out.
//
// It is a reader for one goroutine. Close may be called from another at any time.
// Errors of the body are returned as they are; for all others see ErrNotAuthentic.
type Opener struct {
	guard
	keys   *Keys
	layout Layout
	body   io.Reader

	stored source  // stored bytes not used yet
	out    *buffer // room for the plaintext of one chunk
	plain  []byte  // of out: authenticated, not handed out yet

	// The segment in which the next chunk lies.
	segment segment
	next    int // index of the segment after it
	chunks  *layers
	index   int64 // of the next chunk in its segment
	scratch *buffer

	whole   bool // the complete object, so that the footer is checked too
	discard int64
	skip    int // plaintext before the range in the first chunk
	left    int64
	record  *Record
	err     error
}

// NewOpener returns a reader of the plaintext of a complete object, of which body yields all
// stored bytes and nothing else. It holds the last chunk back until the rest of the object is
// read and agrees, so that io.EOF says: this is all of the object, as it was written.
func NewOpener(keys Keys, l Layout, body io.Reader) *Opener {
	o := &Opener{layout: l, body: body, whole: true, left: l.plaintext}
	o.init(keys, l.stored, l.stored)
	return o
}

// NewRangeOpener returns a reader of the plaintext [off, off+n) of an object, which must
// lie within it. The body begins at the stored offset bodyStart, which is at or before
// the one that StoredRange gives; what it has too much is not used.
func NewRangeOpener(keys Keys, l Layout, body io.Reader, bodyStart, off, n int64) (*Opener, error) {
	if err := l.checkRange(off, n); err != nil {
		return nil, err
	}
	start, length := l.StoredRange(off, n)
	o := &Opener{layout: l, body: body, left: n}
	if n > 0 {
		if bodyStart < 0 || bodyStart > start {
			return nil, errors.New("range: the body begins too late")
		}
		o.discard = start - bodyStart
		o.next = l.segmentAt(off)
	}
	o.init(keys, start+length, length)
	if n > 0 && o.err == nil {
		_, plaintext, _ := l.chunkAt(off)
		o.skip = int(off - plaintext)
		o.index = (plaintext - l.segment(o.next).plaintext) / ChunkSize
		o.stored.pos = start
		o.err = o.enterSegment()
	}
	if o.err != nil {
		o.release()
		return nil, o.err
	}
	return o, nil
}

// init prepares reading up to the stored offset end, of which size bytes are needed.
func (o *Opener) init(keys Keys, end, size int64) {
	if o.layout.segments() == 0 {
		o.err = errors.New("opening: no layout")
		return
	}
	if o.err = keys.check(); o.err != nil {
		return
	}
	o.keys = &keys
	longest := min(o.layout.plaintext, ChunkSize) + chunkOverhead + outerSlack
	if keys.Suite == SuiteDSSE {
		o.scratch = borrow(longest)
	}
	o.out = borrow(longest)
	o.stored = source{body: o.body, buf: borrow(size), end: end}
}

// Read implements io.Reader.
func (o *Opener) Read(p []byte) (int, error) {
	if err := o.enter(); err != nil {
		return 0, err
	}
	defer o.exit()
	if len(p) == 0 {
		return 0, nil
	}
	if !o.fill() {
		return 0, o.err
	}
	n := copy(p, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. It writes a chunk at a time.
func (o *Opener) WriteTo(w io.Writer) (int64, error) {
	if err := o.enter(); err != nil {
		return 0, err
	}
	defer o.exit()
	var total int64
	for o.fill() {
		n, err := w.Write(o.plain)
		total += int64(n)
		if err == nil && n < len(o.plain) {
			err = io.ErrShortWrite
		}
		o.plain = o.plain[n:]
		if err != nil {
			return total, err
		}
	}
	if o.err == io.EOF {
		return total, nil
	}
	return total, o.err
}

// Record returns what the footer says, once a reader of a complete object
// has returned io.EOF; otherwise nil.
func (o *Opener) Record() *Record {
	if err := o.enter(); err != nil {
		return nil
	}
	defer o.exit()
	if o.err != io.EOF {
		return nil
	}
	return o.record
}

// Close gives up the buffers and keys. It does not close the body.
func (o *Opener) Close() error {
	if o.close() {
		o.release()
		o.mu.Unlock()
	}
	return nil
}

func (o *Opener) exit() {
	if o.leave() {
		o.release()
		o.mu.Unlock()
	}
}

// Format prints the type alone, whatever the verb: the fields lead to keys and plaintext.
func (o *Opener) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "encryptor.Opener") }

// release is idempotent. Nobody may be using the Opener.
func (o *Opener) release() {
	o.out.wipe()
	o.scratch.wipe()
	o.out.giveBack()
	o.scratch.giveBack()
	o.stored.buf.giveBack()
	o.out, o.scratch, o.stored.buf, o.plain, o.chunks, o.keys = nil, nil, nil, nil, nil, nil
}

// fill makes sure that some plaintext is ready, or reports false and leaves the reason in err.
func (o *Opener) fill() bool {
	for len(o.plain) == 0 {
		if o.err != nil {
			return false
		}
		o.plain, o.err = o.open()
		if o.err != nil {
			o.plain = nil
			return false
		}
	}
	return true
}
