package clients_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// large is a size that every client uploads in parts by default or when asked
// for the smallest parts there are.
const large = 17<<20 + 3

// tree are the files that clients upload, by their slash-separated names.
var tree = map[string]int{
	"small.txt":                   1000,
	"empty":                       0,
	"dir/one byte":                1,
	"dir/ünï+code & more%20.bin":  70_000,
	"dir/sub/large.bin":           large,
	"dir/sub/exactly a chunk.bin": 65_536,
}

var random = sync.OnceValue(func() []byte {
	b := make([]byte, large)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
})

// content returns n bytes that are the same every time. Nobody may change them.
func content(n int) []byte { return random()[large-n:] }

// writeTree makes the files in a new directory and returns it.
func writeTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range tree {
		writeFile(t, filepath.Join(dir, filepath.FromSlash(name)), content(size))
	}
	return dir
}

func writeFile(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// expectTree fails the test unless dir holds the files and no others.
func expectTree(t *testing.T, dir string) {
	t.Helper()
	found := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if len(body) <= large && !bytes.Equal(body, content(len(body))) {
			t.Errorf("%s: other bytes", name)
		}
		found[filepath.ToSlash(name)] = len(body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree, found); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// expectFile fails the test unless the file holds body.
func expectFile(t *testing.T, path string, body []byte) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%s: %d bytes of %d, %v", path, len(got), len(body), err)
	}
}

// expectTreeStored fails the test unless the bucket holds the files below
// prefix, which is empty or ends in a slash.
func (e *endpoint) expectTreeStored(t *testing.T, prefix string, m mode) {
	t.Helper()
	var keys []string
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		keys = append(keys, prefix+name)
		e.expect(t, prefix+name, content(tree[name]), m)
	}
	if diff := cmp.Diff(keys, e.keys(t)); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}
