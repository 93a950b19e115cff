package token

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestMemo(t *testing.T) {
	m := newMemo()
	k := m.key("a")
	if n, ok := m.load(k); ok {
		t.Fatalf("empty memo holds %d", n)
	}
	m.store(k, 7)
	if n, ok := m.load(k); !ok || n != 7 {
		t.Fatalf("load = %d, %t; want 7", n, ok)
	}
	m.store(k, -1) // not a count
	if n, ok := m.load(k); !ok || n != 7 {
		t.Fatalf("load = %d, %t; want 7", n, ok)
	}
	if m.key("a").and(m.key("b")) == m.key("b").and(m.key("a")) {
		t.Error("the order of keys does not matter")
	}
}

// TestMemoKeeps is about what is used again and again: it must stay while there
// is room, or a conversation would be counted anew in every turn.
func TestMemoKeeps(t *testing.T) {
	m := newMemo()
	const n = memoSets / 8
	for i := range n {
		m.store(m.key(fmt.Sprint(i)), i)
	}
	kept := 0
	for i := range n {
		if got, ok := m.load(m.key(fmt.Sprint(i))); ok {
			kept++
			if got != i {
				t.Fatalf("%d became %d", i, got)
			}
		}
	}
	if kept < n-1 {
		t.Errorf("%d of %d entries left in an empty memo", kept, n)
	}
}

func TestMemoConcurrentSafe(t *testing.T) {
	m := newMemo()
	m.sets = m.sets[:1] // all into one set
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 20_000 {
				n := (i*7 + g) % 64
				k := m.key(strings.Repeat("x", n))
				k.b &^= memoSets - 1
				if got, ok := m.load(k); ok && got != n {
					t.Errorf("%d became %d", n, got)
					return
				}
				m.store(k, n)
			}
		})
	}
	wg.Wait()
}
