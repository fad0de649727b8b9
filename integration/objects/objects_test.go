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
					// once marks what the way to the store makes no difference
					// to. MinIO is asked all the same.
					once bool
				}{
					{"round trip", testRoundTrip, false},
					{"ranges", testRanges, false},
					{"If-Range", testIfRange, true},
					{"response headers", testResponseHeaders, true},
					{"read conditions", testReadConditions, false},
					{"write conditions", testWriteConditions, false},
					{"race", testRace, false},
					{"ETags", testETagAuto, true},
					{"checksums", testChecksums, true},
					{"default checksum", testDefaultChecksum, true},
					{"Content-MD5", testContentMD5, true},
					{"headers", testHeaders, true},
					{"redirect", testRedirect, true},
					{"content encoding", testContentEncoding, true},
					{"object lock", testObjectLock, true},
					{"private metadata", testPrivateMetadata, true},
					{"metadata limit", testMetadataLimit, true},
					{"versions", testVersions, false},
					{"requests", testRequests, false},
					{"size limit", testSizeLimit, false},
					{"body faults", testBodyFaults, false},
					{"smuggling", testSmuggling, false},
					{"expect", testExpect, false},
					{"expect of nothing", testExpectOfNothing, false},
					{"early error", testEarlyError, false},
					{"store checks", testStoreChecks, false},
					{"SDKs", testSDKs, true},
				} {
					if suite.once && through && !e.onMinIO() {
						continue
					}
					t.Run(suite.name, func(t *testing.T) { suite.run(t, e) })
				}
			})
		})
	}
}
