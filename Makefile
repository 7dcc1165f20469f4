# `make reproduce` and `make test` set up everything they need on a machine with Python >= 3.11.
# All that is installed, cached or configured stays below this folder (.venv, .cache, .dvc/tmp).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# make's own word splitting knows no quotes: a path with blanks would break in confusing places.
ifneq ($(words $(CURDIR)),1)
$(error This folder's path contains a blank: $(CURDIR). Please move it to a path without)
endif

VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
CACHE := $(CURDIR)/.cache

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Whatever else is installed for this user or set for another project stays out.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PYTHONNOUSERSITE := 1
# The same results on every run: fixed hashing and dates, one thread for sums in a fixed order.
export PYTHONHASHSEED := 0
export SOURCE_DATE_EPOCH := 1704067200
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export MPLBACKEND := Agg
export LC_ALL := C.UTF-8
# Settings and caches of the tools.
export DVC_NO_ANALYTICS := 1
export DVC_SITE_CACHE_DIR := $(CACHE)/dvc
export DVC_GLOBAL_CONFIG_DIR := $(CACHE)/dvc-config
export IPYTHONDIR := $(CACHE)/ipython
export JUPYTER_CONFIG_DIR := $(CACHE)/jupyter/config
export JUPYTER_DATA_DIR := $(CACHE)/jupyter/data
export JUPYTER_RUNTIME_DIR := $(CACHE)/jupyter/runtime
export JUPYTERLAB_SETTINGS_DIR := $(CACHE)/jupyter/settings
export JUPYTERLAB_WORKSPACES_DIR := $(CACHE)/jupyter/workspaces
export MPLCONFIGDIR := $(CACHE)/matplotlib
export NUMBA_CACHE_DIR := $(CACHE)/numba
export RUFF_CACHE_DIR := $(CACHE)/ruff

.PHONY: help reproduce test fuzz verify flip lab site report lint clean lock-requirements

help:
	@cat <<'EOF'
	make reproduce              every table, figure, notebook and verdict; reruns only what changed
	make reproduce FORCE=1      the same, running every stage again
	make reproduce QUICK=1      a smaller run in a copy (.quick); the results here stay as they are
	make reproduce CASE=folder  the pipeline on the data in folder; results in folder/reproduction
	make test                   all tests
	make fuzz                   12,000 bad ledgers, each refused or read as written; FUZZ=n: so many
	make verify                 every stage again, in a copy, compared with what is committed: the receipt
	make verify QUICK=1         the same for some stages, in under 3 minutes
	make flip                   the flip test anew: which verdicts hang on values that are not given
	make lab                    JupyterLab on the explorer: sliders, answers within a second or so
	make site                   the site to read: build/site/index.html
	make report                 the claims with their figures for print: build/report.pdf
	make lint                   style of the code
	make clean                  remove the environment, caches and the quick copy, nothing else
	make lock-requirements      after a change of pyproject.toml: new requirements.lock and environment.yml
	EOF

reproduce: $(STAMP)
	@$(RUN) -m mobile_storage.compendium.workspace $(if $(CASE),--case "$(CASE)") \
	    $(if $(QUICK),--quick) $(if $(FORCE),--force)

# PYTEST="-k name" narrows it down.
test: $(STAMP)
	@$(RUN) -m pytest -n 2 --dist worksteal -o cache_dir=$(CACHE)/pytest $(PYTEST)

fuzz: $(STAMP)
	@FUZZ=$(or $(FUZZ),12000) $(RUN) -m pytest -q -o cache_dir=$(CACHE)/pytest tests/faults/test_fuzz.py

# VERIFY="--output folder" or "--keep" are passed on; the receipt is in build/receipt.
verify: $(STAMP)
	@$(RUN) -m mobile_storage.compendium.receipt $(if $(QUICK),--quick) $(VERIFY)

# FLIP="--paper fu2024" or "--scheduler tcp://host:port" are passed on. Started again after a stop,
# it goes on where it was.
flip: $(STAMP)
	@$(RUN) -m mobile_storage.flip $(FLIP)

lint: $(STAMP)
	@$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

# Sphinx reads what is committed; nothing is downloaded. The report is printed by a browser.
site report: $(STAMP)
	@$(RUN) -m mobile_storage.compendium.site $@

# The notebooks read paths from the top of the repository, in the pipeline and in Lab alike.
# Lab asks nothing of the internet, and stores a notebook when its reader says so, not by itself.
# LAB=--no-browser and the like are passed on.
lab: $(STAMP)
	@mkdir -p "$(IPYTHONDIR)/profile_default"
	echo 'c.InteractiveShellApp.exec_lines = ["import os; os.chdir(\"$(CURDIR)\"); del os"]' \
	    > "$(IPYTHONDIR)/profile_default/ipython_kernel_config.py"
	settings="$(JUPYTERLAB_SETTINGS_DIR)/@jupyterlab"
	mkdir -p "$$settings/apputils-extension" "$$settings/docmanager-extension"
	echo '{"fetchNews": "false", "checkForUpdates": false}' \
	    > "$$settings/apputils-extension/notification.jupyterlab-settings"
	echo '{"autosave": false}' > "$$settings/docmanager-extension/plugin.jupyterlab-settings"
	unset MPLBACKEND
	$(RUN) -m jupyterlab --notebook-dir notebooks $(LAB) notebooks/explore.ipynb

clean:
	@rm -rf $(VENV) .cache .quick .dvc/tmp .dvc/cache .pytest_cache .ruff_cache .hypothesis build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment -------------------------------------------------------------------------

# A copied or moved folder has to be installed anew: the environment holds absolute paths. And so
# has one whose Python is gone, or whose installation was cut off.
ifneq ($(shell test -x $(RUN) && cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

# uv installs the lock several times faster than pip. It comes from the lock itself, at the hash
# written there; should it fail, for instance behind a proxy or index that only pip is set up for,
# pip does the same work.
$(STAMP): requirements.lock pyproject.toml
	@# An environment that is replaced cannot be the Python that replaces it.
	export PATH="$${PATH#*:}"
	python=""
	for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	        2>/dev/null; then
	        python="$$candidate"
	        break
	    fi
	done
	if [ -z "$$python" ]; then
	    echo "No Python >= 3.11 with its venv module found. Install it (on Debian and Ubuntu:" >&2
	    echo "apt install python3 python3-venv) or say where it is: make PYTHON=/path/to/python" >&2
	    exit 1
	fi
	echo "Setting up $(VENV) with $$("$$python" --version)"
	"$$python" -m venv --clear $(VENV)
	mkdir -p "$(CACHE)"
	awk '/^uv==/ {found = 1} found {print} found && !/\\$$/ {exit}' requirements.lock > "$(CACHE)/uv.lock"
	pip() { $(RUN) -m pip install --quiet --no-cache-dir --disable-pip-version-check "$$@"; }
	# An index that pip is set up for is the one for uv, too.
	index="$$($(RUN) -m pip config list | sed -nE "s/^(:env:|install|user|global|site)\.index-url='(.*)'$$/\2/p" | head -n 1)"
	if pip --no-deps --require-hashes -r "$(CACHE)/uv.lock" \
	    && UV_CACHE_DIR="$(CACHE)/uv" $${index:+env UV_DEFAULT_INDEX="$$index"} \
	        $(RUN) -m uv pip install --quiet --python $(RUN) --require-hashes -r requirements.lock
	then :
	else
	    echo "Installing with pip instead; this takes a minute or two longer."
	    pip --require-hashes -r requirements.lock
	fi
	rm -rf "$(CACHE)/uv" "$(CACHE)/uv.lock"
	pip --no-deps --no-build-isolation --editable .
	printf '%s\n' "$(CURDIR)" > $(STAMP)

lock-requirements: $(STAMP)
	@$(RUN) -m uv pip compile pyproject.toml --group dev --group docs --group build --universal \
	    --fork-strategy fewest --generate-hashes --no-header --no-emit-index-url \
	    --no-emit-find-links --quiet $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	$(RUN) -m mobile_storage.compendium.environment
