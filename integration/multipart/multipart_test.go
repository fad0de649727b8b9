package multipart_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

func TestMultipart(t *testing.T) {
	store.Each(t, func(t *testing.T, s *store.Store) {
		e := start(t, s, "")
		for _, suite := range []struct {
			name string
			run  func(*testing.T, *endpoint)
		}{
			{"shapes", testShapes},
			{"parallel", testParallel},
			{"metadata", testMetadata},
			{"ETags", testETags},
			{"checksums", testChecksums},
			{"listing", testListing},
			{"abort", testAbort},
			{"conditions", testConditions},
			{"versions", testVersions},
			{"ranges", testRanges},
			{"requests", testRequests},
			{"lost answer", testLostAnswer},
			{"error with status 200", testErrorWith200},
		} {
			t.Run(suite.name, func(t *testing.T) { suite.run(t, e) })
		}
	})
}

// testShapes uploads parts of many sizes, with and without a customer key.
func testShapes(t *testing.T, e *endpoint) {
	for _, ssec := range []customer{{}, newCustomer("shapes")} {
		for i, parts := range []map[int32]int{
			{1: 0}, {1: 1}, {1: mib5 + 1}, {1: mib5, 3: mib5 + chunk + 1, 4: 100}, {9999: mib5, 10000: mib5 + 7},
		} {
			if ssec.key != nil && (i == 1 || i == 2 || !e.onMinIO()) {
				continue // nothing that the mode makes a difference to
			}
			u := e.create(t, &s3.CreateMultipartUploadInput{
				Key: aws.String(fmt.Sprintf("shapes/%d-%t", i, ssec.key != nil)), SSECustomerAlgorithm: ssec.algorithm,
				SSECustomerKey: ssec.key, SSECustomerKeyMD5: ssec.md5,
			})
			for _, n := range slices.Sorted(maps.Keys(parts)) {
				u.mustPut(n, plain(parts[n], int(n)))
			}
			u.complete()
			u.check()
			info, err := e.Store.Client().StatObject(t.Context(), e.bucket, u.key, minio.StatObjectOptions{})
			if want := encryptor.StoredSize(int64(len(u.plain()))); err != nil || info.Size != want {
				t.Errorf("%v: %d bytes are stored, not %d, %v", parts, info.Size, want, err)
			}
			head, err := e.s3.HeadObject(t.Context(), &s3.HeadObjectInput{
				Bucket: &e.bucket, Key: &u.key, SSECustomerAlgorithm: ssec.algorithm, SSECustomerKey: ssec.key, SSECustomerKeyMD5: ssec.md5,
			})
			if err != nil || *head.ContentLength != int64(len(u.plain())) {
				t.Errorf("%v: HEAD: %v, %v", parts, head, err)
			}
		}
	}
}

// testParallel uploads parts at the same time and in no order, one of them twice.
func testParallel(t *testing.T, e *endpoint) {
	u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("parallel")})
	u.mustPut(2, plain(mib5+5, 99)) // to be replaced
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := int32(4); n >= 1; n-- {
		wg.Go(func() {
			body := plain(mib5+int(n), int(n))
			if n == 4 {
				body = body[:1000]
			}
			out, err := e.s3.UploadPart(t.Context(), &s3.UploadPartInput{
				Bucket: &e.bucket, Key: &u.key, UploadId: u.id, PartNumber: &n, Body: bytes.NewReader(body),
			})
			if err != nil {
				t.Errorf("part %d: %v", n, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			u.parts[n], u.bytes[n] = types.CompletedPart{PartNumber: &n, ETag: out.ETag}, body
		})
	}
	wg.Wait()
	u.complete()
	u.check()
}

// testMetadata checks that what was said of the object at the beginning is
// there at the end.
func testMetadata(t *testing.T, e *endpoint) {
	u := e.create(t, &s3.CreateMultipartUploadInput{
		Key: aws.String("metadata"), ContentType: aws.String("text/x-test"), CacheControl: aws.String("no-cache"),
		Metadata: map[string]string{"colour": "blue"},
	})
	u.mustPut(1, plain(10, 1))
	u.complete()
	out, err := e.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &e.bucket, Key: &u.key})
	if err != nil {
		t.Fatal(err)
	}
	if *out.ContentType != "text/x-test" || *out.CacheControl != "no-cache" || len(out.Metadata) != 1 || out.Metadata["colour"] != "blue" ||
		out.ServerSideEncryption != types.ServerSideEncryptionAes256 {
		t.Errorf("%+v", out)
	}
}

