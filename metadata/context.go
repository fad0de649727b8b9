package metadata

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// parseContext reads the value of the encryption context header, base64 of a
// JSON object of strings, and returns it as JSON with sorted keys: that is
// stored and authenticated, so that one context has one form. An empty object
// is no context.
func parseContext(value string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || !utf8.Valid(raw) {
		return nil, errContext
	}
	pairs, err := stringMap(raw)
	if err != nil {
		return nil, errContext
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(pairs); err != nil { // sorts the keys of a map
		return nil, fmt.Errorf("metadata: encode encryption context: %w", err)
	}
	canonical := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(canonical) > MaxContext {
		return nil, invalid(headerContext, fmt.Sprintf("The encryption context must not be larger than %d bytes.", MaxContext))
	}
	return canonical, nil
}

var errContext = invalid(headerContext,
	"The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map")

// stringMap reads a JSON object of strings in which no key occurs twice:
// what is authenticated must not depend on which of two a reader takes.
func stringMap(raw []byte) (map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	errShape := errors.New("not a map of strings")
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errShape
	}
	pairs := make(map[string]string)
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := dec.Token()
		if err != nil {
			return nil, err
		}
		k, isKey := key.(string)
		v, isString := value.(string)
		if _, repeated := pairs[k]; !isKey || !isString || repeated {
			return nil, errShape
		}
		pairs[k] = v
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errShape
	}
	return pairs, nil
}
