/* keys: the one table of keys. The view dispatches by it, the line of keys and the help are made
 * from it: what the help lists is what there is.
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "record/session.h"

enum key_action {
    KEY_PLAY,
    KEY_STEP_EVENT,
    KEY_STEP_ROUND,
    KEY_BACK,
    KEY_CODE,
    KEY_FASTER,
    KEY_SLOWER,
    KEY_AUTOMATIC,
    KEY_NOW,
    KEY_START,
    KEY_POST_COPY,
    KEY_ABORT,
    KEY_REPLAY,
    KEY_LINK,
    KEY_LINK_SLOWER,
    KEY_LINK_FASTER,
    KEY_HELP,
    KEY_QUIT,
};

struct key {
    const char *codes; /* each character does it */
    const char *name;  /* as shown in the help; NULL: the one before it speaks for it as well */
    const char *bar;   /* "s step" in the line of keys; NULL: only in the help */
    const char *help;  /* what it does, as the end of "This key ..." */
    enum key_action action;
    uint64_t value; /* of KEY_REPLAY: the mode */
};

int key_count(void);
const struct key *key_at(int idx);
const struct key *key_find(int code); /* NULL: no such key */

/* What it does in this session, in the user's language; of a key that has a name. */
const char *key_says(const struct key *key, const struct session *session);

/* What KEY_LINK does now, and what the link's bandwidth becomes by the other two. */
enum session_command key_link_command(const struct session *session);
uint64_t key_bandwidth(const struct key *key, const struct session *session);

/* It can be watched again, but in its own mode only. */
bool key_is_recording(const struct session *session);

/* The code that decides in this mode can be shown. */
bool key_has_code(const struct session *session);

/* Why the key can do nothing now, as a sentence; NULL when it can. */
const char *key_obstacle(const struct key *key, const struct session *session);

#endif
