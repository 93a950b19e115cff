package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A run is one span. The callback core calls it from one goroutine at a time.
// [Tracer.Shutdown] may end it from another one, for which done decides who
// ends it and the token logs publish what they hold.
type run struct {
	tracer    *Tracer
	ctx       context.Context // with the span
	kind      kind
	info      *callback.Info
	span      trace.Span
	recording bool

	done   atomic.Bool
	events atomic.Int32 // events on the span that are not tokens

	mu   sync.Mutex  // guards the slice for Shutdown; it grows rarely
	logs []*tokenLog // one for each choice, nearly always one
}

// A modelRun is the run of a model: it also sees tokens.
type modelRun struct{ *run }

// Token notes the time of c. The span learns of it when it ends.
func (r modelRun) Token(c llm.Chunk) {
	if !r.recording || !c.HasContent() {
		return
	}
	offset := time.Since(r.info.Started)
	choice := min(c.Choice, maxChoice)
	for _, l := range r.logs {
		if l.choice == choice {
			l.add(offset, &c, r.tracer.eventText)
			return
		}
	}
	l := newTokenLog(choice)
	l.add(offset, &c, r.tracer.eventText)
	r.mu.Lock()
	r.logs = append(r.logs, l)
	r.mu.Unlock()
}

// maxChoice is the last choice that has a log of its own. No API gives more.
const maxChoice = 127

// Event adds e to the span. What it carries is content, except for figures and
// the headers of a request, which become attributes.
func (r *run) Event(e callback.Event) {
	if !r.recording || r.done.Load() {
		return
	}
	var a attrs
	a.str(keyEventName, e.Name)
	switch v := e.Data.(type) {
	case nil:
	case int, int64, float64, bool, time.Duration:
		a.any(keyEventData, v)
	case callback.Attempt:
		a.int(keyAttempt, v.Number)
		a.add(keyWait.Float64(v.Wait.Seconds()))
		if v.Err != nil {
			a.str(keyErrorType, lowCardinality(callback.ErrorType(v.Err)))
			a.add(keyExceptionMessage.String(r.tracer.conf.errorText(v.Err)))
		}
	case llm.ToolCall:
		a.str(keyTool, v.Name)
		a.str(keyToolCallID, v.ID)
	case headers:
		r.tracer.conf.describeHeaders(r.span, v)
		return
	case http.Header, *http.Request, *http.Response: // they hold credentials
	default:
		if want := eventContent(e.Kind); r.tracer.conf.content&want == want {
			c := recorder{config: r.tracer.conf}
			c.attribute(&a, keyEventData, c.text(fmt.Sprint(v)))
		}
	}
	r.span.AddEvent(clean(string(e.Kind)), trace.WithAttributes(a...))
	r.events.Add(1)
}

// End closes the span with what the run came to.
func (r *run) End(res *callback.Result) {
	if !r.end(res, r.logs) {
		return
	}
	r.mu.Lock() // Shutdown may be looking at them
	defer r.mu.Unlock()
	for _, l := range r.logs {
		l.release()
	}
	r.logs = nil
}

// abandon closes the span of a run that is still going on. The run's goroutine
// may be adding tokens meanwhile; those that are published are kept.
func (r *run) abandon(res *callback.Result) {
	r.mu.Lock()
	logs := make([]*tokenLog, len(r.logs))
	for i, l := range r.logs {
		logs[i] = l.published()
	}
	r.mu.Unlock()
	r.end(res, logs)
}

// end reports whether it was the one to end the span.
func (r *run) end(res *callback.Result, logs []*tokenLog) bool {
	if !r.done.CompareAndSwap(false, true) {
		return false
	}
	r.tracer.mu.Lock()
	delete(r.tracer.open, r)
	r.tracer.mu.Unlock()
	defer r.span.End(trace.WithTimestamp(res.Ended)) // also if the user's code panics below

	errType := lowCardinality(callback.ErrorType(res.Err))
	if r.kind.model {
		r.tracer.meter.record(r.ctx, r.info, res, r.kind.op, errType)
	}
	if r.recording {
		r.finish(res, errType, logs)
	}
	return true
}

