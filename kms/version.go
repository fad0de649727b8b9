package kms

// Versioner is implemented by providers whose wrapped KEKs tell under which
// version of their key they are. Without it, Rewrap is needed to find out.
type Versioner interface {
	// WrappedVersion returns the version of the key that wrapped is wrapped
	// under, from 1, without a call to the service. It returns false for what
	// Wrap and Rewrap do not make. Nothing is authenticated.
	WrappedVersion(wrapped []byte) (version int, ok bool)
}

// WrappedVersion returns the version of the key that a KEK is wrapped under,
// or false if it does not tell.
func (s *Service) WrappedVersion(wrapped []byte) (version int, ok bool) {
	v, ok := s.opts.Provider.(Versioner)
	if !ok {
		return 0, false
	}
	return v.WrappedVersion(wrapped)
}
