/* Kinds of pages, as guests have them: for the codec's tests, its fuzzer and its benchmark. Each is
 * made from a seed, the same everywhere. */
#ifndef WIRE_PAGES_TO_ENCODE_H
#define WIRE_PAGES_TO_ENCODE_H

#include <string.h>

#include "base/prng.h"
#include "wire/page_codec.h"

enum page_kind { KIND_ZEROS, KIND_TEXT, KIND_POINTERS, KIND_RANDOM, KIND_COUNT };

static inline const char *page_kind_name(enum page_kind kind)
{
    static const char *const names[KIND_COUNT] = {"zeros", "text", "pointers", "random"};
    return names[kind];
}

static inline void make_text(struct prng *prng, uint8_t page[PAGE_CODEC_BYTES])
{
    static const char *const words[] = {"the ",   "page ",  "travels ", "once ",   "more, ", "and ",
                                        "guest ", "goes ",  "on ",      "while ",  "it ",    "is ",
                                        "sent\n", "there ", "dirty ",   "again.\n"};
    for (size_t at = 0; at < PAGE_CODEC_BYTES;) {
        const char *word = words[prng_below(prng, 16)];
        for (; *word != '\0' && at < PAGE_CODEC_BYTES; word++)
            page[at++] = (uint8_t)*word;
    }
}

/* Structures of a heap: addresses that share their upper half, small numbers, gaps. */
static inline void make_pointers(struct prng *prng, uint8_t page[PAGE_CODEC_BYTES])
{
    for (size_t at = 0; at < PAGE_CODEC_BYTES; at += 8) {
        uint64_t word = 0;
        if (at % 32 == 0)
            word = 0x80000000u + (prng_next(prng) & 0xfffff8);
        else if (at % 32 == 8)
            word = prng_below(prng, 1000);
        memcpy(page + at, &word, sizeof word);
    }
}

static inline void make_page(enum page_kind kind, uint64_t seed, uint8_t page[PAGE_CODEC_BYTES])
{
    struct prng prng = prng_make(seed, kind);

    memset(page, 0, PAGE_CODEC_BYTES);
    if (kind == KIND_TEXT)
        make_text(&prng, page);
    else if (kind == KIND_POINTERS)
        make_pointers(&prng, page);
    else if (kind == KIND_RANDOM)
        for (size_t at = 0; at < PAGE_CODEC_BYTES; at++)
            page[at] = (uint8_t)prng_next(&prng);
}

/* Eight bytes here and there, as a program changes its variables. */
static inline void change_page(uint64_t seed, unsigned changes, uint8_t page[PAGE_CODEC_BYTES])
{
    struct prng prng = prng_make(seed, KIND_COUNT);
    for (; changes > 0; changes--) {
        uint64_t word = prng_next(&prng);
        memcpy(page + 8 * prng_below(&prng, PAGE_CODEC_BYTES / 8), &word, sizeof word);
    }
}

#endif
