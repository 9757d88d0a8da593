/* view_private: what the view (view.c) and the reader (reader.c), which shows a lab's page beside
 * the same picture, share: a session that lives as fast as the director says, and obeys the keys.
 */
#ifndef TUI_VIEW_PRIVATE_H
#define TUI_VIEW_PRIVATE_H

#include "tui/director.h"
#include "tui/narrator.h"
#include "tui/panel.h"
#include "tui/view.h"

struct view {
    struct session *session;
    const struct view_options *options;
    struct director director;
    struct canvas canvas;
    bool is_stopped, has_help, has_code, is_quit, is_closed;
    bool is_running_round;        /* to the end of the round, as fast as it goes */
    struct timeline before_round; /* as the timeline stood when that was asked for */
    const char *answer;           /* to a key that can do nothing; until when it is shown */
    uint64_t answer_until_ns;
    char sentence[2 * NARRATOR_MAX];  /* the narrator's */
    char step_text[2 * NARRATOR_MAX]; /* what the event did that the user stepped to; "" else */
    struct timeline_spread latency, fault_wait;
    uint64_t spreads_at_ns;
};

uint64_t view_wall_ns(void); /* monotonic */

void view_begin(struct view *view, struct session *session, const struct view_options *options);
/* `wall_ns` have passed until `now_ns`: so the world lives on, if it may. */
void view_live(struct view *view, uint64_t wall_ns, uint64_t now_ns);
/* A key of the table in keys.c, or one of screen.h. */
void view_key(struct view *view, int code);
/* All that the panels have to know; valid until the session lives on. */
void view_picture(struct view *view, uint64_t now_ns, struct picture *picture);
/* How long to wait for a key before the next picture. */
int view_wait_ms(const struct view *view);

#endif
