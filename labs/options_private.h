/* options_private: the front door's own options, for options.c, which reads them, and
 * options_help.c, which lists them. options.h is the contract. */
#ifndef LABS_OPTIONS_PRIVATE_H
#define LABS_OPTIONS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "labs/options.h"

#define TAKES_HELP (~0u) /* whatever a command takes */

struct own_option {
    const char *key;
    unsigned takes;
    const char *value; /* what is to be written there; NULL: it has no value */
    size_t member;     /* of struct options */
    const char *help;
};
extern const struct own_option own_options[];
extern const size_t own_option_count;

bool options_is_flag(const char *key); /* off or on: it may stand alone, and is on then */
/* Why a command that takes these cannot take that option of the scenario; NULL: it can. */
const char *options_part_objection(uint32_t idx, unsigned takes);

#endif
