package gateway

import (
	"context"
	"errors"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// encryption is how an object is going to be encrypted.
type encryption struct {
	mode        metadata.Mode
	kmsKey      string // name of the key, for the KMS modes
	context     []byte
	bucketKey   bool
	customer    encryptor.Key // SSE-C
	customerMD5 string
}

// chooseEncryption decides how the object that the call writes is encrypted:
// as the request says, else as the bucket's configuration says, else as the
// gateway's does. Whatever is decided must be allowed by all of them.
func (c *call) chooseEncryption(ctx context.Context) (encryption, error) {
	sse, err := metadata.ParseSSE(c.header)
	if err != nil {
		return encryption{}, err
	}
	rule := c.g.rule(c.bucket)
	all, err := c.settings(ctx)
	if err != nil {
		return encryption{}, err
	}
	own := all.Buckets[c.bucket]

	e := encryption{mode: sse.Mode, context: sse.Context}
	keyID := sse.KMSKeyID
	switch sse.Mode { //nolint:exhaustive // the others say all there is to say
	case 0:
		if e.mode = own.Mode; e.mode != 0 {
			keyID, e.bucketKey = own.KMSKey, own.BucketKey
		} else {
			e.mode, keyID, e.bucketKey = max(rule.Default, metadata.SSES3), rule.KMSKey, rule.BucketKey
		}
	case metadata.SSEKMS:
		// A request that says nothing of bucket keys leaves it to the bucket.
		if own.Mode != 0 {
			e.bucketKey = own.BucketKey
		} else {
			e.bucketKey = rule.BucketKey
		}
		if sse.BucketKey != nil {
			e.bucketKey = *sse.BucketKey
		}
	case metadata.SSEC:
		blocked := rule.BlockSSEC
		if own.BlockSSEC != nil {
			blocked = *own.BlockSSEC
		}
		if blocked {
			return encryption{}, s3api.ErrAccessDenied.WithMessage("Server-side encryption with customer-provided keys is blocked for this bucket.")
		}
		e.customer, e.customerMD5 = sse.CustomerKey, sse.CustomerKeyMD5
	}
	if e.mode != metadata.SSEKMS {
		e.bucketKey = false // S3 has bucket keys for no other mode
	}
	if err := rule.admit(e.mode); err != nil {
		return encryption{}, err
	}
	if err := c.admitMode(e.mode); err != nil {
		return encryption{}, err
	}
	if e.mode == metadata.SSEKMS || e.mode == metadata.DSSEKMS {
		if e.kmsKey, err = c.resolveKey(keyID); err != nil {
			return encryption{}, err
		}
		if err := c.mayUseKey(e.kmsKey); err != nil {
			return encryption{}, err
		}
	}
	c.out.Mode = e.mode.String()
	return e, nil
}

// named is an envelope that says what a response does, and seals nothing.
func (e *encryption) named() *metadata.Envelope {
	return &metadata.Envelope{Mode: e.mode, KeyID: e.kmsKey, BucketKey: e.bucketKey, Context: e.context}
}

// sseResponse is what the response to a write says of the encryption.
func (c *call) sseResponse(enc *encryption) metadata.Response {
	return metadata.Response{KeyIDs: &c.g.cfg.KMS.KeyIDs, CustomerKeyMD5: enc.customerMD5, Context: true}
}

// admitMode checks that the request may use a mode at all: keys and what they
// open do not go over a connection that anybody can read, and keys of a KMS
// are not used for nobody in particular.
func (c *call) admitMode(mode metadata.Mode) error {
	switch mode { //nolint:exhaustive // SSE-S3 asks for nothing
	case metadata.SSEC:
		if !c.secure {
			return s3api.ErrSSECInsecure
		}
	case metadata.SSEKMS, metadata.DSSEKMS:
		if !c.secure {
			return s3api.ErrKMSInsecure
		}
		if c.cred == nil {
			return s3api.ErrKMSSignatureVersion
		}
	}
	return nil
}

// sealKeys makes new data keys for the object that the call writes and an
// envelope that holds them. The envelope's Length, Multipart and ETagInFooter
// must be set in prepare, as the seal covers them. The caller clears the keys.
func (c *call) sealKeys(ctx context.Context, e *encryption, prepare func(*metadata.Envelope)) (*metadata.Envelope, encryptor.Keys, error) {
	env, keks, err := c.newEnvelope(ctx, e)
	defer keks.Clear()
	if err != nil {
		return nil, encryptor.Keys{}, err
	}
	prepare(env)
	keys := encryptor.Keys{Suite: env.Suite, Data: encryptor.NewKey()}
	if env.Suite == encryptor.SuiteDSSE {
		keys.Outer = encryptor.NewKey()
	}
	if err := env.Seal(keks, keys, c.realm(c.bucket), c.key); err != nil {
		return nil, encryptor.Keys{}, err
	}
	return env, keys, nil
}

// newEnvelope returns an envelope for an object encrypted as e says, without
// data keys, and the keys that are to seal those.
func (c *call) newEnvelope(ctx context.Context, e *encryption) (*metadata.Envelope, metadata.KEKs, error) {
	var (
		env  *metadata.Envelope
		keks metadata.KEKs
		err  error
	)
	local := c.g.cfg.Keys
	switch e.mode {
	case metadata.SSES3:
		env = metadata.NewSSES3(local.Active(), 0)
		keks.Data, err = local.KEK(env.KeyID, env.Salt)
	case metadata.SSEC:
		env = metadata.NewSSEC(e.customer, 0)
		keks.Data, err = metadata.CustomerKEK(e.customer, env.Salt)
	case metadata.SSEKMS, metadata.DSSEKMS:
		kek, kerr := c.g.cfg.KMS.Service.Generate(ctx, c.use(c.self()), e.kmsKey, e.context, e.bucketKey)
		if kerr != nil {
			return nil, keks, c.kmsError(e.kmsKey, kerr)
		}
		keks.Data = kek.Key
		if e.mode == metadata.SSEKMS {
			env = metadata.NewSSEKMS(e.kmsKey, kek.Wrapped, 0)
			env.BucketKey = e.bucketKey
		} else {
			env = metadata.NewDSSEKMS(e.kmsKey, kek.Wrapped, local.Active(), 0)
			keks.Outer, err = local.OuterKEK(env.OuterKeyID, env.Salt)
		}
		env.Context = e.context
	default:
		err = errors.New("no encryption mode was chosen")
	}
	return env, keks, err
}

// openEnvelope unseals the data keys of an object.
func (c *call) openEnvelope(ctx context.Context, env *metadata.Envelope, src source) (encryptor.Keys, error) {
	keks, err := c.openKEKs(ctx, env, src)
	defer keks.Clear()
	if err != nil {
		return encryptor.Keys{}, err
	}
	return env.Open(keks, c.realm(src.bucket), src.key)
}

func (c *call) openKEKs(ctx context.Context, env *metadata.Envelope, src source) (keks metadata.KEKs, err error) {
	if env.Mode != metadata.SSEC && !src.customer.IsZero() {
		return keks, s3api.ErrSSECNotApplicable
	}
	if err := c.admitMode(env.Mode); err != nil {
		return keks, err
	}
	switch env.Mode {
	case metadata.SSES3:
		keks.Data, err = c.g.cfg.Keys.KEK(env.KeyID, env.Salt)
		return keks, localError(env.KeyID, err)
	case metadata.SSEC:
		if src.customer.IsZero() {
			return keks, s3api.ErrSSECKeyRequired
		}
		if !env.CheckCustomerKey(src.customer) {
			return keks, s3api.ErrSSECWrongKey
		}
		keks.Data, err = metadata.CustomerKEK(src.customer, env.Salt)
		return keks, err
	case metadata.SSEKMS, metadata.DSSEKMS:
		if env.Mode == metadata.DSSEKMS {
			if keks.Outer, err = c.g.cfg.Keys.OuterKEK(env.OuterKeyID, env.Salt); err != nil {
				return keks, localError(env.OuterKeyID, err)
			}
		}
		if c.g.cfg.KMS.Service == nil {
			return keks, errNoKMS
		}
		if err := c.mayUseKey(env.KeyID); err != nil {
			return keks, err
		}
		keks.Data, err = c.g.cfg.KMS.Service.Unwrap(ctx, c.use(src), env.KeyID, env.WrappedKEK, env.Context)
		if err != nil {
			return keks, c.kmsError(env.KeyID, err)
		}
		return keks, nil
	default:
		return keks, errors.New("unknown encryption mode")
	}
}

// localError is the error for a local master key that cannot be used.
func localError(id string, err error) error {
	if errors.Is(err, localkeys.ErrKeyNotFound) {
		return &causedError{s3api.ErrKMSNotFound.WithMessage("Key '%s' does not exist", id), err}
	}
	return err
}
