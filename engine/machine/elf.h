/* elf: a guest's image into RAM.
 *
 * Takes 64-bit little-endian RISC-V executables (ET_EXEC) whose segments lie in RAM at their
 * physical addresses. The bytes come from a stranger: whatever they say is checked before it is
 * believed, and refused with one line that names the file and what would be right.
 */
#ifndef MACHINE_ELF_H
#define MACHINE_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Copies the segments into `ram` (which stands for addresses from RAM_BASE on and holds zeros) and
 * gives the entry point. STATUS_BAD_INPUT: not such a file, or broken. STATUS_NO_MEMORY: it would
 * fit into more RAM; the detail says how much. `name` appears in the details. */
MUST_USE enum status elf_load(const char *name, const uint8_t *image, size_t image_bytes,
                              uint8_t *ram, uint64_t ram_bytes, uint64_t *entry,
                              struct problem *problem);

#endif
