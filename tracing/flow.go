package tracing

// A flow is a stretch of a log's text that belongs to one of the texts that an
// answer consists of: what is said, what is thought, the arguments of one tool
// call. Their chunks may come in turns.
type flow struct{ of, end int }

const (
	flowReasoning = iota
	flowText
	flowRefusal
	flowTools // two for each call: its name and its arguments
)

func (w *words) put(of int, s string) {
	if s == "" {
		return
	}
	w.text = append(w.text, s...)
	if n := len(w.flows); n > 0 && w.flows[n-1].of == of {
		w.flows[n-1].end = len(w.text)
		return
	}
	w.flows = append(w.flows, flow{of, len(w.text)})
}

// redact takes out of the chunks what scrub takes out of the texts they make
// together: a secret may lie across many chunks. What stands for it is in the
// chunk in which it began.
func (w *words) redact(scrub func(string) string) {
	if len(w.text) == 0 {
		return
	}
	texts := map[int]*flowing{}
	from := 0
	for _, f := range w.flows {
		t := texts[f.of]
		if t == nil {
			t = new(flowing)
			texts[f.of] = t
		}
		t.text = append(t.text, w.text[from:f.end]...)
		from = f.end
	}
	changed := false
	for _, t := range texts {
		text := string(t.text)
		if t.redacted = scrub(text); t.redacted != text {
			t.edits = align(text, t.redacted)
			changed = true
		}
	}
	if !changed {
		return
	}
	out := make([]byte, 0, len(w.text))
	at, next := 0, 0 // in the text, and which flow is there
	for i, end := range w.ends {
		for at < end {
			f := w.flows[next]
			to := min(f.end, end)
			out = texts[f.of].show(out, to-at)
			if at = to; at == f.end {
				next++
			}
		}
		w.ends[i] = len(out)
	}
	w.text = out
}

// A flowing text is one of an answer's texts, read from its beginning to its
// end.
type flowing struct {
	text     []byte
	redacted string
	edits    []edit // that are still to come
	read     int    // of text
	shown    int    // of text, which an edit can carry beyond what was read
}

// show appends what stands in the redacted text for the next n bytes.
func (t *flowing) show(out []byte, n int) []byte {
	t.read += n
	for len(t.edits) > 0 {
		e := t.edits[0]
		if e.from >= t.read && t.read < len(t.text) {
			break
		}
		out = append(append(out, t.text[t.shown:e.from]...), t.redacted[e.from2:e.to2]...)
		t.shown, t.edits = e.to, t.edits[1:]
	}
	if t.shown < t.read {
		out = append(out, t.text[t.shown:t.read]...)
		t.shown = t.read
	}
	return out
}
