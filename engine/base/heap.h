/* heap: what happens next. A queue of entries ordered by (time, order of insertion).
 *
 * Two entries of the same nanosecond leave in the order in which they came: without that, a run
 * would depend on the shape of the heap.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_entry {
    uint64_t at_ns;
    uint64_t order; /* set by heap_push */
    uint32_t kind;  /* the owner's own */
    uint32_t who;
    uint64_t what;
};

struct heap {
    struct heap_entry *entries; /* owned */
    size_t count;
    size_t capacity;
    uint64_t pushed_count;
};

void heap_fini(struct heap *heap);
void heap_push(struct heap *heap, struct heap_entry entry);
const struct heap_entry *heap_top(const struct heap *heap); /* NULL when empty */
struct heap_entry heap_pop(struct heap *heap);              /* must not be empty */

#endif
