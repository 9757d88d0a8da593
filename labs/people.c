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
    units_for_people(UNIT_COUNT, count, text, sizeof people->texts[0]);
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

const char *people_seconds(struct people *people, double seconds)
{
    return people_time(people, seconds < 9e9 ? (uint64_t)(seconds * 1e9 + 0.5) : INT64_MAX);
}

const char *people_rate(struct people *people, uint64_t pages_per_s)
{
    char *text = next_text(people);
    char count[32];
    units_for_people(UNIT_COUNT, pages_per_s, count, sizeof count);
    snprintf(text, sizeof people->texts[0], "%s pages/s", count);
    return text;
}

void people_wrap(FILE *file, const char *head, const char *text)
{
    size_t indent = strlen(head), room = 80 - indent;

    fputs(head, file);
    for (;;) {
        size_t count = strlen(text);
        if (count > room)
            for (count = room; count > 0 && text[count] != ' '; count--)
                ;
        if (count == 0) /* one word, longer than the line */
            count = strcspn(text, " ");
        fprintf(file, "%.*s\n", (int)count, text);
        text += count + strspn(text + count, " ");
        if (*text == '\0')
            return;
        fprintf(file, "%*s", (int)indent, "");
    }
}
