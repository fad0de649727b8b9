package sigv4

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Parameters that carry the authentication of a presigned URL.
const (
	paramAlgorithm = iota
	paramCredential
	paramDate
	paramExpires
	paramSignedHeaders
	paramSignature
	paramContentSHA256
	paramSecurityToken
	paramCount
)

var paramNames = [paramCount]string{
	"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
	"x-amz-content-sha256", "x-amz-security-token",
}

// maxExpires is the longest life of a presigned URL, in seconds: one week.
const maxExpires = 604800

// queryAuth is what a query says about authentication.
type queryAuth struct {
	values    [paramCount]string
	seen      [paramCount]bool
	duplicate bool
	v2        bool // Signature Version 2
}

// scanQuery looks for authentication parameters. Their names are compared
// without regard to case: one in an unusual spelling must lead to an error,
// not to an anonymous request.
func scanQuery(q s3api.Query) (a queryAuth) {
	var signature, expires bool
	for i := range q {
		switch name := q[i].Name; {
		case hasPrefixFold(name, "x-amz-"):
			if p := authParam(name); p != paramCount {
				a.duplicate = a.duplicate || a.seen[p]
				a.seen[p], a.values[p] = true, q[i].Value
			}
		case name == "AWSAccessKeyId":
			a.v2 = true
		case name == "Signature":
			signature = true
		case name == "Expires":
			expires = true
		}
	}
	a.v2 = a.v2 || signature && expires
	return a
}

// authParam returns the number of an authentication parameter, paramCount for
// any other.
func authParam(name string) int {
	for p := range paramNames {
		if equalFold(name, paramNames[p]) {
			return p
		}
	}
	return paramCount
}

// presigned reports whether the query tries to authenticate. A date or a
// payload hash alone does not.
func (a *queryAuth) presigned() bool {
	return a.seen[paramAlgorithm] || a.seen[paramCredential] || a.seen[paramSignature] ||
		a.seen[paramSignedHeaders] || a.seen[paramExpires]
}

// queryClaim reads the parameters of a presigned URL (Amazon S3 API Reference,
// "Authenticating Requests: Using Query Parameters") and checks its times
// against now.
func queryClaim(c *claim, a *queryAuth, h http.Header) error {
	c.presigned = true
	switch a.values[paramAlgorithm] {
	case algorithm, "":
	case "AWS4-ECDSA-P256-SHA256":
		return errSigV4A
	default:
		return s3api.ErrAuthorizationQueryParameters.WithMessage("X-Amz-Algorithm only supports %q", algorithm)
	}
	for p := paramAlgorithm; p <= paramSignature; p++ {
		if a.values[p] == "" {
			return s3api.ErrAuthorizationQueryParameters
		}
	}
	if a.duplicate {
		return s3api.ErrAuthorizationQueryParameters.WithMessage("An X-Amz authentication parameter is given more than once")
	}
	c.signedHeaders, c.signature = a.values[paramSignedHeaders], a.values[paramSignature]
	if err := c.parseCredential(a.values[paramCredential]); err != nil {
		return err
	}
	var ok bool
	c.stamp = a.values[paramDate]
	if c.at, ok = parseBasic(c.stamp); !ok {
		return s3api.ErrAuthorizationQueryParameters.WithMessage(
			`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	if c.stamp[:8] != c.date {
		return malformed(true, "Invalid credential date %q. This date is not the same as X-Amz-Date: %q.", c.date, c.stamp[:8])
	}
	return c.presignedPayload(a, h)
}

// presignedPayload finds the payload value that the URL was signed with: that
// of the query, else of a signed header, else UNSIGNED-PAYLOAD. SDKs send the
// header with presigned requests without signing it; that is let through when
// it says UNSIGNED-PAYLOAD, which it then cannot weaken, since an unsigned
// header is never used.
func (c *claim) presignedPayload(a *queryAuth, h http.Header) error {
	c.payload = UnsignedPayload
	values, inHeader := h["X-Amz-Content-Sha256"]
	if a.seen[paramContentSHA256] {
		if inHeader {
			return headerAndQuery(paramNames[paramContentSHA256])
		}
		c.payload = a.values[paramContentSHA256]
		return nil
	}
	if inHeader && listContains(c.signedHeaders, "x-amz-content-sha256") {
		c.payload = strings.Join(values, ",")
	}
	return nil
}

// listContains reports whether a list separated by ';' has the given element.
func listContains(list, element string) bool {
	for list != "" {
		var one string
		if one, list, _ = strings.Cut(list, ";"); one == element {
			return true
		}
	}
	return false
}

// checkPresignedTime applies the life of the URL. The 15 minutes of
// header-signed requests play no part, except that a URL may be that much
// ahead of the server's clock.
func checkPresignedTime(c *claim, expires string, now time.Time) error {
	bad := s3api.ErrAuthorizationQueryParameters
	digits, negative := strings.CutPrefix(expires, "-")
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return bad.WithMessage("X-Amz-Expires should be a number")
		}
	}
	if digits == "" {
		return bad.WithMessage("X-Amz-Expires should be a number")
	}
	if negative {
		return bad.WithMessage("X-Amz-Expires must be non-negative")
	}
	seconds, err := strconv.Atoi(digits)
	if err != nil || seconds > maxExpires {
		return bad.WithMessage("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than %d seconds", maxExpires)
	}
	if c.at.After(now.Add(maxSkew)) {
		return s3api.ErrRequestNotYetValid
	}
	end := c.at.Add(time.Duration(seconds) * time.Second)
	if seconds == 0 || now.After(end) {
		return s3api.ErrRequestExpired.
			With("X-Amz-Expires", expires).
			With("Expires", end.Format(time.RFC3339)).
			With("ServerTime", now.UTC().Format(time.RFC3339))
	}
	return nil
}

// hoist splits the query of a presigned URL: SDKs move x-amz-… headers there.
// It returns the parameters of the operation, and the others as headers.
func hoist(q s3api.Query, h http.Header) (s3api.Query, http.Header, error) {
	rest := make(s3api.Query, 0, len(q))
	var hoisted http.Header
	for _, p := range q {
		if !hasPrefixFold(p.Name, "x-amz-") {
			rest = append(rest, p)
			continue
		}
		key := http.CanonicalHeaderKey(p.Name)
		if _, both := h[key]; both {
			return nil, nil, headerAndQuery(strings.ToLower(p.Name))
		}
		if authParam(p.Name) != paramCount {
			continue
		}
		// What becomes a header must be one, and be there once.
		if !isToken(p.Name) || !isFieldValue(p.Value) || hoisted[key] != nil {
			return nil, nil, s3api.ErrInvalidArgument.
				WithMessage("The query parameter cannot stand for a header.").
				With("ArgumentName", p.Name)
		}
		if hoisted == nil {
			hoisted = make(http.Header)
		}
		hoisted[key] = []string{p.Value}
	}
	return rest, hoisted, nil
}

// refuseCustomerKeys keeps SSE-C keys out of URLs, which end up in logs and
// histories.
func refuseCustomerKeys(q s3api.Query) error {
	for i := range q {
		if hasPrefixFold(q[i].Name, "x-amz-server-side-encryption-customer-") ||
			hasPrefixFold(q[i].Name, "x-amz-copy-source-server-side-encryption-customer-") {
			return errCustomerKeyInQuery
		}
	}
	return nil
}

func headerAndQuery(name string) error {
	return s3api.ErrInvalidArgument.
		WithMessage("%s is given both as a header and as a query parameter.", name).
		With("ArgumentName", name)
}
