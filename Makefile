# Every command a person needs; CI calls the same ones. `make` alone lists them.
# All builds use the same RUSTFLAGS (none of our own), so that no two targets rebuild each other's work.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
export PATH := $(CURDIR)/var/tools/bin:$(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
STANDALONE := $(TARGET_DIR)/e2e/standalone
SETUP := deploy/setup/setup.sh

.PHONY: help
help: ## list these commands
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
		printf '  make %-15s %s\n' "$$name" "$$what"; done

# --- run it ---------------------------------------------------------------------------------------------------------

.PHONY: run
run: standalone ## start all of NTB Care here, with its own NATS and PostgreSQL; Ctrl-C stops it
	@exec $(STANDALONE)

.PHONY: demo
demo: standalone ## send 60 invented complaints to what `make run` started, and watch each one's way
	@exec $(STANDALONE) demo

.PHONY: follow
follow: standalone ## print one complaint's events, deliveries, clocks and traces: make follow TICKET=…
	@[ -n "$(TICKET)" ] || { echo "say which: make follow TICKET=…"; exit 64; }
	@exec $(STANDALONE) follow "$(TICKET)"

.PHONY: backup
backup: standalone ## write a backup to DIR (default: a new folder in var/backups)
	@exec $(STANDALONE) backup "$(or $(DIR),var/backups/$(shell date -u +%Y%m%dT%H%M%SZ))"

.PHONY: restore
restore: standalone ## bring a backup back: make restore DIR=…
	@[ -n "$(DIR)" ] || { echo "say from where: make restore DIR=…"; exit 64; }
	@exec $(STANDALONE) restore "$(DIR)"

# The built binary; the commands above are quick when it is there already.
.PHONY: standalone
standalone: setup
	@cargo build --locked --profile e2e -p standalone

# --- work on it -----------------------------------------------------------------------------------------------------

.PHONY: setup
setup: ## install what running and building need
	@$(SETUP) run

.PHONY: setup-test
setup-test: ## install what tests and checks need, too
	@$(SETUP) test

.PHONY: fmt
fmt: ## format the code
	@cargo fmt --all

.PHONY: check
check: setup-test ## format, lints, licences, manifests, scripts: all that needs no running system
	cargo fmt --all --check
	deploy/checks/tree.py
	deploy/checks/scripts.sh
	deploy/checks/manifests.sh
	deploy/checks/licences.sh
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: test
test: setup-test ## all tests, end to end with real NATS and PostgreSQL and foreign clients
	cargo build --locked --workspace
	cargo test --locked --workspace

.PHONY: faults
faults: setup-test ## each fault ROUNDS=5 times at moments that SEED chooses; figures in target/reports/faults.json
	cargo build --locked --workspace
	NTB_FAULTS_ROUNDS=$(or $(ROUNDS),5) NTB_FAULTS_SEED=$(or $(SEED),$(shell date +%s)) \
		NTB_FAULTS_REPORT=$(abspath $(TARGET_DIR))/reports/faults.json \
		cargo test --locked -p ntbcare-tests --test faults -- --nocapture --test-threads 1

.PHONY: eval
eval: ## measure classifying on texts not learnt, and a peer beside it; figures in target/reports/eval.json; SURABAYA=FILE [SURABAYA_TEST=FILE]
	@for file in "$(SURABAYA)" "$(SURABAYA_TEST)"; do \
		[ -z "$$file" ] || [ -r "$$file" ] || { echo "there is no file $$file to read: SURABAYA and SURABAYA_TEST are CSV with id,month,category,agency,text" >&2; exit 66; }; done
	@$(SETUP) eval
	@cargo build --locked --quiet --profile e2e -p classification
	@$(TARGET_DIR)/e2e/classification evaluate --report $(abspath $(TARGET_DIR))/reports/eval.json \
		--peer-python var/tools/eval/bin/python \
		$(if $(SURABAYA),--surabaya "$(SURABAYA)") $(if $(SURABAYA_TEST),--surabaya-test "$(SURABAYA_TEST)")

# On two cores, whatever the machine has: goals are for two. PROFILE=e2e is quicker to build and slower to run.
BENCH_PROFILE := $(or $(PROFILE),release)
.PHONY: bench
bench: setup-test ## how fast complaints are accepted and delivered, and what they cost; figures in target/reports/bench.json
	cargo build --locked --profile $(BENCH_PROFILE) --workspace --bins
	cargo bench --locked --profile $(BENCH_PROFILE) -p ntbcare-tests --bench main_path --no-run
	NTB_BENCH_REPORT=$(abspath $(TARGET_DIR))/reports/bench.json taskset -c 0,1 \
		cargo bench --locked --profile $(BENCH_PROFILE) -p ntbcare-tests --bench main_path
	@$(MAKE) --no-print-directory bench-likeness

.PHONY: bench-likeness
bench-likeness: setup-test ## similar complaints among a million open ones; figures in target/reports/likeness.json
	cargo build --locked --profile $(BENCH_PROFILE) -p classification --bins
	NTB_LIKENESS_REPORT=$(abspath $(TARGET_DIR))/reports/likeness.json taskset -c 0,1 \
		cargo bench --locked --profile $(BENCH_PROFILE) -p ntbcare-tests --bench likeness

.PHONY: images
images: setup ## one small non-root OCI image a service, in target/images, without a registry or an engine
	deploy/images/build.sh

.PHONY: clean
clean: ## delete build output; the state in var/ stays
	cargo clean
	rm -rf target/images
