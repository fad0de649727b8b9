package metadata

import (
	"encoding/base64"
	"net/http"
)

// Response is what a response says about the encryption of an object besides
// what the object's envelope says.
type Response struct {
	// KeyIDs says how the response names KMS keys. Nil names them plainly.
	KeyIDs *KeyIDs

	// CustomerKeyMD5 is SSE.CustomerKeyMD5 of the request. Empty leaves out the
	// headers of SSE-C, as in the response to CompleteMultipartUpload.
	CustomerKeyMD5 string

	// Context repeats the encryption context, as the responses to PutObject,
	// CopyObject and CreateMultipartUpload do and those to reads do not.
	Context bool
}

// SetResponse sets the headers by which a response says how the object is
// encrypted.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (e *Envelope) SetResponse(h http.Header, r Response) {
	switch e.Mode {
	case SSES3:
		h[headerSSE] = []string{valueAES256}
	case SSEKMS, DSSEKMS:
		method := valueKMS
		if e.Mode == DSSEKMS {
			method = valueDSSE
		}
		h[headerSSE] = []string{method}
		h[headerKMSKeyID] = []string{r.KeyIDs.Format(e.KeyID)}
		if e.BucketKey {
			h[headerBucketKey] = []string{"true"}
		}
		if r.Context && len(e.Context) > 0 {
			h[headerContext] = []string{base64.StdEncoding.EncodeToString(e.Context)}
		}
	case SSEC:
		if r.CustomerKeyMD5 != "" {
			h[headerCustomerAlg] = []string{valueAES256}
			h[headerCustomerMD5] = []string{r.CustomerKeyMD5}
		}
	}
}
