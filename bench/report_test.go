//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNumber(t *testing.T) {
	for in, want := range map[float64]string{
		0: "0.00", 0.126: "0.13", 9.994: "9.99", 10: "10.0", 99.94: "99.9", 100: "100", 12345.6: "12346",
	} {
		if got := number(in); got != want {
			t.Errorf("number(%v) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[float64]string{0.4: "0 µs", 999: "999 µs", 1000: "1.00 ms", 54321: "54.3 ms", 654321: "654 ms"} {
		if got := latency(in); got != want {
			t.Errorf("latency(%v) = %q, want %q", in, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	table := newTable([]string{"operation", "n"}, 0)
	table.add("PUT µs", "12345")
	table.add("GET")
	want := `
| operation |     n |
|-----------|------:|
| PUT µs    | 12345 |
| GET       |       |
`[1:]
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// rounds makes the result of a contestant that did so many operations in each
// round of one second.
func rounds(name string, w cell, ops ...int) result {
	r := result{contestant: name}
	for _, n := range ops {
		t := turn{
			ops: n, bytes: int64(n) * w.Size, elapsed: time.Second,
			proxyCPU: time.Duration(n) * 100 * time.Microsecond, storeCPU: time.Duration(n) * 200 * time.Microsecond,
			clientCPU: time.Duration(n) * 10 * time.Microsecond, proxyPeak: int64(n) << 20, storePeak: 1 << 20,
		}
		for range n {
			t.latencies = append(t.latencies, time.Second/time.Duration(n))
		}
		r.turns = append(r.turns, t)
	}
	return r
}

func TestNewRow(t *testing.T) {
	w := cell{opGet, 1 << 20}
	got := newRow(payloadSigned, w, []result{rounds(nameCaddy, w, 10, 100, 10), rounds(nameGateway, w, 20, 100, 5)})
	if diff := cmp.Diff(map[string]float64{nameCaddy: 1}, got.Ratios); diff != "" {
		t.Errorf("ratios (-want +got):\n%s", diff)
	}
	want := &figures{
		Contestant: nameGateway, OpsPerSec: 20, MBPerSec: 20 * 1.048576, P50Micros: 10000, P99Micros: 200000, Ops: 125,
		ProxyPerOp: 100, ProxyPerGB: 0.1 / 1.048576, StorePerOp: 200, StorePerGB: 0.2 / 1.048576, ClientPerOp: 10,
		ProxyPeakMiB: 100, StorePeakMiB: 1, RoundsOpsPerS: []float64{20, 100, 5},
	}
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })
	if diff := cmp.Diff(want, got.figure(nameGateway), near); diff != "" {
		t.Errorf("gateway (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{nameCaddy: 1}, got.SpeedRatios); diff != "" {
		t.Errorf("ratios by p50 (-want +got):\n%s", diff)
	}
	if got.figure(nameSSE) != nil {
		t.Error("a contestant that took no part has figures")
	}
}

func TestReport(t *testing.T) {
	get, head := cell{opGet, 1 << 20}, cell{opHead, 4 << 10}
	r := &report{
		Machine:  machine{CPU: "Z80", Cores: 1, Kernel: "6.1", Go: "go1.26", Disk: "tape", Caddy: "v2, go1.26", MinIO: "v0, go1.26"},
		Settings: settings{Rounds: 2, TurnSeconds: 1, Concurrency: 1, OtherLoad: 0.25},
		Rows: []row{
			newRow(payloadUnsigned, get, []result{rounds(nameStore, get, 40, 40), rounds(nameGateway, get, 20, 20)}),
			newRow(payloadUnsigned, head, []result{rounds(nameStore, head, 400, 400), rounds(nameGateway, head, 300, 300)}),
		},
		Load: []loadResult{{Contestant: nameGateway, Transfers: 64, Seconds: 8, MBPerSec: 500, PeakMiB: 150}},
	}
	r.Rows[1].Figures[1].ProxyPerGB = 0
	var b strings.Builder
	if err := r.write(&b, []string{nameStore, nameGateway}); err != nil {
		t.Fatal(err)
	}
	want := `
Machine: Z80, 1 cores, Linux 6.1, go1.26; store's data on tape; everything on loopback.
Caddy v2, go1.26. MinIO v0, go1.26.

2 rounds of 1 s for each contestant, in changing order; 1 connection(s).
Throughput is the median over the rounds; a ratio is the median of the ratios within each round,
in brackets that of the median latencies, which other work on the machine disturbs less.
CPU and peak memory are those of the one process named. MB and GB are powers of ten.
Everything else on the machine kept 0.25 processors busy.

### Requests with unsigned payload: throughput and latency

| operation  | unit | minio | gateway | gateway ÷ minio (by p50) |   minio p50 / p99 | gateway p50 / p99 |
|------------|------|------:|--------:|-------------------------:|------------------:|------------------:|
| GET 1 MiB  | MB/s |  41.9 |    21.0 |              0.50 (0.50) | 25.0 ms / 25.0 ms | 50.0 ms / 50.0 ms |
| HEAD 4 KiB | op/s |   400 |     300 |              0.75 (0.75) | 2.50 ms / 2.50 ms | 3.33 ms / 3.33 ms |

### Requests with unsigned payload: CPU and memory

| operation  | gateway CPU s/GB | gateway CPU µs/op | gateway peak MiB | store CPU µs/op (minio) | store CPU µs/op (gateway) | client CPU µs/op |
|------------|-----------------:|------------------:|-----------------:|------------------------:|--------------------------:|-----------------:|
| GET 1 MiB  |             0.10 |               100 |             20.0 |                     200 |                       200 |             10.0 |
| HEAD 4 KiB |                – |               100 |              300 |                     200 |                       200 |             10.0 |

### 64 transfers of 64 MiB at once, half up, half down

| proxy   | MB/s | seconds | peak RSS MiB |
|---------|-----:|--------:|-------------:|
| gateway |  500 |    8.00 |          150 |
`[1:]
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
