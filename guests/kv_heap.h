/* kv_heap: blocks of memory in size classes, without coalescing and without searching.
 *
 * A block smaller than a page never crosses one, and a block of a page or more begins on one: so a
 * write to an entry dirties the fewest pages it can. Free blocks of a class hang in a list of their
 * own; a class that has none cuts a fresh page into blocks, or takes fresh pages, or, at the end of
 * memory, a free block of a larger class.
 *
 * Part of kv.c, which is one program in four files. */
#ifndef GUESTS_KV_HEAP_H
#define GUESTS_KV_HEAP_H

#include "runtime.h"

static const uint32_t heap_class_bytes[] = {
    /* as many to a page as fit */
    64, 96, 128, 192, 256, 384, 512, 768, 1024, 1360, 2048,
    /* whole pages, each at most half as large again as the one before */
    4096, 2 * 4096, 3 * 4096, 4 * 4096, 6 * 4096, 8 * 4096, 12 * 4096, 16 * 4096, 24 * 4096,
    32 * 4096, 48 * 4096, 64 * 4096, 96 * 4096, 128 * 4096, 192 * 4096, 264 * 4096};

#define HEAP_CLASSES   (sizeof heap_class_bytes / sizeof heap_class_bytes[0])
#define HEAP_BLOCK_MAX (264 * 4096) /* a value of 1 MiB, its key, and what stands around them */

struct heap_free {
    struct heap_free *next;
};

static struct {
    uint8_t *fresh, *end; /* pages that were never used */
    uint64_t used_bytes;
    struct heap_free *free[HEAP_CLASSES];
} heap;

static void heap_init(void)
{
    heap.fresh = __heap_start;
    heap.end = heap_end();
}

/* Where no block is used any more, all from `first` on is fresh again: blocks are never joined, so
 * memory that was cut into small ones would be lost to larger ones for ever. */
static void heap_start_again(uint8_t *first)
{
    if (heap.used_bytes > 0)
        return; /* a connection holds half a request, or answers that nobody reads */
    heap.fresh = first;
    memset(heap.free, 0, sizeof heap.free);
}

static void heap_give(void *block, uint32_t class)
{
    struct heap_free *free = block;
    free->next = heap.free[class];
    heap.free[class] = free;
    heap.used_bytes -= heap_class_bytes[class];
}

static uint8_t *heap_fresh_pages(uint64_t bytes)
{
    uint8_t *pages = heap.fresh;
    if (bytes > (uint64_t)(heap.end - heap.fresh))
        return NULL;
    heap.fresh += bytes;
    return pages;
}

/* Puts at least one free block into the list of the class, if there is memory for it. */
static void heap_refill(uint32_t class)
{
    uint32_t bytes = heap_class_bytes[class];
    uint32_t pages_bytes = bytes < PAGE_BYTES ? PAGE_BYTES : bytes;
    uint8_t *pages = heap_fresh_pages(pages_bytes);

    for (uint32_t at = 0; pages != NULL && at + bytes <= pages_bytes; at += bytes) {
        heap.used_bytes += bytes; /* heap_give takes it back */
        heap_give(pages + at, class);
    }
}

/* A block of at least `bytes`, or NULL when memory is full. `class` is needed to give it back. */
static void *heap_take(uint64_t bytes, uint32_t *class)
{
    uint32_t wanted = 0;

    while (wanted < HEAP_CLASSES && heap_class_bytes[wanted] < bytes)
        wanted++;
    if (wanted < HEAP_CLASSES && heap.free[wanted] == NULL)
        heap_refill(wanted);
    while (wanted < HEAP_CLASSES && heap.free[wanted] == NULL)
        wanted++;
    if (wanted == HEAP_CLASSES)
        return NULL;
    struct heap_free *block = heap.free[wanted];
    heap.free[wanted] = block->next;
    heap.used_bytes += heap_class_bytes[wanted];
    *class = wanted;
    return block;
}

#endif
