#include "base/bitmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static uint64_t word_count(const struct bitmap *bitmap)
{
    return (bitmap->bit_count + 63) / 64;
}

void bitmap_init(struct bitmap *bitmap, uint64_t bit_count)
{
    *bitmap = (struct bitmap){.bit_count = bit_count};
    bitmap->words = calloc(word_count(bitmap) + 1, sizeof *bitmap->words);
    MUST(bitmap->words != NULL);
}

void bitmap_fini(struct bitmap *bitmap)
{
    free(bitmap->words);
    *bitmap = (struct bitmap){0};
}

bool bitmap_set(struct bitmap *bitmap, uint64_t idx)
{
    MUST(idx < bitmap->bit_count);
    if (bitmap_has(bitmap, idx))
        return false;
    bitmap->words[idx / 64] |= 1ull << (idx % 64);
    bitmap->set_count++;
    return true;
}

bool bitmap_clear(struct bitmap *bitmap, uint64_t idx)
{
    MUST(idx < bitmap->bit_count);
    if (!bitmap_has(bitmap, idx))
        return false;
    bitmap->words[idx / 64] &= ~(1ull << (idx % 64));
    bitmap->set_count--;
    return true;
}

/* The bits of word word_idx that stand for numbers of [first, end). */
static uint64_t bits_in_word(uint64_t word_idx, uint64_t first, uint64_t end)
{
    uint64_t bits = ~0ull;
    if (first > word_idx * 64)
        bits <<= first % 64;
    if (end - word_idx * 64 < 64)
        bits &= (1ull << (end % 64)) - 1;
    return bits;
}

/* Most words of a long run are full: without an instruction for it, counting costs a call. */
static uint64_t count_bits(uint64_t bits)
{
    return bits == ~0ull ? 64 : (uint64_t)__builtin_popcountll(bits);
}

void bitmap_set_run(struct bitmap *bitmap, uint64_t first_idx, uint64_t count)
{
    MUST(first_idx <= bitmap->bit_count && count <= bitmap->bit_count - first_idx);
    uint64_t end = first_idx + count;
    for (uint64_t i = first_idx / 64; i * 64 < end; i++) {
        uint64_t bits = bits_in_word(i, first_idx, end) & ~bitmap->words[i];
        bitmap->set_count += count_bits(bits);
        bitmap->words[i] |= bits;
    }
}

void bitmap_clear_run(struct bitmap *bitmap, uint64_t first_idx, uint64_t count)
{
    MUST(first_idx <= bitmap->bit_count && count <= bitmap->bit_count - first_idx);
    uint64_t end = first_idx + count;
    for (uint64_t i = first_idx / 64; i * 64 < end; i++) {
        uint64_t bits = bits_in_word(i, first_idx, end) & bitmap->words[i];
        bitmap->set_count -= count_bits(bits);
        bitmap->words[i] &= ~bits;
    }
}

void bitmap_set_all(struct bitmap *bitmap)
{
    memset(bitmap->words, 0xff, word_count(bitmap) * sizeof *bitmap->words);
    if (bitmap->bit_count % 64 != 0)
        bitmap->words[bitmap->bit_count / 64] = (1ull << (bitmap->bit_count % 64)) - 1;
    bitmap->set_count = bitmap->bit_count;
}

void bitmap_clear_all(struct bitmap *bitmap)
{
    memset(bitmap->words, 0, word_count(bitmap) * sizeof *bitmap->words);
    bitmap->set_count = 0;
}

void bitmap_copy(struct bitmap *to, const struct bitmap *from)
{
    MUST(to->bit_count == from->bit_count);
    memcpy(to->words, from->words, word_count(from) * sizeof *from->words);
    to->set_count = from->set_count;
}

void bitmap_add(struct bitmap *bitmap, const struct bitmap *other)
{
    MUST(bitmap->bit_count == other->bit_count);
    for (uint64_t i = 0; i < word_count(bitmap); i++) {
        uint64_t bits = other->words[i] & ~bitmap->words[i];
        bitmap->set_count += count_bits(bits);
        bitmap->words[i] |= bits;
    }
}

