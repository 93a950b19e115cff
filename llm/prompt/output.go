package prompt

import (
	"bytes"
	"errors"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A place says which sources a text gives to what names none of its own.
type place struct{ literal, variable llm.Source }

// placeOf returns the place that a message of role is.
func placeOf(role llm.Role) place {
	if role == llm.RoleSystem || role == llm.RoleDeveloper {
		return place{llm.SourceSystem, llm.SourceSystem}
	}
	return place{llm.SourceTemplate, llm.SourceInput}
}

var errMedia = errors.New("holds media, which no text can; use Parts or Messages")

// An output takes a prompt as one text, or in parts.
type output struct {
	inParts bool
	text    []byte
	parts   []llm.Part
	scratch [32]byte // for a number
	depth   int      // of lists in lists
}

// add appends text.
func (o *output) add(text string, source llm.Source) {
	if !o.inParts {
		o.text = append(o.text, text...)
	} else if text != "" {
		o.parts = append(o.parts, llm.Part{Text: text, Source: source})
	}
}

// addBytes appends text that is not kept.
func (o *output) addBytes(text []byte, source llm.Source) {
	if !o.inParts {
		o.text = append(o.text, text...)
	} else if len(text) > 0 {
		o.parts = append(o.parts, llm.Part{Text: string(text), Source: source})
	}
}

// addPart appends a part, with source if it has none of its own.
func (o *output) addPart(p llm.Part, source llm.Source) error {
	if p.Source == llm.SourceAuto {
		p.Source = source
	}
	switch {
	case p.Media == nil:
		o.add(p.Text, p.Source)
	case !o.inParts:
		return errMedia
	default:
		o.parts = append(o.parts, p)
	}
	return nil
}

// blank reports whether there is nothing but white space.
func (o *output) blank() bool {
	if !o.inParts {
		return len(bytes.TrimSpace(o.text)) == 0
	}
	for _, p := range o.parts {
		if p.Media != nil || strings.TrimSpace(p.Text) != "" {
			return false
		}
	}
	return true
}
