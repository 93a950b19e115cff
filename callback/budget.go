package callback

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/callspan/callspan/llm/price"
)

// A Limit says how much may be used. A field that is zero sets no limit of its
// kind. A Limit without any, or with a negative field, is a mistake: its budget
// refuses every call and says so.
type Limit struct {
	Tokens int         // of input and output together
	Cost   price.Money // of all calls together
	Calls  int         // that a provider bills
}

// A Spend is what calls use, or what is left for them.
type Spend struct {
	Tokens int         // of input and output together
	Cost   price.Money // as far as prices are known
	Calls  int         // that were made
}

// A Budget holds the calls below a context to a [Limit]. Its methods may be
// called at any time from any goroutine.
type Budget struct {
	outer *Budget // the one that this one is inside of
	limit Limit
	mu    sync.Mutex // the outermost budget's guards all within, so that a call takes from all or none

	spent    Spend
	unpriced string // a model that has used tokens at no known price
}

// WithBudget returns a context for work that may not use more than limit, and
// the budget, which tells how much that was. Every call that a provider bills
// counts. Budgets nest: a call below several of them has to fit into each.
//
// A call that does not fit is not made, and a streamed answer is cut off after
// the chunk that goes over the limit. The caller gets a [*BudgetError], its run
// ends with it, and other calls that fit go on. Totals have a call that was not
// made as refused, not as failed. Who starts runs with [Start]
// finds the context of the run ended, with the error as its cause; under a
// budget the context of a call ends with the call in any case.
//
// When a call starts, room is set aside for its prompt and the first token of
// its answer; if the call does not stream, so that it cannot be cut off, for
// MaxTokens. Calls that start together cannot take the same room. The prompt is
// counted by Info.Meter, or else by its bytes: a token for four of ASCII or
// three of others. What streams is counted as a token for each chunk or by its
// bytes, whichever is more. When the call ends, [Result.Usage] and [Result.Cost]
// take the place of these estimates. What is used can therefore exceed the limit
// by a chunk for each call that is running, by what an estimate misses
// (reasoning that is not shown, media in a prompt), and by answers that neither
// stream nor have MaxTokens. The number of calls is never exceeded.
//
// A limit of the cost also refuses calls whose price is not known: give the
// model a [price.Book] that lists it. A model that has no [llm.Endpoint] may be
// made of others and is let through; if it then uses tokens itself, later calls
// are refused.
func WithBudget(ctx context.Context, limit Limit) (context.Context, *Budget) {
	s := derive(ctx)
	b := &Budget{outer: s.budget, limit: limit}
	s.budget = b
	return s, b
}

// Spent returns what has been used so far. A call that is running counts with
// what is set aside for it and what has streamed beyond that.
func (b *Budget) Spent() Spend {
	defer b.lock().Unlock()
	return b.spent
}

// Left returns what may still be used. Where there is no limit it is the
// largest number there is; budgets further out may have less.
func (b *Budget) Left() Spend {
	spent := b.Spent()
	left := Spend{math.MaxInt, math.MaxInt64, math.MaxInt}
	if b.limit.fault() != "" {
		return Spend{}
	}
	if b.limit.Tokens > 0 {
		left.Tokens = max(0, b.limit.Tokens-spent.Tokens)
	}
	if b.limit.Cost > 0 {
		left.Cost = max(0, b.limit.Cost.Add(-spent.Cost))
	}
	if b.limit.Calls > 0 {
		left.Calls = max(0, b.limit.Calls-spent.Calls)
	}
	return left
}

// A BudgetError is the error of a call that a [Budget] refused or cut off. It is
// also a context.Canceled, so that nobody tries again.
type BudgetError struct {
	// What says which limit it was: "tokens", "cost" or "calls"; "price" if the
	// price of a call is not known; "limit" if the Limit itself is at fault.
	What  string
	Limit Limit
	Spent Spend // of the budget, when it refused the call or cut it off
	Need  Spend // what the refused call asked for; zero for one that was cut off

	detail string // of "price" and "limit"
}

