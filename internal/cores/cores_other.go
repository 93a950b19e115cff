//go:build !linux

package cores

import "errors"

type set struct{}

// New returns nil: there is no way here.
func New(int) *Split { return nil }

func current() (set, error) { return set{}, errors.ErrUnsupported }

func confine(int, set) error { return errors.ErrUnsupported }

func confineAll(set) error { return errors.ErrUnsupported }
