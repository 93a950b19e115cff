package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/callspan/callspan/internal/visible"
)

// receivers are the URLs to which the OTEL_* variables have traces and metrics
// exported. Empty is nowhere.
type receivers struct{ traces, metrics string }

func (r receivers) any() bool { return r.traces != "" || r.metrics != "" }

// receiversIn returns the receivers that the environment names, as the exporters
// read it: the variable of a signal goes before the one for all. If it names one
// for either signal, the other goes where it goes by default.
func receiversIn(env func(string) string) receivers {
	r := receivers{receiverOf(env, "TRACES", false), receiverOf(env, "METRICS", false)}
	if r.any() {
		r = receivers{receiverOf(env, "TRACES", true), receiverOf(env, "METRICS", true)}
	}
	return r
}

// receiverOf returns the receiver of a signal: "TRACES" or "METRICS".
func receiverOf(env func(string) string, signal string, orDefault bool) string {
	first := func(what string) string {
		for _, name := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_" + what, "OTEL_EXPORTER_OTLP_" + what} {
			if v := strings.TrimSpace(env(name)); v != "" {
				return v
			}
		}
		return ""
	}
	switch url := first("ENDPOINT"); {
	case env("OTEL_"+signal+"_EXPORTER") == "none":
		return ""
	case url != "" || !orDefault:
		return url
	case first("PROTOCOL") == "http/protobuf":
		return "http://localhost:4318"
	}
	return "http://localhost:4317"
}

// check refuses what no exporter can reach, and none says so clearly.
func (r receivers) check() error {
	for _, endpoint := range []string{r.traces, r.metrics} {
		u, err := url.Parse(endpoint)
		if err != nil || u.Port() == "" {
			continue // the set-up says what is wrong
		}
		if n, err := strconv.Atoi(u.Port()); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("OTEL_EXPORTER_OTLP_*ENDPOINT=%s: port %s is not from 1 to 65535", visible.URL(endpoint), u.Port())
		}
	}
	return nil
}

var errNothingExported = errors.New("--otlp-file: nothing is exported while OTEL_SDK_DISABLED=true; unset it")

// sdkDisabled reports whether the environment turns tracing off.
func sdkDisabled(env func(string) string) bool {
	return strings.EqualFold(env("OTEL_SDK_DISABLED"), "true")
}
