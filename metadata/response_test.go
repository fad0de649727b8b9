package metadata

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSetResponse(t *testing.T) {
	arns := &KeyIDs{Region: "eu-west-1", Account: "000000000000"}
	const arn = "arn:aws:kms:eu-west-1:000000000000:key/k"
	tests := []struct {
		name string
		e    Envelope
		r    Response
		want http.Header
	}{
		{"SSE-S3", Envelope{Mode: SSES3, KeyID: "master"}, Response{KeyIDs: arns, Context: true, CustomerKeyMD5: "x"}, http.Header{headerSSE: {"AES256"}}},
		{"SSE-KMS", Envelope{Mode: SSEKMS, KeyID: "k"}, Response{}, http.Header{headerSSE: {"aws:kms"}, headerKMSKeyID: {"k"}}},
		{"ARN", Envelope{Mode: SSEKMS, KeyID: "k"}, Response{KeyIDs: arns}, http.Header{headerSSE: {"aws:kms"}, headerKMSKeyID: {arn}}},
		{"bucket key", Envelope{Mode: SSEKMS, KeyID: "k", BucketKey: true}, Response{}, http.Header{headerSSE: {"aws:kms"}, headerKMSKeyID: {"k"}, headerBucketKey: {"true"}}},
		{"context that is not repeated", Envelope{Mode: SSEKMS, KeyID: "k", Context: []byte(`{"a":"b"}`)}, Response{}, http.Header{headerSSE: {"aws:kms"}, headerKMSKeyID: {"k"}}},
		{
			"context",
			Envelope{Mode: SSEKMS, KeyID: "k", Context: []byte(`{"a":"b"}`)},
			Response{Context: true},
			http.Header{headerSSE: {"aws:kms"}, headerKMSKeyID: {"k"}, headerContext: {"eyJhIjoiYiJ9"}},
		},
		{"no context", Envelope{Mode: SSEKMS, KeyID: "k"}, Response{Context: true}, http.Header{headerSSE: {"aws:kms"}, headerKMSKeyID: {"k"}}},
		{"DSSE-KMS", Envelope{Mode: DSSEKMS, KeyID: "k", OuterKeyID: "master"}, Response{KeyIDs: arns}, http.Header{headerSSE: {"aws:kms:dsse"}, headerKMSKeyID: {arn}}},
		{"SSE-C", Envelope{Mode: SSEC}, Response{CustomerKeyMD5: customerMD5}, http.Header{headerCustomerAlg: {"AES256"}, headerCustomerMD5: {customerMD5}}},
		{"SSE-C without a key", Envelope{Mode: SSEC}, Response{}, http.Header{}},
	}
	for _, tt := range tests {
		got := http.Header{}
		tt.e.SetResponse(got, tt.r)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		for name := range got {
			if http.CanonicalHeaderKey(name) != name {
				t.Errorf("%s is not canonical", name)
			}
		}
	}
}
