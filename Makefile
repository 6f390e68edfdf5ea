# Two commands do all the set-up: `make run` and `make test`. Both install the system packages that are missing first.

SECONDS ?= 60
ROUNDS ?= 300
KILLS ?= 100
CASES ?= 20000
CONFIG ?= $(or $(DNS_AUDITOR_CONFIG),config/dns-auditor.toml)

.PHONY: help run test lab bench-probe bench-store fuzz properties soak kills check

help:
	@echo "make run     the service, with $(CONFIG) (another: make run CONFIG=FILE)"
	@echo "make test    all tests, those against real DNS servers too"
	@echo "make lab     real DNS servers on loopback, to point a group at and plant wrong answers in"
	@echo "make bench-probe   what a lookup costs, beside dnsperf, over every transport"
	@echo "make bench-store   what history costs and how soon it answers, with SCALE=1000000 observations"
	@echo "make fuzz    octets against everything that reads them, SECONDS=60 for each target"
	@echo "make properties   CASES=20000 random worlds for each property of the judge (SEED=7 from that one on)"
	@echo "make soak    ROUNDS=300 of ordinary life on a network that loses packets, then each fault (SEED=7 again as that)"
	@echo "make kills   KILLS=100 deaths by SIGKILL, of the service and of its PostgreSQL (SEED=7 again as that)"
	@echo "make check   formatting, lints and documentation, warnings denied"

run:
	packaging/install-deps run
	cargo run --locked --release -- serve --config $(CONFIG)

# The tests of documents come first: whoever reads the last line learns of the real ones. `make soak` is apart.
test:
	packaging/install-deps test
	cargo test --locked --doc
	cargo test --locked --no-fail-fast --lib --bins --tests -- --skip service::soak

lab:
	packaging/install-deps test
	cargo run --locked --example lab

bench-probe:
	packaging/install-deps bench
	cargo bench --locked --bench probe

bench-store:
	packaging/install-deps run
	SCALE=$(SCALE) cargo bench --locked --bench store

# Coverage is all the fuzzer needs, since nothing here is unsafe: the stable compiler has that, and libFuzzer comes with its
# crate. What is found is kept in fuzz/artifacts, what teaches something in fuzz/corpus.
COVERAGE = -sanitizer-coverage-
FUZZ_FLAGS = --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=$(COVERAGE)level=4 -Cllvm-args=$(COVERAGE)trace-compares \
	-Cllvm-args=$(COVERAGE)inline-8bit-counters -Cllvm-args=$(COVERAGE)pc-table
FUZZ_END = -max_len=4096 -timeout=5 -max_total_time=$(SECONDS) -print_final_stats=1
fuzz:
	packaging/install-deps fuzz
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --locked --release --target host-tuple
	cd fuzz && set -e && for target in reply framing unpack; do \
		mkdir -p corpus/$$target artifacts/$$target; \
		target/*/release/$$target corpus/$$target seeds/$$target -artifact_prefix=artifacts/$$target/ $(FUZZ_END); done

# Optimised, overflows still checked: as the tests are built it would take ten times as long.
properties:
	CASES=$(CASES) SEED=$(SEED) CARGO_PROFILE_TEST_OPT_LEVEL=2 \
		cargo test --locked --target-dir target/properties --lib judge::tests::worlds -- --nocapture

soak:
	packaging/install-deps soak
	ROUNDS=$(ROUNDS) SEED=$(SEED) cargo test --locked --test it service::soak -- --nocapture

kills:
	packaging/install-deps test
	KILLS=$(KILLS) SEED=$(SEED) cargo test --locked --test it resilience::deaths -- --nocapture --include-ignored

check:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
