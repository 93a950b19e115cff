package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/callspan/callspan/internal/visible"
)

// saidTurn is a turn as it went.
type saidTurn struct {
	User  string `json:"user"`
	Reply string `json:"reply"`
}

// An outcome is what the demo has to tell at its end.
type outcome struct {
	said     []saidTurn
	roots    []*span
	lost, of int       // spans that ended and did not arrive here
	disabled bool      // by OTEL_SDK_DISABLED
	wrote    string    // the file that has all that was exported
	asked    bool      // to export elsewhere too
	also     receivers // that have it
}

// report prints the trace.
func (o *demoOptions) report(p process, out *outcome) error {
	if o.format == "json" {
		return out.json(p)
	}
	t := languages[o.lang]
	s := newScreen(p.stdout, p.env)
	var shown layout
	for _, roots := range byTrace(out.roots) {
		fmt.Fprintln(s.w)
		s.say(bold, fmt.Sprintf(t.trace, roots[0].TraceID, t.spans.of(count(roots)), short(lifetime(roots).length)))
		fmt.Fprintln(s.w)
		shown = s.draw(roots, t)
		s.total(roots, out.lost, out.of, t)
	}
	fmt.Fprintln(s.w)
	switch tokens, events := tokensIn(out.roots); {
	case out.disabled:
		s.say("", t.noTrace)
	case len(out.roots) == 0:
		s.say("", t.noSpan)
	case tokens > 0:
		s.say(faint, fmt.Sprintf(t.stamped, t.kept.of(tokens), t.events.of(events))+shown.marks(t))
	}
	if out.wrote != "" {
		s.hint(hint{t.wrote.label, fmt.Sprintf(t.wrote.command, visible.Line(out.wrote))})
	}
	switch {
	case out.also.traces != "" && out.also.traces == out.also.metrics:
		s.say(faint, fmt.Sprintf(t.alsoExported, visible.Line(visible.URL(out.also.traces))))
	case out.also.any():
		for _, a := range []struct{ what, url string }{{"traces", out.also.traces}, {"metrics", out.also.metrics}} {
			if a.url != "" {
				s.say(faint, fmt.Sprintf(t.alsoExportedApart, a.what, visible.Line(visible.URL(a.url))))
			}
		}
	case !out.asked && !out.disabled:
		s.hint(t.goJaeger)
	}
	if !o.live {
		s.hint(t.goLive)
	}
	return nil
}

// json prints the outcome as one document. In JSON, what a terminal would act on
// occurs in strings only.
func (out *outcome) json(p process) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	roots := out.roots
	if roots == nil {
		roots = []*span{}
	}
	if err := e.Encode(struct {
		Conversation []saidTurn `json:"conversation"`
		Traces       []*span    `json:"traces"`
	}{out.said, roots}); err != nil {
		return fmt.Errorf("print the trace: %w", err)
	}
	// What is visible of a rune that JSON lets through is its escape in JSON too.
	fmt.Fprint(p.stdout, visible.Text(strings.ReplaceAll(b.String(), "\x7f", `\u007f`)))
	return nil
}

// byTrace groups roots by their trace. One trace has several if spans are missing.
func byTrace(roots []*span) [][]*span {
	var traces [][]*span
	place := map[string]int{}
	for _, r := range roots {
		i, ok := place[r.TraceID]
		if !ok {
			i = len(traces)
			place[r.TraceID] = i
			traces = append(traces, nil)
		}
		traces[i] = append(traces[i], r)
	}
	return traces
}

// total prints the sum of a trace.
func (s screen) total(roots []*span, lost, of int, t *texts) {
	var parts []string
	if u := sum(counted(roots)); u != nil {
		cost := "?"
		if u.Cost != nil {
			cost = u.Cost.Human()
		}
		parts = append(parts, fmt.Sprintf(t.total, t.calls.of(u.Calls), t.tokens.of(u.Input), u.Cached, u.Output, cost))
		if u.Failed > 0 {
			parts = append(parts, fmt.Sprintf(t.failed, u.Failed))
		}
		if u.Estimated {
			parts = append(parts, t.estimated)
		}
	}
	switch {
	case lost > 0:
		parts = append(parts, fmt.Sprintf(t.missingOf, lost, t.spans.of(of)))
	case orphaned(roots):
		parts = append(parts, t.missing)
	}
	if len(parts) > 0 {
		s.say(bold, strings.Join(parts, t.comma))
	}
}

// marks explains the signs that are shown.
func (l layout) marks(t *texts) string {
	column := l.figures > columnFirst
	switch {
	case column && l.bar > 0:
		return t.marks
	case column:
		return t.marksColumn
	case l.bar > 0:
		return t.marksBar
	}
	return ""
}

// say prints a line, broken where the screen ends.
func (s screen) say(code, text string) {
	for _, line := range wrap(text, s.width) {
		fmt.Fprintln(s.w, s.paint(code, line))
	}
}

// hint prints h, on two lines if one is too short.
func (s screen) hint(h hint) {
	if cells.StringWidth(h.label+h.command) <= s.width {
		fmt.Fprintln(s.w, s.paint(faint, h.label+h.command))
		return
	}
	s.say(faint, strings.TrimRight(h.label, " "))
	fmt.Fprintln(s.w, s.paint(faint, h.command))
}
