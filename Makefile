# Everything a developer runs. `make` alone explains.
#
# Nothing but Go and make is needed: programs for tests and checks are built
# once into .tools/bin from pinned versions.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .tools/bin
ABS := $(CURDIR)/$(BIN)
STAMP := .tools/stamp

MINIO_VERSION := v0.0.0-20260212201848-7aac2a2c5b7c
CADDY_VERSION := v2.11.9
MODULE := github.com/caddy-s3-sse/caddy-s3-sse

# Caddy's certificate authority can keep its data in databases that nobody uses
# with this module: without their drivers the program is smaller.
TAGS := nobadger,nomysql,nopgx

# Clients that tests drive. Those of Debian are installed by a script beside them.
CLIENTS := integration/clients
MC_VERSION := v0.0.0-20250313080218-cf909e1063a9
OPENTOFU_VERSION := v1.12.6
CLIENT_PROGRAMS := $(BIN)/rclone $(BIN)/registry $(BIN)/mc $(BIN)/tofu

# The race detector needs a C compiler; without one tests run without it.
RACE ?= $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# Settings of the developer's own AWS account must not reach tests.
unexport AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION
unexport AWS_CA_BUNDLE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE

.PHONY: help
help: ## Show this help
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

.PHONY: run
run: $(BIN)/caddy $(BIN)/devserver ## Start an encrypting Caddy in front of a plain store, data in .data/
	@exec $(ABS)/devserver -caddy $(ABS)/caddy -data $(CURDIR)/.data

.PHONY: build
build: $(BIN)/caddy ## Build Caddy with this module into .tools/bin/caddy

.PHONY: test
test: test-unit test-race test-fips test-integration ## Run all tests but test-clients

.PHONY: test-unit
test-unit: ## Run the tests that need no other program
	go test -tags $(TAGS) ./...
	go test -run '^$$' -bench . -benchtime 1x ./encryptor ./gateway >/dev/null

# The packages that share state between requests. Under the race detector
# sync.Pool forgets at random, so allocations cannot be counted.
.PHONY: test-race
test-race: ## Run the tests of what works concurrently with the race detector
	go test $(RACE) -skip Alloc -tags $(TAGS) ./caddymodule ./gateway ./kms/... ./localkeys ./sigv4 ./transport ./vaultkeys
	go test $(RACE) -run 'Close|StreamsShareNothing' ./encryptor

# The encryptor's test starts itself with the setting: its second layer is
# deliberately an algorithm that FIPS 140-3 does not approve.
.PHONY: test-fips
test-fips: ## Run with only the algorithms that FIPS 140-3 approves
	GODEBUG=fips140=only go test ./metadata ./localkeys
	go test -run TestFIPSOnly ./encryptor

# The race detector doubles the time: it looks at uploads in parts, with many
# requests at once, and at changes of configurations and keys.
RACING := ./multipart ./modes

.PHONY: test-integration
test-integration: $(BIN)/minio $(BIN)/vaultserver $(BIN)/devstore $(BIN)/devserver $(BIN)/caddy ## Run the tests against real stores and Vault
	cd integration && go test -count=1 $(RACE) -tags $(TAGS) $(RACING)
	cd integration && go test -count=1 -p 3 -tags $(TAGS) $$(go list ./... | grep -v -e /clients$$ -e /browser$$ $(RACING:./%=-e /%$$))

.PHONY: test-clients
test-clients: $(BIN)/minio $(BIN)/vaultserver $(CLIENT_PROGRAMS) ## Run the tests with S3 clients of other people and a browser, and install those
	@missing=fail; $(CLIENTS)/install || missing=skip; \
	$(MAKE) --no-print-directory $(CLIENTS)/js/node_modules || missing=skip; \
	cd integration && CLIENTS_MISSING=$$missing go test -count=1 -v -timeout 30m -tags $(TAGS) ./clients ./browser

.PHONY: lint
lint: $(BIN)/golangci-lint ## Check style, suspicious code and formatting
	go mod tidy -diff
	cd integration && go mod tidy -diff
	$(BIN)/golangci-lint run ./...
	cd integration && $(ABS)/golangci-lint run --config ../.golangci.yml ./...
	cd $(VAULTSERVER) && go mod tidy -diff && $(ABS)/golangci-lint fmt --config ../../.golangci.yml --diff

