//go:build unix

package caddymodule

import (
	"io/fs"
	"os"
	"syscall"
)

// copyOwner gives f the owner that info has, so that a key file changed by
// root can still be read by the account that Caddy runs under.
func copyOwner(f *os.File, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || (int(stat.Uid) == os.Getuid() && int(stat.Gid) == os.Getgid()) {
		return nil
	}
	return f.Chown(int(stat.Uid), int(stat.Gid))
}
