# Everything runs in .venv, made from requirements.lock (hashes for every package). Nothing is installed by hand.
SHELL := /bin/bash
PY := .venv/bin/python
# Tests start the command hundreds of times: modules stay compiled whatever the surroundings prefer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint bench ci lock docs

demo: .venv/ready           ## both real cases on bundled examples
	@$(PY) -m kanaria demo

test: .venv/ready           ## the whole test suite, with lint and coverage
	@$(MAKE) --no-print-directory lint
	$(PY) -m pytest -n 2 --dist loadfile --cov --cov-report=term

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

bench: .venv/ready          ## speed against baselines in the same run; prints tables
	$(PY) -m benchmarks

ci: test

docs: .venv/ready           ## regenerate docs/reference
	$(PY) -m kanaria.app.reference docs/reference

lock:                       ## after changing dependencies in pyproject.toml
	.venv/bin/uv lock --upgrade
	.venv/bin/uv export -q --all-groups --extra all --extra spark --no-emit-project --no-header --format requirements.txt -o requirements.lock

.venv/ready: requirements.lock pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh
	@touch $@
