package s3api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// postCondition is one condition on a field. text is how errors name it.
type postCondition struct {
	name   string // in lower case
	value  string
	prefix bool // starts-with
	never  bool // a field without "$", which there is none of
	text   string
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
