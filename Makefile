# Everything happens in .venv; a finished step leaves a stamp there and is not repeated.
VENV := .venv
BIN := $(VENV)/bin
INPUT ?=
CAMERA ?=
UNIT ?=
INPUTS ?=
MINUTES ?=
SEED ?=
# All that the wheels of ROS 2 exist for.
IS_SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$name -c '$(IS_SUPPORTED)' 2>/dev/null && echo $$name && break; done)

# A sourced ROS 2 installation is used as it is; otherwise ROS 2 comes as wheels into .venv.
ifneq ($(AMENT_PREFIX_PATH),)
ROS_INSTALLED := $(shell $(PYTHON) -c 'import rclpy' 2>/dev/null && echo yes)
endif
NUMPY := 2
ifeq ($(ROS_INSTALLED),yes)
# The NumPy that ROS was compiled with. -s: not one that pip put into the user's own folder since.
NUMPY := $(shell $(PYTHON) -s -c 'import numpy; print(1 + (numpy.__version__ >= "2"))')
FLAVOUR := ros-$(or $(ROS_DISTRO),installed)
export LD_LIBRARY_PATH := $(abspath $(VENV))/lib:$(LD_LIBRARY_PATH)
export AMENT_PREFIX_PATH := $(abspath $(VENV)):$(AMENT_PREFIX_PATH)
else
FLAVOUR := wheels
export AMENT_PREFIX_PATH := $(abspath $(VENV))
endif
export PATH := $(abspath $(BIN)):$(PATH)
# The wheels' bootstrapper must run again in .venv when make itself was started from another such environment.
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE PYTHONHOME VIRTUAL_ENV

# For a shell, also where an apostrophe is in it.
quoted = '$(subst ','\'',$(1))'
# The programs of an environment begin with its path: in one that was copied or moved here they are another one's.
ifneq ($(wildcard $(BIN)/pip),)
PATHS := -e $(call quoted,$(abspath $(BIN))/) -e $(call quoted,$(realpath $(BIN))/)
ifeq ($(shell head -n 2 $(BIN)/pip | grep -F $(PATHS)),)
MOVED := moved
endif
endif

CREATED := $(VENV)/.created-$(FLAVOUR)
REQUIREMENTS := $(VENV)/.requirements
DEMO_REQUIREMENTS := $(VENV)/.requirements-demo
LEARNING_REQUIREMENTS := $(VENV)/.requirements-learning
PACKAGE := $(VENV)/.package
RENDERER := $(VENV)/.renderer
# A person sees pip's progress; a log does not need it.
PIP := $(BIN)/python -m pip --disable-pip-version-check $$([ -t 1 ] || echo -qq)

# Each requirement as it is pinned, with the NumPy of this ROS.
INSTALL = $(PIP) install -c requirements/constraints.txt -c requirements/numpy$(NUMPY).txt

.PHONY: help requirements requirements-demo requirements-learning setup demo test faults soak clean moved
.DELETE_ON_ERROR:

help:
	@echo 'make setup          create .venv with the package, what the demo needs and, unless sourced, ROS 2'
	@echo 'make requirements   only .venv and what a robot without GPU needs, for colcon'
	@echo 'make requirements-demo       besides what renders the hand of the demo'
	@echo 'make requirements-learning   besides torch and what training, evaluation, bags, videos and the tests need'
	@echo 'make demo           camera, hand and model nodes on a synthetic hand; writes demo_output/'
	@echo "make demo INPUT=D CAMERA='FX FY CX CY' UNIT=0.001"
	@echo '                    the same on the depth PNGs of the folder D, whose values count so many metres'
	@echo 'make test           ruff, mypy and pytest'
	@echo 'make faults         20,000 bad inputs to the nodes (INPUTS=, MINUTES=, SEED=); writes faults_output/'
	@echo 'make soak           an hour of ordinary use (MINUTES=); writes soak_output/'
	@echo 'make clean          remove .venv and everything that was built'
	@echo 'PYTHON=...          the interpreter for .venv: CPython 3.10 to 3.14'

setup: $(PACKAGE) $(RENDERER)

requirements: $(REQUIREMENTS)

requirements-demo: $(DEMO_REQUIREMENTS)

requirements-learning: $(LEARNING_REQUIREMENTS)

