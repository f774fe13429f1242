# The platform's verbs: a person and Jenkins type the same ones. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Python that the controller's environments are made with (3.11, 3.12 or 3.13).
PYTHON ?= python3
# The profile that up, down and verify work on (a folder of inventories/).
PROFILE ?= local
# More for ansible-playbook, for instance ANSIBLE_OPTIONS='-e platform_api_gateway_port=9000'.
ANSIBLE_OPTIONS ?=
# More for pytest, for instance PYTEST_OPTIONS='-k bundle'.
PYTEST_OPTIONS ?=

export PYTHON
export PYTHONDONTWRITEBYTECODE = 1
export HYPOTHESIS_STORAGE_DIRECTORY = $(CURDIR)/.cache/hypothesis
# Or these would write into the user's home, and read what is there.
export KERAS_HOME = $(CURDIR)/.cache/keras
export MPLCONFIGDIR = $(CURDIR)/.cache/matplotlib
in_venv = PATH="$(CURDIR)/.venv/$(1)/bin:$$PATH"
# sudo's password is asked for only where it is needed: by the first `up` of an ordinary user whose sudo wants one.
ask_password = $$([ "$$(id -u)" = 0 ] || [ -e .state ] || sudo -n true 2>/dev/null || echo --ask-become-pass)
playbook = $(call in_venv,ansible) ansible-playbook -i inventories/$(PROFILE) $(ANSIBLE_OPTIONS)
pytest = $(call in_venv,dev) python -m pytest $(PYTEST_OPTIONS)
python_sources = services nagios roles jenkins tests benchmarks bin/smoke

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

##@ Run
.PHONY: up down verify replay replay-alerts teardown
up: .venv/ansible ## bring up services and Nagios on this machine, and prove that they work
	@rm -f .cache/where.txt
	@$(playbook) $(ask_password) site.yml
	@if [ -e .cache/where.txt ]; then cat .cache/where.txt; fi  # not there with --tags or --check

verify: .venv/ansible ## prove that what runs works: a forecast, the password, every service in Nagios
	@$(playbook) playbooks/verify.yml
	@if [ -e .cache/where.txt ]; then cat .cache/where.txt; fi  # not there with --tags or --check

down: override ANSIBLE_OPTIONS += -e confirm=yes
down: teardown ## end everything and delete its state; Debian's packages stay

teardown: .venv/ansible ## the same for any PROFILE, with ANSIBLE_OPTIONS='-e confirm=yes'
	@$(playbook) playbooks/teardown.yml
	@rm -f .cache/where.txt

replay: .venv/dev ## send a real trace through the running gateway: DATA=file.parquet|csv [SPLIT= URL= API_KEY_FILE=]
	@$(call need,DATA,the file whose rows are sent: make replay DATA=trace.parquet)
	@$(call in_venv,dev) PYTHONPATH=$(inference_path) python -m ml_inference.replay --data '$(DATA)' --out reports/replay.json \
		$(if $(SPLIT),--split '$(SPLIT)') $(if $(URL),--url '$(URL)') $(if $(LIMIT),--limit '$(LIMIT)') \
		$(if $(API_KEY_FILE),--api-key-file '$(API_KEY_FILE)')

# SPLIT is test; THRESHOLD is in % of capacity, and without it the 85th percentile of the split train, for each file.
replay-alerts: .venv/training ## replay traces through the alerts, beside what others warn by: DATA=folder|file [SPLIT= OUT= BUNDLE=]
	@$(call need,DATA,a folder of traces or one file: make replay-alerts DATA=traces)
	@$(call in_venv,training) PYTHONPATH=$(inference_path):nagios/plugins/src:nagios python -m alert_replay \
		$(call options,DATA SPLIT OUT BUNDLE RECALL THRESHOLD)

##@ Release
.PHONY: images smoke push deploy rollback releases adopt
# Of PROFILE: minikube, or cluster for one of your own. WHY='…' goes into the release's record.
images smoke push deploy rollback releases drift backup restore: \
	PROFILE := $(if $(filter command line environment,$(origin PROFILE)),$(PROFILE),minikube)
images: .venv/ansible ## build both services' images with Docker, tagged with the commit
	@$(playbook) playbooks/images.yml