func (r *run) finish(res *callback.Result, errType string, logs []*tokenLog) {
	buf := attrBuffers.Get().(*[]attribute.KeyValue)
	a := attrs((*buf)[:0])
	if r.kind.model {
		r.describeResponse(&a, res)
		describeUsage(&a, r.kind.op, res)
		r.describeStream(&a, res, logs)
	}
	below := res.Total.Calls + res.Total.Open
	if r.info.Kind == callback.KindModeration {
		below-- // itself
	}
	if r.kind.total || !r.kind.model && below > 0 ||
		r.kind.model && res.Usage == nil && res.Total.Calls > 1 {
		describeTotal(&a, &res.Total)
	}
	describeOutput(&a, r.info.Kind, res)
	if res.Stopped {
		a.add(keyStopped.Bool(true))
	}
	if r.tracer.conf.content != ContentOff {
		r.tracer.describeContent(&a, r.info, res)
	}
	if res.Err != nil {
		a.str(keyErrorType, errType)
	}
	r.span.SetAttributes(a...)
	*buf = a[:0]
	attrBuffers.Put(buf)

	others := int(r.events.Load())
	if res.Err != nil {
		others++
	}
	for _, l := range logs {
		l.redact(r.tracer.conf.scrub)
	}
	r.tracer.conf.events.addEvents(r.span, r.info.Started, logs, others, r.tracer.conf.limits)
	if res.Err != nil {
		r.fail(res)
	}
}

// fail marks the span as failed and adds the exception, which is what the
// Jaeger UI shows.
func (r *run) fail(res *callback.Result) {
	msg := r.tracer.conf.errorText(res.Err)
	r.span.SetStatus(codes.Error, msg)
	a := attrs{keyExceptionType.String(exceptionType(res.Err)), keyExceptionMessage.String(msg)}
	var p *callback.PanicError
	if errors.As(res.Err, &p) {
		a.str(keyExceptionStack, string(p.Stack))
	}
	r.span.AddEvent(eventException, trace.WithTimestamp(res.Ended), trace.WithAttributes(a...))
}

// exceptionType returns the type of the first error in the chain that a program
// could name, else the error type.
func exceptionType(err error) string {
	for e := err; e != nil; e = errors.Unwrap(e) {
		t := reflect.TypeOf(e)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if r, _ := utf8.DecodeRuneInString(t.Name()); unicode.IsUpper(r) && t.String() != "url.Error" {
			return reflect.TypeOf(e).String()
		}
	}
	return callback.ErrorType(err)
}

// secrets matches what could be an API key, more than [RedactKeys] does: in the
// words of a provider it is better to lose a word. Providers mask keys in their
// messages, gateways and proxies do not always.
var secrets = regexp.MustCompile(`(?i)\b(?:bearer\s+\S{8,}|(?:sk|pk|gsk|xai|pplx|rk|key)-[A-Za-z0-9_\-]{8,}|AIza[A-Za-z0-9_\-]{30,})`)

// word is what an error type may look like: one of few values, not a message.
var word = regexp.MustCompile(`^[A-Za-z0-9_.:/\-]{1,64}$`)

// lowCardinality returns t if it can be the value of error.type.
func lowCardinality(t string) string {
	if t == "" || word.MatchString(t) && !secrets.MatchString(t) && RedactKeys(t) == t {
		return t
	}
	return "_OTHER"
}

const maxErrorText = 2048

// errorText returns what err says, redacted: it may quote what was asked.
func (c *config) errorText(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("%T, whose text cannot be had", err)
		}
	}()
	msg := err.Error()
	if msg == "" {
		msg = callback.ErrorType(err)
	}
	return cut(c.scrub(secrets.ReplaceAllString(valid(msg), "[key]")), maxErrorText)
}

func (r *run) describeResponse(a *attrs, res *callback.Result) {
	resp := res.Response
	if resp == nil {
		return
	}
	a.str(keyResponseID, resp.ID)
	a.str(keyResponseModel, resp.Model)
	if openAI(r.info.Endpoint.Provider) {
		a.str(keyResponseTier, resp.ServiceTier)
		a.str(keyFingerprint, resp.SystemFingerprint)
	}
	a.strs(keyFinishReasons, finishReasons(resp, res.Err != nil || res.Stopped))
}

// finishReasons returns one reason per choice. Where one was due and never
// came, it is "error".
func finishReasons(resp *llm.Response, broken bool) []string {
	reasons := make([]string, len(resp.Choices))
	known := false
	for i := range resp.Choices {
		reasons[i] = resp.Choices[i].Finish
		if reasons[i] == "" {
			reasons[i] = "error"
		} else {
			known = true
		}
	}
	if !known && !broken {
		return nil // a model that does not give reasons
	}
	return reasons
}

