//go:build linux

package main

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{
		{nil, math.NaN()},
		{[]float64{3}, 3},
		{[]float64{4, 2}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{1000, 1, 2, 3}, 2.5},
	} {
		before := slices.Clone(tt.in)
		if got := median(tt.in); !cmp.Equal(got, tt.want, cmpopts.EquateNaNs()) {
			t.Errorf("median(%v) = %v, want %v", tt.in, got, tt.want)
		}
		if diff := cmp.Diff(before, tt.in); diff != "" {
			t.Errorf("median reordered its argument (-before +after):\n%s", diff)
		}
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, tt := range []struct {
		in   []time.Duration
		p    float64
		want time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{7}, 1, 7},
		{[]time.Duration{7}, 99, 7},
		{[]time.Duration{1, 2}, 50, 1},
		{[]time.Duration{1, 2}, 51, 2},
		{[]time.Duration{1, 2, 3}, 50, 2},
		{hundred, 0, 1},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 99.1, 100},
		{hundred, 100, 100},
	} {
		if got := percentile(tt.in, tt.p); got != tt.want {
			t.Errorf("percentile(%d values, %v) = %d, want %d", len(tt.in), tt.p, got, tt.want)
		}
	}
}

func TestMedianRatio(t *testing.T) {
	for _, tt := range []struct {
		name     string
		num, den []float64
		want     float64
	}{
		{"no rounds", nil, nil, math.NaN()},
		{"a slow round moves both sides", []float64{90, 9, 90}, []float64{100, 10, 100}, 0.9},
		{"median of ratios, not ratio of medians", []float64{1, 10, 100}, []float64{1, 5, 400}, 1},
		{"a round without result is left out", []float64{0, 4}, []float64{3, 2}, 2},
		{"and so is one without rival", []float64{4, 4}, []float64{0, 2}, 2},
		{"shorter series", []float64{4, 6}, []float64{2}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := medianRatio(tt.num, tt.den); !cmp.Equal(got, tt.want, cmpopts.EquateNaNs()) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestRoundOrder checks that every contestant takes its turn once a round, that
// everybody comes first equally often, and that two neighbours do not always
// come in the same order.
func TestRoundOrder(t *testing.T) {
	for n := 1; n <= 4; n++ {
		first := make([]int, n)
		follows := map[[2]int]bool{}
		for round := range 2 * n {
			order := roundOrder(round, n)
			first[order[0]]++
			for i := range n - 1 {
				follows[[2]int{order[i], order[i+1]}] = true
			}
			slices.Sort(order)
			for i, contestant := range order {
				if contestant != i {
					t.Fatalf("n=%d round %d: not a permutation: %v", n, round, order)
				}
			}
		}
		for contestant, times := range first {
			if times != 2 {
				t.Errorf("n=%d: %d was first %d times, want 2", n, contestant, times)
			}
		}
		for pair := range follows {
			if !follows[[2]int{pair[1], pair[0]}] {
				t.Errorf("n=%d: %d never follows %d", n, pair[0], pair[1])
			}
		}
	}
}
