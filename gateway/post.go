package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// isForm reports whether the request is a browser upload. Who sends it, its
// form says.
func (c *call) isForm() bool {
	if c.r.Method != http.MethodPost || c.bucket == "" || c.key != "" {
		return false
	}
	op, err := s3api.Route(c.r.Method, c.bucket, c.key, c.query, c.header)
	return err == nil && op.Name == "PostObject"
}

// authenticateForm reads the form up to its file and returns the access key of
// who signed the policy that allows the form, "" for a form without one. The
// form is left in c.form.
func (c *call) authenticateForm() (accessKey string, err error) {
	c.form, err = s3api.ReadPostForm(c.header.Get("Content-Type"), c.auth.Body(c.r.Body))
	if err != nil {
		return "", bodyError(err)
	}
	if c.auth.AccessKey != "" { // and which of the two would it be?
		return "", s3api.ErrMultipleAuth.With("ArgumentName", "policy")
	}
	accessKey, err = c.g.verifier.VerifyPost(c.form)
	if err != nil || accessKey == "" {
		return "", err
	}
	field, _ := c.form.Field("policy")
	policy, err := s3api.ParsePostPolicy(field)
	if err != nil {
		return "", err
	}
	if err := policy.Check(c.form, c.bucket, c.g.cfg.Now()); err != nil {
		return "", err
	}
	smallest, largest := policy.FileSize()
	c.form.LimitFile(smallest, min(largest, maxPlaintextPut))
	return accessKey, nil
}

// postObject stores the file of a form as PutObject stores a body.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
func (c *call) postObject() (err error) {
	if c.key, err = c.form.Key(); err != nil {
		return err
	}
	if c.header, err = c.formHeader(); err != nil {
		return err
	}
	enc, err := c.chooseEncryption(c.r.Context())
	if err != nil {
		return err
	}
	h, err := c.uploadHeaders()
	if err != nil {
		return err
	}
	put, err := c.putForm(&enc, h)
	if err != nil {
		return err
	}
	a := c.form.Answer(c.bucketURL(), c.bucket, c.key, put.etag())
	rh := c.w.Header()
	put.header(rh)
	rh["Location"] = []string{a.Location}
	if a.Body != nil {
		rh["Content-Type"] = []string{"application/xml"}
	}
	if a.Status != http.StatusNoContent {
		rh["Content-Length"] = []string{strconv.Itoa(len(a.Body))}
	}
	c.start(a.Status)
	_, err = c.w.Write(a.Body)
	return err
}

// formHeader is the header of the PutObject that the form stands for. Of the
// request's own there remain the conditions, which do no harm, and what is
// about the page that the form is on.
func (c *call) formHeader() (http.Header, error) {
	for name, values := range c.header {
		if strings.HasPrefix(name, "X-Amz-Server-Side-Encryption") {
			return nil, s3api.ErrInvalidArgument.
				WithMessage("The encryption of an object that is uploaded by a form is chosen by fields of the form.").
				With("ArgumentName", strings.ToLower(name)).
				With("ArgumentValue", strconv.Itoa(len(values)))
		}
	}
	h, err := c.form.Header()
	if err != nil {
		return nil, err
	}
	copyHeaders(h, c.header, []string{
		"If-Match", "If-Modified-Since", "If-None-Match", "If-Unmodified-Since", "Origin",
	})
	return h, nil
}
