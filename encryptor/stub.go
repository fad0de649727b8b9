package encryptor

import (
	"errors"
	"io"
)

const (
	headerSize    = 96
	maxRecordPart = 128
)

var errStub = errors.New("not implemented")

type Sealer struct{}

func (*Sealer) Read([]byte) (int, error)         { return 0, errStub }
func (*Sealer) WriteTo(io.Writer) (int64, error) { return 0, errStub }
func (*Sealer) Close() error                     { return nil }
func NewSealer(keys Keys, body io.Reader, length int64, envelope []byte, record func() (Digests, error)) (*Sealer, error) {
	return nil, errStub
}
func NewPartSealer(keys Keys, body io.Reader, part uint32, length int64) (*Sealer, Part, error) {
	return nil, Part{}, errStub
}
func SealBytes(dst []byte, keys Keys, plaintext, envelope []byte, d Digests) ([]byte, error) {
	return nil, errStub
}
func AppendTail(dst []byte, keys Keys, envelope []byte, rec *Record) ([]byte, error) {
	return nil, errStub
}

type Layout struct{}

func SingleLayout(stored int64) (Layout, error)                 { return Layout{}, errStub }
func MultipartLayout(stored int64, rec *Record) (Layout, error) { return Layout{}, errStub }
func (l Layout) PlaintextSize() int64                           { return 0 }
func (l Layout) StoredRange(off, n int64) (start, length int64) { return 0, 0 }
func GuessStoredRange(first, last int64) (start, end int64)     { return 0, 0 }
func GuessStoredSuffix(n int64) int64                           { return 0 }

type Opener struct{}

func NewOpener(keys Keys, l Layout, body io.Reader) *Opener { return nil }
func NewRangeOpener(keys Keys, l Layout, body io.Reader, bodyStart, off, n int64) (*Opener, error) {
	return nil, errStub
}
func (*Opener) Read([]byte) (int, error)         { return 0, errStub }
func (*Opener) WriteTo(io.Writer) (int64, error) { return 0, errStub }
func (*Opener) Close() error                     { return nil }
func (*Opener) Record() *Record                  { return nil }

func FooterSuffix() int64                                              { return 928 }
func OpenFooter(keys Keys, stored int64, tail []byte) (*Record, error) { return nil, errStub }
func FooterSize(tail []byte) (int64, error)                            { return 0, errStub }
func FooterEnvelope(tail []byte) ([]byte, error)                       { return nil, errStub }
func IsEncrypted(prefix []byte) bool                                   { return false }

func Commit(k Key) [32]byte                        { return [32]byte{} }
func SealDigests(k Key, d Digests) ([]byte, error) { return nil, errStub }
func OpenDigests(k Key, b []byte) (Digests, error) { return Digests{}, errStub }
