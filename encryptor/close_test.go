package encryptor

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
)

func TestCloseIsFinalAndIdempotent(t *testing.T) {
	keys, plain := testKeys(SuiteDSSE), testBytes(100_000)
	stored := sealSingle(t, keys, plain)
	s, err := NewSealer(keys, bytes.NewReader(plain), int64(len(plain)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := NewOpener(keys, mustLayout(t, keys, stored, false), bytes.NewReader(stored))
	for name, r := range map[string]io.ReadCloser{"Sealer": s, "Opener": o} {
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if n, err := r.Read(make([]byte, 10)); n != 0 || !errors.Is(err, errClosed) {
			t.Errorf("%s: Read after Close: %d, %v", name, n, err)
		}
		if n, err := r.(io.WriterTo).WriteTo(io.Discard); n != 0 || !errors.Is(err, errClosed) {
			t.Errorf("%s: WriteTo after Close: %d, %v", name, n, err)
		}
	}
	if o.Record() != nil {
		t.Error("a record after Close")
	}
}

// gate is a body that waits in its second Read until it is opened.
type gate struct {
	io.Reader
	reads           int
	entered, opened chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	if g.reads++; g.reads == 2 {
		close(g.entered)
		<-g.opened
	}
	return g.Reader.Read(p)
}

// A close in the middle of a read neither waits for it nor takes its buffers away.
func TestCloseDuringRead(t *testing.T) {
	const n = 20 * ChunkSize
	keys, plain := testKeys(SuiteAES256GCM), testBytes(n)
	stored := sealSingle(t, keys, plain)
	layout := mustLayout(t, keys, stored, false)
	for name, open := range map[string]func(io.Reader) io.ReadCloser{
		"Sealer": func(body io.Reader) io.ReadCloser {
			s, err := NewSealer(keys, body, n, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		"Opener": func(body io.Reader) io.ReadCloser { return NewOpener(keys, layout, body) },
	} {
		t.Run(name, func(t *testing.T) {
			src := stored
			if name == "Sealer" {
				src = plain
			}
			g := &gate{Reader: bytes.NewReader(src), entered: make(chan struct{}), opened: make(chan struct{})}
			r := open(g)
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := io.Copy(io.Discard, struct{ io.Reader }{r}); !errors.Is(err, errClosed) {
					t.Errorf("reading: %v", err)
				}
			})
			<-g.entered
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			close(g.opened)
			wg.Wait()
			if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, errClosed) {
				t.Errorf("Read after Close: %d, %v", n, err)
			}
		})
	}
}

// Many streams at once, each closed at some point, never see each other's bytes.
func TestStreamsShareNothing(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for round := range 20 {
				n := int64((i + 1) * (round + 1) * 997)
				keys, plain := testKeys(bothSuites[i%2]), testBytes(n)
				s, err := NewSealer(keys, bytes.NewReader(plain), n, nil, nil)
				if err != nil {
					t.Error(err)
					return
				}
				stored, err := io.ReadAll(s)
				s.Close()
				if err != nil {
					t.Error(err)
					return
				}
				l, err := SingleLayout(int64(len(stored)))
				if err != nil {
					t.Error(err)
					return
				}
				if got, _, err := openAll(keys, l, bytes.NewReader(stored)); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d bytes of %d: %v", len(got), n, err)
				}
			}
		})
	}
	wg.Wait()
}

// A stream costs what it costs however long it is: nothing is allocated for a chunk.
func TestNoAllocationPerChunk(t *testing.T) {
	for _, suite := range bothSuites {
		keys := testKeys(suite)
		allocs := func(n int64) (seal, open float64) {
			stored := sealSingle(t, keys, make([]byte, n))
			layout := mustLayout(t, keys, stored, false)
			seal = testing.AllocsPerRun(10, func() {
				s, err := NewSealer(keys, &patternReader{n}, n, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.WriteTo(io.Discard); err != nil {
					t.Fatal(err)
				}
				s.Close()
			})
			open = testing.AllocsPerRun(10, func() {
				o := NewOpener(keys, layout, bytes.NewReader(stored))
				if _, err := o.WriteTo(io.Discard); err != nil {
					t.Fatal(err)
				}
				o.Close()
			})
			return seal, open
		}
		sealShort, openShort := allocs(5 * ChunkSize)
		sealLong, openLong := allocs(105 * ChunkSize)
		// A buffer pool may be emptied in between.
		if d := sealLong - sealShort; d > 10 {
			t.Errorf("%v: sealing 100 chunks more allocates %v times more", suite, d)
		}
		if d := openLong - openShort; d > 10 {
			t.Errorf("%v: opening 100 chunks more allocates %v times more", suite, d)
		}
	}
}
