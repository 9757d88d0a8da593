/* lending: bytes for a connection of which some stand in a buffer and others are lent: they lie
 * where they are, and are sent from there.
 *
 *   own     head        head        COMMIT        a buffer of the caller's
 *   lent          page        page                behind the first `at` bytes of it
 *
 * What is lent must not change before it has been sent, or copied.
 */
#ifndef BASE_LENDING_H
#define BASE_LENDING_H

#include "base/bytes.h"

struct lent {
    size_t at; /* bytes of the buffer that go before it */
    const uint8_t *data;
    size_t count;
};

struct lending {
    struct lent *items; /* owned; by `at` */
    size_t count, capacity;
    size_t bytes; /* of all of them */
};

void lending_fini(struct lending *lending);
void lending_clear(struct lending *lending);
/* Behind what stands in `own` now. */
void lending_add(struct lending *lending, const struct bytes *own, const void *data, size_t count);
/* Where what goes behind the first `from` bytes lies, the buffer's and the lent ones taken
 * together; returns in how many parts, at most `most`. */
size_t lending_spans(const struct lending *lending, const struct bytes *own, size_t from,
                     struct span *spans, size_t most);

#endif
