package token

import "github.com/callspan/callspan/llm"

// calledTools finds the calls that results answer. It is asked of one message
// after the other.
type calledTools struct {
	messages []llm.Message
	seen     int            // messages that were looked through for last
	last     []llm.ToolCall // of the last of them that calls
	indexed  int            // messages whose calls are in byID
	byID     map[string]calledTool
}

type calledTool struct {
	name     string
	together bool
}

// by returns the name of the tool whose result message i is, and whether it was
// called together with others. Of several calls with one id, the last message
// before the result counts, and in it the first.
func (c *calledTools) by(i int) (name string, together bool) {
	for ; c.seen < i; c.seen++ {
		if calls := c.messages[c.seen].ToolCalls; len(calls) > 0 {
			c.last = calls
		}
	}
	m := &c.messages[i]
	if len(c.last) <= few { // results mostly follow their calls: that needs no index
		for k := range c.last {
			if c.last[k].ID == m.ToolCallID {
				return c.last[k].Name, len(c.last) > 1
			}
		}
	}
	if c.byID == nil {
		c.byID = make(map[string]calledTool)
	}
	for ; c.indexed < i; c.indexed++ {
		calls := c.messages[c.indexed].ToolCalls
		for k := len(calls) - 1; k >= 0; k-- {
			c.byID[calls[k].ID] = calledTool{calls[k].Name, len(calls) > 1}
		}
	}
	if tool, ok := c.byID[m.ToolCallID]; ok {
		return tool.name, tool.together
	}
	return m.Name, false
}
