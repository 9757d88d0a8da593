#include "machine/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

#define HEADER_CELLS ((uint32_t)(sizeof(struct block) / sizeof(struct cell)))
_Static_assert(sizeof(struct cell) == 16, "four instructions to a cache line");
_Static_assert(sizeof(struct block) % sizeof(struct cell) == 0, "both live in one arena");

void blocks_init(struct blocks *blocks, uint64_t page_count)
{
    *blocks = (struct blocks){0};
    blocks->cells = malloc(BLOCK_CELLS * sizeof *blocks->cells);
    blocks->places = malloc(BLOCK_CELLS * sizeof *blocks->places);
    blocks->pages = malloc(BLOCK_PAGES * sizeof *blocks->pages);
    blocks->slot_of_page = calloc(page_count, sizeof *blocks->slot_of_page);
    MUST(blocks->cells != NULL && blocks->places != NULL && blocks->pages != NULL);
    MUST(blocks->slot_of_page != NULL);
    blocks_reset(blocks);
}

void blocks_fini(struct blocks *blocks)
{
    free(blocks->cells);
    free(blocks->places);
    free(blocks->pages);
    free(blocks->slot_of_page);
    blocks->cells = NULL;
}

/* The arena begins with a block that nobody can enter: where exits lead until they are linked. */
void blocks_reset(struct blocks *blocks)
{
    for (uint32_t i = 1; i < blocks->used_pages; i++)
        blocks->slot_of_page[blocks->pages[i].page_idx] = 0;
    blocks->used_pages = 1;
    for (uint32_t i = 0; i < BLOCK_TABLE; i++)
        blocks->table[i].pc = BLOCK_NO_PC;
    for (uint32_t i = 0; i < BLOCK_RESUMES; i++)
        blocks->resumes[i].pc = BLOCK_NO_PC;
    *(struct block *)blocks->cells = (struct block){.pc = BLOCK_NO_PC, .need = BLOCK_DEAD};
    blocks->used_cells = HEADER_CELLS;
    blocks->is_full = false;
}

/* ---- What was decoded ---- */

void blocks_mark(struct blocks *blocks, uint64_t page_idx, uint64_t first_half, unsigned halves)
{
    if (blocks->slot_of_page[page_idx] == 0) {
        MUST(blocks->used_pages < BLOCK_PAGES);
        blocks->slot_of_page[page_idx] = (uint16_t)blocks->used_pages;
        blocks->pages[blocks->used_pages++] = (struct code_page){.page_idx = (uint32_t)page_idx};
    }
    struct code_page *page = &blocks->pages[blocks->slot_of_page[page_idx]];
    for (uint64_t half = first_half; half < first_half + halves; half++)
        page->decoded[half / 64] |= 1ull << half % 64;
}

bool blocks_overlap(const struct blocks *blocks, uint64_t page_idx, uint64_t offset, uint64_t count)
{
    if (!blocks_have_page(blocks, page_idx) || count == 0)
        return false;
    const struct code_page *page = &blocks->pages[blocks->slot_of_page[page_idx]];
    for (uint64_t half = offset / 2; half <= (offset + count - 1) / 2; half++)
        if ((page->decoded[half / 64] >> half % 64 & 1) != 0)
            return true;
    return false;
}

/* ---- Coming and going ---- */

static void enter(struct blocks *blocks, struct block *block)
{
    struct block_row *row = blocks_row(blocks, block->pc);
    block->next_by_pc = row->pc == BLOCK_NO_PC ? NULL : block_of(row->cells);
    *row = (struct block_row){block->pc, block->cells};
    for (unsigned i = 0; i < 2; i++) {
        struct code_page *page = &blocks->pages[blocks->slot_of_page[block->page_idx[i]]];
        if (i == 1 && block->page_idx[0] == block->page_idx[1])
            continue;
        block->next_in_page[i] = page->first;
        page->first = block;
    }
}

