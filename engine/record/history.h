/* history: what a session has lived, so that its timeline can stand at any instant of that.
 *
 * The events are kept, encoded as in a recording (or are a recording's own), and, every so many
 * events, a keyframe: a copy of the timeline. To stand at an instant is to copy the keyframe before
 * it and to fold the few events in between:
 *
 *     events     ||||||||||||||||||||||||||||||||||||||||||||
 *     keyframes  K         K         K         K        ^ lived
 *     seek                           K-------->here
 *
 * Keyframes begin at a distance of HISTORY_SPACING events, or of as many as are folded in the time
 * that a copy takes. When they take more memory than they may, every second one goes and the
 * distance doubles: so a seek costs one copy and at most so many events as the distance is, which
 * grows with the length of the run and with the guest's memory (history_bench.c measures it).
 *
 * The session that owns a history makes all that happens go through it, in one of two ways: what
 * has not been lived before through history_live and history_pass, which need the timeline to be at
 * the newest instant (session_is_past is false); what was lived through the others.
 */
#ifndef RECORD_HISTORY_H
#define RECORD_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "record/recording.h"
#include "record/session.h"

#define HISTORY_SPACING 4096u /* about a fifth of a millisecond of folding */

/* All keyframes together: 16 bytes for each page of the guest, a 256th of its memory, so that a few
 * fit; not less than what a small guest with many clients needs, and not more than this for a guest
 * that a recording merely claims to be large. */
#define HISTORY_KEYFRAMES_MIN (32ull << 20)
#define HISTORY_KEYFRAMES_MAX (256ull << 20)

/* The events of a world that is not a recording: about forty million, a day of somebody's watching.
 * Beyond it the older half is forgotten. */
#define HISTORY_LOG_MAX (256ull << 20)

struct keyframe;

struct history {
    struct session *session; /* whose timeline, lived_ns and lived_events these are */
    bool has_log;
    struct recorder log;        /* with has_log: the events */
    struct recording reader;    /* stands behind the last event that the timeline holds */
    struct keyframe *keyframes; /* owned; the first is where the history begins */
    uint32_t keyframe_count, keyframe_capacity;
    uint64_t keyframe_bytes; /* of all but the first */
    uint64_t spacing;        /* events between two keyframes, at least */
    uint64_t keyframe_bytes_max, log_bytes_max;
};

/* The session's timeline has just been initialised. `recording` stands before its first event and
 * its bytes are borrowed; NULL: the history keeps the events itself. */
void history_init(struct history *history, struct session *session,
                  const struct recording *recording);
void history_fini(struct history *history);

/* At the newest instant: one event more (of a recording: history->reader was set behind it), or
 * time that passed without one. */
void history_live(struct history *history, const struct event *event);
void history_pass(struct history *history, uint64_t now_ns);

/* In the past: the next event that was lived, if there is one; and time, up to lived_ns. */
bool history_step(struct history *history);
void history_advance(struct history *history, uint64_t until_ns);

/* The timeline stands at an instant (see session.h), or before its last event. False, and nothing
 * has changed, where that was forgotten or never was. */
bool history_seek(struct history *history, uint64_t at_ns);
void history_begin(struct history *history); /* where the history begins */
bool history_back(struct history *history);
bool history_has_before(const struct history *history); /* history_back would be true */

#endif
