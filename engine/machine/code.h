/* code: instructions that were taken apart before, so that running one again costs no decoding.
 *
 * A decoded page holds one cell for each halfword of a page of memory: the instruction that begins
 * there, or INSTRUCTION_NONE as long as nobody ran it. A page has one slot that it may live in,
 * given by its number; two pages that share a slot take turns.
 *
 *     cells[0] cells[1] ... cells[2047] | cells[2048] cells[2049]
 *     a 4 KiB page of memory            | CODE_PAGE_END: go on in the next page
 *
 * An instruction that crosses into the next page stands in cells[2047] but is decoded every time:
 * so what a page's cells say depends on the bytes of that page alone, and memory.c, which sees all
 * writes to it, keeps them true.
 */
#ifndef MACHINE_CODE_H
#define MACHINE_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/hypercall.h"
#include "machine/instruction.h"

#define CODE_SLOTS    64 /* 256 KiB of program at a time; 2 MiB of cells, real when used */
#define CODE_PAGE_END INSTRUCTION_COUNT
#define CODE_CELLS    (PAGE_BYTES / 2)

#define CODE_NO_PAGE  UINT64_MAX

struct code_page {
    struct instruction cells[CODE_CELLS + 2];
};

struct code {
    struct code_page *slots;       /* owned; CODE_SLOTS of them */
    uint64_t page_idx[CODE_SLOTS]; /* which page lives there, or CODE_NO_PAGE */
};

void code_init(struct code *code);
void code_fini(struct code *code);

static inline bool code_has(const struct code *code, uint64_t page_idx)
{
    return code->page_idx[page_idx % CODE_SLOTS] == page_idx;
}

/* The decoded page, emptied first when its slot held another. */
struct code_page *code_take(struct code *code, uint64_t page_idx);

/* The bytes at [offset, offset + count) of the page change: instructions that overlap them are to
 * be decoded again. Cells keep their lengths: the one that makes the change may be among them. */
void code_forget(struct code *code, uint64_t page_idx, uint64_t offset, uint64_t count);

/* The page is replaced or goes; only while no instruction is being run. */
void code_drop(struct code *code, uint64_t page_idx);

#endif
