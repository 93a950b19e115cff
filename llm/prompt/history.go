package prompt

import (
	"fmt"
	"reflect"

	"github.com/callspan/callspan/llm"
)

var messagesType = reflect.TypeFor[[]llm.Message]()

// checkMessages returns an error if values of t are no messages.
func checkMessages(t reflect.Type) error {
	switch {
	case t.Kind() == reflect.Interface, t == messageType, t.Implements(listType), t.ConvertibleTo(messagesType):
		return nil
	case t.Kind() == reflect.Pointer && t.Elem() == messageType:
		return nil
	}
	return fmt.Errorf("is a %v, which is no messages; use []llm.Message, llm.Message or a List", t)
}

// messagesOf returns the messages that a value stands for.
func messagesOf(v reflect.Value, s *style, depth int) ([]llm.Message, error) {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errNil
	}
	if err := checkMessages(v.Type()); err != nil {
		return nil, err
	}
	switch v := v.Interface().(type) {
	case llm.Message:
		return asHistory([]llm.Message{v}, s), nil
	case *llm.Message:
		return asHistory([]llm.Message{*v}, s), nil
	case list:
		return v.messages(s, depth)
	}
	return asHistory(v.Convert(messagesType).Interface().([]llm.Message), s), nil
}

// asHistory returns messages whose parts have a source: that of the variable,
// else history. Tool traffic keeps saying what it is by its role.
func asHistory(messages []llm.Message, s *style) []llm.Message {
	out := make([]llm.Message, len(messages))
	for i, m := range messages {
		out[i] = m
		if m.Role == llm.RoleTool || len(m.ToolCalls) > 0 {
			continue
		}
		parts := make([]llm.Part, len(m.Parts))
		for j, p := range m.Parts {
			if p.Source == llm.SourceAuto {
				p.Source = s.or(llm.SourceHistory)
			}
			parts[j] = p
		}
		out[i].Parts = parts
	}
	return out
}
