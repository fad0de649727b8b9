package s3api

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// message returns the code and message of an error, "" for none.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseUploadChecksum(t *testing.T) {
	for _, tt := range []struct {
		algorithm, kind string
		want            UploadChecksum
		err             string
	}{
		{"", "", UploadChecksum{}, ""},
		{"CRC32", "", UploadChecksum{CRC32, Composite}, ""},
		{"crc32c", "", UploadChecksum{CRC32C, Composite}, ""},
		{"CRC64NVME", "", UploadChecksum{CRC64NVME, FullObject}, ""},
		{"SHA1", "", UploadChecksum{SHA1, Composite}, ""},
		{"SHA256", "COMPOSITE", UploadChecksum{SHA256, Composite}, ""},
		{"XXHASH128", "", UploadChecksum{XXHASH128, Composite}, ""},
		{"CRC32", "FULL_OBJECT", UploadChecksum{CRC32, FullObject}, ""},
		{"CRC32C", "full_object", UploadChecksum{CRC32C, FullObject}, ""},
		{"CRC64NVME", "FULL_OBJECT", UploadChecksum{CRC64NVME, FullObject}, ""},
		{"SHA256", "FULL_OBJECT", UploadChecksum{}, "InvalidRequest: The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."},
		{"MD5", "FULL_OBJECT", UploadChecksum{}, "InvalidRequest: The FULL_OBJECT checksum type cannot be used with the md5 checksum algorithm."},
		{"XXHASH64", "FULL_OBJECT", UploadChecksum{}, "InvalidRequest: The FULL_OBJECT checksum type cannot be used with the xxhash64 checksum algorithm."},
		{"CRC64NVME", "COMPOSITE", UploadChecksum{}, "InvalidRequest: The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."},
		{"", "COMPOSITE", UploadChecksum{}, "InvalidRequest: The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."},
		{"CRC32", "HALF", UploadChecksum{}, "InvalidRequest: Value for x-amz-checksum-type header is invalid."},
		{"CRC16", "", UploadChecksum{}, "InvalidRequest: Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128]"},
	} {
		h := http.Header{}
		if tt.algorithm != "" {
			h.Set("x-amz-checksum-algorithm", tt.algorithm)
		}
		if tt.kind != "" {
			h.Set("x-amz-checksum-type", tt.kind)
		}
		got, err := ParseUploadChecksum(h)
		if got != tt.want || message(err) != tt.err {
			t.Errorf("%q, %q: %v, %v", tt.algorithm, tt.kind, got, err)
		}
		if err != nil {
			continue
		}
		answer := http.Header{}
		got.Set(answer)
		if again, err := ParseUploadChecksum(answer); err != nil || again != got {
			t.Errorf("%q, %q: the answer %v means %v, %v", tt.algorithm, tt.kind, answer, again, err)
		}
	}
	for _, h := range []http.Header{
		header("x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-algorithm", "CRC32"),
		header("x-amz-checksum-algorithm", ""),
		header("x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", "COMPOSITE", "x-amz-checksum-type", "COMPOSITE"),
		header("x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", ""),
	} {
		if got, err := ParseUploadChecksum(h); err == nil {
			t.Errorf("%v: %v", h, got)
		}
	}
}

func TestUploadChecksumParts(t *testing.T) {
	for _, tt := range []struct {
		upload UploadChecksum
		part   Algorithm
		err    string
	}{
		{UploadChecksum{}, 0, ""},
		{UploadChecksum{}, SHA1, ""},
		{UploadChecksum{CRC32, Composite}, 0, ""},
		{UploadChecksum{CRC32, Composite}, CRC32, ""},
		{UploadChecksum{SHA256, Composite}, CRC32, "InvalidRequest: Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"},
		{UploadChecksum{CRC64NVME, FullObject}, CRC32C, "InvalidRequest: Checksum Type mismatch occurred, expected checksum Type: crc64nvme, actual checksum Type: crc32c"},
	} {
		if err := tt.upload.CheckPart(tt.part); message(err) != tt.err {
			t.Errorf("%v, part %v: %v", tt.upload, tt.part, err)
		}
	}
	if got := (UploadChecksum{}).PartAlgorithm(); got != CRC64NVME {
		t.Errorf("null mode: %v", got)
	}
	if got := (UploadChecksum{SHA1, Composite}).PartAlgorithm(); got != SHA1 {
		t.Errorf("SHA1: %v", got)
	}
}

func TestChecksumText(t *testing.T) {
	value := rawSum(CRC32, []byte("123456789"))
	for _, tt := range []struct {
		c        Checksum
		want     http.Header
		elements string
	}{
		{Checksum{}, http.Header{}, ""},
		{
			Checksum{Algorithm: CRC32, Value: value},
			http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}},
			`<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32>`,
		},
		{
			Checksum{Algorithm: CRC32, Type: FullObject, Value: value},
			http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}, "X-Amz-Checksum-Type": {"FULL_OBJECT"}},
			`<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>`,
		},
		{
			Checksum{Algorithm: CRC32, Type: Composite, Value: value, Parts: 10000},
			http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg==-10000"}, "X-Amz-Checksum-Type": {"COMPOSITE"}},
			`<ChecksumCRC32>y/Q5Jg==-10000</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType>`,
		},
	} {
		h := http.Header{}
		tt.c.Set(h)
		if diff := cmp.Diff(tt.want, h); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.c, diff)
		}
		if got := string(tt.c.append(nil)); got != tt.elements {
			t.Errorf("%v: %s", tt.c, got)
		}
	}
	for _, a := range Algorithms() {
		if got, ok := algorithmOfElement([]byte(a.Element())); !ok || got != a {
			t.Errorf("%s: %v, %v", a.Element(), got, ok)
		}
	}
	for _, name := range []string{"", "Checksum", "ChecksumType", "ChecksumCrc32", "CRC32", "ChecksumCRC321"} {
		if got, ok := algorithmOfElement([]byte(name)); ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}
