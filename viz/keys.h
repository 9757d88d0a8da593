/* keys: the one table of keys. The view dispatches by it, and the help is made from it: what the
 * help lists is what there is. Presenters' remotes are among it: they send page up and down, F5 and
 * Escape in turn, and a full stop for a black screen.
 */
#ifndef VIZ_KEYS_H
#define VIZ_KEYS_H

#include "record/session.h"

enum viz_action {
    VIZ_PLAY,
    VIZ_STEP_EVENT,
    VIZ_STEP_ROUND,
    VIZ_BACK,
    VIZ_NEXT,
    VIZ_PREVIOUS,
    VIZ_SEEK_ON,
    VIZ_SEEK_BACK,
    VIZ_BEGIN,
    VIZ_FASTER,
    VIZ_SLOWER,
    VIZ_AUTOMATIC,
    VIZ_NOW,
    VIZ_START,
    VIZ_POST_COPY,
    VIZ_ABORT,
    VIZ_REPLAY,
    VIZ_LINK,
    VIZ_LINK_SLOWER,
    VIZ_LINK_FASTER,
    VIZ_LARGER,
    VIZ_SMALLER,
    VIZ_FULL,
    VIZ_THEME,
    VIZ_BLANK,
    VIZ_HELP,
    VIZ_LEAVE,
    VIZ_QUIT,
};

#define VIZ_CODES_MAX 3

struct viz_key {
    int codes[VIZ_CODES_MAX]; /* characters and enum window_key; each does it; 0: no more */
    const char *name;         /* as shown in the help */
    const char *help;         /* what it does */
    enum viz_action action;
    uint64_t value; /* of VIZ_REPLAY: the mode */
};

int viz_key_count(void);
const struct viz_key *viz_key_at(int idx);
const struct viz_key *viz_key_find(int code); /* NULL: no such key */

/* Why the key can do nothing now, as a sentence; NULL when it can. */
const char *viz_key_obstacle(const struct viz_key *key, const struct session *session);

#endif
