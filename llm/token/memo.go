package token

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
)

// A memo remembers numbers by a key of 128 bits, and no text. It has a fixed
// size and needs no lock: a slot holds the number together with half of its key
// in one word and the other half, mixed with that, in a second, so that words
// of two writers never pass for one entry.
type memo struct {
	seeds [2]maphash.Seed
	sets  []memoSet
}

// A memoSet is one cache line. In a full one a new entry displaces a random one.
type memoSet [4]struct{ check, entry atomic.Uint64 }

// memoSets bounds the memo of an encoding to 16,384 entries in 256 KiB, some
// two hundred conversations of thirty turns.
const memoSets = 1 << 12

func newMemo() *memo {
	return &memo{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		sets:  make([]memoSet, memoSets),
	}
}

// A memoKey is the seeded hash of what was counted. Nobody outside the process
// can find two texts with the same one.
type memoKey struct{ a, b uint64 }

func (m *memo) key(s string) memoKey {
	return memoKey{maphash.String(m.seeds[0], s), maphash.String(m.seeds[1], s)}
}

func (m *memo) keyBytes(b []byte) memoKey {
	return memoKey{maphash.Bytes(m.seeds[0], b), maphash.Bytes(m.seeds[1], b)}
}

// and returns the key of k followed by o; the order matters.
func (k memoKey) and(o memoKey) memoKey {
	const odd = 0x9e3779b97f4a7c15
	return memoKey{
		bits.RotateLeft64(k.a, 23)*odd + o.a,
		bits.RotateLeft64(k.b, 29)*odd + o.b,
	}
}

const numberMask = 1<<32 - 1

func (m *memo) load(k memoKey) (n int, ok bool) {
	set := &m.sets[k.b%memoSets]
	for i := range set {
		entry := set[i].entry.Load()
		if (entry^k.b)&^numberMask == 0 && set[i].check.Load()^entry == k.a {
			return int(entry & numberMask), true
		}
	}
	return 0, false
}

func (m *memo) store(k memoKey, n int) {
	if n < 0 || uint64(n) > numberMask {
		return
	}
	set := &m.sets[k.b%memoSets]
	slot := rand.IntN(len(set))
	for i := range set {
		if set[i].entry.Load() == 0 {
			slot = i
			break
		}
	}
	entry := k.b&^numberMask | uint64(n)
	set[slot].check.Store(k.a ^ entry)
	set[slot].entry.Store(entry)
}
