package encryptor

import (
	"bytes"
	"io"
)

// source hands out the stored bytes of an object in the pieces that the format has, and
// reads them from the body in larger ones.
type source struct {
	body    io.Reader
	buf     *buffer
	r, w    int   // buf.bytes[r:w] has been read and not been taken
	pos     int64 // stored offset of what is taken next
	planned int64 // stored offset up to which one read may go
	end     int64 // stored offset beyond which nothing is needed
	err     error // of the body, to be returned when what came before it is used up
	batch   batch
	probe   [1]byte
}

// plan says what will be taken next: a header of that many bytes or none, then chunks up to the
// segment's end. Reads then end on the boundary of a chunk, so that no part of one has to be
// moved to the front of the buffer. What comes after the segment is read along if it is little.
func (s *source) plan(header, segmentEnd int64) {
	if s.r < s.w {
		return // still within the last plan
	}
	switch room := int64(min(len(s.buf.bytes), s.batch.next())); {
	case s.end-s.pos <= room:
		s.planned = s.end
	case segmentEnd-s.pos <= room:
		s.planned = segmentEnd
	default:
		s.planned = s.pos + header + (room-header)/sealedChunk*sealedChunk
	}
}

// take returns the next n bytes, which are valid until the next call.
func (s *source) take(n int) ([]byte, error) {
	if s.w-s.r < n {
		if err := s.fetch(n); err != nil {
			return nil, err
		}
	}
	p := s.buf.bytes[s.r : s.r+n]
	s.r += n
	s.pos += int64(n)
	return p, nil
}

// fetch reads until n bytes are there, and on to what is planned.
func (s *source) fetch(n int) error {
	s.w = copy(s.buf.bytes, s.buf.bytes[s.r:s.w])
	s.r = 0
	want := min(max(int64(n), s.planned-s.pos), int64(len(s.buf.bytes)))
	m, err := s.read(s.buf.bytes[s.w:want])
	s.w += m
	if s.w < n {
		return s.ended(err)
	}
	return nil
}

// read is readFull of the body, which is not asked again after an error.
func (s *source) read(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = readFull(s.body, p)
	}
	if n < len(p) {
		return n, s.err
	}
	return n, nil
}

// copyTo fills p with the next bytes.
func (s *source) copyTo(p []byte) error {
	n := copy(p, s.buf.bytes[s.r:s.w])
	s.r += n
	m, err := s.read(p[n:])
	s.pos += int64(n + m)
	if n+m < len(p) {
		return s.ended(err)
	}
	return nil
}

// drop skips bytes that come before what is needed. Nothing has been taken yet.
func (s *source) drop(n int64) error {
	for n > 0 {
		p := s.buf.bytes[:min(n, int64(len(s.buf.bytes)))]
		m, err := s.read(p)
		if m < len(p) {
			return s.ended(err)
		}
		n -= int64(m)
	}
	return nil
}

// expectEnd fails unless the body ends here.
func (s *source) expectEnd() error {
	switch n, err := s.read(s.probe[:]); {
	case n != 0 || s.r < s.w:
		return reject(failExtra, "the object goes on after its end")
	case err != io.EOF:
		return err
	}
	return nil
}

// ended turns an early end of the body into an error. Other errors are the body's own.
func (s *source) ended(err error) error {
	if err != io.EOF {
		return err
	}
	return rejectShort("it ends before offset %d", s.end)
}

// maxEmptyReads is how often a reader may return nothing without an error.
const maxEmptyReads = 100

// readFull reads until p is full. Unlike io.ReadFull it keeps apart what the reader said and
// what it means: an end, however early, is io.EOF, any other error is the reader's own.
func readFull(r io.Reader, p []byte) (n int, err error) {
	empty := 0
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err != nil && n < len(p) {
			return n, err
		}
		if m > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// zeros is for comparing with, and for filling.
var zeros [4096]byte

// allZero reports whether p is nothing but zeros.
func allZero(p []byte) bool {
	for len(p) > len(zeros) {
		if !bytes.Equal(p[:len(zeros)], zeros[:]) {
			return false
		}
		p = p[len(zeros):]
	}
	return bytes.Equal(p, zeros[:len(p)])
}
