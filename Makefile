# A thin front for CMake; the build itself is described in CMakeLists.txt and CMakePresets.json.
#
# Missing packages are installed by scripts/install-deps; SKIP_DEPS=1 leaves packages alone.

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 600
deps = $(if $(SKIP_DEPS),true,scripts/install-deps $(1))
# Ninja is looked for when a recipe runs, after the packages have been installed.
configure = if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi; \
    cmake --preset $(1) --log-level=NOTICE && touch $@
# What is killed is what users run; the load comes from the test build.
chaos = VAPORA_COORD=build/bin/vapora-coord VC_CHAOS_LOAD=build/dev/tests/chaos-load \
    tests/chaos/driver

.NOTPARALLEL:
.PHONY: all dev test test-long power-cuts fuzz fuzz-targets sim planted chaos chaos-long lint demo clean help

all: build/configured ## build the program: build/bin/vapora-coord
	@cmake --build --preset release -j $(JOBS)

dev: build/dev/configured ## build program and tests with sanitizers, in build/dev
	@cmake --build --preset dev -j $(JOBS)

test: all dev fuzz-targets ## run the whole test suite under the address and undefined behaviour sanitizers
	@ctest --preset dev

test-long: dev ## run the tests that take minutes
	@ctest --preset long

power-cuts: all ## cut the power under coordinator and server CUTS times (100); needs root and a loop device
	@POWER_CUTS=$(or $(CUTS),100) VAPORA_COORD=$(CURDIR)/build/bin/vapora-coord \
	    PYTHONDONTWRITEBYTECODE=1 python3 tests/disk/power_cut.test.py

fuzz: fuzz-targets ## fuzz each target for FUZZ_SECONDS (600); TARGETS="submit http" for a few
	@nice tests/fuzz/run --seconds $(FUZZ_SECONDS) --jobs $(JOBS) $(TARGETS)

fuzz-targets: build/fuzz/configured
	@cmake --build --preset fuzz -j $(JOBS)

SEEDS ?= 10000
sim: dev ## simulate the coordinator under faults; SEEDS=10000 of them, or SEED=7 told in every line
	@build/dev/tests/sim-test_seeds $(if $(SEED),--seed $(SEED) --verbose,--seeds $(SEEDS))

planted: build/dev/configured ## plant known faults one by one and show which test catches each; PLANTED="a b" for a few
	@tests/planted/run $(PLANTED)

chaos: all dev ## kill -9 everything at random under load for half a minute, then ask the oracle
	@$(chaos) --kills 20 --server-kills 5 --tasks 5000 --rate 600 --limit 60
	@$(chaos) --kills 10 --server-kills 3 --tasks 3000 --rate 600 --limit 60 --embedded

chaos-long: all dev ## the same, 1,000 kills of the coordinator and 300,000 tasks: 15 minutes and more
	@$(chaos) --kills 1000 --server-kills 250 --tasks 300000 --rate 600 --tell 10
	@$(chaos) --kills 100 --server-kills 25 --tasks 30000 --rate 600 --tell 10 --embedded

lint: all dev ## check the house rules, then run clang-tidy and cppcheck; FILES="a.c b.c" for a few
	@ctest --preset dev -L '^lint$$'
	@tests/lint/analyse build/dev $(FILES)

demo: all ## run the main job: seven real tools as agents, and a coordinator that learns who is who
	@$(call deps,demo)
	@VAPORA_COORD=$(CURDIR)/build/bin/vapora-coord examples/demo/run

clean: ## remove everything that was built
	@rm -rf build

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

build/configured: CMakePresets.json scripts/install-deps
	@$(call deps,build)
	@$(call configure,release)

build/dev/configured: CMakePresets.json scripts/install-deps
	@$(call deps,test)
	@$(call configure,dev)

build/fuzz/configured: CMakePresets.json scripts/install-deps
	@$(call deps,test)
	@$(call configure,fuzz)
