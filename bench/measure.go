//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// turn is what one contestant did in one round.
type turn struct {
	ops       int
	bytes     int64 // plaintext moved
	elapsed   time.Duration
	latencies []time.Duration
	proxyCPU  time.Duration
	storeCPU  time.Duration
	clientCPU time.Duration
	proxyPeak int64 // bytes
	storePeak int64
}

// result is everything one contestant did in a cell, one turn a round.
type result struct {
	contestant string
	turns      []turn
}

// measureCell lets the contestants take their turns, round after round.
func measureCell(ctx context.Context, contestants []*contestant, w cell, body []byte, signed bool, o *options) ([]result, error) {
	results := make([]result, len(contestants))
	for round := range o.rounds {
		for _, i := range roundOrder(round, len(contestants)) {
			c := contestants[i]
			t, err := c.takeTurn(ctx, c.messages(w, body, signed), o.turn, o.concurrency)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w, c.name, err)
			}
			results[i].contestant = c.name
			results[i].turns = append(results[i].turns, t)
			if err := emptyTrash(c.data); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

// emptyTrash removes what a MinIO has put aside of objects that were deleted or
// overwritten. MinIO does so itself, but slower than uploads of gigabytes fill a
// memory file system, and then the system's memory, which slows everything down.
func emptyTrash(storeDir string) error {
	trash := filepath.Join(storeDir, ".minio.sys", "tmp", ".trash")
	entries, err := os.ReadDir(trash)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(trash, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// takeTurn sends the messages in turn over the given number of connections
// until the time is up, at least twice.
func (c *contestant) takeTurn(ctx context.Context, messages []*message, length time.Duration, concurrency int) (turn, error) {
	conns := make([]*conn, concurrency)
	for i := range conns {
		conns[i] = newConn(c.addr)
		defer conns[i].close()
		// Not timed: opens the connections, the proxy's to the store as well.
		if _, err := conns[i].do(messages[i%len(messages)], nil); err != nil {
			return turn{}, err
		}
	}
	before, err := c.usage()
	if err != nil {
		return turn{}, err
	}
	c.resetPeaks()

	var (
		wg     sync.WaitGroup
		next   atomic.Int64
		mu     sync.Mutex
		total  turn
		failed error
	)
	start := time.Now()
	for _, conn := range conns {
		wg.Go(func() {
			var own turn
			err := conn.repeat(ctx, messages, &next, start, length, &own)
			mu.Lock()
			defer mu.Unlock()
			total.ops += own.ops
			total.bytes += own.bytes
			total.latencies = append(total.latencies, own.latencies...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	total.elapsed = time.Since(start)
	if failed != nil {
		return turn{}, failed
	}
	after, err := c.usage()
	if err != nil {
		return turn{}, err
	}
	total.proxyCPU = after.proxy - before.proxy
	total.storeCPU = after.store - before.store
	total.clientCPU = after.client - before.client
	total.storePeak, err = peakRSS(c.store.pid)
	if err == nil && c.proxy != nil {
		total.proxyPeak, err = peakRSS(c.proxy.pid)
	}
	return total, err
}

// repeat is one connection's share of a turn.
func (c *conn) repeat(ctx context.Context, messages []*message, next *atomic.Int64, start time.Time, length time.Duration, t *turn) error {
	t.latencies = make([]time.Duration, 0, 1<<14)
	for began := start; began.Sub(start) < length || t.ops < 2; {
		if err := ctx.Err(); err != nil {
			return err
		}
		m := messages[int(next.Add(1))%len(messages)]
		if _, err := c.do(m, nil); err != nil {
			return err
		}
		ended := time.Now()
		t.latencies = append(t.latencies, ended.Sub(began))
		t.ops++
		t.bytes += m.transfer
		began = ended
	}
	return nil
}

// usage is CPU time used since the processes started.
type usage struct{ proxy, store, client time.Duration }

func (c *contestant) usage() (u usage, err error) {
	if u.store, err = cpuTime(c.store.pid); err != nil {
		return u, err
	}
	if c.proxy != nil {
		if u.proxy, err = cpuTime(c.proxy.pid); err != nil {
			return u, err
		}
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return u, err
	}
	u.client = time.Duration(self.Utime.Nano() + self.Stime.Nano())
	return u, nil
}

func (c *contestant) resetPeaks() {
	resetPeakRSS(c.store.pid)
	if c.proxy != nil {
		resetPeakRSS(c.proxy.pid)
	}
}

// opRates and byteRates return one figure a round: operations and plaintext
// bytes a second.
func (r result) opRates() []float64 {
	rates := make([]float64, len(r.turns))
	for i, t := range r.turns {
		rates[i] = float64(t.ops) / t.elapsed.Seconds()
	}
	return rates
}

func (r result) byteRates() []float64 {
	rates := make([]float64, len(r.turns))
	for i, t := range r.turns {
		rates[i] = float64(t.bytes) / t.elapsed.Seconds()
	}
	return rates
}

// medianLatencies returns the p50 of each round, in seconds.
func (r result) medianLatencies() []float64 {
	medians := make([]float64, len(r.turns))
	for i, t := range r.turns {
		medians[i] = percentile(slices.Sorted(slices.Values(t.latencies)), 50).Seconds()
	}
	return medians
}

// sum adds the rounds up. CPU times are read in hundredths of a second, so
// only the sum over all rounds is a figure to divide.
func (r result) sum() turn {
	var s turn
	for _, t := range r.turns {
		s.ops += t.ops
		s.bytes += t.bytes
		s.elapsed += t.elapsed
		s.proxyCPU += t.proxyCPU
		s.storeCPU += t.storeCPU
		s.clientCPU += t.clientCPU
		s.proxyPeak = max(s.proxyPeak, t.proxyPeak)
		s.storePeak = max(s.storePeak, t.storePeak)
		s.latencies = append(s.latencies, t.latencies...)
	}
	slices.Sort(s.latencies)
	return s
}
