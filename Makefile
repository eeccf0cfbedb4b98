# Holdfast's commands. `make help` lists them.
SHELL := /bin/bash
# Debian's own tools, so that nothing installed elsewhere hides a missing package.
export PATH := /usr/sbin:/usr/bin:/sbin:/bin
TIME ?= 600
TARGET ?= all

SOURCES = $$(git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp')

.DEFAULT_GOAL := help
.PHONY: help setup test unit format layers tidy fmt fuzz fuzz-smoke clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | \
	  awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Install the Debian packages that are missing
	@tools/setup tools/packages-build.txt

test: setup ## Everything that CI runs
	@tools/run_tests

unit: setup ## Unit tests under ASan and UBSan
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

clean: ## Remove what was built
	@rm -rf build
