package gateway

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// chosenParts are the attempts that a client's list of parts means, by number.
type chosenParts map[int]*partRecord

// uploaded gives the attempt at a part to what checks the client's list.
func (ch chosenParts) uploaded(number int) (s3api.UploadedPart, bool) {
	p := ch[number]
	if p == nil {
		return s3api.UploadedPart{}, false
	}
	return s3api.UploadedPart{ETag: p.etag(), Size: p.length, Checksum: p.checksum}, true
}

// inOrder returns the attempts in the order of their numbers.
func (ch chosenParts) inOrder() []*partRecord {
	return slices.SortedFunc(maps.Values(ch), func(a, b *partRecord) int { return a.number - b.number })
}

// chooseAttempts finds the attempts that the client lists, by their ETags. Of
// parts that it lists with another ETag the newest attempt is chosen, for the
// list to be refused.
func (c *call) chooseAttempts(ctx context.Context, up *uploadState, all attempts, listed []s3api.CompletedPart) (chosenParts, error) {
	chosen := make(chosenParts, len(listed))
	var current map[int]string // what the store has, once somebody asks
	for i := range listed {
		of := all[listed[i].Number]
		if len(of) == 0 {
			continue
		}
		found := matching(of, listed[i].ETag)
		if several(found) {
			// Attempts with the same content, of which the store has the one that
			// came to it last. Their records need not be in that order.
			if current == nil {
				var err error
				if current, err = c.storeParts(ctx, up); err != nil {
					return nil, err
				}
			}
			found = slices.DeleteFunc(found, func(p *partRecord) bool {
				return !p.stashed && p.storeETag != current[p.number]
			})
		}
		if len(found) == 0 {
			chosen[listed[i].Number] = &of[len(of)-1]
		} else {
			chosen[listed[i].Number] = found[len(found)-1]
		}
	}
	return chosen, nil
}

// matching returns the attempts of a part that have the ETag and count.
func matching(of []partRecord, etag string) (found []*partRecord) {
	for i := range of {
		if p := &of[i]; p.etag() == etag && !superseded(p, of) {
			found = append(found, p)
		}
	}
	return found
}

// superseded reports whether another attempt at the same part has taken the
// place of p. Of two attempts that went to the store's upload the store itself
// knows which it is.
func superseded(p *partRecord, of []partRecord) bool {
	return slices.ContainsFunc(of, func(o partRecord) bool {
		return o.modified.After(p.modified) && (o.stashed || p.stashed)
	})
}

// several reports whether more than one of the attempts went to the store's upload.
func several(found []*partRecord) bool {
	n := 0
	for _, p := range found {
		if !p.stashed {
			n++
		}
	}
	return n > 1
}

// storeParts returns the ETags of the parts that the store has of the upload,
// by number.
func (c *call) storeParts(ctx context.Context, up *uploadState) (map[int]string, error) {
	etags := make(map[int]string)
	page := s3api.PartsPage{Max: maxStoreParts}
	for {
		r, err := c.listStoreParts(ctx, up.uploadID, page)
		if err != nil {
			return nil, err
		}
		for _, p := range r.Parts {
			etags[p.Number] = p.ETag
		}
		if !r.Truncated || r.Next <= page.Marker {
			return etags, nil
		}
		page.Marker = r.Next
	}
}

// maxStoreParts is the most parts that a store lists in one answer.
const maxStoreParts = 1000

// listStoreParts asks the store which parts it has.
func (c *call) listStoreParts(ctx context.Context, id uploadID, page s3api.PartsPage) (*s3api.ListPartsResult, error) {
	sr := c.uploadRequest(http.MethodGet, id)
	sr.query = append(sr.query, s3api.Param{Name: "max-parts", Value: strconv.Itoa(page.Max), HasValue: true})
	if page.Marker > 0 {
		sr.query = append(sr.query, s3api.Param{Name: "part-number-marker", Value: strconv.Itoa(page.Marker), HasValue: true})
	}
	return c.partsAnswer(ctx, sr)
}

func (c *call) partsAnswer(ctx context.Context, sr *storeRequest) (*s3api.ListPartsResult, error) {
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.storeError(resp)
	}
	doc, err := readDocument(resp, s3api.MaxListing)
	if err != nil {
		return nil, err
	}
	return s3api.ParseListParts(doc)
}
