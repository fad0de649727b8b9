package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// What the gateway has to remember of an upload in parts until it is completed
// stands in the system bucket, under a directory of the upload's own (FORMAT.md,
// "Records in the system bucket"):
//
//	uploads/<hash>/upload             what was decided when the upload began, sealed
//	uploads/<hash>/parts/00001-…      an attempt at a part: empty, the name says all, sealed
//	uploads/<hash>/stash/00001-…      the ciphertext of a part that must wait
//
// So any instance can take any request, and none holds anything that others miss.

const uploadsPrefix = "uploads/"

// uploadID names an upload. The last part is the store's own.
type uploadID struct{ bucket, key, id string }

// dir is the directory of the upload in the system bucket.
func (u uploadID) dir() string {
	sum := sha256.Sum256([]byte("caddy-s3-sse v1 upload\x00" + u.bucket + "\x00" + u.key + "\x00" + u.id))
	return uploadsPrefix + hex.EncodeToString(sum[:]) + "/"
}

const uploadRecordName = "upload"

// uploadState is what was decided when an upload in parts began. It does not
// change afterwards.
type uploadState struct {
	uploadID
	created  time.Time
	env      *metadata.Envelope
	checksum s3api.UploadChecksum
	whole    bool            // the store keeps a checksum of all parts, and wants one with each
	names    encryptor.Key   // seals the names of part records
	tail     *encryptor.Tail // nil if the envelope has to be opened for it
}

// Format prints the names alone: the rest leads to keys.
func (u *uploadState) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "upload %s of %s/%s", u.id, u.bucket, u.key)
}

// uploadRecord is the stored form of uploadState.
type uploadRecord struct {
	Bucket    string          `json:"bucket"`
	Key       string          `json:"key"`
	UploadID  string          `json:"upload_id"`
	Created   time.Time       `json:"created"`
	Envelope  string          `json:"envelope"`
	Algorithm s3api.Algorithm `json:"checksum_algorithm,omitempty"`
	Composite bool            `json:"checksum_composite,omitempty"`
	Whole     bool            `json:"store_checksum,omitempty"`
	Names     []byte          `json:"names_key"`
	Tail      []byte          `json:"tail,omitempty"`
}

// newUpload describes an upload that begins. The keys are its data keys.
func (c *call) newUpload(id string, env *metadata.Envelope, keys encryptor.Keys, sum s3api.UploadChecksum) (*uploadState, error) {
	up := &uploadState{
		uploadID: uploadID{c.bucket, c.key, id},
		created:  c.g.cfg.Now().UTC(),
		env:      env,
		checksum: sum,
		names:    encryptor.NewKey(),
	}
	switch env.Mode {
	case metadata.SSEKMS, metadata.SSEC:
		// Whoever completes the upload need not bring the key again, and the
		// key management service need not be there.
		tail, err := encryptor.NewTail(keys)
		if err != nil {
			return nil, err
		}
		up.tail = &tail
	case metadata.SSES3, metadata.DSSEKMS:
		// The keys are at hand; and what ends two layers is used once only.
	}
	return up, nil
}

// saveUpload writes the record of an upload that begins.
func (c *call) saveUpload(ctx context.Context, up *uploadState) error {
	env, err := up.env.Encode()
	if err != nil {
		return err
	}
	rec := uploadRecord{
		Bucket: up.bucket, Key: up.key, UploadID: up.id, Created: up.created, Envelope: env,
		Algorithm: up.checksum.Algorithm, Composite: up.checksum.Type == s3api.Composite,
		Whole: up.whole, Names: up.names[:],
	}
	if up.tail != nil {
		if rec.Tail, err = up.tail.AppendBinary(nil); err != nil {
			return err
		}
		defer clear(rec.Tail)
	}
	data, err := json.Marshal(&rec)
	if err != nil {
		return err
	}
	defer clear(data)
	return c.putRecord(ctx, up.dir()+uploadRecordName, data, anyRecord)
}

// decodeUpload is the inverse of saveUpload for the record in the directory of id.
func decodeUpload(id uploadID, data []byte) (*uploadState, error) {
	var rec uploadRecord
	if err := json.Unmarshal(data, &rec); err != nil {
		return nil, fmt.Errorf("record of an upload: %w", err)
	}
	defer clear(rec.Names)
	defer clear(rec.Tail)
	if got := (uploadID{rec.Bucket, rec.Key, rec.UploadID}); got != id {
		return nil, fmt.Errorf("record of an upload: it is of another one: %w", encryptor.ErrNotAuthentic)
	}
	up := &uploadState{uploadID: id, created: rec.Created, checksum: s3api.UploadChecksum{Algorithm: rec.Algorithm}, whole: rec.Whole}
	var err error
	if up.env, err = metadata.Decode(rec.Envelope); err != nil {
		return nil, fmt.Errorf("record of an upload: %w", err)
	}
	if len(rec.Names) != len(up.names) || !up.env.Multipart || rec.Algorithm != 0 && !rec.Algorithm.Valid() {
		return nil, errors.New("record of an upload: malformed")
	}
	copy(up.names[:], rec.Names)
	switch {
	case rec.Composite:
		up.checksum.Type = s3api.Composite
	case rec.Algorithm != 0:
		up.checksum.Type = s3api.FullObject
	}
	if rec.Tail != nil {
		up.tail = new(encryptor.Tail)
		if err := up.tail.UnmarshalBinary(rec.Tail); err != nil {
			return nil, fmt.Errorf("record of an upload: %w", err)
		}
	}
	return up, nil
}

// peekUpload returns which upload a record is of.
func peekUpload(data []byte) (uploadID, error) {
	var rec struct {
		Bucket   string `json:"bucket"`
		Key      string `json:"key"`
		UploadID string `json:"upload_id"`
	}
	err := json.Unmarshal(data, &rec)
	return uploadID{rec.Bucket, rec.Key, rec.UploadID}, err
}

// namedUpload is the upload that the request is about.
func (c *call) namedUpload() uploadID { return uploadID{c.bucket, c.key, c.query.Get("uploadId")} }

// noSuchUpload is the error for an upload that there is not.
func noSuchUpload(id uploadID) error { return s3api.ErrNoSuchUpload.With("UploadId", id.id) }

// uploadQuery names an upload to the store.
func uploadQuery(id uploadID) s3api.Query {
	return s3api.Query{{Name: "uploadId", Value: id.id, HasValue: true}}
}

// loadUpload returns what was decided when the upload began, from memory if
// that will do: then the upload may have ended meanwhile, as the store will
// say when it is asked for something else.
func (c *call) loadUpload(ctx context.Context, id uploadID, remembered bool) (*uploadState, error) {
	if up, ok := c.g.uploads.get(id); ok && remembered {
		return up, nil
	}
	if id.id == "" {
		return nil, noSuchUpload(id)
	}
	rec, err := c.getRecord(ctx, id.dir()+uploadRecordName)
	if errors.Is(err, errNoRecord) {
		c.g.uploads.drop(id)
		return nil, noSuchUpload(id)
	}
	if err != nil {
		return nil, err
	}
	defer clear(rec.data)
	up, err := decodeUpload(id, rec.data)
	if err != nil {
		return nil, err
	}
	c.g.uploads.put(id, up)
	return up, nil
}

// uploadRequest is a request to the store about the upload.
func (c *call) uploadRequest(method string, id uploadID) *storeRequest {
	sr := &storeRequest{method: method, bucket: id.bucket, key: id.key, query: uploadQuery(id), header: make(http.Header, 12)}
	copyHeaders(sr.header, c.header, []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Request-Payer"})
	return sr
}
