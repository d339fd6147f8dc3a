# `make run` sets up and does the main job on the embedded default; `make test` sets up and checks
# everything. Both need Python 3.11 or newer and nothing else.

CONFIG ?= configs/embedded.toml
CORPUS ?= $(wildcard annotation/corpus/*.json)
PYTHON ?= python3

RUN := runs/$(basename $(notdir $(CONFIG)))
SPLITS := runs/corpus
VENV := .venv
BIN := $(VENV)/bin
LABEL_STUDIO_VENV := .venv-label-studio
LABEL_STUDIO := $(LABEL_STUDIO_VENV)/bin/label-studio

# What `make label-studio` shows; where the default is missing, the main job makes it.
MODEL ?= runs/embedded/model
LABEL_STUDIO_PORT ?= 8080

.PHONY: help setup run test benchmark lint types tests lock label-studio label-studio-install clean

help:
	@echo 'make run                    fine-tune, evaluate and predict on the bundled corpus ($(CONFIG))'
	@echo 'make run CONFIG=FILE        the same with another configuration, into runs/NAME-OF-FILE/'
	@echo 'make test                   lint, types and all tests'
	@echo 'make benchmark              measure speeds on this machine'
	@echo 'make setup                  only install what make run needs, into $(VENV)'
	@echo 'make label-studio           try it: a Label Studio with sample reports, pre-annotated by $(MODEL)'
	@echo 'make label-studio-install   a real Label Studio into $(LABEL_STUDIO_VENV), for the tests that talk to it'
	@echo 'make lock                   write requirements.lock anew from pyproject.toml'
	@echo 'make clean                  remove what make run made'

setup: $(VENV)/.run-installed

run: setup
	$(BIN)/python -m annotation split $(CORPUS) --by source --held-out dly,cor --seed 13 --output $(SPLITS)
	$(BIN)/python -m training fit --config $(CONFIG) --output $(RUN)/model
	$(BIN)/python -m training evaluate --model $(RUN)/model --gold $(SPLITS)/held_out.jsonl --train $(SPLITS)/train.jsonl --output $(RUN)
	$(BIN)/python -m inference predict --model $(RUN)/model $(SPLITS)/held_out.jsonl --output $(RUN)/predictions.jsonl
	@$(BIN)/python -m training summary $(RUN)

test: lint types tests

# Speed and quality are measured here, and not in tests: figures depend on the machine. A speed that
# falls short of what is promised is told, and the rest still measured.
benchmark: $(VENV)/.test-installed
	$(BIN)/python tests/benchmark_pretraining.py
	$(BIN)/python tests/benchmark_intervals.py
	$(BIN)/python tests/benchmark_numbers.py
	$(BIN)/python tests/benchmark_names.py
	$(BIN)/python tests/benchmark_places.py
	$(BIN)/python tests/benchmark_statements.py
	$(BIN)/python tests/benchmark_suspects.py
	$(BIN)/python tests/benchmark_serving.py --model runs/embedded/model
	-$(BIN)/python tests/benchmark_speed.py --model runs/embedded/model --output runs/speed
	$(BIN)/python tests/benchmark_resume.py --model runs/speed/embedded-model --predict '--precision fastest'
	$(BIN)/python tests/benchmark_queue.py --output runs/queue
	$(BIN)/python tests/benchmark_round_trip.py

lint: $(VENV)/.test-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.test-installed
	$(BIN)/mypy

tests: $(VENV)/.test-installed
	$(BIN)/python -m pytest

# The lock file holds versions for all extras; it constrains, so that only what is asked for is installed.
$(VENV)/.run-installed: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable .
	touch $@

$(VENV)/.test-installed: $(VENV)/.run-installed
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev,serve]'
	touch $@

# Ctrl-C ends it.
label-studio: label-studio-install $(VENV)/.serve-installed $(if $(filter runs/embedded/model,$(MODEL)),$(MODEL)/model.safetensors)
	$(BIN)/python -m inference label-studio --model $(MODEL) --port $(LABEL_STUDIO_PORT)

runs/embedded/model/model.safetensors:
	@echo 'there is no fitted model yet: the main job makes one first, which takes some minutes'
	$(MAKE) run CONFIG=configs/embedded.toml

$(VENV)/.serve-installed: $(VENV)/.run-installed
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[serve]'
	touch $@

label-studio-install: $(LABEL_STUDIO)

# In an environment of its own: it pins other versions of what Rasd uses.
$(LABEL_STUDIO):
	$(PYTHON) -m venv $(LABEL_STUDIO_VENV)
	$(LABEL_STUDIO_VENV)/bin/python -m pip install --quiet label-studio==1.23.2

# What pip resolves today for the main job and the tests, in a fresh environment, without the local
# suffix of the PyTorch build that it found.
lock:
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet '.[dev,serve]'
	$(VENV)-lock/bin/python -m pip freeze --exclude rasd | sed 's/+.*//' > requirements.lock
	rm -rf $(VENV)-lock

clean:
	rm -rf runs
