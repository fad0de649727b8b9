package metadata

import "net/http"

// SetResponse sets the headers by which a response to PUT, GET or HEAD says
// how the object is encrypted. For SSE-C the caller adds the MD5 of the
// customer key, which only the request knows.
func (e *Envelope) SetResponse(h http.Header) {
	switch e.Mode {
	case SSES3:
		h[headerSSE] = []string{valueAES256}
	case SSEKMS, DSSEKMS:
		method := valueKMS
		if e.Mode == DSSEKMS {
			method = valueDSSE
		}
		h[headerSSE] = []string{method}
		h[headerKMSKeyID] = []string{e.KeyID}
		if e.BucketKey {
			h[headerBucketKey] = []string{"true"}
		}
	case SSEC:
		h[headerCustomerAlg] = []string{valueAES256}
	}
}
