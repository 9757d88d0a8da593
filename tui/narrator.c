#include "tui/narrator.h"

#include <stdio.h>

#include "tui/news.h"
#include "tui/scene.h"
#include "tui/translate.h"
#include "tui/words.h"

/* Each of these fills `text` with the sentence of one scene. */

/* What will happen at the start; each mode begins in its own way. */
static void tell_plan(const struct session_facts *facts, char *text, size_t room)
{
    static const char *const plans[MODE_COUNT] = {
        [MODE_STOP_AND_COPY] = N_("At %s it will be stopped, and stand still until all its %s of "
                                  "memory are at host B."),
        [MODE_PRE_COPY] = N_("At %s its %s of memory will begin to move to host B, "
                             "while it goes on running at host A."),
        [MODE_CONTINUOUS] = N_("At %s its %s will begin to move to host B, round and round what is "
                               "dirty, while it runs on at host A."),
        [MODE_POST_COPY] = N_("At %s it will be paused for a moment and go on at host B; "
                              "its %s of memory follow while it runs there."),
        [MODE_HYBRID] =
            N_("At %s its %s will be sent once while it runs on at host A. Then it goes, "
               "and what it wrote meanwhile follows."),
        [MODE_AUTO] = N_("At %s its %s will begin to move to host B, in the way that proves best "
                         "by what is measured."),
    };
    struct words pages, start;
    words_counted(&pages, facts->total_pages, "page");
    snprintf(text, room, _(plans[facts->mode]), words_time(&start, facts->start_at_ns), pages.text);
}

static void tell_before(const struct session *session, char *text, size_t room)
{
    const struct session_facts *facts = &session->facts;
    struct words clients;
    uint64_t now_ns = session->timeline.now_ns;
    bool has_plan = facts->start_at_ns != UINT64_MAX && now_ns <= facts->start_at_ns;
    if (facts->client_count > 0 && (!has_plan || now_ns < facts->start_at_ns / 2))
        snprintf(text, room, _("Normal service: %s runs at host A and answers its %s."),
                 facts->guest, words_counted(&clients, facts->client_count, "client"));
    else if (has_plan)
        tell_plan(facts, text, room);
    else
        snprintf(text, room, _("%s runs at host A. %s"), facts->guest,
                 session->ops->can(session, SESSION_START) ? _("Key m starts its move to host B.")
                                                           : _("Its move has not begun."));
}

static void tell_setup(const struct session *session, char *text, size_t room)
{
    (void)session;
    snprintf(text, room,
             _("Host A asks host B whether it is ready. Nothing is sent before it says so."));
}

static void tell_first_round(const struct timeline_round *round, char *text, size_t room)
{
    struct words pages, dirtied;
    if (round->pages_sent < round->pages / 2)
        snprintf(text, room,
                 _("Round 0 sends all %s, one after the other, while the guest runs on."),
                 words_counted(&pages, round->pages, "page"));
    else
        snprintf(text, room,
                 _("Whatever the guest writes meanwhile is out of date at host B: "
                   "%s must be sent again already."),
                 words_counted(&dirtied, round->dirtied_pages, "page"));
}

/* By the limit that was met with the downtime limit out of reach. */
static const char *const limits[LIMIT_COUNT] = {
    N_("Round %llu: the rounds do not shrink to what the downtime limit allows, "
       "and no more of them are permitted."),
    N_("Round %llu: the rounds do not shrink to what the downtime limit allows, "
       "and the move may take no longer."),
    N_("Round %llu: pages are written as fast as they are copied. More rounds would not bring "
       "the downtime within its limit."),
};

