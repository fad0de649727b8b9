package clients_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// TestMC copies, mirrors twice, looks at, moves and removes with MinIO's
// client.
func TestMC(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		mc := e.program(built(t, "mc"), "--config-dir", filepath.Join(e.home, "mc"), "--quiet", "--no-color", "--disable-pager")
		scheme, _, _ := strings.Cut(e.URL, "://")
		mc.env = append(mc.env, "MC_HOST_s3="+scheme+"://"+site.AccessKey+":"+site.SecretKey+"@"+e.host())
		if e.secure() {
			writeFile(t, filepath.Join(e.home, "mc", "certs", "CAs", "ca.pem"), must(os.ReadFile(e.CA)))
		}
		dir, bucket := writeTree(t), "s3/"+e.bucket
		mc.run(t, "mirror", dir, bucket)
		e.expectTreeStored(t, "", sseS3)
		e.expectNoTransfer(t, func() { mc.run(t, "mirror", dir, bucket) })
		if out := mc.run(t, "diff", dir, bucket); out != "" {
			t.Errorf("different:\n%s", out)
		}
		if out := mc.run(t, "ls", "--recursive", bucket); strings.Count(out, "\n") != len(tree) || !strings.Contains(out, " 17MiB STANDARD dir/sub/large.bin") {
			t.Errorf("listed\n%s", out)
		}
		back := t.TempDir()
		mc.run(t, "mirror", bucket, back)
		expectTree(t, back)
		mc.run(t, "mv", bucket+"/dir/sub/large.bin", bucket+"/moved.bin")
		e.expect(t, "moved.bin", content(large), sseS3)
		mc.run(t, "cp", bucket+"/moved.bin", bucket+"/copied.bin")
		e.expect(t, "copied.bin", content(large), sseS3)

		e.eachMode(t, []mode{sseS3, sseKMS, sseC}, func(t *testing.T, m mode) {
			var write, read []string
			target := bucket
			switch m {
			case sseC:
				read = []string{"--enc-c", target + "=" + base64.RawStdEncoding.EncodeToString([]byte(customer))}
				write = read
			case sseKMS:
				write = []string{"--enc-kms", target + "=" + kmsKey}
			default:
				write = []string{"--enc-s3", target}
			}
			run := func(command string, options, args []string) string {
				t.Helper()
				return mc.run(t, append(append([]string{command}, options...), args...)...)
			}
			key := "modes/" + m.String()
			run("cp", write, []string{filepath.Join(dir, "dir/sub/large.bin"), bucket + "/" + key})
			e.expect(t, key, content(large), m)
			run("cp", write, []string{bucket + "/" + key, bucket + "/copies/" + m.String()})
			e.expect(t, "copies/"+m.String(), content(large), m)
			var info struct {
				Size     int64
				Metadata map[string]string
			}
			out := run("stat", read, []string{"--json", bucket + "/" + key})
			if err := json.Unmarshal([]byte(out), &info); err != nil || info.Size != large {
				t.Errorf("stat: %v\n%s", err, out)
			}
			back := filepath.Join(t.TempDir(), "back")
			run("cp", read, []string{bucket + "/copies/" + m.String(), back})
			expectFile(t, back, content(large))
		})
		mc.run(t, "rm", "--recursive", "--force", bucket+"/")
		e.expectNothingLeft(t)
		if e.secure() {
			t.Run("bucket encryption", func(t *testing.T) { mcBucketEncryption(t, e, mc, dir) })
		}
	})
}

// mcBucketEncryption makes a bucket with versions whose objects are encrypted
// under a key, and mirrors into it.
func mcBucketEncryption(t *testing.T, e *endpoint, mc *command, dir string) {
	e.bucket += "-kms"
	bucket := "s3/" + e.bucket
	mc.run(t, "mb", bucket)
	mc.run(t, "version", "enable", bucket)
	mc.run(t, "encrypt", "set", "sse-kms", kmsKey, bucket)
	if out := mc.run(t, "encrypt", "info", bucket); !strings.Contains(out, kmsKey) {
		t.Errorf("bucket encryption:\n%s", out)
	}
	mc.run(t, "mirror", dir, bucket)
	e.expectTreeStored(t, "", sseKMS)
	e.expectNoTransfer(t, func() { mc.run(t, "mirror", dir, bucket) })
	mc.run(t, "cp", filepath.Join(dir, "dir/sub/large.bin"), bucket+"/small.txt")
	if out := mc.run(t, "ls", "--versions", bucket+"/small.txt"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "1000B STANDARD") || !strings.Contains(out, "17MiB STANDARD") {
		t.Errorf("versions:\n%s", out)
	}
	mc.run(t, "undo", bucket+"/small.txt")
	e.expect(t, "small.txt", content(tree["small.txt"]), sseKMS)
	mc.run(t, "rm", "--recursive", "--versions", "--force", bucket+"/")
	e.expectNothingLeft(t)
	mc.run(t, "rb", bucket)
}
