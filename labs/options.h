/* options: a command line, with the scenario file that it may name, as one scenario and a few
 * wishes.
 *
 * The scenario's options are scenario.h's list; the front door adds where a report goes and how
 * much is said. A file is read first, whatever its place in the line; then the line's own options,
 * from left to right, each at most once. All that is refused is refused here, before anything runs.
 */
#ifndef LABS_OPTIONS_H
#define LABS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "scenario/scenario.h"

/* Which of the front door's own options a command takes. */
#define TAKES_JSON   0x01u
#define TAKES_RECORD 0x02u
#define TAKES_PLAIN  0x04u
#define TAKES_QUIET  0x08u
#define TAKES_VERIFY 0x10u
#define TAKES_EVERY_MODE \
    0x20u /* it goes through all modes: --mode is refused, options of each are not */
#define TAKES_RECORDING 0x40u     /* the file may be a recording */
#define TAKES_SCENARIO  0x80u     /* the scenario's options, and a file */
#define TAKES_STRATEGY  0x100u    /* a strategy of the user's own */
#define TAKES_AT        0x200u    /* an instant to begin at */
#define TAKES_GRADE     0x400u    /* what is graded, and how */
#define TAKES_WORD      0x800u    /* the word that is no option names no file */
#define TAKES_EXPORT    0x1000u   /* in which forms to write a recording */
#define TAKES_VIZ       0x2000u   /* how pictures are to look, and where they go */
#define TAKES_GDB       0x4000u   /* a door for a debugger */
#define TAKES_FORECAST  0x8000u   /* whether to measure */
#define TAKES_SWEEP     0x10000u  /* what is varied, and where the points go */
#define TAKES_PAGES     0x20000u  /* which pages of a recording */
#define TAKES_SWARM     0x100000u /* which seeds, and how they are gone through */
/* Live mode. TAKES_MOVE and TAKES_START go with TAKES_SCENARIO, and leave a part of its options. */
#define TAKES_CONTROL 0x1000000u  /* the door of a gateway */
#define TAKES_MOVE    0x2000000u  /* how a guest is moved, and where to */
#define TAKES_START   0x4000000u  /* what kind of guest it is */
#define TAKES_LINK    0x8000000u  /* what the link between hosts carries */
#define TAKES_LIVE    0x10000000u /* where clients come in, and how many hosts there are */
#define TAKES_GATEWAY 0x20000000u /* where clients and hosts come in */
#define TAKES_HOST    0x40000000u /* of a host: its name, its gateway, where guests come in */

struct options {
    struct scenario scenario;
    const char *file_path; /* a scenario or a recording, borrowed from the line; NULL: none. With
                              TAKES_WORD: the word, as it stands */
    bool is_recording;     /* of file_path: then nothing of the scenario was set */
    const char *json_path; /* NULL: not asked for; "-": standard output */
    const char *record_path;
    const char *strategy_path; /* a C file; NULL: the mode's own strategy */
    const char *gdb_port;      /* as written; NULL: no debugger */
    const char *at;            /* a time, as written; NULL: from the beginning */
    struct {
        const char *source, *format, *out, *seeds, *only_case, *hint;
    } grade; /* as written, NULL: not given */
    struct {
        const char *seeds, *jobs, *resume; /* as written, NULL: not given */
    } swarm;
    struct {
        const char *perfetto, *csv;
    } export; /* paths, NULL: not given; "-": standard output */
    struct {
        const char *scene, *size, *theme, *png, *language; /* as written, NULL: not given */
        bool is_headless;
    } viz;
    struct {
        const char *vary, *plot, *csv; /* as written, NULL: not given */
    } sweep;
    struct {
        const char *control, *to, *guest, *bandwidth, *latency, *listen, *hosts, *key;
        const char *name, *gateway, *disk;
        bool is_abort, is_post_copy, is_cut, is_mend, is_with_parent;
    } live;           /* as written, NULL: not given */
    const char *page; /* with TAKES_PAGES: the second word, as it stands */
    const char *elf;  /* a program, for its names */
    const char *top;  /* a number of pages, as written; NULL: not given */
    bool is_plain, is_quiet, is_verify, is_unconfined, is_measure, is_help;
    uint64_t own_set;     /* bit i: the front door's own option i was given */
    uint64_t set;         /* bit i: scenario option i was set by the line or the file */
    uint32_t line_of[64]; /* where in the file option i was set; 0: not there */
};

/* A scenario that a command brings along: what the user does not set is set by it. */
struct preset {
    const char *key, *value;
    bool is_for_its_guest; /* left out when the user chose another guest */
};

/* `words` are what stands behind the command. The details of problems name the option, or the file
 * and its line. presets end with a NULL key; NULL: none. options_fini also after a failure. */
MUST_USE enum status options_parse(struct options *options, unsigned takes,
                                   const struct preset *presets, int word_count, char **words,
                                   struct problem *problem);
void options_fini(struct options *options);

/* The options that `takes` allows, with their defaults or the presets that stand for them, for
 * help; nothing where there are none. */
void options_print_help(unsigned takes, const struct preset *presets);
/* Under which title the help lists an option of the scenario; NULL: nowhere. */
const char *options_group(const char *key);

/* The command line that makes this scenario again: "ferry run --guest sort --seed 7 -- -n 5".
 * `own`: words of the front door's own options, up to a NULL; NULL: none. Appends to `line`,
 * NUL-terminated. */
void options_write_command(const char *command, const struct scenario *scenario,
                           const char *const *own, struct bytes *line);

/* One word more of a command line, quoted where a shell needs it. */
void options_write_word(struct bytes *line, const char *word);

/* The words of a strategy of the user's own, for `own` above: --strategy, its path, and
 * --unconfined where it was given; nothing where there is none. */
#define OPTIONS_STRATEGY_WORDS 4
void options_strategy_words(const struct options *options,
                            const char *words[OPTIONS_STRATEGY_WORDS]);

/* How to call this program again: as it was called. */
const char *options_program(void);

/* The number of the scenario's option, -1 where there is none of that name. */
int options_find(const char *key);

#endif
