package price

import (
	"math"
	"math/bits"
	"time"

	"github.com/callspan/callspan/llm"
)

// A Query is a call to be priced.
type Query struct {
	Provider    string    // OpenTelemetry's gen_ai.provider.name, or the book's id
	Model       string    // the model that answered
	Usage       llm.Usage // what it used
	At          time.Time // when the call was made; zero is now
	ServiceTier string    // the one that served it; see [Book.Cost]
}

// A Cost is what a call costs. Total is the sum of the other amounts.
type Cost struct {
	Total      Money  // of all below
	Input      Money  // input neither read from a cache nor written to one
	CacheRead  Money  // input read from a cache
	CacheWrite Money  // input written to one
	Output     Money  // reasoning and audio included
	Flat       Money  // per request and per image made
	Entry      string // the entry of the book that was used, such as "openai/gpt-4o"
}

// Cost prices a call. ok is false, and the cost is unknown rather than nothing,
// if the book does not list the model at that provider, has no price for that
// time or service tier or for a kind of token that was used, or if the counts
// contradict each other. A model that is listed as free costs 0 and is ok.
//
// Each token is charged once, at the price of its most specific kind that has
// one: audio or images read from the cache, cache read, cache write, audio,
// images, then input; audio, reasoning, then output. What Usage does not tell
// apart is charged as follows: cached tokens are text as far as the counts allow,
// then audio, cache writes are the short-lived ones, videos in the input are
// text. Tools that a
// provider bills by the call, such as web search, are not included. A call that
// made images is not priced where image tokens have a price of their own, nor
// where images have no price and no output was counted.
//
// The service tiers "", "auto", "default", "standard", "standard_only" and
// "on_demand" are the standard one. Another tier is priced where the book has
// its price, and otherwise not: for OpenAI "batch", "flex", "priority" and
// "fast" are known.
//
// A price that depends on the length of the input holds for the whole call.
// Prices and totals are exact but for rates finer than 1e-12 USD per token,
// which are rounded to that.
func (b *Book) Cost(q Query) (c Cost, ok bool) {
	at := q.At
	if at.IsZero() {
		at = time.Now()
	}
	at = at.UTC()
	tier := standard(q.ServiceTier)
	for _, e := range b.find(q.Provider, q.Model) {
		if t := e.at(at, tier); t != nil {
			c, ok = t.cost(&q.Usage)
			c.Entry = e.name
			break
		}
	}
	if !ok {
		return Cost{}, false
	}
	return c, true
}

func (t *tariff) cost(u *llm.Usage) (Cost, bool) {
	if t.unpriced || u.Input < 0 || u.Output < 0 || u.Images < 0 || !t.billsImages(u) {
		return Cost{}, false
	}
	cells, ok := split(u, t.has)
	if !ok {
		return Cost{}, false
	}
	var c Cost
	a := adder{tariff: t, input: u.Input, ok: true}
	a.charge(&c.Input, cells.text, unitIn)
	a.charge(&c.Input, cells.audio, unitAudioIn, unitIn)
	a.charge(&c.Input, cells.image, unitImageIn, unitIn)
	a.charge(&c.CacheRead, cells.textRead, unitRead, unitIn)
	a.charge(&c.CacheRead, cells.audioRead, unitAudioRead, unitRead, unitAudioIn, unitIn)
	a.charge(&c.CacheRead, cells.imageRead, unitImageRead, unitRead, unitImageIn, unitIn)
	a.charge(&c.CacheWrite, cells.textWrite, unitWrite, unitIn)
	a.charge(&c.CacheWrite, cells.audioWrite, unitWrite, unitAudioIn, unitIn)
	a.charge(&c.CacheWrite, cells.imageWrite, unitWrite, unitImageIn, unitIn)
	a.charge(&c.Output, cells.textOut, unitOut)
	a.charge(&c.Output, cells.audioOut, unitAudioOut, unitOut)
	a.charge(&c.Output, cells.reasoning, unitReasoning, unitOut)
	if t.has&(1<<unitRequest) != 0 {
		a.charge(&c.Flat, 1, unitRequest)
	}
	if t.has&(1<<unitImage) != 0 {
		a.charge(&c.Flat, u.Images, unitImage)
	}
	c.Total = a.total
	return c, a.ok
}

// billsImages reports whether u tells what the images that were made are billed
// by: the piece, or tokens that cost what all output does.
func (t *tariff) billsImages(u *llm.Usage) bool {
	switch {
	case u.Images == 0:
		return true
	case t.has&(1<<unitImageOut) != 0:
		return false
	case t.has&(1<<unitImage) != 0:
		return true
	}
	free := t.has&(1<<unitOut) != 0 && t.price(unitOut, u.Input) == 0
	return u.Output > 0 || free
}

// cells are the counts of a call, each token in one of them.
type cells struct {
	text, textRead, textWrite    int
	audio, audioRead, audioWrite int
	image, imageRead, imageWrite int

	textOut, audioOut, reasoning int
}

// split puts each token into one cell. Kinds that the tariff does not price
// apart stay with their parent, so that counts without a price cannot
// contradict the others. It fails on parts that exceed their whole.
func split(u *llm.Usage, has uint16) (c cells, ok bool) {
	part := func(n int, units uint16) int {
		if has&units == 0 {
			return 0
		}
		return n
	}
	read := part(u.CacheRead, 1<<unitRead|1<<unitAudioRead)
	write := part(u.CacheWrite, 1<<unitWrite)
	audio := part(u.AudioInput, 1<<unitAudioIn|1<<unitAudioRead)
	image := part(u.ImageInput, 1<<unitImageIn|1<<unitImageRead)
	if read < 0 || write < 0 || read > u.Input || write > u.Input-read ||
		audio < 0 || image < 0 || audio > u.Input || image > u.Input-audio {
		return c, false
	}
	overlap := max(0, audio+image-(u.Input-read-write)) // what must have been cached and is no text
	audioCached := min(overlap, audio)
	imageCached := overlap - audioCached
	c.audioRead = min(audioCached, read)
	c.audioWrite = audioCached - c.audioRead
	c.audio = audio - audioCached
	c.imageRead = min(imageCached, read-c.audioRead)
	c.imageWrite = imageCached - c.imageRead
	c.image = image - imageCached
	c.textRead = read - c.audioRead - c.imageRead
	c.textWrite = write - c.audioWrite - c.imageWrite
	c.text = u.Input - read - write - c.audio - c.image

	c.audioOut = part(u.AudioOutput, 1<<unitAudioOut)
	c.reasoning = part(u.Reasoning, 1<<unitReasoning)
	if c.audioOut < 0 || c.reasoning < 0 || c.audioOut > u.Output || c.reasoning > u.Output-c.audioOut {
		return c, false
	}
	c.textOut = u.Output - c.audioOut - c.reasoning
	return c, true
}

// An adder charges counts, for as long as all goes well.
type adder struct {
	tariff *tariff
	input  int
	total  Money
	ok     bool
}

// charge adds n times the price of the first of units that has one. One that is
// not known at this length is not that of the next.
func (a *adder) charge(to *Money, n int, units ...unit) {
	if n == 0 || !a.ok {
		return
	}
	for _, u := range units {
		if a.tariff.has&(1<<u) == 0 {
			continue
		}
		p := a.tariff.price(u, a.input)
		if p == noPrice {
			break
		}
		hi, lo := bits.Mul64(uint64(n), uint64(p))
		if hi != 0 || lo > math.MaxInt64-uint64(a.total) {
			break
		}
		a.total += Money(lo)
		*to += Money(lo)
		return
	}
	a.ok = false
}
