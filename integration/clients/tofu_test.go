package clients_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

// configuration is one of OpenTofu's whose resources need no other program.
const configuration = `
terraform {
  backend "s3" {
    bucket                      = "%s"
    key                         = "%s/state"
    region                      = "us-east-1"
    endpoints                   = { s3 = "%s" }
    use_path_style              = true
    use_lockfile                = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
    %s
  }
}
variable "answer" { default = "forty-two" }
resource "terraform_data" "it" { input = var.answer }
output "answer" { value = terraform_data.it.output }
`

// TestOpenTofu keeps states and their locks in the bucket. OpenTofu makes a
// lock by a write on the condition that there is no object.
func TestOpenTofu(t *testing.T) {
	path := built(t, "tofu")
	each(t, func(t *testing.T, e *endpoint) {
		e.eachMode(t, []mode{sseS3, sseKMS, sseC}, func(t *testing.T, m mode) {
			options := map[mode]string{
				sseS3: "encrypt = true", sseKMS: "encrypt = true\nkms_key_id = \"alias/clients\"",
				sseC: "encrypt = true\nsse_customer_key = \"" + *customerBase64() + "\"",
			}[m]
			tofu := e.program(path)
			tofu.dir = t.TempDir()
			tofu.env = append(tofu.env, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_CLI_ARGS=-no-color")
			writeFile(t, filepath.Join(tofu.dir, "main.tf"), fmt.Appendf(nil, configuration, e.bucket, m, e.URL, options))
			e.useTofu(t, tofu, m)
		})
	})
}

func (e *endpoint) useTofu(t *testing.T, tofu *command, m mode) {
	state := m.String() + "/state"
	tofu.run(t, "init", "-input=false")
	if out := tofu.run(t, "apply", "-auto-approve", "-input=false"); !strings.Contains(out, "1 added, 0 changed") {
		t.Errorf("applied:\n%s", out)
	}
	e.expectMode(t, state, m)
	if out := tofu.run(t, "apply", "-auto-approve", "-input=false"); !strings.Contains(out, "No changes.") {
		t.Errorf("the second time:\n%s", out)
	}
	if out := tofu.run(t, "output", "-raw", "answer"); out != "forty-two" {
		t.Errorf("the state says %q", out)
	}

	// Somebody else's lock.
	lock := []byte(`{"ID":"5f8c1a5e-2f7c-4c1b-9d53-0d4a4f5d8a11","Operation":"apply","Who":"somebody else","Version":"1.0.0","Created":"2026-01-01T00:00:00Z","Path":"state"}`)
	opts := minio.PutObjectOptions{}
	if m == sseC {
		opts.ServerSideEncryption = customerKey
	}
	if _, err := e.check.PutObject(t.Context(), e.bucket, state+".tflock", bytes.NewReader(lock), int64(len(lock)), opts); err != nil {
		t.Fatal(err)
	}
	_, said, err := tofu.try(t, "apply", "-auto-approve", "-input=false", "-var=answer=43")
	if err == nil || !strings.Contains(said, "Error acquiring the state lock") || !strings.Contains(said, "somebody else") {
		t.Errorf("under somebody else's lock: %v\n%s", err, said)
	}
	tofu.run(t, "force-unlock", "-force", "5f8c1a5e-2f7c-4c1b-9d53-0d4a4f5d8a11")
	tofu.run(t, "apply", "-auto-approve", "-input=false", "-var=answer=43")
	if out := tofu.run(t, "output", "-raw", "answer"); out != "43" {
		t.Errorf("the state says %q", out)
	}

	// Workspaces are found by listing.
	tofu.run(t, "workspace", "new", "other")
	if out := tofu.run(t, "workspace", "list"); !strings.Contains(out, "other") {
		t.Errorf("workspaces:\n%s", out)
	}
	tofu.run(t, "workspace", "select", "default")
	tofu.run(t, "workspace", "delete", "other")
	for _, key := range e.keys(t) {
		if strings.HasSuffix(key, ".tflock") || strings.Contains(key, "other") {
			t.Errorf("left: %s", key)
		}
	}
}
