/* command: what `ferry` can be asked to do, one file each (command_NAME.c), in the table of main.c.
 */
#ifndef LABS_COMMAND_H
#define LABS_COMMAND_H

#include "base/status.h"
#include "labs/options.h"

#define FERRY_VERSION "0.1"

/* How every command ends. */
#define EXIT_DONE   0 /* done, and every rule of the oracle held */
#define EXIT_FAILED 1 /* the migration failed or a rule was broken: the report says which */
#define EXIT_USAGE  2 /* usage or bad input: one line on stderr says what would be right */

struct command {
    const char *name;
    const char *usage;            /* "ferry run [SCENARIO.ini] [OPTIONS] [-- ARGUMENTS...]" */
    const char *summary;          /* one line for the list */
    const char *about;            /* a paragraph or two for its help; may be NULL */
    unsigned takes;               /* of options.h */
    const struct preset *presets; /* of options.h: the scenario that it brings along; may be NULL */
    int (*run)(const struct command *command, int word_count, char **words);
};

extern const struct preset demo_presets[];

/* Two programs know this one: ferry lists it, ferry-viz, which needs SDL, does it. */
#define COMMAND_VIZ(run)                                                                           \
    {                                                                                              \
        "viz", "ferry viz [SCENARIO.ini | RECORDING | --control PATH] [OPTIONS] [-- ...]",         \
            "watch it in a window, or make a picture of it",                                       \
            "For a projector: the same as ferry tui, as pictures. Without a scenario it shows\n"   \
            "the demonstration; with --control what goes on behind that gateway's door. In\n"      \
            "the window ? shows the keys.\n"                                                       \
            "    ferry viz --headless --png FILE --at 1.5s --size 1920x1080\n"                     \
            "makes one picture, without a display; without --at, of the run's end.\n",             \
            TAKES_SCENARIO | TAKES_STRATEGY | TAKES_AT | TAKES_RECORDING | TAKES_GDB | TAKES_VIZ | \
                TAKES_CONTROL,                                                                     \
            NULL, run                                                                              \
    }

int command_demo(const struct command *command, int word_count, char **words);
int command_run(const struct command *command, int word_count, char **words);
int command_compare(const struct command *command, int word_count, char **words);
int command_sweep(const struct command *command, int word_count, char **words);
int command_forecast(const struct command *command, int word_count, char **words);
int command_tui(const struct command *command, int word_count, char **words);
int command_viz(const struct command *command, int word_count, char **words);
int command_export(const struct command *command, int word_count, char **words);
int command_provenance(const struct command *command, int word_count, char **words);
int command_grade(const struct command *command, int word_count, char **words);
int command_lab(const struct command *command, int word_count, char **words);
int command_swarm(const struct command *command, int word_count, char **words);
int command_host(const struct command *command, int word_count, char **words);
int command_gateway(const struct command *command, int word_count, char **words);
int command_guest(const struct command *command, int word_count, char **words);
int command_live(const struct command *command, int word_count, char **words);
int command_migrate(const struct command *command, int word_count, char **words);
int command_status(const struct command *command, int word_count, char **words);
int command_link(const struct command *command, int word_count, char **words);

/* First of all: the three standard files are there, and the locale is the user's. */
void command_begin(void);
/* Last of all: what was printed must have arrived. Returns the exit status. */
int command_finish(int status);

/* Usage, what it does, its options: on stdout. Returns EXIT_DONE. */
int command_print_help(const struct command *command);

/* The one line on stderr: "ferry run: detail". Returns EXIT_USAGE. */
int command_refuse(const struct command *command, const struct problem *problem);

/* A line on stderr of words that came from anywhere: no byte of them may steer the terminal or end
 * the line. */
void command_put_escaped(const char *text);

#endif
