package s3api

import (
	"net/http"
	"slices"
	"strings"
)

// Class says what an encrypting server does with an operation.
type Class uint8

const (
	// Transform: the object's bytes, length, ETag or checksums pass through
	// and have to be converted.
	Transform Class = iota + 1
	// Rewrite: only the documents or headers around the object need conversion.
	Rewrite
	// Own: answered by this server; a store must never see it.
	Own
	// Refuse: never performed, answered with NotImplemented.
	Refuse
	// Pass: the store's answer is right as it is.
	Pass
)

// String returns the name of the class, or "Class(?)".
func (c Class) String() string {
	names := [...]string{"Class(?)", "Transform", "Rewrite", "Own", "Refuse", "Pass"}
	if int(c) >= len(names) {
		return names[0]
	}
	return names[c]
}

// Level is what the path of a request names.
type Level uint8

const (
	// ServiceLevel: the path is "/".
	ServiceLevel Level = iota
	// BucketLevel: the path names a bucket.
	BucketLevel
	// ObjectLevel: the path names a bucket and a key.
	ObjectLevel
)

// String returns SERVICE, BUCKET or OBJECT, the words S3 uses for ResourceType
// in errors.
func (l Level) String() string {
	return [...]string{"SERVICE", "BUCKET", "OBJECT"}[min(l, ObjectLevel)]
}

// Operation is one operation of the S3 API and how its requests are told from
// those of every other. The values are shared and must not be modified.
type Operation struct {
	// Name is the operation's name in the S3 API reference.
	Name string
	// Class says what is done with it.
	Class Class
	// Method and Level are the HTTP method and what the path names.
	Method string
	Level  Level
	// Subresources are the query parameters a request must have: "acl" is
	// present without a value, "uploadId=*" has any value but the empty one,
	// "list-type=2" has exactly that value.
	Subresources []string
	// Params are the query parameters a request may have besides.
	Params []string
	// Header is the one header, in canonical form, that tells the operation
	// from another with the same method and query; "" if there is none.
	Header string
	// Write is true if the operation changes the store.
	Write bool
	// Document is true if the request may have a body that is an XML or JSON
	// document, to be read whole within a bound.
	Document bool
	// DigestRequired is true if S3 wants such a body covered by Content-MD5 or
	// by a checksum.
	DigestRequired bool
	// Streaming is true if the body may be sent in the aws-chunked framing.
	Streaming bool
	// AliasOf names the operation that replaced this one with the very same
	// request. Route returns the replacement only.
	AliasOf string

	required []requirement
}

// requirement is one entry of Operation.Subresources, parsed.
type requirement struct {
	name, value string
	any         bool
}

// parseRequirement reads the notation of Operation.Subresources.
func parseRequirement(s string) requirement {
	name, value, _ := strings.Cut(s, "=")
	if value == "*" {
		return requirement{name: name, any: true}
	}
	return requirement{name: name, value: value}
}

func (r requirement) met(value string) bool {
	if r.any {
		return value != ""
	}
	return value == r.value
}

// allows reports whether q has everything the operation requires and nothing
// it does not know. q has no duplicates.
func (o *Operation) allows(q Query) bool {
	met := 0
	for i := range q {
		p := &q[i]
		if p.Name == ignoredParam {
			continue
		}
		at := slices.IndexFunc(o.required, func(r requirement) bool { return r.name == p.Name })
		switch {
		case at >= 0:
			if !o.required[at].met(p.Value) {
				return false
			}
			met++
		case !slices.Contains(o.Params, p.Name):
			return false
		}
	}
	return met == len(o.required)
}

// Example returns a request of the operation for the given bucket and key:
// method, raw request target and the headers that make it what it is, apart
// from authentication. An alias gives the request of its replacement. The key
// matters to operations on objects only, where it must not be empty.
func (o *Operation) Example(bucket, key string) (method, target string, h http.Header) {
	var b strings.Builder
	b.WriteByte('/')
	if o.Level >= BucketLevel {
		b.WriteString(EscapePath(bucket))
	}
	if o.Level == ObjectLevel {
		b.WriteByte('/')
		b.WriteString(EscapePath(key))
	}
	for i, r := range o.required {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(r.name)
		if r.any {
			b.WriteString("=1")
		} else if r.value != "" {
			b.WriteByte('=')
			b.WriteString(r.value)
		}
	}
	h = http.Header{}
	switch o.Header {
	case "":
	case headerCopySource:
		h.Set(o.Header, EscapePath("/"+bucket+"/"+key))
	default:
		h.Set(o.Header, "example")
	}
	if o.Name == "PostObject" {
		h.Set("Content-Type", "multipart/form-data; boundary=example")
	}
	return o.Method, b.String(), h
}
