# guest.mk: builds a guest of your own, in C or assembly. A Makefile for mine.c and more.S is
#
#     FERRY   = ferry
#     GUEST   = mine
#     SOURCES = mine.c more.S
#     include $(shell $(FERRY) guest kit)/guest.mk
#
# Then `make` builds mine.elf, `make run` runs it where it is (ARGS are its arguments), `make move`
# moves it, `make clean` removes it. GUEST_OPT and GUEST_CFLAGS may be set. The runtime (runtime.h,
# and what stands beside this file) is linked in; what it offers is what there is: no C library.
#
# ferry's own Makefile includes it for the flags alone, without a GUEST.

CLANG        ?= clang
GUEST_LINKER ?= ld.lld
GUEST_OPT    ?= -O2
GUEST_KIT    := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# The image of a program must not depend on the folder in which it was built: its digest names it.
GUEST_FLAGS = --target=riscv64 -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax $(GUEST_OPT) -g \
	-gdwarf-aranges -ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=. -std=gnu11 -ffreestanding -fno-pic -nostdlib -static \
	-Wall -Wextra -I$(GUEST_KIT) -I$(GUEST_KIT)/../engine
GUEST_LINK  = -fuse-ld=lld -Wl,-T,$(GUEST_KIT)/guest.ld $(GUEST_KIT)/start.S $(GUEST_KIT)/runtime.c
GUEST_PARTS = $(GUEST_KIT)/start.S $(GUEST_KIT)/runtime.c $(GUEST_KIT)/guest.ld $(wildcard $(GUEST_KIT)/*.h)

ifdef GUEST
FERRY ?= ferry

all: $(GUEST).elf

$(GUEST).elf: $(SOURCES) $(wildcard *.h) $(GUEST_PARTS)
	@for tool in $(CLANG) $(GUEST_LINKER); do command -v $$tool >/dev/null || { \
		echo "guest.mk: $$tool is not there: guests are built by clang and lld" >&2; \
		echo "    apt-get install -y --no-install-recommends clang lld" >&2; exit 1; }; done
	$(CLANG) $(GUEST_FLAGS) $(GUEST_CFLAGS) -I. $(GUEST_LINK) $(SOURCES) -o $@

run: all
	$(FERRY) guest run ./$(GUEST).elf -- $(ARGS)

move: all
	$(FERRY) run --guest ./$(GUEST).elf --verify -- $(ARGS)

clean:
	rm -f $(GUEST).elf

.PHONY: all run move clean
endif
