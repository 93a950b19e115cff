package tracing

import (
	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// describeAsked adds what a model is asked for besides its settings. The
// program's own word on the session goes before what the provider keeps.
func describeAsked(a *attrs, info *callback.Info, o owner) {
	switch r := info.Input.(type) {
	case *llm.Request:
		if r == nil || info.Kind != callback.KindLLM {
			return
		}
		if o.session == "" {
			a.str(keyConversation, r.ConversationID)
		}
		a.str(keyPrevious, r.PreviousResponseID)
		if r.Format == nil { // which asks for JSON
			a.str(keyOutputType, r.OutputType)
		}
	case *llm.EmbedRequest:
		if r != nil && info.Kind == callback.KindEmbedding && r.EncodingFormat != "" {
			a.strs(keyEncodings, []string{r.EncodingFormat}, maxWord)
		}
	}
}
