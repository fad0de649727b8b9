package s3api

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
)

// PostAnswer is what a browser upload that succeeded is answered with.
type PostAnswer struct {
	// Status is 200, 201, 204 or 303.
	Status int
	// Location is the value of that header.
	Location string
	// Body is the document that goes with 201, otherwise nil.
	Body []byte
}

// Answer says how to answer the upload of an object to a bucket whose URL,
// with a slash at its end, is base. etag is without quotes.
//
// A success_action_redirect that is no absolute URL of HTTP and a
// success_action_status that is not 200 or 201 are as if they were not there.
func (f *PostForm) Answer(base, bucket, key, etag string) PostAnswer {
	target, ok := f.Field("success_action_redirect")
	if !ok {
		target, ok = f.Field("redirect")
	}
	if ok && isRedirect(target) {
		return PostAnswer{Status: http.StatusSeeOther, Location: redirectTo(target, bucket, key, etag)}
	}
	a := PostAnswer{Status: http.StatusNoContent, Location: base + escape(key, false)}
	switch status, _ := f.Field("success_action_status"); status {
	case "200":
		a.Status = http.StatusOK
	case "201":
		a.Status = http.StatusCreated
		a.Body = append(a.Body, xml.Header+"<PostResponse>"...)
		a.Body = appendElement(a.Body, "Location", a.Location)
		a.Body = appendElement(a.Body, "Bucket", bucket)
		a.Body = appendElement(a.Body, "Key", key)
		a.Body = appendElement(a.Body, "ETag", `"`+etag+`"`)
		a.Body = append(a.Body, "</PostResponse>"...)
	}
	return a
}

func isRedirect(target string) bool {
	u, err := url.Parse(target)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && isHeaderValue(target)
}

// redirectTo adds to the query of the URL what the page will want to know.
func redirectTo(target, bucket, key, etag string) string {
	target, fragment, hasFragment := strings.Cut(target, "#")
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	target += separator + "bucket=" + url.QueryEscape(bucket) +
		"&key=" + url.QueryEscape(key) +
		"&etag=" + url.QueryEscape(`"`+etag+`"`)
	if hasFragment {
		target += "#" + fragment
	}
	return target
}
