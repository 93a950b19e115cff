package price

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Parse reads a book. A header of "key: value" lines may come first: book (a
// name), date, source, and sha256 of what follows the header, which is then
// checked. After it, a line in brackets begins a provider, a line at the margin
// a model, and the indented lines below it are its prices:
//
//	book: our prices
//	date: 2026-11-21
//
//	[openai]
//	gpt-4o = gpt-4o-2024-*
//	 in=2.50 read=1.25 out=10
//	 from=2026-12-01 in=2>128000:4 read=1>128000:2 out=8
//	 tier=flex,batch in=1.25 out=5
//	[ollama]
//	alias: local
//	any *
//	 in=0 out=0
//
// A provider may have "alias:", other names for it; "fallback:", providers to
// ask for models that it does not list; and "prefix:", beginnings of model
// names to look past.
//
// The words after a model are its matchers, of which one must hold: a name, "="
// for the model's own, name* and *name and *name* for a part, /regexp/ in Go's
// syntax, !m for a matcher that must not hold, and m&m for two that both must.
// Without a matcher the name itself is meant. Case does not matter. The first
// model that matches is taken. A fine-tuned model ("ft:gpt-4o:org::id") is
// matched only by a model whose own name is such a one.
//
// Prices are decimal numbers in USD per million tokens of in, read and write
// (of a cache), out, reasoning, audio-in, audio-read, image-in, image-read and
// audio-out, and in USD a piece for request and image. The price image-out is
// that of image tokens in the output. A price may change with the length of the input: 2>128000:4>256000:-
// is 2, from 128,001 tokens up 4, and beyond 256,000 not known. The word unpriced
// stands for prices that are not known.
//
// Prices hold under conditions: from a day or an instant (from=2026-12-01,
// from=2026-08-16T16:00Z), in hours of the day (at=16:30-00:30, the end not
// included), on weekdays (on=sat,sun), in service tiers (tier=flex,batch; none is
// the standard tier). Times are UTC. Of several lines that hold the last wins.
//
// Empty lines and lines that begin with # are skipped. An error names line and
// model.
func Parse(data []byte) (*Book, error) { return parse(string(data)) }

func parse(text string) (*Book, error) {
	p := parser{
		book: &Book{providers: map[string]*provider{}, aliases: map[string]string{}},
		rest: text,
	}
	for p.next() {
		if err := p.parseLine(); err != nil {
			if p.where != "" {
				return nil, fmt.Errorf("price book line %d: %s: %w", p.number, p.where, err)
			}
			return nil, fmt.Errorf("price book line %d: %w", p.number, err)
		}
	}
	if err := p.endEntry(); err != nil {
		return nil, fmt.Errorf("price book: %s: %w", p.where, err)
	}
	if err := p.nameBook(); err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	return p.book, nil
}

type parser struct {
	book     *Book
	rest     string
	line     string
	number   int
	header   map[string]string
	body     string
	provider *provider // nil within the header
	entry    *entry
	where    string // provider or provider/model, for errors
}

func (p *parser) next() bool {
	for p.rest != "" {
		if p.provider == nil {
			p.body = p.rest
		}
		p.line, p.rest, _ = strings.Cut(p.rest, "\n")
		p.line = strings.TrimRight(p.line, " \t\r")
		p.number++
		if p.line != "" && p.line[0] != '#' {
			return true
		}
	}
	return false
}

func (p *parser) parseLine() error {
	switch {
	case p.line[0] == '[':
		return p.parseProvider()
	case p.provider == nil:
		return p.parseHeader()
	case p.line[0] == ' ' || p.line[0] == '\t':
		return p.parseTariff()
	}
	if err := p.endEntry(); err != nil {
		return err
	}
	words := strings.Fields(p.line)
	switch words[0] {
	case "alias:":
		for _, w := range words[1:] {
			if err := p.addAlias(strings.ToLower(w)); err != nil {
				return err
			}
		}
	case "fallback:":
		for _, w := range words[1:] {
			p.provider.fallback = append(p.provider.fallback, strings.ToLower(w))
		}
	case "prefix:":
		for _, w := range words[1:] {
			p.provider.prefixes = append(p.provider.prefixes, strings.ToLower(w))
		}
	default:
		return p.parseModel(words[0], words[1:])
	}
	return nil
}

func (p *parser) parseHeader() error {
	k, v, ok := strings.Cut(p.line, ":")
	if !ok || !slices.Contains([]string{"book", "date", "source", "sha256"}, k) {
		return fmt.Errorf("%.40q: want book:, date:, source:, sha256: or a [provider]", p.line)
	}
	if _, twice := p.header[k]; twice {
		return fmt.Errorf("%s: given twice", k)
	}
	if p.header == nil {
		p.header = map[string]string{}
	}
	p.header[k] = strings.TrimSpace(v)
	return nil
}

func (p *parser) parseProvider() error {
	if err := p.endEntry(); err != nil {
		return err
	}
	id := strings.ToLower(strings.Trim(p.line, "[]"))
	if p.line != "["+strings.Trim(p.line, "[]")+"]" || id == "" || strings.ContainsAny(id, " \t[]") {
		return fmt.Errorf("%.40q: a provider is written [id]", p.line)
	}
	if p.book.providers[id] != nil {
		return fmt.Errorf("provider %s: given twice", id)
	}
	if other, ok := p.book.aliases[id]; ok {
		return fmt.Errorf("provider %s: is an alias of %s", id, other)
	}
	p.where, p.provider = id, &provider{id: id}
	p.book.providers[id] = p.provider
	return nil
}

func (p *parser) addAlias(name string) error {
	if p.book.providers[name] != nil {
		return fmt.Errorf("alias %s: is a provider", name)
	}
	if other, ok := p.book.aliases[name]; ok {
		return fmt.Errorf("alias %s: is one of %s", name, other)
	}
	p.book.aliases[name] = p.provider.id
	return nil
}

func (p *parser) parseModel(id string, matchers []string) error {
	p.where = p.provider.id + "/" + id
	p.entry = &entry{name: p.where, tuned: isTuned(strings.ToLower(id))}
	if len(matchers) == 0 {
		matchers = []string{"="}
	}
	for _, w := range matchers {
		list, err := parseMatcher(p.entry.match, w, id)
		if err != nil {
			return err
		}
		p.entry.match = list
	}
	p.provider.entries = append(p.provider.entries, p.entry)
	return nil
}

func (p *parser) endEntry() error {
	if p.entry != nil && p.entry.tariffs == nil {
		return errors.New("no prices; a price that is not known is written unpriced")
	}
	p.entry = nil
	return nil
}

func (p *parser) parseTariff() error {
	if p.entry == nil {
		return errors.New("prices without a model")
	}
	t := tariff{from: always}
	var seen []string
	for w := range strings.FieldsSeq(p.line) {
		k, v, ok := strings.Cut(w, "=")
		if slices.Contains(seen, k) {
			return fmt.Errorf("%s: given twice", k)
		}
		seen = append(seen, k)
		var err error
		switch {
		case w == "unpriced":
			t.unpriced = true
		case !ok || v == "":
			err = fmt.Errorf("%q: want key=value", w)
		default:
			err = t.set(k, v)
		}
		if err != nil {
			return err
		}
	}
	if t.unpriced == (t.has != 0) {
		return fmt.Errorf("%.40q: want either prices or unpriced", p.line)
	}
	p.entry.tariffs = append(p.entry.tariffs, t)
	return nil
}

func (p *parser) nameBook() error {
	body := p.body
	if p.provider == nil {
		body = ""
	}
	sum := sha256.Sum256([]byte(body))
	digest := hex.EncodeToString(sum[:])
	if want, ok := p.header["sha256"]; ok && want != digest {
		return errors.New("sha256: does not fit the entries; they were changed or cut off")
	}
	id := p.header["book"]
	if id == "" {
		id = "book"
	}
	if d := p.header["date"]; d != "" {
		id += " " + d
	}
	p.book.id = id + " sha256:" + digest[:12]
	return nil
}
