package gateway

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// The system bucket is a bucket of the store that clients never see. What the
// gateway keeps there is sealed, and small.

var (
	// errNoRecord is the error for a record that is not there.
	errNoRecord = errors.New("no such record")

	// errRecordChanged is the error of a conditional write that came too late.
	errRecordChanged = errors.New("the record was changed by somebody else")

	// errNoServiceAccount is for what needs the system bucket when there is
	// nobody who could be trusted with it.
	errNoServiceAccount = s3api.ErrNotImplemented.WithMessage(
		"This needs the gateway's own account at the store, which its configuration does not name.")
)

// record is a record as it was found in the store.
type record struct {
	data []byte
	etag string // the store's, for a conditional write
	key  string // id of the master key it is sealed under
}

// systemSend sends a request to the system bucket, signed by the gateway's own
// account whoever the client is.
func (c *call) systemSend(ctx context.Context, sr *storeRequest) (*http.Response, error) {
	if c.g.cfg.Upstream.Credential.AccessKey == "" {
		return nil, errNoServiceAccount
	}
	sr.bucket, sr.system = c.g.cfg.SystemBucket, true
	if sr.header == nil {
		sr.header = make(http.Header, 6)
	}
	return c.send(ctx, sr)
}

// getRecord reads and opens the record with the given name. A record that is
// not there is errNoRecord.
func (c *call) getRecord(ctx context.Context, name string) (record, error) {
	resp, err := c.getSystem(ctx, name) //nolint:bodyclose // readDocument closes it
	if err != nil {
		return record{}, err
	}
	etag := unquote(resp.Header.Get("Etag"))
	sealed, err := readDocument(resp, maxRecord)
	if err != nil {
		return record{}, err
	}
	data, key, err := openRecord(c.g.cfg.Keys, name, sealed)
	return record{data, etag, key}, err
}

// condition says what must be true of a record for it to be written.
type recordCondition string

const (
	anyRecord recordCondition = ""
	newRecord recordCondition = "*" // it must not exist; else the ETag it must have
)

// putRecord seals data and stores it as the record with the given name. It
// makes the system bucket if there is none. When the condition does not hold,
// the error is errRecordChanged.
func (c *call) putRecord(ctx context.Context, name string, data []byte, cond recordCondition) error {
	sealed, err := sealRecord(c.g.cfg.Keys, name, data)
	if err != nil {
		return err
	}
	return c.putSystem(ctx, name, cond, func(sr *storeRequest) { sr.setDocument(sealed, "application/octet-stream") })
}

// putSystem writes an object of the system bucket, with the body that attach
// gives the request.
func (c *call) putSystem(ctx context.Context, name string, cond recordCondition, attach func(*storeRequest)) error {
	put := func() (*http.Response, error) {
		sr := &storeRequest{method: http.MethodPut, key: name, header: make(http.Header, 8)}
		switch cond {
		case anyRecord:
		case newRecord:
			sr.header["If-None-Match"] = []string{"*"}
		default:
			sr.header["If-Match"] = []string{quote(string(cond))}
		}
		attach(sr)
		return c.systemSend(ctx, sr)
	}
	resp, err := put() //nolint:bodyclose // drain and storeError close it
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusNotFound {
		if err := c.makeSystemBucket(ctx, resp); err != nil {
			return err
		}
		if resp, err = put(); err != nil { //nolint:bodyclose // the same
			return err
		}
	}
	switch resp.StatusCode {
	case http.StatusOK:
		drain(resp.Body)
		return nil
	case http.StatusPreconditionFailed, http.StatusConflict:
		drain(resp.Body)
		return errRecordChanged
	default:
		return c.systemError("writing", name, resp)
	}
}

// makeSystemBucket creates the system bucket if that is what the store's
// answer missed.
func (c *call) makeSystemBucket(ctx context.Context, missed *http.Response) error {
	if err := c.storeError(missed); !errors.Is(err, s3api.ErrNoSuchBucket) {
		return fmt.Errorf("writing to the system bucket: %w", hide(err))
	}
	sr := &storeRequest{method: http.MethodPut, header: make(http.Header, 6)}
	if region := c.g.cfg.Upstream.Region; region != defaultRegion {
		sr.setDocument([]byte(`<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>`+
			region+`</LocationConstraint></CreateBucketConfiguration>`), "application/xml")
	}
	resp, err := c.systemSend(ctx, sr) //nolint:bodyclose // drain and storeError close it
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusConflict { // another instance was quicker
		drain(resp.Body)
		return nil
	}
	return c.systemError("creating", "the system bucket", resp)
}

