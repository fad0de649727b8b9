package caddymodule

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// minSecretLength is the least number of bytes in a secret key. A shorter one
// could be found by trying, given one signature.
const minSecretLength = 8

// expander expands placeholders in config values, once, while the config is
// loaded. The results go into unexported values only: what is exported can be
// seen at the admin API and in debug logs.
type expander struct {
	repl   *caddy.Replacer
	logger *zap.Logger
}

// text expands a value that is no secret. An empty one stays empty.
func (x expander) text(field, value string) (string, error) {
	s, err := x.repl.ReplaceOrErr(value, true, true)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	return s, nil
}

// secret expands a secret, which must not be empty. No error holds any of it.
func (x expander) secret(field, value string) (string, error) {
	if value == "" {
		return "", fmt.Errorf("%s is missing", field)
	}
	s, err := x.repl.ReplaceOrErr(value, true, true)
	if err != nil {
		// What the replacer does not recognize may well be part of the secret;
		// what it recognizes is the name of a variable or file. (In a Caddyfile,
		// {file.name} without a slash or dot in the name is short for something
		// of the request, and not recognized.)
		if strings.HasPrefix(err.Error(), "evaluated placeholder") {
			return "", fmt.Errorf("%s: %w", field, err)
		}
		return "", fmt.Errorf(`%s: unrecognized placeholder; use {env.NAME} or {file./PATH}, and \{ for a brace that is meant literally`, field)
	}
	if s == value {
		x.logger.Warn("a secret is written in the config, where the admin API and saved configs show it; use {env.NAME} or {file./PATH}",
			zap.String("field", field))
	}
	return s, nil
}

// credential expands an access key and its secret key.
func (x expander) credential(field, accessKey, secretKey string) (sigv4.Credential, error) {
	var c sigv4.Credential
	id, err := x.text(field+" access_key", accessKey)
	if err != nil {
		return c, err
	}
	if err := checkAccessKey(id); err != nil {
		return c, fmt.Errorf("%s: %w", field, err)
	}
	field = fmt.Sprintf("%s %s secret_key", field, id)
	secret, err := x.secret(field, secretKey)
	if err != nil {
		return c, err
	}
	if len(secret) < minSecretLength {
		return c, fmt.Errorf("%s: shorter than %d characters", field, minSecretLength)
	}
	c.AccessKey = id
	if c.Secret, err = sigv4.NewSecret(secret); err != nil {
		return c, fmt.Errorf("%s: %w", field, err)
	}
	return c, nil
}

// checkAccessKey refuses access keys that the syntax of SigV4 credentials
// (key/date/region/service/aws4_request, in a comma separated list) cannot
// carry.
func checkAccessKey(id string) error {
	if id == "" {
		return errors.New("access_key is missing")
	}
	if len(id) > 128 {
		return errors.New("access_key is longer than 128 characters")
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '/' || c == ',' || c == '=' {
			return fmt.Errorf("access_key %q: only visible ASCII characters other than '/', ',' and '=' are possible", id)
		}
	}
	return nil
}

// url expands the URL of a server: scheme, host and port.
func (x expander) url(field, value string) (*url.URL, error) {
	s, err := x.text(field, value)
	if err != nil {
		return nil, err
	}
	u, err := parseUpstream(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return u, nil
}

// parseUpstream parses the URL of a server.
func parseUpstream(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("want http://host:port or https://host:port")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the URL must have no user, path, query or fragment")
	}
	u.Path = ""
	return u, nil
}
