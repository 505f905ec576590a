# Fuzzing, included by the Makefile: `make fuzz`, what `make check` replays, and `make coverage`.

FUZZ_TARGETS = $(patsubst tests/fuzz/%.c,%,$(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
FUZZ_REPLAYS = $(FUZZ_TARGETS:%=$(B)/tests/fuzz/%)
FUZZERS      = $(FUZZ_TARGETS:%=$(B)/fuzzers/%)

# What each target links: the rooms that it fuzzes.
FUZZ_MAIL   = $(call objects,base event provider spool postgres ledger mail) $(MAIL_DATA)
FUZZ_CLIENT = $(call objects,base event provider spool postgres ledger http api mail deliver) $(MAIL_DATA)
FUZZ_FCGI   = $(call no_main,$(FCGI_ROOMS))

fuzz_needs = $(if $(filter fcgi,$(1)),$(FUZZ_FCGI),$(if $(filter api smtp_% http_% settings,$(1)),$(FUZZ_CLIENT),$(FUZZ_MAIL)))
fuzz_libs  = $(if $(filter fcgi,$(1)),$(FCGI_LIBS),$(DRAIN_LIBS))

$(B)/obj/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(BASE_CFLAGS) $(drain_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

define fuzz_target
$(B)/tests/fuzz/$(1): $(B)/obj/fuzz/$(1).o $(B)/obj/fuzz/replay.o $(call fuzz_needs,$(1))
	@mkdir -p $$(@D)
	$$(LINK) $(call fuzz_libs,$(1)) -pthread

$(B)/fuzzers/$(1): $(B)/obj/fuzz/$(1).o $(call fuzz_needs,$(1))
	@mkdir -p $$(@D)
	$$(LINK) -fsanitize=fuzzer $(call fuzz_libs,$(1)) -pthread
endef
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_target,$(target))))

unit-tests: $(FUZZ_REPLAYS)

# make fuzz SECONDS=60 F='signature socket': these targets, so long each; without F= all of them.
#: fuzz           inputs from an enemy; F='mail socket' these targets, SECONDS=600 so long each
FUZZ_BUILD = B=$(B)/fuzz CC=clang SAN=1 CFLAGS='-O1 -g -fsanitize=fuzzer-no-link'

fuzz:
	@tests/bin/deps fuzz
	$(MAKE) $(FUZZ_BUILD) fuzzers
	$(MAKE) B=$(B)/asan SAN=1 CFLAGS='-O1 -g' all
	BOOKSPOOL_BIN=$(abspath $(B)) tests/bin/fuzz $(SECONDS) $(F)

fuzzers: $(FUZZERS)

.PHONY: fuzz fuzzers

# What tests/timing.t counts and times.
$(B)/tests/verify: $(B)/obj/tests/timing/verify.o $(call objects,base event provider)
	@mkdir -p $(@D)
	$(LINK) -lm -lcjson -lidn2 -lcrypto

$(B)/obj/tests/timing/%.o: tests/timing/%.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(BASE_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

unit-tests: $(B)/tests/verify

# Welch's t over many runs, on a machine that has nothing else to do; the short form, which counts
# instructions, is in check.
#: timing         does the time of checking a signature tell where a wrong one differs?
timing: $(B)/tests/verify
	@tests/bin/deps fuzz
	TIMING_RUNS=$(or $(RUNS),1000000) BOOKSPOOL_BIN=$(abspath $(B)) tests/timing.t

# Lines and branches of the pure code that unit tests and corpora run; fails below the goal.
#: coverage       how much of the pure code unit tests and corpora run
coverage:
	@tests/bin/deps fuzz
	$(MAKE) B=$(B)/coverage CC=clang CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping' \
	    LDFLAGS=-fprofile-instr-generate SHIM= unit-tests
	BOOKSPOOL_BIN=$(abspath $(B))/coverage tests/bin/coverage

.PHONY: coverage timing

# Their own functions stand in the place of these, for the rooms that they link.
$(B)/tests/mail_memory_test: override LDFLAGS += -Wl,--wrap=arena_grow,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(B)/tests/api_url_test: override LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
