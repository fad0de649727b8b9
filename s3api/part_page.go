package s3api

import (
	"strconv"
	"strings"
	"time"
)

// maxPartsPage is the most parts that one answer lists, and as many as it does
// without being asked.
const maxPartsPage = 1000

// Part is one part as ListParts and GetObjectAttributes show it.
type Part struct {
	Number int
	Size   int64
	// ETag, without quotes, and Modified are in ListParts only.
	ETag     string
	Modified time.Time
	Checksum Checksum
}

// PartsPage says which parts of many are asked for.
type PartsPage struct {
	// Marker is the number after which to begin, 0 for the first part.
	Marker int
	// Max is the most parts wanted, at most 1000.
	Max int
}

// ParsePartsPage reads part-number-marker and max-parts of a ListParts. More
// than 1000 parts are taken for 1000. Errors are *Error.
func ParsePartsPage(q Query) (PartsPage, error) {
	return parsePartsPage(q.Get("part-number-marker"), q.Get("max-parts"), "part-number-marker", "max-parts")
}

func parsePartsPage(marker, limit, markerName, limitName string) (PartsPage, error) {
	p := PartsPage{Max: maxPartsPage}
	if marker != "" {
		n, ok := parseInt31(marker)
		if !ok {
			return PartsPage{}, integerArgument(markerName, marker)
		}
		p.Marker = n
	}
	if limit != "" {
		n, ok := parseInt31(limit)
		if !ok {
			return PartsPage{}, integerArgument(limitName, limit)
		}
		p.Max = min(n, maxPartsPage)
	}
	return p, nil
}

// parseInt31 reads a number from 0 to 2147483647.
func parseInt31(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil && !strings.HasPrefix(s, "+")
}

func integerArgument(name, value string) *Error {
	return ErrInvalidArgument.
		WithMessage("Argument %s must be an integer between 0 and 2147483647", name).
		With("ArgumentName", name).
		With("ArgumentValue", value)
}

// Of picks the parts of the page from all there are, which must be in
// ascending order. next is the number of the last part of the page, 0 if the
// page is empty; truncated tells that more follow it.
func (p PartsPage) Of(parts []Part) (page []Part, next int, truncated bool) {
	for len(parts) > 0 && parts[0].Number <= p.Marker {
		parts = parts[1:]
	}
	page = parts[:min(len(parts), p.Max)]
	if len(page) == 0 {
		return nil, 0, false
	}
	return page, page[len(page)-1].Number, len(page) < len(parts)
}

// ParsePartNumber reads partNumber of an upload or a read; it returns 0 if the
// request has none. Anything but an integer from 1 to 10000 is
// ErrPartNumberValue.
func ParsePartNumber(q Query) (int, error) {
	if !q.Has("partNumber") {
		return 0, nil
	}
	s := q.Get("partNumber")
	n, ok := parseInt31(s)
	if !ok || n < 1 || n > MaxParts {
		return 0, ErrPartNumberValue.With("ArgumentValue", s)
	}
	return n, nil
}

// NoSuchPart is the error for a read of a part that an object of count parts
// does not have. An object that was not uploaded in parts counts as one.
func NoSuchPart(number, count int) *Error {
	return ErrInvalidPartNumber.
		With("ActualPartCount", strconv.Itoa(count)).
		With("PartNumberRequested", strconv.Itoa(number))
}
