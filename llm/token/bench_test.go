package token

import (
	"fmt"
	"strings"
	"testing"

	"github.com/callspan/callspan/llm"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

func BenchmarkLoad(b *testing.B) {
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := lazyVocabulary(name)(); err != nil {
					b.Fatal(err)
				}
			}
		})
		// The loader's share of it, which is not ours to change.
		b.Run(name+"/loader", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := loader.NewOfflineLoader().LoadTiktokenBpe(name + ".tiktoken"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func kilobyte(s string) string {
	s = strings.Repeat(s, 1+1024/len(s))
	return s[:strings.LastIndexAny(s[:1024], " \n。，")]
}

func BenchmarkCountCold(b *testing.B) {
	for name, text := range map[string]string{
		"english": kilobyte("LangChain lets developers observe every step of a chain; a callback is told of the start, each new token, and the end. "),
		"chinese": kilobyte("床前明月光，疑是地上霜。回调函数让开发者能够观察链条的每一个步骤，包括开始、新令牌和结束。"),
		"code":    kilobyte("func (m *merger) free() {\n\tif cap(m.ranks) <= keep {\n\t\tmergers.Put(m)\n\t}\n}\n\nvar shortLimit = 0x40 // bytes\n"),
	} {
		for _, enc := range []string{"o200k_base", "cl100k_base"} {
			b.Run(name+"/"+enc, func(b *testing.B) {
				e := get(b, enc)
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					e.count(text)
				}
			})
		}
	}
}

func BenchmarkCountRemembered(b *testing.B) {
	e := get(b, "o200k_base")
	text := strings.Repeat("remember me ", 17)[:200]
	b.ReportAllocs()
	for b.Loop() {
		e.Count(text)
	}
}

func BenchmarkCountLong(b *testing.B) {
	for name, unit := range hard {
		b.Run(name, func(b *testing.B) {
			e := get(b, "o200k_base")
			text := strings.Repeat(unit, 100_000/len(unit))
			b.ReportAllocs()
			for b.Loop() {
				e.count(text)
			}
		})
	}
}

// conversation is a request with a history of turns questions and answers
// before the last question, 200 bytes each.
func conversation(turns int) *llm.Request {
	req := &llm.Request{Model: "gpt-4o", Messages: []llm.Message{llm.System("You sell flowers, and you know everything about them.")}}
	for i := range 2*turns + 1 {
		m := llm.User(strings.Repeat(fmt.Sprintf("message %d, in which roses are discussed; ", i), 5)[:200])
		if i%2 == 1 {
			m.Role = llm.RoleAssistant
		}
		req.Messages = append(req.Messages, m)
	}
	return req
}

// The promise is a history of thirty turns in less than 20 µs.
func BenchmarkSplit(b *testing.B) {
	withTools := conversation(30)
	withTools.Tools = []llm.Tool{{
		Name: "order", Description: "Order flowers.",
		Parameters: []byte(`{"type":"object","properties":{"kind":{"type":"string","description":"Which flower"},"count":{"type":"integer"}}}`),
	}}
	for name, req := range map[string]*llm.Request{"30 turns": conversation(30), "30 turns and tools": withTools} {
		b.Run(name, func(b *testing.B) {
			m := Meter{}
			m.Split(req)
			b.ReportAllocs()
			for b.Loop() {
				m.Split(req)
			}
		})
	}
}
