package doortest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm"
)

// truth returns what a run has to say that meets the expectation.
func truth(e *standin.Expectation) Truth {
	w := Truth{Text: e.Text, Grows: e.Grows, Finish: e.Finish, Error: e.Error, Message: e.Message, Retry: e.Retry, Usage: e.Usage, Waits: e.Waits,
		Late: e.Late, Vectors: e.Vectors}
	if w.Finish == "error" {
		w.Finish = "" // the span's word for none
	}
	if e.Answer != nil { // which Door.Truth may change
		a := *e.Answer
		a.Choices = slices.Clone(a.Choices)
		if a.Usage != nil {
			u := *a.Usage
			a.Usage = &u
		}
		w.Answer = &a
	}
	return w
}

// fault says what is wrong with the end of a run, if anything.
func (w *Truth) fault(end *callback.Result) string {
	var got Truth
	if end.Response != nil {
		got.Text = end.Response.Text()
		if len(end.Response.Choices) > 0 {
			got.Finish = strings.TrimPrefix(end.Response.Choices[0].Finish, "error") // says no more than the error
		}
	}
	got.Error, got.Usage, got.Stopped = callback.ErrorType(end.Err), string(end.UsageSource), end.Stopped
	if res, ok := end.Output.(*llm.EmbedResponse); ok && res != nil {
		got.Vectors = len(res.Vectors)
	}
	text := got.Text == w.Text || w.Grows && got.Text != ""
	if !text || got.Finish != w.Finish || got.Error != w.Error || got.Usage != w.Usage || got.Stopped != w.Stopped || got.Vectors != w.Vectors {
		return fmt.Sprintf("the run says %.99q, finish %q, error %q (%v), usage %q, stopped %v, %d vectors\nwant %.99q, %q, %q, %q, %v, %d",
			got.Text, got.Finish, got.Error, end.Err, got.Usage, got.Stopped, got.Vectors, w.Text, w.Finish, w.Error, w.Usage, w.Stopped, w.Vectors)
	}
	if w.Late > 0 && end.FirstToken < w.Late {
		return fmt.Sprintf("the run says that the first content came after %v, which is before %v", end.FirstToken, w.Late)
	}
	if fault := w.answered(end); fault != "" {
		return fault
	}
	var api *llm.Error
	switch {
	case w.Error != "" && w.Message != "" && !strings.Contains(end.Err.Error(), w.Message):
		return fmt.Sprintf("the run's error %v does not say %q", end.Err, w.Message)
	case w.Retry != 0 && (!errors.As(end.Err, &api) || api.RetryAfter != w.Retry):
		return fmt.Sprintf("the run's error %#v does not say to retry after %v", end.Err, w.Retry)
	}
	return ""
}

// answered says what is wrong with the answer of a run besides its text and
// finish reason, if anything.
func (w *Truth) answered(end *callback.Result) string {
	got := &llm.Response{}
	if end.Response != nil {
		got = end.Response
	}
	want := w.Answer
	if want == nil {
		if len(got.Choices) > 1 && !w.Grows {
			return fmt.Sprintf("the run says %d choices came, want one", len(got.Choices))
		}
		return ""
	}
	switch {
	case len(got.Choices)+len(want.Choices) > 0 && !reflect.DeepEqual(got.Choices, want.Choices):
		return fmt.Sprintf("the run says that %.999s came\nwant %.999s", fmt.Sprintf("%+v", got.Choices), fmt.Sprintf("%+v", want.Choices))
	case want.Usage != nil && (end.Usage == nil || *end.Usage != *want.Usage):
		return fmt.Sprintf("the run says the usage is %+v, want %+v", end.Usage, *want.Usage)
	case want.ServiceTier != "" && got.ServiceTier != want.ServiceTier:
		return fmt.Sprintf("the run says the service tier is %q, want %q", got.ServiceTier, want.ServiceTier)
	case want.Cost != "" && (!end.CostReported || end.Cost.String() != want.Cost):
		return fmt.Sprintf("the run says the cost is %v, reported %v, want %s", end.Cost, end.CostReported, want.Cost)
	}
	return ""
}
