# make test    everything that must pass, in a few minutes: the command CI runs
# make long    the same laws and hand-overs at full size, and fuzzing
# make replay  the same decisions from other builds: GOAMD64=v1 and v3, GOARCH=386
# make bench   the figures in the README
# make lint    golangci-lint, vet and module hygiene
#
# `go test ./...` skips nested modules without a word, so everything here goes
# through the workspace pattern `work` or loops over the modules.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

MODULES   := $(shell git ls-files 'go.mod' '*/go.mod' | xargs -n1 dirname)
RACE      := -race -timeout 20m
FUZZTIME  ?= 60s
BENCHTIME ?= 1s
REPLAY    := Golden|Replay|Law|Transcript|Vectors
REPLAYED  := ./decide/... ./signal .
LINT      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: test long bench lint vet setup tidy fuzz replay

test: setup vet
	go test $(RACE) work
	# A green workspace proves nothing to a consumer: each module by itself.
	for m in $(MODULES); do (cd $$m && echo "== $$m, GOWORK=off" && GOWORK=off go test $(RACE) ./...); done
	# The root module needs no C compiler.
	CGO_ENABLED=0 go build ./... && CGO_ENABLED=0 go test -timeout 20m -run 'Test|Example' ./decide ./signal ./backpressure
	$(MAKE) replay

# What the tests need and Go does not bring, installed once where root and a
# package registry are there. Prints why and goes on where they are not.
setup:
	bash internal/testenv/setup.sh

vet:
	go vet work

# The same decisions, bit for bit, when the compiler may use newer instructions
# (with v3 it fuses multiplications with additions where the code lets it) and when
# an int has 32 bits. With EVENKEEL_LONG=1, a million steps of every stage.
replay:
	GOAMD64=v1 go test -run '$(REPLAY)' $(REPLAYED)
	if grep -qw avx2 /proc/cpuinfo 2>/dev/null; then GOAMD64=v3 go test -run '$(REPLAY)' $(REPLAYED); \
	else echo "GOAMD64=v3 replay skipped: this processor has no AVX2"; fi
	GOARCH=386 go test -run '$(REPLAY)' -exec true $(REPLAYED) >/dev/null # it compiles anywhere
	if GOARCH=386 go test -run '^$$' ./signal >/dev/null 2>&1; then GOARCH=386 go test -timeout 20m -run '$(REPLAY)' $(REPLAYED); \
	else echo "GOARCH=386 replay skipped: this machine does not run its programs"; fi

long: setup
	EVENKEEL_LONG=1 go test -race -timeout 120m work
	# The laws at 100,000 cases each, which the race detector would take hours for.
	EVENKEEL_LONG=1 go test -timeout 120m -run 'Law|Without' ./decide
	EVENKEEL_LONG=1 $(MAKE) replay REPLAY=Transcript REPLAYED=./decide
	$(MAKE) fuzz

# Every fuzz target in every package, for FUZZTIME each.
fuzz:
	for m in $(MODULES); do (cd $$m; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "== $$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done); done

bench:
	go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./signal ./decide ./decide/policy ./backpressure ./backpressure/grpcgate .

lint: vet
	test -z "$$(git ls-files -z '*.go' | xargs -0 gofmt -l | tee /dev/stderr)"
	for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy -diff); done
	for m in $(MODULES); do (cd $$m && go run $(LINT) run ./...); done

tidy:
	for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy); done
