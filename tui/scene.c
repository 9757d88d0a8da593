#include "tui/scene.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "tui/translate.h"
#include "tui/words.h"

bool scene_leaves_pages(const struct timeline *timeline)
{
    const struct timeline_round *round = timeline_round(timeline);
    if (timeline->has_resumed)
        return timeline->pages_missing > 0 || timeline->faults > 0 || timeline->pages_pushed > 0;
    if (!timeline->is_paused || timeline->has_ended)
        return false;
    if (timeline->mode == MODE_POST_COPY || timeline->mode == MODE_HYBRID)
        return true;
    /* Pre-copy sends its last set in a paused round: without one, it was switched. */
    return timeline->phase == PHASE_HAND_OVER && (round == NULL || !round->is_paused);
}

bool scene_is_arrival(const struct timeline *timeline)
{
    return timeline->has_resumed && !scene_leaves_pages(timeline) &&
           timeline->now_ns - timeline->resumed_at_ns < SCENE_ARRIVAL_NS;
}

bool scene_is_cut_short(const struct timeline *timeline, const struct timeline_round *round)
{
    bool is_going_on =
        timeline->phase == PHASE_COPY || (timeline->phase == PHASE_PAUSE && round->is_paused);
    return round->pages_sent < round->pages && (round->has_ended || !is_going_on);
}

/* By the limit that was met: what became of the move. */
static const char *const given_up[LIMIT_COUNT] = {
    N_("The rounds ran out before they met the downtime limit; it was given up."),
    N_("The total time ran out before the rounds met the downtime limit; it was given up."),
    N_("The rounds made no progress towards the downtime limit; it was given up."),
};
static const char *const took_over[LIMIT_COUNT] = {
    N_("The rounds ran out before they met the downtime limit; post-copy took over."),
    N_("The total time ran out before the rounds met the downtime limit; post-copy took over."),
    N_("The rounds made no progress towards the downtime limit; post-copy took over."),
};
static const char *const paused[LIMIT_COUNT] = {
    N_("The rounds ran out before they met the downtime limit; it was paused all the same."),
    N_("The total time ran out before the rounds met the downtime limit; it was paused all the "
       "same."),
    N_("The rounds made no progress towards the downtime limit; it was paused all the same."),
};

const char *scene_limit(const struct timeline *timeline)
{
    if (!timeline->is_limit_exceeded || !(timeline->has_resumed || timeline->has_ended))
        return NULL;
    if (timeline->has_ended && timeline->outcome == OUTCOME_LOST)
        return NULL;
    if (timeline->has_ended && timeline->outcome == OUTCOME_ABORTED)
        return _(given_up[timeline->exceeded_limit]);
    if (scene_leaves_pages(timeline))
        return _(took_over[timeline->exceeded_limit]);
    return _(paused[timeline->exceeded_limit]);
}

const char *scene_end_word(enum outcome outcome)
{
    static const char *const words[OUTCOME_COUNT] = {
        [OUTCOME_COMPLETED] = N_("complete"),
        [OUTCOME_ABORTED] = N_("given up"),
        [OUTCOME_PAUSED] = N_("stuck"),
        [OUTCOME_LOST] = N_("lost"),
    };
    return words[outcome];
}

bool scene_is_tunnel(const struct timeline *timeline)
{
    const struct trouble *trouble = &timeline->trouble;
    return timeline->has_resumed && trouble->packets_forwarded > 0 && !trouble->has_tunnel_ended &&
           !trouble->has_crashed[HOST_SOURCE];
}

