package rotation

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Buckets implements Store.
func (c *Client) Buckets(ctx context.Context) ([]string, error) {
	doc, _, err := c.document(ctx, request{method: http.MethodGet})
	if err != nil {
		return nil, fmt.Errorf("listing the buckets: %w", err)
	}
	var list struct {
		Names []string `xml:"Buckets>Bucket>Name"`
	}
	if err := xml.Unmarshal(doc, &list); err != nil {
		return nil, fmt.Errorf("listing the buckets: %w", err)
	}
	return list.Names, nil
}

// versionsPage is a ListVersionsResult (Amazon S3 API Reference,
// ListObjectVersions). Versions and delete markers are in one order, so they
// have to be in one list.
type versionsPage struct {
	EncodingType        string
	IsTruncated         bool
	NextKeyMarker       string
	NextVersionIDMarker string `xml:"NextVersionIdMarker"`
	Entries             []listedVersion
}

type listedVersion struct {
	XMLName      xml.Name
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified time.Time
	ETag         string
	Size         int64
	UserMetadata *userMetadata
}

// userMetadata is MinIO's: an element for every header, with its name.
type userMetadata struct {
	Headers []struct {
		XMLName xml.Name
		Value   string `xml:",chardata"`
	} `xml:",any"`
}

// UnmarshalXML implements xml.Unmarshaler.
func (p *versionsPage) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	if start.Name.Local != "ListVersionsResult" {
		return fmt.Errorf("unexpected element %s", start.Name.Local)
	}
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			if _, end := token.(xml.EndElement); end {
				return nil
			}
			continue
		}
		var into any
		switch e.Name.Local {
		case "EncodingType":
			into = &p.EncodingType
		case "IsTruncated":
			into = &p.IsTruncated
		case "NextKeyMarker":
			into = &p.NextKeyMarker
		case "NextVersionIdMarker":
			into = &p.NextVersionIDMarker
		case "Version", "DeleteMarker":
			p.Entries = append(p.Entries, listedVersion{})
			into = &p.Entries[len(p.Entries)-1]
		default:
			into = new(struct{})
		}
		if err := d.DecodeElement(into, &e); err != nil {
			return err
		}
	}
}

// Versions implements Store.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
func (c *Client) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		key, version := after, ""
		for {
			page, err := c.versions(ctx, bucket, prefix, key, version)
			if err != nil {
				yield(Entry{}, fmt.Errorf("listing the bucket %s: %w", bucket, err))
				return
			}
			for i := range page.Entries {
				if !yield(page.Entries[i].entry(), nil) {
					return
				}
			}
			if !page.IsTruncated {
				return
			}
			if page.NextKeyMarker == key && page.NextVersionIDMarker == version {
				yield(Entry{}, fmt.Errorf("listing the bucket %s: the store does not say how the listing goes on", bucket))
				return
			}
			key, version = page.NextKeyMarker, page.NextVersionIDMarker
		}
	}
}

// versions returns a page. Metadata can have names that make what MinIO says of
// them something else than XML; then it is asked again without.
func (c *Client) versions(ctx context.Context, bucket, prefix, key, version string) (*versionsPage, error) {
	q := s3api.Query{{Name: "versions"}, param("encoding-type", "url"), number("max-keys", 1000)}
	for _, p := range []s3api.Param{param("prefix", prefix), param("key-marker", key), param("version-id-marker", version)} {
		if p.Value != "" {
			q = append(q, p)
		}
	}
	var err error
	for _, q := range []s3api.Query{append(slices.Clip(q), param("metadata", "true")), q} { // MinIO's
		var doc []byte
		doc, _, err = c.document(ctx, request{method: http.MethodGet, name: Name{Bucket: bucket}, query: q})
		if err != nil {
			return nil, err
		}
		var page *versionsPage
		if page, err = parsePage(doc); err == nil {
			return page, nil
		}
	}
	return nil, err
}

func parsePage(doc []byte) (*versionsPage, error) {
	page := new(versionsPage)
	if err := xml.Unmarshal(doc, page); err != nil {
		return nil, err
	}
	return page, page.decode()
}

// decode undoes the encoding that was asked for, if the store applied it.
func (p *versionsPage) decode() error {
	if p.EncodingType != "url" {
		return nil
	}
	var errs []error
	decode := func(s *string) {
		out, err := url.QueryUnescape(*s)
		*s, errs = out, append(errs, err)
	}
	decode(&p.NextKeyMarker)
	for i := range p.Entries {
		decode(&p.Entries[i].Key)
	}
	return errors.Join(errs...)
}

func (v *listedVersion) entry() Entry {
	e := Entry{
		Key: v.Key, VersionID: v.VersionID, Latest: v.IsLatest, DeleteMarker: v.XMLName.Local == "DeleteMarker",
		Size: v.Size, ETag: unquote(v.ETag), Modified: v.LastModified,
	}
	if v.UserMetadata == nil {
		return e
	}
	e.EnvelopeKnown = true
	for _, h := range v.UserMetadata.Headers {
		if strings.EqualFold(h.XMLName.Local, metadata.Header) {
			e.Envelope = h.Value
		}
	}
	return e
}
