package clients_test

import (
	"os"
	"path/filepath"
	"testing"
)

// script returns a script for Node.js that gets the endpoint, the bucket and a
// directory with files to upload.
func (e *endpoint) script(t *testing.T, name, dir string) *command {
	t.Helper()
	path := must(filepath.Abs(filepath.Join("js", name)))
	if _, err := os.Stat("js/node_modules"); err != nil {
		missing(t, "packages of Node.js", err)
	}
	return e.program(debian(t, "node"), path, e.URL, e.bucket, dir)
}

// TestAWSSDKForJavaScript uploads, lists, copies, downloads and deletes with
// the client and with Upload of lib-storage.
func TestAWSSDKForJavaScript(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		node := e.script(t, "aws.mjs", writeTree(t))
		node.run(t, "files")
		e.expectTreeStored(t, "", sseS3)
		e.eachMode(t, []mode{sseS3, sseKMS, dsse, sseC}, func(t *testing.T, m mode) { e.scriptMode(t, node, m) })
		node.run(t, "delete")
		e.expectNothingLeft(t)
	})
}

// TestMinIOForJavaScript does the same with MinIO's client.
func TestMinIOForJavaScript(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		node := e.script(t, "minio.mjs", writeTree(t))
		node.run(t, "files")
		e.expectTreeStored(t, "", sseS3)
		e.eachMode(t, []mode{sseS3, sseKMS}, func(t *testing.T, m mode) { e.scriptMode(t, node, m) })
		node.run(t, "delete")
		e.expectNothingLeft(t)
	})
}

// scriptMode has a script upload and copy a small object and a large one.
func (e *endpoint) scriptMode(t *testing.T, script *command, m mode) {
	script.run(t, string(m))
	for name, size := range map[string]int{"small": tree["small.txt"], "large": large} {
		key := "modes/" + string(m) + "/" + name
		e.expect(t, key, content(size), m)
		e.expect(t, key+"-copy", content(size), m)
	}
}
