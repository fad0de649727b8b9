package rotation

import "testing"

// SmallParts makes objects of more than whole bytes be uploaded in parts of part
// bytes, and those of more than half of whole not be held in memory.
func SmallParts(t *testing.T, whole, part int64) {
	t.Helper()
	oldWhole, oldPart, oldBuffered := maxPlaintextPut, leastPart, maxBuffered
	maxPlaintextPut, leastPart, maxBuffered = whole, part, whole/2
	t.Cleanup(func() { maxPlaintextPut, leastPart, maxBuffered = oldWhole, oldPart, oldBuffered })
}

// ParseVersions reads a listing of versions.
func ParseVersions(doc []byte) ([]Entry, error) {
	page, err := parsePage(doc)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, len(page.Entries))
	for i := range page.Entries {
		out[i] = page.Entries[i].entry()
	}
	return out, nil
}
