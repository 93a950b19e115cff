// Package prompt makes prompts of typed variables. A template belongs to the Go
// type of its variables: a name that the type lacks is an error when the
// template is made, and every part of the prompt knows where it comes from, so
// that a trace tells what the tokens were spent on.
//
//	type Order struct {
//		Occasion string
//		Catalog  []llm.Document // retrieved, by its type
//		History  []llm.Message
//	}
//
//	var florist = prompt.Must(prompt.NewChat[Order](
//		prompt.Named("florist"),
//		prompt.System("You sell flowers. Today is {today}. In stock:\n{catalog}"),
//		prompt.Placeholder("history"),
//		prompt.User("Which flowers suit a {occasion}?"),
//		prompt.Bind("today", func() string { return time.Now().Format(time.DateOnly) }),
//	))
//
//	messages, err := florist.Messages(Order{Occasion: "birthday", Catalog: found})
//
// # Variables
//
// T is one of
//
//   - a struct, or a pointer to one: each exported field is a variable, also the
//     fields of embedded structs. It is called as the field with its first
//     letter, or first capitals, in lower case (Number: number, ID: id, URLPath:
//     urlPath), or as its tag says. A template need not use all of them.
//   - one value, such as a string, a number or a []llm.Message: the template has
//     one variable, of any name.
//   - map[string]string or map[string]any, where names are known only at run
//     time: a name that is missing in the map, and one that the template does not
//     have, are errors when the prompt is made.
//
// A tag holds the name, the source and the separator of a list, all optional, in
// this order: `prompt:"kinds,source=retrieved,sep=, "`. A field tagged
// `prompt:"-"` is no variable.
//
// # Values
//
// A value is never read as a template, and passes unchanged, be it valid UTF-8
// or not.
//
//	string, []byte                as it is
//	fmt.Stringer, error           what String or Error returns
//	numbers, bool                 in decimal, floats as in JSON; true or false
//	slices and arrays of these    one element per line, or separated by sep
//	llm.Part, *llm.Media          a part of its own; slices without separator
//	llm.Document                  its text; slices with an empty line between
//	llm.Message                   a line of a transcript, "Human: hello"
//	List                          see there
//	pointers and interfaces       what they hold; nil is an error
//
// # Sources
//
// Literal text is [llm.SourceTemplate], in a system message [llm.SourceSystem].
// The source of a value is what its tag says, else what its type says
// (documents are [llm.SourceRetrieved], messages [llm.SourceHistory], bound
// values [llm.SourceTemplate]), else [llm.SourceInput], in a system message
// [llm.SourceSystem]. A [llm.Part] that names its source keeps it. In the form of
// text/template, what is computed from variables of one source has that source,
// and what is computed from several is input.
//
// # From LangChain
//
//	PromptTemplate.from_template           New
//	  template_format="jinja2"             NewGo
//	  input_variables                      the type T; Text.Variables
//	  format, invoke                       Text.Format, Text.Messages
//	  partial_variables, partial           Bind; Text.With
//	ChatPromptTemplate.from_messages       NewChat
//	  ("system", ...), ("human", ...)      System, User, Assistant, Message
//	MessagesPlaceholder                    Placeholder
//	FewShotPromptTemplate                  New with a List bound to a name
//	  example_prompt, examples             List.Template, List.Items
//	  prefix, suffix                       the text around the name
//	  example_separator                    List.Separator
//	FewShotChatMessagePromptTemplate       a List among the pieces of a chat
//	LengthBasedExampleSelector             List.MaxTokens and List.Count
//	other example selectors                a field of type List, filled by the caller
//	PipelinePromptTemplate                 Embed
//	document_prompt of a chain             a field of type List[llm.Document]
//
// Unlike there, names are checked when a template is made; a prompt that comes
// out blank is an error; braces hold a name alone, so that a template cannot
// reach into the attributes of a value; and a name that is bound can no longer
// be given.
package prompt
