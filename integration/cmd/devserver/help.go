package main

import (
	_ "embed"
	"io"
	"strings"
	"text/template"
)

//go:embed help.tmpl
var helpText string

var help = template.Must(template.New("help").Funcs(template.FuncMap{
	"region": func() string { return region },
	"client": func() string { return clientAccessKey },
	"store":  func() string { return storeAccessKey },
	"secret": func(s *site, name string) string { return quote(s.secretFile(name)) },
	"quote":  quote,
}).Parse(helpText))

// printHelp writes commands to paste into a shell.
func (s *site) printHelp(w io.Writer) {
	// A terminal that is gone is no reason to stop serving.
	_ = help.Execute(w, s)
}

// quote makes s one word of a shell command.
func quote(s string) string {
	const harmless = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+=:@"
	if strings.Trim(s, harmless) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
