#include "base/heap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/status.h"

static bool is_before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void heap_fini(struct heap *heap)
{
    free(heap->entries);
    *heap = (struct heap){0};
}

void heap_push(struct heap *heap, struct heap_entry entry)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
        heap->entries = realloc(heap->entries, heap->capacity * sizeof *heap->entries);
        MUST(heap->entries != NULL);
    }
    entry.order = heap->pushed_count++;
    size_t at = heap->count++;
    while (at > 0 && is_before(&entry, &heap->entries[(at - 1) / 2])) {
        heap->entries[at] = heap->entries[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->entries[at] = entry;
}

const struct heap_entry *heap_top(const struct heap *heap)
{
    return heap->count == 0 ? NULL : &heap->entries[0];
}

struct heap_entry heap_pop(struct heap *heap)
{
    MUST(heap->count > 0);
    struct heap_entry top = heap->entries[0];
    struct heap_entry last = heap->entries[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && is_before(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!is_before(&heap->entries[child], &last))
            break;
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    heap->entries[at] = last;
    return top;
}
