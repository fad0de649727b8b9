package vaultkeys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/vaultkeys"
)

// TestMain makes this program the command vault when it is called that.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "vault" {
		os.Exit(m.Run())
	}
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(1)
	}
}

// command does what the documentation uses of Vault's command line.
func command(args []string) error {
	if len(args) < 2 {
		return errors.New("no command")
	}
	flags := flag.NewFlagSet("vault", flag.ContinueOnError)
	field := flags.String("field", "", "what to print of the answer")
	force := flags.Bool("f", false, "write nothing")
	orphan := flags.Bool("orphan", false, "")
	noLockout := flags.Bool("user-lockout-disable", false, "")
	policy, period := flags.String("policy", "", ""), flags.String("period", "", "")
	name := args[0]
	rest := args[1:]
	if name == "secrets" || name == "auth" || name == "audit" || name == "policy" || name == "token" {
		name, rest = name+" "+args[1], args[2:]
	}
	if err := flags.Parse(rest); err != nil {
		return err
	}
	rest = flags.Args()
	body := make(map[string]any)
	for _, arg := range rest {
		if k, v, ok := strings.Cut(arg, "="); ok {
			body[k] = v
		}
	}
	switch name {
	case "secrets enable":
		return request("POST", "sys/mounts/"+rest[0], map[string]any{"type": rest[0]}, "")
	case "auth enable":
		return request("POST", "sys/auth/"+rest[0], map[string]any{"type": rest[0]}, "")
	case "auth tune":
		return request("POST", "sys/auth/"+rest[0]+"/tune", map[string]any{"user_lockout_config": map[string]any{"lockout_disable": *noLockout}}, "")
	case "audit enable":
		return request("PUT", "sys/audit/"+rest[0], map[string]any{"type": rest[0], "options": body}, "")
	case "policy write":
		hcl, err := os.ReadFile(rest[1])
		if err != nil {
			return err
		}
		return request("PUT", "sys/policies/acl/"+rest[0], map[string]any{"policy": string(hcl)}, "")
	case "token create":
		path := "auth/token/create"
		if *orphan {
			path += "-orphan"
		}
		return request("POST", path, map[string]any{"policies": []string{*policy}, "period": *period}, "")
	case "write":
		if (len(body) == 0) != *force {
			return errors.New("must supply data or use -force")
		}
		return request("PUT", rest[0], body, *field)
	case "read":
		return request("GET", rest[0], nil, *field)
	}
	return fmt.Errorf("unknown command %s", name)
}

// request asks Vault and prints a field of the answer.
func request(method, path string, body map[string]any, field string) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, os.Getenv("VAULT_ADDR")+"/v1/"+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("X-Vault-Token", os.Getenv("VAULT_TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if b, err = io.ReadAll(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %d %s", path, resp.StatusCode, b)
	}
	if field == "" {
		return nil
	}
	var answer struct{ Data map[string]any }
	if err := json.Unmarshal(b, &answer); err != nil {
		return err
	}
	fmt.Println(answer.Data[field])
	return nil
}

// The commands of docs/vault.md, in their order, make a Vault that a gateway can
// use.
func TestDocumentedCommands(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	for _, path := range []string{"sys/mounts/transit", "sys/auth/approle", "sys/auth/kubernetes", "sys/audit/file"} {
		v.Admin(t, "DELETE", path, nil) // which the commands make themselves
	}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "vault")); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../docs/vault.md")
	if err != nil {
		t.Fatal(err)
	}
	audit := filepath.Join(t.TempDir(), "audit.log")
	local := strings.NewReplacer("/var/log/vault/audit.log", audit,
		"svc", "svc disable_local_ca_jwt=true") // this Vault is in no pod
	var roleID, secretID string
	commands := 0
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "vault ") {
			continue
		}
		commands++
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", local.Replace(line))
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "VAULT_ADDR="+v.URL, "VAULT_TOKEN="+v.RootToken)
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, &complaints)
		}
		switch {
		case strings.Contains(line, "field=role_id"):
			roleID = strings.TrimSpace(string(out))
		case strings.Contains(line, "field=secret_id"):
			secretID = strings.TrimSpace(string(out))
		}
	}
	if commands < 12 {
		t.Fatalf("%d commands", commands)
	}
	for range 10 { // wrong ones do not lock the gateway out
		v.Do(t, "", "POST", "auth/approle/login", map[string]any{"role_id": roleID, "secret_id": "wrong"})
	}
	k := open(t, v, vaultkeys.AppRole("", roleID, vaultkeys.Value(secretID)), secretID)
	for _, key := range []string{"s3-photos", "s3-documents"} {
		works(t, k, key)
	}
	if info, err := os.Stat(audit); err != nil || info.Size() == 0 {
		t.Errorf("the audit log: %v", err)
	}
}
