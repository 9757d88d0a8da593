#include "base/lending.h"

#include <stdlib.h>

#include "base/status.h"

void lending_fini(struct lending *lending)
{
    free(lending->items);
    *lending = (struct lending){0};
}

void lending_clear(struct lending *lending)
{
    lending->count = lending->bytes = 0;
}

void lending_add(struct lending *lending, const struct bytes *own, const void *data, size_t count)
{
    if (lending->count == lending->capacity) {
        lending->capacity = lending->capacity * 2 + 16;
        lending->items = realloc(lending->items, lending->capacity * sizeof *lending->items);
        MUST(lending->items != NULL);
    }
    lending->items[lending->count++] = (struct lent){own->count, data, count};
    lending->bytes += count;
}

size_t lending_spans(const struct lending *lending, const struct bytes *own, size_t from,
                     struct span *spans, size_t most)
{
    size_t done = 0, count = 0; /* bytes that were passed, spans that were found */

    for (size_t i = 0, at = 0; i <= lending->count && count < most; i++) {
        bool is_last = i == lending->count;
        struct span parts[2] = {{own->data + at, 0}, {NULL, 0}};
        parts[0].count = (is_last ? own->count : lending->items[i].at) - at;
        if (!is_last)
            parts[1] = (struct span){(uint8_t *)lending->items[i].data, lending->items[i].count};
        at += parts[0].count;
        for (unsigned j = 0; j < 2 && count < most; j++) {
            size_t skipped = from <= done ? 0 : from - done;
            done += parts[j].count;
            if (skipped < parts[j].count)
                spans[count++] = (struct span){parts[j].data + skipped, parts[j].count - skipped};
        }
    }
    return count;
}
