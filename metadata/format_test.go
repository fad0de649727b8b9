package metadata

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// formatTable returns the cells of the table in FORMAT.md, "Envelope", whose
// second column has the given name, its head included.
func formatTable(t *testing.T, head string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Envelope\n")
	if !ok {
		t.Fatal("FORMAT.md has no section Envelope")
	}
	for block := range strings.SplitSeq(section, "\n\n") {
		var rows [][]string
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
		if strings.HasPrefix(block, "|") && len(rows) > 2 && rows[0][1] == head {
			return append(rows[:1], rows[2:]...) // without the line under the head
		}
	}
	t.Fatalf("FORMAT.md has no table whose second column is %q", head)
	return nil
}

// TestFormatFields compares the table of fields with what the package writes.
func TestFormatFields(t *testing.T) {
	want := map[field]string{
		fieldVersion:         "number",
		fieldMode:            "number",
		fieldSuite:           "number",
		fieldKeyID:           fmt.Sprintf("text, 1–%d", MaxKeyID),
		fieldSalt:            fmt.Sprintf("%d bytes", len(Envelope{}.Salt)),
		fieldWrappedKEK:      fmt.Sprintf("bytes, 1–%d", MaxWrappedKEK),
		fieldSealed:          fmt.Sprintf("%d bytes", sealedKeySize),
		fieldCommitment:      "32 bytes",
		fieldOuterKeyID:      fmt.Sprintf("text, 1–%d", MaxKeyID),
		fieldOuterSealed:     fmt.Sprintf("%d bytes", sealedKeySize),
		fieldOuterCommitment: "32 bytes",
		fieldLength:          "number",
		fieldFlags:           fmt.Sprintf("number, 1–%d", allFlags),
		fieldContext:         fmt.Sprintf("bytes, 1–%d", MaxContext),
		fieldCustomerHMAC:    "32 bytes",
		fieldDigests:         fmt.Sprintf("bytes, 1–%d", MaxDigests),
	}
	got := make(map[field]string)
	for _, row := range formatTable(t, "field")[1:] {
		key, err := strconv.Atoi(row[0])
		if err != nil {
			t.Fatal(err)
		}
		got[field(key)] = row[2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFormatModes compares the table of modes with the rules of the package.
func TestFormatModes(t *testing.T) {
	rows := formatTable(t, "suite")
	for i, mode := range allModes {
		row, rule := rows[i+1], &rules[mode]
		if row[0] != mode.String() || row[1] != strconv.Itoa(int(rule.suite)) {
			t.Errorf("%v: the row is %v", mode, row)
		}
		for column := 2; column < len(row); column++ {
			for key := range strings.FieldsSeq(rows[0][column]) {
				n, err := strconv.Atoi(key)
				if err != nil {
					t.Fatal(err)
				}
				want := "–"
				switch f := field(n); {
				case f == fieldLength:
					want = "a"
				case f == fieldFlags:
					want = "b"
				case rule.required.has(f):
					want = "R"
				case rule.optional.has(f):
					want = "O"
				}
				if row[column] != want {
					t.Errorf("%v, field %d: %q in FORMAT.md, %q in the code", mode, n, row[column], want)
				}
			}
		}
	}
}
