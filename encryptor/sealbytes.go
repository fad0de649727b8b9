package encryptor

import "fmt"

// SealBytes appends the stored form of an object as PutObject makes it to dst. It is for
// small objects that are in memory anyway, and cheaper than a Sealer. The plaintext must not
// overlap dst's spare capacity. If that is StoredSize(len(plaintext)) or more, nothing is allocated for
// the result. For the other arguments see NewSealer.
func SealBytes(dst []byte, keys Keys, plaintext, envelope []byte, d Digests) ([]byte, error) {
	if err := keys.check(); err != nil {
		return dst, err
	}
	length := int64(len(plaintext))
	if length > MaxObjectSize {
		return dst, fmt.Errorf("sealing %d bytes: %w", length, errSealedSize)
	}
	r, err := keys.extract(&zeroSalt)
	if err != nil {
		return dst, err
	}
	defer r.wipe()
	fixed := fixedHeader(keys.Suite, 0, length)
	chunks, commit, err := r.segment(fixed[:], nil)
	if err != nil {
		return dst, err
	}
	stored := StoredSize(length)
	out := dst
	// The second layer's slack beyond the last chunk lies within what will be filler and footer.
	if need := len(dst) + int(stored); cap(out) < need {
		out = append(make([]byte, 0, need), dst...)
	}
	out = appendHeader(out, &fixed, &zeroSalt, &commit)
	for index := int64(0); ; index++ {
		n := min(len(plaintext), ChunkSize)
		last := n == len(plaintext)
		out = chunks.sealChunk(out, plaintext[:n], index, last)
		if plaintext = plaintext[n:]; last {
			break
		}
	}
	out = appendCheck(out, len(dst))
	rec := Record{Length: length, Digests: d, Check: [checkSize]byte(out[len(out)-checkSize:])}
	record, err := rec.encode()
	if err != nil {
		return dst, err
	}
	footer, err := r.footer(keys.Suite, &zeroSalt, stored, envelope, record)
	if err != nil {
		return dst, err
	}
	start, end := len(out), len(dst)+int(stored)-len(footer)-checkSize
	clear(out[start:end])
	return appendCheck(append(out[:end], footer...), start), nil
}
