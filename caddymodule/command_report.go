package caddymodule

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
)

// progressLog is how often progress is logged where there is no terminal.
const progressLog = 30 * time.Second

// progress shows how far a job is: a bar on a terminal, log lines elsewhere.
type progress struct {
	bar  *progressbar.ProgressBar // nil elsewhere
	logs slog.Handler

	mu     sync.Mutex
	logged time.Time
}

func newProgress(out *os.File, logs slog.Handler) *progress {
	p := &progress{logs: logs, logged: time.Now()}
	if term.IsTerminal(int(out.Fd())) {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(out), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("objects"), progressbar.OptionSpinnerType(14), progressbar.OptionClearOnFinish())
	}
	return p
}

// show is the Progress of rotation.Options.
func (p *progress) show(at rotation.Progress) {
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s: %d done, %d remaining, %d failed", at.Bucket, at.Moved, at.Remaining, at.Failed))
		_ = p.bar.Set64(at.Objects())
		return
	}
	if time.Since(p.logged) < progressLog {
		return
	}
	p.logged = time.Now()
	slog.New(p.logs).Info("progress", "bucket", at.Bucket, "key", at.Key,
		"objects", at.Objects(), "done", at.Moved, "remaining", at.Remaining, "failed", at.Failed)
}

// end removes the bar.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// logger returns a logger whose lines do not get into the bar.
func (p *progress) logger() *slog.Logger {
	if p.bar == nil {
		return slog.New(p.logs)
	}
	return slog.New(&clearing{p.logs, p})
}

// clearing is a log handler that takes the bar away before a line.
type clearing struct {
	slog.Handler
	p *progress
}

// Handle implements slog.Handler.
func (c *clearing) Handle(ctx context.Context, r slog.Record) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	_ = c.p.bar.Clear()
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (c *clearing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &clearing{c.Handler.WithAttrs(attrs), c.p}
}

// WithGroup implements slog.Handler.
func (c *clearing) WithGroup(name string) slog.Handler {
	return &clearing{c.Handler.WithGroup(name), c.p}
}

// shownProblems is how many problems are printed. All are logged.
const shownProblems = 20

// printReport prints what a job has done.
func printReport(out io.Writer, r *rotation.Report, o *rotation.Options) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	done := "moved"
	if r.DryRun {
		done = "to move"
	}
	_, _ = fmt.Fprintf(w, "was under\tobjects\tcurrent\t%s\tremaining\tfailed\t\n", done)
	row := func(name string, c rotation.Count) {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, c.Objects(), c.Current, c.Moved, c.Remaining, c.Failed)
	}
	for _, root := range r.Roots {
		row(rootName(root.Root), root.Count)
	}
	row("total", r.Total)
	_ = w.Flush()
	if r.Bytes > 0 {
		_, _ = fmt.Fprintf(out, "Encrypted %s.\n", humanize.IBytes(uint64(r.Bytes)))
	}
	if r.Raced > 0 {
		_, _ = fmt.Fprintf(out, "%d objects had the metadata of another body, since these were changed while it was uploaded. They are in order, but may have the user metadata of their predecessors; they are in the log.\n", r.Raced)
	}
	for i, p := range r.Problems {
		if i == shownProblems {
			_, _ = fmt.Fprintln(out, "More are in the log.")
			break
		}
		name := p.Name.Bucket + "/" + p.Name.Key
		if p.Name.VersionID != "" {
			name += "?versionId=" + p.Name.VersionID
		}
		_, _ = fmt.Fprintf(out, "%s: %q: %s\n", p.Outcome, name, p.Reason)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Uploads)) {
		if id != o.Keys.Active() {
			_, _ = fmt.Fprintf(out, "%d uploads in parts that began under the master key %q were not finished when this began. Run this again when they are.\n", r.Uploads[id], id)
		}
	}
	if r.Settings != "" && r.Settings != o.Keys.Active() {
		_, _ = fmt.Fprintf(out, "The encryption configuration of buckets is sealed under the master key %q. A running gateway with the new key moves it.\n", r.Settings)
	}
}

// rootName names what protects objects.
func rootName(r rotation.Root) string {
	if r.Mode == 0 {
		if r.Key != "" {
			return "unreadable metadata"
		}
		return "not encrypted"
	}
	name := r.Mode.String()
	if r.Key != "" {
		name += " " + r.Key
	}
	if r.Version > 0 {
		name += fmt.Sprintf(" version %d", r.Version)
	}
	if r.Outer != "" {
		name += " and " + r.Outer
	}
	return name
}
