package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// refusals are go-openai's errors for requests that it does not send.
var refusals = [...]error{
	openai.ErrChatCompletionInvalidModel, openai.ErrChatCompletionStreamNotSupported, openai.ErrContentFieldsMisused,
	openai.ErrCompletionUnsupportedModel, openai.ErrCompletionStreamNotSupported, openai.ErrCompletionRequestPromptTypeNotSupported,
	openai.ErrResponseStreamNotSupported, openai.ErrModerationInvalidModel,
	openai.ErrReasoningEffortUnsupported, openai.ErrReasoningToolsRequireResponses, openai.ErrReasoningSamplingUnsupported,
	openai.ErrReasoningModelMaxTokensDeprecated, openai.ErrReasoningModelLimitationsLogprobs, openai.ErrReasoningModelLimitationsOther,
}

// A refusal is an error of a request that was not sent.
type refusal struct{ error }

func (e refusal) Unwrap() error   { return e.error }
func (refusal) ErrorType() string { return "invalid_request" }

// sentError returns what a run says of an error that go-openai returned for a
// request.
func sentError(err error) error { return refusedError(err, nil) }

// refusedError is sentError where the response's header may be known.
func refusedError(err error, header http.Header) error {
	for _, known := range refusals {
		if errors.Is(err, known) {
			return refusal{err}
		}
	}
	return convertError(err, &tap{header: header})
}

// wholeError returns what a run says of an error in place of an answer in one
// piece. The decoder has read a body up to its end where it finds too little.
func wholeError(err error, header http.Header) error {
	var status *openai.RequestError // may hold the decoder's
	switch {
	case errors.As(err, &status):
	case err == io.EOF:
		return fmt.Errorf("%w: %w", llm.ErrEmpty, err)
	case err == io.ErrUnexpectedEOF || undecoded(err):
		return fmt.Errorf("%w: %w", llm.ErrMalformed, err)
	}
	return refusedError(err, header)
}

// headerOf returns the header of the response that go-openai's value was read
// from, or was to be: of an answer in one piece it is there beside an error too.
func headerOf(resp any) http.Header {
	if r, ok := resp.(interface{ Header() http.Header }); ok {
		return r.Header()
	}
	return nil
}

// undecoded reports whether err is the JSON decoder's.
func undecoded(err error) bool {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &typed)
}

// A readerState is what go-openai's reader of a stream knows and does not tell.
type readerState struct {
	known bool   // go-openai is as it is looked at here
	done  bool   // [DONE] has come, where io.EOF may also be the connection's end
	other []byte // the lines that held no data, and the error after them
}

// stateOf looks at the reader of a stream, which must not be in use. It reads
// two unexported fields: the end of a stream is the same without them, but an
// answer that was cut would look like one that is whole where the server names
// no finish reasons, and the API's words would be lost where go-openai fails to
// read them. A release of go-openai without the fields costs this, and nothing
// else.
func stateOf(stream any) (s readerState) {
	defer func() {
		if recover() != nil {
			s = readerState{}
		}
	}()
	r := reflect.ValueOf(stream).Elem().Field(0).Elem()
	s.done = r.FieldByName("isFinished").Bool()
	buffer := r.FieldByName("errAccumulator").Elem().Elem().FieldByName("Buffer").Elem().Elem()
	s.other = buffer.FieldByName("buf").Bytes()
	s.known = true
	return s
}

// failure returns the error of the API among the lines, if any.
func (s *readerState) failure() error {
	if i := bytes.IndexByte(s.other, '{'); i >= 0 {
		return errorBody(s.other[i:])
	}
	return nil
}