void scene_failure(const struct timeline *timeline, char *text, size_t room)
{
    const struct trouble *trouble = &timeline->trouble;
    struct words words;
    if (timeline->outcome == OUTCOME_ABORTED)
        snprintf(text, room,
                 trouble->has_crashed[HOST_TARGET] &&
                         trouble->crashed_ns[HOST_TARGET] <= timeline->ended_ns
                     ? _("Host B crashed before the hand-over. Nothing is lost: "
                         "the guest runs at host A as if nothing had been tried.")
                 : trouble->is_cut_at_end
                     ? _("The link was cut before the hand-over. Nothing is lost: "
                         "the guest runs at host A as if nothing had been tried.")
                 : trouble->link_state == LINK_CORRUPTING
                     ? _("The link corrupts, and the move was given up. Nothing is lost: "
                         "the guest runs at host A as if nothing had been tried.")
                     : _("The move was given up. Nothing is lost: "
                         "the guest runs at host A as if nothing had been tried."));
    else if (timeline->outcome == OUTCOME_PAUSED && timeline->has_resumed)
        snprintf(text, room,
                 _("The link is gone for good after the switch: %s are still at host A, "
                   "and the guest at host B waits where it needs one."),
                 words_counted(&words, timeline->pages_missing, "page"));
    else if (timeline->outcome == OUTCOME_PAUSED && trouble->is_cut_at_end)
        snprintf(text, room,
                 _("The link was cut at the hand-over: host A cannot know whether the guest "
                   "runs at host B, and keeps it paused."));
    else if (timeline->outcome == OUTCOME_PAUSED)
        snprintf(text, room,
                 _("The move failed at the hand-over: the guest stands still, "
                   "and can be recovered."));
    else if (trouble->has_crashed[HOST_TARGET])
        snprintf(text, room, _("The guest is lost: host B crashed, and the guest with it."));
    else if (trouble->has_crashed[HOST_SOURCE] && timeline->has_resumed)
        snprintf(text, room,
                 _("The guest is lost: host A crashed, and with it %s that host B did not have."),
                 words_counted(&words, timeline->pages_missing, "page"));
    else if (trouble->has_crashed[HOST_SOURCE])
        snprintf(text, room, _("The guest is lost: host A crashed while it had the guest."));
    else
        snprintf(text, room, _("The guest is lost: neither host has all of it."));
}

const char *scene_no_clients(const struct session *session)
{
    return session->is_live && !session->timeline.has_started
               ? _("What its clients feel is shown with its move.")
               : _("Nobody talks to this guest.");
}

uint64_t scene_forecast_pages(const struct session_facts *facts, uint64_t round_idx)
{
    if (facts->forecast_round_pages == NULL || round_idx >= facts->forecast_round_count)
        return UINT64_MAX;
    return facts->forecast_round_pages[round_idx];
}

int scene_instants(const struct timeline *timeline, struct scene_instant *instants, int room)
{
    enum { OTHERS = 5 }; /* that are no rounds */
    int count = 0;
    MUST(room > OTHERS);
    instants[count++] = (struct scene_instant){0, SCENE_MARK_BEGIN};
    if (timeline->has_started)
        instants[count++] = (struct scene_instant){timeline->started_ns, SCENE_MARK_START};
    /* A paused round begins with the pause, which is told. */
    for (uint32_t i = 0; i < timeline->round_count && count < room - OTHERS + 2; i++)
        if (!timeline->rounds[i].is_paused)
            instants[count++] =
                (struct scene_instant){timeline->rounds[i].started_ns, SCENE_MARK_ROUND};
    if (timeline->is_paused || timeline->has_resumed)
        instants[count++] = (struct scene_instant){timeline->paused_at_ns, SCENE_MARK_PAUSE};
    if (timeline->has_resumed)
        instants[count++] = (struct scene_instant){timeline->resumed_at_ns,
                                                   scene_leaves_pages(timeline) ? SCENE_MARK_RESUME
                                                                                : SCENE_MARK_END};
    /* The last page came before the guest where all of them did. */
    if (timeline->has_ended && timeline->ended_ns > instants[count - 1].at_ns)
        instants[count++] = (struct scene_instant){timeline->ended_ns, SCENE_MARK_END};
    return count;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* In each language the letter stands behind the word and a blank. */
static bool is_behind_host(const char *text, const char *at)
{
    static const char *const words[] = {"ost ", "OST ", "\u4e3b\u673a "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t count = strlen(words[i]);
        if ((size_t)(at - text) >= count && memcmp(at - count, words[i], count) == 0)
            return true;
    }
    return false;
}

void scene_name_hosts(const struct session *session, char *text)
{
    if (session->facts.host_letters[HOST_SOURCE] == '\0')
        return;
    for (char *at = text; *at != '\0'; at++)
        if ((*at == 'A' || *at == 'B') && !is_letter(at[1]) && is_behind_host(text, at))
            *at = session_host_letter(&session->facts, *at == 'A' ? HOST_SOURCE : HOST_TARGET);
}
