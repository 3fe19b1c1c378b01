# Every verb a person needs. `make` explains itself.
#   LIBTORCH=/path make …          use the libtorch in that folder
#   LIBTORCH_VERSION=2.15.0 make … use that version (2.11 to 2.15), fetched when needed
#   BUNDLE_DATA=1 make bundle      puts the Fashion-MNIST files into the bundle
#   ARGS="--epochs 5" make train   flags for the command that the verb runs

MAKEFLAGS += --no-print-directory
SHELL := bash
torchlayers = .build/release/torchlayers
# A libtorch that was chosen by hand serves this call of make only.
with_shim = $(if $(LIBTORCH)$(LIBTORCH_VERSION),TORCHLAYERS_SHIM="$$(cmake/setup.sh)",)

.DEFAULT_GOAL := help
.PHONY: help setup build train course test parity long mutants exactness bench bundle format lint doctor clean

help: ## this list
	@echo "SwiftTorchLayers: convolutional networks in Swift on PyTorch's engine"
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-9s %s\n", $$1, $$2 }'
	@echo "Flags for the command: ARGS=\"--epochs 5\" make train"
	@echo "Another libtorch:      LIBTORCH=/path make …   or   LIBTORCH_VERSION=2.15.0 make …   (2.11 to 2.15)"

setup: ## system packages, libtorch, the shim; quick when all is there
	@cmake/setup.sh >/dev/null

build: setup ## the command torchlayers, in .build/release
	@echo "==> building torchlayers" >&2
	@cmake/program.sh

train: build ## trains a CNN on Fashion-MNIST (60 000 pictures) and exports it as TorchScript
	@$(with_shim) $(torchlayers) train --model cnn --data fashion-mnist --epochs 2 --export torchscript $(ARGS)

course: build ## what networks do, row by row (lists them; ARGS="C1" or ARGS="--all --quick")
	@cmake/digits.sh >/dev/null || true # says what is wrong; most rows need no digits
	@$(with_shim) $(torchlayers) course $(ARGS)

test: setup ## all tests, bit-for-bit against Python's PyTorch among them
	@echo "==> building and running the tests" >&2
	@swift build --product torchlayers -q
	@$(with_shim) TORCHLAYERS_PYTHON="$$(cmake/python-peer.sh)" swift test --no-parallel $(ARGS)

mutants: setup ## plants faults, one at a time: each must be seen by a check (a build of its own; ARGS="--only NAME")
	@cmake/python-peer.sh >/dev/null
	@python3 Tests/Mutants/run.py $(ARGS)

parity: build ## compares libtorch's results with the from-scratch reference
	@$(with_shim) $(torchlayers) parity $(ARGS)

long: build ## what takes hours: thousands of networks and cases, each libtorch, planted faults
	@set -e; export TORCHLAYERS_PYTHON="$$(cmake/python-peer.sh)"; for seed in 1 2 3 $$(date +%s); do \
	  $(with_shim) $(torchlayers) parity --networks 2000 --seed $$seed --require-python; done
	@$(with_shim) $(torchlayers) parity --cases 2000
	@$(with_shim) $(torchlayers) parity --self-test --cases 1000
	@Tests/GPU/run.sh --long
	@LIBTORCH_VERSION=2.11.0 cmake/setup.sh >/dev/null
	@$(MAKE) bundle
	@LONG=yes Tests/Bundle/run.sh
	@$(MAKE) mutants

exactness: setup ## prints the table of what equals Python's PyTorch bit for bit
	@echo "==> building and running the comparisons with Python" >&2
	@swift build --build-tests -q >&2
	@table=$$(mktemp); trap 'rm -f "$$table"' EXIT; \
	$(with_shim) TORCHLAYERS_EXACTNESS="$$table" TORCHLAYERS_PYTHON="$$(cmake/python-peer.sh)" \
	  swift test --no-parallel --skip-build --filter PythonTests $(ARGS) >&2; \
	status=$$?; cat "$$table"; exit $$status

bench: build ## speed beside PyTorch, JAX, TensorFlow and others, in turn (an hour and more; ARGS="--help")
	@$(with_shim) "$$(cmake/python-peer.sh)" Benchmarks/compare.py $(ARGS)

bundle: ## a folder for a machine without Swift: build/torchlayers-bundle, and its .tar.gz
	@cmake/bundle.sh

format: ## formats the Swift sources
	@swift format --in-place --parallel --recursive Sources Tests Package.swift

lint: ## checks the Swift sources' format
	@swift format lint --strict --parallel --recursive Sources Tests Package.swift

doctor: build ## says what was found, and what is missing
	@$(with_shim) $(torchlayers) doctor $(ARGS)

clean: ## removes what was built here (not the cache)
	@rm -rf .build build
