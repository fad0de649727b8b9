//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report is the whole outcome of a run, also the content of the JSON file.
type report struct {
	Machine  machine      `json:"machine"`
	Settings settings     `json:"settings"`
	Rows     []row        `json:"rows"`
	Load     []loadResult `json:"load,omitempty"`
}

// row is one cell in one payload mode.
type row struct {
	Payload string `json:"payload"`
	cell
	Figures []figures `json:"contestants"`
	// Ratios are the gateway's throughput over that of the named contestant;
	// between modes, the named mode's over that of SSE-S3.
	// SpeedRatios are the same of the median operation alone: the one's p50
	// over the other's. On a machine that does other things as well, a few
	// delayed operations move the first and hardly the second.
	Ratios      map[string]float64 `json:"ratios"`
	SpeedRatios map[string]float64 `json:"p50_ratios"`
}

// figures is one contestant's part of a row. GB and MB are powers of ten; a
// figure that does not exist (bytes of a HEAD, a proxy that is not there) is 0.
type figures struct {
	Contestant    string    `json:"contestant"`
	OpsPerSec     float64   `json:"ops_per_s"`
	MBPerSec      float64   `json:"mb_per_s,omitempty"`
	P50Micros     float64   `json:"p50_us"`
	P99Micros     float64   `json:"p99_us"`
	Ops           int       `json:"ops"`
	ProxyPerOp    float64   `json:"proxy_cpu_us_per_op,omitempty"`
	ProxyPerGB    float64   `json:"proxy_cpu_s_per_gb,omitempty"`
	StorePerOp    float64   `json:"store_cpu_us_per_op"`
	StorePerGB    float64   `json:"store_cpu_s_per_gb,omitempty"`
	ClientPerOp   float64   `json:"client_cpu_us_per_op"`
	ProxyPeakMiB  float64   `json:"proxy_peak_rss_mib,omitempty"`
	StorePeakMiB  float64   `json:"store_peak_rss_mib"`
	RoundsOpsPerS []float64 `json:"rounds_ops_per_s"`
}

// newRow condenses what was measured in a cell.
func newRow(payload string, w cell, results []result) row {
	r := row{Payload: payload, cell: w, Ratios: map[string]float64{}, SpeedRatios: map[string]float64{}}
	for _, res := range results {
		sum := res.sum()
		f := figures{
			Contestant: res.contestant, Ops: sum.ops, RoundsOpsPerS: res.opRates(),
			OpsPerSec: median(res.opRates()), MBPerSec: median(res.byteRates()) / 1e6,
			P50Micros: micros(percentile(sum.latencies, 50)), P99Micros: micros(percentile(sum.latencies, 99)),
			ProxyPerOp: micros(sum.proxyCPU) / float64(sum.ops), StorePerOp: micros(sum.storeCPU) / float64(sum.ops),
			ClientPerOp:  micros(sum.clientCPU) / float64(sum.ops),
			ProxyPeakMiB: float64(sum.proxyPeak) / (1 << 20), StorePeakMiB: float64(sum.storePeak) / (1 << 20),
		}
		if sum.bytes > 0 {
			f.ProxyPerGB = sum.proxyCPU.Seconds() / (float64(sum.bytes) / 1e9)
			f.StorePerGB = sum.storeCPU.Seconds() / (float64(sum.bytes) / 1e9)
		}
		r.Figures = append(r.Figures, f)
	}
	index := func(name string) int {
		return slices.IndexFunc(results, func(res result) bool { return res.contestant == name })
	}
	subject, base := index(nameGateway), index(nameSSES3)
	for i := range results {
		switch {
		case subject >= 0 && i != subject:
			r.compare(results[i].contestant, &results[subject], &results[i])
		case base >= 0 && i != base:
			r.compare(results[i].contestant, &results[i], &results[base])
		}
	}
	return r
}

