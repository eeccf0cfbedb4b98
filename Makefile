# Holdfast's commands. `make help` lists them.
SHELL := /bin/bash
# Debian's own tools, so that nothing installed elsewhere hides a missing package.
export PATH := /usr/sbin:/usr/bin:/sbin:/bin
TIME ?= 600
TARGET ?= all
# Of the system tests: sqlite or postgres.
ENGINE ?= sqlite

SOURCES = $$(git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp')

.DEFAULT_GOAL := help
.PHONY: help setup setup-unit setup-tests run release test unit conformance integration format layers tidy fmt fault fault-sample fuzz fuzz-smoke bench bench-scale bench-pages bench-collection bench-scans clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | \
	  awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Install the Debian packages that are missing
	@tools/setup tools/packages-build.txt

setup-unit: setup
	@tools/setup tools/packages-unit.txt

setup-tests: setup-unit
	@tools/setup tests/packages.txt

run: setup ## Build a release and serve ./data on https://localhost:8443
	@$(MAKE) --no-print-directory release
	@exec build/release/apps/holdfast/holdfast serve --data-dir ./data

release: setup ## Build what runs in production
	@[ -e build/release/build.ninja ] || cmake --preset release >build-configure.log 2>&1 || \
	  { cat build-configure.log; exit 1; }
	@rm -f build-configure.log
	@ninja -C build/release --quiet holdfast | grep -v 'no work to do'; exit $${PIPESTATUS[0]}

conformance: setup-tests ## /v2, tokens and operations against the server, black box
	@ninja -C build/dev --quiet holdfast holdfast_compare_versions
	@HOLDFAST_TEST_ENGINE=$(ENGINE) /usr/bin/python3 -m pytest tests/conformance -n 2 -q -p no:cacheprovider

integration: setup-tests ## The real Docker Engine, podman, skopeo, containerd, nginx, HAProxy (root)
	@ninja -C build/dev --quiet holdfast
	@$$([ "$$(id -u)" = 0 ] || echo sudo) env HOLDFAST_TEST_ENGINE=$(ENGINE) /usr/bin/python3 -m pytest tests/integration -q -p no:cacheprovider

fault: POINTS = all
fault: LIST = $(CURDIR)/build/fault
fault: fault-sample ## Power cuts, I/O errors, kill -9 at every call of a push (hours)

fault-sample: setup-tests ## The same at a seeded hundred
	@ninja -C build/dev --quiet holdfast
	@FAULT_POINTS=$(or $(POINTS),100) FAULT_LIST=$(LIST) HOLDFAST_TEST_ENGINE=$(ENGINE) /usr/bin/python3 -m pytest tests/fault -n 2 -q \
	  -p no:cacheprovider -o timeout=0

test: setup-tests ## Everything that CI runs
	@tools/run_tests

unit: setup-unit ## Unit tests under ASan and UBSan
	@cmake --preset dev >build-configure.log 2>&1 || { cat build-configure.log; exit 1; }
	@rm -f build-configure.log
	@ninja -C build/dev --quiet
	@ctest --preset dev --verbose | grep -vE '\[ RUN      \]|\[       OK \]|\[----------\]'; exit $${PIPESTATUS[0]}

format: setup ## Check the format
	@clang-format-19 --dry-run --Werror $(SOURCES)

layers: setup ## Check who includes whom
	@tools/check_layers
	@python3 -m unittest discover -s tools/tests -p 'test_*.py'

tidy: unit-configured ## Lint (clang-tidy), remembered per file
	@tools/check_tidy build/dev

.PHONY: unit-configured
unit-configured: setup
	@cmake --preset dev >/dev/null

fmt: setup ## Format the sources
	@clang-format-19 -i $(SOURCES)

fuzz-smoke: setup ## Each fuzz target over its seeds, a few seconds
	@cmake --preset dev >/dev/null && ninja -C build/dev --quiet fuzz_targets
	@tools/fuzz build/dev/fuzz 5 all

fuzz: setup ## A long fuzz run: TIME=seconds TARGET=name
	@cmake --preset fuzz >/dev/null && ninja -C build/fuzz --quiet fuzz_targets
	@tools/fuzz build/fuzz/fuzz $(TIME) $(TARGET)

bench: release ## Measure beside docker-registry and nginx: ROW=group ENGINE=postgres
	@tools/setup bench/packages.txt
	@mkdir -p build/bench
	@clang++-19 -std=c++23 -O2 bench/heads.cpp -o build/bench/heads
	@clang++-19 -std=c++23 -O2 bench/fetch.cpp -o build/bench/fetch -lssl -lcrypto
	@ROW="$(ROW)" ENGINE="$(ENGINE)" /usr/bin/python3 bench/run.py

bench-scale: release ## Lists with 100,000 repositories, 100,000 tags, 1,000,000 blobs
	@tools/setup bench/packages.txt
	@ENGINE="$(ENGINE)" /usr/bin/python3 bench/run.py --scale

bench-pages: release ## Pages of the REST APIs with 10,000 users, 100,000 repositories, 10,000,000 events
	@tools/setup bench/packages.txt
	@ENGINE="$(ENGINE)" /usr/bin/python3 bench/run.py --pages

bench-collection: release ## Garbage freed beside unlink, pushes beside it, its memory with 1,000,000 blobs
	@tools/setup bench/packages.txt
	@ENGINE="$(ENGINE)" /usr/bin/python3 bench/run.py --collection

bench-scans: release ## Scans and imports of advisories; OSV=FOLDER has NAME/all.zip
	@tools/setup bench/packages.txt
	@ENGINE="$(ENGINE)" OSV="$(OSV)" /usr/bin/python3 bench/run.py --scans

clean: ## Remove what was built
	@rm -rf build
