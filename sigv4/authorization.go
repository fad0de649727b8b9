package sigv4

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// claim is what a request says about its own signature. Nothing in it is
// verified.
type claim struct {
	presigned     bool
	accessKey     string
	date, region  string // of the credential scope
	scope         string // date/region/s3/aws4_request
	signedHeaders string
	signature     string
	stamp         string // time of the request as it was signed
	at            time.Time
	payload       string // value of x-amz-content-sha256
}

// headerClaim reads an Authorization header (Amazon S3 API Reference,
// "Authenticating Requests: Using the Authorization Header").
func headerClaim(c *claim, values []string, h http.Header) error {
	if len(values) != 1 {
		return s3api.ErrMultipleAuth.With("ArgumentName", "Authorization")
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	switch scheme {
	case algorithm:
	case "AWS4-ECDSA-P256-SHA256":
		return errSigV4A
	case "AWS":
		return s3api.ErrUnsupportedSignatureVersion
	default:
		// The value is not echoed: it may be another service's password.
		return s3api.ErrUnsupportedAuthorizationType.With("ArgumentName", "Authorization")
	}

	var credential string
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var dst *string
		switch name {
		case "Credential":
			dst = &credential
		case "SignedHeaders":
			dst = &c.signedHeaders
		case "Signature":
			dst = &c.signature
		}
		if dst == nil || *dst != "" {
			return malformed(false, "the authorization component %q is malformed.", name)
		}
		*dst = value
	}
	switch "" {
	case credential:
		return malformed(false, "missing Credential.")
	case c.signedHeaders:
		return malformed(false, "missing SignedHeaders.")
	case c.signature:
		return malformed(false, "missing Signature.")
	}
	if err := c.parseCredential(credential); err != nil {
		return err
	}

	var ok bool
	if c.stamp, c.at, ok = requestTime(h); !ok {
		return s3api.ErrMissingDate
	}
	if c.stamp[:8] != c.date {
		return malformed(false, "Invalid credential date %q. This date is not the same as X-Amz-Date: %q.", c.date, c.stamp[:8])
	}
	payload, ok := h["X-Amz-Content-Sha256"]
	if !ok {
		return s3api.ErrMissingContentSHA256
	}
	c.payload = strings.Join(payload, ",")
	return nil
}

// parseCredential splits access-key/date/region/s3/aws4_request. It works from
// the end, since an access key may contain a slash.
func (c *claim) parseCredential(s string) error {
	var at [4]int // of the last four slashes
	end := len(s)
	for i := 3; i >= 0; i-- {
		at[i] = strings.LastIndexByte(s[:end], '/')
		if at[i] < 0 {
			return malformed(c.presigned, `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
		}
		end = at[i]
	}
	c.accessKey = s[:at[0]]
	c.scope = s[at[0]+1:]
	c.date, c.region = s[at[0]+1:at[1]], s[at[1]+1:at[2]]
	// An empty access key would pass for an anonymous caller.
	if c.accessKey == "" || c.region == "" {
		return malformed(c.presigned, `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
	}
	if !isDate(c.date) {
		return malformed(c.presigned, `incorrect date format %q. This date in the credential must be in the format "yyyyMMdd".`, c.date)
	}
	if name := s[at[2]+1 : at[3]]; name != service {
		return malformed(c.presigned, "incorrect service %q. This endpoint belongs to %q.", name, service)
	}
	if end := s[at[3]+1:]; end != terminator {
		return malformed(c.presigned, "incorrect terminal %q. This endpoint uses %q.", end, terminator)
	}
	return nil
}

// checkRegion compares with the configured region; "" accepts any.
func (c *claim) checkRegion(want string) error {
	if want == "" || c.region == want {
		return nil
	}
	return malformed(c.presigned, "the region '%s' is wrong; expecting '%s'", c.region, want).With("Region", want)
}
