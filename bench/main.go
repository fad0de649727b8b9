//go:build linux

// Command bench measures the gateway next to what it is compared with, on one
// machine, in one run: MinIO without a proxy, behind plain Caddy's
// reverse_proxy, behind this gateway, and MinIO encrypting by itself. Each
// server runs in its own process, on loopback, and the contestants take turns
// within every round, so that a change of the machine's speed meets them all.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	payloadUnsigned = "unsigned"
	payloadSigned   = "signed"
)

// options is the command line.
type options struct {
	minio, caddy string
	vault        string
	modes        bool
	dir          string
	rounds       int
	turn         time.Duration
	concurrency  int
	payloads     []string
	contestants  []string
	ops, sizes   []string
	load         bool
	pprof        string
	json         string
	date         bool
	timeout      time.Duration
}

func parseOptions(args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&o.minio, "minio", ".tools/bin/minio", "MinIO `binary`")
	fs.StringVar(&o.caddy, "caddy", ".tools/bin/caddy", "Caddy `binary` with the s3_sse handler")
	fs.StringVar(&o.vault, "vault", ".tools/bin/vaultserver", "Vault test server `binary`, for -modes")
	fs.BoolVar(&o.modes, "modes", false, "compare the gateway's modes of encryption with each other instead")
	fs.StringVar(&o.dir, "dir", "/dev/shm", "`directory` for the stores' data; a memory file system keeps the disk out of the figures")
	quick := fs.Bool("quick", false, "about two minutes instead of about twelve, less exact")
	fs.IntVar(&o.rounds, "rounds", 0, "`number` of rounds (default 9, quick 3)")
	fs.DurationVar(&o.turn, "turn", 0, "`time` each contestant measures in a round (default 700ms, quick 300ms)")
	fs.IntVar(&o.concurrency, "c", 1, "connections that send requests at the same time")
	payload := fs.String("payload", "both", "SigV4 payload hash: `unsigned|signed|both`")
	contestants := fs.String("contestants", "", "comma-separated `names` to take part (default "+strings.Join(contestantNames, ",")+")")
	ops := fs.String("op", "", "comma-separated `operations`: "+strings.Join(operationNames(), ",")+" (default all, \"none\" for none)")
	sizes := fs.String("size", "", "comma-separated `sizes`: 4K,1M,64M (default all)")
	fs.BoolVar(&o.load, "rss", false, fmt.Sprintf("also measure the proxies' memory with %d transfers of 64 MiB at once", loadTransfers))
	fs.StringVar(&o.pprof, "pprof", "", "also take CPU profiles of the proxies in each cell, into this `directory`")
	fs.StringVar(&o.json, "json", "", "also write the result as JSON to this `file`")
	fs.BoolVar(&o.date, "date", false, "put the date into the output")
	fs.DurationVar(&o.timeout, "timeout", 40*time.Minute, "give up after this `time`")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	rounds, length := 9, 700*time.Millisecond
	if *quick {
		rounds, length = 3, 300*time.Millisecond
	}
	if o.rounds <= 0 {
		o.rounds = rounds
	}
	if o.turn <= 0 {
		o.turn = length
	}
	o.contestants, o.ops, o.sizes = list(*contestants), list(*ops), list(*sizes)
	if *payload == "both" {
		*payload = payloadUnsigned + "," + payloadSigned
	}
	o.payloads = list(*payload)
	return o, o.validate(fs.Args())
}

func (o *options) validate(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if o.concurrency < 1 || o.concurrency > 1024 {
		return errors.New("-c must be from 1 to 1024")
	}
	for _, known := range []struct {
		flag   string
		values []string
		among  []string
	}{
		{"-contestants", o.contestants, contestantNames},
		{"-op", o.ops, append(operationNames(), "none")},
		{"-size", o.sizes, []string{"4K", "1M", "64M"}},
		{"-payload", o.payloads, []string{payloadUnsigned, payloadSigned}},
	} {
		for _, value := range known.values {
			if !matches(known.among, value) {
				return fmt.Errorf("%s: %q is not among %s", known.flag, value, strings.Join(known.among, ", "))
			}
		}
	}
	if o.modes && (len(o.contestants) > 0 || o.load) {
		return errors.New("-modes has contestants of its own and does not measure memory")
	}
	var err error
	for _, path := range []*string{&o.minio, &o.caddy, &o.vault, &o.pprof} {
		if *path != "" && err == nil {
			*path, err = filepath.Abs(*path) // the servers run in another directory
		}
	}
	return err
}

// list splits a comma-separated flag; an empty one has no entries.
func list(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(entry string) bool { return entry == "" })
}

func main() {
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to clean up
	}
}

// run starts the servers, measures, prints, and leaves nothing behind.
func run(ctx context.Context, o *options) (err error) {
	binaries := []string{o.minio, o.caddy}
	if o.modes {
		binaries = append(binaries, o.vault)
	}
	for _, binary := range binaries {
		if _, err := os.Stat(binary); err != nil {
			return err
		}
	}
	if o.pprof != "" {
		if err := os.MkdirAll(o.pprof, 0o750); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(o.dir, "bench-")
	if err != nil {
		return err
	}
	f := &field{dir: dir}
	defer func() {
		f.stop()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := startField(ctx, f, o); err != nil {
		return err
	}
	r := &report{Machine: describeMachine(o), Settings: settings{
		Rounds: o.rounds, TurnSeconds: o.turn.Seconds(), Concurrency: o.concurrency,
	}}
	for _, c := range f.contestants {
		r.Settings.Contestants = append(r.Settings.Contestants, c.name)
	}
	otherLoad, err := watchLoad(f.processes)
	if err != nil {
		return err
	}
	if err := measureAll(ctx, f, o, r); err != nil {
		return err
	}
	if r.Settings.OtherLoad, err = otherLoad(); err != nil {
		return err
	}
	if err := r.write(os.Stdout, r.Settings.Contestants); err != nil {
		return err
	}
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o600)
}
