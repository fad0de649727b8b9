package encryptor

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// stage is what a Sealer writes next.
type stage uint8

const (
	stageHeader stage = iota
	stageChunks
	stageCheck
	stageTail
	stageFiller
	stageFooter
	stageDone
)

// fill makes up to limit bytes pending. What was complete before an error is
// dropped: after an error the object is void anyway.
func (s *Sealer) fill(limit int) {
	if s.err != nil {
		return
	}
	limit = min(limit, len(s.sealed.bytes)-outerSlack)
	out := s.sealed.bytes[:0]
	for room := limit; s.stage != stageDone; room = limit - len(out) {
		before := s.stage
		next, err := s.step(out, room)
		if err != nil {
			s.err = err
			return
		}
		if len(next) == len(out) && s.stage == before {
			break // the next piece does not fit
		}
		out = next
	}
	s.pending = out
	if len(out) == 0 {
		s.err = io.EOF
	}
}

// step appends the next piece of the object if it fits into room.
func (s *Sealer) step(out []byte, room int) ([]byte, error) {
	switch s.stage {
	case stageHeader:
		s.stage = stageChunks
		return s.add(out, appendHeader(out, &s.fixed, s.salt, &s.commit)), nil
	case stageChunks:
		n := int(min(s.left, ChunkSize))
		if n+chunkOverhead > room {
			return out, nil
		}
		if len(s.held) == 0 {
			if err := s.read(room / sealedChunk); err != nil {
				return out, err
			}
		}
		return s.sealNext(out, n)
	case stageCheck:
		if room < checkSize {
			return out, nil
		}
		s.stage = stageTail
		if s.part != 0 {
			s.stage = stageDone
		}
		return binary.LittleEndian.AppendUint32(out, s.check), nil
	case stageTail:
		s.stage = stageFiller
		return out, s.makeTail()
	case stageFiller:
		n := min(s.filler, int64(room), int64(len(zeros)))
		s.filler -= n
		if s.filler == 0 {
			s.stage = stageFooter
		}
		return append(out, zeros[:n]...), nil
	case stageFooter:
		if len(s.footer) > room {
			return out, nil
		}
		s.stage = stageDone
		return append(out, s.footer...), nil
	case stageDone:
	}
	return out, io.EOF
}

// singleReads is how long a body may be, in bytes, of which the chunks are read one by
// one: in a short one it pays that whoever sends it can go on while they are sealed.
const singleReads = 16 * ChunkSize

// read reads the plaintext of that many chunks, or as many as there is room for.
func (s *Sealer) read(chunks int) error {
	chunks = max(1, min(chunks, len(s.plain.bytes)/ChunkSize))
	s.held = s.plain.bytes[:min(s.left, int64(chunks)*ChunkSize)]
	n, err := readFull(s.body, s.held)
	if err == io.EOF {
		err = fmt.Errorf("body ends %d bytes early: %w", s.left-int64(n), io.ErrUnexpectedEOF)
	}
	return err
}

// sealNext seals the next chunk, of n plaintext bytes, which have been read.
func (s *Sealer) sealNext(out []byte, n int) ([]byte, error) {
	plain := s.held[:n]
	s.held = s.held[n:]
	s.left -= int64(n)
	last := s.left == 0
	if last {
		// Before the end is sealed the body may still say that it was not what it should have been.
		switch m, err := readFull(s.body, s.probe[:]); {
		case m != 0:
			return out, ErrBodyLength
		case err != io.EOF:
			return out, err
		}
		s.stage = stageCheck
	}
	out = s.add(out, s.chunks.sealChunk(out, plain, s.index, last))
	s.index++
	return out, nil
}

// add counts what longer has more than out into the check, and returns longer.
func (s *Sealer) add(out, longer []byte) []byte {
	if s.checked {
		s.check = crc32.Update(s.check, castagnoli, longer[len(out):])
	}
	return longer
}

// makeTail asks for the digests and prepares filler and footer.
func (s *Sealer) makeTail() error {
	rec := Record{Length: s.length, Check: s.Check()}
	if s.record != nil {
		var err error
		if rec.Digests, err = s.record(); err != nil {
			return err
		}
	}
	record, err := rec.encode()
	if err != nil {
		return err
	}
	stored := StoredSize(s.length)
	if s.footer, err = s.roots.footer(s.keys.Suite, s.salt, stored, s.envelope, record); err != nil {
		return err
	}
	s.filler = stored - segmentSize(s.length) - int64(len(s.footer)) - checkSize
	s.footer = binary.LittleEndian.AppendUint32(s.footer, crc32.Update(updateZeros(0, s.filler), castagnoli, s.footer))
	return nil
}
