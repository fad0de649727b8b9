package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const benchTarget = "/bucket/photos/2026/03/IMG%200001.jpg?x-id=PutObject"

func benchHeaders(h http.Header) {
	for _, header := range [][2]string{
		{"Content-Type", "image/jpeg"},
		{"Amz-Sdk-Invocation-Id", "3b1fcf2f-6fa5-4e1c-9c2d-0a1b2c3d4e5f"},
		{"Amz-Sdk-Request", "attempt=1; max=3"},
		{"X-Amz-Checksum-Crc32", "AAAAAA=="},
		{"X-Amz-Sdk-Checksum-Algorithm", "CRC32"},
		{"X-Amz-Meta-Camera", "one"},
	} {
		h.Set(header[0], header[1])
	}
}

func BenchmarkVerify(b *testing.B) {
	r := newRequest(b, "PUT", benchTarget, "x")
	benchHeaders(r.Header)
	new(Signer).Sign(r, testCredential(b), testRegion, UnsignedPayload, testNow)
	r = overTheWire(b, r)
	v := testVerifier(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify(v, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyUnknownKey(b *testing.B) {
	r := unknown(signed(b, "PUT", benchTarget, UnsignedPayload, "x"))
	v := testVerifier(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify(v, r); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkVerifyPresigned(b *testing.B) {
	r := presign(b, "GET", "/bucket/photos/IMG%200001.jpg", "x-id=GetObject", "60")
	v := testVerifier(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify(v, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	r := newRequest(b, "PUT", benchTarget, "x")
	benchHeaders(r.Header)
	c := testCredential(b)
	b.Run("ours", func(b *testing.B) {
		var s Signer
		b.ReportAllocs()
		for b.Loop() {
			s.Sign(r, c, testRegion, UnsignedPayload, testNow)
		}
	})
	b.Run("aws", func(b *testing.B) {
		s := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}
		ctx := context.Background()
		r.Header.Set("X-Amz-Content-Sha256", UnsignedPayload)
		b.ReportAllocs()
		for b.Loop() {
			if err := s.SignHTTP(ctx, creds, r, UnsignedPayload, "s3", testRegion, testNow); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBody(b *testing.B) {
	const total = 8 << 20
	data := bytes.Repeat([]byte("x"), total)
	p := make([]byte, 64<<10)
	drain := func(b *testing.B, r io.Reader) {
		for {
			if _, err := r.Read(p); err != nil {
				if err != io.EOF {
					b.Fatal(err)
				}
				return
			}
		}
	}
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(total)
		for b.Loop() {
			h := sha256.New()
			r := bytes.NewReader(data)
			for {
				n, err := r.Read(p)
				if err != nil {
					break
				}
				h.Write(p[:n])
			}
			h.Sum(nil)
		}
	})
	b.Run("hash", func(b *testing.B) {
		a := &Auth{Payload: PayloadHash, DecodedLength: total, sum: sha256.Sum256(data)}
		b.SetBytes(total)
		b.ReportAllocs()
		for b.Loop() {
			drain(b, a.Body(bytes.NewReader(data)))
		}
	})
	for _, mode := range streamingModes {
		for _, chunk := range []int{64 << 10, 1 << 20} {
			var chunks []string
			for i := 0; i < total; i += chunk {
				chunks = append(chunks, string(data[i:i+chunk]))
			}
			wire := encode(b, mode, "AAAAAA==", chunks...)
			a := testAuth(b, mode, total)
			b.Run(mode.String()+"/"+map[int]string{64 << 10: "64K", 1 << 20: "1M"}[chunk], func(b *testing.B) {
				b.SetBytes(total)
				b.ReportAllocs()
				for b.Loop() {
					drain(b, a.Body(strings.NewReader(wire)))
				}
			})
		}
	}
}

// TestHotPathAllocations keeps verifying and signing cheap.
func TestHotPathAllocations(t *testing.T) {
	r := newRequest(t, "PUT", benchTarget, "x")
	benchHeaders(r.Header)
	var s Signer
	c := testCredential(t)
	if n := testing.AllocsPerRun(100, func() { s.Sign(r, c, testRegion, UnsignedPayload, testNow) }); n > 3 {
		t.Errorf("Sign: %v allocations", n)
	}
	in := overTheWire(t, r)
	v := testVerifier(t)
	if n := testing.AllocsPerRun(100, func() { _, _ = verify(v, in) }); n > 3 {
		t.Errorf("Verify: %v allocations", n)
	}
}
