package main

import (
	"fmt"
	"strings"
)

// texts are the words of the demo in one language.
type texts struct {
	system, you, shop               string
	intro, introLive                string
	time, first, in, cached         string
	out, cost                       string
	trace, total, failed            string
	missing, missingOf              string
	spans, tokens, calls, events    noun
	kept                            noun
	estimated                       string
	stamped                         string
	marks, marksColumn, marksBar    string
	noTrace, noSpan                 string
	goLive, goJaeger, wrote         hint
	alsoExported, alsoExportedApart string
	interrupted, comma              string
}

// A noun is a number of something. One is empty where a language makes no
// difference.
type noun struct{ one, many string }

func (n noun) of(count int) string {
	if count == 1 && n.one != "" {
		return n.one
	}
	return fmt.Sprintf(n.many, count)
}

// A hint is a line whose second part is to be copied: it is not broken.
type hint struct{ label, command string }

const (
	commandLive   = "OPENAI_API_KEY=... callspan demo --live"
	commandJaeger = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 callspan demo"
)

var languages = map[string]*texts{
	"en": {
		system:    "You are a florist in a small flower shop. You are friendly, answer in one or two sentences, and remember what the customer has told you.",
		you:       "You",
		shop:      "Shop",
		intro:     "A customer talks to %s, played by a stand-in on this machine; nothing leaves it.",
		introLive: "A customer talks to %s at %s.",
		time:      "time", first: "first", in: "in", cached: "cached", out: "out", cost: "cost",
		trace:             "Trace %s: %s, %s",
		total:             "Total: %s, %s in (%d cached), %d out, %s",
		spans:             noun{"1 span", "%d spans"},
		tokens:            noun{"1 token", "%d tokens"},
		calls:             noun{"1 model call", "%d model calls"},
		events:            noun{"1 span event", "%d span events"},
		kept:              noun{"1 token kept its time", "%d tokens kept their time"},
		failed:            "%d failed",
		missing:           "spans are missing",
		missingOf:         "%d of %s missing",
		estimated:         "~ counted here",
		stamped:           "%s in %s.",
		marks:             ` "first" is the time to the first token (░ in the bar).`,
		marksColumn:       ` "first" is the time to the first token.`,
		marksBar:          ` ░ is the time to the first token.`,
		noTrace:           "There is no trace: OTEL_SDK_DISABLED=true turns tracing off, and nothing was exported. Unset it to see one.",
		noSpan:            "There is no trace: no span arrived.",
		goLive:            hint{"Go live:           ", commandLive},
		goJaeger:          hint{"See it in Jaeger:  ", commandJaeger},
		alsoExported:      "Also exported to %s.",
		alsoExportedApart: "Also exported %s to %s.",
		wrote:             hint{"Wrote what was exported to ", "%s."},
		interrupted:       "interrupted",
		comma:             ", ",
	},
	"zh": {
		system:    "你是一家小花店的店员。态度友好,用一两句话回答,并记住顾客说过的话。",
		you:       "顾客",
		shop:      "花店",
		intro:     "顾客与 %s 对话,由本机的替身服务扮演,数据不会离开本机。",
		introLive: "顾客与 %s 对话,服务地址 %s。",
		time:      "耗时", first: "首字", in: "输入", cached: "缓存", out: "输出", cost: "费用",
		trace:             "追踪 %s:%s,%s",
		total:             "合计:%s,输入 %s(缓存 %d),输出 %d,%s",
		spans:             noun{many: "%d 个跨度"},
		tokens:            noun{many: "%d 个 token"},
		calls:             noun{many: "%d 次模型调用"},
		events:            noun{many: "%d 个跨度事件"},
		kept:              noun{many: "%d 个 token 的时间"},
		failed:            "失败 %d 次",
		missing:           "缺少部分跨度",
		missingOf:         "缺 %d 个(共 %s)",
		estimated:         "~ 为本地估算",
		stamped:           "%s都保存在 %s里。",
		marks:             "“首字”是到第一个 token 的时间(条形图中的 ░)。",
		marksColumn:       "“首字”是到第一个 token 的时间。",
		marksBar:          "░ 是到第一个 token 的时间。",
		noTrace:           "没有追踪:OTEL_SDK_DISABLED=true 关闭了追踪,什么也没有导出。取消该变量即可看到追踪。",
		noSpan:            "没有追踪:没有收到跨度。",
		goLive:            hint{"使用真实模型:      ", commandLive},
		goJaeger:          hint{"在 Jaeger 里查看:  ", commandJaeger},
		alsoExported:      "同时导出到 %s。",
		alsoExportedApart: "%s 同时导出到 %s。",
		wrote:             hint{"导出的数据已写入 ", "%s。"},
		interrupted:       "已中断",
		comma:             ",",
	},
}

// localeLanguage returns the language that the locale asks for.
func localeLanguage(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := env(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "zh") {
				return "zh"
			}
			return "en"
		}
	}
	return "en"
}
