package localkeys

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// maxFileSize bounds a key file, in bytes: MaxKeys keys and room for comments.
const maxFileSize = 1 << 20

// ParseKey reads a master key from its text form: base64 (standard alphabet,
// with or without padding) or 64 hexadecimal digits, which must decode to
// exactly 32 bytes. White space around it is ignored. The error never holds
// any of s.
func ParseKey(s string) (encryptor.Key, error) {
	s = strings.TrimSpace(s)
	var (
		k   encryptor.Key
		raw []byte
		err error
	)
	if len(s) == hex.EncodedLen(len(k)) {
		raw, err = hex.DecodeString(s)
	} else if s = strings.TrimSuffix(s, "="); len(s) == base64.RawStdEncoding.EncodedLen(len(k)) {
		raw, err = base64.RawStdEncoding.Strict().DecodeString(s)
	}
	if err != nil || len(raw) != len(k) {
		return k, errors.New("localkeys: a master key is 32 bytes as base64 (44 characters) or hexadecimal (64 characters)")
	}
	copy(k[:], raw)
	return k, nil
}

// ParseFile reads a key file: one key a line as "key <id> <key>", the key in a
// form that ParseKey takes, and exactly one line "active <id>" that names the
// key for new objects. Fields are separated by spaces or tabs. Empty lines and
// lines that begin with '#' are ignored. Errors name the line, never a key.
//
// ParseFile checks the syntax; New checks the keys.
func ParseFile(data []byte) (keys []Key, active string, err error) {
	if len(data) > maxFileSize {
		return nil, "", fmt.Errorf("localkeys: the key file is larger than %d bytes", maxFileSize)
	}
	line := 0
	for text := range bytes.Lines(data) {
		line++
		fields := strings.Fields(string(text))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		switch {
		case fields[0] == "key" && len(fields) == 3:
			if !validID(fields[1]) {
				return nil, "", fmt.Errorf("localkeys: key file, line %d: bad id", line)
			}
			key, err := ParseKey(fields[2])
			if err != nil {
				return nil, "", fmt.Errorf("localkeys: key file, line %d: %w", line, err)
			}
			keys = append(keys, Key{ID: fields[1], Key: key})
		case fields[0] == "active" && len(fields) == 2:
			if active != "" {
				return nil, "", fmt.Errorf("localkeys: key file, line %d: a second active line", line)
			}
			if !validID(fields[1]) {
				return nil, "", fmt.Errorf("localkeys: key file, line %d: bad id", line)
			}
			active = fields[1]
		default:
			return nil, "", fmt.Errorf(`localkeys: key file, line %d: want "key <id> <base64>" or "active <id>"`, line)
		}
	}
	if active == "" {
		return nil, "", errors.New("localkeys: the key file has no active line")
	}
	if !slices.ContainsFunc(keys, func(k Key) bool { return k.ID == active }) {
		return nil, "", fmt.Errorf("localkeys: key file: active key %q: %w", active, ErrKeyNotFound)
	}
	return keys, active, nil
}

// FormatFile writes a key file that ParseFile reads back. The result holds the
// keys themselves: store it readable by its owner only.
func FormatFile(keys []Key, active string) []byte {
	var b bytes.Buffer
	b.WriteString("# Master keys of caddy-s3-sse. Whoever has this file can read every object;\n" +
		"# without it nobody can. Keep it secret and keep a copy.\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "key %s %s\n", k.ID, base64.StdEncoding.EncodeToString(k.Key[:]))
	}
	fmt.Fprintf(&b, "active %s\n", active)
	return b.Bytes()
}

// Generate draws a new random master key.
func Generate(id string) Key {
	return Key{ID: id, Key: encryptor.NewKey()}
}