// testETags checks that an object whose parts have MD5s has the ETag that is
// made of them, and every object the same one everywhere.
func testETags(t *testing.T, e *endpoint) {
	for _, withMD5 := range []bool{true, false} {
		u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String(fmt.Sprint("etags/", withMD5))})
		var raw []byte
		for n := int32(1); n <= 2; n++ {
			body := plain(mib5, int(n))
			sum := md5.Sum(body)
			raw = append(raw, sum[:]...)
			out, err := u.put(n, body, func(in *s3.UploadPartInput) {
				if withMD5 {
					in.ContentMD5 = aws.String(base64.StdEncoding.EncodeToString(sum[:]))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Trim(*out.ETag, `"`); (got == hex.EncodeToString(sum[:])) != withMD5 {
				t.Errorf("Content-MD5 %t: part %d has the ETag %s", withMD5, n, got)
			}
		}
		want := *u.complete().ETag
		sum := md5.Sum(raw)
		if composite := `"` + hex.EncodeToString(sum[:]) + `-2"`; (want == composite) != withMD5 {
			t.Errorf("Content-MD5 %t: the object has the ETag %s, of its parts' MD5s it is %s", withMD5, want, composite)
		}
		if got := u.check(); got != want {
			t.Errorf("Content-MD5 %t: ETag %s on GET, %s at the completion", withMD5, got, want)
		}
		head, err := e.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &e.bucket, Key: &u.key})
		if err != nil || *head.ETag != want {
			t.Errorf("Content-MD5 %t: HEAD %v, %v", withMD5, head, err)
		}
		list, err := e.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &e.bucket, Prefix: &u.key})
		if err != nil || len(list.Contents) != 1 || *list.Contents[0].ETag != want || *list.Contents[0].Size != 2*mib5 {
			t.Errorf("Content-MD5 %t: listed as %+v, %v", withMD5, list, err)
		}
	}
}

// testChecksums uploads with the kinds of checksums and lets the SDK check
// what it reads.
func testChecksums(t *testing.T, e *endpoint) {
	for _, tc := range []struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
		shown     types.ChecksumType
	}{
		{"", "", types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmCrc32, "", types.ChecksumTypeComposite},
		{types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject, types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmCrc64nvme, "", types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmSha256, types.ChecksumTypeComposite, types.ChecksumTypeComposite},
	} {
		name := fmt.Sprintf("checksums/%s-%s", tc.algorithm, tc.kind)
		u := e.create(t, &s3.CreateMultipartUploadInput{Key: &name, ChecksumAlgorithm: tc.algorithm, ChecksumType: tc.kind})
		for n, size := range map[int32]int{1: mib5, 2: 12345} {
			if _, err := u.put(n, plain(size, int(n)), func(in *s3.UploadPartInput) { in.ChecksumAlgorithm = tc.algorithm }); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		out, err := e.s3.CompleteMultipartUpload(t.Context(), u.completion(tc.algorithm != ""))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		head, err := e.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &e.bucket, Key: &name, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatal(err)
		}
		if out.ChecksumType != tc.shown || head.ChecksumType != tc.shown ||
			aws.ToString(out.ChecksumCRC32) != aws.ToString(head.ChecksumCRC32) ||
			aws.ToString(out.ChecksumCRC64NVME) != aws.ToString(head.ChecksumCRC64NVME) ||
			aws.ToString(out.ChecksumSHA256) != aws.ToString(head.ChecksumSHA256) {
			t.Errorf("%s: completed as %+v, found as %+v", name, out, head)
		}
		u.check() // in which the SDK checks what is not composite
	}
}

// testListing lists the parts of an upload in progress.
func testListing(t *testing.T, e *endpoint) {
	u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("listing")})
	for n, size := range map[int32]int{1: mib5, 2: mib5 + 1, 3: 100} {
		u.mustPut(n, plain(size, 50))
		u.mustPut(n, plain(size, int(n)))
	}
	var seen []int32
	pages := s3.NewListPartsPaginator(e.s3, &s3.ListPartsInput{Bucket: &e.bucket, Key: &u.key, UploadId: u.id, MaxParts: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			seen = append(seen, *p.PartNumber)
			if *p.Size != int64(len(u.bytes[*p.PartNumber])) || *p.ETag != *u.parts[*p.PartNumber].ETag || p.LastModified.IsZero() {
				t.Errorf("part %d is listed as %+v", *p.PartNumber, p)
			}
		}
	}
	if !slices.Equal(seen, []int32{1, 2, 3}) {
		t.Errorf("listed %v", seen)
	}
	uploads, err := e.s3.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &e.bucket, Prefix: &u.key})
	if err != nil || len(uploads.Uploads) != 1 || *uploads.Uploads[0].UploadId != *u.id || *uploads.Uploads[0].Key != u.key {
		t.Errorf("uploads %+v, %v", uploads, err)
	}
	u.complete()
	u.check()
}

