/* move_text: what two hosts say to each other before the engine's bytes, one SAVED frame each
 * (migrate/saved.h), as lines of `key = value`. Whoever connects says what it brings:
 *
 *     move = 0123456789abcdef0123456789abcdef     which move: it may take several connections
 *     stream = 0                                  which of its connections at a time
 *     recover = no                                yes: COMMIT is out, and a connection broke
 *     moves = 3                                   how often the guest has moved before
 *     gateway = ...                               whose clients its streams are of; may be missing
 *     guest = kv                                  and all other options of the scenario
 *
 * and is answered, before it says more:
 *
 *     answer = ready                              or: refused, unknown (to recover)
 *     reason = ...                                one sentence, where it is not ready
 *
 * The other end is believed as little as a file: each key once, each value as the command line
 * takes it, no more than SAVED_TEXT_MAX.
 */
#ifndef LIVE_MOVE_TEXT_H
#define LIVE_MOVE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "scenario/scenario.h"
#include "wire/message.h"

#define MOVE_ID_BYTES    33 /* 32 hexadecimal digits and a NUL */
#define MOVE_STREAMS_MAX 2u

struct move_text {
    struct scenario scenario; /* owned: move_text_fini */
    char id[MOVE_ID_BYTES];
    char gateway[MOVE_ID_BYTES]; /* "": not said */
    uint64_t moves;
    uint32_t stream_idx;
    bool is_recovery;
    bool uses_disk; /* the guest has asked for blocks: it is lost where there are none */
};

enum move_answer { MOVE_READY, MOVE_REFUSED, MOVE_UNKNOWN };

bool move_text_is_id(const char *text); /* 32 hexadecimal digits, in lower case */

bool move_text_is_token(const char *text); /* 1 to 32 of them: what a gateway calls itself */

/* Appends the frame. */
void move_text_put(struct bytes *to, const struct move_text *text);
void move_text_put_answer(struct bytes *to, enum move_answer answer, const char *reason);

/* Of what was received: `*consumed` is the frame's length, 0: not enough yet. STATUS_BAD_INPUT: it is
 * no such frame, with the reason. The text is to be given up by move_text_fini in every case. */
MUST_USE enum status move_text_get(const uint8_t *data, size_t count, struct move_text *text,
                                   size_t *consumed, struct problem *problem);
MUST_USE enum status move_text_get_answer(const uint8_t *data, size_t count,
                                          enum move_answer *answer, char reason[MESSAGE_REASON_MAX],
                                          size_t *consumed, struct problem *problem);
void move_text_fini(struct move_text *text);

#endif
