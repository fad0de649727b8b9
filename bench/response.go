//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// response is what a client keeps of an answer.
type response struct {
	status int
	length int64
	head   string
}

// parseHead takes the status and the length from a response header. Everything
// measured here has a length, so a chunked response is an error.
func parseHead(head string) (*response, error) {
	line, rest, _ := strings.Cut(head, "\r\n")
	proto, status, ok := strings.Cut(line, " ")
	if !ok || proto != "HTTP/1.1" || len(status) < 3 {
		return nil, fmt.Errorf("status line %q", line)
	}
	code, err := strconv.Atoi(status[:3])
	if err != nil {
		return nil, fmt.Errorf("status line %q", line)
	}
	resp := &response{status: code, length: -1, head: rest}
	if code == 204 || code == 304 {
		resp.length = 0
	}
	if value := resp.get("Content-Length"); value != "" {
		if resp.length, err = strconv.ParseInt(value, 10, 64); err != nil || resp.length < 0 {
			return nil, fmt.Errorf("content-length %q", value)
		}
	}
	if resp.length < 0 {
		return nil, fmt.Errorf("status %d without content-length", code)
	}
	return resp, nil
}

// get returns the value of the first header field of that name, "" if none.
func (r *response) get(name string) string {
	for line := range strings.SplitSeq(r.head, "\r\n") {
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(line[:len(name)], name) {
			return strings.TrimSpace(line[len(name)+1:])
		}
	}
	return ""
}
