/* fast: runs ordinary instructions as fast as it can, and leaves everything else to hart_step.
 *
 * It stops early, with pc at the instruction and nothing of it done, at whatever it does not do
 * itself: system instructions, accesses that fault, miss, are protected or write into decoded code,
 * instructions that cannot be fetched or taken apart. hart_step then says exactly what the matter
 * is. Interrupts are not looked at here. */
#ifndef MACHINE_FAST_H
#define MACHINE_FAST_H

#include <stdint.h>

#include "machine/hart.h"

/* At most `budget` instructions; returns how many were retired, which the caller counts. */
uint64_t fast_run(struct hart *hart, struct memory *memory, uint64_t budget);

#endif
