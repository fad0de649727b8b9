//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// check shows that a contestant does what it is measured for, before anything
// is measured: what was stored comes back, whole and in part, and the two that
// encrypt do encrypt.
func (c *contestant) check(signed bool) error {
	conn := newConn(c.addr)
	defer conn.close()
	content := randomBytes('c', 200_001)
	hash := payloadHash(signed, nil)
	send := func(d draft, hash string, status int) (*response, []byte, error) {
		m := c.sign(d, hash)
		m.status = status
		var body bytes.Buffer
		resp, err := conn.do(m, &body)
		if err != nil {
			return nil, nil, fmt.Errorf("check of %s: %s: %w", c.name, d.method, err)
		}
		return resp, body.Bytes(), nil
	}

	if _, _, err := send(c.put("check/"+c.name, content), payloadHash(signed, content), http.StatusOK); err != nil {
		return err
	}
	get := draft{method: http.MethodGet, key: "check/" + c.name}
	resp, body, err := send(get, hash, http.StatusOK)
	if err != nil {
		return err
	}
	if !bytes.Equal(body, content) {
		return fmt.Errorf("check of %s: GET returned other content than was stored", c.name)
	}
	if c.encrypts() && resp.get("X-Amz-Server-Side-Encryption") != "AES256" {
		return fmt.Errorf("check of %s: the object is not encrypted", c.name)
	}
	get.header = http.Header{"Range": {"bytes=65000-131999"}}
	if _, body, err = send(get, hash, http.StatusPartialContent); err != nil {
		return err
	}
	if !bytes.Equal(body, content[65000:132000]) {
		return fmt.Errorf("check of %s: ranged GET returned other content than was stored", c.name)
	}
	resp, _, err = send(draft{method: http.MethodHead, key: "check/" + c.name}, hash, http.StatusOK)
	if err != nil {
		return err
	}
	if resp.length != int64(len(content)) {
		return fmt.Errorf("check of %s: HEAD says %d bytes instead of %d", c.name, resp.length, len(content))
	}
	return nil
}

// encrypts tells whether the contestant is one of those that must.
func (c *contestant) encrypts() bool { return c.sse || c.name == nameGateway }

// checkSealed shows that what the gateway stored is not the content, by
// reading it from the store with the store's own credential.
func checkSealed(gateway, store *contestant) error {
	conn := newConn(store.addr)
	defer conn.close()
	var stored bytes.Buffer
	m := store.sign(draft{method: http.MethodGet, key: "check/" + gateway.name}, hexSHA256(nil))
	if _, err := conn.do(m, &stored); err != nil {
		return fmt.Errorf("read behind the gateway: %w", err)
	}
	content := randomBytes('c', 200_001)
	for off := 0; off+64 <= len(content); off += 4096 {
		if bytes.Contains(stored.Bytes(), content[off:off+64]) {
			return errors.New("the gateway stored plaintext")
		}
	}
	return nil
}

// seed stores the objects that the reading operations need and reads each
// once, comparing the content.
func (c *contestant) seed(size int64, body []byte) error {
	conn := newConn(c.addr)
	defer conn.close()
	for i := range keysPerSize(size) {
		key := c.key("get", size, i)
		if _, err := conn.do(c.sign(c.put(key, body), sigv4.UnsignedPayload), nil); err != nil {
			return fmt.Errorf("store %s through %s: %w", sizeName(size), c.name, err)
		}
		m := c.sign(draft{method: http.MethodGet, key: key}, sigv4.UnsignedPayload)
		m.length = size
		if _, err := conn.do(m, &comparer{want: body}); err != nil {
			return fmt.Errorf("read %s through %s: %w", sizeName(size), c.name, err)
		}
	}
	return nil
}

// comparer is an io.Writer that fails as soon as something else than want is
// written.
type comparer struct{ want []byte }

func (c *comparer) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(c.want, p) {
		return 0, errors.New("content differs from what was stored")
	}
	c.want = c.want[len(p):]
	return len(p), nil
}
