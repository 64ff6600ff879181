# `make demo` and `make test` set themselves up: Python >= 3.11, pip and make are all they need.
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
OUT    := build/demo

.PHONY: demo test test-slow test-torch lint format regen clean
.DELETE_ON_ERROR:

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "symcnn needs Python 3.11 or newer with venv; none found on PATH" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# One stamp an extra: a set-up is repeated only when pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint $(VENV)/.installed-test
	$(BIN)/pytest -n 2 -m "not slow"

# The long comparisons: PyTorch's operator database, ONNX's node cases, every kind of layer, wheels in fresh environments.
test-slow: $(VENV)/.installed-test
	$(BIN)/pytest -n 2 -m slow

test-torch: $(VENV)/.installed-torch
	$(MAKE) test

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

regen: $(VENV)/.installed-test
	$(BIN)/pytest --regen -q tests/test_generated.py

# The page holds false formulas on purpose, so that `verify` ends with exit code 1.
demo: $(VENV)/.installed-demo
	@mkdir -p $(OUT)
	$(BIN)/symcnn verify examples/notes/backprop.md --html $(OUT)/verdicts.html || test $$? -eq 1
	$(BIN)/symcnn derive notes -o $(OUT)/notes.html
	$(BIN)/symcnn derive notes -o $(OUT)/notes.tex
	$(BIN)/symcnn emit lenet5-digits -o $(OUT)/lenet5_digits.py
	$(BIN)/python examples/train_digits.py $(OUT)/lenet5_digits.py
	@echo
	@echo "verdicts on examples/notes/backprop.md   $(OUT)/verdicts.html"
	@echo "the notes' network, derived, to read     $(OUT)/notes.html"
	@echo "the same for LaTeX                       $(OUT)/notes.tex"
	@echo "the network that was trained             $(OUT)/lenet5_digits.py"

clean:
	rm -rf build dist
