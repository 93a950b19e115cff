// Package compose holds docker-compose.yml and collector-config.yaml to each
// other. It reads them as text: what it looks for stands on single lines.
package compose

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// read returns the file without comments.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(string(b), "")
}

// values returns what the groups of pattern match, for each of its matches.
func values(t *testing.T, text, pattern string) [][]string {
	t.Helper()
	var out [][]string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1:])
	}
	if len(out) == 0 {
		t.Fatalf("nothing matches %s", pattern)
	}
	return out
}

func TestImagesArePinned(t *testing.T) {
	images := values(t, read(t, "docker-compose.yml"), `image: (\S+)`)
	for _, m := range images {
		if !regexp.MustCompile(`:\d+\.\d+\.\d+$`).MatchString(m[0]) {
			t.Errorf("image %s names no version", m[0])
		}
	}
	jaeger := values(t, read(t, "docker-compose.yml"), `image: jaegertracing/jaeger:(\d+)\.(\d+)`)[0]
	major, _ := strconv.Atoi(jaeger[0])
	minor, _ := strconv.Atoi(jaeger[1])
	if major < 2 || major == 2 && minor < 20 {
		t.Errorf("Jaeger %d.%d: the view of model calls is in 2.20 and later", major, minor)
	}
	version := values(t, read(t, "docker-compose.yml"), `image: otel/opentelemetry-collector-contrib:(\S+)`)[0][0]
	config, err := os.ReadFile("../../collector-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(config), version) {
		t.Errorf("collector-config.yaml is not written for version %s", version)
	}
}

func TestPortsAgree(t *testing.T) {
	compose, config := read(t, "docker-compose.yml"), read(t, "collector-config.yaml")
	var published []string
	for _, m := range values(t, compose, `- "([^":]+:)?(\d+):(\d+)"`) {
		if m[0] != "127.0.0.1:" {
			t.Errorf("port %s is published on %q: nothing there asks for a password", m[1], m[0])
		}
		if m[1] != m[2] {
			t.Errorf("port %s is published as %s", m[2], m[1])
		}
		published = append(published, m[1])
	}
	for _, m := range values(t, config, `endpoint: 0\.0\.0\.0:(\d+)`) {
		if !slices.Contains(published, m[0]) {
			t.Errorf("the collector listens on %s, which is not published", m[0])
		}
	}
}

func TestCollectorSendsToAService(t *testing.T) {
	compose, config := read(t, "docker-compose.yml"), read(t, "collector-config.yaml")
	for _, m := range values(t, config, `endpoint: \$\{env:\w+:-([\w-]+):(\d+)\}`) {
		if !regexp.MustCompile(`(?m)^  ` + m[0] + `:$`).MatchString(compose) {
			t.Errorf("no service is named %s", m[0])
		}
		if !strings.Contains(compose, `- "`+m[1]+`"`) {
			t.Errorf("no service exposes port %s", m[1])
		}
	}
	size := values(t, config, `max_size: (\d+)`)[0][0]
	if n, err := strconv.Atoi(size); err != nil || n >= 4<<20 {
		t.Errorf("max_size %s: receivers refuse requests of 4 MiB", size)
	}
	if strings.Contains(config, "processors:") {
		t.Error("a batch processor acknowledges what it may still lose; batch in the sending queue")
	}
}