smoke: .venv/ansible ## start the built images beside everything else, ask them for a known forecast, and take them away again
	@ANSIBLE_DISPLAY_OK_HOSTS=false $(playbook) playbooks/smoke.yml -e 'facts=$(smoke_facts)'
	@$(call in_venv,ansible) bin/smoke '$(smoke_facts)'

push: .venv/ansible ## bring the images to the registry, or into Minikube
	@$(playbook) playbooks/push.yml

deploy: .venv/ansible ## release the images onto Kubernetes, and what Nagios checks with them; what is wrong is undone
	@$(playbook) playbooks/deploy.yml playbooks/nagios.yml

rollback: .venv/ansible ## go back to the good release before this one: [TO=number] [INTERRUPTED=1: only from a half-done one] [WHY='…']
	@$(playbook) playbooks/rollback.yml $(if $(TO),-e 'to=$(TO)') $(if $(INTERRUPTED),-e interrupted=true)

releases: .venv/ansible ## list the releases, newest first: commit, model, who, when, and how each ended
	@rm -f .cache/releases.txt
	@ANSIBLE_DISPLAY_OK_HOSTS=false $(playbook) playbooks/releases.yml
	@cat .cache/releases.txt

adopt: ## commit a bundle that make train wrote and the gate passed, as the one that is served: BUNDLE=folder [PUSH=branch]
	@$(call need,BUNDLE,the folder of a bundle: make adopt BUNDLE=reports/bundle)
	@bin/adopt '$(BUNDLE)' $(if $(PUSH),'$(PUSH)')

##@ Server
.PHONY: drift backup restore
# Where builds of Jenkins release, what runs is of a newer commit than the clone: INFRASTRUCTURE=1 leaves it to `make verify`.
drift: .venv/ansible ## would site.yml change anything on the server? Fails if so, and says what: [INFRASTRUCTURE=1]
	@set -o pipefail; $(playbook) $(if $(INFRASTRUCTURE),--skip-tags images --skip-tags deploy) --check --diff site.yml | tee .cache/drift.txt
	@if grep -Eq '^[^ ]+ +: ok=.* changed=[1-9]' .cache/drift.txt; then \
		echo 'drift: site.yml would change what is said above; make it so with ansible-playbook site.yml, or commit what is right'; exit 1; fi
	@$(playbook) playbooks/drift.yml

backup: .venv/ansible ## archive the home of Jenkins' controller on its host
	@$(playbook) playbooks/jenkins_backup.yml

restore: .venv/ansible ## bring such an archive back: FROM=file on the host
	@$(call need,FROM,an archive that make backup wrote: make restore FROM=/path/on/the/host.tar.gz)
	@$(playbook) -e 'from=$(FROM)' playbooks/jenkins_restore.yml

##@ Check
.PHONY: test test-load test-monitoring test-training test-system test-images test-cluster test-roles test-site test-machine jenkins-test bench lint format
test: .venv/dev ## the fast tests (four minutes or five); says what it left out
	@$(pytest)
	@echo 'Left out, each with a verb of its own: floods of requests (make test-load), a real Nagios, SNMP and shaped links (make'
	@echo 'test-monitoring), training with TensorFlow (make test-training), the running platform (make up test-system), images (make'
	@echo 'test-images), releases (make test-cluster), roles on pristine machines (make test-roles), the whole of site.yml and the quick'
	@echo 'start on one (make test-site test-machine),'
	@echo "Jenkins' pipelines and jobs (make jenkins-test)."

test-load: .venv/dev ## floods of requests: overload, ten thousand bodies, generated from the schemas
	@$(install_wrk)
	@$(pytest) -m load services

test-training: .venv/training ## tests of the training, with TensorFlow
	@$(call in_venv,training) python -m pytest -m training services/ml-inference/tests/training services/ml-inference/tests/report \
		nagios/alert_replay/tests $(PYTEST_OPTIONS)

test-system: .venv/dev ## tests of what `make up` started: README's words, faults, the Nagios page
	@$(pytest) -m system tests

test-images: .venv/dev .venv/ansible ## what is in the images, docker compose, and make smoke
	@$(pytest) -m cluster -s tests/images