/* Whoever leads to the block finds it dead and looks for the one that lives. */
static void drop(struct blocks *blocks, struct block *block)
{
    struct block_row *row = blocks_row(blocks, block->pc);
    struct block *first = block_of(row->cells);
    if (block->need == BLOCK_DEAD) /* by way of its other page */
        return;
    block->need = BLOCK_DEAD;
    if (first != block) {
        while (first->next_by_pc != block)
            first = first->next_by_pc;
        first->next_by_pc = block->next_by_pc;
    } else if (block->next_by_pc != NULL) {
        *row = (struct block_row){block->next_by_pc->pc, block->next_by_pc->cells};
    } else {
        row->pc = BLOCK_NO_PC;
    }
}

void blocks_drop_page(struct blocks *blocks, uint64_t page_idx)
{
    if (!blocks_have_page(blocks, page_idx))
        return;
    struct code_page *page = &blocks->pages[blocks->slot_of_page[page_idx]];
    struct block *next;
    for (struct block *block = page->first; block != NULL; block = next) {
        next = block->next_in_page[block->page_idx[0] == page_idx ? 0 : 1];
        drop(blocks, block);
    }
    page->first = NULL;
    memset(page->decoded, 0, sizeof page->decoded);
}

void blocks_forget(struct blocks *blocks, uint64_t page_idx, uint64_t offset, uint64_t count)
{
    if (blocks_overlap(blocks, page_idx, offset, count))
        blocks_drop_page(blocks, page_idx);
}

struct block *blocks_at(struct blocks *blocks, struct memory *memory, uint64_t pc)
{
    struct block_row *row = blocks_row(blocks, pc);
    if (row->pc != BLOCK_NO_PC)
        for (struct block *block = block_of(row->cells); block; block = block->next_by_pc)
            if (block->pc == pc)
                return block;
    if (blocks->used_cells + BLOCK_ROOM > BLOCK_CELLS || blocks->used_pages + 2 > BLOCK_PAGES) {
        blocks->is_full = true;
        return NULL;
    }
    struct block *block = (struct block *)&blocks->cells[blocks->used_cells];
    if (!block_build(blocks, memory, pc, block))
        return NULL;
    blocks->used_cells += HEADER_CELLS + block->cell_count;
    enter(blocks, block);
    return block;
}

/* ---- Slices that end within a block ---- */

const struct block_resume *blocks_resume(const struct blocks *blocks, uint64_t pc)
{
    const struct block_resume *resume = &blocks->resumes[pc / 2 % BLOCK_RESUMES];
    return resume->pc == pc && resume->block->need != BLOCK_DEAD ? resume : NULL;
}

static void patch_cell(struct blocks *blocks, struct cell *cell, enum cell_code code)
{
    struct block_patch *patch = &blocks->patch;
    patch->cells[patch->count] = cell;
    patch->handlers[patch->count++] = cell->handler;
    cell->handler = blocks->handlers[code];
}

void blocks_patch(struct blocks *blocks, struct block *block, uint64_t left)
{
    uint32_t stop = 0;
    const struct place *places = blocks_place(blocks, block->cells);
    for (uint32_t i = 0; i < block->cell_count && places[i].count <= left; i++)
        if (places[i].code != CELL_LINK)
            stop = i;
    blocks_unpatch(blocks);
    patch_cell(blocks, &block->cells[stop], CELL_STOP);
    /* A sequence of two or three that begins before the stop must not run across it. */
    for (uint32_t i = stop; i > 0 && i + 2 > stop; i--)
        patch_cell(blocks, &block->cells[i - 1], places[i - 1].code);
    const struct place *place = &places[stop];
    blocks->resumes[place->pc / 2 % BLOCK_RESUMES] =
        (struct block_resume){place->pc, &block->cells[stop], block};
}

void blocks_unpatch(struct blocks *blocks)
{
    struct block_patch *patch = &blocks->patch;
    while (patch->count > 0) {
        patch->count--;
        patch->cells[patch->count]->handler = patch->handlers[patch->count];
    }
}
