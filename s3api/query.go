package s3api

import (
	"slices"
	"strings"
)

// Param is one name=value pair of a query, decoded. HasValue tells "?acl="
// from "?acl"; both mean the same to S3.
type Param struct {
	Name, Value string
	HasValue    bool
}

// Query is a decoded query string in the order it was sent, duplicates
// included.
type Query []Param

// ParseQuery decodes a raw query string. Pairs are separated by '&' only, '+'
// is a space, and empty pairs are dropped. The error for a broken escape is
// ErrInvalidURI: what cannot be decoded in one way only is not guessed at.
func ParseQuery(raw string) (Query, error) {
	if raw == "" {
		return nil, nil
	}
	q := make(Query, 0, 1+strings.Count(raw, "&"))
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, has := strings.Cut(pair, "=")
		var ok bool
		if name, ok = unescape(name, true); !ok {
			return nil, ErrInvalidURI
		}
		if value, ok = unescape(value, true); !ok {
			return nil, ErrInvalidURI
		}
		q = append(q, Param{name, value, has})
	}
	return q, nil
}

// Get returns the value of the first parameter of that name, or "". Names are
// case-sensitive.
func (q Query) Get(name string) string {
	for i := range q {
		if q[i].Name == name {
			return q[i].Value
		}
	}
	return ""
}

// Has reports whether a parameter of that name is present, with or without a
// value.
func (q Query) Has(name string) bool {
	return slices.ContainsFunc(q, func(p Param) bool { return p.Name == name })
}

// Del returns a copy of q without the parameters of the given names. q is not
// changed.
func (q Query) Del(names ...string) Query {
	out := make(Query, 0, len(q))
	for _, p := range q {
		if !slices.Contains(names, p.Name) {
			out = append(out, p)
		}
	}
	return out
}

// harmless are characters that tags often have, and as they are in a query.
var harmless = strings.NewReplacer("%2F", "/", "%3A", ":", "%40", "@")

// Tags returns the pairs as the value of x-amz-tagging. Stores bound the size of
// all headers, so that it is as short as it can safely be.
func (q Query) Tags() string { return harmless.Replace(q.Encode()) }

// Encode returns the canonical query string of AWS Signature Version 4: every
// name and value percent-encoded, '=' always present, sorted by encoded name
// and then by encoded value.
func (q Query) Encode() string {
	if len(q) == 0 {
		return ""
	}
	type pair struct{ name, value string }
	pairs := make([]pair, len(q))
	size := 0
	for i, p := range q {
		pairs[i] = pair{escape(p.Name, false), escape(p.Value, false)}
		size += len(pairs[i].name) + len(pairs[i].value) + 2
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	b.Grow(size)
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}
