// Package cores gives processes processor cores of their own, so that what is
// measured does not share them with what measures it. Linux alone can.
package cores

import (
	"os/exec"
	"runtime"
)

// A Split divides the cores that this process may use between a server and all
// others. The nil Split, of a system that cannot, divides nothing.
type Split struct{ server, others set }

// Leave keeps the threads of this process off the server's cores until restore
// is called, and with them what it starts meanwhile other than by [Split.Start].
func (s *Split) Leave() (restore func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	before, err := current()
	if err != nil {
		return nil, err
	}
	restore = func() { _ = confineAll(before) }
	if err := confineAll(s.others); err != nil {
		restore()
		return nil, err
	}
	return restore, nil
}

// Start starts cmd on the server's cores.
func (s *Split) Start(cmd *exec.Cmd) error {
	if s == nil {
		return cmd.Start()
	}
	// A process begins on the cores of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := current()
	if err != nil {
		return err
	}
	if err := confine(0, s.server); err != nil {
		return err
	}
	defer confine(0, before)
	return cmd.Start()
}
