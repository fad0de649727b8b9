package clients_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rclone returns rclone with a remote called s3, as its documentation
// configures one for a provider that it has no name for.
func (e *endpoint) rclone(t *testing.T, options ...string) *command {
	t.Helper()
	c := e.program(built(t, "rclone"), append([]string{"--config", os.DevNull, "--log-level", "NOTICE"}, options...)...)
	c.env = append(c.env, "RCLONE_CONFIG_S3_TYPE=s3", "RCLONE_CONFIG_S3_PROVIDER=Other", "RCLONE_CONFIG_S3_ENV_AUTH=true",
		"RCLONE_CONFIG_S3_REGION=us-east-1", "RCLONE_CONFIG_S3_ENDPOINT="+e.URL)
	return c
}

// silent runs rclone and fails the test if it complains.
func silent(t *testing.T, rclone *command, args ...string) {
	t.Helper()
	if out, said := rclone.output(t, args...); out+said != "" {
		t.Errorf("rclone %s:\n%s%s", strings.Join(args, " "), out, said)
	}
}

// TestRclone copies, synchronizes twice, checks, moves and deletes with
// rclone, which compares MD5 sums where it can.
func TestRclone(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		rclone := e.rclone(t, "--s3-upload-cutoff", "8Mi", "--s3-chunk-size", "5Mi", "--s3-copy-cutoff", "8Mi")
		dir, bucket := writeTree(t), "s3:"+e.bucket
		silent(t, rclone, "sync", dir, bucket)
		e.expectTreeStored(t, "", sseS3)
		e.expectNoTransfer(t, func() { silent(t, rclone, "sync", dir, bucket) })
		e.expectNoTransfer(t, func() { silent(t, rclone, "sync", "--checksum", dir, bucket) })
		e.expectNoTransfer(t, func() { silent(t, rclone, "check", dir, bucket, "--log-level", "ERROR") })
		silent(t, rclone, "check", "--download", dir, bucket, "--log-level", "ERROR")
		back := t.TempDir()
		silent(t, rclone, "copy", bucket, back)
		expectTree(t, back)
		e.expectNoTransfer(t, func() { silent(t, rclone, "sync", bucket, back) })
		if out := rclone.run(t, "lsjson", "--recursive", "--files-only", bucket); strings.Count(out, `"Path"`) != len(tree) || !strings.Contains(out, `"Size":17825795,`) {
			t.Errorf("listed\n%s", out)
		}
		// Copied by the store: in one request, and in parts.
		silent(t, rclone, "copy", bucket+"/dir", bucket+"/copy")
		e.expect(t, "copy/sub/large.bin", content(large), sseS3)
		e.expect(t, "copy/one byte", content(1), sseS3)
		silent(t, rclone, "move", bucket+"/copy", bucket+"/moved")
		e.expect(t, "moved/sub/large.bin", content(large), sseS3)

		e.eachMode(t, []mode{sseS3, sseKMS, dsse, sseC}, func(t *testing.T, m mode) {
			var options []string
			switch m {
			case sseC:
				options = []string{"--s3-sse-customer-algorithm", "AES256", "--s3-sse-customer-key-base64", base64.StdEncoding.EncodeToString([]byte(customer))}
			case sseKMS, dsse:
				options = []string{"--s3-server-side-encryption", string(m), "--s3-sse-kms-key-id", kmsKey}
			default:
				options = []string{"--s3-server-side-encryption", string(m)}
			}
			rclone := e.rclone(t, append(options, "--s3-upload-cutoff", "8Mi", "--s3-copy-cutoff", "8Mi")...)
			prefix := "modes/" + m.String()
			for range 2 {
				silent(t, rclone, "sync", dir, bucket+"/"+prefix)
			}
			silent(t, rclone, "copy", bucket+"/"+prefix+"/dir/sub", bucket+"/"+prefix+"-copy")
			e.expect(t, prefix+"/dir/sub/large.bin", content(large), m)
			e.expect(t, prefix+"/small.txt", content(tree["small.txt"]), m)
			e.expect(t, prefix+"-copy/large.bin", content(large), m)
			back := t.TempDir()
			silent(t, rclone, "copy", bucket+"/"+prefix, back)
			expectTree(t, back)
		})
		silent(t, rclone, "delete", bucket)
		e.expectNothingLeft(t)
	})
}

// TestRcloneLarge uploads 300 MiB with the default settings, in parts of 5 MiB,
// and in one request: rclone compares the sums of what it sent with the ETag.
func TestRcloneLarge(t *testing.T) {
	e := start(t, true)
	path := filepath.Join(t.TempDir(), "large.bin")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for left := 300 << 20; left > 0; left -= large {
		if _, err := file.Write(content(min(left, large))); err != nil {
			t.Fatal(err)
		}
	}
	for name, options := range map[string][]string{
		"default settings":    nil,
		"parts of 5 MiB":      {"--s3-chunk-size", "5Mi"},
		"in a single request": {"--s3-upload-cutoff", "1Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			rclone := e.rclone(t, options...)
			silent(t, rclone, "copy", path, "s3:"+e.bucket)
			e.expectNoTransfer(t, func() { silent(t, rclone, "copy", "--checksum", path, "s3:"+e.bucket) })
			silent(t, rclone, "check", "--download", filepath.Dir(path), "s3:"+e.bucket, "--log-level", "ERROR")
			silent(t, rclone, "delete", "s3:"+e.bucket)
		})
	}
}