// compare enters how much faster one contestant is than another.
func (r *row) compare(name string, one, other *result) {
	if ratio := medianRatio(one.opRates(), other.opRates()); !math.IsNaN(ratio) {
		r.Ratios[name] = ratio
	}
	if ratio := medianRatio(other.medianLatencies(), one.medianLatencies()); !math.IsNaN(ratio) {
		r.SpeedRatios[name] = ratio
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// figure returns the contestant's part of the row, nil if it took no part.
func (r row) figure(name string) *figures {
	for i := range r.Figures {
		if r.Figures[i].Contestant == name {
			return &r.Figures[i]
		}
	}
	return nil
}

// write prints the report as markdown.
func (r *report) write(w io.Writer, contestants []string) error {
	var b strings.Builder
	r.Machine.write(&b)
	r.Settings.write(&b)
	for _, payload := range []string{payloadUnsigned, payloadSigned} {
		rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row row) bool { return row.Payload != payload })
		if len(rows) > 0 {
			fmt.Fprintf(&b, "\n### Requests with %s payload: throughput and latency\n\n", payload)
			b.WriteString(throughputTable(rows, contestants))
			fmt.Fprintf(&b, "\n### Requests with %s payload: CPU and memory\n\n", payload)
			b.WriteString(costTable(rows, contestants))
		}
	}
	if len(r.Load) > 0 {
		fmt.Fprintf(&b, "\n### %d transfers of 64 MiB at once, half up, half down\n\n", loadTransfers)
		b.WriteString(loadTable(r.Load))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// throughputTable shows medians over the rounds, the gateway's ratios, and
// latencies as p50 / p99.
func throughputTable(rows []row, contestants []string) string {
	head := []string{"operation", "unit"}
	head = append(head, contestants...)
	var rivals []string
	if slices.Contains(contestants, nameGateway) {
		for _, name := range []string{nameCaddy, nameStore, nameSSE} {
			if slices.Contains(contestants, name) {
				rivals = append(rivals, name)
				head = append(head, "gateway ÷ "+name+" (by p50)")
			}
		}
	}
	if slices.Contains(contestants, nameSSES3) {
		for _, name := range contestants {
			if name != nameSSES3 {
				rivals = append(rivals, name)
				head = append(head, name+" ÷ "+nameSSES3+" (by p50)")
			}
		}
	}
	for _, name := range contestants {
		head = append(head, name+" p50 / p99")
	}
	t := newTable(head, 1)
	for _, row := range rows {
		unit := "op/s"
		if row.inBytes() {
			unit = "MB/s"
		}
		line := []string{row.String(), unit}
		for _, name := range contestants {
			line = append(line, row.cellOf(name, func(f *figures) string {
				if row.inBytes() {
					return number(f.MBPerSec)
				}
				return number(f.OpsPerSec)
			}))
		}
		for _, name := range rivals {
			line = append(line, ratioText(row.Ratios, name)+" ("+ratioText(row.SpeedRatios, name)+")")
		}
		for _, name := range contestants {
			line = append(line, row.cellOf(name, func(f *figures) string {
				return latency(f.P50Micros) + " / " + latency(f.P99Micros)
			}))
		}
		t.add(line...)
	}
	return t.String()
}

// costTable shows what the proxy processes use, and the store behind them.
func costTable(rows []row, contestants []string) string {
	head := []string{"operation"}
	for _, name := range contestants {
		if isProxy(name) {
			head = append(head, name+" CPU s/GB", name+" CPU µs/op", name+" peak MiB")
		}
	}
	for _, name := range contestants {
		head = append(head, "store CPU µs/op ("+name+")")
	}
	t := newTable(append(head, "client CPU µs/op"), 0)
	for _, row := range rows {
		line := []string{row.String()}
		for _, name := range contestants {
			if !isProxy(name) {
				continue
			}
			line = append(line,
				row.cellOf(name, func(f *figures) string {
					if row.Op == opHead || row.Op == opList {
						return "–"
					}
					return strconv.FormatFloat(f.ProxyPerGB, 'f', 2, 64)
				}),
				row.cellOf(name, func(f *figures) string { return number(f.ProxyPerOp) }),
				row.cellOf(name, func(f *figures) string { return number(f.ProxyPeakMiB) }))
		}
		client := 0.0
		for _, name := range contestants {
			line = append(line, row.cellOf(name, func(f *figures) string {
				client = max(client, f.ClientPerOp)
				return number(f.StorePerOp)
			}))
		}
		t.add(append(line, number(client))...)
	}
	return t.String()
}

func loadTable(load []loadResult) string {
	t := newTable([]string{"proxy", "MB/s", "seconds", "peak RSS MiB"}, 0)
	for _, l := range load {
		t.add(l.Contestant, number(l.MBPerSec), number(l.Seconds), number(l.PeakMiB))
	}
	return t.String()
}

func (r row) cellOf(name string, text func(*figures) string) string {
	if f := r.figure(name); f != nil {
		return text(f)
	}
	return "–"
}

func isProxy(name string) bool { return name != nameStore && name != nameSSE }

func ratioText(ratios map[string]float64, name string) string {
	ratio, ok := ratios[name]
	if !ok {
		return "–"
	}
	return strconv.FormatFloat(ratio, 'f', 2, 64)
}
