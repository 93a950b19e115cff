# What a developer runs by hand. The checks themselves are steps of .ci/run, so
# that both are the same.

FUZZTIME ?= 20s

module := github.com/callspan/callspan

# Packages whose tests compare with golden files: those that import internal/golden.
golden = $(shell go list -test -f '{{$$p := .ForTest}}{{if $$p}}{{range .Deps}}{{if eq . "$(module)/internal/golden"}}{{println $$p}}{{end}}{{end}}{{end}}' ./... | grep -v /internal/golden$$ | sort -u)

.PHONY: help test race check backends bench fuzz demo update

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## the tests, as anybody runs them
	go test ./...

race: ## the tests with the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race ./...

check: ## what a change has to pass: gofmt, vet for three systems, staticcheck, tidy, race
	.ci/run gofmt vet staticcheck tidy race

backends: ## read traces back from a real Jaeger and Collector, built first: minutes
	.ci/run backends

bench: ## benchmarks, and the cost of tracing beside plain calls
	go test -run '^$$' -bench . -benchmem ./llm/openai ./tracing ./callback ./llm/token ./llm/price ./llm/prompt ./chain/...
	go test -p 1 -count 1 ./llm/openai ./tracing -run "Ratio|TestExportRate" -ratio -v

fuzz: ## every fuzz target for FUZZTIME (20s)
	@set -e; grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:[0-9]*:func / /' | sort | \
	while read -r file name; do \
		echo "== $$name in $$(dirname $$file)"; \
		go test "$$(dirname $$file)" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) </dev/null; \
	done

demo: ## a streamed conversation and its trace
	go run ./cmd/callspan demo

update: ## rewrite the golden files; the diff is the change to review
	go test $(golden) -update
