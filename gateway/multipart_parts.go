package gateway

import (
	"math"
	"slices"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// listParts lists the parts of an upload in progress: the attempts that would
// count if it were completed now.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
func (c *call) listParts() error {
	ctx := c.r.Context()
	sse, err := metadata.ParseCustomer(c.header)
	if err != nil {
		return err
	}
	page, err := s3api.ParsePartsPage(c.query)
	if err != nil {
		return err
	}
	up, err := c.loadUpload(ctx, c.namedUpload(), true)
	if err != nil {
		return err
	}
	// The store knows whether it has ended meanwhile.
	result, err := c.listStoreParts(ctx, up.uploadID, s3api.PartsPage{Marker: page.Marker, Max: maxStoreParts})
	if err != nil {
		return err
	}
	if up.env.Mode == metadata.SSEC && !sse.CustomerKey.IsZero() || up.env.Mode != metadata.SSEC {
		if err := c.checkUploadKey(up, sse.CustomerKey); err != nil {
			return err
		}
	}
	kept, err := c.listKept(ctx, up)
	if err != nil {
		return err
	}
	c.showParts(up, result, page, kept.attempts)
	return c.sendDocument(result.AppendXML(nil))
}

// showParts puts the parts as clients know them in the place of the store's.
// The store may have listed some of its parts only.
func (c *call) showParts(up *uploadState, result *s3api.ListPartsResult, page s3api.PartsPage, all attempts) {
	listed := make(map[int]s3api.Part, len(result.Parts))
	upTo := math.MaxInt
	for _, p := range result.Parts {
		listed[p.Number] = p
		if result.Truncated {
			upTo = p.Number
		}
	}
	var parts []s3api.Part
	for number, of := range all {
		if p := counting(of, listed[number].ETag); p != nil && number <= upTo {
			parts = append(parts, up.shownPart(p, listed[number]))
		}
	}
	slices.SortFunc(parts, func(a, b s3api.Part) int { return a.Number - b.Number })
	more := result.Truncated
	result.Bucket, result.Key, result.UploadID = up.bucket, up.key, up.id
	result.Page, result.Checksum = page, up.checksum
	result.Parts, result.Next, result.Truncated = page.Of(parts)
	if more && !result.Truncated {
		result.Next, result.Truncated = upTo, page.Max > 0
	}
}

// counting returns the attempt at a part that counts, where the store has the
// one with that ETag: that one, or a newer one that waits.
func counting(of []partRecord, storeETag string) *partRecord {
	for i := len(of) - 1; i >= 0; i-- {
		if of[i].stashed || of[i].storeETag == storeETag {
			return &of[i]
		}
	}
	return nil
}

func (u *uploadState) shownPart(p *partRecord, listed s3api.Part) s3api.Part {
	shown := s3api.Part{Number: p.number, Size: p.length, ETag: p.etag(), Modified: p.modified}
	if !p.stashed && !listed.Modified.IsZero() {
		shown.Modified = listed.Modified
	}
	if u.checksum.Algorithm != 0 && p.checksum != nil {
		shown.Checksum = s3api.Checksum{Algorithm: u.checksum.Algorithm, Value: p.checksum}
	}
	return shown
}