// deleteRecords removes records. Those that are not there are no error.
func (c *call) deleteRecords(ctx context.Context, names []string) error {
	const most = 1000
	for len(names) > 0 {
		n := min(len(names), most)
		if err := c.deleteSome(ctx, names[:n]); err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}

func (c *call) deleteSome(ctx context.Context, names []string) error {
	if len(names) == 1 {
		resp, err := c.systemSend(ctx, &storeRequest{method: http.MethodDelete, key: names[0]}) //nolint:bodyclose // drain and storeError close it
		if err != nil {
			return err
		}
		if resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusNotFound {
			return c.systemError("deleting", names[0], resp)
		}
		drain(resp.Body)
		return nil
	}
	type object struct{ Key string }
	doc, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Delete"`
		Quiet   bool
		Objects []object `xml:"Object"`
	}{Quiet: true, Objects: convert(names, func(n string) object { return object{n} })})
	if err != nil {
		return err
	}
	sr := &storeRequest{
		method: http.MethodPost, header: make(http.Header, 6),
		query: s3api.Query{{Name: "delete"}},
	}
	sr.setDocument(doc, "application/xml")
	resp, err := c.systemSend(ctx, sr)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusNotFound {
		drain(resp.Body)
		return nil
	}
	if resp.StatusCode != http.StatusOK {
		return c.systemError("deleting", "records", resp)
	}
	answer, err := readDocument(resp, maxRecord)
	if err != nil {
		return err
	}
	if bytes.Contains(answer, []byte("<Error>")) {
		return errors.New("the store has not deleted all records")
	}
	return nil
}

// systemEntry is an object of the system bucket in a listing.
type systemEntry struct {
	Key          string
	ETag         string
	Size         int64
	LastModified string
}

// listSystem lists the objects of the system bucket whose names begin with
// prefix, in order, and gives them to yield, page by page, until that returns
// false.
func (c *call) listSystem(ctx context.Context, prefix string, yield func([]systemEntry) bool) error {
	token := ""
	for {
		q := s3api.Query{
			{Name: "list-type", Value: "2", HasValue: true},
			{Name: "max-keys", Value: strconv.Itoa(1000), HasValue: true},
			{Name: "prefix", Value: prefix, HasValue: true},
		}
		if token != "" {
			q = append(q, s3api.Param{Name: "continuation-token", Value: token, HasValue: true})
		}
		resp, err := c.systemSend(ctx, &storeRequest{method: http.MethodGet, query: q})
		if err != nil {
			return err
		}
		if resp.StatusCode == http.StatusNotFound { // no system bucket: nothing in it
			drain(resp.Body)
			return nil
		}
		if resp.StatusCode != http.StatusOK {
			return c.systemError("listing", prefix, resp)
		}
		doc, err := readDocument(resp, s3api.MaxListing)
		if err != nil {
			return err
		}
		var page struct {
			Contents              []systemEntry
			IsTruncated           bool
			NextContinuationToken string
		}
		if err := xml.Unmarshal(doc, &page); err != nil {
			return fmt.Errorf("listing the system bucket: %w", err)
		}
		if !yield(page.Contents) || !page.IsTruncated || page.NextContinuationToken == "" {
			return nil
		}
		token = page.NextContinuationToken
	}
}

// systemError is the error for what the store answered about the system
// bucket. Clients do not see it: it is not about anything they asked for.
func (c *call) systemError(doing, what string, resp *http.Response) error {
	return fmt.Errorf("%s %s in the system bucket: %w", doing, what, hide(c.storeError(resp)))
}

// hide keeps a store's error out of what clients see, except that it is worth
// trying again.
func hide(err error) error {
	if e, ok := errors.AsType[*s3api.Error](err); ok {
		if e.Status == http.StatusServiceUnavailable {
			return &unreachableError{&hiddenError{e}}
		}
		return &hiddenError{e}
	}
	return err
}

// getSystem asks for an object of the system bucket: a record, or the
// ciphertext of a part that waits for its upload's completion. The answer is a
// success, whose body the caller closes. One that is not there is errNoRecord.
func (c *call) getSystem(ctx context.Context, name string) (*http.Response, error) {
	resp, err := c.systemSend(ctx, &storeRequest{method: http.MethodGet, key: name})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNotFound {
		drain(resp.Body)
		return nil, errNoRecord
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.systemError("reading", name, resp)
	}
	return resp, nil
}

func convert[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// isSystem reports whether a bucket is the gateway's own.
func (c *call) isSystem(bucket string) bool { return bucket == c.g.cfg.SystemBucket }
