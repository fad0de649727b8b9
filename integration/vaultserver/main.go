// Command vaultserver is a HashiCorp Vault for tests: the real core and HTTP
// API with the transit secrets engine, the token, AppRole and Kubernetes auth
// methods and the file audit device, and nothing else.
//
// Storage is a directory, so that it finds its keys again when it is started
// anew; it starts sealed, and the first time uninitialized. It serves plain
// HTTP and ends, at once and without ceremony, on any signal.
//
// This is a module of its own because Vault's dependencies are many and none of
// them may reach the programs people use. Vault is under the Business Source
// License; it takes part in tests only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/transit"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/vault"
)

func main() {
	dir := flag.String("dir", "", "directory to keep everything in")
	addr := flag.String("addr", "127.0.0.1:8200", "address to listen on")
	flag.Parse()
	if err := serve(*dir, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "vaultserver:", err)
		os.Exit(1)
	}
}

func serve(dir, addr string) error {
	if dir == "" {
		return errors.New("no -dir given")
	}
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Warn})
	storage, err := file.NewFileBackend(map[string]string{"path": dir}, logger)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		Logger:             logger,
		DisableMlock:       true,
		BuiltinRegistry:    registry{},
		LogicalBackends:    map[string]logical.Factory{"transit": transit.Factory},
		CredentialBackends: map[string]logical.Factory{"approle": approle.Factory, "kubernetes": kubernetes.Factory},
		AuditBackends:      map[string]audit.Factory{"file": audit.NewFileBackend},
	})
	if err != nil {
		return fmt.Errorf("making the core: %w", err)
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		// Without a listener configuration the handler panics.
		Handler:           vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: new(configutil.Listener)}),
		ReadHeaderTimeout: time.Minute,
	}
	return srv.Serve(ln)
}

// builtin names the backends that can be mounted.
var builtin = map[consts.PluginType][]string{
	consts.PluginTypeSecrets:    {"transit"},
	consts.PluginTypeCredential: {"approle", "kubernetes"},
}

// registry tells the core what is built in: it mounts nothing else.
type registry struct{}

func (registry) Contains(name string, kind consts.PluginType) bool {
	return slices.Contains(builtin[kind], name)
}

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	return nil, r.Contains(name, kind)
}

func (registry) Keys(kind consts.PluginType) []string { return builtin[kind] }

func (registry) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
