package metadata

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

func testKeyIDs() *KeyIDs {
	return &KeyIDs{
		Region: "eu-west-1", Account: "000000000000",
		Aliases: map[string]string{"photos": "team/photos", "a/b": "ab"},
	}
}

func TestKeyIDs(t *testing.T) {
	const prefix = "arn:aws:kms:eu-west-1:000000000000:"
	long := strings.Repeat("k", MaxKeyID)
	plain := new(KeyIDs)
	tests := []struct {
		k         *KeyIDs
		id        string
		name, err string
	}{
		{nil, "k", "k", ""},
		{plain, "team/photos-2026_v1.x", "team/photos-2026_v1.x", ""},
		{testKeyIDs(), "k", "k", ""},
		{testKeyIDs(), long, long, ""},
		{testKeyIDs(), "alias/photos", "team/photos", ""},
		{testKeyIDs(), "alias/a/b", "ab", ""},
		{testKeyIDs(), prefix + "key/k", "k", ""},
		{testKeyIDs(), prefix + "key/team/photos", "team/photos", ""},
		{testKeyIDs(), prefix + "alias/photos", "team/photos", ""},
		{testKeyIDs(), "key/k", "key/k", ""}, // a name like any other

		{testKeyIDs(), "", "", "Invalid keyId ''"},
		{testKeyIDs(), "a b", "", "Invalid keyId 'a b'"},
		{testKeyIDs(), long + "k", "", "Invalid keyId '" + long + "k'"},
		{testKeyIDs(), "alias/", "", "Invalid keyId 'alias/'"},
		{testKeyIDs(), "alias/" + long, "", "Invalid keyId 'alias/" + long + "'"},
		{testKeyIDs(), "alias/other", "", "Alias alias/other is not found."},
		{nil, "alias/photos", "", "Alias alias/photos is not found."},
		{testKeyIDs(), prefix + "alias/other", "", "Alias " + prefix + "alias/other is not found."},
		{testKeyIDs(), prefix + "alias/", "", "Invalid keyId '" + prefix + "alias/'"},
		{testKeyIDs(), prefix + "key/", "", "Invalid keyId '" + prefix + "key/'"},
		{testKeyIDs(), prefix + "key/alias/photos", "", "Invalid keyId '" + prefix + "key/alias/photos'"},
		{testKeyIDs(), prefix + "k", "", "Invalid keyId '" + prefix + "k'"},
		{testKeyIDs(), prefix, "", "Invalid keyId '" + prefix + "'"},
		{testKeyIDs(), "arn:", "", "Invalid keyId 'arn:'"},
		{testKeyIDs(), "ARN:aws:kms:eu-west-1:000000000000:key/k", "", "Invalid keyId 'ARN:aws:kms:eu-west-1:000000000000:key/k'"},
		{testKeyIDs(), "arn:aws:kms:us-east-1:000000000000:key/k", "", "Invalid arn us-east-1"},
		{testKeyIDs(), "arn:aws:kms:eu-west-1:000000000001:key/k", "", "Invalid keyId 'arn:aws:kms:eu-west-1:000000000001:key/k'"},
		{testKeyIDs(), "arn:aws:kms::000000000000:key/k", "", "Invalid keyId 'arn:aws:kms::000000000000:key/k'"},
		{testKeyIDs(), "arn:aws:s3:eu-west-1:000000000000:key/k", "", "Invalid keyId 'arn:aws:s3:eu-west-1:000000000000:key/k'"},
		{plain, prefix + "key/k", "", "Invalid keyId '" + prefix + "key/k'"},
		{nil, prefix + "key/k", "", "Invalid keyId '" + prefix + "key/k'"},

		// What ends up in a path stays where it is put.
		{testKeyIDs(), "..", "", "Invalid keyId '..'"},
		{testKeyIDs(), ".", "", "Invalid keyId '.'"},
		{testKeyIDs(), "../sys", "", "Invalid keyId '../sys'"},
		{testKeyIDs(), "a/../b", "", "Invalid keyId 'a/../b'"},
		{testKeyIDs(), "/a", "", "Invalid keyId '/a'"},
		{testKeyIDs(), "a/", "", "Invalid keyId 'a/'"},
		{testKeyIDs(), "a//b", "", "Invalid keyId 'a//b'"},
		{testKeyIDs(), "a%2fb", "", "Invalid keyId 'a%2fb'"},
		{testKeyIDs(), "a?b", "", "Invalid keyId 'a?b'"},
		{testKeyIDs(), "\xff\x00", "", "Invalid keyId '?\x00'"},
		{testKeyIDs(), prefix + "key/../k", "", "Invalid keyId '" + prefix + "key/../k'"},
		{testKeyIDs(), strings.Repeat(" ", 1000), "", "Invalid keyId '" + strings.Repeat(" ", 256) + "'"},
	}
	for _, tt := range tests {
		name, err := tt.k.Parse(tt.id)
		if tt.err == "" {
			if name != tt.name || err != nil {
				t.Errorf("%q: %q, %v", tt.id, name, err)
			}
			if again, err := tt.k.Parse(tt.k.Format(name)); again != name || err != nil {
				t.Errorf("%q: %q comes back as %q, %v", tt.id, tt.k.Format(name), again, err)
			}
			continue
		}
		if !errors.Is(err, s3api.ErrKMSNotFound) || failureOf(t, err).message != tt.err || name != "" {
			t.Errorf("%q: %q, %v, want %q", tt.id, name, err, tt.err)
		}
	}
}

