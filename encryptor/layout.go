package encryptor

import (
	"bytes"
	"fmt"
	"sort"
)

// Layout says where the plaintext lies in a stored object. It is immutable, so that any number
// of readers can share one.
type Layout struct {
	stored    int64
	plaintext int64
	// Of a multipart object: where each part begins. Nil for an object of one
	// segment that PutObject made.
	starts []position
	record *Record
}

// position is a place in an object, in both measures.
type position struct{ plaintext, stored int64 }

// segment is one segment of a layout.
type segment struct {
	position
	part   uint32
	length int64 // plaintext
	salt   *[32]byte
}

// end returns the stored offset just after the segment.
func (s *segment) end() int64 { return s.stored + segmentSize(s.length) }

// chunksEnd returns the stored offset just after the segment's last chunk.
func (s *segment) chunksEnd() int64 { return s.end() - checkSize }

// SingleLayout returns the layout of an object made by PutObject, which follows from its
// stored size. It fails with ErrNotAuthentic for a size that no object has.
func SingleLayout(stored int64) (Layout, error) {
	n, ok := PlaintextSize(stored)
	if !ok {
		return Layout{}, reject(failLength, "no object is stored in %d bytes", stored)
	}
	return Layout{stored: stored, plaintext: n}, nil
}

// MultipartLayout returns the layout of a multipart object, which follows from the
// record in its footer. The record must not be changed afterwards.
func MultipartLayout(stored int64, rec *Record) (Layout, error) {
	if err := rec.check(); err != nil {
		return Layout{}, reject(failRecord, "%v", err)
	}
	if len(rec.Parts) == 0 {
		return Layout{}, reject(failRecord, "a multipart object without parts")
	}
	if StoredSize(rec.Length) != stored {
		return Layout{}, reject(failLength, "an object for %d plaintext bytes is stored in %d", rec.Length, stored)
	}
	l := Layout{stored: stored, plaintext: rec.Length, starts: make([]position, len(rec.Parts)), record: rec}
	var at position
	for i := range rec.Parts {
		l.starts[i] = at
		at.plaintext += rec.Parts[i].Length
		at.stored += segmentSize(rec.Parts[i].Length)
	}
	return l, nil
}

// PlaintextSize returns the size of the plaintext in bytes.
func (l Layout) PlaintextSize() int64 { return l.plaintext }

// StoredRange returns which stored bytes a reader of the plaintext [off, off+n) needs:
// the chunks that it touches, and what stands between segments. Neither argument may be
// negative; a range that goes beyond the plaintext is cut there.
func (l Layout) StoredRange(off, n int64) (start, length int64) {
	off = min(max(off, 0), l.plaintext)
	n = min(max(n, 0), l.plaintext-off)
	if n == 0 {
		return headerSize, 0
	}
	start, _, _ = l.chunkAt(off)
	_, _, end := l.chunkAt(off + n - 1)
	return start, end - start
}

// chunkAt returns where the chunk with the plaintext byte at off begins, in both
// measures, and where it ends in the store.
func (l *Layout) chunkAt(off int64) (start, plaintext, end int64) {
	s := l.segment(l.segmentAt(off))
	index := (off - s.plaintext) / ChunkSize
	start = s.stored + headerSize + index*sealedChunk
	plaintext = s.plaintext + index*ChunkSize
	return start, plaintext, min(start+sealedChunk, s.chunksEnd())
}

// Parts returns the number of parts of a multipart object, 0 for any other.
func (l Layout) Parts() int { return len(l.starts) }

// PartRange returns the plaintext [off, off+n) that was uploaded as the part with that number, and
// whether there is such a part. An object of PutObject has none.
func (l Layout) PartRange(number uint32) (off, n int64, ok bool) {
	i := sort.Search(len(l.starts), func(i int) bool { return l.record.Parts[i].Number >= number })
	if i == len(l.starts) || l.record.Parts[i].Number != number {
		return 0, 0, false
	}
	return l.starts[i].plaintext, l.record.Parts[i].Length, true
}

// segments returns the number of segments, 0 for the zero Layout.
func (l *Layout) segments() int {
	switch {
	case l.starts != nil:
		return len(l.starts)
	case l.stored != 0:
		return 1
	default:
		return 0
	}
}

// segment returns the i-th segment.
func (l *Layout) segment(i int) segment {
	if l.starts == nil {
		return segment{length: l.plaintext, salt: &zeroSalt}
	}
	p := &l.record.Parts[i]
	return segment{position: l.starts[i], part: p.Number, length: p.Length, salt: &p.Salt}
}

// segmentAt returns the index of the segment with the plaintext byte at off, which must exist.
func (l *Layout) segmentAt(off int64) int {
	if l.starts == nil {
		return 0
	}
	// Only the last part can be empty, so the last that begins at or before off holds it.
	return sort.Search(len(l.starts), func(i int) bool { return l.starts[i].plaintext > off }) - 1
}

// agrees checks that the record found in the object, with its stored form, is the one
// that the layout was made from.
func (l *Layout) agrees(rec *Record, encoded []byte) error {
	if l.record == nil {
		if rec.Parts != nil {
			return reject(failRecord, "parts in an object of one segment")
		}
		return nil
	}
	want, err := l.record.encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(want, encoded) {
		return reject(failRecord, "it is not the one that the reader began with")
	}
	return nil
}

// checkRange refuses a range that is not within the plaintext.
func (l *Layout) checkRange(off, n int64) error {
	if off < 0 || n < 0 || off > l.plaintext || n > l.plaintext-off {
		return fmt.Errorf("range of %d bytes at %d is not within %d", n, off, l.plaintext)
	}
	return nil
}
