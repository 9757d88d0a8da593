# ferry: `make help` lists what can be made.

BUILD    ?= build
OPT      ?= -O2
CC       = gcc
CLANG    ?= clang

SANITIZE ?=
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS   ?= -g
ALL_CFLAGS := -std=gnu11 $(OPT) $(CFLAGS) $(WARNINGS) $(SANITIZE) -D_GNU_SOURCE -Iengine -I. -MMD -MP

LIBS      := -lxxhash -lelf -lm
FERRY_LIBS := -ljansson -linih -lncursesw -ltinfo $(LIBS)

# ---- What there is: every .c that is no test belongs to the program of its folder. ----
ENGINE_SRC := $(filter-out %_test.c %_fuzz.c,$(wildcard engine/*/*.c))
TUI_SRC    := $(filter-out %_test.c,$(wildcard tui/*.c))
LABS_SRC   := $(filter-out %_test.c,$(wildcard labs/*.c))
TEST_SRC   := $(wildcard engine/*/*_test.c tui/*_test.c labs/*_test.c guests/*_test.c)
GUEST_NAMES := $(patsubst guests/%.c,%,$(filter-out guests/runtime.c %_test.c,$(wildcard guests/*.c)))

OBJ     = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
ENGINE  := $(BUILD)/libengine.a
FERRY   := $(BUILD)/bin/ferry
GUESTS  := $(patsubst %,$(BUILD)/guests/%,$(GUEST_NAMES))
TESTS   := $(patsubst %.c,$(BUILD)/test/%,$(TEST_SRC))

.DEFAULT_GOAL := all
.PHONY: all
all: $(FERRY) $(GUESTS) ## build ferry and its guests (build/bin/ferry, build/guests/)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DBUILD_DIR='"$(BUILD)"' -c $< -o $@

$(ENGINE): $(call OBJ,$(ENGINE_SRC))
	@rm -f $@
	ar rcs $@ $^

$(FERRY): $(call OBJ,$(LABS_SRC) $(TUI_SRC)) $(ENGINE)
	@mkdir -p $(@D)
	$(CC) $(OPT) $(CFLAGS) $(SANITIZE) $^ $(FERRY_LIBS) -o $@

# ---- Guests: RISC-V programs, always by clang and lld, so that an image is the same everywhere. ----
GUEST_CFLAGS := --target=riscv64 -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax -O2 -g -gdwarf-aranges \
	-std=gnu11 -ffreestanding -fno-pic -nostdlib -static -Wall -Wextra -Werror -Iguests -Iengine
$(BUILD)/guests/%: guests/%.c guests/runtime.c guests/start.S guests/guest.ld $(wildcard guests/*.h) engine/machine/hypercall.h
	@mkdir -p $(@D)
	$(CLANG) $(GUEST_CFLAGS) -fuse-ld=lld -Wl,-T,guests/guest.ld guests/start.S guests/runtime.c $< -o $@

# ---- Tests: one program for each _test.c, run from here. ----
$(BUILD)/test/%: $(BUILD)/obj/%.o $(ENGINE) $(call OBJ,$(TUI_SRC))
	@mkdir -p $(@D)
	$(CC) $(OPT) $(CFLAGS) $(SANITIZE) $(filter %.o %.a,$^) $(TEST_OBJ_$*) $(ENGINE) -lcmocka -lvterm -lutil $(FERRY_LIBS) -o $@
