package s3api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"strings"
	"time"
)

// PostPolicy is the policy of a browser upload: until when it holds, and what
// the form must be like (S3 API Reference, "POST Policy").
type PostPolicy struct {
	expiration time.Time
	conditions []postCondition
	// What content-length-range leaves of the size of the file.
	min, max int64
}

func invalidPolicy(format string, a ...any) *Error {
	return ErrInvalidPolicyDocument.WithMessage("Invalid Policy: "+format, a...)
}

var errPolicyJSON = invalidPolicy("Invalid JSON.")

// ParsePostPolicy reads the policy field of a form, whose signature has been
// verified. Besides JSON it takes the escapes \$ and \v, which S3 documents
// for policies. Errors are ErrInvalidPolicyDocument, and ErrAccessDenied for a
// size that cannot be.
func ParsePostPolicy(field string) (*PostPolicy, error) {
	doc, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		return nil, invalidPolicy("invalid Base64 encoding.")
	}
	if doc = policyJSON(doc); !json.Valid(doc) {
		return nil, errPolicyJSON
	}
	members, err := jsonMembers(doc)
	if err != nil {
		return nil, err
	}
	p := &PostPolicy{max: math.MaxInt64}
	var hasExpiration, hasConditions bool
	for _, m := range members {
		switch m.name {
		case "expiration":
			hasExpiration = true
			err = p.parseExpiration(m.value)
		case "conditions":
			hasConditions = true
			err = p.parseConditions(m.value)
		default:
			err = invalidPolicy("Unexpected: '%s'", strings.ToLower(m.name))
		}
		if err != nil {
			return nil, err
		}
	}
	if !hasExpiration {
		return nil, invalidPolicy("Policy missing expiration.")
	}
	if !hasConditions {
		return nil, invalidPolicy("Policy missing conditions.")
	}
	return p, nil
}

// policyJSON replaces the two escapes that JSON does not have. Outside strings
// there are no backslashes.
func policyJSON(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for i := 0; i < len(doc); i++ {
		if doc[i] != '\\' || i+1 == len(doc) {
			out = append(out, doc[i])
			continue
		}
		i++
		switch doc[i] {
		case '$':
			out = append(out, '$')
		case 'v':
			out = append(out, `\u000b`...)
		default:
			out = append(out, '\\', doc[i])
		}
	}
	return out
}

// jsonMember is one member of a JSON object.
type jsonMember struct {
	name  string
	value json.RawMessage
}

// jsonMembers takes a JSON object apart. encoding/json would match names in
// any case and let the last of several win.
func jsonMembers(doc []byte) ([]jsonMember, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errPolicyJSON
	}
	var members []jsonMember
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok || seen[name] {
			return nil, errPolicyJSON
		}
		seen[name] = true
		m := jsonMember{name: name}
		if err := d.Decode(&m.value); err != nil {
			return nil, errPolicyJSON
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, errPolicyJSON
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errPolicyJSON
	}
	return members, nil
}

// parseExpiration reads an ISO 8601 time in UTC.
func (p *PostPolicy) parseExpiration(raw json.RawMessage) error {
	var s string
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return invalidPolicy("Invalid 'expiration' value: '%s'", raw)
	}
	var err error
	if p.expiration, err = time.Parse("2006-01-02T15:04:05Z", s); err != nil {
		return invalidPolicy("Invalid 'expiration' value: '%s'", s)
	}
	return nil
}
