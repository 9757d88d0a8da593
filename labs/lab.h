/* lab: the data of one guided lab, read from its folder: lab.ini says what happens, step after
 * step; en.txt and zh_CN.txt hold every sentence (lab_text.h). LABS.md describes both for who
 * writes a lab.
 *
 * A lab that loads is sound: all its steps exist that others name, in an order in which they can be
 * played, and every scenario is accepted.
 */
#ifndef LABS_LAB_H
#define LABS_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "labs/ini.h"
#include "labs/quantity.h"
#include "scenario/scenario.h"

#define LAB_STEPS_MAX    40
#define LAB_RUNS_MAX     4 /* beside each other in 80 columns */
#define LAB_ROWS_MAX     10
#define LAB_CHOICES_MAX  6
#define LAB_NONE         (-1)

#define LAB_KIND_LIST(X) X(read) X(predict) X(run) X(answer) X(choose) X(knob) X(compare)
enum lab_kind {
#define LAB_KIND_ENUM(name) LAB_##name,
    LAB_KIND_LIST(LAB_KIND_ENUM)
#undef LAB_KIND_ENUM
        LAB_KIND_COUNT
};

/* Other steps are named by their index; LAB_NONE: none. */
struct lab_step {
    char key[INI_SECTION_MAX + 1];
    enum lab_kind kind;
    uint32_t line; /* of its section in lab.ini */

    /* predict: a quantity of the run `of`. knob: turned against the run `of`. */
    int of;
    enum quantity quantity;
    unsigned tolerance; /* thousandths of the measured value */
    bool is_guess;      /* not counted as right or wrong */

    /* answer to the predict step `to`; beside the run `beside`; a goal: at most so many thousandths
     * of what was measured there (0: none). */
    int to, beside;
    unsigned goal;

    /* run: options are set in the scenario; those of a knob when its value is known. */
    struct scenario scenario;
    int knob;

    /* choose: 'a', 'b', ... */
    char right;

    /* knob: an option of the scenario, and what may be chosen. */
    int option;
    uint64_t least, most;

    /* compare */
    int runs[LAB_RUNS_MAX];
    unsigned run_count;
    enum quantity rows[LAB_ROWS_MAX];
    unsigned row_count;
};

struct lab {
    unsigned number;
    char name[64];     /* "03-stop-and-copy" */
    char folder[4096]; /* where it was read from */
    struct lab_step steps[LAB_STEPS_MAX];
    int step_count;
};

/* Details begin with "FILE:LINE: ". lab_fini also after a failure. */
MUST_USE enum status lab_load(struct lab *lab, const char *folder, const char *name,
                              struct problem *problem);
void lab_fini(struct lab *lab);

int lab_find_step(const struct lab *lab, const char *key); /* LAB_NONE: no such */
const char *lab_kind_name(enum lab_kind kind);
bool lab_step_is_question(const struct lab_step *step); /* something is asked in it */

/* The step's run: the one that a text of this step speaks of when it names none. LAB_NONE: there is
 * none yet. The run is over when it stands above the step, or is the step itself once it was
 * played.
 */
int lab_run_of(const struct lab *lab, int step_idx);
/* The folders of labs in `folder` ("NN-name"), by number. Returns how many, at most `names_max`. */
#define LAB_COUNT_MAX 32
struct lab_name {
    unsigned number;
    char name[64];
};
int lab_list(const char *folder, struct lab_name names[LAB_COUNT_MAX]);

#endif
