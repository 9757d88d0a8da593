# guest.mk: builds a guest of your own, in C or assembly. A Makefile for mine.c and more.S is
#
#     FERRY   = ferry
#     GUEST   = mine
#     SOURCES = mine.c more.S
#     include $(or $(shell $(FERRY) guest kit),$(error FERRY = $(FERRY): there is no ferry))/guest.mk
#
# Then `make` builds mine.elf, `make run` runs it where it is, `make move` moves it, `make clean`
# removes it. ARGS are its arguments, OPTIONS are ferry's (run: --memory 8MiB; move: --mode post-copy).
# GUEST_OPT and GUEST_CFLAGS may be set. The runtime (runtime.h,
# and what stands beside this file) is linked in; what it offers is what there is: no C library.
#
# ferry's own Makefile includes it for the flags alone, without a GUEST.

CLANG        ?= clang
GUEST_LINKER ?= ld.lld
GUEST_OPT    ?= -O2
GUEST_KIT    := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# The image of a program must not depend on the folder in which it was built, nor on where the kit
# lies: its digest names it. (Where one lies in the other, the last one that fits counts.)
GUEST_HERE  := '$(subst ','\'',$(CURDIR))'
GUEST_FLAGS = --target=riscv64 -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax $(GUEST_OPT) -g \
	-gdwarf-aranges -ffile-prefix-map=$(GUEST_HERE)=. -ffile-prefix-map=$(GUEST_KIT)=guests -fdebug-compilation-dir=. -std=gnu11 -ffreestanding -fno-pic -nostdlib -static \
	-Wall -Wextra -I$(GUEST_KIT) -I$(GUEST_KIT)/../engine
GUEST_START = $(GUEST_KIT)/start.S
GUEST_LINK  = -fuse-ld=lld -Wl,-T,$(GUEST_KIT)/guest.ld $(GUEST_START) $(GUEST_KIT)/runtime.c
GUEST_PARTS = $(GUEST_KIT)/start.S $(GUEST_KIT)/runtime.c $(GUEST_KIT)/guest.ld $(wildcard $(GUEST_KIT)/*.h)

ifdef GUEST
FERRY ?= ferry
# Assembled in its own folder: an assembler's debug information maps no path.
GUEST_START = $@.start.o

all: $(GUEST).elf

$(GUEST).elf: $(SOURCES) $(wildcard *.h) $(GUEST_PARTS)
	@for tool in $(CLANG) $(GUEST_LINKER); do command -v $$tool >/dev/null || { \
		echo "guest.mk: $$tool is not there: guests are built by clang and lld" >&2; \
		echo "    apt-get install -y --no-install-recommends clang lld" >&2; exit 1; }; done
	@cd $(GUEST_KIT) && $(CLANG) $(GUEST_FLAGS) -c start.S -o $(GUEST_HERE)/$@.start.o
	@$(CLANG) $(GUEST_FLAGS) $(GUEST_CFLAGS) -I. $(GUEST_LINK) $(SOURCES) -o $@ 2>$@.says; status=$$?; \
	cat $@.says >&2; ! grep -Eq 'undefined symbol: __[a-z]*[sdt]f' $@.says || echo \
		'guest.mk: a machine of ferry has no floating point: count in whole numbers of smaller units' >&2; \
	rm -f $@.says $@.start.o; exit $$status

run: all
	$(FERRY) guest run $(OPTIONS) ./$(GUEST).elf -- $(ARGS)

move: all
	$(FERRY) run --guest ./$(GUEST).elf --verify $(OPTIONS) -- $(ARGS)

clean:
	rm -f $(GUEST).elf

.PHONY: all run move clean
endif
