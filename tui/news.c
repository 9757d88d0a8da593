#include "tui/news.h"

#include <stdio.h>

#include "base/units.h"
#include "tui/translate.h"
#include "tui/words.h"

#define NEWS_NS (200 * NS_PER_MS) /* outside a round: as long as an arrival */

static char letter(uint64_t host)
{
    return host == HOST_SOURCE ? 'A' : 'B';
}

static bool tell_decision(const struct event *event, char *text, size_t room)
{
    enum decision decision = (enum decision)event->decided.decision;
    struct words words;
    if (decision == DECISION_FAULT_SET_POINT)
        snprintf(text, room, _("No fault should wait for its page longer than %s."),
                 words_time(&words, event->decided.value));
    else if ((unsigned)decision < DECISION_COUNT)
        snprintf(text, room, _("Decided: %s."), _(decision_sentence(decision)));
    return (unsigned)decision < DECISION_COUNT;
}

static bool tell_limit(const struct event *event, char *text, size_t room)
{
    static const char *const sentences[LIMIT_COUNT] = {
        [LIMIT_ROUNDS] = N_("The rounds are used up, and the downtime limit is out of reach."),
        [LIMIT_TIME] = N_("The total time is used up, and the downtime limit is out of reach."),
        [LIMIT_PROGRESS] = N_("Pages are written as fast as they are copied: the downtime limit is "
                              "out of reach."),
    };
    uint64_t limit = event->limit_exceeded.limit;
    snprintf(text, room, "%s", _(sentences[limit < LIMIT_COUNT ? limit : LIMIT_ROUNDS]));
    return true;
}

static bool tell_link(const struct event *event, bool is_real, char *text, size_t room)
{
    uint64_t value = event->link_changed.value;
    struct words words;
    switch ((enum link_state)event->link_changed.state) {
    case LINK_WHOLE:
        snprintf(text, room, _("The link is whole again."));
        return true;
    case LINK_CUT:
        snprintf(text, room, _("The link is cut: what was under way on it is lost."));
        return true;
    case LINK_SLOW:
        snprintf(text, room,
                 is_real ? _("The link carries %s from now on.")
                         : _("The link has become slow: it carries %s."),
                 words_bandwidth(&words, value, is_real));
        return true;
    case LINK_DELAYED:
        snprintf(text, room, _("The link has become long: what it carries arrives %s later."),
                 words_time(&words, value));
        return true;
    case LINK_CORRUPTING:
        snprintf(text, room,
                 _("The link corrupts: one byte in %s arrives changed. What does not fit its "
                   "checksum is not installed."),
                 words_size(&words, value));
        return true;
    case LINK_STATE_COUNT:
        break;
    }
    return false;
}

static bool tell_phase(const struct event *event, char *text, size_t room)
{
    if (event->phase_changed.phase == PHASE_LINK_LOST)
        snprintf(text, room,
                 _("The connection is lost. The guest needs pages of both hosts: the move waits "
                   "for a new connection."));
    else if (event->phase_changed.phase == PHASE_RECOVER)
        snprintf(text, room,
                 _("A new connection: host B tells which pages it has, and only what is missing "
                   "will travel."));
    else
        return false;
    return true;
}

/* The consistent cut: barriers, the cache, the disk. */
static bool tell_cut(const struct event *event, char *text, size_t room)
{
    struct words a, b;
    if (event->kind == EVENT_BARRIER_SENT)
        snprintf(text, room, _("Barrier %llu follows %s that were flushed: the hart waits for it."),
                 (unsigned long long)event->barrier_sent.barrier_idx,
                 words_counted(&a, event->barrier_sent.pages, "page"));
    else if (event->kind == EVENT_BARRIER_ACKNOWLEDGED)
        snprintf(text, room,
                 _("Barrier %llu is acknowledged after %s: its pages are at host B, and the hart "
                   "goes on."),
                 (unsigned long long)event->barrier_acknowledged.barrier_idx,
                 words_time(&a, event->barrier_acknowledged.wait_ns));
    else if (event->kind == EVENT_CACHE_WRITTEN_BACK)
        snprintf(text, room, _("The cut writes %s of the cache back: %s more are dirty."),
                 words_counted(&a, event->cache_written_back.lines, "line"),
                 words_counted(&b, event->cache_written_back.pages, "page"));
    else if (event->kind == EVENT_DISK_WRITTEN)
        snprintf(text, room, _("The disk wrote block %llu, served at host %c."),
                 (unsigned long long)event->disk_written.block_idx,
                 letter(event->disk_written.served_at));
    else
        return false;
    return true;
}

static bool tell_packet(const struct event *event, char *text, size_t room)
{
    if (event->kind == EVENT_PACKET_FORWARDED)
        snprintf(text, room, _("Host A sends a packet of client %llu on through the tunnel."),
                 (unsigned long long)event->packet_forwarded.client_idx);
    else if (event->kind == EVENT_PACKET_DROPPED)
        snprintf(text, room,
                 _("A packet of client %llu came to host %c, where the guest is not: it is lost."),
                 (unsigned long long)event->packet_dropped.client_idx,
                 letter(event->packet_dropped.host));
    else
        return false;
    return true;
}

