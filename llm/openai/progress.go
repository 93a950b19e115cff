package openai

import (
	"slices"

	"github.com/callspan/callspan/llm"
)

// A progress tells a whole answer from one that was cut: go-openai returns
// io.EOF for both.
type progress struct{ open, finished []int }

func (d *progress) see(c *llm.Chunk) {
	switch {
	case c.Finish != "":
		if !slices.Contains(d.finished, c.Choice) {
			d.finished = append(d.finished, c.Choice)
		}
	case c.HasContent():
		d.begin(c.Choice)
	}
}

// begin says that something of a choice has come.
func (d *progress) begin(choice int) {
	if !slices.Contains(d.open, choice) {
		d.open = append(d.open, choice)
	}
}

// seeMedia takes what the chunks of a frame do not show.
func (d *progress) seeMedia(f *frame) {
	for i := range f.choices {
		if c := &f.choices[i]; c.media {
			d.begin(c.index)
		}
	}
}

// empty reports whether nothing has come.
func (d *progress) empty() bool { return len(d.open)+len(d.finished) == 0 }

// complete reports whether every choice that has begun is finished.
func (d *progress) complete() bool {
	for _, c := range d.open {
		if !slices.Contains(d.finished, c) {
			return false
		}
	}
	return !d.empty()
}

// missing returns what the answer lacks. reasons is whether the server names
// finish reasons: Snowflake does not, and its [DONE] has to do.
func (d *progress) missing(t *tap, reasons bool) error {
	if d.empty() {
		if err := errorBody(t.tail); err != nil {
			return err // a plain error in place of a stream
		}
		if err := t.failure(); err != nil {
			return err
		}
		if t.start.strange() {
			return notEvents(t.header)
		}
		return llm.ErrEmpty
	}
	if !d.complete() && (reasons || !t.done()) {
		if err := t.failure(); err != nil {
			return err
		}
		return llm.ErrTruncated
	}
	return nil
}
