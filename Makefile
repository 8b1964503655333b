# The operator's commands. `make help` lists them; ops/ does the work.

STATE      ?= var
PORT       ?=
DATA       ?=
COLLECTION ?=
FILE       ?=
JOB        ?=
NAME       ?=
ARGS       ?=

PYTHON := /usr/bin/python3
OPS     = ops/install.sh server && $(PYTHON) -m ops
AT      = --state "$(STATE)" $(if $(PORT),--port "$(PORT)")

export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test import withdraw prov-import serve start stop status env lint clean bench docs model \
	job-check job-list job-accept job-publish

help: ## list the commands
	@printf 'make COMMAND [STATE=folder of the instance, default var] [PORT=port, default 8080]\n\n'
	@sed -n 's,^\([a-z-]*\):.*## \(.*\),  \1\t\2,p' Makefile | sed 's,[$$]*(make,$$(make,' | expand -t 12

demo: ## install what is missing, bring up the archive with sample data, show one query
	@$(OPS) demo $(AT)

import: ## import a folder as a collection: make import DATA=dir COLLECTION=name
	@$(OPS) import $(AT) --data "$(DATA)" --collection "$(COLLECTION)"

withdraw: ## take a collection out of the archive: make withdraw COLLECTION=name
	@$(OPS) withdraw $(AT) --collection "$(COLLECTION)"

prov-import: ## import provenance records: make prov-import FILE=file or folder [COLLECTION=whose files they tell of]
	@$(OPS) prov-import $(AT) --file "$(FILE)" --collection "$(COLLECTION)"

job-check: ## check a job type, with a trial run: make job-check JOB=folder [ARGS="--inputs folder name=value"]
	@$(OPS) job-check $(AT) --job "$(JOB)" -- $(ARGS)

job-list: ## list the job definitions of users that wait for you
	@$(PYTHON) -m ops job-list $(AT)

job-accept: ## let a user's job definition go live: make job-accept NAME=name
	@$(PYTHON) -m ops job-accept $(AT) --name "$(NAME)"

job-publish: ## take the results of a job into the archive: make job-publish JOB=id COLLECTION=name
	@$(PYTHON) -m ops job-publish $(AT) --job "$(JOB)" --collection "$(COLLECTION)"

start: ## start database, server and the runner of analysis jobs in the background
	@$(OPS) start $(AT)

serve: ## the same in the foreground; Ctrl-C ends it
	@$(OPS) serve $(AT)

stop: ## stop server, runner and database; analysis jobs that run go on
	@$(PYTHON) -m ops stop $(AT)

status: ## tell what runs where
	@$(PYTHON) -m ops status $(AT)

env: ## print shell lines for plain dachs and psql: eval "$$(make -s env)"
	@$(PYTHON) -m ops env $(AT)

clean: ## stop the instance and remove its folder, data base and jobs included
	@$(PYTHON) -m ops clean $(AT)

test: ## install the test tools and run the whole suite on an instance of its own (ARGS='-k name' for a part)
	@ops/install.sh tools && $(PYTHON) -m ops test -- $(ARGS)

lint: ## check style, types and the XML of the RDs
	@ops/install.sh tools && $(PYTHON) -m ops lint

bench: ## measure imports and queries, print the table
	@ops/install.sh tools && $(PYTHON) -m ops bench -- $(ARGS)

model: ## make tables, diagram and reference anew from model/cta.vo-dml.xml
	@$(PYTHON) -m model

docs: ## write docs/tables.md anew from the RDs (needs an instance)
	@eval "$$($(PYTHON) -m ops env $(AT))" && $(PYTHON) docs/tables.py docs/tables.md
