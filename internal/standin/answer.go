package standin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

const fingerprint = "fp_34a54ae93c"

// An answer makes the ordinary script of one request: OpenAI's frames, or its
// body.
type answer struct {
	req     *Request
	id      string
	created int64
	model   string
	text    bool // of a text completion
	events  bool // of the responses API
	pace    Pace
	choices []pieces
	usage   Usage
	script  Script
}

// pieces is one choice, cut into what becomes chunks.
type pieces struct {
	Choice
	reasoning, text, refusal []string
	arguments                [][]string // per tool call
	thought                  int        // reasoning tokens, shown or not
	tokens                   int        // all of them
	finish                   string
}

// answer returns the script that answers req, and the usage it reports.
func (a *API) answer(ctx context.Context, req *Request, model string) (Script, Usage) {
	reply, err := a.reply(ctx, req)
	if err != nil {
		var f *Failure
		if !errors.As(err, &f) {
			f = &Failure{Status: http.StatusInternalServerError, Type: "server_error", Message: err.Error()}
		}
		return f.script(), Usage{}
	}
	an := &answer{req: req, id: "chatcmpl-" + randomText(29), created: time.Now().Unix(), model: model, pace: a.Pace}
	switch req.Path {
	case pathCompletions:
		an.text, an.id = true, "cmpl-"+randomText(29)
	case pathResponses:
		an.events, an.id = true, "resp_"+randomText(48)
		req.Choices = 1
	}
	for i := range req.Choices {
		c := Choice{}
		if len(reply.Choices) > 0 {
			c = reply.Choices[i%len(reply.Choices)]
		}
		an.choices = append(an.choices, a.cut(req, model, c))
	}
	an.usage = a.usage(req, model, an.choices)
	if reply.Usage != nil {
		an.usage = *reply.Usage
	}
	switch {
	case an.events && req.Stream:
		an.responseEvents()
	case an.events:
		an.responseBody()
	case req.Stream:
		an.stream()
	default:
		an.body()
	}
	return an.script, an.usage
}

func (a *API) reply(ctx context.Context, req *Request) (Reply, error) {
	if a.Reply == nil {
		return Text("You said: " + req.LastUser()), nil
	}
	return a.Reply(ctx, req)
}

// defaultTokens is how long a text completion is that says nothing else
// (https://platform.openai.com/docs/api-reference/completions/create).
const defaultTokens = 16

// cut splits c into tokens, as many as the request allows.
func (a *API) cut(req *Request, model string, c Choice) pieces {
	p := pieces{Choice: c, finish: cmp.Or(c.Finish, "stop"), thought: c.HiddenReasoning, tokens: c.HiddenReasoning}
	if len(c.ToolCalls) > 0 {
		p.finish = cmp.Or(c.Finish, "tool_calls")
	}
	limit := req.MaxTokens
	if limit == 0 && req.Path == pathCompletions {
		limit = defaultTokens
	}
	limited := func(text string) []string {
		tokens := a.split(model, text)
		if left := limit - p.tokens; limit > 0 && len(tokens) > left {
			tokens = tokens[:max(left, 0)]
			p.finish = "length"
		}
		p.tokens += len(tokens)
		return tokens
	}
	p.reasoning = limited(c.Reasoning)
	p.thought += len(p.reasoning)
	p.text, p.refusal = limited(c.Text), limited(c.Refusal)
	p.ToolCalls = append([]ToolCall(nil), c.ToolCalls...)
	for i := range p.ToolCalls {
		t := &p.ToolCalls[i]
		t.ID = cmp.Or(t.ID, "call_"+randomText(24))
		p.tokens += len(a.split(model, t.Name))
		p.arguments = append(p.arguments, whole(limited(t.Arguments)))
	}
	p.reasoning, p.text, p.refusal = whole(p.reasoning), whole(p.text), whole(p.refusal)
	return p
}

func (a *API) usage(req *Request, model string, choices []pieces) Usage {
	u := Usage{Prompt: a.countPrompt(req)}
	u.Cached = a.cached(req, model, u.Prompt)
	for _, c := range choices {
		u.Completion += c.tokens
		u.Reasoning += c.thought
	}
	return u
}

// head returns the step that opens a response with the given content type.
func (an *answer) head(contentType string) Step {
	return Step{part: PartHead, Status: http.StatusOK, Header: map[string]string{
		"Content-Type":   contentType,
		"X-Request-Id":   "req_" + randomText(32),
		"Openai-Version": "2020-10-01",
	}}
}

// body is the answer in one piece, sent when the last token would have been.
func (an *answer) body() {
	var out any
	if an.text {
		out = an.textBody()
	} else {
		out = an.chatBody()
	}
	head := an.head(typeJSON)
	head.Wait = an.pace.FirstToken + time.Duration(max(an.usage.Completion-1, 0))*an.pace.interval()
	an.script = Script{head, {part: PartBody, reports: true, Raw: marshal(out) + "\n"}}
}

func (an *answer) chatBody() any {
	out := completion{ID: an.id, Object: "chat.completion", Created: an.created, Model: an.model,
		Usage: wireUsage(an.usage), ServiceTier: "default", SystemFingerprint: fingerprint}
	for i, c := range an.choices {
		out.Choices = append(out.Choices, c.message(i))
	}
	return out
}

// stream is the answer in frames. The choices take turns.
func (an *answer) stream() {
	an.script = Script{an.head(typeStream)}
	queues := make([][]any, len(an.choices))
	for i, c := range an.choices {
		if an.text {
			queues[i] = c.texts()
			continue
		}
		an.frame(PartRole, 0, i, c.opening(), nil)
		queues[i] = c.deltas()
	}
	open := len(queues)
	for turn := 0; open > 0; turn++ {
		wait := an.pace.interval()
		if turn == 0 {
			wait = an.pace.FirstToken
		}
		for i, q := range queues {
			switch {
			case turn < len(q):
				an.frame(PartContent, wait, i, q[turn], nil)
				wait = 0
			case turn == len(q):
				an.frame(PartFinish, 0, i, struct{}{}, &an.choices[i].finish)
				open--
			}
		}
	}
	if an.req.IncludeUsage {
		an.add(PartUsage, 0, marshal(an.chunk([]any{}, an.wireUsage())))
	}
	an.add(PartDone, 0, "[DONE]")
}

// frame adds a frame with a delta of choice i, which for a text completion is
// its text.
func (an *answer) frame(part Part, wait time.Duration, i int, delta any, finish *string) {
	var usage any // absent, or null where the last frame will bring one
	if an.req.IncludeUsage {
		usage = json.RawMessage("null")
	}
	var c any = choiceFrame{Index: i, Delta: delta, FinishReason: finish}
	if an.text {
		text, _ := delta.(string)
		c = textChoice{Text: text, Index: i, FinishReason: finish}
	}
	an.add(part, wait, marshal(an.chunk([]any{c}, usage)))
}

func (an *answer) add(part Part, wait time.Duration, frame string) {
	an.script = append(an.script, Step{part: part, reports: part == PartUsage, Wait: wait, Frame: frame})
}

// marshal writes v as JSON without escaping what HTML would need.
func marshal(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // the wire types always marshal
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// randomText returns n letters and digits, as ids are made of.
func randomText(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
