package clients_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAWSCLI copies, lists, synchronizes twice, moves and removes with the AWS
// command line.
func TestAWSCLI(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		aws := e.program(debian(t, "aws"), "--endpoint-url", e.URL)
		dir, bucket := writeTree(t), "s3://"+e.bucket
		aws.run(t, "s3", "sync", dir, bucket, "--no-progress")
		e.expectTreeStored(t, "", sseS3)
		e.expectNoTransfer(t, func() {
			if out := aws.run(t, "s3", "sync", dir, bucket); out != "" {
				t.Errorf("the second time: %s", out)
			}
		})
		if out := aws.run(t, "s3", "ls", "--recursive", bucket); !strings.Contains(out, " 17825795 dir/sub/large.bin\n") || strings.Count(out, "\n") != len(tree) {
			t.Errorf("listed\n%s", out)
		}
		back := t.TempDir()
		aws.run(t, "s3", "sync", bucket, back, "--no-progress")
		expectTree(t, back)
		e.expectNoTransfer(t, func() {
			if out := aws.run(t, "s3", "sync", bucket, back); out != "" {
				t.Errorf("the second time back: %s", out)
			}
		})

		aws.run(t, "s3", "mv", bucket+"/dir/sub/large.bin", bucket+"/moved.bin", "--no-progress")
		e.expect(t, "moved.bin", content(large), sseS3)
		aws.run(t, "s3", "mv", bucket+"/moved.bin", filepath.Join(back, "moved.bin"), "--no-progress")
		expectFile(t, filepath.Join(back, "moved.bin"), content(large))

		e.eachMode(t, []mode{sseS3, sseKMS, sseC}, func(t *testing.T, m mode) { awsModes(t, e, aws, dir, m) })
		if e.secure() {
			t.Run("DSSE-KMS", func(t *testing.T) {
				aws.run(t, "s3api", "put-object", "--bucket", e.bucket, "--key", "modes/dsse", "--body", filepath.Join(dir, "small.txt"),
					"--server-side-encryption", "aws:kms:dsse", "--ssekms-key-id", kmsKey)
				e.expect(t, "modes/dsse", content(tree["small.txt"]), dsse)
			})
		}
		aws.run(t, "s3", "rm", "--recursive", bucket, "--only-show-errors")
		e.expectNothingLeft(t)
		if e.secure() {
			t.Run("bucket encryption", func(t *testing.T) { awsBucketEncryption(t, e, aws, dir) })
		}
	})
}

// awsBucketEncryption makes a bucket, sets what its objects are encrypted with
// when a request does not say, and removes bucket and objects in one command.
func awsBucketEncryption(t *testing.T, e *endpoint, aws *command, dir string) {
	e.bucket += "-kms"
	aws.run(t, "s3", "mb", "s3://"+e.bucket)
	aws.run(t, "s3api", "put-bucket-encryption", "--bucket", e.bucket, "--server-side-encryption-configuration",
		`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"`+kmsKey+`"},"BucketKeyEnabled":true}]}`)
	if out := aws.run(t, "s3api", "get-bucket-encryption", "--bucket", e.bucket); !strings.Contains(out, kmsKey) || !strings.Contains(out, `"BucketKeyEnabled": true`) {
		t.Errorf("bucket encryption:\n%s", out)
	}
	aws.run(t, "s3", "sync", dir, "s3://"+e.bucket, "--no-progress")
	e.expectTreeStored(t, "", sseKMS)
	e.expectNoTransfer(t, func() {
		if out := aws.run(t, "s3", "sync", dir, "s3://"+e.bucket); out != "" {
			t.Errorf("the second time: %s", out)
		}
	})
	aws.run(t, "s3", "rb", "--force", "s3://"+e.bucket)
	if found, err := e.Store.Client().BucketExists(t.Context(), e.bucket); err != nil || found {
		t.Errorf("bucket there: %t, %v", found, err)
	}
}

// awsModes uploads, copies within the store and downloads with a kind of
// encryption.
func awsModes(t *testing.T, e *endpoint, aws *command, dir string, m mode) {
	var write, read, duplicate []string
	switch m {
	case sseC:
		keyFile := filepath.Join(t.TempDir(), "key")
		writeFile(t, keyFile, []byte(customer))
		read = []string{"--sse-c", "AES256", "--sse-c-key", "fileb://" + keyFile}
		duplicate = []string{"--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", "fileb://" + keyFile}
		write = read
	case sseKMS:
		write = []string{"--sse", "aws:kms", "--sse-kms-key-id", kmsKey}
	default:
		write = []string{"--sse", string(m)}
	}
	cp := func(from, to string, options ...string) {
		t.Helper()
		aws.run(t, append([]string{"s3", "cp", "--no-progress", from, to}, options...)...)
	}
	key := "modes/" + m.String()
	object, back := "s3://"+e.bucket+"/"+key, filepath.Join(t.TempDir(), "back")
	cp(filepath.Join(dir, "dir/sub/large.bin"), object, write...)
	e.expect(t, key, content(large), m)
	cp(object, object+"-copy", append(duplicate, write...)...)
	e.expect(t, key+"-copy", content(large), m)
	cp(object+"-copy", back, read...)
	expectFile(t, back, content(large))
}
