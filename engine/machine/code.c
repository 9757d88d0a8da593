#include "machine/code.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

void code_init(struct code *code)
{
    code->slots = calloc(CODE_SLOTS, sizeof *code->slots);
    MUST(code->slots != NULL);
    for (unsigned i = 0; i < CODE_SLOTS; i++)
        code->page_idx[i] = CODE_NO_PAGE;
}

void code_fini(struct code *code)
{
    free(code->slots);
    code->slots = NULL;
}

struct code_page *code_take(struct code *code, uint64_t page_idx)
{
    struct code_page *page = &code->slots[page_idx % CODE_SLOTS];
    if (code_has(code, page_idx))
        return page;
    memset(page->cells, 0, sizeof page->cells);
    page->cells[CODE_CELLS].code = CODE_PAGE_END;
    page->cells[CODE_CELLS + 1].code = CODE_PAGE_END;
    code->page_idx[page_idx % CODE_SLOTS] = page_idx;
    return page;
}

void code_forget(struct code *code, uint64_t page_idx, uint64_t offset, uint64_t count)
{
    if (!code_has(code, page_idx) || count == 0)
        return;
    /* A four-byte instruction may begin one halfword before the first that changes. */
    uint64_t first = offset / 2 > 0 ? offset / 2 - 1 : 0;
    uint64_t last = (offset + count - 1) / 2;
    for (uint64_t i = first; i <= last; i++)
        code->slots[page_idx % CODE_SLOTS].cells[i].code = INSTRUCTION_NONE;
}

void code_drop(struct code *code, uint64_t page_idx)
{
    if (code_has(code, page_idx))
        code->page_idx[page_idx % CODE_SLOTS] = CODE_NO_PAGE;
}
