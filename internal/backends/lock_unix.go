//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package backends

import (
	"fmt"
	"os"
	"syscall"
)

// lock waits until the file at path is locked by nobody else and locks it. The
// system unlocks it too if the process dies.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
