/* bitmap: a set of page numbers, with its count kept and its runs found quickly.
 *
 * 16,777,216 pages (64 GiB) are 2 MiB of bits; looking for the next page skips 64 at a time.
 */
#ifndef BASE_BITMAP_H
#define BASE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#define BITMAP_NONE UINT64_MAX

struct bitmap {
    uint64_t *words;    /* owned */
    uint64_t bit_count; /* numbers 0 .. bit_count - 1 */
    uint64_t set_count; /* how many are in the set */
};

void bitmap_init(struct bitmap *bitmap, uint64_t bit_count); /* the empty set */
void bitmap_fini(struct bitmap *bitmap);

/* The one question that is asked for every page: idx < bit_count is the caller's promise. */
static inline bool bitmap_has(const struct bitmap *bitmap, uint64_t idx)
{
    return bitmap->words[idx / 64] >> (idx % 64) & 1;
}

/* Both return whether the set changed. */
bool bitmap_set(struct bitmap *bitmap, uint64_t idx);
bool bitmap_clear(struct bitmap *bitmap, uint64_t idx);

/* The same for `count` numbers from first_idx on, quickly. */
void bitmap_set_run(struct bitmap *bitmap, uint64_t first_idx, uint64_t count);
void bitmap_clear_run(struct bitmap *bitmap, uint64_t first_idx, uint64_t count);

void bitmap_set_all(struct bitmap *bitmap);
void bitmap_clear_all(struct bitmap *bitmap);
void bitmap_copy(struct bitmap *to, const struct bitmap *from); /* the same bit_count */

/* Puts the numbers of `other` into the set, and leaves only those that are in `other` as well. */
void bitmap_add(struct bitmap *bitmap, const struct bitmap *other); /* the same bit_count */
void bitmap_keep(struct bitmap *bitmap, const struct bitmap *other);

/* How many numbers are in either set; the same bit_count. */
uint64_t bitmap_union_count(const struct bitmap *one, const struct bitmap *other);
/* The first that is in either, `from` or above; BITMAP_NONE when there is none. */
uint64_t bitmap_union_next(const struct bitmap *one, const struct bitmap *other, uint64_t from);

/* The first number in the set that is `from` or above; BITMAP_NONE when there is none. */
uint64_t bitmap_next(const struct bitmap *bitmap, uint64_t from);
/* The last number in the set that is below `before`; BITMAP_NONE when there is none. */
uint64_t bitmap_previous(const struct bitmap *bitmap, uint64_t before);

/* How many numbers in a row, beginning with `from`, are in the set; at most `most`.
 * from <= bit_count. */
uint64_t bitmap_run(const struct bitmap *bitmap, uint64_t from, uint64_t most);
/* The same of numbers that are not in the set. */
uint64_t bitmap_gap(const struct bitmap *bitmap, uint64_t from, uint64_t most);
/* How many in a row, ending with `last`, are in the set; at most `most`. Looks at them one by one.
 * last < bit_count. */
uint64_t bitmap_run_back(const struct bitmap *bitmap, uint64_t last, uint64_t most);

#endif
