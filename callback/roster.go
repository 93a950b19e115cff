package callback

import (
	"reflect"
	"slices"
)

// A roster tells which of the handlers that are given are new, so that each is
// told once.
type roster struct {
	before []Handler
	given  []Handler
	set    map[Handler]bool // what is not new, if that is much to compare with
}

// maxCompared is how many pairs are compared rather than looked up.
const maxCompared = 1 << 10

func newRoster(before, given []Handler) roster {
	r := roster{before: before, given: given}
	if len(given)*(len(before)+len(given)) > maxCompared {
		r.set = make(map[Handler]bool, len(before)+len(given))
		for _, h := range before {
			if hashable(h) {
				r.set[h] = true
			}
		}
	}
	return r
}

// adds reports whether given[i], which is not nil, is new. It is asked in order,
// and need not be asked of all.
func (r *roster) adds(i int) bool {
	h := r.given[i]
	switch {
	case r.set == nil:
		return !contains(r.before, h) && !contains(r.given[:i], h)
	case !hashable(h):
		return true
	case r.set[h]:
		return false
	}
	r.set[h] = true
	return true
}

func contains(hs []Handler, h Handler) bool {
	return slices.ContainsFunc(hs, func(o Handler) bool { return same(h, o) })
}

// same reports whether a and b are one handler. Values that cannot be compared,
// such as structs with functions in them, are never the same.
func same(a, b Handler) bool {
	return a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && hashable(a) && a == b
}

func hashable(h Handler) bool { return reflect.ValueOf(h).Comparable() }
