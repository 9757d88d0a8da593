#include "base/nearest.h"

#include <string.h>

enum { WORD_MAX = 63 }; /* longer than any option, command or guest: the rest decides nothing */

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned nearest_distance(const char *a, const char *b)
{
    /* One row of the usual table: row[j] is the distance of a's first i letters to b's first j. */
    unsigned row[WORD_MAX + 1];
    size_t a_count = strnlen(a, WORD_MAX);
    size_t b_count = strnlen(b, WORD_MAX);

    for (size_t j = 0; j <= b_count; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_count; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_count; j++) {
            unsigned above = row[j];
            unsigned exchange = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = smaller(exchange, smaller(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_count];
}

bool nearest_is_close(const char *word, const char *known)
{
    return nearest_distance(word, known) * 3 <= strlen(known);
}
