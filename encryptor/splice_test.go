package encryptor

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestRearrangedChunks(t *testing.T) {
	const n = 4*ChunkSize + 100
	for _, suite := range bothSuites {
		keys, plain := testKeys(suite), testBytes(n)
		o := &object{keys: keys, plain: plain, stored: sealSingle(t, keys, plain)}
		o.addEdges(n)
		other := sealSingle(t, testKeys(suite), plain)    // other keys
		longer := sealSingle(t, keys, append(plain, 'x')) // another object that wrongly has the same keys
		chunk := func(from []byte, i int) []byte {
			start := headerSize + i*sealedChunk
			return from[start:min(start+sealedChunk, int(headerSize+n+5*chunkOverhead))]
		}
		build := func(chunks ...[]byte) []byte {
			return slices.Concat(slices.Concat(o.stored[:headerSize], slices.Concat(chunks...)), o.stored[segmentSize(n)-checkSize:])
		}
		c := [][]byte{chunk(o.stored, 0), chunk(o.stored, 1), chunk(o.stored, 2), chunk(o.stored, 3), chunk(o.stored, 4)}
		if !bytes.Equal(build(c...), o.stored) {
			t.Fatal("the test takes the object apart wrongly")
		}
		for what, stored := range map[string][]byte{
			"two chunks swapped":           build(c[1], c[0], c[2], c[3], c[4]),
			"the last full chunk swapped":  build(c[0], c[1], c[3], c[2], c[4]),
			"a chunk dropped":              build(c[0], c[2], c[3], c[4]),
			"the last chunk dropped":       build(c[0], c[1], c[2], c[3]),
			"a chunk twice":                build(c[0], c[0], c[1], c[2], c[3], c[4]),
			"a chunk in place of another":  build(c[0], c[0], c[2], c[3], c[4]),
			"the last chunk first":         build(c[4], c[0], c[1], c[2], c[3]),
			"a chunk of other keys":        build(c[0], chunk(other, 1), c[2], c[3], c[4]),
			"a chunk of another object":    build(c[0], chunk(longer, 1), c[2], c[3], c[4]),
			"the header of other keys":     slices.Concat(other[:headerSize], o.stored[headerSize:]),
			"the header of another object": slices.Concat(longer[:headerSize], o.stored[headerSize:]),
			"the tail of other keys":       slices.Concat(o.stored[:segmentSize(n)], other[segmentSize(n):]),
			"the tail of another object":   slices.Concat(o.stored[:segmentSize(n)], longer[segmentSize(n+1):]),
			"the check of another object":  slices.Concat(o.stored[:segmentSize(n)-checkSize], longer[segmentSize(n+1)-checkSize:segmentSize(n+1)], o.stored[segmentSize(n):]),
			"all of other keys":            other,
		} {
			o.mustFail(t, suite.String()+": "+what, stored, int64(len(stored)))
			o.mustFail(t, suite.String()+": "+what+", size kept", stored, int64(len(o.stored)))
		}
		o.mustFail(t, suite.String()+": another object", longer, int64(len(o.stored)))
	}
}

