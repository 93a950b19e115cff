package tracing

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A kind is how a run appears as a span.
type kind struct {
	name  string
	op    string // gen_ai.operation.name; "" for a plain step
	kind  trace.SpanKind
	model bool // a provider's call: it has usage, cost and metrics
	total bool // it shows the totals of what is below
}

// kindOf maps a run to its span, by the table of the GenAI conventions. A root
// chain is a workflow; the steps inside it are plain spans, since the
// conventions keep invoke_workflow for entry points.
func kindOf(info *callback.Info) kind {
	root := info.Parent.IsZero()
	switch info.Kind {
	case callback.KindLLM:
		op := opChat
		if info.Endpoint.API == llm.APICompletions {
			op = opCompletion
		}
		return kind{join(op, info.Model()), op, trace.SpanKindClient, true, false}
	case callback.KindEmbedding:
		return kind{join(opEmbeddings, info.Model()), opEmbeddings, trace.SpanKindClient, true, false}
	case callback.KindImage, callback.KindAudio:
		return kind{join(opGenerate, info.Model()), opGenerate, trace.SpanKindClient, true, false}
	case callback.KindTool:
		return kind{join(opTool, info.Name), opTool, trace.SpanKindInternal, false, root}
	case callback.KindAgent:
		return kind{join(opAgent, info.Name), opAgent, placeOf(info), false, true}
	case callback.KindRetriever:
		return kind{join(opRetrieval, info.Name), opRetrieval, trace.SpanKindClient, false, root}
	case callback.KindMemory:
		op := operationOf(info)
		return kind{op, op, placeOf(info), false, root}
	case callback.KindChain:
		if root {
			return kind{join(opWorkflow, info.Name), opWorkflow, trace.SpanKindInternal, false, true}
		}
	}
	name := bounded(info.Name, maxWord)
	if name == "" {
		name = cmp.Or(bounded(string(info.Kind), maxWord), "run") // a program may start what has neither
	}
	k := kind{name: name, kind: trace.SpanKindInternal, total: true}
	if info.Kind == callback.KindModeration {
		k.kind, k.total = trace.SpanKindClient, false
	}
	return k
}

// operationOf returns what a run asks of a memory.
func operationOf(info *callback.Info) string {
	m, _ := info.Input.(*callback.MemoryChange)
	switch {
	case m != nil && m.Operation == "save" && strings.HasPrefix(m.Store, "summary"): // which are rewritten
		return opMemoryUpsert
	case m != nil && m.Operation == "save":
		return opMemoryCreate
	case m != nil && m.Operation == "clear":
		return opMemoryDelete
	}
	return opMemorySearch
}

// placeOf returns the kind of the span of what may be done in this process or by
// a service that has an address.
func placeOf(info *callback.Info) trace.SpanKind {
	if info.Endpoint.Address != "" {
		return trace.SpanKindClient
	}
	return trace.SpanKindInternal
}

// outputType returns what a run makes that is given a text or a medium.
func outputType(info *callback.Info) string {
	_, text := info.Input.(string)
	switch {
	case info.Kind == callback.KindImage:
		return "image"
	case text:
		return "speech"
	}
	return "text"
}

func join(op, target string) string {
	if target == "" {
		return op
	}
	return op + " " + bounded(target, maxWord)
}

// describe adds what is known when the run starts. All of it is there for the
// sampler to see.
func (k kind) describe(a *attrs, c *config, info *callback.Info, o owner) {
	if k.op != "" {
		a.add(keyOperation.String(k.op))
	} else {
		a.add(keyRunKind.String(bounded(string(info.Kind), maxWord)))
	}
	switch info.Kind {
	case callback.KindLLM, callback.KindEmbedding:
		describeEndpoint(a, info)
		a.positive(keyResends, info.Resend)
		describeRequest(a, c, info, o)
	case callback.KindImage, callback.KindAudio:
		describeEndpoint(a, info)
		a.str(keyOutputType, outputType(info))
	case callback.KindTool:
		a.str(keyTool, info.Name)
		a.str(keyToolType, "function")
		a.text(keyToolDescription, info.Description, maxText)
		if call, ok := info.Input.(*callback.ToolCall); ok && call != nil {
			a.str(keyToolCallID, call.ID)
		}
	case callback.KindRetriever:
		describeService(a, info)
		a.str(keyDataSource, info.Name)
		if s, ok := info.Input.(*callback.Search); ok && s != nil && s.Limit > 0 {
			a.add(keyTopK.Float64(float64(s.Limit)))
		}
	case callback.KindAgent:
		describeService(a, info)
		a.str(keyRequestModel, info.Endpoint.Model)
		a.str(keyAgent, info.Name)
		a.text(keyAgentDescription, info.Description, maxText)
	case callback.KindChain:
		if k.op == opWorkflow {
			a.str(keyWorkflow, info.Name)
		}
	case callback.KindMemory:
		describeService(a, info)
		if m, ok := info.Input.(*callback.MemoryChange); ok && m != nil {
			switch k.op {
			case opMemoryDelete:
				a.positive(keyMemoryRecords, m.Messages)
			case opMemoryCreate, opMemoryUpsert:
				a.positive(keyMemoryRecords, m.Records)
			}
			a.str(keyMemoryStore, m.Store)
			if m.Messages >= 0 {
				a.int(keyMsgsBefore, m.Messages)
			}
			if m.Tokens >= 0 {
				a.int(keyMemoryBefore, m.Tokens)
			}
		}
	}
	a.str(keySession, o.session)
	if k.op != "" {
		a.str(keyConversation, o.session)
	}
	a.str(keyUser, o.user)
	a.strs(keyTags, info.Tags, maxWord)
	describeMetadata(a, info.Metadata)
}

// maxEntries bounds the metadata on a span: the SDK keeps 128 attributes, the
// first ones, and what a call used comes last.
const maxEntries = 32

// describeMetadata adds the entries of m, of too many the first by their names.
func describeMetadata(a *attrs, m map[string]any) {
	add := func(key string, v any) {
		if s, ok := v.(string); ok {
			v = cleanNamed(key, s)
		}
		a.any(attribute.Key(prefixMetadata+bounded(key, maxWord)), v)
	}
	if len(m) <= maxEntries {
		for key, v := range m {
			add(key, v)
		}
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m))[:maxEntries] {
		add(key, m[key])
	}
}

// describeService adds who does what may be done in this process too.
func describeService(a *attrs, info *callback.Info) {
	if info.Endpoint.Provider != "" || info.Endpoint.Address != "" {
		describeServer(a, &info.Endpoint)
	}
}

func describeServer(a *attrs, e *llm.Endpoint) {
	a.str(keyProvider, cmp.Or(e.Provider, "_OTHER"))
	if e.Address != "" {
		a.str(keyServerAddress, e.Address)
		a.int(keyServerPort, e.Port)
	}
}

func describeEndpoint(a *attrs, info *callback.Info) {
	e := &info.Endpoint
	describeServer(a, e)
	a.str(keyRequestModel, info.Model())
	if openAI(e.Provider) && e.API != llm.APICompletions {
		a.str(keyAPIType, e.API)
	}
}

// openAI reports whether openai.* attributes belong to the provider's spans.
func openAI(provider string) bool {
	return provider == "openai" || provider == "azure.ai.openai"
}
