package gateway

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// maxKept is how many objects of the system bucket are looked at for one upload:
// neither a client that sends the same parts for ever nor a store that lists
// for ever may fill the memory.
const maxKept = 1 << 17

var errTooManyAttempts = s3api.ErrInvalidRequest.WithMessage("The parts of the upload were sent too many times. Please abort it.")

// attempts are the attempts at the parts of an upload, by part number, the
// newest of a part last.
type attempts map[int][]partRecord

// keptUpload is what the gateway keeps of an upload in progress.
type keptUpload struct {
	attempts attempts
	names    []string // of all objects, in the order in which they are to be removed
}

// listKept reads what is kept of an upload, with one request for every thousand
// objects. An upload that has ended, whether or not this instance remembers
// it, is s3api.ErrNoSuchUpload.
func (c *call) listKept(ctx context.Context, up *uploadState) (*keptUpload, error) {
	aead, err := up.nameCipher()
	if err != nil {
		return nil, err
	}
	kept := &keptUpload{attempts: make(attempts)}
	dir := up.dir()
	going := false
	var bad error
	err = c.listSystem(ctx, dir, func(page []systemEntry) bool {
		for _, e := range page {
			kept.names = append(kept.names, e.Key)
			name := strings.TrimPrefix(e.Key, dir)
			going = going || name == uploadRecordName
			record, ok := strings.CutPrefix(name, partRecords)
			if !ok {
				continue
			}
			var p partRecord
			if p, bad = partOf(aead, record); bad != nil {
				return false
			}
			p.modified, _ = time.Parse(time.RFC3339Nano, e.LastModified) // a zero time orders nothing
			kept.attempts[p.number] = append(kept.attempts[p.number], p)
		}
		if len(kept.names) > maxKept {
			bad = errTooManyAttempts
		}
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, err
	}
	if !going {
		c.g.uploads.drop(up.uploadID)
		return nil, noSuchUpload(up.uploadID)
	}
	for _, of := range kept.attempts {
		slices.SortFunc(of, func(a, b partRecord) int {
			return cmp.Or(a.modified.Compare(b.modified), a.at.Compare(b.at))
		})
	}
	return kept, nil
}

// keptOf returns the names of everything that the gateway keeps of an upload,
// or of maxKept objects of it.
func (c *call) keptOf(ctx context.Context, id uploadID) (names []string, err error) {
	err = c.listSystem(ctx, id.dir(), func(page []systemEntry) bool {
		for _, e := range page {
			names = append(names, e.Key)
		}
		return len(names) < maxKept
	})
	return names, err
}

// forgetEnded removes everything the gateway keeps of an upload that the client
// has been told, or will be, that it is over.
func (c *call) forgetEnded(ctx context.Context, id uploadID) {
	names, err := c.keptOf(context.WithoutCancel(ctx), id)
	if err != nil {
		c.g.uploads.drop(id)
		c.logFailure(leftBehind, err)
		return
	}
	c.forgetKept(ctx, id, names)
}

const leftBehind = "the state of an upload is left in the system bucket"

// forgetKept is forgetEnded for those objects: what belongs to the parts comes
// first, so that as long as anything is left, it can be told whose it is. What
// cannot be removed now is left to be swept.
func (c *call) forgetKept(ctx context.Context, id uploadID, names []string) {
	c.g.uploads.drop(id)
	if err := c.deleteRecords(context.WithoutCancel(ctx), names); err != nil {
		c.logFailure(leftBehind, err)
	}
}