.PHONY: bench
bench: $(BIN)/minio $(BIN)/caddy $(BIN)/vaultserver ## Measure against plain Caddy and MinIO, and the modes of encryption
	go run -tags $(TAGS) ./bench $(BENCH)
ifndef BENCH
	go run -tags $(TAGS) ./bench -modes
endif

# The version v0.0.0 stands for this directory: without one, xcaddy would ask the
# module proxy for published versions first. Build flags as above, so that what
# is compiled already is used again.
.PHONY: xcaddy
xcaddy: $(BIN)/xcaddy ## Build Caddy with xcaddy and check that the handler is in it
	XCADDY_GO_BUILD_FLAGS="-tags=$(TAGS)" CGO_ENABLED=$$(go env CGO_ENABLED) $(BIN)/xcaddy build $(CADDY_VERSION) \
		--with $(MODULE)@v0.0.0=. --output $(BIN)/caddy-xcaddy
	$(BIN)/caddy-xcaddy list-modules | grep -x http.handlers.s3_sse

.PHONY: tools
tools: $(BIN)/minio $(BIN)/vaultserver $(BIN)/golangci-lint $(BIN)/xcaddy $(CLIENT_PROGRAMS) ## Build all programs that tests and checks use

.PHONY: clean
clean: ## Remove what make run and the tests left behind, except built tools
	rm -rf .data $(BIN)/caddy $(BIN)/caddy-xcaddy $(BIN)/devserver $(BIN)/devstore

# go build itself knows what has changed, and is quick when nothing has.
.PHONY: always
$(BIN)/caddy: always
	go build -tags $(TAGS) -o $@ ./cmd/caddy
$(BIN)/devstore $(BIN)/devserver: $(BIN)/%: always
	cd integration && go build -o $(CURDIR)/$@ ./cmd/$*

# A stamp names the version, so that another version is built again.
$(BIN)/minio: $(STAMP)/minio-$(MINIO_VERSION) ;
$(STAMP)/minio-$(MINIO_VERSION):
	@echo "building MinIO: about two minutes, once"
	GOBIN=$(ABS) go install github.com/minio/minio@$(MINIO_VERSION)
	@mkdir -p $(@D) && touch $@

# Linters would have to read all of Vault: of this module make lint checks only
# what is quick.
VAULTSERVER := integration/vaultserver
$(BIN)/vaultserver: $(VAULTSERVER)/main.go $(VAULTSERVER)/go.mod $(VAULTSERVER)/go.sum
	@echo "building Vault: about three minutes, once"
	cd $(VAULTSERVER) && go build -ldflags "-s -w" -o $(CURDIR)/$@ .
	@touch $@

$(BIN)/rclone $(BIN)/registry: $(BIN)/%: $(CLIENTS)/tools/%/main.go $(CLIENTS)/tools/go.mod $(CLIENTS)/tools/go.sum
	cd $(CLIENTS)/tools && CGO_ENABLED=0 go build -ldflags "-s -w" -o $(CURDIR)/$@ ./$*
	@touch $@
$(BIN)/mc: $(STAMP)/mc-$(MC_VERSION) ;
$(STAMP)/mc-$(MC_VERSION):
	CGO_ENABLED=0 GOBIN=$(ABS) go install -ldflags "-s -w" github.com/minio/mc@$(MC_VERSION)
	@mkdir -p $(@D) && touch $@
$(BIN)/tofu: $(STAMP)/opentofu-$(OPENTOFU_VERSION) ;
$(STAMP)/opentofu-$(OPENTOFU_VERSION): $(CLIENTS)/tools/opentofu
	@echo "building OpenTofu: about three minutes, once"
	$(CLIENTS)/tools/opentofu $(OPENTOFU_VERSION) $(ABS)/tofu
	@mkdir -p $(@D) && touch $@
$(CLIENTS)/js/node_modules: $(CLIENTS)/js/package.json $(CLIENTS)/js/package-lock.json
	cd $(@D) && npm ci --silent --no-audit --no-fund
	@touch $@

$(BIN)/golangci-lint: tools/go.mod tools/go.sum
	@echo "building golangci-lint: about two minutes, once"
	cd tools && go build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
$(BIN)/xcaddy: tools/go.mod tools/go.sum
	cd tools && go build -o $(CURDIR)/$@ github.com/caddyserver/xcaddy/cmd/xcaddy
	@touch $@
