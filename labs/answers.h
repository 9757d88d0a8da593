/* answers: a file that answers a lab's questions instead of a person. Lines of key = answer, the
 * key that of the question; the same key again is the next attempt. Comments begin with ; or #.
 *
 *     shop-guess = 2.7      ; has no unit, and is asked again
 *     shop-guess = 2.7s
 *     why-once   = b
 */
#ifndef LABS_ANSWERS_H
#define LABS_ANSWERS_H

#include "labs/ini.h"
#include "labs/lab.h"

struct answers {
    struct ini ini;
    bool *is_used; /* owned; one for each line */
    char path[4096];
};

/* A key that no question of the lab has is refused with its line and the nearest. */
MUST_USE enum status answers_load(struct answers *answers, const char *path, const struct lab *lab,
                                  struct problem *problem);
void answers_fini(struct answers *answers);

/* The next answer to that question; NULL: there is none left. */
const char *answers_next(struct answers *answers, const char *key);

#endif
