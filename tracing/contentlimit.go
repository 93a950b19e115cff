package tracing

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/callspan/callspan/llm"
)

// inputs encodes what a model was given. If that is too long, messages in the
// middle are left out, and one by the name of callspan says how many: the
// instructions at the beginning and the latest turns tell most.
func (r *recorder) inputs(msgs []message) string {
	b, ends, lost := r.encode(msgs)
	if len(b)+2 <= r.limits.whole {
		return r.enclosed(b, lost)
	}
	head := 0
	if n := len(msgs); n > 1 && (msgs[0].role == string(llm.RoleSystem) || msgs[0].role == string(llm.RoleDeveloper)) {
		head = 1
	}
	room := r.limits.whole - 2 - maxGapMessage
	size := func(i int) int { // with its comma
		if i == 0 {
			return ends[0]
		}
		return ends[i] - ends[i-1]
	}
	used := 0
	if head == 1 {
		used = size(0)
	}
	tail := len(msgs)
	for tail > head && used+size(tail-1) <= room {
		tail--
		used += size(tail)
	}
	var out []byte
	lost = 0
	add := func(m *message, room int) {
		if len(out) > 0 {
			out = append(out, ',')
		}
		var n int
		out, n = m.appendWithin(out, r.limits.text, room)
		lost += n
	}
	last := msgs[tail:]
	if tail == len(msgs) { // the last one alone is too long beside the first
		tail--
		if last = msgs[tail:]; head == 1 {
			if used = min(used, room/2); size(tail) < room/2 {
				used = room - size(tail)
			}
			add(&msgs[0], used)
		}
		if left := msgs[head:tail]; len(left) > 0 {
			gap := gapMessage(left)
			lost += sizeOf(left)
			add(&gap, maxGapMessage)
		}
		add(&last[0], room-used)
		return r.enclosed(out, lost)
	}
	if head == 1 {
		add(&msgs[0], r.limits.whole)
	}
	left := msgs[head:tail]
	gap := gapMessage(left)
	lost += sizeOf(left)
	add(&gap, maxGapMessage)
	for i := range last {
		add(&last[i], r.limits.whole)
	}
	return r.enclosed(out, lost)
}

// instructions encodes what a model was told apart from the conversation. If
// that is too long, all of it is cut to the same length.
func (r *recorder) instructions(parts []part) string {
	for limit := r.limits.text; ; limit /= 2 {
		if b, lost := appendParts(nil, parts, limit); len(b)+2 <= r.limits.whole || limit <= minText {
			return r.enclosed(b, lost)
		}
	}
}

// maxGapMessage bounds the message that stands for those left out.
const maxGapMessage = 160

func gapMessage(left []message) message {
	return message{role: string(llm.RoleSystem), name: "callspan",
		parts: []part{{kind: partText, text: fmt.Sprintf("[%d messages of %d bytes left out]", len(left), sizeOf(left))}}}
}

func sizeOf(msgs []message) (n int) {
	for i := range msgs {
		n += msgs[i].size()
	}
	return n
}

// outputs encodes the answers of a model, one message each. If that is too
// long, all of them are cut to the same length.
func (r *recorder) outputs(msgs []message) string {
	b, _, lost := r.encode(msgs)
	if len(b)+2 <= r.limits.whole {
		return r.enclosed(b, lost)
	}
	share := (r.limits.whole-2)/len(msgs) - 1
	b, lost = b[:0], 0
	for i := range msgs {
		if i > 0 {
			b = append(b, ',')
		}
		var n int
		b, n = msgs[i].appendWithin(b, r.limits.text, share)
		lost += n
	}
	return r.enclosed(b, lost)
}

// encode returns the messages with commas between them, and where each ends.
func (r *recorder) encode(msgs []message) (b []byte, ends []int, lost int) {
	ends = make([]int, len(msgs))
	b = make([]byte, 0, min(sizeOf(msgs)+80*len(msgs)+2, 2*r.limits.whole))
	for i := range msgs {
		if i > 0 {
			b = append(b, ',')
		}
		var n int
		b, n = msgs[i].append(b, r.limits.text)
		lost += n
		ends[i] = len(b)
	}
	return b, ends, lost
}

// enclosed returns the items as an array. What even so is too long, such as a
// hundred choices in a kilobyte, is left out whole.
func (r *recorder) enclosed(items []byte, lost int) string {
	if len(items)+2 > r.limits.whole {
		r.lost += len(items)
		return "[]"
	}
	r.lost += lost
	return "[" + string(items) + "]"
}

// appendWithin appends m in at most room bytes if that can be: with shorter
// texts, and then with parts in the middle left out.
func (m *message) appendWithin(b []byte, limit, room int) (_ []byte, lost int) {
	begin := len(b)
	for limit = min(limit, max(room, minText)); ; limit /= 2 {
		b, lost = m.append(b[:begin], limit)
		if len(b)-begin <= room {
			return b, lost
		}
		if limit <= minText {
			break
		}
	}
	for keep := len(m.parts) / 2; ; keep /= 2 {
		short := *m
		front := (keep + 1) / 2
		left := len(m.parts) - keep
		short.parts = slices.Concat(m.parts[:front], []part{{kind: partText, text: "[" + strconv.Itoa(left) + " parts left out]"}},
			m.parts[len(m.parts)-(keep-front):])
		b, _ = short.append(b[:begin], minText)
		if len(b)-begin <= room || keep == 0 {
			break
		}
	}
	if len(b)-begin > room {
		short := message{role: m.role, finish: m.finish}
		b, _ = short.append(b[:begin], 0)
	}
	return b, m.size()
}

// tools encodes the definitions of tools. If that is too long, their schemas
// are left out, then their descriptions, and then the last tools.
func (r *recorder) tools(defs []llm.Tool) string {
	type tool struct{ kind, name, description, parameters string }
	tools := make([]tool, len(defs))
	whole := 0
	for i, d := range defs {
		tools[i] = tool{kind: r.term(cmp.Or(d.Type, "function")), name: r.word(d.Name), description: r.text(d.Description), parameters: r.json(string(d.Parameters))}
		whole += len(tools[i].description) + len(tools[i].parameters)
	}
	var b []byte
	for _, limit := range []int{r.limits.text, 1024, 0} {
		b = b[:0]
		shown := 0
		for i, t := range tools {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendField(append(b, '{'), "type", t.kind)
			b = appendField(append(b, ','), "name", t.name)
			if t.description != "" && limit > 0 {
				short, lost := shorten(t.description, limit)
				b = appendField(append(b, ','), "description", short)
				shown += len(t.description) - lost
			}
			// A part of a schema would be another schema.
			if t.parameters != "" && len(t.parameters) <= limit && t.parameters[0] == '{' {
				b = append(append(b, `,"parameters":`...), t.parameters...)
				shown += len(t.parameters)
			}
			b = append(b, '}')
			if limit == 0 && len(b)+2+maxGapMessage > r.limits.whole && i+1 < len(tools) {
				b = append(b, `,{"type":"callspan","name":"[`...)
				b = append(strconv.AppendInt(b, int64(len(tools)-i-1), 10), ` tools left out]"}`...)
				break
			}
		}
		if len(b)+2 <= r.limits.whole {
			return r.enclosed(b, whole-shown)
		}
	}
	return r.enclosed(b, whole)
}
