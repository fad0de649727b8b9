package clients_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// TestS3cmd puts, synchronizes twice, which compares MD5 sums, gets, moves and
// deletes with s3cmd.
func TestS3cmd(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		config := filepath.Join(e.home, "s3cfg")
		writeFile(t, config, []byte(strings.Join([]string{
			"[default]", "access_key = " + site.AccessKey, "secret_key = " + site.SecretKey,
			"host_base = " + e.host(), "host_bucket = " + e.host(), "use_https = " + map[bool]string{true: "True", false: "False"}[e.secure()],
			"ca_certs_file = " + e.CA, "bucket_location = us-east-1", "progress_meter = False",
		}, "\n")))
		s3cmd := e.program(debian(t, "s3cmd"), "--config", config)
		dir, bucket := writeTree(t), "s3://"+e.bucket+"/"
		s3cmd.run(t, "sync", dir+"/", bucket)
		e.expectTreeStored(t, "", sseS3)
		e.expectNoTransfer(t, func() { s3cmd.run(t, "sync", dir+"/", bucket) })
		back := t.TempDir()
		s3cmd.run(t, "sync", bucket, back+"/")
		expectTree(t, back)
		e.expectNoTransfer(t, func() { s3cmd.run(t, "sync", bucket, back+"/") })
		if out := s3cmd.run(t, "ls", "--recursive", bucket); strings.Count(out, "\n") != len(tree) || !strings.Contains(out, " 17825795 ") {
			t.Errorf("listed\n%s", out)
		}

		// The smallest parts, and copies in parts.
		s3cmd.run(t, "put", "--multipart-chunk-size-mb=5", filepath.Join(dir, "dir/sub/large.bin"), bucket+"parts")
		e.expect(t, "parts", content(large), sseS3)
		if out := s3cmd.run(t, "info", bucket+"parts"); !strings.Contains(out, "SSE:       AES256") || !strings.Contains(out, "File size: 17825795") {
			t.Errorf("info:\n%s", out)
		}
		s3cmd.run(t, "cp", bucket+"parts", bucket+"copy")
		e.expect(t, "copy", content(large), sseS3)
		s3cmd.run(t, "mv", bucket+"copy", bucket+"moved")
		e.expect(t, "moved", content(large), sseS3)

		e.eachMode(t, []mode{sseS3, sseKMS}, func(t *testing.T, m mode) {
			options := []string{"put", "--server-side-encryption"}
			if m == sseKMS {
				options = append(options, "--server-side-encryption-kms-id="+kmsKey)
			}
			key := "modes/" + m.String()
			s3cmd.run(t, append(options, filepath.Join(dir, "dir/sub/large.bin"), bucket+key)...)
			e.expect(t, key, content(large), m)
			s3cmd.run(t, append(options, filepath.Join(dir, "small.txt"), bucket+key+"-small")...)
			e.expect(t, key+"-small", content(tree["small.txt"]), m)
		})
		s3cmd.run(t, "del", "--recursive", "--force", bucket)
		e.expectNothingLeft(t)
	})
}