demo: setup
	$(BIN)/dense3d demo $(if $(INPUT),--input '$(INPUT)' $(if $(CAMERA),--camera $(CAMERA)) \
		$(if $(UNIT),--depth-unit $(UNIT)))

test: $(LEARNING_REQUIREMENTS) setup
	@status=0; \
	echo '== ruff'; $(BIN)/ruff check . || status=1; \
	echo '== mypy'; \
	if $(BIN)/python -c 'import numpy, sys; sys.exit(numpy.__version__ < "2")'; then $(BIN)/mypy || status=1; \
	else echo 'skipped: the code is annotated for NumPy 2, and this ROS 2 installation needs NumPy 1'; fi; \
	echo '== pytest'; $(BIN)/python -m pytest -ra || status=1; \
	if [ $$status = 0 ]; then echo 'make test: passed'; \
	else echo 'make test: FAILED, see above'; fi; exit $$status

faults: $(LEARNING_REQUIREMENTS) setup
	PYTHONPATH=test $(BIN)/python -m faults $(if $(INPUTS),--inputs $(INPUTS)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SEED),--seed $(SEED))

soak: $(LEARNING_REQUIREMENTS) setup
	PYTHONPATH=test $(BIN)/python -m faults.soak $(if $(MINUTES),--minutes $(MINUTES))

moved:
	@echo '$(VENV) was copied or moved here from another folder, whose paths are in it: it is made anew'

$(CREATED): $(MOVED)
	@if [ -z '$(PYTHON)' ]; then \
		echo 'dense3d_ros needs CPython 3.10 to 3.14; none is on PATH (python3, python3.14, ...).'; \
		echo 'Name one: make PYTHON=/path/to/python3.11'; exit 1; fi
	@$(PYTHON) -c '$(IS_SUPPORTED)' || { \
		echo 'dense3d_ros needs CPython 3.10 to 3.14, but $(PYTHON) is not one of them.'; exit 1; }
	@missing=; command -v cmake >/dev/null || missing="$$missing cmake"; \
	command -v c++ >/dev/null || missing="$$missing g++"; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	$(PYTHON) -c 'import os, sys, sysconfig as s; sys.exit(not os.path.exists(s.get_path("include") + "/Python.h"))' \
		|| missing="$$missing python3-dev"; \
	if [ -n "$$missing" ]; then \
		echo "dense3d_ros builds its messages and needs:$$missing"; \
		echo "Debian, Ubuntu: sudo apt-get install$$missing"; exit 1; fi
	@echo 'Creating $(VENV) ($(FLAVOUR))'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(if $(ROS_INSTALLED),--system-site-packages) $(VENV)
	@touch $@

$(REQUIREMENTS): $(CREATED) $(wildcard requirements/*.txt)
	@echo 'Installing what a robot needs: up to 180 MB to download and 650 MB of disk'
	@$(INSTALL) -r requirements/run.txt $(if $(ROS_INSTALLED),,-r requirements/ros.txt)
	@touch $@

$(DEMO_REQUIREMENTS): $(REQUIREMENTS)
	@echo 'Installing what renders the hand of the demo: 100 MB to download and 350 MB of disk'
	@$(INSTALL) -r requirements/demo.txt
	@touch $@

$(LEARNING_REQUIREMENTS): $(DEMO_REQUIREMENTS)
	@echo 'Installing what training and the tests need: up to 3 GB to download and 5 GB of disk, nearly all of it the'
	@echo 'CUDA libraries that torch brings. This takes minutes; where it was interrupted, make starts it again.'
	@$(INSTALL) -r requirements/learning.txt -r requirements/recordings.txt -r requirements/test.txt \
		$(if $(filter 2,$(NUMPY)),-r requirements/retargeting.txt)
	@touch $@

$(PACKAGE): $(DEMO_REQUIREMENTS) CMakeLists.txt package.xml pyproject.toml setup.py \
		$(wildcard msg/*.msg config/* config/robots/* launch/* interfaces/*/*) \
		$(addprefix scripts/,dense3d depth_camera hand_pose hand_retarget hand_state)
	@echo 'Building the messages and installing the package'
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(RENDERER): $(PACKAGE) $(wildcard dense3d_ros/learning/synthetic/*.py)
	@$(BIN)/python -m dense3d_ros.rehearsal.renderer
	@touch $@

clean:
	rm -rf $(VENV) build install log dist demo_output .mypy_cache .pytest_cache .ruff_cache *.egg-info
