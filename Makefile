# make run        set up what is missing, then open the desktop program with the sample clip
# make test       the tests (about 8 minutes on two cores with AVX-512)
# make test-full  the long versions too
# make check      format, lint, types, import rules, plugin manifest
# make lock       renew the pins in requirements.txt from pyproject.toml
# make sample     renew the proposals that the sample opens with, after the bundled weights changed
# make strings    renew the template for translations of the window
# make figures    renew the screenshots of the documentation from the real window

BIN := .venv/bin
DISPLAY_SETUP := $(if $(or $(DISPLAY),$(WAYLAND_DISPLAY)),,display)

# A file's tests stay together, since they share windows and models; in the order of the folders,
# which ends with small files, so that no processor waits long for the other.
SPREAD := -n auto --dist loadfile --no-loadscope-reorder

# Hundreds of processes are started, each of which would otherwise compile all that it imports.
test test-full: export PYTHONDONTWRITEBYTECODE =
# Every edit waits until the disk has it. Where much memory is free (4 GB), it is the tests' disk.
test test-full: export PYTEST_DEBUG_TEMPROOT = $(shell \
	df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 {print "/dev/shm"}')

.PHONY: run test test-full check format lock strings sample figures setup clean

setup:
	@.ci/setup display

run:
	@.ci/setup $(DISPLAY_SETUP)
	@$(BIN)/python -m ifc_app

test: setup
	$(BIN)/python -m pytest $(SPREAD) -m "not slow"

test-full: setup
	$(BIN)/python -m pytest $(SPREAD)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate ifc-studio

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:
	uv pip compile --quiet --universal --generate-hashes --no-header \
		--python-version 3.11 --extra app --extra dev pyproject.toml -o requirements.txt >/dev/null

strings: setup
	$(BIN)/python plugins/extract_strings.py

sample: setup
	$(BIN)/python resources/make_sample.py

figures: setup
	$(BIN)/python docs/make_figures.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist out
