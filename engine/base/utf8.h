/* utf8: texts of strangers, before they are shown to anybody. UTF-8 as RFC 3629 has it; what is not,
 * and what would steer a terminal or hide and reorder what stands beside it, is no character that
 * may be shown: controls (U+0000 to U+001F, U+007F to U+009F), and the invisible ones that change
 * directions or have no width (U+200B to U+200F, U+202A to U+202E, U+2060 to U+206F, U+FEFF).
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at `text` has, of which `room` are there; 0: none that may be shown.
 * `code` may be NULL. */
size_t utf8_shown(const char *text, size_t room, uint32_t *code);

/* Every byte of what may not be shown becomes a question mark; but a tab becomes `tab`. */
void utf8_make_showable(char *text, size_t count, char tab);

/* The most bytes of the text, `room` at most, that end with a whole character. */
size_t utf8_cut(const char *text, size_t room);

#endif
