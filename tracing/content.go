package tracing

import (
	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
)

// Content says which content spans carry: what was asked, what was answered, or
// both.
type Content uint8

const (
	// ContentInput is what models, tools and retrievers are given: messages (of a
	// conversation also the earlier answers), instructions, tool definitions,
	// arguments, queries.
	ContentInput Content = 1 << iota
	// ContentOutput is what they give: answers with the text of token events, tool
	// results, which documents were found.
	ContentOutput
)

const (
	// ContentOff is the default.
	ContentOff Content = 0
	// ContentBoth also lets the data of events through that are neither.
	ContentBoth = ContentInput | ContentOutput
)

// contentLimits bound what a span carries, in bytes.
type contentLimits struct {
	text  int // of each text
	whole int // of each attribute
}

// A receiver takes at most 4 MiB at once, and thirty turns of 32 KiB are a
// quarter of that.
const (
	maxText      = 32 << 10
	maxAttribute = 256 << 10
)

// The least that limits can be: markers have to fit.
const (
	minText      = 64
	minAttribute = 1024
)

// A recorder makes the content attributes of one span.
type recorder struct {
	*config
	lost  int // bytes that the limits left out
	spare []part
}

// text returns s as it may be recorded, of any length.
func (r *recorder) text(s string) string {
	switch {
	case s == "":
		return ""
	case r.hash != nil:
		return r.hash.sum(s)
	}
	return r.scrub(s)
}

// attribute adds a text as an attribute of its own.
func (r *recorder) attribute(a *attrs, key attribute.Key, s string) {
	if s != "" {
		short, lost := shorten(s, r.limits.text)
		r.lost += lost
		a.add(key.String(short))
	}
}

// describeContent adds what was asked and answered, as JSON strings in the form
// of the conventions' message schemas: backends of today parse strings and not
// structured attributes.
func (t *Tracer) describeContent(a *attrs, info *callback.Info, res *callback.Result) {
	r := &recorder{config: t.conf}
	if t.conf.content&ContentInput != 0 {
		r.describeInput(a, info)
	}
	if t.conf.content&ContentOutput != 0 {
		r.describeOutput(a, info, res)
	}
	if r.lost > 0 {
		a.int(keyContentCut, r.lost)
	}
}

func (r *recorder) describeInput(a *attrs, info *callback.Info) {
	switch in := info.Input.(type) {
	case *llm.Request:
		if in == nil {
			return
		}
		msgs := make([]message, 0, len(in.Messages))
		var apart []part
		for i := range in.Messages {
			m := r.message(&in.Messages[i])
			if in.Messages[i].Apart {
				apart = append(apart, m.parts...)
			} else {
				msgs = append(msgs, m)
			}
		}
		if len(apart) > 0 {
			a.add(keyInstructions.String(r.instructions(apart)))
		}
		a.add(keyInputMessages.String(r.inputs(msgs)))
		if len(in.Tools) > 0 {
			a.add(keyToolDefinitions.String(r.tools(in.Tools)))
		}
	case *callback.ToolCall:
		if in != nil && info.Kind == callback.KindTool {
			r.attribute(a, keyToolArguments, r.value(in.Arguments))
		}
	case *callback.Search:
		if in != nil && info.Kind == callback.KindRetriever {
			r.attribute(a, keyQuery, r.text(in.Query))
		}
	case string:
		if op := kindOf(info).op; op == opWorkflow || op == opAgent || op == opGenerate {
			a.add(keyInputMessages.String(r.inputs([]message{{role: "user", parts: r.parts(in)}})))
		}
	}
}

func (r *recorder) describeOutput(a *attrs, info *callback.Info, res *callback.Result) {
	if res.Response != nil && len(res.Response.Choices) > 0 {
		reasons := finishReasons(res.Response, res.Err != nil || res.Stopped)
		msgs := make([]message, len(res.Response.Choices))
		for i := range res.Response.Choices {
			finish := ""
			if reasons != nil {
				finish = reasons[i]
			}
			msgs[i] = r.choice(&res.Response.Choices[i], finish)
		}
		a.add(keyOutputMessages.String(r.outputs(msgs)))
	}
	switch info.Kind {
	case callback.KindTool:
		if in, ok := info.Input.(*callback.ToolCall); ok && in != nil {
			r.attribute(a, keyToolResult, r.value(res.Output))
		}
	case callback.KindRetriever:
		if in, ok := info.Input.(*callback.Search); ok && in != nil {
			describeDocuments(a, res.Output)
		}
	}
	if s, ok := res.Output.(string); ok && s != "" {
		if op := kindOf(info).op; op == opWorkflow || op == opAgent || op == opGenerate {
			a.add(keyOutputMessages.String(r.outputs([]message{{role: "assistant", parts: r.parts(s), finish: "stop"}})))
		}
	}
}

// eventContent says which content the data of an event is. What could be
// either is recorded only with both.
func eventContent(kind callback.EventKind) Content {
	if kind == callback.EventAgentFinish {
		return ContentOutput
	}
	return ContentBoth
}
