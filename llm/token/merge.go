package token

import "sync"

// A merger finds the tokens of a piece: it joins the two neighbours whose union
// has the lowest rank, the leftmost of equals, until none can be joined.
// The result is that of the plain algorithm, which looks at every pair before
// every join and is quadratic; a long piece takes a heap instead.
type merger struct {
	ends  []int32 // the result
	ranks []rank  // of the token that begins here joined with the next one
	prev  []int32 // long pieces only: where the token before begins
	heap  []uint64
	whole []int32 // the result of several pieces
}

// short is the length in bytes up to which a scan is quicker than a heap.
const short = 48

// keep is the length of the longest piece whose memory goes back to the pool.
const keep = 1 << 16

var mergers = sync.Pool{New: func() any { return new(merger) }}

func (m *merger) free() {
	if cap(m.ranks) <= keep && cap(m.whole) <= keep {
		mergers.Put(m)
	}
}

// tokens returns the ends of the tokens of piece, which is not empty. The slice
// is overwritten by the next call.
func (m *merger) tokens(v *vocabulary, piece string) []int32 {
	if len(piece) > window {
		return m.stitch(v, piece)
	}
	return m.merge(v, piece)
}

// merge does what tokens does in one go.
func (m *merger) merge(v *vocabulary, piece string) []int32 {
	if cap(m.ends) <= len(piece) {
		m.ends = make([]int32, len(piece)+len(piece)/2+short)
		m.ranks = make([]rank, cap(m.ends))
	}
	m.ends = m.ends[:len(piece)]
	m.ranks = m.ranks[:len(piece)]
	for i := range len(piece) - 1 {
		m.ends[i] = int32(i + 1)
		m.ranks[i] = v.pairs[int(piece[i])<<8|int(piece[i+1])]
	}
	m.ends[len(piece)-1] = int32(len(piece))
	m.ranks[len(piece)-1] = none
	if len(piece) <= short {
		m.scan(v, piece)
	} else {
		m.sift(v, piece)
	}
	return m.ends
}

// scan joins by looking for the lowest rank each time.
func (m *merger) scan(v *vocabulary, piece string) {
	ends, ranks := m.ends, m.ranks
	begin := func(i int) int32 {
		if i == 0 {
			return 0
		}
		return ends[i-1]
	}
	for {
		low, at := none, 0
		for i, r := range ranks {
			if r < low {
				low, at = r, i
			}
		}
		if low == none {
			break
		}
		ends = append(ends[:at], ends[at+1:]...)
		ranks = append(ranks[:at+1], ranks[at+2:]...)
		ranks[at] = none
		if at+1 < len(ends) {
			ranks[at] = v.rank(piece[begin(at):ends[at+1]])
		}
		if at > 0 {
			ranks[at-1] = v.rank(piece[begin(at-1):ends[at]])
		}
	}
	m.ends = ends
}

// sift joins by a heap of pairs. While it runs, ends[i] is the end of the token
// that begins at i; a pair in the heap is stale if its rank is no longer that
// of ranks[i], for a token only grows.
func (m *merger) sift(v *vocabulary, piece string) {
	ends, ranks, n := m.ends, m.ranks, int32(len(piece))
	if cap(m.prev) < len(piece) {
		m.prev = make([]int32, cap(ends))
	}
	prev := m.prev[:len(piece)]
	h := m.heap[:0]
	for i := range n {
		prev[i] = i - 1
		if ranks[i] != none {
			h = append(h, uint64(ranks[i])<<32|uint64(i))
		}
	}
	for i := len(h)/2 - 1; i >= 0; i-- {
		down(h, i)
	}
	update := func(i int32, r rank) {
		ranks[i] = r
		if r != none {
			h = append(h, uint64(r)<<32|uint64(i))
			up(h)
		}
	}
	for len(h) > 0 {
		top := h[0]
		last := len(h) - 1
		h[0] = h[last]
		h = h[:last]
		down(h, 0)
		i := int32(top & (1<<32 - 1))
		if ranks[i] != rank(top>>32) {
			continue
		}
		next := ends[i]
		end := ends[next]
		ends[i] = end
		ranks[next] = none
		if end < n {
			prev[end] = i
			update(i, v.rank(piece[i:ends[end]]))
		} else {
			ranks[i] = none
		}
		if p := prev[i]; p >= 0 {
			update(p, v.rank(piece[p:end]))
		}
	}
	m.heap = h
	count := 0
	for i := int32(0); i < n; count++ {
		i = ends[i]
		ends[count] = i
	}
	m.ends = ends[:count]
}

// down restores the heap below i.
func down(h []uint64, i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if h[i] <= h[c] {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}

// up restores the heap after its last entry was added.
func up(h []uint64) {
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 2
		if h[p] <= h[i] {
			return
		}
		h[i], h[p] = h[p], h[i]
		i = p
	}
}
