# Everything a developer runs. `make` or `make help` lists it.

# cgo is off everywhere; only the race detector needs it, and scripts/test.sh turns it on for those packages alone.
export CGO_ENABLED := 0

# The same for tests and the program, so that a package is compiled once for both.
export GOFLAGS := $(GOFLAGS) -tags=nomsgpack -trimpath

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
GOBUILD := go build -ldflags "-s -w -X main.version=$(VERSION)"

.DEFAULT_GOAL := help
.PHONY: help run build web test test-quick test-race proof bench bench-growth lint fuzz openapi grants operations-walk measure screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build, and run a demo township at http://127.0.0.1:8080 (JISHAN_HTTP_ADDR, JISHAN_DATA_DIR change it)
	./bin/jishan demo

build: web ## build bin/jishan, one static file with the screens inside
	@mkdir -p bin
	$(GOBUILD) -o bin/jishan ./cmd/jishan

web: ## build the screens into web/dist (Node 20)
	./scripts/web.sh build

test: ## every test, on SQLite and on a throwaway MariaDB and Redis (installed by apt if missing)
	./scripts/test.sh

test-quick: ## under a minute: SQLite and in-process Redis only, without internal/e2e and internal/proof
	go test -short -p 4 $$(go list ./... | grep -v -e internal/e2e -e internal/proof)

test-race: ## the concurrent packages under the race detector, on MariaDB and Redis
	./scripts/services.sh ./scripts/race.sh

proof: ## the program under faults on SQLite, MariaDB, Galera and a Redis Cluster, judged by a history checker (SEED, PROOF_SECONDS)
	./scripts/proof.sh

bench: ## throughput on MariaDB and SQLite; writes docs/benchmarks.md
	./scripts/bench.sh

bench-growth: ## an empty county beside one with years behind it (BENCH_GROWTH_ROWS=10000000); writes a section of docs/benchmarks.md
	./scripts/bench.sh growth

operations-walk: build ## the installation of docs/operations.md on throwaway servers: two processes, nginx, backup, restore, verify
	WITH_NGINX=1 ./scripts/services.sh ./scripts/operations-walk.sh

measure: build ## how fast the console is in a village of 2,000 households, and how many keys fifty awards take; prints figures
	./scripts/web.sh measure

lint: ## gofmt and go vet
	./scripts/lint.sh

fuzz: ## every fuzz target for FUZZTIME (10s) each
	./scripts/fuzz.sh

screenshots: build ## take the pictures in docs/screens anew, in Chromium, of a demo
	./scripts/web.sh screenshots

grants: ## write configs/mariadb-grants.sql anew, from the statements in the program
	go test ./internal/archtest -run Grants -count=1 -update

openapi: ## write docs/openapi.json, docs/errors.md and docs/permissions.md anew, and web/api/schema.d.ts with them
	go test ./internal/api -run Golden -count=1 -update
	./scripts/web.sh types

clean: ## remove what was built (not the demo's data)
	rm -rf bin web/dist
	go clean -testcache
