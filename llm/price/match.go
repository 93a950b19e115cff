package price

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// An atom is one test of a model name. The atoms of an entry form a
// disjunction of conjunctions, into which every matcher tree can be written:
// and joins an atom to the one before it.
type atom struct {
	op       op
	not, and bool
	text     string
	re       *regexp.Regexp
}

type op uint8

const (
	equals op = iota
	startsWith
	endsWith
	contains
	matchesRegexp
)

// parseMatcher appends the atoms of one word to list. id is what "=" stands for.
func parseMatcher(list []atom, word, id string) ([]atom, error) {
	for and := false; ; and = true {
		part, rest, more := strings.Cut(word, "&")
		a, err := parseAtom(part, id)
		if err != nil {
			return nil, err
		}
		a.and = and
		list = append(list, a)
		if !more {
			return list, nil
		}
		word = rest
	}
}

func parseAtom(word, id string) (atom, error) {
	var a atom
	if strings.HasPrefix(word, "!") {
		a.not, word = true, word[1:]
	}
	switch n := len(word); {
	case n == 0:
		return a, errors.New("empty matcher")
	case word == "=":
		a.text = strings.ToLower(id)
	case word == "*":
		a.op = contains
	case word[0] == '/':
		if n < 3 || word[n-1] != '/' {
			return a, fmt.Errorf("matcher %q: a regexp is written /.../", word)
		}
		re, err := regexp.Compile(word[1 : n-1])
		if err != nil {
			return a, fmt.Errorf("matcher %q: %w", word, err)
		}
		a.op, a.re = matchesRegexp, re
	default:
		if word[n-1] == '*' {
			a.op, word = startsWith, word[:n-1]
		}
		if word[0] == '*' {
			word = word[1:]
			if a.op == startsWith {
				a.op = contains
			} else {
				a.op = endsWith
			}
		}
		if strings.Contains(word, "*") {
			return a, fmt.Errorf("matcher %q: a star stands at an end only", word)
		}
		a.text = strings.ToLower(word)
	}
	return a, nil
}

// matches tests a lower-case name.
func (a *atom) matches(name string) bool {
	var ok bool
	switch a.op {
	case equals:
		ok = name == a.text
	case startsWith:
		ok = strings.HasPrefix(name, a.text)
	case endsWith:
		ok = strings.HasSuffix(name, a.text)
	case contains:
		ok = strings.Contains(name, a.text)
	case matchesRegexp:
		ok = a.re.MatchString(name)
	}
	return ok != a.not
}

// matchAny reports whether one of the conjunctions in list holds for a
// lower-case name.
func matchAny(list []atom, name string) bool {
	for i := 0; i < len(list); {
		ok := true
		for first := i; i < len(list) && (i == first || list[i].and); i++ {
			ok = ok && list[i].matches(name)
		}
		if ok {
			return true
		}
	}
	return false
}

// isTuned reports whether a name is of a fine-tuned model: "ft:gpt-4o:org::id",
// "curie:ft-org-date" or Azure's "gpt-4o.ft-id".
func isTuned(name string) bool {
	return strings.HasPrefix(name, "ft:") || strings.Contains(name, ":ft-") || strings.Contains(name, ".ft-")
}
