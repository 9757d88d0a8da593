/* language: which of the two languages a lab speaks, and the player's own words in it (gettext).
 * The sentences of a lab are data (lab_text.h).
 */
#ifndef LABS_LANGUAGE_H
#define LABS_LANGUAGE_H

#include <stdbool.h>

#include "tui/translate.h"

enum language { LANGUAGE_EN, LANGUAGE_ZH_CN, LANGUAGE_COUNT };

const char *language_name(enum language language); /* "en", "zh_CN": also the name of the texts */
bool language_find(const char *name, enum language *language);
/* As the environment says: LANGUAGE, LC_ALL, LC_MESSAGES, LANG; zh and its kin are Chinese. */
enum language language_of_environment(void);

/* Whether the locale has the characters for it. */
bool language_is_showable(enum language language);
/* From here on _() speaks it. Without its translation, which `make` puts beside the program, it
 * stays English. */
void language_use(enum language language);

#endif
