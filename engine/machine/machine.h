/* machine: a small RISC-V computer as a guest. RV64IMAC with Zicsr and Zicntr, RAM from 0x80000000,
 * a console, a timer, arguments and mailboxes behind hypercalls (hypercall.h).
 *
 * Nothing here reads a clock, a file or a socket. The world runs it through struct guest, feeds its
 * mailbox, drains its console.
 *
 * The clock: every instruction takes 1e9 / cpu_rate nanoseconds of guest time; idling adds to it.
 * So guest time, and with it everything that a guest without outside input does, depends on the
 * image, the arguments and the memory size alone, not on how or where it was run or moved.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "machine/guest.h"
#include "machine/mailbox.h"

#define HART_TURN          1000 /* instructions that a hart runs before the next one's turn */
#define MACHINE_MEMORY_MIN (1ull << 20)
#define MACHINE_MEMORY_MAX (4ull << 30)
#define MACHINE_ARGS_MAX   4096

struct machine_config {
    uint64_t memory_bytes; /* a whole number of pages */
    uint64_t cpu_rate;     /* instructions per second, each hart */
    uint32_t hart_count;   /* 1 for now; the structure is for HART_MAX */
    const char *arguments; /* each ended by a NUL; arguments[0] is the guest's name */
    uint32_t argument_bytes;
};

/* Boots an ELF image: 64-bit little-endian RISC-V, ET_EXEC, loaded at its physical addresses.
 * STATUS_BAD_INPUT for another kind of file (`name` is used in the detail), STATUS_NO_MEMORY with
 * the size that would do when it does not fit. The hart starts at the entry point with x10 = hart
 * number, x11 = 0 and all other registers 0. */
MUST_USE enum status machine_open(const struct machine_config *config, const char *name,
                                  const uint8_t *image, size_t image_bytes, struct guest **guest,
                                  struct problem *problem);

/* A machine of the same shape without state and with every page missing: what a target holds
 * before anything has arrived. Its memory becomes real as pages are installed. */
struct guest *machine_open_empty(const struct machine_config *config);

struct mailbox *machine_mailbox(struct guest *guest);
struct bytes *machine_console(struct guest *guest); /* written and not drained yet; the world drains */

/* Where a machine that cannot go on stands: one line such as
 * "illegal instruction 0x00000000 at 0x80000124", or "" for a healthy one. */
void machine_describe_fault(const struct guest *guest, char *text, size_t text_bytes);

#endif
