package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/callspan/callspan/internal/visible"
	"github.com/sashabaranov/go-openai"
)

// liveConfig returns how to reach the API that the environment names.
func liveConfig(env func(string) string) openai.ClientConfig {
	cfg := openai.DefaultConfig(strings.TrimSpace(env("OPENAI_API_KEY")))
	if base := strings.TrimSpace(env("OPENAI_BASE_URL")); base != "" {
		cfg.BaseURL = strings.TrimRight(base, "/")
	}
	return cfg
}

// checkAPI says what no call can be made with, by the name of its variable.
func checkAPI(env func(string) string) error {
	key := strings.TrimSpace(env("OPENAI_API_KEY"))
	switch {
	case key == "":
		return errors.New("--live needs the environment variable OPENAI_API_KEY")
	case strings.ContainsFunc(key, unicode.IsControl):
		return errors.New("OPENAI_API_KEY has a line break or another control character in it; set it to the key alone")
	}
	base := liveConfig(env).BaseURL
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || checkPort(portOf(u)) != nil {
		return fmt.Errorf("OPENAI_BASE_URL=%s: use a URL such as https://api.openai.com/v1", visible.Line(visible.URL(base)))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("OPENAI_BASE_URL=%s: leave out query and fragment, for paths are added to it", visible.Line(visible.URL(base)))
	}
	return nil
}