/* How fast the guest may run, and what is kept of it all. */
static bool tell_pace(const struct event *event, char *text, size_t room)
{
    struct words words;
    uint64_t share = event->share_set.share_permille;
    if (event->kind == EVENT_SHARE_SET && share >= 1000)
        snprintf(text, room, _("Hart %llu may run all of its time again."),
                 (unsigned long long)event->share_set.hart_idx);
    else if (event->kind == EVENT_SHARE_SET)
        snprintf(text, room, _("Hart %llu is slowed: it may run %llu.%llu %% of its time."),
                 (unsigned long long)event->share_set.hart_idx, (unsigned long long)share / 10,
                 (unsigned long long)share % 10);
    else if (event->kind == EVENT_LOG_DRAINED)
        snprintf(text, room, _("The hardware's log is emptied, with one exit: %s."),
                 words_counted(&words, event->log_drained.entries, "page"));
    else if (event->kind == EVENT_PAGES_ENCODED)
        snprintf(text, room, _("It was counted what the forms of the last pages came to."));
    else if (event->kind == EVENT_PROGRESS_MADE)
        snprintf(text, room, _("It was noted how far the guest has come."));
    else
        return false;
    return true;
}

bool news_tell(const struct event *event, bool is_real, char *text, size_t room)
{
    struct words words;
    switch (event->kind) {
    case EVENT_DECIDED:
        return tell_decision(event, text, room);
    case EVENT_LIMIT_EXCEEDED:
        return tell_limit(event, text, room);
    case EVENT_LINK_CHANGED:
        return tell_link(event, is_real, text, room);
    case EVENT_PHASE_CHANGED:
        return tell_phase(event, text, room);
    case EVENT_HOST_CRASHED:
        snprintf(text, room, _("Host %c has crashed, and all that only it had is lost."),
                 letter(event->host_crashed.host));
        return true;
    case EVENT_TUNNEL_ENDED:
        snprintf(text, room, _("The tunnel has ended after %s: host A is not needed any more."),
                 words_counted(&words, event->tunnel_ended.packets, "packet"));
        return true;
    default:
        return tell_cut(event, text, room) || tell_packet(event, text, room) ||
               tell_pace(event, text, room);
    }
}

const struct event *news_of_now(const struct timeline *timeline)
{
    const struct turns *turns = &timeline->turns;
    const struct timeline_round *round = timeline_round(timeline);
    const struct event *turn = turns->count > 0 ? turns_at(turns, turns->count - 1) : NULL;
    if (turn == NULL)
        return NULL;
    if (timeline->trouble.is_lost)
        return turn;
    /* Through half of the round that follows it: then the round has its own sentence. */
    bool is_round = timeline->phase == PHASE_COPY && round != NULL && !round->is_paused;
    if (is_round && turn->at_ns >= round->started_ns)
        return round->has_ended || round->pages_sent * 2 < round->pages ||
                       timeline->now_ns - turn->at_ns < NEWS_NS
                   ? turn
                   : NULL;
    if (is_round && timeline->round_count > 1 &&
        round[-1].started_ns + round[-1].duration_ns <= turn->at_ns)
        return round->pages_sent * 2 < round->pages ? turn : NULL;
    return timeline->now_ns - turn->at_ns < NEWS_NS && !is_round && !timeline->is_paused ? turn
                                                                                         : NULL;
}

/* A live session tells only of what it is now; how late it is made only the move's events tell. */
static enum link_state state_of_now(const struct session *session, uint64_t *value)
{
    const struct trouble *trouble = &session->timeline.trouble;
    *value = trouble->link_value;
    if (!session->is_live)
        return trouble->link_state;
    if (session->is_link_cut)
        return LINK_CUT;
    if (session->link_bits_per_s == 0)
        return trouble->link_state == LINK_DELAYED ? LINK_DELAYED : LINK_WHOLE;
    *value = session->link_bits_per_s;
    return LINK_SLOW;
}

const char *news_link(const struct session *session, char *text, size_t room)
{
    struct words words;
    uint64_t value;
    switch (state_of_now(session, &value)) {
    case LINK_CUT:
        snprintf(text, room, "%s", _("cut"));
        return text;
    case LINK_SLOW:
        snprintf(text, room, "%s", words_bandwidth(&words, value, session->facts.is_real));
        return text;
    case LINK_DELAYED:
        snprintf(text, room, _("+%s late"), words_time(&words, value));
        return text;
    case LINK_CORRUPTING:
        snprintf(text, room, "%s", _("corrupting"));
        return text;
    case LINK_WHOLE:
    case LINK_STATE_COUNT:
        break;
    }
    return NULL;
}
