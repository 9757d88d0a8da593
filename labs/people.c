#include "labs/people.h"

#include <ctype.h>
#include <stdbool.h>
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

static bool is_number_before(const char *text, size_t end)
{
    size_t begin = end;
    while (begin > 0 && text[begin - 1] != ' ')
        begin--;
    return begin < end && isdigit((unsigned char)text[begin]) &&
           isdigit((unsigned char)text[end - 1]);
}

/* A number's unit stands behind it: a line ends elsewhere, if it can. */
static size_t line_bytes(const char *text, size_t room)
{
    size_t count = strlen(text), behind_number = 0;
    if (count <= room)
        return count;
    for (count = room; count > 0; count--) {
        if (text[count] == ' ' && !is_number_before(text, count))
            return count;
        if (text[count] == ' ' && behind_number == 0)
            behind_number = count;
    }
    return behind_number > 0 ? behind_number
                             : strcspn(text, " "); /* one word, longer than the line */
}

void people_wrap(FILE *file, const char *head, const char *text)
{
    size_t indent = strlen(head), room = 80 - indent;

    fputs(head, file);
    for (;;) {
        size_t count = line_bytes(text, room);
        fprintf(file, "%.*s\n", (int)count, text);
        text += count + strspn(text + count, " ");
        if (*text == '\0')
            return;
        fprintf(file, "%*s", (int)indent, "");
    }
}