// Error names the limit, what is spent and what was asked for.
func (e *BudgetError) Error() string {
	var limit, spent, need string // for people
	switch e.What {
	case "limit":
		return "budget refuses every call: " + e.detail
	case "price":
		return fmt.Sprintf("budget of %s refuses the call: the price of %s is not known; add it to the model's price.Book or limit tokens instead",
			e.Limit.Cost.Human(), e.detail)
	case "cost":
		limit, spent, need = e.Limit.Cost.Human(), e.Spent.Cost.Human(), e.Need.Cost.Human()
	case "calls":
		return fmt.Sprintf("budget of calls exceeded: %d of %d were made", e.Spent.Calls, e.Limit.Calls)
	default:
		limit, spent, need = fmt.Sprint(e.Limit.Tokens, " tokens"), fmt.Sprint(e.Spent.Tokens), fmt.Sprint(e.Need.Tokens)
	}
	if e.Need == (Spend{}) {
		return fmt.Sprintf("budget of %s exceeded: the answer was cut off at about %s", limit, spent)
	}
	return fmt.Sprintf("budget of %s exceeded: %s spent, and the call needs about %s", limit, spent, need)
}

// ErrorType returns "budget_exceeded".
func (e *BudgetError) ErrorType() string { return "budget_exceeded" }

// Is reports whether target is context.Canceled.
func (e *BudgetError) Is(target error) bool { return target == context.Canceled }

// lock locks the mutex that guards b and returns it.
func (b *Budget) lock() *sync.Mutex {
	for b.outer != nil {
		b = b.outer
	}
	b.mu.Lock()
	return &b.mu
}

// fault returns what is wrong with l.
func (l Limit) fault() string {
	switch {
	case l.Tokens < 0:
		return fmt.Sprintf("its Limit has negative Tokens, %d", l.Tokens)
	case l.Cost < 0:
		return fmt.Sprintf("its Limit has a negative Cost, %s", l.Cost.Human())
	case l.Calls < 0:
		return fmt.Sprintf("its Limit has negative Calls, %d", l.Calls)
	case l == Limit{}:
		return "its Limit is empty; set Tokens, Cost or Calls"
	}
	return ""
}

// take sets d aside in b and all budgets around it, or says which has no room.
func (b *Budget) take(d *demand) *BudgetError {
	defer b.lock().Unlock()
	for o := b; o != nil; o = o.outer {
		if what, detail := o.refusal(d); what != "" {
			return &BudgetError{What: what, Limit: o.limit, Spent: o.spent, Need: d.need, detail: detail}
		}
	}
	for o := b; o != nil; o = o.outer {
		o.spent.add(d.need)
	}
	return nil
}

func (b *Budget) refusal(d *demand) (what, detail string) {
	l, s := b.limit, b.spent
	switch {
	case l.fault() != "":
		return "limit", l.fault()
	case l.Cost > 0 && d.unpriced != "":
		return "price", d.unpriced
	case l.Cost > 0 && b.unpriced != "":
		return "price", b.unpriced + " (called before)"
	case l.Calls > 0 && d.need.Calls > l.Calls-s.Calls:
		return "calls", ""
	case l.Tokens > 0 && d.need.Tokens > l.Tokens-s.Tokens:
		return "tokens", ""
	case l.Cost > 0 && d.need.Cost > l.Cost-s.Cost:
		return "cost", ""
	}
	return "", ""
}

// excess returns an error if more is spent than there is.
func (b *Budget) excess() *BudgetError {
	what := ""
	switch {
	case b.limit.Tokens > 0 && b.spent.Tokens > b.limit.Tokens:
		what = "tokens"
	case b.limit.Cost > 0 && b.spent.Cost > b.limit.Cost:
		what = "cost"
	default:
		return nil
	}
	return &BudgetError{What: what, Limit: b.limit, Spent: b.spent}
}

func (s *Spend) add(o Spend) {
	s.Tokens += o.Tokens
	s.Cost = s.Cost.Add(o.Cost)
	s.Calls += o.Calls
}

func (s *Spend) sub(o Spend) {
	s.Tokens -= o.Tokens
	s.Cost -= o.Cost
	s.Calls -= o.Calls
}
