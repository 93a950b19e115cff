package price

import (
	"math"
	"slices"
	"time"
)

// A unit is a kind of use that has a price of its own.
type unit uint8

const (
	unitIn unit = iota
	unitRead
	unitWrite
	unitOut
	unitReasoning
	unitAudioIn
	unitAudioRead
	unitImageIn
	unitImageRead
	unitAudioOut
	unitImageOut
	unitRequest
	unitImage
	numUnits
)

var unitNames = [numUnits]string{"in", "read", "write", "out", "reasoning",
	"audio-in", "audio-read", "image-in", "image-read", "audio-out", "image-out", "request", "image"}

// perMillion reports whether prices of u are quoted per million tokens, else
// they are for one piece.
func (u unit) perMillion() bool { return u < unitRequest }

// A tariff is one set of prices and when it holds.
type tariff struct {
	from       int64 // Unix time in seconds
	start, end int32 // seconds of the day in UTC; the whole day if equal
	days       uint8 // bit per weekday, Sunday lowest; 0 is every day
	has        uint16
	unpriced   bool
	tiers      []string // service tiers; nil is the standard one
	base       [numUnits]Money
	steps      []step
}

// A step is the price of a unit in requests whose input is longer than over
// tokens. Steps of a unit stand in ascending order.
type step struct {
	unit  unit
	over  int
	price Money
}

// noPrice says that there is none from this length up.
const noPrice Money = -1

const always = math.MinInt64

// price returns the price of one u, for which t has one, in a request of that
// many input tokens: in pico-USD, or noPrice.
func (t *tariff) price(u unit, input int) Money {
	p := t.base[u]
	for i := range t.steps {
		if s := &t.steps[i]; s.unit == u && input > s.over {
			p = s.price
		}
	}
	return p
}

func (t *tariff) holds(at time.Time, tier string) bool {
	if tier == "" && t.tiers != nil || tier != "" && !slices.Contains(t.tiers, tier) {
		return false
	}
	if t.from != always && at.Unix() < t.from {
		return false
	}
	if t.days != 0 && t.days&(1<<at.Weekday()) == 0 {
		return false
	}
	if t.start == t.end {
		return true
	}
	h, m, s := at.Clock()
	now := int32(h*3600 + m*60 + s)
	if t.start < t.end {
		return now >= t.start && now < t.end
	}
	return now >= t.start || now < t.end
}

// An entry is a model with its prices.
type entry struct {
	name    string // "openai/gpt-4o"
	tuned   bool
	match   []atom
	tariffs []tariff
}

func (e *entry) matches(name string, tuned bool) bool {
	return e.tuned == tuned && matchAny(e.match, name)
}

// at returns the last tariff that holds at a time in UTC, or nil.
func (e *entry) at(t time.Time, tier string) *tariff {
	for i := len(e.tariffs) - 1; i >= 0; i-- {
		if e.tariffs[i].holds(t, tier) {
			return &e.tariffs[i]
		}
	}
	return nil
}

// standard returns the service tier in lower case, "" for the standard one.
func standard(tier string) string {
	switch tier {
	case "", "auto", "default", "standard", "on_demand", "standard_only":
		return ""
	}
	if lower := lowerTrim(tier); lower != tier {
		return standard(lower)
	}
	return tier
}
