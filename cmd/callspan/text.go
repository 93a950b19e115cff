package main

import "strings"

// texts are the words of the demo in one language.
type texts struct {
	system, you, shop          string
	intro, introLive           string
	time, first, in, cached    string
	out, cost                  string
	trace, total, failed       string
	call, calls                string
	estimated                  string
	events                     string
	goLive, goJaeger, wrote    string
	interrupted, exportedExtra string
}

var languages = map[string]*texts{
	"en": {
		system:    "You are a florist in a small flower shop. You are friendly, answer in one or two sentences, and remember what the customer has told you.",
		you:       "You",
		shop:      "Shop",
		intro:     "A customer talks to %s, played by a stand-in on this machine; nothing leaves it.",
		introLive: "A customer talks to %s at %s.",
		time:      "time", first: "first", in: "in", cached: "cached", out: "out", cost: "cost",
		trace:         "Trace %s: %d spans, %s",
		total:         "Total: %s, %d tokens in (%d cached), %d out, %s",
		call:          "1 model call",
		calls:         "%d model calls",
		failed:        ", %d failed",
		estimated:     ", ~ counted here",
		events:        "%d tokens kept their time in %d span events. \"first\" is the time to the first token (░ in the bar).",
		goLive:        "Go live:           OPENAI_API_KEY=... callspan demo --live",
		goJaeger:      "See it in Jaeger:  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 callspan demo",
		exportedExtra: "Also exported to %s.",
		wrote:         "Wrote what was exported to %s.",
		interrupted:   "interrupted",
	},
	"zh": {
		system:    "你是一家小花店的店员。态度友好,用一两句话回答,并记住顾客说过的话。",
		you:       "顾客",
		shop:      "花店",
		intro:     "顾客与 %s 对话,由本机的替身服务扮演,数据不会离开本机。",
		introLive: "顾客与 %s 对话,服务地址 %s。",
		time:      "耗时", first: "首字", in: "输入", cached: "缓存", out: "输出", cost: "费用",
		trace:         "追踪 %s:%d 个跨度,%s",
		total:         "合计:%s,输入 %d 个 token(缓存 %d),输出 %d,%s",
		call:          "1 次模型调用",
		calls:         "%d 次模型调用",
		failed:        ",失败 %d 次",
		estimated:     ",~ 为本地估算",
		events:        "%d 个 token 的时间都保存在 %d 个跨度事件里。“首字”是到第一个 token 的时间(条形图中的 ░)。",
		goLive:        "使用真实模型:      OPENAI_API_KEY=... callspan demo --live",
		goJaeger:      "在 Jaeger 里查看:  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 callspan demo",
		exportedExtra: "同时导出到 %s。",
		wrote:         "导出的数据已写入 %s。",
		interrupted:   "已中断",
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
