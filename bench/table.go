//go:build linux

package main

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table renders markdown whose columns also line up in a terminal.
type table struct {
	left int // columns up to this index are aligned left, the others right
	rows [][]string
}

func newTable(head []string, left int) *table {
	return &table{left: left, rows: [][]string{head}}
}

// add appends a line; missing cells stay empty.
func (t *table) add(cells ...string) {
	t.rows = append(t.rows, cells)
}

func (t *table) String() string {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i := range min(len(row), len(widths)) {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]), 3)
		}
	}
	var b strings.Builder
	for n, row := range t.rows {
		for i, width := range widths {
			text := ""
			if i < len(row) {
				text = row[i]
			}
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(text))
			if i <= t.left {
				b.WriteString("| " + text + pad + " ")
			} else {
				b.WriteString("| " + pad + text + " ")
			}
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i <= t.left {
				b.WriteString("|" + strings.Repeat("-", width+2))
			} else {
				b.WriteString("|" + strings.Repeat("-", width+1) + ":")
			}
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// number shows three significant digits, whole numbers from 100 on.
func number(v float64) string {
	switch abs := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case abs >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case abs >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// latency shows microseconds in the unit that reads best.
func latency(us float64) string {
	if us < 1000 {
		return strconv.FormatFloat(us, 'f', 0, 64) + " µs"
	}
	return number(us/1000) + " ms"
}