test-cluster: .venv/dev .venv/ansible ## releases onto a Minikube and a Kubernetes that are made for it
	@$(pytest) -m cluster --maxfail=1 -s tests/cluster

test-roles: .venv/dev ## the roles' Molecule scenarios, each on a pristine machine: [ROLES='docker minikube']
	@tests/molecule $(ROLES)

test-monitoring: .venv/dev .venv/ansible ## a real Nagios over generated objects, real SNMP, pings and shaped links; needs root
	@$(install_monitoring)
	@$(pytest) -m monitoring -s nagios tests/monitoring

test-site: .venv/dev .venv/ansible ## site.yml on a bare server: up, again, a reboot, and away
	@$(pytest) -m site --maxfail=1 -s tests/site

test-machine: .venv/dev ## the quick start on a pristine Debian machine in a container
	@$(pytest) -m machine tests

jenkins-test: .venv/dev ## execute Jenkins' pipelines and jobs with its Groovy against the names it knows; lint them; list them
	@$(install_groovy)
	@$(pytest) -m '' jenkins
	@$(call in_venv,dev) python tests/recording.py

bench: .venv/training $(if $(PEERS),.venv/mlserver .venv/bentoml) ## measure what a forecast costs: [PEERS=1] [ROUNDS=3]
	@$(install_wrk)
	@$(call in_venv,training) PYTHONPATH=$(inference_path):services/api-gateway/src:. python -m benchmarks $(if $(PEERS),--peers) \
		$(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(TOLERANCE),--tolerance '$(TOLERANCE)') $(if $(OUT),--out '$(OUT)' --page '$(OUT)/benchmarks.md')

lint: .venv/dev ## every linter over everything
	@$(call in_venv,dev) ruff check $(python_sources)
	@$(call in_venv,dev) ruff format --check $(python_sources)
	@$(call in_venv,dev) mypy $(mypy_targets)
	@$(call in_venv,dev) yamllint --strict .
	@$(call in_venv,dev) ansible-lint --offline --strict

format: .venv/dev ## let ruff write the Python files as lint wants them
	@$(call in_venv,dev) ruff check --fix $(python_sources)
	@$(call in_venv,dev) ruff format $(python_sources)

##@ Models
.PHONY: train evaluate backtest report mlflow
# LINKS and BATCHES make train and evaluate shorter, for a try. REGISTRY is where models are recorded (.mlflow).
# The default recipe needs no data: it trains on generated links.
train: .venv/training ## train the LSTM and write a bundle: [DATA=file.parquet|csv] [OUT=folder] [SEED=n]
	@$(training).training train --out '$(or $(OUT),reports/bundle)' $(call options,DATA SEED LINKS BATCHES REGISTRY)

evaluate: .venv/training ## train and test LSTM and baselines on a folder's files, slowly: DATA=folder [SEED=n]
	@$(call need,DATA,a folder of .parquet and .csv files: make evaluate DATA=traces)
	@$(training).training evaluate $(call options,DATA OUT SEED LINKS BATCHES REGISTRY)

backtest: .venv/training ## test the recorded models on a folder's files, without training: DATA=folder [SPLIT=test]
	@$(call need,DATA,a folder of .parquet and .csv files: make backtest DATA=traces)
	@$(training).training backtest $(call options,DATA OUT SPLIT REGISTRY)
	@echo 'next: see the models that ran with make mlflow'

report: .venv/training ## write a page with charts and a model card from what evaluate found: [CARD=file.md]
	@$(training).report --evaluation '$(results)/evaluation.json' --details '$(results)/evaluation-details.json' \
		--out '$(results)/report.html' --card '$(or $(CARD),$(results)/model-card.md)'
	@echo 'next: open the report in a browser; see the recorded models with make mlflow'

mlflow: .venv/training ## show the recorded models in a browser, on this machine alone: [PORT=5000]
	@$(call in_venv,training) PYTHONPATH=$(inference_path) bin/mlflow '$(or $(PORT),5000)' '$(or $(REGISTRY),.mlflow)'

