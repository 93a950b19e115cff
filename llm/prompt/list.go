package prompt

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/callspan/callspan/llm"
)

// A List is a row of values that a template writes each: few-shot examples, or
// documents with their addresses. It stands
//
//   - in [Bind], as LangChain's FewShotPromptTemplate, with prefix and suffix
//     as the text around it,
//   - among the messages of a chat, where Template gives the messages of each,
//   - in a field of the variables, for a choice that depends on the input.
//
// Bound or among messages, it is written once, when the template is made, and
// is [llm.SourceTemplate] throughout but for parts of another origin than input.
type List[E any] struct {
	Template Template[E]
	Items    []E

	// Separator stands between the items of a text; "" is an empty line, "\n\n".
	Separator string

	// MaxTokens keeps of the items the first ones that have at most so many
	// tokens together, by Count; 0 keeps all. That none fits is an error.
	MaxTokens int
	Count     llm.Counter

	examples bool
}

// list is a List of any type.
type list interface {
	write(o *output, s *style) error
	messages(s *style, depth int) ([]llm.Message, error)
	asExamples() any
}

// asExamples returns v, as examples if it is a List.
func asExamples(v any) any {
	if l, ok := v.(list); ok && !isNil(v) {
		return l.asExamples()
	}
	return v
}

func (l List[E]) asExamples() any {
	l.examples = true
	return l
}

// maxDepth bounds lists in lists, for values that hold themselves.
const maxDepth = 100

var errDeep = fmt.Errorf("has lists in lists, more than %d deep; does a value hold itself?", maxDepth)

func (l List[E]) write(o *output, s *style) error {
	if o.depth++; o.depth > maxDepth {
		return errDeep
	}
	defer func() { o.depth-- }()
	items, err := l.fitting(func(e E) (string, error) {
		each := &output{inParts: true, depth: o.depth}
		err := l.item(each, e)
		return llm.Message{Parts: each.parts}.Text(), err
	}, l.separator())
	if err != nil {
		return err
	}
	begin := len(o.parts)
	for i, item := range items {
		if i > 0 {
			o.add(l.separator(), s.place.literal)
		}
		if err := l.item(o, item); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	l.relabel(o.parts[begin:], s)
	return nil
}

func (l List[E]) separator() string {
	if l.Separator == "" {
		return "\n\n"
	}
	return l.Separator
}

// item writes one item, that of a chat template as a transcript.
func (l List[E]) item(o *output, e E) error {
	if t, ok := l.Template.(interface{ writeTo(*output, E) error }); ok {
		return t.writeTo(o, e)
	}
	messages, err := l.itemMessages(e, o.depth)
	if err != nil {
		return err
	}
	for i, m := range messages {
		if i > 0 {
			o.add("\n", llm.SourceTemplate)
		}
		if err := writeMessage(o, m, llm.SourceTemplate); err != nil {
			return err
		}
	}
	return nil
}

func (l List[E]) itemMessages(e E, depth int) ([]llm.Message, error) {
	if t, ok := l.Template.(interface {
		messagesAt(depth int, e E) ([]llm.Message, error)
	}); ok {
		return t.messagesAt(depth, e)
	}
	return l.Template.Messages(e)
}

func (l List[E]) messages(s *style, depth int) (all []llm.Message, err error) {
	if depth++; depth > maxDepth {
		return nil, errDeep
	}
	items, err := l.fitting(func(e E) (string, error) {
		var texts []string
		messages, err := l.itemMessages(e, depth)
		for _, m := range messages {
			texts = append(texts, m.Text())
		}
		return strings.Join(texts, "\n"), err
	}, "\n")
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		messages, err := l.itemMessages(item, depth)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		for _, m := range messages {
			l.relabel(m.Parts, s)
		}
		all = append(all, messages...)
	}
	return all, nil
}

// relabel gives the parts that a template took for input the source that the
// list says they have.
func (l List[E]) relabel(parts []llm.Part, s *style) {
	source := s.source
	if l.examples && source == llm.SourceAuto {
		source = llm.SourceTemplate
	}
	if source == llm.SourceAuto {
		return
	}
	for i := range parts {
		if parts[i].Source == llm.SourceInput || parts[i].Source == llm.SourceAuto {
			parts[i].Source = source
		}
	}
}

// fitting returns the first items that fit, with all texts of them that are
// asked for counted as one.
func (l List[E]) fitting(text func(E) (string, error), sep string) ([]E, error) {
	switch {
	case l.Template == nil:
		return nil, errors.New("is a List without a Template")
	case l.MaxTokens < 0:
		return nil, fmt.Errorf("is a List with negative MaxTokens, %d", l.MaxTokens)
	case l.MaxTokens == 0 || len(l.Items) == 0:
		return l.Items, nil
	case l.Count == nil:
		return nil, errors.New("is a List with MaxTokens; set its Count too, for it to count with")
	}
	texts := make([]string, len(l.Items))
	for i, item := range l.Items {
		var err error
		if texts[i], err = text(item); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	n := sort.Search(len(texts), func(i int) bool {
		return l.Count(strings.Join(texts[:i+1], sep)) > l.MaxTokens
	})
	if n == 0 {
		return nil, fmt.Errorf("is a List of which nothing fits: %d tokens at most, and the first has %d", l.MaxTokens, l.Count(texts[0]))
	}
	return l.Items[:n], nil
}
