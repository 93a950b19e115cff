package chain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

// answer makes a model of a function, in place of one over a network.
func answer(reply func(question string) string) llm.Model {
	return llm.ModelFunc(func(_ context.Context, req *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			text := reply(req.Messages[len(req.Messages)-1].Text())
			for word := range strings.SplitAfterSeq(text, " ") {
				if !yield(llm.Chunk{Text: word}, nil) {
					return
				}
			}
			yield(llm.Chunk{Finish: "stop"}, nil)
		}
	})
}

var echo = answer(func(question string) string { return "You asked: " + question })

// A chain of a prompt and a model, as LangChain's LLMChain, with a handler that
// shows the prompt.
func ExampleLLM() {
	show := &callback.Funcs{OnText: func(_ context.Context, _ *callback.Info, e callback.Event) {
		fmt.Printf("Prompt after formatting: %q\n", e.Data)
	}}
	sum := &chain.LLM[int]{
		Prompt:   prompt.Must(prompt.New[int]("1 + {number} = ")),
		Model:    answer(func(string) string { return "3" }),
		Handlers: []callback.Handler{show},
	}
	fmt.Println(sum.Run(context.Background(), 2))
	// Output:
	// Prompt after formatting: "1 + 2 = "
	// 3 <nil>
}

func ExampleLLM_Stream() {
	florist := &chain.LLM[string]{
		Prompt: prompt.Must(prompt.NewChat[string](
			prompt.System("You sell flowers."),
			prompt.User("Which flowers suit a {occasion}?"))),
		Model: echo,
	}
	for chunk, err := range florist.Stream(context.Background(), "birthday") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(chunk.Text, "|")
	}
	// Output: You |asked: |Which |flowers |suit |a |birthday?||
}

type Card struct{ Flower, Verse string }

func ExamplePipe() {
	verse := &chain.LLM[string]{
		Name:   "verse",
		Prompt: prompt.Must(prompt.New[string]("Write a verse about {flower}.")),
		Model:  answer(func(string) string { return "A rose is a rose is a rose." }),
	}
	shorten := &chain.Step[string, string]{Name: "shorten", Do: func(_ context.Context, s string) (string, error) {
		return s[:len("A rose is a rose")] + ".", nil
	}}
	sign := &chain.Step[string, Card]{Name: "sign", Do: func(_ context.Context, s string) (Card, error) {
		return Card{"rose", s}, nil
	}}
	card := chain.Pipe3("card", verse, shorten, sign) // a Runner[string, Card]
	fmt.Println(card.Run(context.Background(), "roses"))
	// Output: {rose A rose is a rose.} <nil>
}

// The same question to several models.
func ExampleParallel() {
	ask := func(name string) chain.Runner[string, string] {
		return &chain.LLM[string]{
			Name:   name,
			Prompt: prompt.Must(prompt.New[string]("{question}")),
			Model:  answer(func(q string) string { return name + " knows about " + q }),
		}
	}
	council := &chain.Parallel[string, string]{
		Name:  "council",
		Steps: []chain.Runner[string, string]{ask("alba"), ask("rosa"), ask("viola")},
	}
	answers, err := council.Run(context.Background(), "roses")
	fmt.Println(strings.Join(answers, "\n"), err)
	// Output:
	// alba knows about roses
	// rosa knows about roses
	// viola knows about roses <nil>
}

// Different runners for one input, and a struct for what they bring.
func ExampleGather() {
	type Report struct {
		Verse string
		Words int
	}
	verse := &chain.LLM[string]{
		Name:   "verse",
		Prompt: prompt.Must(prompt.New[string]("A verse about {text}")),
		Model:  answer(func(string) string { return "Roses are red." }),
	}
	count := &chain.Step[string, int]{Name: "count", Do: func(_ context.Context, s string) (int, error) {
		return len(strings.Fields(s)), nil
	}}
	report := chain.Gather("report",
		chain.Into(verse, func(r *Report, text string) { r.Verse = text }),
		chain.Into(count, func(r *Report, n int) { r.Words = n }))
	r, err := report.Run(context.Background(), "pink roses")
	fmt.Printf("%+v %v\n", r, err)
	// Output: {Verse:Roses are red. Words:2} <nil>
}

func ExampleBranch() {
	reply := func(text string) chain.Func[string, string] {
		return func(context.Context, string) (string, error) { return text, nil }
	}
	desk := &chain.Branch[string, string]{
		Name: "desk",
		Cases: []chain.Case[string, string]{
			{If: func(in string) bool { return strings.Contains(in, "wilted") }, Then: reply("We are sorry.")},
			{If: func(in string) bool { return strings.HasSuffix(in, "?") }, Then: reply("Let me see.")},
		},
		Default: reply("With pleasure."),
	}
	for _, in := range []string{"Three roses.", "Are there tulips?", "They have wilted!"} {
		fmt.Println(desk.Run(context.Background(), in))
	}
	// Output:
	// With pleasure. <nil>
	// Let me see. <nil>
	// We are sorry. <nil>
}