// testAbort aborts uploads, here and behind the gateway's back.
func testAbort(t *testing.T, e *endpoint) {
	for _, behind := range []bool{false, true} {
		u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("abort")})
		u.mustPut(1, plain(mib5, 1))
		u.mustPut(2, plain(10, 1))
		abort := func() error {
			_, err := e.s3.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &e.bucket, Key: &u.key, UploadId: u.id})
			return err
		}
		if behind {
			core := minio.Core{Client: e.Store.Client()}
			if err := core.AbortMultipartUpload(t.Context(), e.bucket, u.key, *u.id); err != nil {
				t.Fatal(err)
			}
		} else if err := abort(); err != nil {
			t.Fatal(err)
		}
		if _, err := u.put(1, plain(mib5, 1), nil); code(err) != "NoSuchUpload" {
			t.Errorf("a part, behind %t: %v", behind, err)
		}
		if _, err := e.s3.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &e.bucket, Key: &u.key, UploadId: u.id}); code(err) != "NoSuchUpload" {
			t.Errorf("listing, behind %t: %v", behind, err)
		}
		if _, err := e.s3.CompleteMultipartUpload(t.Context(), u.completion(false)); code(err) != "NoSuchUpload" {
			t.Errorf("completing, behind %t: %v", behind, err)
		}
		// What the gateway remembers of an upload is removed even if the store has
		// it no more, which not every store says.
		if err := abort(); code(err) != "NoSuchUpload" && (!behind || err != nil) {
			t.Errorf("aborting again, behind %t: %v", behind, err)
		}
		e.checkEmpty(t)
	}
}

// testConditions completes under conditions.
func testConditions(t *testing.T, e *endpoint) {
	var etag string
	for i, tc := range []struct {
		change func(*s3.CompleteMultipartUploadInput)
		code   string
	}{
		{func(in *s3.CompleteMultipartUploadInput) { in.IfMatch = aws.String(`"0123"`) }, "NoSuchKey"},
		{func(in *s3.CompleteMultipartUploadInput) { in.IfNoneMatch = aws.String("*") }, ""},
		{func(in *s3.CompleteMultipartUploadInput) { in.IfNoneMatch = aws.String("*") }, "PreconditionFailed"},
		{func(in *s3.CompleteMultipartUploadInput) { in.IfMatch = aws.String(`"0123"`) }, "PreconditionFailed"},
		{func(in *s3.CompleteMultipartUploadInput) { in.IfMatch = &etag }, ""},
	} {
		u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("conditions")})
		u.mustPut(1, plain(100, i))
		in := u.completion(false)
		tc.change(in)
		out, err := e.s3.CompleteMultipartUpload(t.Context(), in)
		if code(err) != tc.code {
			t.Errorf("%d: want %q, got %v", i, tc.code, err)
		}
		if err == nil {
			etag = *out.ETag
			u.check()
			continue
		}
		if _, err := e.s3.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &e.bucket, Key: &u.key, UploadId: u.id}); err != nil {
			t.Error(err)
		}
	}
}

// testVersions completes in a bucket with versions.
func testVersions(t *testing.T, e *endpoint) {
	if err := e.Store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
		if !e.onMinIO() {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	defer func() { _ = e.Store.Client().SuspendVersioning(t.Context(), e.bucket) }()
	for i := range 2 {
		u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("versions")})
		u.mustPut(1, plain(100, i))
		out := u.complete()
		u.check()
		if aws.ToString(out.VersionId) == "" {
			t.Error("no version id")
		}
		get, err := e.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &e.bucket, Key: &u.key, VersionId: out.VersionId})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(get.Body); err != nil || !bytes.Equal(got, plain(100, i)) {
			t.Errorf("version %d: %d bytes, %v", i, len(got), err)
		}
		get.Body.Close()
	}
}

// testRanges reads ranges and parts of an object of parts of random sizes.
func testRanges(t *testing.T, e *endpoint) {
	u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("ranges")})
	sizes := []int{mib5 + rand.IntN(3*chunk), mib5 + rand.IntN(3*chunk), rand.IntN(mib5)}
	for i, size := range sizes {
		u.mustPut(int32(i+1), plain(size, i))
	}
	u.complete()
	all := u.plain()
	edges := []int{0, chunk, mib5, sizes[0], sizes[0] + chunk, sizes[0] + sizes[1], len(all) - 1}
	for i := range 30 {
		first := rand.IntN(len(all))
		if i%2 == 0 {
			first = min(max(0, edges[rand.IntN(len(edges))]+rand.IntN(3)-1), len(all)-1)
		}
		last := min(len(all)-1, first+rand.IntN(1+[]int{1, 10, 2 * chunk, len(all)}[rand.IntN(4)]))
		rng := fmt.Sprintf("bytes=%d-%d", first, last)
		e.checkRange(t, u.key, &s3.GetObjectInput{Range: &rng}, all[first:last+1])
	}
	from := 0
	for i, size := range sizes {
		e.checkRange(t, u.key, &s3.GetObjectInput{PartNumber: aws.Int32(int32(i + 1))}, all[from:from+size])
		from += size
	}
}

func (e *endpoint) checkRange(t *testing.T, key string, in *s3.GetObjectInput, want []byte) {
	t.Helper()
	in.Bucket, in.Key = &e.bucket, &key
	out, err := e.s3.GetObject(t.Context(), in)
	if err != nil {
		t.Errorf("%s %d: %v", aws.ToString(in.Range), aws.ToInt32(in.PartNumber), err)
		return
	}
	defer out.Body.Close()
	if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s %d: %d bytes, want %d, %v", aws.ToString(in.Range), aws.ToInt32(in.PartNumber), len(got), len(want), err)
	}
}
