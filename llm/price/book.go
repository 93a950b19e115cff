package price

import (
	_ "embed"
	"maps"
	"slices"
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
	over     int // of the entries, the first ones, which lie over what this provider lists
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
// on it. A provider of over is one of b if b knows it by its name or by one of its
// aliases.
func (b *Book) With(over *Book) *Book {
	m := &Book{id: b.id + " + " + over.id, providers: map[string]*provider{}, aliases: map[string]string{}}
	maps.Copy(m.providers, b.providers)
	maps.Copy(m.aliases, b.aliases)
	for _, id := range slices.Sorted(maps.Keys(over.providers)) {
		p := over.providers[id]
		names := []string{id}
		for _, alias := range slices.Sorted(maps.Keys(over.aliases)) {
			if over.aliases[alias] == id {
				names = append(names, alias)
			}
		}
		known := slices.IndexFunc(names, func(name string) bool { return m.provider(name) != nil })
		if known < 0 {
			m.providers[id] = p
		} else {
			under := m.provider(names[known])
			id = under.id
			m.providers[id] = p.lieOver(under)
		}
		for _, name := range names {
			if name != id {
				m.aliases[name] = id
			}
		}
	}
	return m
}

// provider returns the provider of that name or alias; nil if there is none.
func (b *Book) provider(name string) *provider {
	if id, ok := b.aliases[name]; ok {
		name = id
	}
	return b.providers[name]
}

// lieOver returns under with p before it.
func (p *provider) lieOver(under *provider) *provider {
	both := &provider{
		id: under.id, fallback: p.fallback,
		prefixes: slices.Concat(p.prefixes, under.prefixes),
		entries:  slices.Concat(p.entries, under.entries),
		over:     len(p.entries) + under.over,
	}
	if both.fallback == nil {
		both.fallback = under.fallback
	}
	return both
}

func lowerTrim(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
