// Package docs_test executes or checks every example and every table in the
// project's documents, so that they say what the code does.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository.
const root = "../.."

// documents are the files that are checked.
var documents = []string{
	"README.md", "SECURITY.md", "CHANGELOG.md", "FORMAT.md", "docs/operations.md", "docs/performance.md", "docs/rotation.md", "docs/vault.md",
}

// block is a fenced block of a document.
type block struct {
	file, heading string
	lang          string // the word after the fence
	text          string
}

// document is a Markdown file, taken apart as far as the tests need it.
type document struct {
	name     string
	text     string // without fenced blocks
	headings []string
	blocks   []block
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parse(t *testing.T, name string) document {
	t.Helper()
	d := document{name: name}
	var text, code strings.Builder
	var current *block
	heading := ""
	for line := range strings.Lines(read(t, name)) {
		fence, found := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case found && current == nil:
			current = &block{file: name, heading: heading, lang: fence}
			code.Reset()
		case found:
			current.text = code.String()
			d.blocks = append(d.blocks, *current)
			current = nil
		case current != nil:
			code.WriteString(line)
		default:
			if strings.HasPrefix(line, "#") {
				heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
				d.headings = append(d.headings, heading)
			}
			text.WriteString(line)
		}
	}
	if current != nil {
		t.Fatalf("%s: a block without an end", name)
	}
	d.text = text.String()
	return d
}

// blocks returns the blocks of all documents in one of the languages.
func blocks(t *testing.T, langs ...string) []block {
	t.Helper()
	var found []block
	for _, name := range documents {
		for _, b := range parse(t, name).blocks {
			for _, lang := range langs {
				if b.lang == lang {
					found = append(found, b)
				}
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no blocks in %q", langs)
	}
	return found
}

// only returns the one block under a heading that contains text.
func only(t *testing.T, file, heading, lang, contains string) block {
	t.Helper()
	var found []block
	for _, b := range parse(t, file).blocks {
		if b.heading == heading && b.lang == lang && strings.Contains(b.text, contains) {
			found = append(found, b)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks in %q with %q under %q", file, len(found), lang, contains, heading)
	}
	return found[0]
}

// section returns the text under a heading, up to the next one of any level.
func section(t *testing.T, file, heading string) string {
	t.Helper()
	text := parse(t, file).text
	_, rest, ok := strings.Cut(text, "# "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", file, heading)
	}
	if i := strings.Index(rest, "\n#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// rows returns the cells of the first table in text, without its head.
func rows(t *testing.T, text string) [][]string {
	t.Helper()
	var table [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if table != nil {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		table = append(table, cells)
	}
	if len(table) < 3 {
		t.Fatal("no table")
	}
	return table[2:]
}

var code = regexp.MustCompile("`([^`]+)`")

// codes returns what stands between backticks.
func codes(text string) []string {
	var found []string
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// TestEveryBlockIsKnown keeps a new kind of example from going unchecked.
func TestEveryBlockIsKnown(t *testing.T) {
	// Blocks without a language are pictures, grammars and formulas: the
	// Caddyfile syntax is compared by TestSyntax, those of FORMAT.md by the
	// tests of encryptor and metadata.
	known := map[string]string{
		"":          "see above",
		"sh":        "TestShell",
		"caddyfile": "TestCaddyfiles",
		"json":      "TestCaddyfiles, TestJSON",
		"promql":    "TestMetrics",
		"text":      "TestGuide in integration/rotation",
		"yaml":      "TestPrometheus",
	}
	for _, name := range documents {
		for _, b := range parse(t, name).blocks {
			if _, ok := known[b.lang]; !ok {
				t.Errorf("%s, %q: a block in %q that no test checks", b.file, b.heading, b.lang)
			}
			if b.lang == "" && name != "FORMAT.md" && b.heading != "Caddyfile reference" && b.heading != "Keys in Vault" && b.heading != "How it works" {
				t.Errorf("%s, %q: a block without a language", b.file, b.heading)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks follows the links between files of the repository.
func TestLinks(t *testing.T) {
	for _, name := range documents {
		for _, m := range link.FindAllStringSubmatch(parse(t, name).text, -1) {
			target := m[1]
			if strings.Contains(target, "://") {
				continue
			}
			path, anchor, _ := strings.Cut(target, "#")
			file := name
			if path != "" {
				file = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s: link to %s: %v", name, target, err)
				continue
			}
			if anchor == "" {
				continue
			}
			found := false
			for _, h := range parse(t, file).headings {
				found = found || slug(h) == anchor
			}
			if !found {
				t.Errorf("%s: link to %s: no such heading", name, target)
			}
		}
	}
}

var notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	return strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// TestDocumentsSpeakOfTheProject keeps notes of how something was made, and of
// what is still to be done, out of what readers see.
func TestDocumentsSpeakOfTheProject(t *testing.T) {
	never := regexp.MustCompile(`(?i)\bissue\s+#?\d|/work/|\bTODO\b|\bFIXME\b|\bXXX\b|\bTBD\b|design decision|\blesson \d|lorem ipsum`)
	for _, name := range append([]string{"Caddyfile.example", "Caddyfile.proxy.example"}, documents...) {
		if m := never.FindString(read(t, name)); m != "" {
			t.Errorf("%s says %q", name, m)
		}
	}
}

var testName = regexp.MustCompile(`^(?:Test|Fuzz)[A-Z]\w*$`)

// TestNamedTestsExist looks for the tests that SECURITY.md names.
func TestNamedTestsExist(t *testing.T) {
	have := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && strings.HasPrefix(e.Name(), ".") && e.Name() != ".." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(b), -1) {
			have[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, c := range codes(parse(t, "SECURITY.md").text) {
		if !testName.MatchString(c) {
			continue
		}
		named++
		if !have[c] {
			t.Errorf("there is no %s", c)
		}
	}
	if named < 20 {
		t.Errorf("only %d tests are named", named)
	}
}
