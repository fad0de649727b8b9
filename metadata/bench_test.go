package metadata

import (
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

func BenchmarkEnvelope(b *testing.B) {
	for _, mode := range allModes {
		b.Run(mode.String(), func(b *testing.B) { benchmarkEnvelope(b, mode) })
	}
}

func benchmarkEnvelope(b *testing.B, mode Mode) {
	e := sealed(b, mode)
	value := encode(b, e)
	keks, keys := testKEKs(b, mode), testKeys(mode)
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("Seal", func() error { return clonedSeal(e, keks, keys) })
	run("Open", func() error { _, err := e.Open(keks, testRealm, testObject); return err })
	run("Encode", func() error { _, err := e.Encode(); return err })
	run("Decode", func() error { _, err := Decode(value); return err })
	run("FooterCopy", func() error { _, err := e.FooterCopy(); return err })
	run("SealDigests", func() error { c := *e; return c.SealDigests(keys, testDigests()) })
	run("OpenDigests", func() error { _, err := e.OpenDigests(keys); return err })
}

func clonedSeal(e *Envelope, keks KEKs, keys encryptor.Keys) error {
	c := *e
	return c.Seal(keks, keys, testRealm, testObject)
}
