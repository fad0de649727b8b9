//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStatCPU(t *testing.T) {
	const tail = " 1 1 0 -1 4194560 9 8 7 6 1234 66 50 40 20 0 9 0 100 1 2"
	for _, tt := range []struct {
		name, in string
		want     time.Duration
		fails    bool
	}{
		{name: "plain", in: "12 (minio) S 1" + tail, want: 13 * time.Second},
		{name: "space and parenthesis in the name", in: "12 (a) 9 (b) S 1" + tail, want: 13 * time.Second},
		{name: "nothing used yet", in: "12 (x) R 1 1 1 0 -1 0 0 0 0 0 0 0", want: 0},
		{name: "cut before stime", in: "12 (x) R 1 1 1 0 -1 0 0 0 0 0 0", fails: true},
		{name: "not a number", in: "12 (x) R 1 1 1 0 -1 0 0 0 0 0 x 0", fails: true},
		{name: "negative", in: "12 (x) R 1 1 1 0 -1 0 0 0 0 0 -1 0", fails: true},
		{name: "no name", in: "12 x S 1", fails: true},
		{name: "empty", in: "", fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStatCPU([]byte(tt.in))
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("got %v, %v; want %v, failure %v", got, err, tt.want, tt.fails)
			}
		})
	}
}

func TestParseStatusPeak(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     int64
		fails    bool
	}{
		{name: "among others", in: "Name:\tcaddy\nVmPeak:\t  999 kB\nVmHWM:\t   51200 kB\nVmRSS:\t 1 kB\n", want: 50 << 20},
		{name: "last line without end", in: "VmHWM: 1 kB", want: 1024},
		{name: "missing", in: "Name:\tkthreadd\n", fails: true},
		{name: "other unit", in: "VmHWM:\t5 MB\n", fails: true},
		{name: "no value", in: "VmHWM:\n", fails: true},
		{name: "not a number", in: "VmHWM:\tx kB\n", fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStatusPeak([]byte(tt.in))
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("got %d, %v; want %d, failure %v", got, err, tt.want, tt.fails)
			}
		})
	}
}

func TestParseBusy(t *testing.T) {
	got, err := parseBusy([]byte("cpu  100 200 300 9999 8888 1 2 3 50 50\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	if want := 6060 * time.Millisecond; got != want || err != nil {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, in := range []string{"", "cpu 1 2 3\n", "intr 1 2 3 4 5 6 7 8 9\n", "cpu 1 2 3 4 x 6 7 8\n"} {
		if _, err := parseBusy([]byte(in)); err == nil {
			t.Errorf("%q: accepted", in)
		}
	}
}

func TestParseCPUModel(t *testing.T) {
	for in, want := range map[string]string{
		"processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7R13\nprocessor\t: 1\n": "AMD EPYC 7R13",
		"processor\t: 0\nBogoMIPS\t: 50.00\n":                                         "unknown",
		"":                                                                            "unknown",
	} {
		if got := parseCPUModel([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestOwnProcess reads the files of the running kernel.
func TestOwnProcess(t *testing.T) {
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	resetPeakRSS(os.Getpid())
	peak, err := peakRSS(os.Getpid())
	if err != nil || peak < 1<<20 {
		t.Errorf("peak %d, %v", peak, err)
	}
	if _, err := cpuTime(-1); err == nil || !strings.Contains(err.Error(), "/proc/-1/stat") {
		t.Errorf("a process that does not exist: %v", err)
	}
}
