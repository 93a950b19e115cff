// Package retrieval finds texts that a prompt should carry.
//
//	store := &retrieval.Store{Embedder: embedder}
//	pieces := retrieval.Splitter{Size: 1000}.Documents(llm.Document{ID: "roses.md", Text: text})
//	if err := store.Add(ctx, pieces...); err != nil {
//		return err
//	}
//	docs, err := retrieval.Retrieve(ctx, store, "Which roses smell?")
//	if err != nil {
//		return err
//	}
//	for chunk, err := range model.Chat(ctx, &llm.Request{Messages: []llm.Message{
//		llm.System("Answer from the documents."),
//		retrieval.Message(docs), // the tokens of which a trace shows as retrieved
//		llm.User("Which roses smell?"),
//	}}) {
//		...
//	}
//
// [Retrieve] announces a search as a run, whatever the [Retriever]: its span has
// the ids and scores of what was found, and below it the call that embedded the
// query.
//
// A [Store] is LangChain's InMemoryVectorStore, [Store.With] its as_retriever,
// [Options] its search_kwargs, [Splitter] its RecursiveCharacterTextSplitter,
// [Keywords] its BM25Retriever. Unlike there, vectors lie in one array and are
// normalized once, so that a search is some milliseconds for 10,000 documents
// and allocates nothing for each; embedding calls appear in traces and totals;
// what is in the store already is not paid for again; and the splitter knows the
// ends of sentences, and of Chinese ones, and its Overlap is there even where a
// paragraph ends.
package retrieval