func describeUsage(a *attrs, op string, res *callback.Result) {
	defer describeCost(a, op, res)
	u := res.Usage
	if u == nil {
		return
	}
	if tokens(op, u) {
		a.int(keyInputTokens, u.Input)
		if op != opEmbeddings {
			a.int(keyOutputTokens, u.Output)
		}
	}
	a.positive(keyCacheRead, u.CacheRead)
	a.positive(keyCacheWrite, u.CacheWrite)
	a.positive(keyReasoning, u.Reasoning)
	a.positive(keyAudioInput, u.AudioInput)
	a.positive(keyAudioOutput, u.AudioOutput)
	a.positive(keyAccepted, u.AcceptedPrediction)
	a.positive(keyRejected, u.RejectedPrediction)
	a.positive(keyImages, u.Images)
	if res.UsageSource == llm.UsageEstimated {
		a.str(keyUsageSource, string(res.UsageSource))
	}
	describeMakeup(a, prefixPrompt, &res.Makeup)
}

// tokens reports whether u counts tokens: images and audio may be billed by
// other things.
func tokens(op string, u *llm.Usage) bool {
	return op != opGenerate || u.Total() > 0
}

func describeCost(a *attrs, op string, res *callback.Result) {
	switch {
	case res.Priced:
		a.add(keyCost.Float64(res.Cost.USD()))
		if res.CostReported {
			a.str(keyCostSource, "provider")
		}
	case res.Usage != nil, op == opGenerate && res.Err == nil && !res.Stopped:
		a.add(keyUnpriced.Bool(true)) // sound is billed by its length, which nothing reports
	}
}

// Keys of the prompt's make-up, made once.
var makeupKeys = func() map[string][]attribute.Key {
	m := map[string][]attribute.Key{}
	for _, prefix := range []string{prefixPrompt, prefixTotalPrompt} {
		for _, s := range llm.Sources() {
			m[prefix] = append(m[prefix], attribute.Key(prefix+s.String()+suffixTokens))
		}
	}
	return m
}()

func describeMakeup(a *attrs, prefix string, m *llm.Makeup) {
	for i, s := range llm.Sources() {
		a.positive(makeupKeys[prefix][i], m[s])
	}
}

func (r *run) describeStream(a *attrs, res *callback.Result, logs []*tokenLog) {
	req, ok := r.info.Input.(*llm.Request)
	if !ok || req == nil || !req.Stream || res.FirstToken <= 0 {
		return
	}
	a.add(keyFirstChunk.Float64(res.FirstToken.Seconds()))
	a.int(keyChunks, res.Tokens)
	spread, stall := pace(logs)
	if res.Tokens > 1 {
		a.add(keyLongestStall.Float64(stall.Seconds()))
	}
	if res.Usage == nil {
		return
	}
	if n := res.Usage.Output - hiddenReasoning(res); n > 1 && spread > 0 {
		a.add(keyTokensSecond.Float64(float64(n-1) / spread.Seconds()))
	}
}

// hiddenReasoning returns the reasoning tokens that were used but not streamed.
func hiddenReasoning(res *callback.Result) int {
	if res.Response != nil {
		for i := range res.Response.Choices {
			if res.Response.Choices[i].Reasoning != "" {
				return 0
			}
		}
	}
	return res.Usage.Reasoning
}

func describeTotal(a *attrs, t *callback.Total) {
	a.int(keyTotalCalls, t.Calls)
	a.int(keyTotalInput, t.Usage.Input)
	a.int(keyTotalOutput, t.Usage.Output)
	a.positive(keyTotalCached, t.Usage.CacheRead)
	a.positive(keyTotalReason, t.Usage.Reasoning)
	if t.Unpriced < t.Calls || t.Calls == 0 {
		a.add(keyTotalCost.Float64(t.Cost.USD()))
	}
	a.positive(keyTotalFailed, t.Failed)
	a.positive(keyTotalRefused, t.Refused)
	a.positive(keyTotalEstimate, t.Estimated)
	a.positive(keyTotalUnpriced, t.Unpriced)
	a.positive(keyTotalOpen, t.Open)
	describeMakeup(a, prefixTotalPrompt, &t.Makeup)
}
