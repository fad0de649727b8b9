package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Largest plaintexts in bytes whose stored form a store takes as one part. What
// ends the object goes with the part that has the last number there is.
var (
	maxPart     = encryptor.MaxPartLength(s3api.MaxPartSize)
	maxLastPart = encryptor.MaxPartLength(s3api.MaxPartSize - encryptor.MaxTail)
)

// uploadPart encrypts the body and stores it as a part of the upload.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
func (c *call) uploadPart() error {
	ctx := c.r.Context()
	sse, err := metadata.ParseCustomer(c.header)
	if err != nil {
		return err
	}
	number, err := s3api.ParsePartNumber(c.query)
	if err != nil {
		return err
	}
	length := c.auth.DecodedLength
	if length < 0 || !c.saysLength() {
		return s3api.ErrMissingContentLength
	}
	up, err := c.openUpload(ctx, number, length)
	if err != nil {
		return err
	}
	put, err := c.putPart(ctx, up, sse.CustomerKey, c.auth.Body(c.r.Body), number, length)
	if err != nil {
		return err
	}
	h := c.w.Header()
	copyHeaders(h, put.from, []string{"X-Amz-Request-Charged"})
	h["Etag"] = []string{quote(put.etag())}
	put.checksum.Set(h)
	up.env.SetResponse(h, metadata.Response{KeyIDs: &c.g.cfg.KMS.KeyIDs, CustomerKeyMD5: sse.CustomerKeyMD5})
	h["Content-Length"] = []string{"0"}
	c.start(http.StatusOK)
	return nil
}

// openUpload returns the upload that the request names, for a part of so many
// plaintext bytes, which must not be too many.
func (c *call) openUpload(ctx context.Context, number int, length int64) (*uploadState, error) {
	most := maxPart
	if number == s3api.MaxParts {
		most = maxLastPart
	}
	if length > most {
		return nil, s3api.ErrEntityTooLarge.
			With("ProposedSize", strconv.FormatInt(length, 10)).
			With("MaxSizeAllowed", strconv.FormatInt(most, 10))
	}
	// A part that does not go to the store's upload is not refused by that.
	up, err := c.loadUpload(ctx, c.namedUpload(), !mustWait(number, length))
	if err != nil {
		return nil, err
	}
	c.out.Mode = up.env.Mode.String()
	if mustWait(number, length) && c.header["Origin"] != nil {
		// What pages of this origin may see, only an answer about the client's
		// bucket tells, and such a part goes elsewhere.
		if c.hasVanished(ctx, up) {
			return nil, noSuchUpload(up.uploadID)
		}
	}
	return up, c.admitUpload(up)
}

// admitUpload checks that the client may go on with what an upload was begun
// as, by whomever: the configuration may forbid the mode by now, or the key to
// this client.
func (c *call) admitUpload(up *uploadState) error {
	if err := c.g.rule(up.bucket).admit(up.env.Mode); err != nil {
		return err
	}
	if up.env.Mode == metadata.SSEKMS || up.env.Mode == metadata.DSSEKMS {
		return c.mayUseKey(up.env.KeyID)
	}
	return nil
}

// hasVanished reports whether the store says that it does not have the upload.
func (c *call) hasVanished(ctx context.Context, up *uploadState) bool {
	_, err := c.listStoreParts(ctx, up.uploadID, s3api.PartsPage{Max: 1})
	if !errors.Is(err, s3api.ErrNoSuchUpload) {
		return false
	}
	c.g.uploads.drop(up.uploadID)
	return true
}

// mustWait reports whether a part cannot be uploaded to the store as it is. A
// small one is legal only as the last, and it is not the last to the store,
// which gets the end of the object after it. Behind the last number there is
// no room for that end.
func mustWait(number int, length int64) bool {
	return length < encryptor.MinPartSize || number == s3api.MaxParts
}

// storedPart is an attempt at a part that the store has.
type storedPart struct {
	partRecord
	checksum s3api.Checksum // to be told the client
	from     http.Header    // of the store's answer
}

