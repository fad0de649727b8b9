package s3api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"strconv"
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

// postCondition is one condition on a field. text is how errors name it.
type postCondition struct {
	name   string // in lower case
	value  string
	prefix bool // starts-with
	never  bool // a field without "$", which there is none of
	text   string
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

func (p *PostPolicy) parseConditions(raw json.RawMessage) error {
	var conditions []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &conditions) != nil {
		return invalidPolicy("Invalid 'conditions' value: must be a List.")
	}
	for _, c := range conditions {
		var err error
		switch c[0] {
		case '{':
			err = p.parseSimple(c)
		case '[':
			err = p.parseList(c)
		default:
			err = invalidPolicy("Invalid condition test: must be a List or Object.")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseSimple reads {"name": "value"}.
func (p *PostPolicy) parseSimple(raw json.RawMessage) error {
	members, err := jsonMembers(raw)
	if err != nil {
		return err
	}
	if len(members) != 1 {
		return invalidPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	}
	m := members[0]
	if string(m.value) == "null" {
		return errPolicyJSON
	}
	var value string
	if m.value[0] != '"' || json.Unmarshal(m.value, &value) != nil {
		return invalidPolicy("Invalid Simple-Condition: value must be a string.")
	}
	p.add("eq", "$"+m.name, value)
	return nil
}

// parseList reads ["operation", …].
func (p *PostPolicy) parseList(raw json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var list []any
	if err := d.Decode(&list); err != nil {
		return errPolicyJSON
	}
	if len(list) == 0 {
		return invalidPolicy("Invalid Condition: missing operation identifier.")
	}
	operation, ok := list[0].(string)
	if !ok {
		return errPolicyJSON
	}
	lower := strings.ToLower(operation)
	switch lower {
	case "eq", "starts-with", "content-length-range":
	default:
		return invalidPolicy("Invalid Condition: unknown operation '%s'.", operation)
	}
	if len(list) != 3 {
		return invalidPolicy("Invalid %s: wrong number of arguments.", operation)
	}
	if lower == "content-length-range" {
		return p.parseSizes(list[1], list[2])
	}
	name, ok1 := list[1].(string)
	value, ok2 := list[2].(string)
	if !ok1 || !ok2 {
		return errPolicyJSON
	}
	p.add(lower, name, value)
	return nil
}

// parseSizes reads the bounds of content-length-range, numbers or strings.
func (p *PostPolicy) parseSizes(smallest, largest any) error {
	var texts [2]string
	var quoted [2]bool
	for i, v := range [...]any{smallest, largest} {
		switch v := v.(type) {
		case json.Number:
			texts[i] = v.String()
		case string:
			texts[i], quoted[i] = v, true
		default:
			return errPolicyJSON
		}
	}
	var bounds [2]int64
	for i, text := range texts {
		var err error
		if bounds[i], err = strconv.ParseInt(text, 10, 64); err == nil {
			continue
		}
		if !quoted[i] {
			return errPolicyJSON
		}
		return conditionFailed(conditionText("content-length-range", texts[0], texts[1]))
	}
	p.min, p.max = max(p.min, bounds[0]), min(p.max, bounds[1])
	return nil
}

func (p *PostPolicy) add(operation, name, value string) {
	field, ok := strings.CutPrefix(name, "$")
	p.conditions = append(p.conditions, postCondition{
		name: strings.ToLower(field), value: value, prefix: operation == "starts-with", never: !ok,
		text: conditionText(operation, name, value),
	})
}

// conditionText is how S3 writes a condition in errors.
func conditionText(operation, a, b string) string {
	var out bytes.Buffer
	for i, s := range [...]string{operation, a, b} {
		out.WriteString([...]string{`["`, `", "`, `", "`}[i])
		out.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s))
	}
	out.WriteString(`"]`)
	return out.String()
}

func conditionFailed(text string) *Error {
	return ErrAccessDenied.WithMessage("Invalid according to Policy: Policy Condition failed: %s", text)
}
