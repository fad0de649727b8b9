package caddymodule

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	"golang.org/x/time/rate"

	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
)

const (
	flagConfig      = "config"
	flagAdapter     = "adapter"
	flagHandler     = "handler"
	flagStore       = "store"
	flagBucket      = "bucket"
	flagPrefix      = "prefix"
	flagDryRun      = "dry-run"
	flagRate        = "rate"
	flagState       = "state"
	flagConcurrency = "concurrency"
	flagExclusive   = "exclusive"
	flagYes         = "yes"
)

// exitRemaining is the exit status of a job that did all it could, when there
// are objects with which it could not do anything.
const exitRemaining = 4

// job is a command that goes through the objects of a store.
type job struct {
	what string // what happens to objects, for the question
	run  func(context.Context, caddycmd.Flags, *storeAccess, rotation.Options) (*rotation.Report, error)
}

// jobFlags adds the flags that all jobs have.
func jobFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringP(flagConfig, "c", "", "The config file of the server (default: Caddyfile in the current directory)")
	f.StringP(flagAdapter, "a", "", "The name of the config adapter")
	f.Int(flagHandler, 0, "Which s3_sse handler of the config, from 1, if they have several stores or sets of keys")
	f.String(flagStore, "", "The URL of the store, if it is not the upstream in the config")
	f.StringArray(flagBucket, nil, "A pattern of the buckets, such as \"photos-*\"; may be repeated (default: all)")
	f.String(flagPrefix, "", "How the keys of the objects begin (default: all)")
	f.Bool(flagDryRun, false, "Report what would be done, and change nothing")
	f.String(flagRate, "", "The most requests to the store, such as 100/s (default: no limit)")
	f.String(flagState, "", "A file to remember how far it is, so that the same command goes on there")
	f.Int(flagConcurrency, 8, "How many objects are worked on at a time")
	f.Bool(flagExclusive, false, "Nobody else writes to these buckets meanwhile; needed for stores that cannot guard against it")
	f.BoolP(flagYes, "y", false, "Do not ask before beginning")
}

// jobCommand makes the command run the job.
func jobCommand(cmd *cobra.Command, j job) *cobra.Command {
	cmd.Args = cobra.NoArgs
	jobFlags(cmd)
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // the second signal ends the process
		return j.execute(ctx, fl)
	})
	return cmd
}

func (j job) execute(ctx context.Context, fl caddycmd.Flags) (int, error) {
	limit, err := parseRate(fl.String(flagRate))
	if err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("--%s: %w", flagRate, err)
	}
	buckets, err := fl.GetStringArray(flagBucket)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	if n := fl.Int(flagConcurrency); n < 1 {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("--%s: %d is less than 1", flagConcurrency, n)
	}
	a, err := openStore(fl.String(flagConfig), fl.String(flagAdapter), fl.Int(flagHandler), fl.String(flagStore))
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	defer a.close()
	a.store.Limit = limit
	o := a.options()
	o.Buckets, o.Prefix, o.State = buckets, fl.String(flagPrefix), fl.String(flagState)
	o.DryRun, o.Exclusive, o.Concurrency = fl.Bool(flagDryRun), fl.Bool(flagExclusive), fl.Int(flagConcurrency)
	if !o.DryRun && !fl.Bool(flagYes) {
		if err := confirm(os.Stdin, os.Stderr, j.question(&o)); err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
	}
	p := newProgress(os.Stderr, a.handler.slogger.Handler())
	o.Progress, o.Logger = p.show, p.logger()
	report, err := j.run(ctx, fl, a, o)
	p.end()
	if report != nil && (err == nil || report.Total.Objects() > 0) {
		printReport(os.Stdout, report, &o)
	}
	switch {
	case errors.Is(err, context.Canceled) && o.State != "" && !o.DryRun:
		return caddy.ExitCodeFailedStartup, fmt.Errorf("stopped; the same command goes on where it was")
	case errors.Is(err, context.Canceled):
		return caddy.ExitCodeFailedStartup, errors.New("stopped")
	case err != nil:
		return caddy.ExitCodeFailedStartup, err
	case report.Total.Failed > 0:
		return caddy.ExitCodeFailedStartup, fmt.Errorf("%d objects failed", report.Total.Failed)
	case report.Total.Remaining > 0:
		return exitRemaining, fmt.Errorf("%d objects remain as they were", report.Total.Remaining)
	}
	return caddy.ExitCodeSuccess, nil
}

// question says what is about to happen.
func (j job) question(o *rotation.Options) string {
	which := "all buckets"
	if len(o.Buckets) > 0 {
		which = "the buckets " + strings.Join(o.Buckets, ", ")
	}
	if o.Prefix != "" {
		which += fmt.Sprintf(", with keys that begin with %q,", o.Prefix)
	}
	return fmt.Sprintf("The objects in %s of %s are %s. The active master key is %q. Go on?", which, o.StoreName, j.what, o.Keys.Active())
}

// confirm asks a question that only yes lets go on.
func confirm(in *os.File, out io.Writer, question string) error {
	if !term.IsTerminal(int(in.Fd())) {
		return fmt.Errorf("without a terminal to ask on, --%s is needed (or --%s)", flagYes, flagDryRun)
	}
	_, _ = fmt.Fprintf(out, "%s [y/N] ", question)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(line)); a != "y" && a != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}

// parseRate reads a number per second. It returns nil for none.
func parseRate(s string) (*rate.Limiter, error) {
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64)
	if err != nil || !(n > 0) || n > 1e6 {
		return nil, fmt.Errorf("%q is not a number of requests per second, such as 100/s", s)
	}
	return rate.NewLimiter(rate.Limit(n), max(1, int(n/10))), nil
}
