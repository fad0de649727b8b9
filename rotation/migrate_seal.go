package rotation

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

var (
	errLostEnvelope = errors.New("it is encrypted, but has lost its metadata")

	// errNoMD5 is the error for an object whose ETag looks like its MD5 and is
	// not, as happens where the store encrypts itself.
	errNoMD5 = errors.New("the ETag is not the MD5 of the object")
)

// plaintext is the body of an object, of which it finds out everything that
// the gateway stores of a body. It ends in an error if the body is not what the
// store said.
type plaintext struct {
	r    io.Reader
	md5  hash.Hash // nil unless it becomes the ETag
	etag string    // what the MD5 must be, if it is known
	sum  hash.Hash
	algo s3api.Algorithm
	want []byte // what the sum must be, if it is known
}

// newPlaintext reads o from body.
func (m *migrator) newPlaintext(o *Object, body io.Reader, target Target, declared bool) *plaintext {
	p := &plaintext{r: body, algo: s3api.CRC64NVME}
	p.algo, p.want = storedChecksum(o)
	p.sum = p.algo.New()
	if target.Mode == metadata.SSES3 && !m.OpaqueETags {
		p.md5 = md5.New() //nolint:gosec // S3's ETag
		if declared && isMD5(o.ETag) {
			p.etag = o.ETag
		}
	}
	return p
}

// storedChecksum returns what the store knows of the sum of a whole object.
func storedChecksum(o *Object) (s3api.Algorithm, []byte) {
	if o.Header.Get("X-Amz-Checksum-Type") == "FULL_OBJECT" {
		for _, a := range s3api.Algorithms() {
			if v, err := decodeSum(o.Header.Get(a.Header())); err == nil && len(v) == a.New().Size() {
				return a, v
			}
		}
	}
	return s3api.CRC64NVME, nil
}

func isMD5(etag string) bool {
	b, err := hex.DecodeString(etag)
	return err == nil && len(b) == md5.Size && strings.ToLower(etag) == etag
}

// Read implements io.Reader.
func (p *plaintext) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.sum.Write(b[:n])
	if p.md5 != nil {
		p.md5.Write(b[:n])
	}
	return n, err
}

// digests returns what is known after the whole body.
func (p *plaintext) digests() (encryptor.Digests, error) {
	d := encryptor.Digests{Checksum: encryptor.Checksum{Algorithm: uint8(p.algo), Value: p.sum.Sum(nil)}}
	if p.want != nil && string(p.want) != string(d.Checksum.Value) {
		return d, errors.New("its data are not what its checksum says")
	}
	if p.md5 != nil {
		d.ETag = hex.EncodeToString(p.md5.Sum(nil))
		if p.etag != "" && p.etag != d.ETag {
			return d, errNoMD5
		}
	}
	return d, nil
}

// declared returns what is known before.
func (p *plaintext) declared() encryptor.Digests {
	d := encryptor.Digests{ETag: p.etag}
	if p.want != nil {
		d.Checksum = encryptor.Checksum{Algorithm: uint8(p.algo), Value: p.want}
	}
	return d
}

// maxPlaintextPut is the largest plaintext that is stored with one request
// (Amazon S3 API Reference, PutObject: 5 GiB).
var maxPlaintextPut = encryptor.MaxPlaintextSize(5 << 30)

// encrypt replaces an object by its encrypted form. It returns the envelope if
// it may have done so, also with an error.
func (m *migrator) encrypt(ctx context.Context, it item, o *Object, target Target) (*metadata.Envelope, error) {
	if o.Size > maxPlaintextPut {
		return m.encryptParts(ctx, it, o, target)
	}
	env, err := m.encryptWhole(ctx, it, o, target, true)
	if errors.Is(err, errNoMD5) {
		env, err = m.encryptWhole(ctx, it, o, target, false)
	}
	return env, err
}