static void tell_round(const struct timeline *timeline, char *text, size_t room)
{
    const struct timeline_round *round = timeline_round(timeline);
    struct words pages, before;
    if (round == NULL) {
        snprintf(text, room, _("The move has begun."));
        return;
    }
    if (round->round_idx == 0) {
        tell_first_round(round, text, room);
        return;
    }
    unsigned long long idx = round->round_idx;
    const struct timeline_round *last = timeline->round_count > 1 ? round - 1 : NULL;
    words_counted(&pages, round->pages, "page");
    if (timeline->is_limit_exceeded)
        snprintf(text, room, _(limits[timeline->exceeded_limit]), idx);
    else if (last != NULL && round->pages >= last->pages)
        snprintf(text, room,
                 _("Round %llu sends %s, no fewer than before (%s): the guest writes as fast as "
                   "the link copies."),
                 idx, pages.text, words_count(&before, last->pages));
    else if (last != NULL && last->pages > 0)
        snprintf(text, room,
                 _("Round %llu sends only the %s written during round %llu. "
                   "A shorter round leaves less time for new writes."),
                 idx, pages.text, idx - 1);
    else
        snprintf(text, room, _("Round %llu sends %s."), idx, pages.text);
}

/* The paused round in three parts, for the pause is shown slowly: why, what, and what the clients
 * notice. */
static void tell_paused_round(const struct timeline_round *round, char *text, size_t room)
{
    struct words pages;
    if (round->pages_sent * 3 < round->pages)
        snprintf(text, room,
                 _("Downtime: the guest stands still, so that nothing more can get dirty."));
    else if (round->pages_sent * 3 < round->pages * 2)
        snprintf(text, room,
                 _("Its last %s travel, then its registers and its connections. "
                   "Neither host runs it now."),
                 words_counted(&pages, round->pages, "page"));
    else
        snprintf(text, room,
                 _("Its clients wait. What they have sent is not lost: "
                   "it will be answered at host B."));
}

/* The guest goes first: what is sent, and what stays behind. */
static void tell_pages_left(const struct timeline *timeline, char *text, size_t room)
{
    struct words pages;
    words_counted(&pages, timeline->pages_left, "page");
    if (timeline->phase != PHASE_HAND_OVER)
        snprintf(text, room,
                 _("Downtime: the guest stands still. Only its registers and connections travel; "
                   "missing pages follow later."));
    else if (timeline->pages_left == 0)
        snprintf(
            text, room,
            _("Downtime: its registers and the list of stale pages are sent. No page is stale: "
              "none stays behind at host A."));
    else if (timeline->mode == MODE_POST_COPY)
        snprintf(text, room,
                 _("Downtime: its registers and connections are sent. Its %s stay behind at host A "
                   "and follow when it runs at host B."),
                 pages.text);
    else
        snprintf(text, room,
                 _("Downtime: its registers and the list of stale pages are sent. These %s stay "
                   "behind at host A and follow when it runs."),
                 pages.text);
}

static void tell_pause(const struct session *session, char *text, size_t room)
{
    const struct timeline *timeline = &session->timeline;
    const struct timeline_round *round = timeline_round(timeline);
    struct words pages;
    if (scene_leaves_pages(timeline))
        tell_pages_left(timeline, text, room);
    else if (timeline->phase == PHASE_HAND_OVER)
        snprintf(text, room,
                 _("All is sent. Host B checks every byte before the guest may run there; "
                   "host A never runs it again."));
    else if (timeline->mode == MODE_STOP_AND_COPY)
        snprintf(text, room,
                 session_has_clients(session)
                     ? _("Stop-and-copy: the guest stands still while all %s travel. "
                         "Its clients wait: this is the downtime.")
                     : _("Stop-and-copy: the guest stands still while all %s travel: "
                         "this is the downtime."),
                 words_counted(&pages, session->facts.total_pages, "page"));
    else if (round != NULL && round->is_paused && round->pages > 0)
        tell_paused_round(round, text, room);
    else
        snprintf(text, room,
                 _("Downtime: the guest stands still. Only its registers and connections travel; "
                   "missing pages follow later."));
}

