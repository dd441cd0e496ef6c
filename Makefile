# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# one more than two cores: some tests wait more than they work
WORKERS ?= 3

.PHONY: demo test compiled collected thorough fuzz accuracy corpus coverage lint format types layers docs bench extension wheel requirements clean

demo: $(READY)          ## the main job end to end on the example plugin, then three attacks
	$(BIN)/python docs/examples/demo.py

test: compiled          ## every test but campaigns and those of the built wheel
	$(BIN)/python -m pytest -n $(WORKERS)

coverage: $(READY)      ## the same, measured, the command line included
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 2
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

compiled: $(READY)      ## bytecode: thousands of processes start that may not write any, and each would make it again
	$(BIN)/python -m compileall -q toolchain loader

collected: compiled     ## the same for the tests, and whether all of them can be imported
	@told=$$(env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --collect-only -qq) || { echo "$$told" | tail -n 60; exit 1; }

lint: $(READY)          ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)         ## mypy --strict
	$(BIN)/mypy

layers: $(READY)        ## toolchain > loader > sdk
	$(BIN)/lint-imports

docs: $(READY)          ## regenerate what is generated: rule pages, contract of the SDK
	$(BIN)/python -m theodore_plugin.report.rule_pages docs/rules
	$(BIN)/python -m theodore_plugin.contracts.generate

bench: $(READY)         ## ratios, side by side in one run
	$(BIN)/python tests/benchmarks

thorough: $(READY)      ## more of what the ordinary suite tries some of (minutes)
	$(BIN)/python -m pytest -n 2 -m thorough

corpus: $(READY)        ## both lowerings over every installed module (minutes)
	$(BIN)/python -m pytest -m corpus tests/differential

fuzz: $(READY)          ## 100,000 mutants of bundles, attestations, wheels and their archives; power lost at every write (minutes)
	MUTANTS=100000 $(BIN)/python -m pytest -n 2 -m "thorough or not thorough" \
	    tests/trust/test_mutations.py tests/trust/test_power_loss.py tests/unit/artifact/test_wheel_fuzz.py

accuracy: $(READY)      ## precision and recall on real packages (fetches about 100 pinned wheels once)
	$(BIN)/python tests/accuracy fetch
	$(BIN)/python tests/accuracy score
	$(BIN)/python tests/accuracy network

extension: $(READY)     ## the audit hook in C, after a change of its source
	$(BIN)/python -m theodore_loader.sandbox.native.build

wheel: compiled         ## the built wheel, tried in a fresh environment
	$(BIN)/python -m pytest -n 2 --dist loadfile -m e2e tests/e2e

requirements:           ## recompile the hashed requirements (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
	    pyproject.toml --extra toolchain requirements/dev.in -o requirements/dev.txt

clean:
	rm -f loader/theodore_loader/sandbox/native/*.so
	rm -rf $(VENV) dist build .demo .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "theodore-plugin needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements/dev.txt
	$(BIN)/python -m compileall -q -j 2 $(VENV)/lib >/dev/null || true  # as pip does, one file after another
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
