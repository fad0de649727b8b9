package s3api

import (
	"bytes"
	"encoding/base64"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var linear = []Algorithm{CRC32, CRC32C, CRC64NVME}

func rawSum(a Algorithm, data []byte) []byte {
	h := a.New()
	h.Write(data)
	return h.Sum(nil)
}

// TestCombineVector splits the standard check string at every place.
func TestCombineVector(t *testing.T) {
	check := []byte("123456789")
	for a, want := range map[Algorithm]string{CRC32: "y/Q5Jg==", CRC32C: "4waSgw==", CRC64NVME: "rosUhgp5mIg="} {
		for i := range len(check) + 1 {
			sum, ok := a.Combine(rawSum(a, check[:i]), rawSum(a, check[i:]), int64(len(check)-i))
			if got := base64.StdEncoding.EncodeToString(sum); !ok || got != want {
				t.Errorf("%v split at %d: %s, want %s", a, i, got, want)
			}
		}
	}
}

func TestCombineProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom(linear).Draw(t, "algorithm")
		pieces := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 0, 8).Draw(t, "pieces")
		c := a.newCombiner()
		sum := rawSum(a, nil)
		for _, p := range pieces {
			c.add(rawSum(a, p), int64(len(p)))
			var ok bool
			if sum, ok = a.Combine(sum, rawSum(a, p), int64(len(p))); !ok {
				t.Fatal("not combined")
			}
		}
		want := rawSum(a, bytes.Join(pieces, nil))
		if !bytes.Equal(c.value(), want) || !bytes.Equal(sum, want) {
			t.Fatalf("%v: %x and %x, want %x", a, c.value(), sum, want)
		}
	})
}

// TestCombineLong goes to lengths that cannot be hashed: what a register goes
// through over n+m zeros is what it goes through over n and then over m.
func TestCombineLong(t *testing.T) {
	for _, a := range linear {
		f := crcFields[a]
		for _, n := range []int64{1, 2, 3, MinPartSize + 1, MaxPartSize, math.MaxInt64 / 2} {
			if f.multiply(f.zeros(n), f.zeros(n+1)) != f.zeros(2*n+1) {
				t.Errorf("%v: %d zeros and %d are not %d", a, n, n+1, 2*n+1)
			}
		}
	}
	// 1 MiB of zeros in one step and by hashing.
	for _, a := range linear {
		zeros := make([]byte, 1<<20)
		got, _ := a.Combine(rawSum(a, []byte("x")), rawSum(a, zeros), int64(len(zeros)))
		if diff := cmp.Diff(rawSum(a, append([]byte("x"), zeros...)), got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", a, diff)
		}
	}
}

func TestCombineRefuses(t *testing.T) {
	four, eight := make([]byte, 4), make([]byte, 8)
	for _, tt := range []struct {
		a             Algorithm
		first, second []byte
		n             int64
	}{
		{0, nil, nil, 0},
		{SHA1, make([]byte, 20), make([]byte, 20), 1},
		{XXHASH64, eight, eight, 1},
		{CRC32, four, eight, 1},
		{CRC32, eight, four, 1},
		{CRC64NVME, four, four, 1},
		{CRC32, nil, four, 1},
		{CRC32, four, four, -1},
		{255, four, four, 1},
	} {
		if sum, ok := tt.a.Combine(tt.first, tt.second, tt.n); ok {
			t.Errorf("%v, %d and %d bytes, %d: %x", tt.a, len(tt.first), len(tt.second), tt.n, sum)
		}
	}
}

func BenchmarkCombine(b *testing.B) {
	for _, a := range linear {
		b.Run(a.String(), func(b *testing.B) {
			part := rawSum(a, []byte("part"))
			for b.Loop() {
				c := a.newCombiner()
				for range MaxParts {
					c.add(part, 5<<20)
				}
				c.value()
			}
		})
	}
}
