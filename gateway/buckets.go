package gateway

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// listBuckets answers with the buckets that the client may use. The pages are
// the gateway's own: those of a store count buckets that the client is not
// shown, and its tokens may be their names.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
func (c *call) listBuckets() error {
	most, err := c.maxBuckets()
	if err != nil {
		return err
	}
	list, err := c.storeBuckets(c.r.Context())
	if err != nil {
		return err
	}
	prefix, after := c.query.Get("prefix"), c.query.Get("continuation-token")
	kept := list.Buckets[:0]
	for _, b := range list.Buckets {
		if c.cred.mayUse(b.Name) && !c.isSystem(b.Name) && strings.HasPrefix(b.Name, prefix) && b.Name > after {
			kept = append(kept, b)
		}
	}
	if most > 0 && len(kept) > most {
		kept = kept[:most]
		list.ContinuationToken = kept[most-1].Name
	}
	list.Buckets = kept
	list.Prefix = prefix
	list.Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	out, err := xml.Marshal(list)
	if err != nil {
		return err
	}
	return c.sendDocument(append([]byte(xml.Header), out...))
}

// maxBuckets is the most buckets that the client wants in one answer, 0 for all.
func (c *call) maxBuckets() (int, error) {
	text := c.query.Get("max-buckets")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 10000 {
		return 0, s3api.ErrInvalidArgument.
			WithMessage("Argument max-buckets must be an integer between 1 and 10000").
			With("ArgumentName", "max-buckets").
			With("ArgumentValue", text)
	}
	return n, nil
}

// maxBucketPages bounds the requests for a store's buckets. All of them together
// take no more room than a listing may.
const maxBucketPages = 100

// storeBuckets returns all buckets of the store, in the order of their names.
func (c *call) storeBuckets(ctx context.Context) (*bucketList, error) {
	all := new(bucketList)
	query := c.query.Del("max-buckets", "continuation-token")
	token, room := "", int64(s3api.MaxListing)
	for range maxBucketPages {
		q := query
		if token != "" {
			q = append(slices.Clip(q), s3api.Param{Name: "continuation-token", Value: token, HasValue: true})
		}
		resp, err := c.send(ctx, &storeRequest{method: http.MethodGet, query: q})
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusOK {
			return nil, c.storeError(resp)
		}
		doc, err := readDocument(resp, room)
		if err != nil {
			return nil, err
		}
		room -= int64(len(doc))
		var page bucketList
		if err := xml.Unmarshal(doc, &page); err != nil {
			return nil, fmt.Errorf("listing buckets: %w", err)
		}
		all.Owner = page.Owner
		all.Buckets = append(all.Buckets, page.Buckets...)
		if token = page.ContinuationToken; token == "" {
			slices.SortFunc(all.Buckets, func(a, b listedBucket) int { return strings.Compare(a.Name, b.Name) })
			return all, nil
		}
	}
	return nil, errors.New("the store's list of buckets does not end")
}

// bucketList is the answer to ListBuckets.
type bucketList struct {
	XMLName   xml.Name `xml:"ListAllMyBucketsResult"`
	Namespace string   `xml:"xmlns,attr"`
	Owner     struct {
		ID          string
		DisplayName string `xml:",omitempty"`
	}
	Buckets           []listedBucket `xml:"Buckets>Bucket"`
	ContinuationToken string         `xml:",omitempty"`
	Prefix            string         `xml:",omitempty"`
}

type listedBucket struct {
	Name         string
	CreationDate string
	BucketRegion string `xml:",omitempty"`
}
