package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// credentialSet holds clients by access key. It is not modified once in use.
type credentialSet map[string]*gateway.Credential

// Lookup implements gateway.Credentials.
func (s credentialSet) Lookup(accessKey string) (*gateway.Credential, bool) {
	c, ok := s[accessKey]
	return c, ok
}

func (s credentialSet) add(c *gateway.Credential) error {
	if _, taken := s[c.AccessKey]; taken {
		return fmt.Errorf("the access key %s is given twice", c.AccessKey)
	}
	s[c.AccessKey] = c
	return nil
}

// clients returns the credentials in the config together with those in the
// file.
func (h *Handler) clients(x expander) (gateway.Credentials, error) {
	if len(h.Credentials) == 0 && h.CredentialsFile == "" && len(h.PublicBuckets) == 0 {
		return nil, errors.New("there are no clients: give them with credential or credentials_file")
	}
	set := make(credentialSet, len(h.Credentials))
	for _, c := range h.Credentials {
		cred, err := x.credential("credential", c.AccessKey, c.SecretKey)
		if err != nil {
			return nil, err
		}
		if err := set.add(&gateway.Credential{
			AccessKey: cred.AccessKey,
			Secret:    cred.Secret,
			Buckets:   c.Buckets,
			KMSKeys:   c.KMSKeys,
			ReadOnly:  c.ReadOnly,
		}); err != nil {
			return nil, fmt.Errorf("credential: %w", err)
		}
	}
	if h.CredentialsFile == "" {
		return set, nil
	}
	path, err := x.text("credentials_file", h.CredentialsFile)
	if err != nil {
		return nil, err
	}
	file, err := openCredentialsFile(path, set, x.logger, time.Now)
	if err != nil {
		return nil, fmt.Errorf("credentials_file: %w", err)
	}
	return file, nil
}

// parseCredentials parses the content of a credentials file and returns its
// clients together with those of fixed. Whatever it does not know is an
// error, so that a misspelled restriction does not go unnoticed. Errors never
// hold any of the content but access keys and names of fields.
func parseCredentials(data []byte, fixed credentialSet) (credentialSet, error) {
	var doc struct {
		Credentials []Credential `json:"credentials"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, withoutContent(err, dec.InputOffset())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the end of the JSON object")
	}
	if doc.Credentials == nil {
		return nil, errors.New(`the list "credentials" is missing`)
	}
	set := make(credentialSet, len(fixed)+len(doc.Credentials))
	for _, c := range fixed {
		set[c.AccessKey] = c
	}
	for i, c := range doc.Credentials {
		if err := checkAccessKey(c.AccessKey); err != nil {
			return nil, fmt.Errorf("credential %d: %w", i+1, err)
		}
		if len(c.SecretKey) < minSecretLength {
			return nil, fmt.Errorf("credential %s: secret_key is missing or shorter than %d characters", c.AccessKey, minSecretLength)
		}
		secret, err := sigv4.NewSecret(c.SecretKey)
		if err != nil {
			return nil, fmt.Errorf("credential %s: %w", c.AccessKey, err)
		}
		if err := gateway.CheckPatterns(c.Buckets); err != nil {
			return nil, fmt.Errorf("credential %s: %w", c.AccessKey, err)
		}
		if err := checkKeyPatterns(c.KMSKeys); err != nil {
			return nil, fmt.Errorf("credential %s: %w", c.AccessKey, err)
		}
		if err := set.add(&gateway.Credential{
			AccessKey: c.AccessKey,
			Secret:    secret,
			Buckets:   c.Buckets,
			KMSKeys:   c.KMSKeys,
			ReadOnly:  c.ReadOnly,
		}); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// checkKeyPatterns reports the first pattern of KMS keys that cannot be used.
func checkKeyPatterns(patterns []string) error {
	for _, p := range patterns {
		if gateway.CheckPatterns([]string{p}) != nil {
			return fmt.Errorf("bad pattern of KMS keys %q", p)
		}
	}
	return nil
}

// withoutContent keeps what a JSON error says of the place and drops what it
// may quote, apart from names of fields.
func withoutContent(err error, offset int64) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not valid JSON at byte %d", syntax.Offset)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("field %q at byte %d has the wrong type: want %s", mismatch.Field, mismatch.Offset, mismatch.Type)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not valid JSON: it ends too early")
	}
	return fmt.Errorf("%w, before byte %d", err, offset) // an unknown field
}