void bitmap_keep(struct bitmap *bitmap, const struct bitmap *other)
{
    MUST(bitmap->bit_count == other->bit_count);
    for (uint64_t i = 0; i < word_count(bitmap); i++) {
        uint64_t bits = bitmap->words[i] & ~other->words[i];
        bitmap->set_count -= count_bits(bits);
        bitmap->words[i] &= ~bits;
    }
}

uint64_t bitmap_union_count(const struct bitmap *one, const struct bitmap *other)
{
    uint64_t count = 0;

    MUST(one->bit_count == other->bit_count);
    if (one->set_count == 0 || other->set_count == 0)
        return one->set_count + other->set_count;
    for (uint64_t i = 0; i < word_count(one); i++)
        count += count_bits(one->words[i] | other->words[i]);
    return count;
}

/* (Not the lesser of both: one of them may be empty for a million numbers to come.) */
uint64_t bitmap_union_next(const struct bitmap *one, const struct bitmap *other, uint64_t from)
{
    MUST(one->bit_count == other->bit_count);
    if (from >= one->bit_count || one->set_count + other->set_count == 0)
        return BITMAP_NONE;
    uint64_t word_idx = from / 64;
    uint64_t word = (one->words[word_idx] | other->words[word_idx]) & (~0ull << (from % 64));
    while (word == 0) {
        if (++word_idx >= word_count(one))
            return BITMAP_NONE;
        word = one->words[word_idx] | other->words[word_idx];
    }
    return word_idx * 64 + (uint64_t)__builtin_ctzll(word);
}

uint64_t bitmap_next(const struct bitmap *bitmap, uint64_t from)
{
    if (from >= bitmap->bit_count || bitmap->set_count == 0)
        return BITMAP_NONE;
    uint64_t word_idx = from / 64;
    uint64_t word = bitmap->words[word_idx] & (~0ull << (from % 64));
    while (word == 0) {
        if (++word_idx >= word_count(bitmap))
            return BITMAP_NONE;
        word = bitmap->words[word_idx];
    }
    return word_idx * 64 + (uint64_t)__builtin_ctzll(word);
}

uint64_t bitmap_previous(const struct bitmap *bitmap, uint64_t before)
{
    if (before > bitmap->bit_count)
        before = bitmap->bit_count;
    if (before == 0)
        return BITMAP_NONE;
    uint64_t word_idx = (before - 1) / 64;
    uint64_t word = bitmap->words[word_idx] & (~0ull >> (63 - (before - 1) % 64));
    while (word == 0) {
        if (word_idx-- == 0)
            return BITMAP_NONE;
        word = bitmap->words[word_idx];
    }
    return word_idx * 64 + 63 - (uint64_t)__builtin_clzll(word);
}

/* How many bits in a row are as those of `like`: all ones, or all zeros. */
static uint64_t row(const struct bitmap *bitmap, uint64_t from, uint64_t most, uint64_t like)
{
    MUST(from <= bitmap->bit_count);
    uint64_t end = bitmap->bit_count - from < most ? bitmap->bit_count : from + most;
    uint64_t at = from;
    while (at < end) {
        uint64_t others = (bitmap->words[at / 64] ^ like) & (~0ull << (at % 64));
        if (others != 0) {
            at = at / 64 * 64 + (uint64_t)__builtin_ctzll(others);
            break;
        }
        at = (at / 64 + 1) * 64;
    }
    return (at < end ? at : end) - from;
}

uint64_t bitmap_run(const struct bitmap *bitmap, uint64_t from, uint64_t most)
{
    return row(bitmap, from, most, ~0ull);
}

uint64_t bitmap_gap(const struct bitmap *bitmap, uint64_t from, uint64_t most)
{
    return row(bitmap, from, most, 0);
}

uint64_t bitmap_run_back(const struct bitmap *bitmap, uint64_t last, uint64_t most)
{
    uint64_t count = 0;
    MUST(last < bitmap->bit_count);
    while (count < most && count <= last && bitmap_has(bitmap, last - count))
        count++;
    return count;
}
