# Everything runs in .venv, made from requirements.lock and requirements-test.lock (hashes for every package).
SHELL := /bin/bash
PY := .venv/bin/python
# Tests start the command hundreds of times: modules stay compiled whatever the surroundings prefer.
unexport PYTHONDONTWRITEBYTECODE
# One more than two cores: with two, the load was 1.6 to 1.7 while services and real senders were tested, which wait.
WORKERS := 3

.PHONY: demo test coverage programs compiled lint bench test-install ci lock docs

demo: .venv/ready           ## both real cases on bundled examples
	@$(PY) -m kanaria demo
	@case "$${LC_ALL:-$${LC_MESSAGES:-$$LANG}}" in \
	ja*) echo "次は: source .venv/bin/activate のあと、kanaria demo --full、または kanaria analyze /var/log/nginx/" ;; \
	*) echo "Next: source .venv/bin/activate, then kanaria demo --full, or kanaria analyze /var/log/nginx/" ;; \
	esac >&2

test: .venv/ready-test      ## lint, types and the whole test suite
	@$(MAKE) --no-print-directory -j 3 --output-sync=line lint programs compiled
	$(PY) -m pytest -n $(WORKERS) --dist loadfile
	@$(PY) -m tests.ordinary_user

coverage: .venv/ready-test  ## which lines and branches the suite runs; takes half as long again
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term

# Beside lint, which keeps one core busy: most of it is waiting for Debian's packages.
programs: .venv/ready-test
	@$(PY) -m tests.programs

compiled: .venv/ready-test
	@$(PY) -m tests.compiled

lint: .venv/ready-test
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

test-install: .venv/ready-test  ## the wheel in the environments users have
	$(PY) -m pytest -m install -n 2 --dist load tests/install

bench: .venv/ready-test     ## speed against baselines in the same run; prints tables
	$(PY) -m benchmarks

ci: test test-install

docs: .venv/ready-test      ## regenerate docs/reference
	$(PY) -m kanaria.app.reference docs/reference

lock:                       ## after changing dependencies in pyproject.toml
	bash scripts/lock.sh

.venv/ready: requirements.lock scripts/setup.sh
	@bash scripts/setup.sh
	@touch $@

.venv/ready-test: requirements.lock requirements-test.lock pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh test
	@touch .venv/ready $@
