# bookspool: `make` builds into build/, `make demo` shows it, `make check` tests it; `make help` has all.
# No configure step. B= names another build folder, SAN=1 adds ASan and UBSan, V=1 shows the commands.
# A line "#: TARGET  text" beside a target is its line of `make help`.

B       ?= build
PREFIX  ?= /usr/local
CC      ?= cc
CFLAGS  ?= -O2 -g

PKG      = pkg-config
# On 32-bit systems: files of more than 2 GiB. The size of time_t is the system's own, as in its libraries.
WIDE       := $(if $(filter 4,$(shell echo __SIZEOF_LONG__ | $(CC) -E -P - 2>/dev/null)),-D_FILE_OFFSET_BITS=64)
BASE_CFLAGS = -std=c17 -D_GNU_SOURCE $(WIDE) -Isrc -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
              -fstack-protector-strong -fPIE $(WERROR)
SAN_FLAGS   = $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
,          := ,
LDFLAGS    += -pie -Wl,-z,relro,-z,now

# A room is a folder of src/. These lines are the architecture: a program links only the rooms
# and libraries that its line names, so a call into another room is a link error.
FCGI_ROOMS  = base confine event provider spool health receive
DRAIN_ROOMS = base confine event provider spool postgres ledger shared http api mail deliver health report drain
TOOL_ROOMS  = base confine event provider spool postgres ledger shared http api mail deliver health report tool

# `make POSTGRESQL=no` leaves PostgreSQL out: a ledger is a file of SQLite then. Never the receiver's.
POSTGRESQL ?= yes
ifeq ($(POSTGRESQL),no)
LEFT_OUT   = src/postgres/% src/ledger/%_postgres.c src/shared/shared.c
LEDGER_LIBS = -lsqlite3
else
LEFT_OUT   = src/ledger/without_server.c src/shared/without_server.c
LEDGER_LIBS = -lsqlite3 $(shell $(PKG) --libs libpq 2>/dev/null)
postgres_CFLAGS := $(shell $(PKG) --cflags libpq 2>/dev/null)
ledger_CFLAGS    = $(postgres_CFLAGS)
endif

# Without pkg-config the list of what is missing says so, and make nothing.
MAIL_LIBS  := $(shell $(PKG) --libs gmime-3.0 libical 2>/dev/null)
FCGI_LIBS   = -lseccomp -lfcgi -lcjson -lidn2 -lcrypto
DRAIN_LIBS  = -lseccomp -lm -lcurl $(MAIL_LIBS) $(LEDGER_LIBS) -lcjson -lidn2 -lcrypto
TOOL_LIBS   = -lseccomp -lm -lcurl $(MAIL_LIBS) $(LEDGER_LIBS) -lcjson -lidn2 -lcrypto

# Only the room that needs a library sees its headers' flags.
mail_CFLAGS := $(shell $(PKG) --cflags gmime-3.0 libical 2>/dev/null)
deliver_CFLAGS = $(mail_CFLAGS)
report_CFLAGS = $(mail_CFLAGS)
drain_CFLAGS = $(mail_CFLAGS)
tool_CFLAGS  = $(mail_CFLAGS)

PROGRAMS = $(B)/bookspool-fcgi $(B)/bookspool-drain $(B)/bookspool

