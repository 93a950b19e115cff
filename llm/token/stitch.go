package token

// Very long pieces are merged window by window: a heap of megabytes is as slow as
// the memory that it is in. The tokens are the same, by this rule: tokens in a row
// are those of a text if each two neighbours are the tokens of their union. (The
// first join across a border would be the first one across it in the union as
// well, since what lies on either side joins in the same order there.) Within a
// window the rule holds; where two meet it is checked.
const (
	window = 1 << 12
	margin = 1 << 9 // at the end of a window, whose tokens may change with what follows
	back   = 1 << 6 // how far to go back if two windows do not meet
	tries  = 8
)

func (m *merger) stitch(v *vocabulary, piece string) []int32 {
	out := m.whole[:0]
	begin, next := 0, 0 // where the window begins, and where its first token should end
	for failed := 0; ; {
		end := min(begin+window, len(piece))
		ends := m.merge(v, piece[begin:end])
		if first := begin + int(ends[0]); begin > 0 && first != next && !meet(v, piece, out, first) {
			if failed++; failed > tries {
				return m.merge(v, piece)
			}
			for limit := begin - back; begin > limit && len(out) > 0; {
				out = out[:len(out)-1]
				begin = lastOf(out)
			}
			next = 0
			continue
		}
		failed = 0
		n := len(ends)
		if end < len(piece) {
			for n > 0 && int(ends[n-1]) > window-margin {
				n--
			}
			next = begin + int(ends[n])
		}
		for _, e := range ends[:n] {
			out = append(out, int32(begin)+e)
		}
		m.whole = out
		if end == len(piece) {
			return out
		}
		begin = lastOf(out)
	}
}

func lastOf(ends []int32) int {
	if len(ends) == 0 {
		return 0
	}
	return int(ends[len(ends)-1])
}

// meet reports whether the last token of out and the one from there to end are the
// tokens of their union.
func meet(v *vocabulary, piece string, out []int32, end int) bool {
	m := mergers.Get().(*merger)
	defer m.free()
	border := lastOf(out)
	begin := lastOf(out[:len(out)-1])
	ends := m.merge(v, piece[begin:end])
	return len(ends) == 2 && begin+int(ends[0]) == border
}
