package clients_test

import (
	"path/filepath"
	"testing"
)

// TestBoto3 uploads, lists, copies, downloads and deletes with the managed
// transfers of the AWS SDK for Python.
func TestBoto3(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		dir := writeTree(t)
		python := e.program(debian(t, "python3"), "-B", must(filepath.Abs("python/client.py")), e.URL, e.bucket, dir)
		python.run(t, "files")
		e.expectTreeStored(t, "", sseS3)
		python.run(t, "streams")
		e.expect(t, "stream", content(large), sseS3)
		e.eachMode(t, []mode{sseS3, sseKMS, dsse, sseC}, func(t *testing.T, m mode) {
			python.run(t, string(m))
			for name, size := range map[string]int{"small": tree["small.txt"], "large": large} {
				key := "modes/" + string(m) + "/" + name
				e.expect(t, key, content(size), m)
				e.expect(t, key+"-copy", content(size), m)
			}
		})
		python.run(t, "delete")
		e.expectNothingLeft(t)
	})
}
