# ferry: `make help` lists what can be made.

BUILD    ?= build
PREFIX   ?= /usr/local
OPT      ?= -O2
CC       = gcc
CLANG    ?= clang
JOBS     ?= $(shell nproc 2>/dev/null || echo 2)

SANITIZE ?=
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS   ?= -g
ALL_CFLAGS := -std=gnu11 $(OPT) $(CFLAGS) $(WARNINGS) $(SANITIZE) -D_GNU_SOURCE -Iengine -I. -MMD -MP

LIBS       := -luv -lsodium -ljansson -lxxhash -llz4 -lzstd -ldw -lelf -lm
FERRY_LIBS := -linih -lncursesw -ltinfo $(LIBS)
TEST_LIBS  := -lcmocka -lvterm -lutil
VIZ_LIBS   := -lSDL2_ttf -lSDL2 -lpng
include guests/guest.mk
GUESTS_TAR ?= guests.tar
HAS_CLANG  := $(shell command -v $(CLANG) >/dev/null && command -v $(GUEST_LINKER) >/dev/null && echo yes)
# The graphical view is built where its libraries are; without them all else is.
HAS_SDL    := $(shell printf '\043include <SDL2/SDL_ttf.h>\n\043include <png.h>\n' | $(CC) -E - >/dev/null 2>&1 && echo yes)

