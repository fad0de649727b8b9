package sigv4

import (
	"net/http"
	"time"
)

// basicFormat is the ISO 8601 basic format of X-Amz-Date.
const basicFormat = "20060102T150405Z"

// parseBasic parses exactly YYYYMMDDTHHMMSSZ.
func parseBasic(s string) (time.Time, bool) {
	if len(s) != len(basicFormat) || s[8] != 'T' || s[15] != 'Z' {
		return time.Time{}, false
	}
	var f [7]int // year (two fields), month, day, hour, minute, second
	for i, at := range [7]int{0, 2, 4, 6, 9, 11, 13} {
		hi, lo := s[at]-'0', s[at+1]-'0'
		if hi > 9 || lo > 9 {
			return time.Time{}, false
		}
		f[i] = int(hi)*10 + int(lo)
	}
	t := time.Date(f[0]*100+f[1], time.Month(f[2]), f[3], f[4], f[5], f[6], 0, time.UTC)
	// time.Date carries what does not exist, such as 30 February, over.
	if int(t.Month()) != f[2] || t.Day() != f[3] || t.Hour() != f[4] || t.Minute() != f[5] || t.Second() != f[6] {
		return time.Time{}, false
	}
	return t, true
}

// isDate reports whether s is eight digits.
func isDate(s string) bool {
	if len(s) != 8 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// requestTime returns the time of a header-signed request in the form that is
// signed, and as a time. x-amz-date wins over Date, which may be an HTTP date
// or ISO 8601.
func requestTime(h http.Header) (string, time.Time, bool) {
	if v, ok := h["X-Amz-Date"]; ok {
		if len(v) != 1 {
			return "", time.Time{}, false
		}
		t, ok := parseBasic(v[0])
		return v[0], t, ok
	}
	v := h["Date"]
	if len(v) != 1 {
		return "", time.Time{}, false
	}
	if t, ok := parseBasic(v[0]); ok {
		return v[0], t, true
	}
	t, err := http.ParseTime(v[0])
	if err != nil {
		return "", time.Time{}, false
	}
	t = t.UTC()
	return t.Format(basicFormat), t, true
}
