/* csr: the control and status registers, as instructions see them. csr.def lists them. */
#ifndef MACHINE_CSR_H
#define MACHINE_CSR_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/hart.h"

/* Both are false, and nothing has happened, where the register does not exist or the hart's mode
 * may not do that with it: an illegal instruction. */
bool csr_read(const struct hart *hart, const struct hart_clock *clock, uint64_t number,
              uint64_t *value);
bool csr_write(struct hart *hart, uint64_t number, uint64_t value);

/* The registers in the table's order, for lists: their numbers, and a number's name or NULL. */
uint32_t csr_count(void);
uint32_t csr_number(uint32_t idx);
const char *csr_name(uint64_t number);

/* Bits of sstatus: interrupts are on; they were before the trap; the trap came from supervisor
 * mode. */
#define SSTATUS_SIE  (1ull << 1)
#define SSTATUS_SPIE (1ull << 5)
#define SSTATUS_SPP  (1ull << 8)

/* Fields of senvcfg for user mode's cache blocks: 0 illegal, 1 cbo.inval flushes, 3 it discards;
 * and whether cbo.clean and cbo.flush are allowed (Zicbom, chapter 2.5.4). */
#define SENVCFG_CBIE(value) ((value) >> 4 & 3)
#define SENVCFG_CBCFE       (1ull << 6)

#endif
