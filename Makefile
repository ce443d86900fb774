# `make` alone says what there is. Needs Python 3.11 or newer, git and, for `make test`, Node.js; everything else is installed
# into .venv, and data stays in .rotunda.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
UV_VERSION := $(shell sed -n '/^name = "uv"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' uv.lock)
BUF := npx --yes @bufbuild/buf@1.75.0
LOCAL := .venv/bin/python -m rotunda_local
DOCKER ?= docker
REPOSITORY ?= rotunda
TAG ?= dev

PROJECTS := $(wildcard pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml gateway/pyproject.toml deploy/local/pyproject.toml)
SOURCES := libs services gateway deploy/local deploy/helm examples tests
# Without what is generated.
TYPED := libs/kit $(filter-out libs,$(SOURCES))
# With the folders, whose times change when a file is removed.
PROTOS := $(shell find proto -mindepth 1 '(' -name '*.proto' -o -type d ')')
GENERATED := libs/protos/src
DESCRIPTORS := $(GENERATED)/rotunda_protos/descriptors.binpb

##@ Running
.PHONY: up down status logs reset
up: setup proto ## Start everything that does not run, and say how to use it
	@$(LOCAL) up $(ARGS)

down: setup ## Stop everything; the data stays
	@$(LOCAL) down $(ARGS)

status: setup ## Show every process and whether it works
	@$(LOCAL) status $(ARGS)

logs: setup ## Follow all logs; of one process: make logs ARGS=sales
	@$(LOCAL) logs $(ARGS)

reset: setup ## Stop everything and delete all data
	@$(LOCAL) reset $(ARGS)

##@ Developing
.PHONY: setup proto test check fmt revise compatible golden bench chaos release clean
setup: .venv/.synced ## Install what uv.lock names into .venv

.venv/bin/python:
	@for python in $(PYTHONS); do \
		command -v "$$python" >/dev/null || continue; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue; \
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
			echo "$$python has no module venv: install it first (on Debian and Ubuntu: apt install python3-venv)." >&2; \
			exit 1; \
		fi; \
		echo "Making .venv with $$("$$python" --version)"; \
		exec "$$python" -m venv .venv; \
	done; \
	echo "Rotunda needs Python 3.11 or newer. Install it or, if you have it, name it: make PYTHON=/path/to/python3" >&2; \
	exit 1

.venv/.synced: $(PROJECTS) uv.lock | .venv/bin/python
	@if ! .venv/bin/uv --version 2>/dev/null | grep -q "^uv $(UV_VERSION)"; then \
		echo "Installing uv $(UV_VERSION) into .venv"; \
		.venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null; \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; \
	fi
	@echo "Installing what uv.lock names into .venv (a minute or two the first time)"
	@env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never \
		.venv/bin/uv sync --quiet --frozen --compile-bytecode
	@touch $@

proto: $(DESCRIPTORS) ## Generate Python from proto/

# In a folder aside first, so that nobody sees a half of it. The descriptors come last: they are the stamp.
$(DESCRIPTORS): $(PROTOS) libs/protos/generate.py .venv/.synced
	@echo "Generating Python from proto/"
	@rm -rf .venv/.generating && mkdir .venv/.generating
	@.venv/bin/python libs/protos/generate.py .venv/.generating
	@rm -rf $(GENERATED)/rotunda
	@mv .venv/.generating/rotunda $(GENERATED)/rotunda
	@mv .venv/.generating/descriptors.binpb $@
	@rmdir .venv/.generating

test: setup proto ## Run all tests; some of them: make test ARGS=services/sales
	@.venv/bin/pytest $(ARGS)

check: check-format check-lint check-types check-imports check-protos check-migrations ## Check everything, then run all tests
	@$(MAKE) test

.PHONY: check-format check-lint check-types check-imports check-protos check-migrations
check-format: setup
	@.venv/bin/ruff format --check

check-lint: setup
	@.venv/bin/ruff check

check-types: setup proto
	@.venv/bin/mypy $(TYPED)

check-imports: setup proto
	@.venv/bin/lint-imports

check-protos: .rotunda/googleapis/.copied
	@command -v npx >/dev/null || { echo "Checking the protos needs Node.js (npx), which is not installed." >&2; exit 1; }
	@$(BUF) lint
	@if [ -f proto/released.binpb ]; then $(BUF) breaking proto --against proto/released.binpb; fi

check-migrations: setup proto
	@.venv/bin/python -m rotunda_local.migrations

# The protos of Google's that ours import, where buf.yaml looks for them.
.rotunda/googleapis/.copied: .venv/.synced
	@mkdir -p .rotunda/googleapis
	@site="$$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" && \
		(cd "$$site" && find google/api google/rpc google/type -name '*.proto' | tar cf - -T -) | tar xf - -C .rotunda/googleapis
	@touch $@

