//go:build linux

package main

import (
	"math"
	"slices"
	"time"
)

// median returns the middle of the values, the mean of the middle two when
// their number is even, and NaN when there are none. The argument keeps its
// order.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	mid := len(s) / 2
	if len(s)%2 == 1 {
		return s[mid]
	}
	return (s[mid-1] + s[mid]) / 2
}

// percentile returns the smallest duration that at least p percent of the
// sorted durations do not exceed (nearest rank), and 0 when there are none.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// medianRatio divides the two series round by round and returns the median of
// the quotients. Both sides of a quotient were measured within seconds of each
// other, so a machine that slows down for a while moves both and the quotient
// stays. Rounds in which either side has no result are left out.
func medianRatio(numerator, denominator []float64) float64 {
	var ratios []float64
	for i := range min(len(numerator), len(denominator)) {
		if numerator[i] > 0 && denominator[i] > 0 {
			ratios = append(ratios, numerator[i]/denominator[i])
		}
	}
	return median(ratios)
}

// roundOrder returns the order in which n contestants take their turn in a
// round: the first place rotates every second round, and odd rounds run
// backwards, so that nobody always follows the same neighbour.
func roundOrder(round, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = (round/2 + i) % n
	}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}
