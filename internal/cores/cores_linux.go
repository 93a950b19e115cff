package cores

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

type set = unix.CPUSet

// New returns a Split that gives a server n cores, or nil if that would leave
// none for others, or if the system forbids it, as some containers do.
func New(n int) *Split {
	all, err := current()
	if err != nil || n < 1 || all.Count() <= n || confine(0, all) != nil {
		return nil
	}
	s := &Split{others: all}
	for core := len(all)*64 - 1; n > 0; core-- {
		if all.IsSet(core) {
			s.server.Set(core)
			s.others.Clear(core)
			n--
		}
	}
	return s
}

// current returns the cores of the calling thread.
func current() (all set, err error) {
	err = unix.SchedGetaffinity(0, &all)
	return all, err
}

// confine has a thread run on cores; 0 is the calling one.
func confine(thread int, cores set) error { return unix.SchedSetaffinity(thread, &cores) }

// confineAll has all threads of this process run on cores. A thread that is
// started meanwhile has the cores of the one that starts it, for which they are
// gone through twice.
func confineAll(cores set) error {
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				continue
			}
			if err := confine(id, cores); err != nil && !errors.Is(err, unix.ESRCH) { // it has ended
				return err
			}
		}
	}
	return nil
}
