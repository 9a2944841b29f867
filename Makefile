# demo: the whole thing on this machine · gallery: pictures of all its layouts · test · lint · bench · bless: take generated files and pictures as they are now

CARGO ?= cargo
say = @printf '\n== %s\n' "$(1)"

.PHONY: demo gallery test build console lint fmt bench bless setup-demo setup-test
.DEFAULT_GOAL := test

demo: setup-demo console
	$(call say,building the server and the wall)
	@$(CARGO) build --locked --workspace --bins
	@scripts/demo.sh

gallery:
	$(call say,looking for what the gallery needs)
	@scripts/setup.sh gallery
	$(call say,building the server)
	@$(CARGO) build --locked --workspace --bins
	$(call say,painting every layout of the demo into docs/gallery)
	@scripts/gallery.py

setup-demo:
	$(call say,looking for what the demo needs)
	@scripts/setup.sh demo

setup-test:
	$(call say,looking for what the tests need)
	@scripts/setup.sh test

console:
	$(call say,building the console)
	@scripts/console.sh

build: setup-test console
	$(call say,building everything)
	@$(CARGO) build --locked --workspace --all-targets

test: build
	$(call say,testing)
	@scripts/test.sh

lint:
	$(call say,format)
	@$(CARGO) fmt --all --check
	$(call say,lints)
	@$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

fmt:
	@$(CARGO) fmt --all

bench: setup-test console
	$(call say,building for release)
	@$(CARGO) build --locked --release --workspace --bins
	$(call say,measuring)
	@scripts/bench.sh

bless: build
	$(call say,taking generated files and pictures as they are now)
	@BLESS=1 scripts/test.sh
	@git status --short -- protocol/src/schema panels/tests server/openapi.json
