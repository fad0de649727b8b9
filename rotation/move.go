package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// moveAttempts is how often an object is looked at that others keep replacing.
const moveAttempts = 8

// mover moves objects to the present root keys.
type mover struct {
	judge
	wraps wraps
}

// item is a version of an object on its way.
type item struct {
	Name
	entry  Entry
	bucket Bucket
	fixed  bool // its metadata can be changed where they are
}

// move moves an object if it is not under the present root keys, and counts it.
func (m *mover) move(ctx context.Context, it item) error {
	return m.repeat(ctx, it.Name, func() (Root, Outcome, int64, error) {
		root, out, err := m.attempt(ctx, it)
		return root, out, 0, err
	})
}

// repeat attempts something with an object until nobody replaces that in the
// meantime, and counts what came of it and for how many bytes.
func (m *mover) repeat(ctx context.Context, n Name, attempt func() (Root, Outcome, int64, error)) error {
	var (
		root  Root
		out   Outcome
		bytes int64
		err   error
	)
	for range moveAttempts {
		root, out, bytes, err = attempt()
		if !errors.Is(err, errAgain) {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case away(err):
		return err
	case gone(err):
		return nil
	case err != nil:
		m.failed(n, root, err)
		return nil
	}
	m.tally.add(root, out, bytes)
	return nil
}

// failed counts and reports an object that could not be moved.
func (m *mover) failed(n Name, root Root, err error) {
	p := Problem{Name: n, Outcome: outcome(err), Reason: err.Error()}
	m.tally.add(root, p.Outcome, 0)
	m.tally.problem(p)
	m.Logger.LogAttrs(context.Background(), slog.LevelWarn, "not moved: "+string(p.Outcome),
		slog.String("bucket", n.Bucket), slog.String("key", n.Key), slog.String("version", n.VersionID), slog.String("reason", p.Reason))
}

// errAgain means that the object was replaced meanwhile.
var errAgain = errors.New("others keep replacing the object")

// attempt moves an object as it is found.
func (m *mover) attempt(ctx context.Context, it item) (Root, Outcome, error) {
	o, tail, err := m.peek(ctx, it.Name)
	if err != nil {
		return Root{}, "", err
	}
	env, err := metadata.FromHeader(o.Header)
	if err != nil {
		return Root{Key: unreadable}, "", err
	}
	root := m.root(env)
	v, err := m.judge.judge(ctx, env)
	if err != nil || v.current() {
		return root, Current, err
	}
	if it.fixed, err = m.fixed(ctx, it); err != nil {
		return root, "", err
	}
	w, err := m.wayOf(it, o)
	if err != nil {
		return root, "", err
	}
	body := bodyEnvelope(tail)
	if !fits(env, body) && !sameRoots(env, body) {
		return root, "", errOtherBody
	}
	if m.DryRun {
		return root, Moved, nil
	}
	if !fits(env, body) {
		return root, "", m.settle(ctx, it, o, tail, body)
	}
	next, err := m.reseal(ctx, it.Name, env, v)
	if err != nil {
		return root, "", err
	}
	err = m.write(ctx, w, it, o, next)
	if replaced(err) || gone(err) {
		return root, "", errAgain
	}
	return root, Moved, m.verify(ctx, it, w, o, next, err)
}

// fits reports whether an envelope is for the body that has the other one in
// its footer.
func fits(env, body *metadata.Envelope) bool {
	return body != nil && body.Data.Commitment == env.Data.Commitment && body.Outer.Commitment == env.Outer.Commitment
}

// sameRoots reports whether an envelope in a footer may replace the one in the
// metadata: another root key is nothing that a store may bring about.
func sameRoots(env, body *metadata.Envelope) bool {
	return body != nil && body.Mode == env.Mode && body.KeyID == env.KeyID && body.OuterKeyID == env.OuterKeyID
}

// fixed reports whether MinIO can be asked to change the metadata of an object
// where they are. An upload must not be able to come in between. Where none can
// only because the operator says so, MinIO must also have a checksum of the whole
// object: one that has none it reads and writes again then, which is no faster.
func (m *mover) fixed(ctx context.Context, it item) (bool, error) {
	if !isMinIO(m.Store) || !mutable(it.VersionID) || it.bucket.Versioned {
		return true, nil
	}
	if !m.Exclusive {
		return false, nil
	}
	o, err := m.Store.Head(ctx, it.Name)
	return err == nil && o.Header.Get("X-Amz-Checksum-Type") == "FULL_OBJECT", err
}

// verify looks whether an object is now what it should be. writeErr is the
// error of changing it, after which it may be changed all the same.
func (m *mover) verify(ctx context.Context, it item, w way, before *Object, next *metadata.Envelope, writeErr error) error {
	n := it.Name
	if w != inPlace {
		n.VersionID = "" // of which there is a new one
	}
	now, tail, err := m.peek(ctx, n)
	if err != nil {
		return errors.Join(writeErr, err)
	}
	env, err := metadata.FromHeader(now.Header)
	if err != nil || env == nil || !same(env, next) {
		if writeErr != nil {
			return writeErr
		}
		return errAgain
	}
	if body := bodyEnvelope(tail); !fits(next, body) {
		return m.settle(ctx, it, now, tail, body)
	}
	if !sameLock(before, now) && mustKeepLock(before, m.Now()) {
		return fmt.Errorf("its lock has changed from %s %s to %s %s", before.Header.Get(modeHeader), before.Header.Get(untilHeader),
			now.Header.Get(modeHeader), now.Header.Get(untilHeader))
	}
	if now.ETag != before.ETag {
		m.Logger.LogAttrs(ctx, slog.LevelInfo, "the store gave an object another ETag",
			slog.String("bucket", n.Bucket), slog.String("key", n.Key), slog.String("version", n.VersionID))
	}
	if w != inPlace && !mutable(before.VersionID) {
		old := n
		old.VersionID = before.VersionID
		m.failed(old, m.root(env), cannot("the store keeps it as an old version"))
	}
	return nil
}

// mustKeepLock reports whether an object has a lock that is in force.
func mustKeepLock(o *Object, now time.Time) bool {
	mode, until := retained(o)
	return held(o) || mode != "" && until.After(now)
}

// same reports whether two envelopes are one. Sealing draws nonces, and the KMS
// does, so that no other envelope is the same by chance.
func same(a, b *metadata.Envelope) bool {
	x, errX := a.Encode()
	y, errY := b.Encode()
	return errX == nil && errY == nil && x == y
}
