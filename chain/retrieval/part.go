package retrieval

import (
	"strings"

	"github.com/callspan/callspan/llm"
)

// Part returns the texts of docs, with blank lines between them, as a part of a
// prompt that a trace shows as retrieved. Of no documents it is empty.
func Part(docs []llm.Document) llm.Part {
	texts := make([]string, len(docs))
	for i := range docs {
		texts[i] = docs[i].Text
	}
	return llm.Part{Text: strings.Join(texts, "\n\n"), Source: llm.SourceRetrieved}
}

// Message returns the texts of docs as a message to put before the question. It
// is a user's message and not one of the system's: what a document tells the
// model to do should weigh no more than what a user does.
func Message(docs []llm.Document) llm.Message {
	return llm.Message{Role: llm.RoleUser, Parts: []llm.Part{Part(docs)}}
}
