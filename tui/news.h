/* news: events that no count tells of, each as one sentence: what was decided and why, what befell
 * the link, the hosts, the disk, the clients' packets. Lines, pictures and steps use the same
 * words.
 */
#ifndef TUI_NEWS_H
#define TUI_NEWS_H

#include <stdbool.h>
#include <stddef.h>

#include "record/session.h"

/* False, and nothing is written, where the event is none of these. Of a real link it is told in the
 * units of `ferry link`. */
bool news_tell(const struct event *event, bool is_real, char *text, size_t text_bytes);

/* The last turn (record/turns.h), while it is news: what it was is what goes on now. NULL: none. */
const struct event *news_of_now(const struct timeline *timeline);

/* What the link is now, for a picture: "cut", "20.00 Mbit/s"; NULL while it is whole. A live world's
 * is what it is whichever move is looked at, and with the limit it has been given. */
const char *news_link(const struct session *session, char *text, size_t text_bytes);

#endif