func (m *migrator) encryptWhole(ctx context.Context, it item, o *Object, target Target, declared bool) (*metadata.Envelope, error) {
	body, err := m.open(ctx, it.Name, o)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // read only
	p := m.newPlaintext(o, body, target, declared)
	env, keys, err := m.envelope(ctx, it.Name, target, func(e *metadata.Envelope) {
		e.Length, e.ETagInFooter = o.Size, p.md5 != nil && p.etag == ""
	})
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	if err := env.SealDigests(keys, p.declared()); err != nil {
		return nil, err
	}
	foot, err := env.FooterCopy()
	if err != nil {
		return nil, err
	}
	var bad error
	sealer, err := encryptor.NewSealer(keys, p, o.Size, foot, func() (encryptor.Digests, error) {
		d, err := p.digests()
		bad = err
		return d, err
	})
	if err != nil {
		return nil, err
	}
	defer sealer.Close() //nolint:errcheck // nothing is left to be said
	sealer.ComputeCheck()
	h, err := m.uploadHeaders(ctx, it, o, env)
	if err != nil {
		return nil, err
	}
	to := it.Name
	if m.fresh(it, o) {
		to.VersionID = ""
	}
	sealed := Body{sealer, encryptor.StoredSize(o.Size), encryptor.ObjectCRC32C(o.Size)}
	if m.locked(o) && mutable(to.VersionID) && !it.bucket.Versioned {
		err = m.putLate(ctx, it.Name, o, h, sealed)
	} else {
		// Versions that no upload can replace can still be deleted, and would be
		// back.
		if !m.locked(o) && (mutable(to.VersionID) || it.entry.Latest) {
			h["If-Match"] = []string{quote(o.ETag)}
		}
		err = m.mover.keepACL(ctx, to, func() error { return m.Store.Put(ctx, to, h, sealed) })
	}
	if bad != nil {
		return nil, bad
	}
	return env, err
}

// open returns the body of an object, unless it is encrypted.
func (m *migrator) open(ctx context.Context, n Name, o *Object) (io.ReadCloser, error) {
	body, err := m.Store.Get(ctx, n, o.ETag, 0, 0)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(body, 64<<10)
	prefix, _ := r.Peek(len(recordMagic))
	switch {
	case encryptor.IsEncrypted(prefix):
		err = errLostEnvelope
	case string(prefix) == recordMagic:
		err = cannot("it is a record in the system bucket of another gateway")
	}
	if err == nil && isMinIO(m.Store) && !m.locked(o) {
		defer body.Close() //nolint:errcheck // read only
		all, err := io.ReadAll(r)
		return io.NopCloser(bytes.NewReader(all)), err
	}
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, body}, nil
}

// envelope makes new data keys and an envelope that holds them.
func (m *migrator) envelope(ctx context.Context, n Name, target Target, prepare func(*metadata.Envelope)) (*metadata.Envelope, encryptor.Keys, error) {
	var (
		env  *metadata.Envelope
		keks metadata.KEKs
		err  error
	)
	defer keks.Clear()
	active := m.Keys.Active()
	switch target.Mode {
	case metadata.SSES3:
		env = metadata.NewSSES3(active, 0)
		keks.Data, err = m.Keys.KEK(active, env.Salt)
	case metadata.SSEKMS, metadata.DSSEKMS:
		u := kms.Use{Operation: "Migrate", Bucket: n.Bucket, Object: n.Key}
		kek, kerr := m.KMS.Generate(ctx, u, target.KMSKey, nil, target.BucketKey)
		if kerr != nil {
			return nil, encryptor.Keys{}, kerr
		}
		keks.Data = kek.Key
		if target.Mode == metadata.SSEKMS {
			env = metadata.NewSSEKMS(target.KMSKey, kek.Wrapped, 0)
			env.BucketKey = target.BucketKey
			break
		}
		env = metadata.NewDSSEKMS(target.KMSKey, kek.Wrapped, active, 0)
		keks.Outer, err = m.Keys.OuterKEK(active, env.Salt)
	case metadata.SSEC:
		fallthrough
	default:
		err = fmt.Errorf("objects cannot be encrypted with %s", target.Mode)
	}
	if err != nil {
		return nil, encryptor.Keys{}, err
	}
	prepare(env)
	keys := encryptor.Keys{Suite: env.Suite, Data: encryptor.NewKey()}
	if env.Suite == encryptor.SuiteDSSE {
		keys.Outer = encryptor.NewKey()
	}
	return env, keys, env.Seal(keks, keys, m.realm(n.Bucket), n.Key)
}

// uploadHeaders returns all that is kept of an object, as the headers of the
// upload that replaces it.
func (m *migrator) uploadHeaders(ctx context.Context, it item, o *Object, env *metadata.Envelope) (http.Header, error) {
	h, err := metadataHeaders(o, env)
	if err != nil {
		return nil, err
	}
	tags, err := m.mover.tags(ctx, it.Name, o)
	if err != nil {
		return nil, err
	}
	if tags != "" {
		h["X-Amz-Tagging"] = []string{tags}
	}
	switch {
	case !isMinIO(m.Store):
		maps.Copy(h, locks(o, m.Now()))
	case it.bucket.LockDefault:
		maps.Copy(h, explicitLock(o, m.Now()))
	}
	if isMinIO(m.Store) && !m.fresh(it, o) {
		h[mtimeHeader] = []string{modified(it.entry, o).UTC().Format(time.RFC3339Nano)}
	}
	return h, nil
}
