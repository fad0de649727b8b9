package s3api

import (
	"net/http"
	"slices"
	"strings"
)

const (
	headerCopySource    = "X-Amz-Copy-Source"
	headerContentSHA256 = "X-Amz-Content-Sha256"

	// ignoredParam is the operation's name as SDKs add it to the query. S3
	// does not look at it.
	ignoredParam = "x-id"

	// maxParams is more than any operation has.
	maxParams = 32
)

// refusedHeaders turn a known request into one of a kind that is not
// performed: an append, and the rename of directory buckets.
var refusedHeaders = [...]string{"X-Amz-Write-Offset-Bytes", "X-Amz-Rename-Source"}

// methods are the HTTP methods of the S3 API, in the order of routes.
var methods = [...]string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete}

// routes holds the operations of one level and method, by level and by index
// in methods. Aliases are not in it.
var routes = buildRoutes()

func buildRoutes() (r [ObjectLevel + 1][len(methods)][]*Operation) {
	for i := range operations {
		o := &operations[i]
		for _, s := range o.Subresources {
			o.required = append(o.required, parseRequirement(s))
		}
		if o.AliasOf == "" {
			m := slices.Index(methods[:], o.Method)
			r[o.Level][m] = append(r[o.Level][m], o)
		}
	}
	return r
}

// Operations returns every operation of the table, those that are refused and
// aliases included. The caller owns the slice, not the operations.
func Operations() []*Operation {
	all := make([]*Operation, len(operations))
	for i := range operations {
		all[i] = &operations[i]
	}
	return all
}

// Route finds the operation a request asks for. bucket and key are those of
// ParsePath; q is without the parameters of a presigned URL; h holds all
// headers, including those given as parameters of a presigned URL.
//
// A request is an operation only if it has all that the operation requires and
// nothing the operation does not know, so an unknown or second sub-resource or
// an unknown parameter is ErrNotImplemented. A sub-resource with a method it
// does not have is ErrMethodNotAllowed. A parameter given twice, a copy source
// on a request that copies nothing, and a streaming payload on an operation
// that takes none are 400 errors. All errors are *Error.
//
// An operation of class Refuse is returned like any other; not performing it
// is the caller's part.
func Route(method, bucket, key string, q Query, h http.Header) (*Operation, error) {
	level := ServiceLevel
	switch {
	case key != "":
		level = ObjectLevel
	case bucket != "":
		level = BucketLevel
	}
	m := slices.Index(methods[:], method)
	if m < 0 {
		if method == http.MethodOptions {
			return nil, ErrNotImplemented
		}
		return nil, methodNotAllowed(method, level)
	}
	for _, name := range refusedHeaders {
		if _, ok := h[name]; ok {
			return nil, ErrNotImplemented.With("Header", strings.ToLower(name))
		}
	}
	if err := checkDuplicates(q); err != nil {
		return nil, err
	}
	o, err := find(m, level, q, h)
	if err != nil {
		return nil, err
	}
	if _, ok := h[headerCopySource]; ok && o.Header != headerCopySource {
		return nil, ErrCopySourceUnexpected
	}
	if !o.Streaming && isStreaming(h) {
		return nil, ErrStreamingNotAllowed
	}
	return o, nil
}

// find returns the operation of methods[m] at the level that q and h select.
func find(m int, level Level, q Query, h http.Header) (*Operation, error) {
	var found *Operation
	for _, o := range routes[level][m] {
		if !o.allows(q) {
			continue
		}
		if o.Header == "" {
			found = o
		} else if _, ok := h[o.Header]; ok {
			return o, nil
		}
	}
	switch {
	case found != nil:
		return found, nil
	case isPlain(q):
		return nil, methodNotAllowed(methods[m], level)
	}
	for other := range methods {
		if other == m {
			continue
		}
		for _, o := range routes[level][other] {
			if len(o.required) > 0 && o.allows(q) {
				return nil, methodNotAllowed(methods[m], level)
			}
		}
	}
	return nil, ErrNotImplemented
}

// isPlain reports whether q says nothing about the operation.
func isPlain(q Query) bool {
	return !slices.ContainsFunc(q, func(p Param) bool { return p.Name != ignoredParam })
}

// checkDuplicates refuses a parameter that is given twice: which of the two
// counts is not the same everywhere, and here a store reads the query after
// this server has.
func checkDuplicates(q Query) error {
	if len(q) > maxParams {
		return ErrNotImplemented
	}
	for i := range q {
		for j := range i {
			if q[i].Name == q[j].Name {
				return ErrInvalidArgument.
					WithMessage("A query parameter must not be given more than once.").
					With("ArgumentName", q[i].Name)
			}
		}
	}
	return nil
}

// isStreaming reports whether any value of x-amz-content-sha256 declares the
// aws-chunked framing.
func isStreaming(h http.Header) bool {
	return slices.ContainsFunc(h[headerContentSHA256], func(v string) bool {
		return strings.HasPrefix(v, "STREAMING-")
	})
}

func methodNotAllowed(method string, level Level) *Error {
	return ErrMethodNotAllowed.With("Method", method).With("ResourceType", level.String())
}