##@ Maintain
.PHONY: screenshots lock hooks clean
screenshots: .venv/dev .venv/ansible ## pictures of the links' pages and Nagios' of the running platform: [OUT=docs/screenshots] [LINK=name]
	@$(call in_venv,dev) PYTHONPATH=tests python -m screenshots '$(or $(OUT),docs/screenshots)' $(if $(LINK),--link '$(LINK)') -- $(ANSIBLE_OPTIONS)

lock: .venv/dev ## resolve the lock files anew; UPGRADE=1 moves to the newest versions
	@bin/lock

hooks: .venv/dev ## have git run `make lint` before each commit
	@$(call in_venv,dev) pre-commit install

clean: ## delete environments, caches and reports, not the recorded models (.mlflow); `make down` first
	@! [ -e .state ] || { echo 'make: the platform is still up in .state: make down first' >&2; exit 1; }
	rm -rf .venv .cache reports
	@! [ -e .mlflow ] || echo 'kept: the recorded models and their history, in .mlflow'

training = $(call in_venv,training) PYTHONPATH=$(inference_path) python -m ml_inference
# Where evaluate writes and report reads.
results = $(or $(OUT),reports)
inference_path = services/contract/src:services/runtime/src:services/ml-inference/src
mypy_targets = services/contract/src services/runtime/src services/api-gateway/src services/ml-inference/src \
	nagios/plugins/src nagios/alert_replay roles/supervisor/library roles/folder/library roles/release/library roles/preflight/library roles/preflight/module_utils \
	roles/nagios/library roles/nagios/module_utils \
	jenkins/checks jenkins/tests tests benchmarks bin/smoke

# Of this make alone: two may run at once.
smoke_facts = .cache/smoke-$(shell echo $$PPID).json

# The load generator, from Debian.
install_wrk = command -v wrk >/dev/null || { echo '==> installing the load generator wrk' && \
	$(as_root) apt-get update -q && $(as_root) apt-get install -q -y --no-install-recommends wrk; }
# Nagios, an SNMP agent and pings, from Debian, which would run the first two at once: the tests start their own.
install_monitoring = { [ -x /usr/sbin/snmpd ] && [ -x /usr/lib/cgi-bin/nagios4/statusjson.cgi ] && command -v fping && \
	command -v tc; } >/dev/null || { echo '==> installing Nagios, its standard plugins, snmpd, fping and iproute2' && \
	$(as_root) sh -ec 'policy=/usr/sbin/policy-rc.d; export DEBIAN_FRONTEND=noninteractive; \
	[ -e $$policy ] || { trap "rm -f $$policy" EXIT; printf "\#!/bin/sh\nexit 101\n" >$$policy; chmod +x $$policy; }; \
	apt-get update -q; apt-get install -q -y --no-install-recommends \
	nagios4-core nagios4-cgi monitoring-plugins-basic snmpd fping iproute2; update-rc.d snmpd disable'; }
# Jenkins' own version of Groovy, and what the linter runs on, from Debian.
install_groovy = missing=; for command in groovy java node npm; do command -v $$command >/dev/null || missing=1; done; \
	[ -z "$$missing" ] || { echo '==> installing groovy, a Java runtime, node and npm' && $(as_root) apt-get update -q && \
	$(as_root) apt-get install -q -y --no-install-recommends $$(command -v groovy >/dev/null || echo groovy) \
	$$(command -v java >/dev/null || echo default-jre-headless) $$(command -v node >/dev/null || echo nodejs) \
	$$(command -v npm >/dev/null || echo npm); }
as_root = $$([ "$$(id -u)" = 0 ] || echo sudo)

# $(call options,NAME…): for each variable that is set its option, --data for DATA
options = $(foreach name,$(1),$(if $($(name)),--$(shell printf %s '$(name)' | tr A-Z a-z) '$($(name))'))
# $(call need,NAME,what it is)
need = [ -n '$($(1))' ] || { echo 'make: $(1) is not set: $(2)' >&2; exit 2; }

# The environments are made by bin/venv, which knows by itself whether there is anything to do.
.PHONY: .venv/ansible .venv/dev .venv/training .venv/mlserver .venv/bentoml
.venv/ansible .venv/dev .venv/training .venv/mlserver .venv/bentoml: .venv/%:
	@bin/venv $*
