package tracing

import (
	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// describeAsked adds what a model is asked for that depends on more than the
// request. The program's own word on the session goes before what the provider
// keeps.
func describeAsked(a *attrs, info *callback.Info, o owner) {
	r, ok := info.Input.(*llm.Request)
	if !ok || r == nil || info.Kind != callback.KindLLM {
		return
	}
	if o.session == "" {
		a.str(keyConversation, r.ConversationID)
	}
	a.str(keyPrevious, r.PreviousResponseID)
	if r.Format == nil { // which asks for JSON
		a.str(keyOutputType, r.OutputType)
	}
}
