/* view_private: what the view (view.c) and the reader (reader.c), which shows a lab's page beside
 * the same picture, share: a session that lives as fast as the director says, and obeys the keys.
 */
#ifndef TUI_VIEW_PRIVATE_H
#define TUI_VIEW_PRIVATE_H

#include "tui/panel.h"
#include "tui/player.h"
#include "tui/view.h"

struct view {
    struct session *session;
    const struct view_options *options;
    struct player player;
    struct canvas canvas;
    bool has_help, has_code, is_quit, is_closed;
    const char *answer; /* to a key that can do nothing; until when it is shown */
    uint64_t answer_until_ns;
    uint32_t notice_count;           /* of the session's, that were shown */
    char sentence[2 * NARRATOR_MAX]; /* the narrator's */
    struct timeline_spread latency, fault_wait;
    uint64_t spreads_at_ns;
};

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
