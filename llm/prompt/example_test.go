package prompt_test

import (
	"fmt"
	"strings"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// One variable needs no struct.
func ExampleNew() {
	sum := prompt.Must(prompt.New[int]("1 + {number} = "))
	text, err := sum.Format(2)
	fmt.Printf("%q %v\n", text, err)
	fmt.Printf("%q\n", sum)

	_, err = prompt.New[Bouquet]("{count} {kindd} for {occasion}")
	fmt.Println(err)
	// Output:
	// "1 + 2 = " <nil>
	// "1 + {number} = "
	// prompt "{count} {kindd} for {occasion}": unknown variable {kindd} at 1:9; prompt_test.Bouquet has occasion, kinds, count
}

type Bouquet struct {
	Occasion string
	Kinds    []string `prompt:"kinds,sep=, "`
	Count    int
}

func ExampleNewGo() {
	order := prompt.Must(prompt.NewGo[Bouquet](
		`{{.Count}} {{if eq .Count 1}}flower{{else}}flowers{{end}} for a {{.Occasion}}: {{.Kinds}}`))
	text, err := order.Format(Bouquet{"birthday", []string{"rose", "lily"}, 2})
	fmt.Println(text, err)
	// Output: 2 flowers for a birthday: rose, lily <nil>
}

// Each part of a prompt says where it comes from.
func ExampleText_Parts() {
	type Question struct {
		Docs  []llm.Document
		Asked string
	}
	answer := prompt.Must(prompt.New[Question]("Answer from these:\n{docs}\n\nQuestion: {asked}"))
	parts, err := answer.Parts(Question{
		Docs:  []llm.Document{{ID: "7", Text: "Roses are in stock."}, {ID: "9", Text: "Lilies come on Monday."}},
		Asked: "Any roses?",
	})
	for _, p := range parts {
		fmt.Printf("%-9s %q\n", p.Source, p.Text)
	}
	fmt.Println(err)
	// Output:
	// template  "Answer from these:\n"
	// retrieved "Roses are in stock."
	// template  "\n\n"
	// retrieved "Lilies come on Monday."
	// template  "\n\nQuestion: "
	// input     "Any roses?"
	// <nil>
}

func ExampleNewChat() {
	type Turn struct {
		History []llm.Message
		Input   string
	}
	florist := prompt.Must(prompt.NewChat[Turn](
		prompt.System("You sell flowers."),
		prompt.Placeholder("history"),
		prompt.User("{input}"),
	))
	messages, err := florist.Messages(Turn{
		History: []llm.Message{llm.User("My sister likes pink roses."), llm.Assistant("A lovely choice.")},
		Input:   "Do you remember why I came?",
	})
	for _, m := range messages {
		fmt.Printf("%-9s %-8s %s\n", m.Role, m.Parts[0].Source, m.Text())
	}
	fmt.Println(err)
	fmt.Println(florist)
	// Output:
	// system    system   You sell flowers.
	// user      history  My sister likes pink roses.
	// assistant history  A lovely choice.
	// user      input    Do you remember why I came?
	// <nil>
	// System: You sell flowers.
	// {history}
	// Human: {input}
}

// A bound name is settled early, by a value or by a function that is called for
// each prompt.
func ExampleBind() {
	day := "Monday"
	greeting := prompt.Must(prompt.New[string]("{shop} on {day}: {question}",
		prompt.Bind("shop", "Rose & Co"),
		prompt.Bind("day", func() string { return day }),
	))
	fmt.Println(greeting.Variables())
	for _, day = range []string{"Tuesday", "Wednesday"} {
		fmt.Println(greeting.Format("Any lilies?"))
	}
	// Output:
	// [question]
	// Rose & Co on Tuesday: Any lilies? <nil>
	// Rose & Co on Wednesday: Any lilies? <nil>
}

func ExampleText_With() {
	type Wish struct{ Tone, Name string }
	wish := prompt.Must(prompt.New[Wish]("Wish {name} a happy birthday in a {tone} tone."))
	warm := prompt.Must(wish.With(prompt.Bind("tone", "warm")))
	fmt.Println(warm.Variables())
	fmt.Println(warm.Format(Wish{Name: "Anna"}))
	// Output:
	// [name]
	// Wish Anna a happy birthday in a warm tone. <nil>
}

// Templates are composed of texts under names.
func ExampleEmbed() {
	type Question struct{ Persona, Asked string }
	whole := prompt.Must(prompt.New[Question]("{intro}\n\nQ: {asked}\nA:",
		prompt.Embed("intro", "You are {persona}. {rules}"),
		prompt.Embed("rules", "Answer in one sentence."),
	))
	text, err := whole.Format(Question{"a florist", "Which flower is red?"})
	fmt.Println(text, err)

	_, err = prompt.New[Question]("{intro} {asked}",
		prompt.Named("shop"),
		prompt.Embed("intro", "Read {rules}"),
		prompt.Embed("rules", "after {intro}"),
	)
	fmt.Println(err)
	// Output:
	// You are a florist. Answer in one sentence.
	//
	// Q: Which flower is red?
	// A: <nil>
	// prompt "shop": template cycle: intro -> rules -> intro; a template cannot embed itself
}

type Pair struct{ Word, Antonym string }

var pairs = []Pair{{"tall", "short"}, {"happy", "sad"}, {"light", "dark"}}

// Few-shot: examples, each written by a template of their type.
func ExampleList() {
	antonym := prompt.Must(prompt.New[string]("Give the antonym.\n\n{examples}\n\nWord: {word}\nAntonym:",
		prompt.Bind("examples", prompt.List[Pair]{
			Template:  prompt.Must(prompt.New[Pair]("Word: {word}\nAntonym: {antonym}")),
			Items:     pairs,
			MaxTokens: 8, // two of them fit
			Count:     func(text string) int { return len(strings.Fields(text)) },
		}),
	))
	text, err := antonym.Format("big")
	fmt.Println(text, err)
	// Output:
	// Give the antonym.
	//
	// Word: tall
	// Antonym: short
	//
	// Word: happy
	// Antonym: sad
	//
	// Word: big
	// Antonym: <nil>
}

// Few-shot in a chat: what was asked and answered before.
func ExampleList_chat() {
	antonym := prompt.Must(prompt.NewChat[string](
		prompt.System("Give the antonym."),
		prompt.List[Pair]{
			Template: prompt.Must(prompt.NewChat[Pair](prompt.User("{word}"), prompt.Assistant("{antonym}"))),
			Items:    pairs[:2],
		},
		prompt.User("{word}"),
	))
	messages, err := antonym.Messages("big")
	for _, m := range messages {
		fmt.Printf("%-9s %-8s %s\n", m.Role, m.Parts[0].Source, m.Text())
	}
	fmt.Println(err)
	// Output:
	// system    system   Give the antonym.
	// user      template tall
	// assistant template short
	// user      template happy
	// assistant template sad
	// user      input    big
	// <nil>
}

// Documents with their numbers, as many as fit.
func ExampleList_documents() {
	type Question struct {
		Docs  prompt.List[llm.Document]
		Asked string
	}
	document := prompt.Must(prompt.New[llm.Document]("[{id}] {text}"))
	answer := prompt.Must(prompt.New[Question]("{docs}\n\n{asked}"))
	found := []llm.Document{{ID: "7", Text: "Roses are in stock."}, {ID: "9", Text: "Lilies come on Monday."}}
	text, err := answer.Format(Question{prompt.List[llm.Document]{Template: document, Items: found, Separator: "\n"}, "Any roses?"})
	fmt.Println(text, err)
	// Output:
	// [7] Roses are in stock.
	// [9] Lilies come on Monday.
	//
	// Any roses? <nil>
}

// Whatever sends prompts takes any template.
func ExampleTemplate() {
	ask := func(t prompt.Template[string]) {
		messages, err := t.Messages("roses")
		fmt.Println(len(messages), messages[len(messages)-1].Text(), err)
	}
	ask(prompt.Must(prompt.New[string]("Tell me about {flower}.")))
	ask(prompt.Must(prompt.NewGo[string]("Tell me about {{.}}.")))
	ask(prompt.Must(prompt.NewChat[string](prompt.System("You sell flowers."), prompt.User("Tell me about {flower}."))))
	// Output:
	// 1 Tell me about roses. <nil>
	// 1 Tell me about roses. <nil>
	// 2 Tell me about roses. <nil>
}
