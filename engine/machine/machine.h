/* machine: a small RISC-V computer as a guest. RV64IMAC with Zicsr, Zicntr and Zicbom, 1 to 8 harts
 * in supervisor and user mode, RAM from 0x80000000, a console, timers, arguments, mailboxes and a
 * disk behind hypercalls, as an SBI gives them (hypercall.h); a write-back cache (cache.h), if asked.
 *
 * Nothing here reads a clock, a file or a socket. The world runs it through struct guest, feeds its
 * mailbox, drains its console.
 *
 * The clock: every tick (hart.h) of a hart takes 1e9 / cpu_rate nanoseconds of guest time; idling
 * adds to it. Harts take turns of HART_TURN ticks, in their order; one that sleeps, is stopped or
 * waits for a page lets its turn pass. So guest time, and with it everything that a guest without
 * outside input does, depends on the image, the arguments, the memory size and the number of harts
 * alone, not on how or where it was run or moved.
 *
 * Where the specification leaves a choice:
 *
 *   misaligned loads and stores  are done, across pages too, wholly or not at all
 *   misaligned atomics           trap: lr as a load (4), sc and amo as a store (6)
 *   a reservation                is of the bytes that were loaded. It is lost by any sc of the hart
 *                                and by stores of other harts to them; not by its own stores, by
 *                                traps, by moves, or by time. An sc that fails touches no memory.
 *   other harts' stores          are seen at once, also by instruction fetch
 *   stval                        the instruction's bits where it was illegal, the address of an
 *                                access that failed, else 0
 *   an illegal value             for a field of a control register leaves the field as it was
 *   addresses                    are physical in both modes (satp is 0); all RAM may be read,
 *                                written and executed
 *   wfi                          goes on when an interrupt is pending, enabled or not; in user mode
 *                                it is illegal
 *   interrupts                   are looked at before every instruction
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "machine/disk.h"
#include "machine/guest.h"
#include "machine/mailbox.h"

#define HART_TURN          1000 /* ticks that a hart has before the next one's turn */
#define MACHINE_MEMORY_MIN (1ull << 20)
#define MACHINE_MEMORY_MAX (4ull << 30)
#define MACHINE_ARGS_MAX   4096

struct machine_config {
    uint64_t memory_bytes; /* a whole number of pages */
    uint64_t cpu_rate;     /* instructions per second, each hart */
    uint32_t hart_count;   /* 1 to HART_MAX */
    const char *arguments; /* each ended by a NUL; arguments[0] is the guest's name */
    uint32_t argument_bytes;
    bool has_cache; /* a write-back cache (cache.h) */
};

/* Boots an ELF image: 64-bit little-endian RISC-V, ET_EXEC, loaded at its physical addresses.
 * STATUS_BAD_INPUT for another kind of file (`name` is used in the detail), STATUS_NO_MEMORY with
 * the size that would do when it does not fit. Hart 0 starts at the entry point with all registers
 * 0 but sp, which is the end of RAM: so a program without start code has a stack. The others are
 * stopped. */
MUST_USE enum status machine_open(const struct machine_config *config, const char *name,
                                  const uint8_t *image, size_t image_bytes, struct guest **guest,
                                  struct problem *problem);

/* A machine of the same shape without state and with every page missing: what a target holds
 * before anything has arrived. Its memory becomes real as pages are installed. */
struct guest *machine_open_empty(const struct machine_config *config);

/* What the host is called, for a guest that asks (cut to HOST_NAME_BYTES); "" until this is said. */
void machine_name_host(struct guest *guest, const char *name);
/* Its memory becomes real 2 MiB at a time from now on: for hosts that move it in earnest. */
void machine_use_huge_pages(struct guest *guest);

struct mailbox *machine_mailbox(struct guest *guest);
struct disk *machine_disk(struct guest *guest); /* without blocks, until somebody serves it */
/* As a device reads and writes memory, beneath the cache; the pages are present. */
void machine_dma_read(const struct guest *guest, uint64_t address, uint64_t count, uint8_t *bytes);
void machine_dma_write(struct guest *guest, uint64_t address, uint64_t count, const uint8_t *bytes);
struct bytes *
machine_console(struct guest *guest); /* written and not drained yet; the world drains */

uint64_t machine_console_total(const struct guest *guest); /* bytes written to it since boot */

/* Why a machine cannot go on, in words, and what that is about, if anything:
 * "load outside memory: address 0x0000000000000010", "breakpoint"; "" for a healthy one. */
void machine_describe_cause(const struct guest *guest, char *text, size_t text_bytes);
/* And where: "illegal instruction: its bits are 0x00000000, at 0x80000124". */
void machine_describe_fault(const struct guest *guest, char *text, size_t text_bytes);

#endif
