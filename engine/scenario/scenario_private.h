/* scenario_private: the options' numbers, for the files that know single ones: scenario.c (text,
 * ranges, the guest's objections) and scenario_mode.c (the mode's).
 */
#ifndef SCENARIO_SCENARIO_PRIVATE_H
#define SCENARIO_SCENARIO_PRIVATE_H

#include "scenario/scenario.h"

/* DOC: scenario-options
 *
 * Every option has a number, in the order in which help, files and reports list them: the guest and
 * the mode first, then everything with a unit, then the rest. */
enum option {
    OPTION_GUEST,
    OPTION_MODE,
#define NUMBER_OPTION(key, field, kind, text, help) OPTION_##field,
    SCENARIO_NUMBERS(NUMBER_OPTION)
#undef NUMBER_OPTION
#define CHOICE_OPTION(key, field, type, words, text, help) OPTION_##field,
        SCENARIO_CHOICES(CHOICE_OPTION)
#undef CHOICE_OPTION
            OPTION_FAULT,
    OPTION_ARGS,
    OPTION_IMAGE,
    OPTION_COUNT,
    FIRST_NUMBER = OPTION_MODE + 1,
    FIRST_CHOICE = OPTION_pattern,
};

/* Why the mode cannot obey an option, with what would be right; NULL when it can. */
const char *scenario_mode_objection(const struct scenario *scenario, uint32_t idx);

#endif
