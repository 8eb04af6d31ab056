# make run    everything needed, then `luxminer demo`      make check   lint, types, fast tests
# make test   the whole suite                              make bench   performance figures
# make bench-lab   sticks on several hosts by labgrid; installs it in .cache/lab
# make bench-system   the service in an emulated arm64 machine with virtual sticks on its USB

VENV ?= .venv
BIN = $(VENV)/bin
TESTS ?= tests
# Half of what slow tests do is waiting: more workers than processors. Who is done early takes tests
# from the others.
PYTEST = $(BIN)/pytest -q -n 4 --dist worksteal
export VENV
# Where this is set, each worker would compile all the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run check test bench bench-lab bench-system lint setup setup-test clean

run: setup
	$(BIN)/luxminer demo $(ARGS)

setup:
	@scripts/setup.sh run

setup-test:
	@scripts/setup.sh test

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(PYTEST) -m "not slow" $(TESTS)

# Much of the suite lives in real time: what fails beside other tests is tried once more by itself.
test: lint
	$(PYTEST) $(TESTS) || $(BIN)/pytest -q --last-failed --last-failed-no-failures none $(TESTS)
	scripts/check_arm64.sh

bench: setup-test
	$(BIN)/python bench/run.py

bench-system:
	@scripts/bench_system.sh $(ARGS)

bench-lab: setup-test
	scripts/lab_venv.sh
	$(BIN)/pytest -q -m lab tests/integration/test_labgrid.py

clean:
	rm -rf build dist *.egg-info $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find firmware drivers -name '*.so' -delete