// putPart encrypts length plaintext bytes of body and stores them as the part
// with that number, under a salt of its own. customer is the key that came with
// the request, zero if none did. When it returns, everything that completing
// the upload will need is in the store.
func (c *call) putPart(ctx context.Context, up *uploadState, customer encryptor.Key, body verifiedBody, number int, length int64) (*storedPart, error) {
	in, err := c.newPartIntake(up, length, body)
	if err != nil {
		return nil, err
	}
	keys, err := c.partKeys(ctx, up, customer)
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	sealer, part, err := encryptor.NewPartSealer(keys, in, uint32(number), length) //nolint:gosec // 1 to 10,000
	if err != nil {
		return nil, err
	}
	p := partRecord{number: number, length: length, salt: part.Salt, stashed: mustWait(number, length)}
	sealed := streamed(sealer, encryptor.PartSize(length), encryptor.CheckedCRC32C, c.comparesParts(up))
	sr := c.uploadRequest(http.MethodPut, up.uploadID)
	if p.stashed {
		sr = &storeRequest{method: http.MethodPut, key: p.stash(up.dir()), header: make(http.Header, 8), system: true}
	} else {
		sr.query = append(sr.query, s3api.Param{Name: "partNumber", Value: strconv.Itoa(number), HasValue: true})
	}
	resp, err := c.store(sealed, sr) //nolint:bodyclose // it is closed
	switch {
	case err != nil && p.stashed && sealed.clientError() == nil:
		return nil, hide(err)
	case errors.Is(err, s3api.ErrNoSuchUpload):
		c.g.uploads.drop(up.uploadID)
		return nil, noSuchUpload(up.uploadID)
	case err != nil:
		// Some stores refuse a part before they have read it and hang up, so that
		// their answer is lost.
		if _, lost := errors.AsType[*unreachableError](err); lost && c.hasVanished(ctx, up) {
			return nil, noSuchUpload(up.uploadID)
		}
		return nil, err
	}
	if !p.stashed {
		if p.storeETag = unquote(resp.Header.Get("Etag")); p.storeETag == "" {
			return nil, errNoPartETag
		}
	}
	p.md5, p.checksum, p.check, p.at = in.md5Sum(), in.checksum(), sealer.Check(), c.g.cfg.Now()
	if err := c.savePart(ctx, up, &p); err != nil {
		return nil, err
	}
	return &storedPart{p, in.shown(up), resp.Header}, nil
}

// sendPart stores an upload as the part with that number and returns it as it is
// to be listed.
func (c *call) sendPart(up *uploadState, number int, part *upload) (s3api.CompletedPart, error) {
	sr := c.uploadRequest(http.MethodPut, up.uploadID)
	sr.query = append(sr.query, s3api.Param{Name: "partNumber", Value: strconv.Itoa(number), HasValue: true})
	resp, err := c.store(part, sr) //nolint:bodyclose // it is closed
	if err != nil {
		return s3api.CompletedPart{}, err
	}
	etag := unquote(resp.Header.Get("Etag"))
	if etag == "" {
		return s3api.CompletedPart{}, errNoPartETag
	}
	return CompletedPart(number, etag, up.whole, part.crc32c), nil
}

var errNoPartETag = errors.New("the store gave a part no ETag")

// partKeys opens the data keys of the upload for a part that comes with the
// customer key, zero if it comes with none.
func (c *call) partKeys(ctx context.Context, up *uploadState, customer encryptor.Key) (encryptor.Keys, error) {
	if err := c.checkUploadKey(up, customer); err != nil {
		return encryptor.Keys{}, err
	}
	return c.openEnvelope(ctx, up.env, source{bucket: up.bucket, key: up.key, customer: customer})
}

// checkUploadKey checks that the request brings the customer key that the
// upload was begun with, or none if it was begun with none.
func (c *call) checkUploadKey(up *uploadState, customer encryptor.Key) error {
	if (up.env.Mode == metadata.SSEC) == customer.IsZero() {
		return s3api.ErrSSECPartParameters
	}
	if up.env.Mode != metadata.SSEC {
		return nil
	}
	if err := c.admitMode(metadata.SSEC); err != nil {
		return err
	}
	if !up.env.CheckCustomerKey(customer) {
		return s3api.ErrSSECPartMismatch
	}
	return nil
}
