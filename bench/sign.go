//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

const (
	region = "us-east-1"
	bucket = "bench"
)

// signer signs the requests to every contestant.
var signer sigv4.Signer

// credential is one access key of a server under test. The secret is kept
// readable as well, for the server's environment.
type credential struct {
	sigv4.Credential
	secret string
}

// newCredential makes a credential with a random secret.
func newCredential(accessKey string) (credential, error) {
	secret := hex.EncodeToString(randomSecret())
	redacted, err := sigv4.NewSecret(secret)
	return credential{sigv4.Credential{AccessKey: accessKey, Secret: redacted}, secret}, err
}

// draft is a request before it is signed.
type draft struct {
	method string
	key    string // "" = the bucket itself; must need no escaping
	query  string // escaped and sorted by name
	header http.Header
	body   []byte
}

// sign makes the wire form of a draft for this contestant, path style and with
// the signature in the Authorization header. payloadHash is the hex SHA-256 of
// the body or sigv4.UnsignedPayload.
func (c *contestant) sign(d draft, payloadHash string) *message {
	path := "/" + bucket
	if d.key != "" {
		path += "/" + d.key
	}
	header := d.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	r := &http.Request{Method: d.method, URL: &url.URL{Path: path, RawQuery: d.query}, Host: c.addr, Header: header}
	signer.Sign(r, c.cred.Credential, region, payloadHash, time.Now())

	var head bytes.Buffer
	if d.query != "" {
		path += "?" + d.query
	}
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", d.method, path, c.addr)
	if d.method == http.MethodPut || d.method == http.MethodPost {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(d.body))
	}
	// Like the SDKs: no compression, so that nobody on the way adds it.
	head.WriteString("Accept-Encoding: identity\r\nUser-Agent: bench\r\n")
	_ = r.Header.Write(&head) // a bytes.Buffer takes everything
	head.WriteString("\r\n")
	return &message{
		head: head.Bytes(), body: d.body, noBody: d.method == http.MethodHead, status: http.StatusOK, length: -1,
	}
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
