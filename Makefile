# make demo and make test each do the set-up they need; a second run reuses it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: setup demo test test-interruptions lint clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Chex-Ray needs Python 3.11 or newer; found $$($(PYTHON) --version). Try: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into $(VENV) (about 3 minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[test]'
	@touch $@

demo: $(INSTALLED)
	$(RUN) -m jobs.demo --output demo

test: $(INSTALLED) lint
	$(RUN) -m pytest

test-interruptions: $(INSTALLED)
	$(RUN) -m pytest --override-ini addopts=-q tests/jobs/*/test_interruption*.py tests/serve/faults/test_interruption*.py \
		tests/infra/test_interruption*.py tests/pipelines/conversion/test_convert_killed.py

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

clean:
	rm -rf $(VENV) demo
