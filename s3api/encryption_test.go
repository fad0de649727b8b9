package s3api

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func encryptionBody(rules string) []byte {
	return []byte(`<ServerSideEncryptionConfiguration xmlns="` + xmlNamespace + `">` + rules + `</ServerSideEncryptionConfiguration>`)
}

func byDefault(inner string) string {
	return "<ApplyServerSideEncryptionByDefault>" + inner + "</ApplyServerSideEncryptionByDefault>"
}

const (
	aes256  = "<SSEAlgorithm>AES256</SSEAlgorithm>"
	awsKMS  = "<SSEAlgorithm>aws:kms</SSEAlgorithm>"
	someKey = "<KMSMasterKeyID>alias/k</KMSMasterKeyID>"
)

func TestParseBucketEncryption(t *testing.T) {
	for _, tt := range []struct {
		name, rule string
		want       BucketEncryption
	}{
		{"SSE-S3", byDefault(aes256), BucketEncryption{Method: EncryptionAES256}},
		{"SSE-S3 with a bucket key", byDefault(aes256) + "<BucketKeyEnabled>true</BucketKeyEnabled>", BucketEncryption{Method: EncryptionAES256, BucketKey: true}},
		{"SSE-S3 with an empty key", byDefault(aes256 + "<KMSMasterKeyID/>"), BucketEncryption{Method: EncryptionAES256}},
		{"KMS without a key", byDefault(awsKMS), BucketEncryption{Method: EncryptionKMS}},
		{"KMS", "\n " + byDefault(someKey+awsKMS) + "\n <BucketKeyEnabled>true</BucketKeyEnabled>\n", BucketEncryption{Method: EncryptionKMS, KeyID: "alias/k", BucketKey: true}},
		{"DSSE", byDefault("<SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>" + someKey), BucketEncryption{Method: EncryptionDSSE, KeyID: "alias/k"}},
		{"SSE-C blocked", "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>", BucketEncryption{Method: EncryptionAES256, SSEC: SSECBlocked}},
		{"SSE-C allowed", byDefault(awsKMS) + "<BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes>", BucketEncryption{Method: EncryptionKMS, SSEC: SSECAllowed}},
		{"a bucket key only", "<BucketKeyEnabled>false</BucketKeyEnabled>", BucketEncryption{Method: EncryptionAES256}},
	} {
		got, err := ParseBucketEncryption(encryptionBody("<Rule>" + tt.rule + "</Rule>"))
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	plain := `<ServerSideEncryptionConfiguration><Rule>` + byDefault(aes256) + `</Rule></ServerSideEncryptionConfiguration>`
	if _, err := ParseBucketEncryption([]byte(plain)); err != nil {
		t.Errorf("without a namespace: %v", err)
	}
}

func TestParseBucketEncryptionRefuses(t *testing.T) {
	rule := func(s string) string { return "<Rule>" + s + "</Rule>" }
	for name, rules := range map[string]string{
		"no rule":                  "",
		"two rules":                rule(byDefault(aes256)) + rule(byDefault(aes256)),
		"an empty rule":            "<Rule/>",
		"a rule that says nothing": "<Rule></Rule>",
		"no algorithm":             rule(byDefault("")),
		"a key only":               rule(byDefault(someKey)),
		"an unknown algorithm":     rule(byDefault("<SSEAlgorithm>AES128</SSEAlgorithm>")),
		"another case":             rule(byDefault("<SSEAlgorithm>aes256</SSEAlgorithm>")),
		"aws:fsx":                  rule(byDefault("<SSEAlgorithm>aws:fsx</SSEAlgorithm>")),
		"SSE-C":                    rule(byDefault("<SSEAlgorithm>SSE-C</SSEAlgorithm>")),
		"two algorithms":           rule(byDefault(aes256 + aes256)),
		"a long key":               rule(byDefault(awsKMS + "<KMSMasterKeyID>" + strings.Repeat("k", 2049) + "</KMSMasterKeyID>")),
		"no boolean":               rule(byDefault(awsKMS) + "<BucketKeyEnabled>yes</BucketKeyEnabled>"),
		"two booleans":             rule(byDefault(awsKMS) + "<BucketKeyEnabled>true</BucketKeyEnabled><BucketKeyEnabled>true</BucketKeyEnabled>"),
		"nothing blocked":          rule("<BlockedEncryptionTypes/>"),
		"SSE-S3 blocked":           rule("<BlockedEncryptionTypes><EncryptionType>SSE-S3</EncryptionType></BlockedEncryptionTypes>"),
		"a contradiction":          rule("<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes>"),
		"an element extra":         rule(byDefault(aes256) + "<New/>"),
		"an element beside":        rule(byDefault(aes256)) + "<New/>",
	} {
		if got, err := ParseBucketEncryption(encryptionBody(rules)); !errors.Is(err, ErrMalformedXML) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, doc := range []string{"", "text", "<ServerSideEncryptionConfiguration/>", "<Other>" + rule(byDefault(aes256)) + "</Other>"} {
		if got, err := ParseBucketEncryption([]byte(doc)); !errors.Is(err, ErrMalformedXML) {
			t.Errorf("%s: %+v, %v", doc, got, err)
		}
	}
	_, err := ParseBucketEncryption(encryptionBody(rule(byDefault(aes256 + someKey))))
	want := []Field{{"ArgumentName", "ApplyServerSideEncryptionByDefault"}}
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "InvalidArgument" || !cmp.Equal(e.Fields, want) ||
		e.Message != "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse" {
		t.Errorf("a key with AES256: %+v", err)
	}
}

func TestBucketEncryptionXML(t *testing.T) {
	const want = xml.Header + `<ServerSideEncryptionConfiguration xmlns="` + xmlNamespace + `"><Rule><ApplyServerSideEncryptionByDefault>` +
		`<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	if diff := cmp.Diff(want, string(BucketEncryption{Method: EncryptionAES256}.AppendXML(nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := BucketEncryption{
			Method:    rapid.SampledFrom([]EncryptionMethod{EncryptionAES256, EncryptionKMS, EncryptionDSSE}).Draw(t, "method"),
			BucketKey: rapid.Bool().Draw(t, "bucket key"),
			SSEC:      rapid.SampledFrom([]SSECBlocking{SSECUnset, SSECAllowed, SSECBlocked}).Draw(t, "SSE-C"),
		}
		if b.Method != EncryptionAES256 {
			b.KeyID = rapid.StringMatching(`[ -~]{0,40}`).Draw(t, "key")
		}
		got, err := ParseBucketEncryption(b.AppendXML(nil))
		if err != nil || got != b {
			t.Fatalf("%+v becomes %+v, %v", b, got, err)
		}
	})
}

func FuzzParseBucketEncryption(f *testing.F) {
	f.Add(encryptionBody("<Rule>" + byDefault(awsKMS+someKey) + "<BucketKeyEnabled>1</BucketKeyEnabled></Rule>"))
	f.Add(encryptionBody("<Rule><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		b, err := ParseBucketEncryption(doc)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		again, err := ParseBucketEncryption(b.AppendXML(nil))
		if err != nil || again != b {
			t.Fatalf("%+v becomes %+v, %v", b, again, err)
		}
	})
}

const keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func TestParseObjectEncryption(t *testing.T) {
	body := func(inner string) []byte {
		return []byte(`<ObjectEncryption xmlns="` + xmlNamespace + `">` + inner + `</ObjectEncryption>`)
	}
	arn := "<KMSKeyArn>" + keyARN + "</KMSKeyArn>"
	for _, tt := range []struct {
		body string
		want ObjectEncryption
		err  string
	}{
		{"<SSE-KMS>" + arn + "</SSE-KMS>", ObjectEncryption{KeyARN: keyARN}, ""},
		{"<SSE-KMS><BucketKeyEnabled>true</BucketKeyEnabled>" + arn + "</SSE-KMS>", ObjectEncryption{keyARN, true}, ""},
		{"<SSE-KMS><KMSKeyArn>arn:aws-cn:kms:r:a:key/team/name</KMSKeyArn></SSE-KMS>", ObjectEncryption{KeyARN: "arn:aws-cn:kms:r:a:key/team/name"}, ""},
		{"", ObjectEncryption{}, errNoEncryptionType.Error()},
		{"<SSE-S3/>", ObjectEncryption{}, ErrEncryptionTarget.Error()},
		{"<SSE-C/>", ObjectEncryption{}, ErrEncryptionTarget.Error()},
		{"<DSSE-KMS>" + arn + "</DSSE-KMS>", ObjectEncryption{}, ErrEncryptionTarget.Error()},
		{"<SSE-KMS/>", ObjectEncryption{}, errNoKeyARN.Error()},
		{"<SSE-KMS><KMSKeyArn/></SSE-KMS>", ObjectEncryption{}, errNoKeyARN.Error()},
		{"<SSE-KMS>" + arn + "<BucketKeyEnabled>maybe</BucketKeyEnabled></SSE-KMS>", ObjectEncryption{}, errBucketKey.Error()},
		{"<SSE-KMS>" + arn + arn + "</SSE-KMS>", ObjectEncryption{}, ErrMalformedXML.Error()},
		{"<SSE-KMS>" + arn + "</SSE-KMS><SSE-KMS>" + arn + "</SSE-KMS>", ObjectEncryption{}, ErrMalformedXML.Error()},
		{"<SSE-KMS>" + arn + "<New/></SSE-KMS>", ObjectEncryption{}, ErrMalformedXML.Error()},
		{"<New/>", ObjectEncryption{}, ErrMalformedXML.Error()},
	} {
		got, err := ParseObjectEncryption(body(tt.body))
		if got != tt.want || message(err) != tt.err {
			t.Errorf("%s: %+v, %v", tt.body, got, err)
		}
	}
	for doc, want := range map[string]*Error{
		"": ErrMalformedXML, "text": ErrMalformedXML, "<ObjectEncryption>": ErrMalformedXML, "<Other/>": ErrMalformedXML,
		"</ObjectEncryption>": ErrMalformedXML, "<ObjectEncryption/>": errNoEncryptionType,
		string(body("<SSE-KMS>"+arn+"</SSE-KMS>")) + "<a/>": ErrMalformedXML,
	} {
		if got, err := ParseObjectEncryption([]byte(doc)); message(err) != want.Error() {
			t.Errorf("%s: %+v, %v", doc, got, err)
		}
	}
	for _, id := range []string{
		"key", "alias/k", "arn:aws:kms:r:a:alias/k", "arn:aws:kms:r:a:key/", "arn:aws:kms:r:key/k", "arn:gcp:kms:r:a:key/k",
		"arn:aws:s3:r:a:key/k", "urn:aws:kms:r:a:key/k", "arn:aws:kms:r:a:key/k k", "arn:aws:kms:r:a:key/é", keyARN + strings.Repeat("k", 2048),
	} {
		if got, err := ParseObjectEncryption(body("<SSE-KMS><KMSKeyArn>" + id + "</KMSKeyArn></SSE-KMS>")); message(err) != errKeyARN.Error() {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}

func FuzzParseObjectEncryption(f *testing.F) {
	f.Add([]byte(`<ObjectEncryption><SSE-KMS><KMSKeyArn>` + keyARN + `</KMSKeyArn><BucketKeyEnabled>true</BucketKeyEnabled></SSE-KMS></ObjectEncryption>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		o, err := ParseObjectEncryption(doc)
		if err == nil {
			if !isKeyARN(o.KeyARN) {
				t.Fatalf("%q", o.KeyARN)
			}
		} else if _, ok := errors.AsType[*Error](err); !ok {
			t.Fatalf("%T: %v", err, err)
		}
	})
}
