package caddymodule

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"hash"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/vaultkeys"
)

// closeDelay is how long a client of Vault outlives the last config that uses
// it: requests that began under that config may be about to need a key.
const closeDelay = time.Minute

// vaultPool has the clients of Vault by all that they depend on, so that the
// next config takes over those of the one before, with their logins. It is safe
// for concurrent use.
type vaultPool struct{ pool *caddy.UsagePool }

var vaultClients = vaultPool{caddy.NewUsagePool()}

// get returns the client with the given id, made with cfg if there is none. It
// logs to log from then on. The client must be released once.
func (p vaultPool) get(id [sha256.Size]byte, cfg vaultkeys.Config, c *tls.Config, log slog.Handler) (kms.Provider, func(), error) {
	v, _, err := p.pool.LoadOrNew(id, func() (caddy.Destructor, error) {
		logs := new(latestLog)
		transport := newVaultTransport(c)
		cfg.Transport, cfg.Logger = transport, slog.New(logs)
		transit, err := vaultkeys.New(cfg)
		if err != nil {
			return nil, err
		}
		return &vaultClient{transit, transport, logs}, nil
	})
	if err != nil {
		return nil, nil, err
	}
	client := v.(*vaultClient)
	entry := &log
	client.logs.add(entry)
	return client.transit, func() {
		client.logs.remove(entry)
		_, _ = p.pool.Delete(id) // whose errors are those of Destruct
	}, nil
}

// vaultClient is a client in the pool.
type vaultClient struct {
	transit   *vaultkeys.Transit
	transport *http.Transport
	logs      *latestLog
}

// Destruct closes the client a little later.
func (c *vaultClient) Destruct() error {
	time.AfterFunc(closeDelay, func() {
		c.transit.Close()
		c.transport.CloseIdleConnections()
	})
	return nil
}

// latestLog logs to the newest of the configs that use a client: the logs of
// older ones are closed when those end. It is safe for concurrent use.
type latestLog struct {
	mu   sync.Mutex
	logs []*slog.Handler
}

func (l *latestLog) add(h *slog.Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logs = append(l.logs, h)
}

func (l *latestLog) remove(h *slog.Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logs = slices.DeleteFunc(l.logs, func(other *slog.Handler) bool { return other == h })
}

func (l *latestLog) latest() slog.Handler {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.logs); n > 0 {
		return *l.logs[n-1]
	}
	return slog.DiscardHandler
}

// Enabled implements slog.Handler.
func (l *latestLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.latest().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (l *latestLog) Handle(ctx context.Context, r slog.Record) error {
	return l.latest().Handle(ctx, r)
}

// WithAttrs implements slog.Handler. The result stays with the present config.
func (l *latestLog) WithAttrs(attrs []slog.Attr) slog.Handler { return l.latest().WithAttrs(attrs) }

// WithGroup implements slog.Handler. The result stays with the present config.
func (l *latestLog) WithGroup(name string) slog.Handler { return l.latest().WithGroup(name) }

// poolID hashes the settings that a shared value depends on, secrets included.
type poolID struct{ h hash.Hash }

func newPoolID() poolID { return poolID{sha256.New()} }

// add adds a setting so that no two lists of settings are alike.
func (id poolID) add(name, value string) {
	for _, s := range []string{name, value} {
		_ = binary.Write(id.h, binary.BigEndian, uint64(len(s))) // hashes return no errors
		id.h.Write([]byte(s))
	}
}

func (id poolID) sum() [sha256.Size]byte { return [sha256.Size]byte(id.h.Sum(nil)) }
