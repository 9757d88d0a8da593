/* lab_text: the sentences of a lab in one language. A file of sections:
 *
 *     title = Stop-and-copy
 *     ; a remark
 *     == welcome: A shop moves house
 *     Lines of a paragraph are joined; an empty line ends it.
 *
 *         a line that is indented stays as it is
 *     == first/eighth
 *     A part of a step's text: a hint, a question, a choice (LABS.md lists them).
 *
 * In a body as it is kept here every line is a paragraph or a line of its own; the width that it is
 * shown in breaks paragraphs further.
 */
#ifndef LABS_LAB_TEXT_H
#define LABS_LAB_TEXT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct lab_section {
    char *key, *title, *body; /* title and body may be "" */
    uint32_t line;
};

struct lab_text {
    char path[4096];
    char title[80], summary[160]; /* of the lab */
    struct lab_section *sections; /* owned */
    size_t count;
};

MUST_USE enum status lab_text_load(struct lab_text *text, const char *path,
                                   struct problem *problem);
void lab_text_fini(struct lab_text *text);

/* The section KEY, or KEY/PART where part is not NULL; NULL: there is none. */
const struct lab_section *lab_text_find(const struct lab_text *text, const char *key,
                                        const char *part);

#endif