objects  = $(patsubst src/%.c,$(B)/obj/%.o,$(filter-out $(LEFT_OUT),$(foreach room,$(1),$(sort $(wildcard src/$(room)/*.c)))))
no_main  = $(filter-out %/main.o,$(call objects,$(1)))

# Files inside programs: whoever writes mails carries the built-in templates, the operator's tool
# also the sample bodies, so that `bookspool post` needs no file.
TEMPLATES = $(sort $(wildcard src/mail/templates/*))
SAMPLES   = $(sort $(wildcard examples/bodies/*/*.json examples/bodies/*/*.txt))
MAIL_DATA = $(B)/obj/mail/templates_data.o
TOOL_DATA = $(B)/obj/tool/samples_data.o

#: make           build the three programs into build/
all: $(PROGRAMS)

$(B)/bookspool-fcgi: $(call objects,$(FCGI_ROOMS))
	$(LINK) $(FCGI_LIBS)

# What was linked with the other choice is linked anew.
CHOICE = $(B)/obj/postgresql.$(POSTGRESQL)
$(CHOICE):
	@mkdir -p $(@D) && rm -f $(B)/obj/postgresql.* && touch $@

$(B)/bookspool-drain $(B)/bookspool: $(CHOICE)

$(B)/bookspool-drain: $(call objects,$(DRAIN_ROOMS)) $(MAIL_DATA)
	$(LINK) $(DRAIN_LIBS)

$(B)/bookspool: $(call objects,$(TOOL_ROOMS)) $(MAIL_DATA) $(TOOL_DATA)
	$(LINK) $(TOOL_LIBS)

# $(call quiet,WORD) prints one short line instead of the command.
quiet = $(if $(V),,@printf '  %-4s %s\n' $(1) $@;)

LINK = $(call quiet,LD) $(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^)
COMPILE = $(call quiet,CC) $(CC) $(BASE_CFLAGS) $($(firstword $(subst /, ,$*))_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) \
          -MMD -MP -c -o $@ $<

$(B)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(COMPILE)

$(B)/gen/mail/templates_data.c: src/mail/embed.sh $(TEMPLATES)
$(B)/gen/tool/samples_data.c: src/tool/samples.sh $(SAMPLES)

$(B)/gen/%_data.c:
	@mkdir -p $(@D)
	$(call quiet,GEN) sh $^ > $@.new && mv $@.new $@

$(B)/obj/%_data.o: $(B)/gen/%_data.c
	@mkdir -p $(@D)
	$(COMPILE)

# Unit tests: tests/unit/ROOM_THING_test.c links what its room may use.
UNIT_SOURCES = $(wildcard tests/unit/*_test.c)
UNIT_TESTS   = $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT_SOURCES))
PURE_ROOMS   = base event provider spool

$(UNIT_TESTS): $(B)/obj/tests/part.o

# Many links of nearly the same objects: gold takes a quarter of the time, where it is there.
$(UNIT_TESTS): LDFLAGS += $(GOLD)
GOLD := $(if $(shell command -v ld.gold),-fuse-ld=gold)

$(B)/tests/mail_%: $(B)/obj/tests/mail_%.o $(call objects,base event provider spool postgres ledger shared mail) $(MAIL_DATA)
	@mkdir -p $(@D)
	$(LINK) $(MAIL_LIBS) $(LEDGER_LIBS) -lcjson -lidn2 -lcrypto -lcmocka

$(B)/tests/ledger_%: $(B)/obj/tests/ledger_%.o $(call objects,base event provider spool postgres ledger shared)
	@mkdir -p $(@D)
	$(LINK) $(LEDGER_LIBS) -lcjson -lidn2 -lcrypto -lcmocka

$(B)/tests/deliver_%: $(B)/obj/tests/deliver_%.o $(call objects,base event provider spool postgres ledger shared http mail deliver) $(MAIL_DATA)
	@mkdir -p $(@D)
	$(LINK) $(DRAIN_LIBS) -lcmocka

$(B)/tests/api_%: $(B)/obj/tests/api_%.o $(call objects,base event provider spool postgres ledger shared http api)
	@mkdir -p $(@D)
	$(LINK) -lcurl $(LEDGER_LIBS) -lcjson -lidn2 -lcrypto -lcmocka

$(B)/tests/http_%: $(B)/obj/tests/http_%.o $(call objects,base http)
	@mkdir -p $(@D)
	$(LINK) -lcurl -lcjson -lidn2 -lcrypto -lcmocka

$(B)/tests/drain_%: $(B)/obj/tests/drain_%.o $(call no_main,$(DRAIN_ROOMS)) $(MAIL_DATA)
	@mkdir -p $(@D)
	$(LINK) $(DRAIN_LIBS) -lcmocka

$(B)/tests/health_%: $(B)/obj/tests/health_%.o $(call objects,base event provider spool health)
	@mkdir -p $(@D)
	$(LINK) -lcjson -lcrypto -lidn2 -lcmocka

$(B)/tests/report_%: $(B)/obj/tests/report_%.o $(call no_main,$(filter-out drain,$(DRAIN_ROOMS))) $(MAIL_DATA)
	@mkdir -p $(@D)
	$(LINK) $(DRAIN_LIBS) -lcmocka

$(B)/tests/receive_%: $(B)/obj/tests/receive_%.o $(call no_main,$(FCGI_ROOMS))
	@mkdir -p $(@D)
	$(LINK) $(FCGI_LIBS) -lcmocka

$(B)/tests/tool_%: $(B)/obj/tests/tool_%.o $(call no_main,$(TOOL_ROOMS)) $(TOOL_DATA) $(MAIL_DATA)
	@mkdir -p $(@D)
	$(LINK) $(TOOL_LIBS) -lcmocka

$(B)/tests/%: $(B)/obj/tests/%.o $(call objects,$(PURE_ROOMS))
	@mkdir -p $(@D)
	$(LINK) -lcjson -lidn2 -lcrypto -lcmocka

$(B)/obj/tests/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(BASE_CFLAGS) $(drain_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

# Preloaded by tests; a sanitizer would have to come first, so these go without.
SHIM = $(if $(SAN),,$(foreach name,shim record alloc clock,$(B)/tests/$(name).so))

$(B)/tests/%.so: tests/faults/%.c
	@mkdir -p $(@D)
	$(call quiet,LD) $(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wconversion $(WERROR) $(CFLAGS) \
	    -fPIC -shared -o $@ $<

# The bench's own programs, small and in C so that what is measured is not them.
BENCH_PEERS = $(B)/bench/store $(B)/bench/cgi
BENCH_TOOLS = $(BENCH_PEERS) $(B)/bench/slowdisk $(B)/bench/curl_loop

$(B)/bench/store: $(B)/obj/bench/store.o $(B)/obj/bench/durable.o
$(B)/bench/cgi: $(B)/obj/bench/cgi.o $(B)/obj/bench/durable.o
$(B)/bench/cgi: BENCH_LIBS = -lcrypto
$(B)/bench/curl_loop: $(B)/obj/bench/curl_loop.o
$(B)/bench/curl_loop: BENCH_LIBS = -lcurl
$(B)/bench/queue: $(B)/obj/bench/queue.o $(call objects,base event provider spool postgres shared ledger)
$(B)/bench/queue: BENCH_LIBS = $(LEDGER_LIBS) -lcjson -lidn2 -lcrypto
$(B)/bench/slowdisk: $(B)/obj/bench/slowdisk.o
$(B)/bench/slowdisk: BENCH_LIBS = $(shell $(PKG) --libs fuse3 2>/dev/null)
$(B)/obj/bench/slowdisk.o: BENCH_CFLAGS = $(shell $(PKG) --cflags fuse3 2>/dev/null)

$(B)/bench/%:
	@mkdir -p $(@D)
	$(LINK) $(BENCH_LIBS)

$(B)/obj/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(BASE_CFLAGS) $(BENCH_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

# The protocol as a model (tests/model), which needs nothing of src/.
MODEL = $(patsubst tests/%.c,$(B)/obj/tests/%.o,$(wildcard tests/model/*.c))

$(B)/obj/tests/model/%.o: tests/model/%.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(BASE_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/model: $(MODEL)
	@mkdir -p $(@D)
	$(LINK)

# What tests/cost.t counts the instructions of.
$(B)/obj/tests/cost/%.o: tests/cost/%.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(BASE_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/request: $(B)/obj/tests/cost/request.o $(B)/obj/receive/count.o $(B)/obj/receive/reply.o \
                    $(call objects,base event provider spool)
	@mkdir -p $(@D)
	$(LINK) -lcjson -lidn2 -lcrypto

unit-tests: $(UNIT_TESTS) $(SHIM) $(B)/tests/model $(B)/tests/request

include tests/fuzz/rules.mk

# The long form of tests/faults-*.t: each error at each call, a death before each, and memory that ends at
# each step, also for good. In check the calls of one place in the code count as one.
#: faults         each error and a death at each call, memory that ends at each step
faults: all unit-tests
	FAULTS_LONG=1 BOOKSPOOL_BIN=$(abspath $(B)) prove --timer $(wildcard tests/faults-*.t)

# ---- what is missing ----

# A plain make only says what is missing; demo and check install it, where they are root.
$(B)/.deps: tests/bin/deps
	@mkdir -p $(@D)
	@tests/bin/deps --check build
	@touch $@

$(call objects,$(sort $(FCGI_ROOMS) $(DRAIN_ROOMS) $(TOOL_ROOMS))): | $(B)/.deps

# ---- demo and tests ----

#: demo           nginx, receiver and drain on loopback: bookings, a forgery, the mails
demo:
	@tests/bin/deps demo
	@$(MAKE) --no-print-directory --silent all
	@tests/bin/demo

# Each test runs as built for use, once more under ASan and UBSan, and some under valgrind; the
# word before the colon is for tests/bin/run. The longest begin first, so that none is left over at the end.
LONGEST = faults-drain mutations faults-tool faults-maildir contact provider-month faults-receiver powercut limits package
WHOLE   = $(LONGEST:%=tests/%.t) $(filter-out $(LONGEST:%=tests/%.t),$(sort $(wildcard tests/*.t)))
# What these are about runs in a browser, is the package, the stand-ins in Python, the bench, pages and
# examples, or what others read in our mails: fuzz.t makes a mail of each sample under ASan. And what has a
# long form: make soak and make restarts run it under ASan as well.
NOT_IN_C = contact package api-standins bench cluster references manual playbook nginx-examples metrics mail-readers \
           soak-many restart
IN_C    = $(filter-out $(NOT_IN_C:%=tests/%.t),$(WHOLE))
MEMORY  = $(filter-out %/drain_sandbox_test %/receive_sandbox_test,$(UNIT_TESTS)) # valgrind's own calls are refused
CHECKS  = $(WHOLE:%=plain:%) $(IN_C:%=asan:%) valgrind:tests/nginx-answers.t $(MEMORY:$(B)/%=valgrind:%) \
          $(UNIT_TESTS:$(B)/%=plain:%) $(UNIT_TESTS:$(B)/%=asan:%) $(OTHER_DAYS)

# Tests that depend on the time, as on other days: next year, the end of February, and the days on
# which daylight saving time begins and ends, some shortly before midnight or the change.
NEXT_YEAR = +1year@UTC
FEBRUARY  = 2027-02-28T23:58@UTC
LEAP_DAY  = 2028-02-29T23:50@Europe/Berlin
DAYS      = $(NEXT_YEAR) $(FEBRUARY) $(LEAP_DAY) 2027-03-28T01:58@Europe/Berlin \
            2027-10-31T02:30@Europe/Berlin 2027-03-14T01:58@America/New_York \
            2027-11-07T01:30@America/New_York
TIMELY    = drain_order ledger_store mail_calendar mail_compose mail_zone provider_envelope spool_queue tool_order

OTHER_DAYS = $(foreach day,$(DAYS),$(TIMELY:%=$(day):tests/%_test)) \
    $(LEAP_DAY):tests/mail-stories.t $(FEBRUARY):tests/receive-answers.t \
    $(FEBRUARY):tests/mail-trouble.t \
    $(NEXT_YEAR):tests/tool-spool.t $(NEXT_YEAR):tests/drain-templates.t \
    2027-03-28T01:58@Europe/Berlin:tests/tool-ledger.t \
    2027-10-31T02:30@Europe/Berlin:tests/tool-post.t \
    2027-03-14T01:58@America/New_York:tests/drain-operators.t \
    2027-11-07T01:30@America/New_York:tests/mail-trouble.t

#: check          every test; installs what is missing, where it is root
check:
	@tests/bin/deps check
	$(MAKE) $(PARALLEL) all unit-tests $(BENCH_PEERS)
	$(MAKE) $(PARALLEL) B=$(B)/clang CC=clang all
	$(MAKE) $(PARALLEL) B=$(B)/asan SAN=1 CFLAGS='-O1 -g' all unit-tests
	BOOKSPOOL_BIN=$(abspath $(B)) prove -j$(AT_ONCE) --timer --exec tests/bin/run $(CHECKS)

JOBS    ?= $(shell nproc)
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))
AT_ONCE  = $(shell expr $(JOBS) + 2) # many tests wait more than they work

# All tests on all of DAYS; the short form is in check. The mutations are compiled and judged alike
# on every day, and the bench judges nothing by it.
#: shifted        all tests on other days
shifted: all unit-tests $(BENCH_PEERS)
	BOOKSPOOL_BIN=$(abspath $(B)) prove -j$(AT_ONCE) --timer --exec tests/bin/run \
	    $(foreach day,$(DAYS),$(UNIT_TESTS:$(B)/%=$(day):%) \
	        $(patsubst %,$(day):%,$(filter-out %/mutations.t %/bench.t %/contact.t %/package.t,$(WHOLE))))

# make test T=drain-watch, T=spool_queue_test, T='drain-smtp repeats': one test, or one part of it;
# FLAVOUR= as tests/bin/run says. It installs what is missing, and builds what this test runs.
FLAVOUR  ?= plain
NAME      = $(patsubst tests/%,%,$(patsubst %.t,%,$(firstword $(T))))
PARTS     = $(foreach part,$(wordlist 2,$(words $(T)),$(T)),'$(part)')
UNIT_TEST = $(if $(filter %_test,$(NAME)),$(B)/tests/$(NAME))
ALSO      = $(if $(filter model,$(NAME)),$(B)/tests/model) $(if $(filter cost,$(NAME)),$(B)/tests/request) \
            $(if $(filter bench,$(NAME)),$(BENCH_PEERS)) $(if $(filter mutations,$(NAME)),unit-tests)

#: test T=NAME    one test; T='NAME PART' a part of it, FLAVOUR=asan as tests/bin/run says
test:
	@test -f "tests/$(if $(UNIT_TEST),unit/$(NAME).c,$(NAME).t)" || \
	    { echo "usage: make test T='NAME [PART...]': tests/NAME.t or tests/unit/NAME.c" >&2; exit 64; }
	@tests/bin/deps check
	@$(MAKE) --no-print-directory $(if $(filter asan,$(FLAVOUR)),B=$(B)/asan SAN=1 CFLAGS='-O1 -g') one-test
	@BOOKSPOOL_BIN=$(abspath $(B)) tests/bin/run '$(FLAVOUR):tests/$(NAME)$(if $(UNIT_TEST),,.t)' $(PARTS)

one-test: $(or $(UNIT_TEST),all $(ALSO)) $(SHIM)

# The mails in a browser. LOOK_PICTURES=DIR leaves pictures there.
#: look           the mails in a browser: width, contrast, nothing loaded
look:
	@tests/bin/deps look
	$(MAKE) all
	BOOKSPOOL_BIN=$(abspath $(B)) tests/bin/look

# The contact page: all pictures, time to its calendar, Lighthouse. The short form is in check.
# CONTACT_KEEP=1 replaces the kept pictures, CONTACT_PICTURES=DIR leaves large ones there.
#: contact        the contact page: pictures, time to its calendar, Lighthouse
contact:
	@tests/bin/deps contact
	$(MAKE) all
	BOOKSPOOL_BIN=$(abspath $(B)) tests/bin/contact

# Speed, against peers and at the price of a disk of known flush; BENCH_ROUNDS, BENCH_SECONDS and
# BENCH_ONLY are tests/bench/run's. `make bench-results` keeps the figures in tests/bench/results and tests/bench/README.md.
#: bench          how fast it is, beside others, on disks of known speed
bench:
	@tests/bin/deps bench
	$(MAKE) all $(BENCH_TOOLS)
	BOOKSPOOL_BIN=$(abspath $(B)) tests/bench/run

#: bench-results  the same, and keep the figures
bench-results:
	BOOKSPOOL_BIN=$(abspath $(B)) tests/bench/readme --take

# The short form is in check.
#: rotate         changes of a webhook secret that die, or fail, at each request to a provider
rotate: all unit-tests
	ROTATE=full tests/tool-calendly.t
	ROTATE=full tests/tool-calcom.t

# Three nodes on one spool in PostgreSQL, and faults; the short form is in check.
#: cluster        three nodes drain one spool while drains, servers and networks fail: thousands of bookings
cluster: all
	CLUSTER_EVENTS=500 tests/cluster.t

# The spool that nodes share, by the number of drains and of workers.
#: bench-nodes    how fast 1, 2 and 4 nodes drain a spool in PostgreSQL
bench-nodes: all $(B)/bench/queue
	BOOKSPOOL_BIN=$(abspath $(B)) tests/bench/nodes

# Many receivers, drains and operators at once, killed at random; the short form is in check.
#: soak           two minutes of receivers, drains and operators at once, killed at random
soak: all asan-programs
	$(call both,soak-many,SOAK_SECONDS=$(SECONDS))

# $(call both,TEST,SETTINGS) runs a long form as built for use, and under ASan.
both = for flavour in plain asan; do $(2) BOOKSPOOL_BIN=$(abspath $(B)) tests/bin/run $$flavour:tests/$(1).t || exit 1; done

asan-programs:
	$(MAKE) B=$(B)/asan SAN=1 CFLAGS='-O1 -g' all

SECONDS ?= 120

# Receiver and drain restarted a hundred times while clients post; the short form is in check.
#: restarts       a hundred restarts of receiver and drain while clients post
restarts: all asan-programs
	$(call both,restart,RESTARTS=100)

# Bursts of requests whose clients go away, as built for use and under ASan; the short form is in check.
#: storm          bursts of requests, with every third client gone before its answer
storm: all asan-programs
	$(call both,receive-storm,STORM_SECONDS=$(SECONDS))

# In check the leaks of a program that ends when it has done one thing (the tool) are not looked for: that
# takes as long as all else it does.
#: leaks          the tests under ASan, with leaks of the tool looked for
leaks: all asan-programs
	LEAKS=all BOOKSPOOL_BIN=$(abspath $(B)) prove -j$(AT_ONCE) --timer --exec tests/bin/run $(IN_C:%=asan:%)

# The disk states that a power cut could leave, many more of them; the short form is in check.
#: powercut       the disk states that a power cut could leave, recovered from one by one
powercut: all $(SHIM)
	POWERCUT=full tests/powercut.t

# Power cuts on real file systems, rebuilt from a log of all writes; needs root. Minutes of each file
# system: POWERCUT_CUTS, POWERCUT_FS and more are in tests/powercut-real.
#: powercut-real  the same on ext4, XFS and Btrfs, from a log of all writes; as root
powercut-real:
	@tests/bin/deps powercut-real
	$(MAKE) all $(B)/bench/slowdisk
	BOOKSPOOL_BIN=$(abspath $(B)) tests/powercut-real

# 100,000 events that wait and 1,000,000 names that are remembered; the short form is in check.
#: limits         100,000 events that wait, 1,000,000 that are remembered
limits: all
	LIMITS=full tests/limits.t

# Months of bookings at both providers, and a run for each call to their APIs, which fails in it; the short
# form is in check.
#: month          months of bookings at both providers, and each call to their APIs that fails
month: all $(SHIM)
	MONTH=full tests/provider-month.t

# Every order of steps and faults, in small worlds; the short form is in check. `make model RUN=claim`
# tells how leaving that rule out breaks the promise.
#: model          the protocol as a model, every order of steps and faults
model: $(B)/tests/model
	$(if $(RUN),$< --trace $(RUN),$< --list | xargs -P $(JOBS) -n 1 $<)

#: help           this list
help:
	@sed -n 's/^#: /  /p' $(filter-out %.d,$(MAKEFILE_LIST))

# ---- installation ----

# Everything but the settings and nginx's files goes below PREFIX; SYSCONFDIR gets those, and what is
# there already is not replaced. DESTDIR is put before both. Paths inside the files follow PREFIX.
SYSCONFDIR ?= /etc

VERSION  = $(shell sed -n 's/^.define BOOKSPOOL_VERSION "\(.*\)"/\1/p' src/base/version.h)
PAGES    = $(wildcard src/*/*.[1-8])
UNITS    = $(notdir $(wildcard $(foreach kind,service socket timer path,examples/systemd/*.$(kind))))
SNIPPETS = $(filter-out %.in,$(notdir $(wildcard nginx/*)))
SETTINGS = bookspool.conf receive.env drain.env
EXAMPLES = $(patsubst examples/%,%,$(filter-out examples/systemd/% %.png,$(shell find examples -type f)))

to_sbin     = $(DESTDIR)$(PREFIX)/sbin
to_bin      = $(DESTDIR)$(PREFIX)/bin
to_lib      = $(DESTDIR)$(PREFIX)/lib
to_man      = $(DESTDIR)$(PREFIX)/share/man
to_doc      = $(DESTDIR)$(PREFIX)/share/doc/bookspool
to_settings = $(DESTDIR)$(SYSCONFDIR)/bookspool
to_nginx    = $(DESTDIR)$(SYSCONFDIR)/nginx/snippets

# $(call place,MODE,FROM,TO) installs a text with the paths of this installation.
place = install -D -m $(1) $(2) $(3) && sed -i -e 's|/usr/local/|$(PREFIX)/|g' \
        -e 's|/etc/\(systemd/system\|sysusers.d\|tmpfiles.d\)/bookspool|$(PREFIX)/lib/\1/bookspool|g' \
        -e 's|/etc/nginx/\(bookspool\|contact\)-|$(SYSCONFDIR)/nginx/snippets/\1-|g' $(3)

#: install        programs, units, manual pages, examples to PREFIX (/usr/local), first settings to /etc, under DESTDIR
install: all
	install -d $(to_sbin) $(to_bin)
	install -m 755 $(B)/bookspool-fcgi $(B)/bookspool-drain $(to_sbin)
	install -m 755 $(B)/bookspool $(to_bin)
	for page in $(PAGES); do install -D -m 644 $$page $(to_man)/man$${page##*.}/$${page##*/} || exit 1; done
	for unit in $(UNITS); do $(call place,644,examples/systemd/$$unit,$(to_lib)/systemd/system/$$unit) || exit 1; done
	for kind in sysusers tmpfiles; do \
	    $(call place,644,examples/systemd/bookspool.$$kind.conf,$(to_lib)/$$kind.d/bookspool.conf) || exit 1; done
	for file in $(EXAMPLES); do mode=644; [ ! -x examples/$$file ] || mode=755; \
	    $(call place,$$mode,examples/$$file,$(to_doc)/examples/$$file) || exit 1; done
	install -m 644 README.md LICENSE src/package/debian/changelog $(to_doc)
	for file in $(SNIPPETS); do [ -e $(to_nginx)/$$file ] || { \
	    $(call place,644,nginx/$$file,$(to_nginx)/$$file); } || exit 1; done
	for file in $(SETTINGS); do mode=640; [ $$file != bookspool.conf ] || mode=644; [ -e $(to_settings)/$$file ] || { \
	    $(call place,$$mode,examples/$$file,$(to_settings)/$$file); } || exit 1; done

# Settings, nginx's files, the spool and the ledger stay: they are yours.
#: uninstall      remove what install put there, but no settings, spool or ledger
uninstall:
	rm -f $(to_sbin)/bookspool-fcgi $(to_sbin)/bookspool-drain $(to_bin)/bookspool
	for page in $(PAGES); do rm -f $(to_man)/man$${page##*.}/$${page##*/}; done
	for unit in $(UNITS); do rm -f $(to_lib)/systemd/system/$$unit; done
	rm -f $(to_lib)/sysusers.d/bookspool.conf $(to_lib)/tmpfiles.d/bookspool.conf
	rm -rf $(to_doc)

# A Debian package in build/deb, by the tools of the distribution; nothing is downloaded.
#: deb            a Debian package, into build/deb
DEB_DIR     = $(B)/deb
DEB_TREE    = $(DEB_DIR)/bookspool-$(VERSION)
DEB_OPTIONS ?= nocheck
DEB_BUILT   ?= # a folder as build/: what make has built there is not built again; for tests/package.t

deb:
	@tests/bin/deps deb
	rm -rf $(DEB_DIR)
	mkdir -p $(DEB_TREE)
	cp -a Makefile LICENSE README.md src tests nginx examples $(DEB_TREE)
	cp -a src/package/debian $(DEB_TREE)
	$(if $(DEB_BUILT),mkdir $(DEB_TREE)/build && cp -a $(wildcard $(DEB_BUILT)/obj $(DEB_BUILT)/gen $(DEB_BUILT)/bookspool*) $(DEB_TREE)/build)
	cd $(DEB_TREE) && unset MAKEFLAGS MAKEOVERRIDES B SAN && \
	    DEB_BUILD_OPTIONS='$(DEB_OPTIONS) parallel=$(JOBS)' dpkg-buildpackage $(if $(filter nocheck,$(DEB_OPTIONS)),-Pnocheck) -us -uc -b -nc

# The package on clean systems with systemd, as root: SUITES='bookworm trixie'. The short form is in check.
#: package-check  the package on clean systems of Debian, from its installation to its purge
package-check:
	@tests/bin/deps package
	$(MAKE) all
	BOOKSPOOL_BIN=$(abspath $(B)) tests/package-check

#: lint           the format of the sources and scripts
lint:
	clang-format --dry-run --Werror $(foreach place,src/* tests/unit tests/model tests/cost tests/bench tests/fuzz tests/timing, \
	    $(wildcard $(place)/*.[ch]))
	shellcheck tests/bin/deps tests/bin/tools tests/bin/run tests/mutations.t src/tool/samples.sh src/mail/embed.sh \
	    $(wildcard examples/*.sh examples/*/*.sh examples/s6/*/run examples/runit/*/run) \
	    src/package/debian/postinst src/package/debian/postrm src/package/debian/tests/booking

#: clean          remove build/
clean:
	rm -rf $(B)

.PHONY: all asan-programs bench bench-nodes bench-results check clean cluster contact deb demo faults help install leaks \
    limits lint look model month \
    one-test package-check powercut powercut-real restarts rotate shifted soak storm test uninstall \
    unit-tests
.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
