# make demo | test | build | bench | format | clean. Each installs what is missing first (Debian packages).
SHELL := /bin/bash
JOBS ?= $(shell nproc)
# Tests of the server wait most of the time.
TEST_JOBS ?= $(shell expr $(JOBS) + 1)
MODEL ?=
AUDIO ?=

.PHONY: build demo test test-asan test-tsan test-serve-tsan test-arm bench dependencies format clean

dependencies:
	@tools/install_dependencies.sh cmake/apt-packages.txt

# The optimised program at build/glossa.
build: dependencies
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS)
	@ln -sfn release/bin/glossa build/glossa

# Transcribes the bundled recordings, or yours: make demo MODEL=path AUDIO=path
demo: build
	@tools/demo.sh "$(MODEL)" "$(AUDIO)"

# Everything CI runs: both compilers, all tests, layers, symbols; then, in what is left of MINUTES, the fast tests and the server
# under the sanitizers, and the kernels for ARM. What there was no time for is said last.
MINUTES ?= 44
STARTED := $(shell date +%s)
test: dependencies
	@tools/install_dependencies.sh tests/apt-packages.txt
	cmake --preset dev >/dev/null
	cmake --build --preset dev -j $(JOBS)
	tools/check_layers.py
	tools/check_symbols.sh build/dev
	ctest --test-dir build/dev --output-on-failure -j $(TEST_JOBS)
	@MAKE="$(MAKE)" tools/as_time_allows.sh $(STARTED) $(MINUTES) test-asan test-tsan test-arm

# AddressSanitizer and UndefinedBehaviorSanitizer with clang: all tests but slow ones, the server and its clients; builds the
# fuzz targets, too. Ends at the first failure, here and below, so that none is cut off with the rest.
test-asan: dependencies
	@tools/install_dependencies.sh tests/apt-packages.txt
	cmake --preset asan >/dev/null
	cmake --build --preset asan -j $(JOBS)
	ctest --test-dir build/asan --output-on-failure --stop-on-failure -j $(TEST_JOBS) -LE slow

# ThreadSanitizer with clang: the tests that use several threads.
test-tsan: dependencies
	cmake --preset tsan >/dev/null
	cmake --build --preset tsan -j $(JOBS) --target engine_threads_test thread_pool_test data_loader_test
	ctest --test-dir build/tsan --output-on-failure --stop-on-failure -j $(JOBS) -R 'Concurrency|ThreadPool'

# The server under ThreadSanitizer: its own tests, real clients, and those that break. Not part of `make test`, which has no time
# for it. Riva's calls are not checked: gRPC's library is not instrumented.
test-serve-tsan: dependencies
	@tools/install_dependencies.sh tests/apt-packages.txt
	cmake --preset tsan-serve >/dev/null
	cmake --build --preset tsan-serve -j $(JOBS) --target glossa glossa-serve serve_test
	ctest --test-dir build/tsan-serve/tests/serve --output-on-failure -E 'serve_browser|serve_page'

# Speed and memory here, beside the machine's limits: make bench MODEL=path
bench: build
	@build/glossa bench $(if $(MODEL),--model "$(MODEL)")

# The kernels for 64-bit ARM, cross-compiled with g++ and run under qemu-user.
test-arm: dependencies
	cmake --preset aarch64 >/dev/null
	cmake --build --preset aarch64 -j $(JOBS)
	tools/check_symbols.sh build/aarch64
	ctest --test-dir build/aarch64 --output-on-failure --stop-on-failure -j $(JOBS)

format:
	find include src tests bench examples -name '*.h' -o -name '*.hpp' -o -name '*.cc' -o -name '*.c' | xargs clang-format -i

clean:
	rm -rf build
