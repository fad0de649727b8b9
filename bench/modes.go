//go:build linux

package main

import (
	"context"
	"crypto/md5" //nolint:gosec // the protocol's check of a customer key
	"encoding/base64"
	"net/http"
)

// The gateway's modes of encryption, in the order of the tables.
const (
	nameSSES3     = "sse-s3"
	nameBucketKey = "sse-kms-bucket-key"
	nameKMS       = "sse-kms"
	nameSSEC      = "sse-c"
	nameDSSE      = "dsse-kms"

	nameModes = "modes" // of the process that they share
)

// mode is how requests ask for a mode of encryption.
type mode struct {
	put, read   http.Header
	name, value string // a header of answers that tells the mode
}

// modes returns what the requests of each mode have to say. All of them are
// sent as by a proxy that ended TLS, which the modes with keys demand.
func modes() map[string]*mode {
	const sse = "X-Amz-Server-Side-Encryption"
	secure := func(pairs ...string) http.Header {
		h := http.Header{"X-Forwarded-Proto": {"https"}}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	key := randomSecret()
	sum := md5.Sum(key) //nolint:gosec // see above
	customer := secure(
		sse+"-Customer-Algorithm", "AES256",
		sse+"-Customer-Key", base64.StdEncoding.EncodeToString(key),
		sse+"-Customer-Key-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	return map[string]*mode{
		nameSSES3:     {secure(sse, "AES256"), secure(), sse, "AES256"},
		nameBucketKey: {secure(sse, "aws:kms", sse+"-Bucket-Key-Enabled", "true"), secure(), sse + "-Bucket-Key-Enabled", "true"},
		nameKMS:       {secure(sse, "aws:kms"), secure(), sse, "aws:kms"},
		nameSSEC:      {customer, customer, sse + "-Customer-Algorithm", "AES256"},
		nameDSSE:      {secure(sse, "aws:kms:dsse"), secure(), sse, "aws:kms:dsse"},
	}
}

// startModes starts a store, a Vault and one gateway, which is a contestant in
// every mode.
func startModes(ctx context.Context, f *field, o *options) (err error) {
	if f.plain, err = f.startStore(ctx, o, nameStore); err != nil {
		return err
	}
	vault, token, err := f.startVault(ctx, o)
	if err != nil {
		return err
	}
	gateway, err := f.startCaddy(ctx, o, nameModes, f.plain, "VAULT_ADDRESS=http://"+vault, "VAULT_TOKEN="+token)
	if err != nil {
		return err
	}
	all := modes()
	for _, name := range []string{nameSSES3, nameBucketKey, nameKMS, nameSSEC, nameDSSE} {
		c := *gateway
		c.name, c.mode = name, all[name]
		f.contestants = append(f.contestants, &c)
	}
	return nil
}

// modesConfig is gatewayConfig with a key management service and a proxy in
// front that is trusted. The arguments are the same.
const modesConfig = `{
	%s
	auto_https off
	persist_config off
	log {
		level ERROR
	}
	servers {
		trusted_proxies static 127.0.0.1
	}
}
http://:%s {
	bind 127.0.0.1
	s3_sse {
		upstream http://%s
		upstream_credentials benchroot {env.UPSTREAM_SECRET}
		region us-east-1
		master_key k1 {env.MASTER_KEY}
		credential AKIDBENCH {env.CLIENT_SECRET}
		keys vault {
			address {env.VAULT_ADDRESS}
			token {env.VAULT_TOKEN}
		}
		kms {
			default_key bench
		}
	}
}
`
