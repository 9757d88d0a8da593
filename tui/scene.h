/* scene: what a view has to know of a move beyond the timeline's own fields, told in one place, so
 * that the director, the narrator, the panels and the plain lines never disagree.
 */
#ifndef TUI_SCENE_H
#define TUI_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"
#include "record/session.h"

/* The guest goes, or went, to host B before all of its pages: post-copy, hybrid, or a switch. */
bool scene_leaves_pages(const struct timeline *timeline);

/* All pages came before the guest, and it runs at host B since a moment: worth a sentence. */
#define SCENE_ARRIVAL_NS (200 * NS_PER_MS)
bool scene_is_arrival(const struct timeline *timeline);

/* The round was given up, or switched away from, before all of its set was sent. */
bool scene_is_cut_short(const struct timeline *timeline, const struct timeline_round *round);

/* A text that tells of host A, the source, and of host B, the target, is made to tell of them as they
 * are called: a real guest moves back, too. */
void scene_name_hosts(const struct session *session, char *text);

/* The word for how it ended, to stand at that instant: in English, translated where it is shown. */
const char *scene_end_word(enum outcome outcome);

/* The old host still sends on what comes to it for the guest: it must not be switched off. */
bool scene_is_tunnel(const struct timeline *timeline);

/* How a move ended that was not completed, as a sentence that says why. */
void scene_failure(const struct timeline *timeline, char *text, size_t text_bytes);

/* What became of a move whose rounds did not shrink to the downtime limit, as a sentence; NULL
 * while it is not known, and where the limit was met. */
const char *scene_limit(const struct timeline *timeline);

/* In the place of clients, where the session knows of none: a real guest's become known with its
 * move. */
const char *scene_no_clients(const struct session *session);

/* How many pages were forecast for a round; UINT64_MAX where there is no forecast of it. */
uint64_t scene_forecast_pages(const struct session_facts *facts, uint64_t round_idx);

/* The instants that somebody may want to see again, in order. The guest that goes on at host B with
 * all of its pages has ended the move. */
enum scene_mark {
    SCENE_MARK_BEGIN,
    SCENE_MARK_START,
    SCENE_MARK_ROUND,
    SCENE_MARK_PAUSE,
    SCENE_MARK_RESUME,
    SCENE_MARK_END
};
struct scene_instant {
    uint64_t at_ns;
    enum scene_mark mark;
};
/* Those until now, at most `room`: with more rounds than that the later ones are left out. */
int scene_instants(const struct timeline *timeline, struct scene_instant *instants, int room);

#endif
