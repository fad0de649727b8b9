package encryptor

import (
	"bytes"
	"hash/crc32"
	"io"
)

// open returns the next piece of plaintext, which may be empty.
func (o *Opener) open() ([]byte, error) {
	if o.discard > 0 {
		if err := o.stored.drop(o.discard); err != nil {
			return nil, err
		}
		o.discard = 0
	}
	if o.chunks == nil {
		// Even an empty object has a chunk; an empty range needs none.
		if o.next == o.layout.segments() || (!o.whole && o.left == 0) {
			return nil, io.EOF
		}
		if err := o.nextSegment(); err != nil {
			return nil, err
		}
	}
	if !o.whole && o.left == 0 {
		return nil, io.EOF
	}

	remains := o.segment.length - o.index*ChunkSize
	last := remains <= ChunkSize
	o.stored.plan(0, o.segment.end())
	sealed, err := o.stored.take(int(min(remains, ChunkSize)) + chunkOverhead)
	if err != nil {
		return nil, err
	}
	if o.whole && last && o.next == o.layout.segments() {
		if err := o.finish(); err != nil {
			return nil, err
		}
	}
	plain, err := o.chunks.openChunk(o.out.bytes[:0], sealed, o.index, last)
	if err != nil {
		return nil, reject(failChunk, "chunk %d of part %d does not open", o.index, o.segment.part)
	}
	o.index++
	if last {
		o.chunks = nil
	}
	plain = plain[o.skip:]
	o.skip = 0
	plain = plain[:min(int64(len(plain)), o.left)]
	o.left -= int64(len(plain))
	return plain, nil
}

// nextSegment reads and verifies the header of the next segment.
func (o *Opener) nextSegment() error {
	s := o.layout.segment(o.next)
	if o.segment.salt != nil { // the one before has just been read
		got, err := o.stored.take(checkSize)
		if err != nil {
			return err
		}
		if want := o.layout.record.Parts[o.next-1].Check; !bytes.Equal(got, want[:]) {
			return reject(failCheck, "that of part %d is another", o.segment.part)
		}
	}
	o.stored.plan(headerSize, s.end())
	h, err := o.stored.take(headerSize)
	if err != nil {
		return err
	}
	fixed := fixedHeader(o.keys.Suite, s.part, s.length)
	o.index = 0
	commit, err := o.derive(s, &fixed)
	if err != nil {
		return err
	}
	return checkHeader(h, &fixed, s.salt, &commit)
}

// enterSegment goes into the next segment without its header.
func (o *Opener) enterSegment() error {
	s := o.layout.segment(o.next)
	fixed := fixedHeader(o.keys.Suite, s.part, s.length)
	_, err := o.derive(s, &fixed)
	return err
}

// derive makes the ciphers of a segment and moves to it.
func (o *Opener) derive(s segment, fixed *[headerFixed]byte) (commit [32]byte, err error) {
	r, err := o.keys.extract(s.salt)
	if err != nil {
		return commit, err
	}
	defer r.wipe()
	var scratch []byte
	if o.scratch != nil {
		scratch = o.scratch.bytes
	}
	if o.chunks, commit, err = r.segment(fixed[:], scratch); err != nil {
		return commit, err
	}
	o.segment = s
	o.next++
	return commit, nil
}

// finish reads all that follows the last chunk and checks that it is what it must be.
func (o *Opener) finish() error {
	// The chunk before has been handed out, so there is room.
	room := o.out.bytes
	if err := o.stored.copyTo(room[:checkSize]); err != nil {
		return err
	}
	check := [checkSize]byte(room)
	tail := o.layout.stored - o.stored.pos
	most := int64(maxFooter(len(o.layout.starts)) + checkSize)
	var crc uint32
	for tail > most {
		p := room[:min(tail-most, int64(len(room)))]
		if err := o.stored.copyTo(p); err != nil {
			return err
		}
		if !allZero(p) {
			return reject(failFiller, "it is not zero")
		}
		crc = crc32.Update(crc, castagnoli, p)
		tail -= int64(len(p))
	}
	if tail > int64(len(room)) {
		room = make([]byte, tail)
	}
	p := room[:tail]
	if err := o.stored.copyTo(p); err != nil {
		return err
	}
	if err := o.stored.expectEnd(); err != nil {
		return err
	}
	rec, err := o.checkTail(p)
	if err != nil {
		return err
	}
	crc = crc32.Update(crc, castagnoli, p)
	o.record = rec
	want := rec.Check
	if rec.Parts != nil {
		want = rec.Parts[len(rec.Parts)-1].Check
	}
	if check != want {
		return reject(failCheck, "that of the last segment is another")
	}
	if crc != CheckedCRC32C {
		return reject(failCheck, "that of the footer is another")
	}
	return nil
}

// checkTail checks a footer and the rest of the filler before it.
func (o *Opener) checkTail(p []byte) (*Record, error) {
	size, err := FooterSize(p)
	if err != nil {
		return nil, err
	}
	filler := int64(len(p)) - size
	if filler < 0 {
		return nil, reject(failFooter, "a footer of %d bytes where %d are left", size-checkSize, len(p)-checkSize)
	}
	if !allZero(p[:filler]) {
		return nil, reject(failFiller, "it is not zero")
	}
	rec, encoded, err := openFooter(o.keys, o.layout.stored, p[filler:])
	if err != nil {
		return nil, err
	}
	return rec, o.layout.agrees(rec, encoded)
}
