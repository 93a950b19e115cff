package retrieval_test

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
)

// scripted is a model that gives the same answer to everything.
func scripted(answer string) llm.Model {
	return llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) { yield(llm.Chunk{Text: answer, Finish: "stop"}, nil) }
	})
}

// An answer from documents: find them, put them before the question, ask.
func Example() {
	ctx := context.Background()
	store := &retrieval.Store{Embedder: &bag{}, Options: retrieval.Options{Limit: 2}}
	if err := store.Add(ctx, flowers...); err != nil {
		fmt.Println(err)
		return
	}

	const question = "What do pink roses stand for?"
	docs, err := retrieval.Retrieve(ctx, store, question)
	if err != nil {
		fmt.Println(err)
		return
	}
	req := &llm.Request{Messages: []llm.Message{
		llm.System("Answer from the documents. If they do not tell, say so."),
		retrieval.Message(docs),
		llm.User(question),
	}}
	for i, m := range req.Messages {
		fmt.Printf("%s (%s): %s\n", m.Role, req.SourceOf(i, m.Parts[0]), m.Text())
	}
	answer, err := llm.Collect(callback.Model(scripted("Admiration and joy.")).Chat(ctx, req))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("=>", answer.Text())
	// Output:
	// system (system): Answer from the documents. If they do not tell, say so.
	// user (retrieved): Pink roses stand for admiration and joy.
	//
	// White lilies stand for peace, and their pollen stains.
	// user (input): What do pink roses stand for?
	// => Admiration and joy.
}

func ExampleStore() {
	ctx := context.Background()
	store := &retrieval.Store{Embedder: &bag{}}
	if err := store.Add(ctx, flowers...); err != nil {
		fmt.Println(err)
		return
	}
	docs, err := retrieval.Retrieve(ctx, store, "When is the shop open?")
	for _, d := range docs[:2] {
		fmt.Printf("%.2f %s\n", d.Score, d.Text)
	}
	fmt.Println(store.Len(), err)
	// Output:
	// 0.52 The shop is open from nine to six, on Sundays until noon.
	// 0.27 Delivery in the city is free for orders above forty euros.
	// 5 <nil>
}

// One store, searched in several ways.
func ExampleStore_With() {
	ctx := context.Background()
	store := &retrieval.Store{Embedder: &bag{}}
	if err := store.Add(ctx, flowers...); err != nil {
		fmt.Println(err)
		return
	}
	about := func(kind string) retrieval.Retriever {
		return store.With(retrieval.Options{Limit: 1, Filter: func(d llm.Document) bool { return d.Metadata["kind"] == kind }})
	}
	for _, kind := range []string{"flower", "shop"} {
		docs, err := retrieval.Retrieve(ctx, about(kind), "Are there white lilies when the shop is open?")
		fmt.Println(docs[0].ID, err)
	}
	// Output:
	// lilies <nil>
	// hours <nil>
}

// What was embedded once need not be embedded again.
func ExampleStore_Save() {
	ctx := context.Background()
	store := &retrieval.Store{Embedder: &bag{}}
	if err := store.Add(ctx, flowers...); err != nil {
		fmt.Println(err)
		return
	}
	var file strings.Builder
	if err := store.Save(&file); err != nil {
		fmt.Println(err)
		return
	}

	tomorrow := &retrieval.Store{Embedder: &bag{}}
	err := tomorrow.Load(strings.NewReader(file.String()))
	fmt.Println(tomorrow.Len(), err)
	// Output: 5 <nil>
}

func ExampleKeywords() {
	var shelf retrieval.Keywords
	shelf.Add(flowers...)
	shelf.Add(llm.Document{ID: "生日", Text: "粉色的玫瑰适合妹妹的生日。"})
	for _, query := range []string{"Which flowers come in spring?", "妹妹生日送什么花？"} {
		docs, err := retrieval.Retrieve(context.Background(), &shelf, query)
		fmt.Println(docs[0].ID, err)
	}
	// Output:
	// tulips <nil>
	// 生日 <nil>
}

func ExampleSplitter() {
	splitter := retrieval.Splitter{Size: 45, Overlap: 20}
	for _, piece := range splitter.Split("# Roses\n\nRoses need sun. They are thirsty. Water them in the morning, and never at noon.\n") {
		fmt.Printf("%q\n", piece)
	}
	// Output:
	// "# Roses\n\nRoses need sun. They are thirsty."
	// "They are thirsty. Water them in the morning,"
	// "in the morning, and never at noon."
}

func ExampleSplitter_Documents() {
	guide := llm.Document{ID: "roses.md", Text: "玫瑰要晒太阳。早上浇水。不要中午浇！", Metadata: map[string]string{"language": "zh"}}
	for _, d := range (retrieval.Splitter{Size: 12}).Documents(guide) {
		fmt.Println(d.ID, d.Text, d.Metadata["language"])
	}
	// Output:
	// roses.md#1 玫瑰要晒太阳。早上浇水。 zh
	// roses.md#2 不要中午浇！ zh
}

// Documents in the middle of a message keep their source.
func ExamplePart() {
	m := llm.Message{Role: llm.RoleUser, Parts: []llm.Part{
		{Text: "Answer from this:\n", Source: llm.SourceTemplate},
		retrieval.Part(flowers[:1]),
		{Text: "\nQuestion: joy?", Source: llm.SourceInput},
	}}
	fmt.Println(m.Text())
	// Output:
	// Answer from this:
	// Pink roses stand for admiration and joy.
	// Question: joy?
}
