# The targets are the manual: each sets up what it needs in .venv and runs.
VENV := .venv
PYTHON ?= python3
RUN := $(VENV)/bin/python
UV = PATH="$(CURDIR)/$(VENV)/bin:$$PATH" uv

.PHONY: help env demo test test-long check format bench scoreboard tables live lock clean docs notebooks

help:
	@echo "make demo        collect, curate, split, train and report on rendered images (minutes)"
	@echo "make test        lint, types and the tests, kills and fuzz as a sample (10 minutes)"
	@echo "make test-long   the same and every test marked long (an hour)"
	@echo "make check       lint and types alone"
	@echo "make bench       measure every number again, timings too (an hour); make scoreboard prints them"
	@echo "make live        compare the archives' answers with the replica's (CONTACT=you@example.org)"
	@echo "make env         only the environment in $(VENV)"

env: $(VENV)/.ready

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	test -x $(RUN) || $(PYTHON) -m venv $(VENV) || uv venv --seed $(VENV)
	command -v uv >/dev/null 2>&1 || test -x $(VENV)/bin/uv || $(RUN) -m pip install --quiet uv
	$(UV) pip install --quiet --python $(RUN) --require-hashes -r requirements/dev.txt
	$(UV) pip install --quiet --python $(RUN) --no-deps --no-build-isolation --editable .
	touch $@

demo: env
	$(VENV)/bin/cosmic demo --out cosmic-demo

# One thread each: two workers with two torch threads each spend their time waiting.
PYTEST = OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist loadfile

test: check
	$(PYTEST) -m "not long"

test-long: check
	$(PYTEST)

check: env
	$(VENV)/bin/ruff check src tests benchmarks docs conftest.py
	$(VENV)/bin/ruff format --check src tests benchmarks docs conftest.py
	$(VENV)/bin/mypy
	$(RUN) -m numpydoc lint $$(git ls-files "src/*.py")

format: env
	$(VENV)/bin/ruff check --fix src tests benchmarks docs conftest.py
	$(VENV)/bin/ruff format src tests benchmarks docs conftest.py

bench: env
	$(RUN) benchmarks/all.py

scoreboard: env
	$(RUN) benchmarks/scoreboard.py

# At most 20 polite requests to each archive; not part of any test.
live: env
	$(RUN) benchmarks/live.py --contact "$(CONTACT)"

tables: env
	$(RUN) benchmarks/tables.py

# The site, with warnings as errors; nothing of it comes from other hosts.
docs: env
	$(VENV)/bin/sphinx-build -q -W --keep-going -b html docs build/docs
	@echo "open build/docs/index.html"

# The tutorials whose cells have changed since they were executed.
notebooks: env
	$(RUN) docs/notebooks.py

# Pinned with hashes, for every Python and platform, without the address of any index.
lock: env
	$(UV) pip compile pyproject.toml --extra dev \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --quiet --output-file requirements/dev.txt

clean:
	rm -rf $(VENV) cosmic-demo
