/* lines: which function and which line of its source an address of an image belongs to.
 *
 * What is known comes from the image itself: functions from its symbols, lines from its DWARF
 * (version 5, section 6.2; made by -g). An image without them is no error: then there is less to
 * say. The bytes come from a stranger: what does not hold together is left out, and what is larger
 * than any program that people read is not looked at.
 */
#ifndef MACHINE_LINES_H
#define MACHINE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines_row {
    uint64_t address; /* the first of the line; it ends where the next row begins */
    uint32_t line;    /* 0: nobody's, or behind the end of a sequence */
    uint32_t file_idx;
    uint32_t order; /* of several rows for one address the last in the file counts */
};

struct lines_function {
    uint64_t address, bytes;
    char *name; /* owned */
};

struct lines {
    struct lines_row *rows; /* owned, by address */
    size_t row_count;
    struct lines_function *functions; /* owned, by address */
    size_t function_count;
    char **files; /* owned: names without their folders */
    size_t file_count;
};

struct lines_place {
    const char *function; /* NULL: none is known */
    uint64_t begin;       /* where the function begins */
    const char *file;     /* NULL: no line is known */
    uint32_t line;
};

void lines_init(struct lines *lines, const uint8_t *image, size_t image_bytes);
void lines_fini(struct lines *lines);

/* "main+0x12 (kv.c:33)", or as much of it as is known; "?" where nothing is. */
void lines_write_place(const struct lines *lines, uint64_t address, char *text, size_t text_bytes);

/* False when nothing is known of the address; `place` is cleared then. */
bool lines_find(const struct lines *lines, uint64_t address, struct lines_place *place);

#endif
