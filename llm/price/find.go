package price

import (
	"strings"
	"sync"
)

// find returns the entries that name a model of a provider, first come first
// served, or nothing. The provider is never guessed from the model: a model of
// that name may run on a machine of your own.
func (b *Book) find(providerName, model string) []*entry {
	k := key{providerName, model}
	if list, ok := b.found.get(k); ok {
		return list
	}
	list := b.search(lowerTrim(providerName), lowerTrim(model))
	b.found.put(k, list)
	return list
}

func (b *Book) search(providerName, model string) []*entry {
	p := b.provider(providerName)
	if p == nil || model == "" {
		return nil
	}
	names := []string{model}
	for _, prefix := range p.prefixes {
		if rest, ok := strings.CutPrefix(model, prefix); ok && rest != "" {
			names = append(names, rest)
		}
	}
	for _, name := range names {
		if list := b.searchName(p, name); list != nil {
			return list
		}
		if other := respell(name); other != name {
			if list := b.searchName(p, other); list != nil {
				return list
			}
		}
	}
	return nil
}

// respell writes a name as OpenAI does: gpt-4o-20240806 becomes
// gpt-4o-2024-08-06, and Azure's gpt-35-turbo-1106 gpt-3.5-turbo-1106.
func respell(name string) string {
	if rest, ok := strings.CutPrefix(name, "gpt-35-"); ok {
		name = "gpt-3.5-" + rest
	}
	return dashDate(name)
}

// searchName looks into p, and into what p falls back on only if p does not
// list the model at all. What lies over p's own list leaves that open.
func (b *Book) searchName(p *provider, name string) []*entry {
	tuned := isTuned(name)
	list, listed := p.matching(name, tuned)
	for _, id := range p.fallback {
		if listed {
			break
		}
		if other := b.provider(id); other != nil {
			more, _ := other.matching(name, tuned)
			list, listed = append(list, more...), more != nil
		}
	}
	return list
}

// matching returns the entries of that name, and whether p's own list has one.
func (p *provider) matching(name string, tuned bool) (list []*entry, listed bool) {
	for i, e := range p.entries {
		if e.matches(name, tuned) {
			list, listed = append(list, e), i >= p.over
		}
	}
	return list, listed
}

// dashDate puts dashes into the dates in a name.
func dashDate(name string) string {
	for i := 0; i+9 <= len(name); i++ {
		if name[i] != '-' || i+9 < len(name) && name[i+9] != '-' && name[i+9] != ':' {
			continue
		}
		if d := name[i+1 : i+9]; isDate(d) {
			name = name[:i+1] + d[:4] + "-" + d[4:6] + "-" + d[6:] + name[i+9:]
			i += 10
		}
	}
	return name
}

// isDate reports whether s is a day of this century, as in 20240806.
func isDate(s string) bool {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	month, day := n/100%100, n%100
	return n/1_000_000 == 20 && month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// A cache remembers what was found, and what was not. It is emptied when full,
// as names may come from outside.
type cache struct {
	mu sync.RWMutex
	m  map[key][]*entry
}

type key struct{ provider, model string }

const (
	maxCached    = 1024
	maxCachedLen = 256 // bytes of the names; longer ones are looked up each time
)

func (c *cache) get(k key) (list []*entry, ok bool) {
	c.mu.RLock()
	list, ok = c.m[k]
	c.mu.RUnlock()
	return list, ok
}

func (c *cache) put(k key, list []*entry) {
	if len(k.provider)+len(k.model) > maxCachedLen {
		return
	}
	k = key{strings.Clone(k.provider), strings.Clone(k.model)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = make(map[key][]*entry)
	}
	if len(c.m) >= maxCached {
		clear(c.m)
	}
	c.m[k] = list
}
