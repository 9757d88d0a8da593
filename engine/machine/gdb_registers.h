/* gdb_registers: a hart's registers as GDB numbers and names them (gdb's riscv-tdep.h, and "RISC-V
 * Features" in Debugging with GDB, appendix G.5.14).
 *
 *     0 to 31    x0 to x31         65 + n     the control and status register n
 *     32         pc                4161       the privilege level: 0 user, 1 supervisor
 */
#ifndef MACHINE_GDB_REGISTERS_H
#define MACHINE_GDB_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "machine/guest.h"

#define GDB_REGISTER_PC    32u
#define GDB_REGISTER_COUNT 33u /* those of a g packet, in this order, 8 bytes each */

/* False: there is no such register, or it cannot be written. */
bool gdb_register_read(const struct guest *guest, uint32_t hart_idx, uint32_t number,
                       uint64_t *value);
bool gdb_register_write(struct guest *guest, uint32_t hart_idx, uint32_t number, uint64_t value);

/* The target description that tells GDB all this. */
void gdb_registers_describe(struct bytes *to);

#endif
