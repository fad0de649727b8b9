//go:build linux

package main

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine says where and with what a run took place.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Disk   string `json:"disk"`
	Caddy  string `json:"caddy"`
	MinIO  string `json:"minio"`
	Date   string `json:"date,omitempty"`
}

// settings says how it was measured.
type settings struct {
	Rounds      int      `json:"rounds"`
	TurnSeconds float64  `json:"turn_seconds"`
	Concurrency int      `json:"concurrency"`
	Contestants []string `json:"contestants"`
	// OtherLoad is how many processors everything else on the machine kept
	// busy during the run, on average.
	OtherLoad float64 `json:"other_load"`
}

func describeMachine(o *options) machine {
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m := machine{
		CPU: parseCPUModel(cpuinfo), Cores: runtime.NumCPU(),
		Kernel: strings.TrimSpace(string(kernel)), Go: runtime.Version(), Disk: o.dir,
		Caddy: moduleVersion(o.caddy, "github.com/caddyserver/caddy/v2"),
		MinIO: moduleVersion(o.minio, "github.com/minio/minio"),
	}
	if strings.HasPrefix(o.dir, "/dev/shm") {
		m.Disk = "memory (tmpfs)"
	}
	if o.date {
		m.Date = time.Now().UTC().Format(time.DateOnly)
	}
	return m
}

// moduleVersion returns the version of a module that a Go binary was built
// from, as its main module or a dependency, and the Go version it was built
// with.
func moduleVersion(binary, module string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "unknown"
	}
	version := "unknown"
	if info.Main.Path == module {
		version = info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			version = dep.Version
		}
	}
	return version + ", " + info.GoVersion
}

// watchLoad returns a function that tells the OtherLoad since then, given the
// servers that ran.
func watchLoad(servers []*process) (func() (float64, error), error) {
	foreign := func() (time.Duration, error) {
		stat, err := os.ReadFile("/proc/stat")
		if err != nil {
			return 0, err
		}
		busy, err := parseBusy(stat)
		if err != nil {
			return 0, err
		}
		pids := []int{os.Getpid()}
		for _, p := range servers {
			pids = append(pids, p.pid)
		}
		for _, pid := range pids {
			own, err := cpuTime(pid)
			if err != nil {
				return 0, err
			}
			busy -= own
		}
		return busy, nil
	}
	start := time.Now()
	before, err := foreign()
	return func() (float64, error) {
		after, err := foreign()
		return max(0, (after-before).Seconds()/time.Since(start).Seconds()), err
	}, err
}

func (m machine) write(w io.Writer) {
	fmt.Fprintf(w, "Machine: %s, %d cores, Linux %s, %s; store's data on %s; everything on loopback.\n", m.CPU, m.Cores, m.Kernel, m.Go, m.Disk)
	fmt.Fprintf(w, "Caddy %s. MinIO %s.\n", m.Caddy, m.MinIO)
	if m.Date != "" {
		fmt.Fprintf(w, "Measured on %s.\n", m.Date)
	}
}

func (s settings) write(w io.Writer) {
	fmt.Fprintf(w, "\n%d rounds of %g s for each contestant, in changing order; %d connection(s).\n"+
		"Throughput is the median over the rounds; a ratio is the median of the ratios within each round,\n"+
		"in brackets that of the median latencies, which other work on the machine disturbs less.\n"+
		"CPU and peak memory are those of the one process named. MB and GB are powers of ten.\n",
		s.Rounds, s.TurnSeconds, s.Concurrency)
	fmt.Fprintf(w, "Everything else on the machine kept %.2f processors busy.\n", s.OtherLoad)
}
