//go:build linux

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	region          = "us-east-1"
	bucket          = "bench"
	unsignedPayload = "UNSIGNED-PAYLOAD"
)

// credential is one access key of a server under test.
type credential struct{ accessKey, secret string }

// draft is a request before it is signed.
type draft struct {
	method string
	key    string // "" = the bucket itself
	header map[string]string
	body   []byte
}

// sign makes the wire form of the draft: path style, SigV4 in the
// Authorization header (AWS "Authenticating Requests: Using the Authorization
// Header"). payloadHash is the hex SHA-256 of the body or unsignedPayload.
// Keys must need no escaping.
func (d draft) sign(host string, cred credential, payloadHash string, now time.Time) *message {
	path := "/" + bucket
	if d.key != "" {
		path += "/" + d.key
	}
	stamp := now.UTC().Format("20060102T150405Z")
	header := map[string]string{"host": host, "x-amz-content-sha256": payloadHash, "x-amz-date": stamp}
	for name, value := range d.header {
		header[strings.ToLower(name)] = value
	}
	names := slices.Sorted(maps.Keys(header))
	signed := strings.Join(names, ";")

	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n\n", d.method, path)
	for _, name := range names {
		fmt.Fprintf(&canonical, "%s:%s\n", name, header[name])
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", signed, payloadHash)

	scope := stamp[:8] + "/" + region + "/s3/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hexSHA256([]byte(canonical.String()))
	key := []byte("AWS4" + cred.secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = hmacSHA256(key, part)
	}

	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\n", d.method, path)
	for _, name := range names {
		fmt.Fprintf(&head, "%s: %s\r\n", http.CanonicalHeaderKey(name), header[name])
	}
	// Like the SDKs: no compression, so that nobody on the way adds it.
	io.WriteString(&head, "Accept-Encoding: identity\r\nUser-Agent: bench\r\n")
	if d.method == http.MethodPut {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(d.body))
	}
	fmt.Fprintf(&head, "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x\r\n\r\n",
		cred.accessKey, scope, signed, hmacSHA256(key, toSign))
	return &message{head: head.Bytes(), body: d.body, noBody: d.method == http.MethodHead, status: http.StatusOK, length: -1}
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	io.WriteString(h, text)
	return h.Sum(nil)
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
