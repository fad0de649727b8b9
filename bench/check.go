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
	get := c.read(http.MethodGet, "check/"+c.name)
	resp, body, err := send(get, hash, http.StatusOK)
	if err != nil {
		return err
	}
	if !bytes.Equal(body, content) {
		return fmt.Errorf("check of %s: GET returned other content than was stored", c.name)
	}
	if name, want := c.encrypted(); resp.get(name) != want {
		return fmt.Errorf("check of %s: %s is %q instead of %q", c.name, name, resp.get(name), want)
	}
	get.header.Set("Range", "bytes=65000-131999")
	if _, body, err = send(get, hash, http.StatusPartialContent); err != nil {
		return err
	}
	if !bytes.Equal(body, content[65000:132000]) {
		return fmt.Errorf("check of %s: ranged GET returned other content than was stored", c.name)
	}
	resp, _, err = send(c.read(http.MethodHead, "check/"+c.name), hash, http.StatusOK)
	if err != nil {
		return err
	}
	if resp.length != int64(len(content)) {
		return fmt.Errorf("check of %s: HEAD says %d bytes instead of %d", c.name, resp.length, len(content))
	}
	return nil
}

// encrypted returns a header of answers about objects and the value by which
// it tells that the contestant has encrypted as it must; none if it does not.
func (c *contestant) encrypted() (name, value string) {
	const sse = "X-Amz-Server-Side-Encryption"
	switch {
	case c.mode != nil:
		return c.mode.name, c.mode.value
	case c.sse || c.name == nameGateway:
		return sse, "AES256"
	default:
		return sse, ""
	}
}

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
		m := c.sign(c.read(http.MethodGet, key), sigv4.UnsignedPayload)
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