// A model decides where an input goes.
func ExampleRouter() {
	about := func(topic string) chain.Runner[string, string] {
		return &chain.LLM[string]{
			Name:   topic,
			Prompt: prompt.Must(prompt.New[string]("{question}")),
			Model:  answer(func(q string) string { return topic + ": " + q }),
		}
	}
	desk := &chain.Router[string, string]{
		Name: "desk",
		Route: &chain.LLM[string]{
			Name:   "classify",
			Prompt: prompt.Must(prompt.New[string]("care or order? {question}")),
			Model: answer(func(q string) string {
				if strings.Contains(q, "water") {
					return "care"
				}
				return "order"
			}),
		},
		Routes: map[string]chain.Runner[string, string]{"care": about("care"), "order": about("order")},
	}
	fmt.Println(desk.Run(context.Background(), "How much water do lilies need?"))
	fmt.Println(desk.Run(context.Background(), "Three lilies, please."))
	// Output:
	// care: How much water do lilies need? <nil>
	// order: Three lilies, please. <nil>
}

func ExampleRetry() {
	tries := 0
	stock := &chain.Step[string, int]{Name: "stock", Do: func(context.Context, string) (int, error) {
		if tries++; tries < 3 {
			return 0, errors.New("the line is busy")
		}
		return 12, nil
	}}
	patient := &chain.Retry[string, int]{Step: stock, Wait: time.Millisecond}
	fmt.Println(patient.Run(context.Background(), "roses"))
	// Output: 12 <nil>
}

// A conversation over a model that is asked again when it fails. Each try is a
// model run, so that what it cost is counted.
func ExampleRetryModel() {
	tries := 0
	model := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			if tries++; tries == 1 {
				yield(llm.Chunk{}, &llm.Error{Status: 429, Message: "slow down", RetryAfter: time.Millisecond})
				return
			}
			yield(llm.Chunk{Text: "Pink roses.", Finish: "stop"}, nil)
		}
	})
	ctx, count := callback.WithCount(context.Background())
	talk := &chain.Conversation{Model: &chain.RetryModel{Model: model, Wait: time.Millisecond}}
	answer, err := talk.Run(ctx, "What does my sister like?")
	fmt.Println(answer, err)
	fmt.Println(count.Total().Calls, "calls,", count.Total().Failed, "failed")
	// Output:
	// Pink roses. <nil>
	// 2 calls, 1 failed
}

func ExampleFallback() {
	offline := &chain.Step[string, string]{Name: "wholesaler", Do: func(context.Context, string) (string, error) {
		return "", errors.New("nobody answers")
	}}
	own := &chain.Step[string, string]{Name: "garden", Do: func(_ context.Context, flower string) (string, error) {
		if flower != "roses" {
			return "", fmt.Errorf("no %s here", flower)
		}
		return flower + " from the garden", nil
	}}
	buy := &chain.Fallback[string, string]{Name: "buy", Steps: []chain.Runner[string, string]{offline, own}}
	fmt.Println(buy.Run(context.Background(), "roses"))
	_, err := buy.Run(context.Background(), "tulips")
	fmt.Println(err)
	// Output:
	// roses from the garden <nil>
	// fallback "buy": all have failed: Steps[0] "wholesaler": nobody answers; Steps[1] "garden": no tulips here
}

func ExampleFallbackModel() {
	down := llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			yield(llm.Chunk{}, &llm.Error{Status: 503, Message: "overloaded"})
		}
	})
	talk := &chain.Conversation{Model: &chain.FallbackModel{Models: []llm.Model{down, echo}}}
	fmt.Println(talk.Run(context.Background(), "Roses?"))
	// Output: You asked: Roses? <nil>
}

func ExampleBatch() {
	translate := &chain.LLM[string]{
		Name:   "translate",
		Prompt: prompt.Must(prompt.New[string]("{flower} in French")),
		Model: answer(func(q string) string {
			return map[string]string{"rose": "la rose", "lily": "le lys"}[strings.Fields(q)[0]]
		}),
	}
	batch := &chain.Batch[string, string]{Step: translate, Limit: 2}
	names, err := batch.Run(context.Background(), []string{"rose", "lily", "rose"})
	fmt.Printf("%q %v\n", names, err)
	// Output: ["la rose" "le lys" "la rose"] <nil>
}

// An Order is what the model has to fill in.
type Order struct {
	Flower string `json:"flower" jsonschema:"in the singular"`
	Count  int    `json:"count"`
	Note   string `json:"note,omitempty"`
}

// Validate says what a schema cannot. The model gets to see it.
func (o Order) Validate() error {
	if o.Count < 1 {
		return fmt.Errorf("count is %d; it must be at least 1", o.Count)
	}
	return nil
}

func ExampleStructured() {
	model := answer(func(q string) string {
		if strings.Contains(q, "not valid") { // the second call
			return "```json\n" + `{"flower": "rose", "count": 3}` + "\n```"
		}
		return `{"flower": "rose", "count": "three"}`
	})
	take := &chain.Structured[string, Order]{
		Prompt: prompt.Must(prompt.New[string]("What is ordered? {mail}")),
		Model:  model,
	}
	order, err := take.Run(context.Background(), "Three roses, please.")
	fmt.Printf("%+v %v\n", order, err)
	// Output: {Flower:rose Count:3 Note:} <nil>
}