# ---- What there is: every .c that is no test belongs to the library of its floors. ----
ENGINE_SRC  := $(filter-out %_test.c %_fuzz.c %_bench.c,$(wildcard engine/*/*.c))
# The terminal view and the front door, but for main: their tests link them too.
# What a student's file is compiled with is for the machine alone.
SUPPORT     := student.h seat_guest.c seat_words.h seat.ld
FRONT_SRC   := $(filter-out %_test.c %_bench.c labs/main.c labs/viz_main.c exercises/seat_guest.c,\
	$(wildcard tui/*.c exercises/*.c labs/*.c))
VIZ_SRC     := $(filter-out %_test.c %_bench.c,$(wildcard viz/*.c))
VIZ_TEST_SRC := $(wildcard viz/*_test.c viz/*_bench.c)
TEST_SRC    := $(wildcard engine/*/*_test.c tui/*_test.c exercises/*_test.c labs/*_test.c guests/*_test.c \
	$(if $(HAS_SDL),viz/*_test.c))
FUZZ_SRC    := $(wildcard engine/*/*_fuzz.c)
# What the proofs of live mode measure with, where a shell cannot.
PROOF_SRC   := $(wildcard engine/live/proof/*.c)
BENCH_SRC   := $(wildcard engine/*/*_bench.c tui/*_bench.c $(if $(HAS_SDL),viz/*_bench.c))
GUEST_NAMES := $(patsubst guests/%.c,%,$(filter-out guests/runtime.c %_test.c,$(wildcard guests/*.c)))

OBJ     = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
ENGINE  := $(BUILD)/libengine.a
FRONT   := $(BUILD)/libfront.a
FERRY   := $(BUILD)/bin/ferry
# The same front door with the graphical view; ferry itself does not link SDL.
VIZ     := $(BUILD)/libviz.a
FERRY_VIZ := $(BUILD)/bin/ferry-viz
# The labs' data and the translations lie beside bin/, where ferry looks for them.
LAB_DATA := $(patsubst labs/%,$(BUILD)/labs/%,$(wildcard labs/[0-9]*/*.ini labs/[0-9]*/*.txt labs/glossary.ini))
LOCALES  := $(patsubst labs/locale/%.po,$(BUILD)/locale/%/LC_MESSAGES/ferry.mo,$(wildcard labs/locale/*.po))
KIT     := $(patsubst %,$(BUILD)/kit/%,guests/guest.mk guests/guest.ld guests/start.S guests/runtime.c \
	guests/runtime.h guests/harts.h guests/serve.h engine/machine/hypercall.h engine/base/prng.h engine/base/zipf.h)
GUESTS  := $(patsubst %,$(BUILD)/guests/%,$(GUEST_NAMES))
EXERCISES := $(patsubst %,$(BUILD)/%,$(SUPPORT:%=exercises/%) $(wildcard exercises/*/exercise.ini exercises/*/*.md))
TESTS   := $(patsubst %.c,$(BUILD)/test/%,$(TEST_SRC))
BENCHES := $(patsubst %.c,$(BUILD)/test/%,$(BENCH_SRC))
PROOFS  := $(patsubst engine/live/proof/%.c,$(BUILD)/proof/%,$(PROOF_SRC))
FUZZERS := $(patsubst %.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all no-viz no-guests guests.tar golden help demo check test asan fuzz swarm mutations bench proof lint compilers format handout install clean

all: $(FERRY) $(if $(HAS_SDL),$(FERRY_VIZ),no-viz) \
	$(if $(HAS_CLANG)$(wildcard $(GUESTS_TAR) $(GUESTS)),$(GUESTS),no-guests) $(KIT) $(EXERCISES) $(LAB_DATA) $(LOCALES) ## build ferry and its guests (build/bin/, build/guests/)

# Another compiler or other flags make other objects: they are noted in a file that all depend on.
FLAGS := $(BUILD)/flags
NOTE  := $(CC) $(ALL_CFLAGS)
ifneq ($(NOTE),$(shell cat $(FLAGS) 2>/dev/null))
$(FLAGS): force
	@mkdir -p $(@D)
	@echo '$(NOTE)' > $@
.PHONY: force
endif

$(BUILD)/obj/%.o: %.c Makefile $(FLAGS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DBUILD_DIR='"$(BUILD)"' -c $< -o $@

# Where every variable of the dispatcher is at every instant takes a compiler longer than all else.
$(BUILD)/obj/engine/machine/fast.o: ALL_CFLAGS += -g1

$(ENGINE): $(call OBJ,$(ENGINE_SRC))
$(FRONT): $(call OBJ,$(FRONT_SRC))
$(ENGINE) $(FRONT):
	@rm -f $@
	ar rcs $@ $^

$(FERRY): $(call OBJ,labs/main.c) $(FRONT) $(ENGINE)
	@mkdir -p $(@D)
	$(CC) $(OPT) $(CFLAGS) $(SANITIZE) $^ $(FERRY_LIBS) -o $@

$(VIZ): $(call OBJ,$(VIZ_SRC))
	@rm -f $@
	ar rcs $@ $^

$(FERRY_VIZ): $(call OBJ,labs/viz_main.c) $(VIZ) $(FRONT) $(ENGINE)
	@mkdir -p $(@D)
	$(CC) $(OPT) $(CFLAGS) $(SANITIZE) $^ $(VIZ_LIBS) $(FERRY_LIBS) -o $@

no-viz:
	@echo 'ferry: without libsdl2-dev, libsdl2-ttf-dev and libpng-dev the graphical view is not built' >&2

# ---- Guests: RISC-V programs, always by clang and lld, so that an image is the same everywhere. ----
# Without them those of guests.tar are used, which `make guests.tar` packs where there are both.
ifdef HAS_CLANG
$(BUILD)/guests/%: guests/%.c $(GUEST_PARTS) engine/machine/hypercall.h $(wildcard engine/base/*.h) \
		guests/guest.mk Makefile
	@mkdir -p $(@D)
	$(CLANG) $(GUEST_FLAGS) -Werror $(GUEST_LINK) $< $(wildcard guests/$*_*.S) -o $@
$(BUILD)/guests/threads: guests/threads_trap.S
else ifneq ($(wildcard $(GUESTS_TAR)),)
# (By its whole path: guests.tar alone is what packs it.)
$(GUESTS) &: $(abspath $(GUESTS_TAR))
	@mkdir -p $(BUILD)/guests
	@echo 'ferry: without $(CLANG) and $(GUEST_LINKER) the guests are those of $(GUESTS_TAR)' >&2
	@tar xf $(GUESTS_TAR) -C $(BUILD)/guests $(GUEST_NAMES) 2>/dev/null && touch $(GUESTS) || { rm -f $(GUESTS); \
		echo 'ferry: $(GUESTS_TAR) does not hold the guests of this ferry: pack it again' >&2; exit 1; }
endif

# The same guests make the same bytes: no times, no owners, one order.
guests.tar: $(if $(HAS_CLANG),$(GUESTS)) ## pack the guests for computers without clang (GUESTS_TAR=FILE)
	@[ -n '$(HAS_CLANG)' ] || { echo 'ferry: guests.tar is packed where clang and lld are' >&2; exit 1; }
	@tar c --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=755 \
		-C $(BUILD)/guests -f $(GUESTS_TAR) $(GUEST_NAMES)
	@echo $(GUESTS_TAR)

no-guests:
	@echo 'ferry: no guests are built: that needs $(CLANG) and $(GUEST_LINKER) (packages clang and lld), or a' >&2
	@echo '    guests.tar that `make guests.tar` packed elsewhere, in this folder or as GUESTS_TAR=FILE' >&2

# What guest.mk needs, where `ferry guest kit` finds it; an installed ferry has it too.
$(KIT): $(BUILD)/kit/%: %
	@mkdir -p $(@D)
	@cp $< $@

# ---- Exercises: what ferry grade reads lies beside it. ----
$(EXERCISES): $(BUILD)/%: %
	@mkdir -p $(@D)
	@cp $< $@

# ---- The labs: data, and the player's own words in other languages. ----
$(BUILD)/labs/%: labs/%
	@mkdir -p $(@D)
	cp $< $@

# Without msgfmt (Debian: gettext) the player speaks English, and all else is built.
$(BUILD)/locale/%/LC_MESSAGES/ferry.mo: labs/locale/%.po
	@mkdir -p $(@D)
	@if command -v msgfmt >/dev/null; then msgfmt --check-format -o $@ $<; \
	else echo 'ferry: without msgfmt (package gettext) $* is not built: the player speaks English' >&2; fi

# ---- Tests: one program for each _test.c, run from here. ----
$(BUILD)/test/%: $(BUILD)/obj/%.o $(FRONT) $(ENGINE)
	@mkdir -p $(@D)
	$(CC) $(OPT) $(CFLAGS) $(SANITIZE) $^ $(TEST_LIBS) $(FERRY_LIBS) -o $@

$(BUILD)/test/viz/%: $(BUILD)/obj/viz/%.o $(VIZ) $(FRONT) $(ENGINE)
	@mkdir -p $(@D)
	$(CC) $(OPT) $(CFLAGS) $(SANITIZE) $^ $(TEST_LIBS) $(VIZ_LIBS) $(FERRY_LIBS) -o $@

# A strategy and its side of the desk, compiled for this computer too: both ways are compared.
NATIVE := $(call OBJ,exercises/seat_guest.c exercises/samples/01/right.c)
$(NATIVE): ALL_CFLAGS += -Iexercises
$(BUILD)/test/exercises/seat_test: $(NATIVE)

# ---- Proofs: small programs that measure live mode from outside. ----
$(BUILD)/proof/%: $(BUILD)/obj/engine/live/proof/%.o $(ENGINE)
	@mkdir -p $(@D)
	$(CC) $(OPT) $(CFLAGS) $(SANITIZE) $^ $(LIBS) -o $@

# ---- Fuzzers: everything that reads bytes it did not write, by clang's libFuzzer. ----
# The dispatcher's many jumps take clang minutes to instrument when it optimizes them: it does not.
FUZZ_CFLAGS := -std=gnu11 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE -Iengine
FUZZ_OBJ    := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(ENGINE_SRC))
$(BUILD)/fuzz/obj/%.o: %.c $(wildcard engine/*/*.h engine/*/*.def) Makefile
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_CFLAGS) $(if $(filter %/fast.c,$<),-O0,-O1) -fsanitize=fuzzer-no-link -c $< -o $@

$(BUILD)/fuzz/%: %.c $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_CFLAGS) -O1 -fsanitize=fuzzer $^ $(LIBS) -o $@

-include $(patsubst %.o,%.d,$(call OBJ,$(ENGINE_SRC) $(FRONT_SRC) $(TEST_SRC) $(BENCH_SRC) $(PROOF_SRC) labs/main.c \
	$(VIZ_SRC) $(VIZ_TEST_SRC) labs/viz_main.c))

# ---- What people ask for. ----
help: ## this list
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z.]*\):.*## \(.*\)/    \1|\2/p' Makefile | awk -F '|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo 'Settings: BUILD=build CC=gcc|clang OPT=-O2 PREFIX=/usr/local'

# What could not be built for want of a package is said once more at the end, where it is seen.
BUILD_ALL = $(MAKE) --no-print-directory -k -j$(JOBS)
demo: ## install what is missing, build, and show the demonstration
	@.ci/packages demo
	@$(BUILD_ALL) -s all || { .ci/packages demo --list; exit 2; }
	@$(FERRY) demo

check: ## install what is missing, build, and run every test
	@.ci/packages check
	@$(BUILD_ALL) -s all $(TESTS) || { .ci/packages check --list; exit 2; }
	@$(MAKE) --no-print-directory -s lint
	@$(MAKE) --no-print-directory -s compilers
	@$(MAKE) --no-print-directory -s swarm
	@$(MAKE) --no-print-directory -s mutations
	@$(MAKE) --no-print-directory -s test

SEEDS ?= 1..2000
swarm: all ## many small worlds with all that can happen to them: SEEDS=1..2000
	@$(FERRY) swarm --seeds $(SEEDS)

# A bug's name, or a part of it, plants it alone: BUG='off by one'.
mutations: all ## plants bugs, and sees that the swarm finds each of them
	@.ci/mutate $(BUILD) '$(CC) $(ALL_CFLAGS)' '$(FERRY_LIBS)' '$(BUG)'

test: all $(TESTS) ## build and run the tests alone
	@.ci/test $(BUILD)/log $(TESTS)

asan: ## the tests with gcc's sanitizers for addresses and undefined behaviour
	@$(BUILD_ALL) BUILD=$(BUILD)/asan OPT=-O1 \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover' -s all $(TESTS:$(BUILD)/%=$(BUILD)/asan/%)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan OPT=-O1 \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover' test

FUZZ_SECONDS ?= 60
fuzz: ## run each fuzzer for FUZZ_SECONDS (60) from .ci/corpus, by clang's libFuzzer
	@.ci/packages fuzz
	@$(BUILD_ALL) -s $(FUZZERS)
	@printf '%s\n' $(FUZZERS) | xargs -P $(JOBS) -I '{}' .ci/fuzz '{}' $(FUZZ_SECONDS)

# What fast_bench times, here and under qemu-riscv64.
BENCH_GUESTS := $(patsubst guests/bench/%.c,$(BUILD)/bench/%,$(wildcard guests/bench/*.c))
$(BUILD)/bench/%: guests/bench/%.c guests/bench/bench.h guests/guest.ld Makefile
	@mkdir -p $(@D)
	$(CLANG) --target=riscv64 -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax -O2 -std=gnu11 -ffreestanding \
		-fno-pic -nostdlib -static -Wall -Wextra -Werror -Iguests/bench -fuse-ld=lld -Wl,-T,guests/guest.ld $< -o $@

bench: all $(BENCHES) $(BENCH_GUESTS) ## the project's own times, as medians and ratios within the run
	@for bench in $(BENCHES); do $$bench || exit 1; done

# One alone, and shorter: PROOF=million FAST=yes.
PROOF ?=
FAST  ?=
proof: all $(PROOFS) $(BUILD)/test/engine/live/stream_bench ## what live mode promises, measured with real processes: PROOF=million FAST=yes
	@FAST=$(FAST) engine/live/proof/run $(BUILD) $(PROOF)

golden: $(BUILD)/test/viz/golden_test ## take the pictures of the graphical view as they are now for golden
	@$< --make

lint: $(ENGINE) ## check the house rules: floors, no clock below, no globals
	@.ci/lint . $(BUILD)/obj
	@.ci/lint_test

compilers: all ## the same recordings by gcc and clang, with and without optimization
	@$(BUILD_ALL) -s BUILD=$(BUILD)/gcc-O0 CC=gcc OPT=-O0 all
	@$(BUILD_ALL) -s BUILD=$(BUILD)/clang-O0 CC=clang OPT=-O0 all
	@$(BUILD_ALL) -s BUILD=$(BUILD)/clang-O2 CC=clang OPT=-O2 all
	@.ci/compilers $(FERRY) $(BUILD)/gcc-O0/bin/ferry $(BUILD)/clang-O0/bin/ferry $(BUILD)/clang-O2/bin/ferry

format: ## give every source file the form of .clang-format
	clang-format -i $(wildcard engine/*/*.[ch] engine/live/proof/*.c tui/*.[ch] viz/*.[ch] exercises/*.[ch] exercises/*/*.c labs/*.[ch] guests/*.[ch])

handout: ## what students are given, one archive an exercise (build/handout/)
	@for exercise in exercises/[0-9][0-9]-*; do \
		name=$${exercise#exercises/}; folder=$(BUILD)/handout/$$name; \
		rm -rf $$folder && mkdir -p $$folder && \
		cp $$exercise/*.md $$exercise/*.c $$exercise/exercise.ini exercises/student.h $$folder && \
		tar czf $$folder.tar.gz -C $(BUILD)/handout $$name && echo $$folder.tar.gz || exit 1; done

# Guests, exercises and labs lie beside bin/, where ferry looks for them.
install: all ## install to PREFIX (default /usr/local)
	install -d $(DESTDIR)$(PREFIX)/lib/ferry/bin $(DESTDIR)$(PREFIX)/lib/ferry/guests $(DESTDIR)$(PREFIX)/bin
	for file in $(EXERCISES:$(BUILD)/%=%); do \
		install -D -m 644 $$file $(DESTDIR)$(PREFIX)/lib/ferry/$$file || exit 1; done
	install $(FERRY) $(wildcard $(FERRY_VIZ)) $(DESTDIR)$(PREFIX)/lib/ferry/bin/
	install -m 644 $(wildcard $(GUESTS)) $(DESTDIR)$(PREFIX)/lib/ferry/guests/
	for data in $(patsubst $(BUILD)/%,%,$(KIT) $(LAB_DATA) $(wildcard $(LOCALES))); do \
		install -D -m 644 $(BUILD)/$$data $(DESTDIR)$(PREFIX)/lib/ferry/$$data || exit 1; done
	ln -sf ../lib/ferry/bin/ferry $(DESTDIR)$(PREFIX)/bin/ferry

clean: ## remove what was built
	rm -rf $(BUILD)
