/* gdb_private: what the files of the stub share: gdb.c (stops, registers, memory, going on),
 * gdb_question.c (queries and monitor words), gdb_words.c (the numbers of a packet).
 */
#ifndef MACHINE_GDB_PRIVATE_H
#define MACHINE_GDB_PRIVATE_H

#include "machine/gdb.h"

#define ERROR_USAGE   "E16" /* EINVAL */
#define ERROR_MEMORY  "E0e" /* EFAULT */
#define ERROR_NO_ROOM "E1c" /* ENOSPC */

/* ---- A packet, read from left to right ---- */

struct gdb_words {
    const uint8_t *at, *end;
    bool has_failed; /* it was not what was expected; what was read since means nothing */
};

/* One to sixteen hexadecimal digits, up to the first byte that is none. */
uint64_t gdb_words_number(struct gdb_words *words);
bool gdb_words_take(struct gdb_words *words, char sign); /* false: it does not stand there */
void gdb_words_expect(struct gdb_words *words, char sign);
/* Two digits a byte; at most `capacity` bytes, and all that is there. Returns how many. */
size_t gdb_words_hex(struct gdb_words *words, uint8_t *to, size_t capacity);
bool gdb_words_are_read(const struct gdb_words *words); /* to the end, and nothing has failed */
bool gdb_words_begin(const struct gdb_words *words, const char *text);
bool gdb_words_are(const struct gdb_words *words, const char *text);

/* ---- Answers ---- */

void gdb_say(struct gdb *gdb, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gdb_say_bytes(struct gdb *gdb, struct bytes *reply); /* and frees them */
void gdb_put_text(struct bytes *to, const char *text);

/* gdb_question.c: packets that begin with q or Q. */
enum gdb_action gdb_answer_question(struct gdb *gdb, struct guest *guest, struct gdb_words *words);

#endif