func TestRearrangedParts(t *testing.T) {
	for _, suite := range bothSuites {
		keys := testKeys(suite)
		m := sealMultipart(t, keys, MinPartSize, MinPartSize, 100)
		o := &object{keys: keys, plain: m.plain, stored: m.stored, multipart: true}
		o.addEdges(MinPartSize, MinPartSize, 100)
		tail := m.stored[len(m.parts[0])+len(m.parts[1])+len(m.parts[2]):]
		// An attempt that was not accepted, with other content of the same length.
		earlier, earlierPart := sealPart(t, keys, 3, testBytes(MinPartSize))
		foreign := sealMultipart(t, testKeys(suite), MinPartSize, MinPartSize, 100)
		p := m.parts
		for what, stored := range map[string][]byte{
			"parts swapped":          slices.Concat(p[1], p[0], p[2], tail),
			"a part dropped":         slices.Concat(p[0], p[2], tail),
			"the last part dropped":  slices.Concat(p[0], p[1], tail),
			"a part twice":           slices.Concat(p[0], p[0], p[2], tail),
			"an earlier attempt":     slices.Concat(p[0], earlier, p[2], tail),
			"a part of other keys":   slices.Concat(p[0], foreign.parts[1], p[2], tail),
			"the tail of other keys": slices.Concat(p[0], p[1], p[2], foreign.stored[len(m.stored)-len(tail):]),
			"all of other keys":      foreign.stored,
			"chunks of an earlier attempt under the header of the accepted one": slices.Concat(p[0], p[1][:headerSize], earlier[headerSize:], p[2], tail),
		} {
			o.mustFail(t, suite.String()+": "+what, stored, int64(len(stored)))
			o.mustFail(t, suite.String()+": "+what+", size kept", stored, int64(len(m.stored)))
		}
		// A range knows the accepted attempts too.
		l := mustLayout(t, keys, m.stored, true)
		swapped := slices.Concat(p[0], earlier, p[2], tail)
		for _, r := range [][2]int64{{MinPartSize, 10}, {MinPartSize - 10, 20}, {MinPartSize + 3*ChunkSize, ChunkSize}} {
			got, err := openRange(keys, l, swapped, r[0], r[1])
			if !errors.Is(err, ErrNotAuthentic) || !bytes.HasPrefix(m.plain[r[0]:], got) || len(got) > 0 && r[0]+int64(len(got)) > MinPartSize {
				t.Errorf("%v: range %v of an earlier attempt: %d bytes, %v", suite, r, len(got), err)
			}
		}
		// Two records under the same keys: the one that the reader has decides.
		rec := *m.record
		rec.Parts = slices.Clone(rec.Parts)
		rec.Parts[1] = earlierPart
		l2, err := MultipartLayout(int64(len(m.stored)), &rec)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := openAll(keys, l2, bytes.NewReader(swapped)); failClass(err) != failRecord || len(got) > int(o.held) {
			t.Errorf("%v: a footer that does not agree: %d bytes, %v", suite, len(got), err)
		}
	}
}

func TestOtherKeysAndOtherKinds(t *testing.T) {
	for _, suite := range bothSuites {
		keys, plain := testKeys(suite), testBytes(100)
		stored := sealSingle(t, keys, plain)
		m := sealMultipart(t, keys, 100)
		single := mustLayout(t, keys, stored, false)
		check := func(what string, k Keys, l Layout, body []byte, class string) {
			t.Helper()
			got, _, err := openAll(k, l, bytes.NewReader(body))
			if failClass(err) != class || len(got) != 0 {
				t.Errorf("%v: %s: %d bytes, %v", suite, what, len(got), err)
			}
			if got, err := openRange(k, l, body, 0, 100); failClass(err) != failChunk || len(got) != 0 {
				t.Errorf("%v: %s, range: %d bytes, %v", suite, what, len(got), err)
			}
		}
		check("other keys", testKeys(suite), single, stored, failCommit)
		other := keys
		other.Data = NewKey()
		check("another data key", other, single, stored, failCommit)
		if suite == SuiteDSSE {
			other = keys
			other.Outer = NewKey()
			check("another outer key", other, single, stored, failCommit)
			check("one layer", Keys{Suite: SuiteAES256GCM, Data: keys.Data}, single, stored, failHeader)
		} else {
			check("two layers", Keys{Suite: SuiteDSSE, Data: keys.Data, Outer: NewKey()}, single, stored, failHeader)
		}
		check("a part as a whole object", keys, single, m.stored, failHeader)
		check("a whole object as a part", keys, mustLayout(t, keys, m.stored, true), stored, failHeader)
		if _, err := layoutOf(keys, int64(len(stored)), stored, true); failClass(err) != failRecord {
			t.Errorf("%v: the record of one segment: %v", suite, err)
		}
	}
}
