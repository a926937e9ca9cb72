# The targets a person and .ci/run share. `make` alone explains them.
GO ?= go
BIN := bin/afterhours
RUN := $(GO) run

GOFUMPT := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

FUZZTIME ?= 20s
TESTFLAGS ?=
INTAKEFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help build demo test lint bench bench-intake bench-pages bench-parser screenshots fuzz postgres chromium clean bench-web failover roll soak
.PHONY: pgbouncer curl python3
.PHONY: dist dist-check

help: ## explain the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

build: ## build bin/afterhours
	CGO_ENABLED=0 $(GO) build -buildvcs=auto -trimpath -o $(BIN) ./cmd/afterhours

dist: ## build what a release consists of into dist/: binaries, Debian packages, licences, SBOM, provenance, checksums
	$(GO) run ./deploy/dist -out dist

dist-check: dist ## build it again from a clone in another folder, and compare
	@clone=$$(mktemp -d) && git clone -q . "$$clone/afterhours" && (cd "$$clone/afterhours" && $(GO) run ./deploy/dist -out dist) && \
		diff dist/SHA256SUMS "$$clone/afterhours/dist/SHA256SUMS" && (cd dist && sha256sum -c --quiet SHA256SUMS) && echo "both builds are the same"; \
		status=$$?; rm -rf "$$clone"; exit $$status

demo: postgres build ## run a sample team with sample mails, and print where to look
	@$(BIN) demo

test: postgres chromium pgbouncer curl python3 ## run all tests, with the race detector where there is a C compiler
	@sh deploy/test $(GO) test $(TESTFLAGS) ./...

lint: ## run go vet, gofumpt, staticcheck and golangci-lint, in pinned versions
	$(GO) vet ./...
	@unformatted=$$($(RUN) $(GOFUMPT) -l .); test -z "$$unformatted" || { echo "gofumpt -w these:"; echo "$$unformatted"; exit 1; }
	$(RUN) $(STATICCHECK) ./...
	$(RUN) $(GOLANGCI) run

bench: postgres ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-intake: postgres ## print how fast mail comes in, until its pages are queued, beside pgbench and Postfix (INTAKEFLAGS)
	@$(GO) test -count=1 -timeout 60m -run '^TestIntakeTable$$' -v ./cmd/afterhours -args -intake-table $(INTAKEFLAGS)

bench-pages: postgres ## print how long mails take to the arrival of their pages, at rest and beside other mail (PAGEFLAGS)
	@$(GO) test -count=1 -timeout 60m -run '^TestPageTable$$' -v ./cmd/afterhours -args -page-table $(PAGEFLAGS)

soak: postgres ## let mail come in at half the top rate for an hour, and watch that nothing grows (SOAKFLAGS)
	@$(GO) test -count=1 -timeout 120m -run '^TestAGatewayStaysTheSameForAnHour$$' -v ./cmd/afterhours -args $(or $(SOAKFLAGS),-soak 60m)

roll: postgres ## replace the program of another commit (FROM=v0.1.0) by this one, under load, on one database
	@test -n "$(FROM)" || { echo "make roll FROM=COMMIT: which older version is replaced?" >&2; exit 2; }
	@old=$$(mktemp -d) && trap 'git worktree remove --force "$$old/source" 2>/dev/null; rm -rf "$$old"' EXIT && \
	git worktree add -q --detach "$$old/source" "$(FROM)" && (cd "$$old/source" && CGO_ENABLED=0 $(GO) build -o "$$old/afterhours" ./cmd/afterhours) && \
	$(GO) test -count=1 -timeout 30m -run '^TestAGatewayIsReplacedByANewerOneUnderLoad$$' -v ./cmd/afterhours -args -roll-from "$$old/afterhours" $(ROLLFLAGS)

failover: postgres ## kill and cut off gateways and nodes of a Patroni cluster under load; needs root, patroni, etcd-server (FAILOVERFLAGS)
	@$(GO) test -count=1 -timeout 120m -run '^TestPagingOutlivesItsHosts$$' -v ./cmd/afterhours -args $(or $(FAILOVERFLAGS),-failover 1)

bench-web: postgres ## print how fast the desk answers behind a million tickets, and what they take, minutes of writing first (WEBFLAGS)
	@$(GO) test -count=1 -timeout 60m -run '^TestWebTable$$' -v ./cmd/afterhours -args -web-table $(WEBFLAGS)

bench-parser: ## compare the parser with enmime on the worst and the oddest mails
	@mails=$$(mktemp -d) && $(GO) test ./parser -run TestMailsOfTheBenchmarksAreWritten -mails "$$mails" >/dev/null && \
		cd parser/comparison && $(GO) test -bench . -mails "$$mails"; rm -rf "$$mails"

screenshots: postgres chromium ## renew the pictures of every page in docs/screenshots
	@mkdir -p docs/screenshots && $(GO) test -count=1 -timeout 20m -run '^TestScreenshots$$' ./cmd/afterhours -args -screenshots "$(CURDIR)/docs/screenshots"

fuzz: ## run each fuzz target for FUZZTIME (20s, or 3000x)
	@sh deploy/fuzz $(GO) $(FUZZTIME)

postgres: # install a Postgres server where none is found and the system allows it
	@sh deploy/install postgres

chromium: # install Chromium for the browser tests where none is found and the system allows it
	@sh deploy/install chromium

pgbouncer: # install a pgbouncer for the tests behind one where none is found and the system allows it
	@sh deploy/install pgbouncer

curl: # install curl for the commands of the documents
	@sh deploy/install curl

python3: # install Python for the test that lets its parser read our mails
	@sh deploy/install python3

clean: ## remove what build made
	rm -rf bin
