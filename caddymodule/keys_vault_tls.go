package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// tls returns the settings for connections to Vault, nil for the usual ones.
// All that they depend on becomes part of id.
func (v *VaultKeys) tls(x expander, id poolID) (*tls.Config, error) {
	var ca, cert, key, name string
	for _, field := range []struct {
		name, value string
		into        *string
	}{
		{"ca", v.CA, &ca},
		{"client_certificate", v.ClientCertificate, &cert},
		{"client_key", v.ClientKey, &key},
		{"server_name", v.ServerName, &name},
	} {
		var err error
		if *field.into, err = x.text(field.name, field.value); err != nil {
			return nil, err
		}
		id.add(field.name, *field.into)
	}
	if (cert == "") != (key == "") {
		return nil, errors.New("client_certificate and client_key need each other")
	}
	if ca == "" && cert == "" && name == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: there is no certificate in %s", ca)
		}
		id.add("ca file", string(pem))
	}
	if cert != "" {
		load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			return &pair, err
		}
		if _, err := load(nil); err != nil {
			return nil, fmt.Errorf("client_certificate: %w", err)
		}
		c.GetClientCertificate = load
	}
	return c, nil
}

// newVaultTransport returns connections to Vault.
func newVaultTransport(c *tls.Config) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = c
	return t
}
