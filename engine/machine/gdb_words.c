#include "machine/gdb_private.h"

#include <string.h>

uint64_t gdb_words_number(struct gdb_words *words)
{
    uint64_t value = 0;
    int count = 0;
    for (; words->at < words->end && gdb_digit(*words->at) >= 0; words->at++, count++)
        value = value << 4 | (uint64_t)gdb_digit(*words->at);
    words->has_failed |= count == 0 || count > 16;
    return value;
}

bool gdb_words_take(struct gdb_words *words, char sign)
{
    bool is_there = words->at < words->end && *words->at == sign;
    words->at += is_there;
    return is_there;
}

void gdb_words_expect(struct gdb_words *words, char sign)
{
    words->has_failed |= !gdb_words_take(words, sign);
}

size_t gdb_words_hex(struct gdb_words *words, uint8_t *to, size_t capacity)
{
    size_t count = (size_t)(words->end - words->at) / 2;
    words->has_failed |= (words->end - words->at) % 2 != 0 || count > capacity;
    for (size_t i = 0; i < count && !words->has_failed; i++, words->at += 2) {
        int high = gdb_digit(words->at[0]), low = gdb_digit(words->at[1]);
        words->has_failed |= high < 0 || low < 0;
        if (!words->has_failed)
            to[i] = (uint8_t)(high << 4 | low);
    }
    return words->has_failed ? 0 : count;
}

bool gdb_words_are_read(const struct gdb_words *words)
{
    return !words->has_failed && words->at == words->end;
}

bool gdb_words_begin(const struct gdb_words *words, const char *text)
{
    size_t count = strlen(text);
    return (size_t)(words->end - words->at) >= count && memcmp(words->at, text, count) == 0;
}

bool gdb_words_are(const struct gdb_words *words, const char *text)
{
    return gdb_words_begin(words, text) && (size_t)(words->end - words->at) == strlen(text);
}
