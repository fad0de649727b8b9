//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// loadTransfers is how many transfers of loadSize the memory scenario keeps in
// flight, half of them uploads.
const (
	loadTransfers = 64
	loadSize      = 64 << 20
)

// loadResult is the memory that many large transfers at once need.
type loadResult struct {
	Contestant string  `json:"contestant"`
	Transfers  int     `json:"transfers"`
	Seconds    float64 `json:"seconds"`
	MBPerSec   float64 `json:"mb_per_s"`
	PeakMiB    float64 `json:"proxy_peak_rss_mib"`
}

// measureLoad starts all transfers at once and reports the proxy's peak.
func (c *contestant) measureLoad(ctx context.Context, body []byte, o *options) (loadResult, error) {
	size := int64(len(body))
	messages := make([]*message, loadTransfers)
	for i := range messages {
		if i%2 == 0 {
			messages[i] = c.sign(c.put(c.key("load", size, i), body), sigv4.UnsignedPayload)
			continue
		}
		key := c.key("get", size, i/2%keysPerSize(size))
		messages[i] = c.sign(draft{method: http.MethodGet, key: key}, sigv4.UnsignedPayload)
		messages[i].length = size
	}
	c.resetPeaks()
	errs := make([]error, len(messages))
	var wg sync.WaitGroup
	start := time.Now()
	for i, m := range messages {
		wg.Go(func() {
			conn := newConn(c.addr)
			defer conn.close()
			if errs[i] = ctx.Err(); errs[i] == nil {
				_, errs[i] = conn.do(m, nil)
			}
		})
	}
	var heapErr error
	if c.admin != "" {
		// Once all transfers are well under way.
		time.Sleep(2 * time.Second)
		heapErr = fetch(ctx, c.profileURL("heap"), filepath.Join(o.pprof, c.name+"-load-heap.pprof"))
	}
	wg.Wait()
	elapsed := time.Since(start)
	if heapErr != nil {
		return loadResult{}, heapErr
	}
	for _, err := range errs {
		if err != nil {
			return loadResult{}, fmt.Errorf("%d transfers through %s: %w", loadTransfers, c.name, err)
		}
	}
	peak, err := peakRSS(c.proxy.pid)
	return loadResult{
		Contestant: c.name, Transfers: loadTransfers, Seconds: elapsed.Seconds(),
		MBPerSec: float64(size) * loadTransfers / 1e6 / elapsed.Seconds(),
		PeakMiB:  float64(peak) / (1 << 20),
	}, err
}
