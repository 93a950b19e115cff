package token

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// A vocabulary finds the rank of a byte sequence. It is the loader's map
// without the pointers: a quarter of a million small strings would cost the
// garbage collector in every cycle what they save here.
type vocabulary struct {
	seed  maphash.Seed
	slots []uint32      // open addressing: tag above, rank+1 below, 0 = empty
	ends  []uint32      // by rank: where the bytes of a token end in text
	text  string        // all tokens, by rank
	pairs [1 << 16]rank // the two-byte tokens, with which every merge begins
	bytes [1 << 8]rank
	max   int // length of the longest token
}

// A rank is the number of a token. Lower ranks are merged first.
type rank uint32

const (
	rankBits = 18 // o200k_base, the largest, has 199,998 tokens
	rankMask = 1<<rankBits - 1

	none rank = 1<<32 - 1
)

func newVocabulary(ranks map[string]int) (*vocabulary, error) {
	top, size := 0, 0
	for s, r := range ranks {
		top = max(top, r)
		size += len(s)
	}
	if top >= rankMask {
		return nil, fmt.Errorf("rank %d is above the limit of %d", top, rankMask-1)
	}
	byRank := make([]string, top+1)
	for s, r := range ranks {
		byRank[r] = s
	}

	n := 1
	for n < 2*len(ranks) {
		n *= 2
	}
	v := &vocabulary{seed: maphash.MakeSeed(), slots: make([]uint32, n), ends: make([]uint32, top+1)}
	for i := range v.pairs {
		v.pairs[i] = none
	}
	var text strings.Builder
	text.Grow(size)
	for i, s := range byRank {
		text.WriteString(s)
		v.ends[i] = uint32(text.Len())
		v.max = max(v.max, len(s))
		switch len(s) {
		case 0: // a number left free for a special token
			continue
		case 1:
			v.bytes[s[0]] = rank(i)
		case 2:
			v.pairs[int(s[0])<<8|int(s[1])] = rank(i)
		}
		h := maphash.String(v.seed, s)
		at := h & uint64(n-1)
		for v.slots[at] != 0 {
			at = (at + 1) & uint64(n-1)
		}
		v.slots[at] = uint32(h>>32)&^rankMask | uint32(i+1)
	}
	v.text = text.String()
	return v, nil
}

// rank returns the rank of s, or none.
func (v *vocabulary) rank(s string) rank {
	switch {
	case len(s) == 2:
		return v.pairs[int(s[0])<<8|int(s[1])]
	case len(s) == 1:
		return v.bytes[s[0]]
	case len(s) > v.max || s == "":
		return none
	}
	h := maphash.String(v.seed, s)
	tag := uint32(h>>32) &^ rankMask
	mask := uint64(len(v.slots) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		slot := v.slots[at]
		if slot == 0 {
			return none
		}
		if slot&^rankMask == tag {
			if i := slot&rankMask - 1; v.token(i) == s {
				return rank(i)
			}
		}
	}
}

func (v *vocabulary) token(i uint32) string {
	begin := uint32(0)
	if i > 0 {
		begin = v.ends[i-1]
	}
	return v.text[begin:v.ends[i]]
}
