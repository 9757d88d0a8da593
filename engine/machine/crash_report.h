/* crash_report: why a guest cannot go on, where it stood and how it came there, as a person wants
 * it: the cause in words with the address that it is about, the instruction, function and line, the
 * callers, the registers.
 *
 *     load outside memory: address 0x0000000000000010
 *       at    0x80000b8c  sort_run+0x1a (sort.c:18)
 *             ld a2, 0(a4)
 *       from  0x80000a12  main+0x34 (sort.c:72)           <- a guess, and says so
 *       hart 0 in supervisor mode, after 20,253,610 instructions, 202.5 ms of guest time
 *
 *       ra  0000000080000a12   sp  ...
 *
 * Guests are compiled without frame pointers, so the callers are guessed: a number on the stack
 * that lies behind a call of the function found before is taken for a return address. What was
 * left there by an earlier call can be wrong; what is found fits together. Where sp says that the
 * stack is used up, or an illegal instruction is one that other machines have, a line says that.
 */
#ifndef MACHINE_CRASH_REPORT_H
#define MACHINE_CRASH_REPORT_H

#include "base/bytes.h"
#include "machine/guest.h"
#include "machine/lines.h"

/* Appends lines of at most 80 columns; nothing for a guest that has not crashed. `lines` is what is
 * known of its image. */
void crash_report_write(const struct guest *guest, const struct lines *lines, struct bytes *to);

#endif
