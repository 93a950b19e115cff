package price

import (
	_ "embed"
	"strings"
	"sync"
)

// A Book is a list of prices. It does not change and may be used concurrently.
type Book struct {
	id        string
	providers map[string]*provider // by id
	aliases   map[string]string    // other names to ids
	found     cache
}

type provider struct {
	id       string
	fallback []string // providers asked for a model that this one does not list
	prefixes []string // of model names; they are looked up without it, too
	entries  []*entry
}

//go:embed data/genai-prices.txt
var genaiPrices string

//go:embed data/callspan.txt
var corrections string

var defaultBook = sync.OnceValue(func() *Book {
	base, err := parse(genaiPrices)
	if err != nil {
		panic(err) // the embedded data is tested
	}
	over, err := parse(corrections)
	if err != nil {
		panic(err)
	}
	return base.With(over)
})

// Default returns the book that comes with this package: the public prices of
// 43 providers, read on the first call.
func Default() *Book { return defaultBook() }

// Preload reads the default book in the background, so that the first call to
// be priced does not wait for it.
func Preload() { go defaultBook() }

// ID names the data of b: name, date and the first digits of the SHA-256 of its
// entries, joined by " + " where books lie over one another. Two books of one
// ID have the same prices.
func (b *Book) ID() string { return b.id }

// With returns a book that looks into over first and into b for what over does
// not price at the time and in the service tier asked for. That is how
// negotiated prices, a model on a machine of your own, or a provider not listed
// are added. What over says of a provider also holds for those that fall back
// on it.
func (b *Book) With(over *Book) *Book {
	m := &Book{
		id:        b.id + " + " + over.id,
		providers: make(map[string]*provider, len(b.providers)+len(over.providers)),
		aliases:   make(map[string]string, len(b.aliases)+len(over.aliases)),
	}
	for _, from := range []*Book{b, over} {
		for id, p := range from.providers {
			under := m.providers[id]
			if under == nil {
				m.providers[id] = p
				continue
			}
			both := *p
			both.entries = append(p.entries[:len(p.entries):len(p.entries)], under.entries...)
			both.prefixes = append(p.prefixes[:len(p.prefixes):len(p.prefixes)], under.prefixes...)
			if both.fallback == nil {
				both.fallback = under.fallback
			}
			m.providers[id] = &both
		}
		for alias, id := range from.aliases {
			m.aliases[alias] = id
		}
	}
	return m
}

func lowerTrim(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
