package clients_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// TestS3FS mounts a bucket as a directory, once with every kind of encryption
// that s3fs can ask for.
func TestS3FS(t *testing.T) {
	path := debian(t, "s3fs")
	if device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("\n!!!!\n!!!! NOT TESTED: s3fs, this machine has no FUSE\n!!!!\n%v", err)
	} else {
		device.Close()
	}
	each(t, func(t *testing.T, e *endpoint) {
		e.eachMode(t, []mode{sseS3, sseKMS, sseC}, func(t *testing.T, m mode) {
			// When it begins an upload in parts, s3fs 1.90 names no encryption.
			options := map[mode]string{sseS3: "use_sse,multipart_size=5", sseKMS: "nomultipart,use_sse=kmsid:" + kmsKey}[m]
			if m == sseC {
				keys := filepath.Join(t.TempDir(), "keys")
				writeFile(t, keys, []byte(*customerBase64()+"\n"))
				options = "nomultipart,use_sse=custom:" + keys
			}
			throughMount(t, e, e.program(path, "-o", options), m)
		})
	})
}

// throughMount writes, lists, reads, changes, renames and removes files in a
// mounted bucket.
func throughMount(t *testing.T, e *endpoint, s3fs *command, m mode) {
	at := t.TempDir()
	s3fs.mount(t, e.bucket, at)
	// Every look at the mounted directory is another program's: one that hangs
	// can be killed.
	sh := e.program("/bin/sh", "-ec")
	sh.dir = at
	dir := writeTree(t)
	sh.run(t, `cp -r "$0"/. .`, dir)
	for name, size := range tree {
		e.expect(t, name, content(size), m)
	}
	back := t.TempDir()
	sh.run(t, `cp -r . "$0"`, back)
	expectTree(t, back)

	sh.run(t, `printf more >> small.txt; mv dir/sub/large.bin renamed.bin; dd if="$0" of=renamed.bin bs=1000 count=1 seek=10000 conv=notrunc status=none`, filepath.Join(dir, "small.txt"))
	changed := bytes.Clone(content(large))
	copy(changed[10_000_000:], content(1000))
	e.expect(t, "renamed.bin", changed, m)
	e.expect(t, "small.txt", append(bytes.Clone(content(1000)), "more"...), m)
	if out := sh.run(t, "ls -A dir/sub; stat -c %s renamed.bin"); out != "exactly a chunk.bin\n17825795\n" {
		t.Errorf("listed\n%s", out)
	}
	sh.run(t, "rm -rf dir empty small.txt renamed.bin")
	e.expectNothingLeft(t)
}

// mount mounts the bucket until the test ends.
func (c *command) mount(t *testing.T, bucket, at string) {
	t.Helper()
	args := []string{bucket, at, "-f", "-o", "url=" + c.e.URL + ",use_path_request_style,endpoint=us-east-1"}
	cmd := exec.Command(c.path, slices.Concat(c.args, args)...)
	cmd.Env = append(c.env, "AWSACCESSKEYID="+site.AccessKey, "AWSSECRETACCESSKEY="+site.SecretKey)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = exec.Command("fusermount", "-u", "-z", at).Run() // fails if it was not mounted
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Error("s3fs does not end")
		}
	})
	deadline := time.After(time.Minute)
	for {
		mounts := string(must(os.ReadFile("/proc/self/mounts")))
		if strings.Contains(mounts, " "+at+" fuse.s3fs ") {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("s3fs: %v\n%s", err, said.Bytes())
		case <-deadline:
			t.Fatal("not mounted within a minute")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
