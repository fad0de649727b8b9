package objects_test

import (
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// TestObjects runs what needs no special configuration, on one site for each
// store and each way to reach it.
func TestObjects(t *testing.T) {
	for name, through := range map[string]bool{"direct": false, "reverse_proxy": true} {
		t.Run(name, func(t *testing.T) {
			each(t, site.Options{ThroughProxy: through, Handler: "public_buckets test-*"}, func(t *testing.T, e *endpoint) {
				for _, suite := range []struct {
					name string
					run  func(*testing.T, *endpoint)
				}{
					{"round trip", testRoundTrip},
					{"ranges", testRanges},
					{"If-Range", testIfRange},
					{"response headers", testResponseHeaders},
					{"read conditions", testReadConditions},
					{"write conditions", testWriteConditions},
					{"race", testRace},
					{"ETags", testETagAuto},
					{"checksums", testChecksums},
					{"default checksum", testDefaultChecksum},
					{"Content-MD5", testContentMD5},
					{"headers", testHeaders},
					{"redirect", testRedirect},
					{"content encoding", testContentEncoding},
					{"object lock", testObjectLock},
					{"private metadata", testPrivateMetadata},
					{"metadata limit", testMetadataLimit},
					{"versions", testVersions},
					{"requests", testRequests},
					{"size limit", testSizeLimit},
					{"body faults", testBodyFaults},
					{"smuggling", testSmuggling},
					{"expect", testExpect},
					{"store checks", testStoreChecks},
					{"SDKs", testSDKs},
				} {
					t.Run(suite.name, func(t *testing.T) { suite.run(t, e) })
				}
			})
		})
	}
}
