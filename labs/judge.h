/* judge: what a student typed as a number with its unit, and how it compares with what was
 * measured. Where an answer is wrong in a way that can be told, the reason is named: the lab's
 * texts explain each (its section STEP/REASON, or any/REASON).
 */
#ifndef LABS_JUDGE_H
#define LABS_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "labs/quantity.h"

/* X(name): looked for in this order, the first that fits is told. */
#define REASON_LIST(X)                                                     \
    X(fits)      /* within the tolerance, nothing to explain */            \
    X(eighth)    /* an eighth: bytes taken for bits */                     \
    X(eightfold) /* eight times too much: bits taken for bytes */          \
    X(latency)   /* only the way was counted, not what is sent */          \
    X(state)     /* only the machine's state was counted, not the pages */ \
    X(mega)      /* MB for MiB, or the other way: 1000 for 1024 */         \
    X(prefix)    /* a thousand, a million, ...: a prefix mistaken */       \
    X(ten)       /* a power of ten: a digit too many or too few */         \
    X(small)     /* too small, no reason known */                          \
    X(large)     /* too large */

enum reason {
#define REASON_ENUM(name) REASON_##name,
    REASON_LIST(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT
};

const char *reason_name(enum reason reason);

struct judgement {
    bool is_right; /* within the tolerance; `reason` may be mega all the same, worth a remark */
    enum reason reason;
    double
        factor; /* the larger of answer and measured over the smaller; 0 where one of them is 0 */
};

/* `tolerance` in thousandths of what was measured. */
void judge(struct judgement *judgement, enum quantity quantity, uint64_t answer,
           const struct quantities *measured, unsigned tolerance);

/* Why an answer is not taken: it is asked for again, and no attempt is lost. */
enum answer_trouble {
    ANSWER_TAKEN,
    ANSWER_NO_NUMBER,
    ANSWER_NO_UNIT,
    ANSWER_UNKNOWN_UNIT,
    ANSWER_ZERO, /* of a time or a size */
    ANSWER_TOO_LARGE,
};

/* Any unit of the kind, also as a person writes it: "2.7 s", "2700 milliseconds", "2.7 秒",
 * "16,384 pages". */
enum answer_trouble answer_parse(enum unit_kind kind, const char *text, uint64_t *value);

/* The kind that a form is written in; of time, size and count. */
enum unit_kind answer_kind(enum quantity_form form);

#endif