func TestKeyIDsFormat(t *testing.T) {
	k := testKeyIDs()
	if got := k.Format("team/photos"); got != "arn:aws:kms:eu-west-1:000000000000:key/team/photos" {
		t.Error(got)
	}
	k.PlainNames = true
	if got := k.Format("team/photos"); got != "team/photos" {
		t.Error(got)
	}
	if got := (*KeyIDs)(nil).Format("k") + new(KeyIDs).Format("k"); got != "kk" {
		t.Error(got)
	}
}

func TestKeyIDsCheck(t *testing.T) {
	for name, change := range map[string]func(k *KeyIDs){
		"no region":          func(k *KeyIDs) { k.Region = "" },
		"no account":         func(k *KeyIDs) { k.Account = "" },
		"bad region":         func(k *KeyIDs) { k.Region = "eu:west" },
		"bad account":        func(k *KeyIDs) { k.Account = "a/b" },
		"empty alias":        func(k *KeyIDs) { k.Aliases[""] = "k" },
		"long alias":         func(k *KeyIDs) { k.Aliases[strings.Repeat("a", MaxKeyID)] = "k" },
		"alias with a space": func(k *KeyIDs) { k.Aliases["a b"] = "k" },
		"alias for nothing":  func(k *KeyIDs) { k.Aliases["a"] = "" },
		"prefix in an alias": func(k *KeyIDs) { k.Aliases["alias/a"] = "k" },
		"alias for an alias": func(k *KeyIDs) { k.Aliases["a"] = "alias/photos" },
	} {
		k := testKeyIDs()
		if err := k.Check(); err != nil {
			t.Fatal(err)
		}
		change(k)
		if err := k.Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := new(KeyIDs).Check(); err != nil {
		t.Error(err)
	}
}

func FuzzKeyIDs(f *testing.F) {
	k := testKeyIDs()
	for _, id := range []string{"k", "team/photos", "alias/photos", "alias/a/b", k.Format("k"), "arn:aws:kms:us-east-1:0:key/k", "a/../b"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		name, err := k.Parse(id)
		if err != nil {
			if !errors.Is(err, s3api.ErrKMSNotFound) || !utf8.ValidString(err.Error()) || len(err.Error()) > 1000 {
				t.Errorf("%q: %v", id, err)
			}
			return
		}
		if !ValidKeyName(name) || strings.ContainsAny(name, "%?#\\ ") || strings.Contains("/"+name+"/", "/../") {
			t.Errorf("%q names %q", id, name)
		}
		if again, err := k.Parse(k.Format(name)); again != name || err != nil {
			t.Errorf("%q comes back as %q, %v", name, again, err)
		}
	})
}
