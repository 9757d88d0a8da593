/* step: what one event did, for who steps from event to event.
 *
 * The timeline does not keep its last event, so the step is told by comparing: the counts before
 * and after it, and the state of each page.
 */
#ifndef TUI_STEP_H
#define TUI_STEP_H

#include <stddef.h>
#include <stdint.h>

#include "record/timeline.h"

struct step {
    struct timeline before;      /* nothing behind its pointers is looked at: it has changed */
    struct timeline_round round; /* the last one before; of no pages where there was none */
    uint8_t *states; /* owned: of each page at host A, then at host B; NULL: too many pages */
};

/* Notes how everything stands; then let one event happen; then have it told, which ends the step.
 */
void step_begin(struct step *step, const struct timeline *timeline);
void step_tell(struct step *step, const struct timeline *after, bool is_real, char *text,
               size_t text_bytes);

#endif