fmt: setup ## Format the code, and mend what can be mended by itself
	@.venv/bin/ruff check --fix --exit-zero --quiet
	@.venv/bin/ruff format

revise: setup proto ## Write a migration: make revise SERVICE=sales MESSAGE="Add …"
	@.venv/bin/python -m rotunda_local.revision "$(SERVICE)" "$(MESSAGE)"

# The last release is where `make release` was committed last.
FROM = $(shell git log -1 --format=%H -- proto/released.binpb)
compatible: setup proto ## Run the tests of the last release on the schema of this checkout; of another: make compatible FROM=v1.2
	@test -n "$(FROM)" || { echo "Nothing is released: say from which commit on, make compatible FROM=…" >&2; exit 1; }
	@set -e; earlier="$$(mktemp -d)"; trap 'git worktree remove --force "$$earlier"' EXIT; trap 'exit 130' INT TERM; \
		git worktree add --quiet --detach "$$earlier" "$(FROM)"; \
		$(MAKE) -C "$$earlier" setup proto; \
		cd "$$earlier"; ROTUNDA_LATER_CHECKOUT="$(CURDIR)" PYTHONPATH="$(CURDIR)/tests/compatibility" \
			.venv/bin/pytest -p later_schema $(or $(ARGS),services gateway tests/kit)

golden: setup ## Write the charts' schemas, dashboard and golden files anew
	@PYTHONPATH=deploy/helm .venv/bin/python -m rotunda_charts

bench: setup proto ## Measure speed on a platform of its own
	@.venv/bin/python tests/load/bench.py $(ARGS)

chaos: setup proto ## Kill and starve everything under load for long, and ask every operation thousands of times
	@ROTUNDA_CHAOS_ROUNDS=$${ROTUNDA_CHAOS_ROUNDS:-5} ROTUNDA_CHAOS_MINUTES=$${ROTUNDA_CHAOS_MINUTES:-10} \
		ROTUNDA_SCHEMA=$${ROTUNDA_SCHEMA:-full} .venv/bin/pytest -s tests/chaos tests/schema $(ARGS)

release: .rotunda/googleapis/.copied ## Make the protos as they are the API that must not break
	@$(BUF) build proto --output proto/released.binpb

clean: ## Delete what was generated; .venv and data stay
	@rm -rf $(GENERATED)/rotunda $(DESCRIPTORS) .rotunda/googleapis
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Images
.PHONY: images sbom testing-images test-containers
IMAGES := $(or $(ARGS),customers sales service-desk marketing sync gateway)
# BASE is what the images stand on, BUILD_BASE where they are made, BUILD_ARGS whatever else the engine shall hear.
DOCKER_BUILD := DOCKER_BUILDKIT=1 $(DOCKER) build $(BUILD_ARGS) \
	$(if $(BASE),--build-arg BASE=$(BASE)) $(if $(BUILD_BASE),--build-arg BUILD_BASE=$(BUILD_BASE))
SERVICE_BUILD = $(DOCKER_BUILD) --file deploy/docker/Dockerfile --build-arg SERVICE=$*

images: $(IMAGES:%=image-%) ## Build the images; some of them: make images ARGS="sales gateway" TAG=1.0

image-%:
	@echo "Building $(REPOSITORY)/$*:$(TAG)"
	@$(SERVICE_BUILD) --build-arg VERSION=$(TAG) --build-arg REVISION=$$(git rev-parse HEAD) --tag $(REPOSITORY)/$*:$(TAG) .

sbom: $(IMAGES:%=sbom-%) ## Write what is in each image to dist/sbom, as CycloneDX

testing-images: ## Build PostgreSQL and NATS for the tests, where the public images can not be had
	@for server in postgres nats; do \
		echo "Building $(REPOSITORY)/testing-$$server:$(TAG)"; \
		$(DOCKER_BUILD) --file deploy/docker/testing/$$server/Dockerfile --tag $(REPOSITORY)/testing-$$server:$(TAG) . || exit 1; \
	done

test-containers: setup proto ## Run the tests on servers in containers, and the journeys on our images
	@ROTUNDA_TEST_STACK=containers ROTUNDA_TEST_IMAGES=$(REPOSITORY)/{}:$(TAG) .venv/bin/pytest -m "not embedded" $(ARGS)

sbom-%:
	@$(SERVICE_BUILD) --target sbom --output type=local,dest=dist/sbom/$* .
	@mv dist/sbom/$*/sbom.cdx.json dist/sbom/$*.cdx.json && rmdir dist/sbom/$*

.PHONY: help
help: ## Say what there is
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile
