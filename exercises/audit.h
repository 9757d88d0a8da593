/* audit: what a move is graded by. It is shown the events of one run, keeps for each page what is
 * known of it, and writes down for each criterion where the run first broke it.
 *
 *   arrives  the guest is handed over, and runs at the target
 *   still    pages are sent only while the guest stands still
 *   whole    at the hand-over the target has every page, as it is
 *   once     no page is sent twice
 *
 * It reads events alone, as everybody does, and shares nothing with the engine that emitted them.
 * A criterion counts only in a run in which the guest arrived: who sends nothing sends nothing
 * twice.
 */
#ifndef EXERCISES_AUDIT_H
#define EXERCISES_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitmap.h"
#include "base/event.h"

/* C(criterion, key, what it is, what is expected of next()). */
#define CRITERIA(C)                                                                     \
    C(CRITERION_ARRIVES, "arrives", "the guest is handed over and runs at the target",  \
      "a PAUSE, pages, a HAND_OVER: then the guest runs at the target")                 \
    C(CRITERION_STILL, "still", "pages are sent only while the guest stands still",     \
      "the first page leaves after the PAUSE")                                          \
    C(CRITERION_WHOLE, "whole", "at the hand-over the target has every page, as it is", \
      "no page is PAGE_TO_SEND any more when you return HAND_OVER")                     \
    C(CRITERION_ONCE, "once", "no page is sent twice",                                  \
      "each page leaves once, and is not PAGE_TO_SEND then")

enum criterion {
#define CRITERION_ENUM(criterion, key, sentence, expected) criterion,
    CRITERIA(CRITERION_ENUM)
#undef CRITERION_ENUM
        CRITERION_COUNT
};

const char *criterion_key(enum criterion criterion);
const char *criterion_sentence(enum criterion criterion);
const char *criterion_expected(enum criterion criterion);
bool criterion_find(const char *key, enum criterion *criterion);

#define FINDING_TEXT_MAX 240

/* How a run broke a criterion, or that it did not. */
struct finding {
    bool is_broken;
    bool is_open;       /* it cannot be said: `happened` is why */
    uint64_t at_ns;     /* the moment, */
    uint64_t event_idx; /* and the event at it, counted from 0 */
    char happened[FINDING_TEXT_MAX];
};

struct audit {
    struct finding findings[CRITERION_COUNT];
    enum phase phase;
    bool has_arrived;
    uint64_t event_count;
    uint64_t pages_sent;
    struct bitmap to_send; /* the target has no copy, or an old one */
    struct bitmap written; /* since the last fetch */
    uint64_t *sent_ns;     /* owned; of each page: when it was sent last; UINT64_MAX: never */
    uint64_t *written_ns;  /* owned; and when it was seen to be written last */
};

void audit_init(struct audit *audit, uint64_t total_pages);
void audit_fini(struct audit *audit);
void audit_event(struct audit *audit, const struct event *event);

/* The run is over at `now_ns`. `reason` says why the guest did not arrive, where it did not; of a
 * run that was stopped because it would never end, `is_endless`. */
void audit_end(struct audit *audit, uint64_t now_ns, const char *reason, bool is_endless);

#endif
