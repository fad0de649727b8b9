package caddymodule

import (
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parser parses a subdirective: the dispenser is at its name.
type parser func(*caddyfile.Dispenser) error

// block has the subdirectives of a block by name. Those in many can be given
// several times, those in once not.
type block struct{ once, many map[string]parser }

// unmarshal parses the block of what is called name.
func (b block) unmarshal(d *caddyfile.Dispenser, name string) error {
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		sub := d.Val()
		parse := b.many[sub]
		if parse == nil {
			if parse = b.once[sub]; parse == nil {
				return d.Errf("unrecognized subdirective of %s: %s", name, sub)
			}
			if seen[sub] {
				return d.Errf("%s already specified", sub)
			}
			seen[sub] = true
		}
		if err := parse(d); err != nil {
			return err
		}
	}
	return nil
}

// text parses a subdirective with one argument.
func text(into *string) parser { return texts(into) }

// texts parses a subdirective with as many arguments as there are strings.
func texts(into ...*string) parser {
	return func(d *caddyfile.Dispenser) error {
		if !d.AllArgs(into...) {
			return d.ArgErr()
		}
		return nil
	}
}

// secretText is text for a secret. What is wanted is said in words: Caddy's
// error for a wrong number of arguments shows the last one.
func secretText(wanted string, into *string) parser {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		if !d.AllArgs(into) {
			return d.Errf("%s: want %s", name, wanted)
		}
		return nil
	}
}

// duration parses a subdirective with a duration that is longer than nothing.
func duration(into *caddy.Duration) parser {
	return func(d *caddyfile.Dispenser) (err error) {
		name := d.Val()
		var s string
		if !d.AllArgs(&s) {
			return d.ArgErr()
		}
		*into, err = parseDuration(d, name, s)
		return err
	}
}

// durationOrOff is duration for what can be turned off, which -1 stands for.
func durationOrOff(into *caddy.Duration) parser {
	return func(d *caddyfile.Dispenser) (err error) {
		name := d.Val()
		var s string
		if !d.AllArgs(&s) {
			return d.ArgErr()
		}
		if *into = -1; s != "off" {
			*into, err = parseDuration(d, name, s)
		}
		return err
	}
}

func parseDuration(d *caddyfile.Dispenser, name, s string) (caddy.Duration, error) {
	v, err := caddy.ParseDuration(s)
	if err != nil {
		return 0, d.Errf("%s: %v", name, err)
	}
	if v <= 0 {
		return 0, d.Errf("%s: %s is not longer than nothing", name, s)
	}
	return caddy.Duration(v), nil
}

// number parses a subdirective with a number from 1 to most.
func number[T int | int64](into *T, most int64) parser {
	return func(d *caddyfile.Dispenser) error {
		name := d.Val()
		var s string
		if !d.AllArgs(&s) {
			return d.ArgErr()
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 || n > most {
			return d.Errf("%s: %q is not a number from 1 to %d", name, s, most)
		}
		*into = T(n)
		return nil
	}
}

// toggle parses a subdirective without arguments.
func toggle(into *bool) parser {
	return func(d *caddyfile.Dispenser) error {
		if d.NextArg() {
			return d.ArgErr()
		}
		*into = true
		return nil
	}
}
