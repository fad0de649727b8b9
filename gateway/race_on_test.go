//go:build race

package gateway

// raceDetector says that the race detector watches, which makes what passes
// megabytes through a processor ten times as slow.
const raceDetector = true
