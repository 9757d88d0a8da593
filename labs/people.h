/* people: numbers as people read them, for summaries and tables. */
#ifndef LABS_PEOPLE_H
#define LABS_PEOPLE_H

#include <stdint.h>
#include <stdio.h>

#include "base/units.h"

/* Each call gives one text; a few of them fit into one printf. */
struct people {
    char texts[12][40];
    unsigned next;
};

const char *people_count(struct people *people, uint64_t count);   /* 1,234,567 */
const char *people_bytes(struct people *people, uint64_t bytes);   /* 12.34 MiB */
const char *people_time(struct people *people, uint64_t ns);       /* 28.11 ms */
const char *people_seconds(struct people *people, double seconds); /* the same, of a formula */
const char *people_rate(struct people *people, uint64_t pages_per_s);

/* Text after `head`, in lines of at most 80 columns, each but the first indented to where it began.
 * None ends with a number whose unit would stand on the next. */
void people_wrap(FILE *file, const char *head, const char *text);

#endif
