package vaultkeys

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

const (
	// batchSize bounds the items of one request.
	batchSize = 256
	// maxItemAnswer bounds the answer to one item in bytes.
	maxItemAnswer = 1 << 10
)

// Rewrap implements kms.Provider with transit/rewrap, in batches. Results of
// earlier batches are lost when a later one fails as a whole; nothing is the
// worse for it, since Vault keeps no record of wrapped keys.
func (t *Transit) Rewrap(ctx context.Context, key string, items []kms.Item) ([]kms.Rewrapped, error) {
	out := make([]kms.Rewrapped, 0, len(items))
	for batch := range slices.Chunk(items, batchSize) {
		results, err := t.rewrapBatch(ctx, key, batch)
		if err != nil {
			return nil, err
		}
		out = append(out, results...)
	}
	return out, nil
}

// rewrapBatch wraps at most batchSize items again. What cannot be a wrapped key
// is not sent.
func (t *Transit) rewrapBatch(ctx context.Context, key string, items []kms.Item) ([]kms.Rewrapped, error) {
	out := make([]kms.Rewrapped, len(items))
	var (
		input []ciphertext
		place []int // of the inputs in out
	)
	for i, item := range items {
		text, _, err := parseWrapped(string(item.Wrapped))
		if err != nil {
			out[i].Err = fmt.Errorf("%w: it is not of the form vault:v1:…", kms.ErrCiphertext)
			continue
		}
		input, place = append(input, ciphertext{Ciphertext: string(text), Context: contextBytes(item.Context)}), append(place, i)
	}
	if len(input) == 0 {
		return out, nil
	}
	a, err := t.call(ctx, "rewrap", key, kms.ErrCiphertext, request{
		body:  map[string][]ciphertext{"batch_input": input},
		limit: maxAnswer + maxItemAnswer*int64(len(input)),
	})
	if err != nil {
		return nil, err
	}
	var data struct {
		Results []ciphertext `json:"batch_results"`
	}
	if err := a.decode(&data); err != nil {
		return nil, err
	}
	if len(data.Results) != len(input) {
		return nil, fmt.Errorf("%w: %d results for %d items", kms.ErrUnavailable, len(data.Results), len(input))
	}
	for i, r := range data.Results {
		to := &out[place[i]]
		if r.Error != "" {
			to.Err = fmt.Errorf("%w: %s", classOf(r.Error, kms.ErrCiphertext), clean(r.Error, nil))
			continue
		}
		to.Wrapped, to.Version, to.Err = parseWrapped(r.Ciphertext)
	}
	return out, nil
}

// Describe implements kms.Provider with transit/keys, for which the token needs
// the capability read.
func (t *Transit) Describe(ctx context.Context, key string) (kms.KeyInfo, error) {
	a, err := t.call(ctx, "keys", key, kms.ErrKeyState, request{method: http.MethodGet})
	if err != nil {
		return kms.KeyInfo{}, err
	}
	var data struct {
		LatestVersion        int  `json:"latest_version"`
		MinDecryptionVersion int  `json:"min_decryption_version"`
		Derived              bool `json:"derived"`
		SoftDeleted          bool `json:"soft_deleted"` // OpenBao
	}
	if err := a.decode(&data); err != nil {
		return kms.KeyInfo{}, err
	}
	if data.LatestVersion < 1 {
		return kms.KeyInfo{}, errGarbage
	}
	return kms.KeyInfo{
		LatestVersion: data.LatestVersion, MinDecryptionVersion: data.MinDecryptionVersion,
		Derived: data.Derived, Deleted: data.SoftDeleted,
	}, nil
}