/* The first faults one by one; then they come too fast for a sentence each. */
static void tell_post_copy(const struct timeline *timeline, char *text, size_t room)
{
    enum { FAULTS_TOLD_EACH = 12 };
    struct words missing, faults;
    if (timeline->waiting_harts > 0 && timeline->faults <= FAULTS_TOLD_EACH)
        snprintf(text, room,
                 _("The guest at host B touched a page that is still at host A: "
                   "it waits until that page has come (fault %s)."),
                 words_count(&faults, timeline->faults));
    else
        snprintf(text, room,
                 _("The guest runs at host B; %s still to come. "
                   "Host A pushes them, and those the guest touches come first."),
                 words_counted(&missing, timeline->pages_missing, "page"));
}

static void tell_resumed(const struct timeline *timeline, char *text, size_t room)
{
    struct words downtime, packets;
    words_time(&downtime, timeline->downtime_ns);
    if (scene_is_tunnel(timeline))
        snprintf(text, room,
                 _("The guest runs at host B after %s of downtime. What its clients send still "
                   "comes to host A, which sends it on (%s)."),
                 downtime.text,
                 words_counted(&packets, timeline->trouble.packets_forwarded, "packet"));
    else if (timeline->trouble.packets_dropped > 0 && !timeline->trouble.has_rehomed)
        snprintf(text, room,
                 _("The guest runs at host B after %s of downtime, but what its clients send "
                   "comes to host A and is lost (%s)."),
                 downtime.text,
                 words_counted(&packets, timeline->trouble.packets_dropped, "packet"));
    else
        snprintf(text, room,
                 _("The guest runs at host B after %s of downtime; "
                   "its clients' connections came with it."),
                 downtime.text);
}

static void tell_after(const struct session *session, char *text, size_t room)
{
    const struct timeline *timeline = &session->timeline;
    struct words total, downtime;
    const char *limit = scene_limit(timeline);
    if (timeline->outcome == OUTCOME_COMPLETED)
        snprintf(text, room, _("The move is complete: total time %s, downtime %s. %s"),
                 words_time(&total, timeline->ended_ns - timeline->started_ns),
                 words_time(&downtime, timeline->downtime_ns),
                 limit != NULL               ? limit
                 : scene_is_tunnel(timeline) ? _("Host A is still needed: it sends packets on.")
                                             : _("Host A may be switched off."));
    else if (timeline->outcome == OUTCOME_ABORTED && limit != NULL)
        snprintf(text, room, _("%s The guest runs at host A as if nothing had been tried."), limit);
    else
        scene_failure(timeline, text, room);
}

static void tell(const struct session *session, char *text, size_t room)
{
    const struct timeline *timeline = &session->timeline;
    const struct event *turn = news_of_now(timeline);
    text[0] = '\0';
    if (session_is_held(session))
        snprintf(text, room,
                 _("A debugger holds the guest. World time stands still until it continues."));
    else if (session->is_broken && session->verdict != NULL)
        snprintf(text, room, "%s", session->verdict);
    else if (scene_is_arrival(timeline) && !session->has_ended)
        tell_resumed(timeline, text, room);
    else if (timeline->has_ended || (session->has_ended && timeline->has_started))
        tell_after(session, text, room);
    else if (timeline->has_guest_ended)
        snprintf(text, room,
                 timeline->is_guest_fault ? _("The guest faulted and cannot go on.")
                                          : _("The guest has ended by itself (status %llu)."),
                 (unsigned long long)timeline->guest_status);
    else if (!timeline->has_started)
        tell_before(session, text, room);
    else if (turn != NULL && news_tell(turn, session->facts.is_real, text, room))
        return;
    else if (timeline->is_paused)
        tell_pause(session, text, room);
    else if (timeline->phase == PHASE_POST_COPY)
        tell_post_copy(timeline, text, room);
    else if (timeline->has_resumed)
        tell_resumed(timeline, text, room);
    else if (timeline->phase == PHASE_SETUP)
        tell_setup(session, text, room);
    else
        tell_round(timeline, text, room);
}

void narrator_tell(const struct session *session, char *text, size_t room)
{
    tell(session, text, room);
    scene_name_hosts(session, text);
}
