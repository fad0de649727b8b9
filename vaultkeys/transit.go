package vaultkeys

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

var _ kms.Provider = (*Transit)(nil)

// validKey matches the names of keys.
var validKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// validWrapped matches what Transit makes of a key.
var validWrapped = regexp.MustCompile(`^vault:v([1-9][0-9]*):[A-Za-z0-9+/]+={0,2}$`)

// emptyContext is the context for objects that have none.
const emptyContext = "{}"

// noType is the kind of key that Vault shall create if there is none with the
// name. There is no such kind, so it refuses. For a key that exists it does not
// matter. It stands beside the policies, which grant update and not create.
const noType = "none"

// relogin is the least age of a token that is replaced because Vault denies
// everything, without saying whether it knows the token.
const relogin = time.Minute

// encryptRequest is the body of transit/encrypt
// (https://developer.hashicorp.com/vault/api-docs/secret/transit#encrypt-data).
type encryptRequest struct {
	Plaintext string `json:"plaintext"`
	Context   []byte `json:"context"`
	Type      string `json:"type"`
}

// ciphertext is an item to decrypt or to wrap again, and the answer to
// encrypting and wrapping again.
type ciphertext struct {
	Ciphertext string `json:"ciphertext"`
	Context    []byte `json:"context,omitempty"`
	Error      string `json:"error,omitempty"`
}

// Wrap implements kms.Provider with transit/encrypt.
func (t *Transit) Wrap(ctx context.Context, key string, kek encryptor.Key, encContext []byte) (kms.Wrapped, error) {
	plaintext := base64.StdEncoding.EncodeToString(kek[:])
	a, err := t.call(ctx, "encrypt", key, kms.ErrKeyState, request{
		body: encryptRequest{plaintext, contextBytes(encContext), noType}, secrets: []string{plaintext},
	})
	if err != nil {
		return kms.Wrapped{}, err
	}
	var data ciphertext
	if err := a.decode(&data); err != nil {
		return kms.Wrapped{}, err
	}
	wrapped, version, err := parseWrapped(data.Ciphertext)
	return kms.Wrapped{Ciphertext: wrapped, Version: version, RequestID: requestID(a.RequestID)}, err
}

// Unwrap implements kms.Provider with transit/decrypt.
func (t *Transit) Unwrap(ctx context.Context, key string, wrapped, encContext []byte) (encryptor.Key, kms.Call, error) {
	text, version, err := parseWrapped(string(wrapped))
	if err != nil {
		return encryptor.Key{}, kms.Call{}, fmt.Errorf("%w: it is not of the form vault:v1:…", kms.ErrCiphertext)
	}
	a, err := t.call(ctx, "decrypt", key, kms.ErrCiphertext, request{
		body: ciphertext{Ciphertext: string(text), Context: contextBytes(encContext)},
	})
	if err != nil {
		return encryptor.Key{}, kms.Call{}, err
	}
	defer clear(a.Data)
	var data struct {
		Plaintext []byte `json:"plaintext"`
	}
	if err := a.decode(&data); err != nil {
		return encryptor.Key{}, kms.Call{}, err
	}
	defer clear(data.Plaintext)
	if len(data.Plaintext) != encryptor.KeySize {
		return encryptor.Key{}, kms.Call{}, fmt.Errorf("%w: it holds %d bytes", kms.ErrCiphertext, len(data.Plaintext))
	}
	return encryptor.Key(data.Plaintext), kms.Call{Version: version, RequestID: requestID(a.RequestID)}, nil
}

// contextBytes returns the context that Vault gets: never none, since a derived
// key needs one and others do not mind.
func contextBytes(encContext []byte) []byte {
	if len(encContext) == 0 {
		return []byte(emptyContext)
	}
	return encContext
}

// parseWrapped checks that s is what Transit makes of a key and returns it with
// the version.
func parseWrapped(s string) ([]byte, int, error) {
	parts := validWrapped.FindStringSubmatch(s)
	if parts == nil {
		return nil, 0, errGarbage
	}
	version, err := strconv.ParseUint(parts[1], 10, 31)
	if err != nil {
		return nil, 0, errGarbage
	}
	if len(s) > kms.MaxWrapped {
		return nil, 0, fmt.Errorf("%w: it makes a wrapped key of %d bytes, at most %d can be stored", kms.ErrKeyState, len(s), kms.MaxWrapped)
	}
	return []byte(s), int(version), nil
}

// requestID returns Vault's name of a request if it is fit for a log.
func requestID(s string) string { return clean(s, nil) }

// call asks Vault to do operation with the named key. It logs in again, once, if
// the token turns out to be dead. refused is the class of a request that Vault
// calls invalid.
func (t *Transit) call(ctx context.Context, operation, key string, refused error, r request) (*answer, error) {
	if !validKey.MatchString(key) {
		return nil, fmt.Errorf("%w: %.100q is not the name of a key", kms.ErrKeyNotFound, key)
	}
	if r.method == "" {
		r.method = http.MethodPost
	}
	r.path = t.mount + "/" + operation + "/" + key
	for retry := false; ; retry = true {
		token, err := t.session.token(ctx)
		if err != nil {
			return nil, err
		}
		r.token = token
		a, err := t.client.do(ctx, r)
		e, ok := errors.AsType[*statusError](err)
		if !ok {
			return a, err
		}
		e.classify(refused)
		if e.class != kms.ErrAccessDenied {
			return nil, err
		}
		if !t.dead(ctx, e, operation, r) {
			return nil, err
		}
		t.session.reject(token)
		if e.class = kms.ErrUnavailable; retry {
			return nil, err
		}
	}
}

// dead finds out why Vault denied a request: true if the token is dead. If it is
// alive and may encrypt with the key, then there is no such key, for Vault
// counts that as creating it; e is made to say so.
func (t *Transit) dead(ctx context.Context, e *statusError, operation string, r request) bool {
	if e.dead {
		return true
	}
	a, err := t.client.do(ctx, request{
		method: http.MethodPost, path: "sys/capabilities-self", token: r.token, body: map[string][]string{"paths": {r.path}},
	})
	if err != nil {
		denied, ok := errors.AsType[*statusError](err)
		return ok && denied.status == http.StatusForbidden && (denied.dead || t.session.age(r.token) >= relogin)
	}
	var data struct {
		Capabilities []string `json:"capabilities"`
	}
	if operation == "encrypt" && a.decode(&data) == nil && slices.Contains(data.Capabilities, "update") {
		e.class = kms.ErrKeyNotFound
	}
	return false
}
