package token

import "github.com/callspan/callspan/llm"

// The first word of the keys of what is remembered besides texts. Texts have
// random keys.
const (
	keyTools uint64 = iota + 1
	keyFormat
	keyParts
	keyName
	keyHistory
	keyRecipient
	keyCalls
)

// prompt adds the tokens of req to makeup.
func (d *dialect) prompt(req *llm.Request, makeup *llm.Makeup) {
	around := d.priming
	first := -1 // the message that the chapters are appended to
	c := d.chaptersOf(req)
	if c.tools > 0 || c.format > 0 {
		for i := range req.Messages {
			if r := req.Messages[i].Role; r == llm.RoleSystem || r == llm.RoleDeveloper {
				first = i
				break
			}
		}
		switch {
		case first >= 0 && c.tools > 0:
			around += d.instructions
		case first < 0 && !d.responses:
			around += d.message + 1 // one more system message
		case first < 0 && c.tools > 0:
			around += d.alone
		}
		makeup[llm.SourceTools] += c.tools
		around += c.format + c.around
	}
	source := req.Sourcer()
	called := calledTools{messages: req.Messages}
	for i := range req.Messages {
		m := &req.Messages[i]
		tail := llm.SourceAuto
		if i == first {
			tail = c.source()
		}
		if m.Name != "" && m.Role != llm.RoleTool {
			if d.named {
				around += d.enc.Count(m.Name) - 1
			} else {
				around += d.prefixed(keyName, ":", m.Name)
			}
		}
		switch {
		case m.Role == llm.RoleTool:
			name, together := called.by(i)
			if !together || d.responses {
				around += d.result
				makeup[llm.SourceTools] += d.enc.Count(name)
			}
		case len(m.ToolCalls) > 0:
			makeup[llm.SourceTools] += d.calls(m.ToolCalls)
		case d.responses && m.Role == llm.RoleAssistant && len(m.Parts) == 0:
			// Reasoning that nobody is shown; a message of no text has a part.
		default:
			around += d.message + d.enc.Count(string(m.Role))
			if m.Role == llm.RoleAssistant {
				around += d.assistant
			}
		}
		d.content(m.Parts, tail, makeup, func(p llm.Part) llm.Source { return source(i, p) })
	}
	if tool := d.forced(req); tool != "" {
		makeup[llm.SourceTools] += d.recipient(tool) + d.choice
	}
	makeup[llm.SourceOverhead] += max(around, 0)
}

// transcript adds the tokens of the prompt of a text completion.
func (d *dialect) transcript(req *llm.Request, makeup *llm.Makeup) {
	parts := req.Transcript()
	if len(parts) == 1 {
		makeup[parts[0].Source] += d.enc.Count(parts[0].Text)
		return
	}
	d.each(parts, len(parts), func(k, count int) { makeup[parts[k].Source] += count })
}

// forced returns the tool that must be called, if the prompt ends in its name.
func (d *dialect) forced(req *llm.Request) string {
	switch tool := req.ToolChoice; {
	case d.silent || tool == "" || tool == "auto" || tool == "none":
		return ""
	case tool != "required":
		return tool
	case d.responses && !d.reasoner && len(req.Tools) == 1:
		return req.Tools[0].Name
	}
	return ""
}

// content adds the text of a message. With a tail, an empty line of that source
// ends it: there the chapters begin, and the line may be one token with what is
// before it.
func (d *dialect) content(parts []llm.Part, tail llm.Source, makeup *llm.Makeup, sourceOf func(llm.Part) llm.Source) {
	if len(parts) == 1 && tail == llm.SourceAuto {
		makeup[sourceOf(parts[0])] += d.enc.Count(parts[0].Text)
		return
	}
	n := len(parts)
	if tail != llm.SourceAuto {
		n++
	}
	d.each(parts, n, func(k, count int) {
		source := tail
		if k < len(parts) {
			source = sourceOf(parts[k])
		}
		makeup[source] += count
	})
}

// each calls add with the tokens of each part, as lay counts them.
func (d *dialect) each(parts []llm.Part, n int, add func(k, count int)) {
	memo := d.enc.memo
	key := memoKey{keyParts, uint64(n)}
	for k := range parts {
		key = key.and(memo.key(parts[k].Text))
	}
	var laid []int
	for k := range n {
		key := key.and(memoKey{uint64(k), uint64(len(parts))})
		count, ok := memo.load(key)
		if !ok {
			if laid == nil {
				laid = d.lay(parts, n)
			}
			count = laid[k]
			memo.store(key, count)
		}
		add(k, count)
	}
}

// lay counts the parts as one text, and two line ends as another part if n is
// one more than there are parts.
func (d *dialect) lay(parts []llm.Part, n int) []int {
	counts := make([]int, n)
	ends := make([]int, n)
	var text []byte
	for k := range n {
		if k < len(parts) {
			text = append(text, valid(parts[k].Text)...)
		} else {
			text = append(text, "\n\n"...)
		}
		ends[k] = len(text)
	}
	at, k := 0, 0
	for l := range d.enc.Lengths(string(text)) {
		for at >= ends[k] {
			k++
		}
		counts[k]++
		at += l
	}
	return counts
}

// calls counts the calls of an assistant message.
func (d *dialect) calls(calls []llm.ToolCall) int {
	n := 0
	if len(calls) == 1 || d.responses {
		for i := range calls {
			n += 3 + d.calling + d.prefixed(keyHistory, "assistant to=functions.", calls[i].Name)
			n += d.remembered(memoKey{keyCalls, 1}.and(d.enc.memo.key(calls[i].Arguments)), func() string {
				return compact(calls[i].Arguments)
			})
		}
		return n
	}
	key := memoKey{keyCalls, uint64(len(calls))}
	for i := range calls {
		key = key.and(d.enc.memo.key(calls[i].Name)).and(d.enc.memo.key(calls[i].Arguments))
	}
	n = d.remembered(key, func() string { return callText(calls) })
	return n + d.enc.Count("assistant to=multi_tool_use.parallel") + 3 + 14 + d.calling
}

// recipient counts how an answer says which tool it calls.
func (d *dialect) recipient(tool string) int {
	return d.prefixed(keyRecipient, " to=functions.", tool)
}

func (d *dialect) prefixed(kind uint64, prefix, name string) int {
	return d.remembered(memoKey{a: kind}.and(d.enc.memo.key(name)), func() string { return prefix + name })
}

// remembered returns the count of what render returns, which key stands for.
func (d *dialect) remembered(key memoKey, render func() string) int {
	n, ok := d.enc.memo.load(key)
	if !ok {
		n = d.enc.count(render())
		d.enc.memo.store(key, n)
	}
	return n
}
