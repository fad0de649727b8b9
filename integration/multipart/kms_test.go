package multipart_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
)

// TestKMS uploads in parts under keys in Vault, and completes while Vault
// cannot be used.
func TestKMS(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	v.CreateKey(t, "s3-default", false)
	policy, err := os.ReadFile("../../docs/vault/gateway.hcl")
	if err != nil {
		t.Fatal(err)
	}
	v.WritePolicy(t, "gateway", string(policy))
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(v.CreateToken(t, vault.Token{Policies: []string{"gateway"}, TTL: time.Hour})), 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, store.MinIO(t), "keys vault {\n\taddress "+v.URL+"\n\ttoken_file "+token+"\n}\nkms {\n\tdefault_key s3-default\n}")
	begin := func(mode types.ServerSideEncryption, key string) *upload {
		u := e.create(t, &s3.CreateMultipartUploadInput{
			Key: &key, ServerSideEncryption: mode, SSEKMSEncryptionContext: aws.String("eyJhIjoiYiJ9"),
		})
		u.mustPut(1, plain(mib5, 1))
		u.mustPut(2, plain(100, 2))
		return u
	}
	for _, mode := range []types.ServerSideEncryption{types.ServerSideEncryptionAwsKms, types.ServerSideEncryptionAwsKmsDsse} {
		u := begin(mode, "kms/"+string(mode))
		out := u.complete()
		if out.ServerSideEncryption != mode || aws.ToString(out.SSEKMSKeyId) == "" || out.ChecksumCRC64NVME != nil {
			t.Errorf("%s: completed as %+v", mode, out)
		}
		if etag := u.check(); etag != *out.ETag {
			t.Errorf("%s: ETag %s on GET, %s at the completion", mode, etag, *out.ETag)
		}
	}
	u := begin(types.ServerSideEncryptionAwsKms, "kms/sealed")
	v.Seal(t)
	u.complete()
}
