package encryptor

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
)

// Sealer turns a plaintext body into stored bytes: a whole object of PutObject, or one part.
//
// It is a reader for one goroutine. Close may be called from another at any time. It never reads
// ahead by more than a few chunks, and it returns errors of the body as they are.
type Sealer struct {
	guard
	keys     *Keys
	body     io.Reader
	length   int64
	part     uint32 // 0: a whole object
	envelope []byte
	record   func() (Digests, error)

	roots  roots
	chunks *layers
	commit [32]byte
	fixed  [headerFixed]byte
	salt   *[32]byte

	batch                  batch
	plain, sealed, scratch *buffer
	held                   []byte // of plain, read and not sealed yet
	pending                []byte // of sealed, not handed out yet
	stage                  stage
	left                   int64 // plaintext not sealed yet
	index                  int64 // of the next chunk
	checked                bool  // the check is computed
	check                  uint32
	filler                 int64 // not written yet
	footer                 []byte
	probe                  [1]byte
	err                    error
}

// NewSealer returns a reader of the stored form of an object as PutObject makes it. The
// body must have exactly length bytes and then say io.EOF; only after that the record function is
// called, for what is known of the plaintext by then (nil: nothing), and only after that comes the
// footer, without which the object is void. If anything fails, Read returns that error.
//
// The envelope, of at most MaxEnvelope bytes, is stored in clear in the footer. The caller
// must not change it before it has closed the Sealer. The keys must be fresh.
func NewSealer(keys Keys, body io.Reader, length int64, envelope []byte, record func() (Digests, error)) (*Sealer, error) {
	if len(envelope) > MaxEnvelope {
		return nil, fmt.Errorf("sealing: an envelope of %d bytes is too long", len(envelope))
	}
	s := &Sealer{body: body, length: length, envelope: envelope, record: record, salt: &zeroSalt}
	if err := s.init(keys); err != nil {
		return nil, err
	}
	return s, nil
}

// NewPartSealer returns a reader of the stored form of one part, with a fresh salt, so that the same
// part can be sealed any number of times under the same keys. The Part, completed by a checksum and by what
// Check returns, belongs into the record if this attempt is the one that is accepted.
func NewPartSealer(keys Keys, body io.Reader, part uint32, length int64) (*Sealer, Part, error) {
	if part == 0 || part > MaxParts {
		return nil, Part{}, fmt.Errorf("sealing: part number %d is out of range", part)
	}
	p := Part{Number: part, Length: length}
	_, _ = rand.Read(p.Salt[:])
	s := &Sealer{body: body, length: length, part: part, salt: &p.Salt}
	if err := s.init(keys); err != nil {
		return nil, Part{}, err
	}
	return s, p, nil
}

func (s *Sealer) init(keys Keys) error {
	if err := keys.check(); err != nil {
		return err
	}
	if s.length < 0 || s.length > MaxObjectSize {
		return fmt.Errorf("sealing %d bytes: %w", s.length, errSealedSize)
	}
	s.keys = &keys
	s.left = s.length
	s.fixed = fixedHeader(keys.Suite, s.part, s.length)
	var err error
	if s.roots, err = keys.extract(s.salt); err != nil {
		return err
	}
	chunk := min(s.length, ChunkSize) + chunkOverhead + outerSlack
	var scratch []byte
	if keys.Suite == SuiteDSSE {
		s.scratch = borrow(chunk)
		scratch = s.scratch.bytes
	}
	if s.chunks, s.commit, err = s.roots.segment(s.fixed[:], scratch); err != nil {
		s.release()
		return err
	}
	size := segmentSize(s.length)
	if s.part == 0 {
		size = StoredSize(s.length)
	}
	plain := chunk
	if s.length > singleReads {
		plain = batchChunks * ChunkSize
	}
	s.plain = borrow(plain)
	s.sealed = borrow(size + outerSlack)
	return nil
}

// ComputeCheck lets the segment end with the CRC-32C of all that comes before, so that all of it has
// the CRC-32C that CheckedCRC32C and ObjectCRC32C say. Otherwise four zero bytes stand there. It must be called
// before anything is read.
func (s *Sealer) ComputeCheck() { s.checked = true }

// Check returns how the segment ends. It is to be asked when all of it was read, also after Close, and
// not while it is being read.
func (s *Sealer) Check() (c [checkSize]byte) {
	binary.LittleEndian.PutUint32(c[:], s.check)
	return c
}

// Read implements io.Reader.
func (s *Sealer) Read(p []byte) (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.exit()
	if len(p) == 0 {
		return 0, nil
	}
	if len(s.pending) == 0 {
		// A chunk at a time: it is still in the processor's cache when it is copied.
		s.fill(chunkBuffer - outerSlack)
	}
	if len(s.pending) == 0 {
		return 0, s.err
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. It writes several chunks at a time.
func (s *Sealer) WriteTo(w io.Writer) (int64, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.exit()
	var total int64
	for {
		if len(s.pending) == 0 {
			s.fill(s.batch.next())
		}
		if len(s.pending) == 0 {
			if s.err == io.EOF {
				return total, nil
			}
			return total, s.err
		}
		n, err := w.Write(s.pending)
		total += int64(n)
		if err == nil && n < len(s.pending) {
			err = io.ErrShortWrite
		}
		if err != nil {
			s.pending = s.pending[n:]
			return total, err
		}
		s.pending = nil
	}
}

// Close gives up the buffers and keys. It does not close the body.
func (s *Sealer) Close() error {
	if s.close() {
		s.release()
		s.mu.Unlock()
	}
	return nil
}

func (s *Sealer) exit() {
	if s.leave() {
		s.release()
		s.mu.Unlock()
	}
}

// Format prints the type alone, whatever the verb: the fields lead to keys and plaintext.
func (s *Sealer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "encryptor.Sealer") }

// release is idempotent. Nobody may be using the Sealer.
func (s *Sealer) release() {
	s.roots.wipe()
	s.plain.wipe()
	s.scratch.wipe()
	s.plain.giveBack()
	s.sealed.giveBack()
	s.scratch.giveBack()
	s.plain, s.sealed, s.scratch, s.held, s.pending, s.chunks, s.keys = nil, nil, nil, nil, nil, nil, nil
}
