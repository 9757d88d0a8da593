#include "labs/people.h"

#include <stdio.h>
#include <string.h>

static char *next_text(struct people *people)
{
    return people->texts[people->next++ % (sizeof people->texts / sizeof people->texts[0])];
}

const char *people_count(struct people *people, uint64_t count)
{
    char *text = next_text(people);
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *at = text;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

const char *people_bytes(struct people *people, uint64_t bytes)
{
    char *text = next_text(people);
    units_for_people(UNIT_SIZE, bytes, text, sizeof people->texts[0]);
    return text;
}

const char *people_time(struct people *people, uint64_t ns)
{
    char *text = next_text(people);
    units_for_people(UNIT_TIME, ns, text, sizeof people->texts[0]);
    return text;
}

const char *people_rate(struct people *people, uint64_t pages_per_s)
{
    char *text = next_text(people);
    const char *count = people_count(people, pages_per_s);
    snprintf(text, sizeof people->texts[0], "%.20s pages/s", count);
    return text;
}
