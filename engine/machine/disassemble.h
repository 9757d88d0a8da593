/* disassemble: one instruction as text, from the same table that runs it.
 *
 * The text is what an assembler takes, without aliases ("addi a0, zero, 1", not "li a0, 1");
 * targets of branches are addresses. A compressed instruction is shown as what it stands for; its
 * own name is what disassemble_mnemonic gives.
 */
#ifndef MACHINE_DISASSEMBLE_H
#define MACHINE_DISASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

#define DISASSEMBLE_TEXT_BYTES 64 /* always enough */

/* Returns how many bytes the instruction has, 2 or 4. What is reserved is shown as ".word" or
 * ".half" with its value. Of a compressed one, only the low half of `bits` is looked at. */
unsigned disassemble(uint32_t bits, uint64_t pc, char *text, size_t text_bytes);

/* "c.addi" or "addi"; NULL for what is reserved. */
const char *disassemble_mnemonic(uint32_t bits);

const char *disassemble_register(unsigned number); /* "zero", "ra", "sp", ... */

#endif
