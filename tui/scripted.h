/* scripted: a session for the tests of this folder, made of events written down beforehand. It
 * obeys the same contract as the real ones and looks much like the demonstration, but it needs no
 * engine, and a test can make the guest as small as it likes.
 *
 * A command (start, post-copy, abort, replay) writes the script anew; what has happened stays, for
 * the script is the same up to the command's instant.
 */
#ifndef TUI_SCRIPTED_H
#define TUI_SCRIPTED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/heap.h"
#include "base/prng.h"
#include "base/units.h"
#include "record/session.h"

#define SCRIPTED_PAGE_NS    164500ull /* a page on a link of 200 Mbit/s */
#define SCRIPTED_LATENCY_NS 100000ull
#define SCRIPTED_WRITE_NS   250000ull /* 4,000 writes a second */
#define SCRIPTED_CLIENTS    4ull
#define SCRIPTED_REQUEST_NS 2000000ull
#define SCRIPTED_ANSWER_NS  400000ull
#define SCRIPTED_RUN        16ull
#define SCRIPTED_NEVER      UINT64_MAX

struct scripted {
    struct session session; /* first: a session is a scripted */
    struct event_list events;
    size_t next;
    enum mode mode;
    uint64_t start_ns, switch_ns, abort_ns, page_count, after_ns;
    uint64_t paused_ns, resumed_ns; /* of the script, SCRIPTED_NEVER: not at all */
    struct bitmap dirty;
    struct prng prng;
    uint64_t written_ns; /* writes have been written down until here */
    char verdict[160];
    bool is_broken_at_end;
    uint64_t forecast[16];
};

static inline void scripted_put(struct scripted *s, uint64_t at_ns, enum event_kind kind,
                                uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    event_append(&s->events, (struct event){.at_ns = at_ns, .kind = kind, .fields = {a, b, c, d}});
}

/* The guest's writes until an instant; at the host where it runs. */
static inline void scripted_write(struct scripted *s, uint64_t until_ns, bool is_tracked)
{
    for (; s->written_ns + SCRIPTED_WRITE_NS <= until_ns; s->written_ns += SCRIPTED_WRITE_NS) {
        uint64_t page = prng_below(&s->prng, s->page_count);
        if (bitmap_set(&s->dirty, page) && is_tracked)
            scripted_put(s, s->written_ns, EVENT_PAGE_DIRTIED, page, HOST_SOURCE, 0, 0);
    }
}

/* One round from `t`; the set is what is in `round`. Returns when its last byte has left. */
static inline uint64_t scripted_round(struct scripted *s, uint64_t t, uint64_t idx,
                                      struct bitmap *round, bool is_paused, enum why why)
{
    uint64_t pages = round->set_count, sent = 0,
             stop_ns = s->switch_ns < s->abort_ns ? s->switch_ns : s->abort_ns;
    scripted_put(s, t, EVENT_ROUND_STARTED, idx, pages, is_paused, 0);
    for (uint64_t page = bitmap_next(round, 0);
         page != BITMAP_NONE && (is_paused || t < stop_ns);) {
        uint64_t count = bitmap_run(round, page, SCRIPTED_RUN);
        scripted_put(s, t, EVENT_PAGES_SENT, page, count, why, count * 4112);
        t += count * SCRIPTED_PAGE_NS;
        if (!is_paused)
            scripted_write(s, t, true);
        scripted_put(s, t + SCRIPTED_LATENCY_NS, EVENT_PAGES_INSTALLED, page, count, why, 0);
        sent += count;
        for (uint64_t i = 0; i < count; i++)
            bitmap_clear(round, page + i);
        page = bitmap_next(round, page + count);
    }
    scripted_put(s, t, EVENT_ROUND_ENDED, idx, sent, sent * 4112,
                 is_paused ? 0 : s->dirty.set_count);
    return t;
}

static inline uint64_t scripted_hand_over(struct scripted *s, uint64_t t)
{
    scripted_put(s, t, EVENT_FRAME_SENT, 4096, 1, 0, 0);
    scripted_put(s, t, EVENT_PHASE_CHANGED, PHASE_HAND_OVER, 0, 0, 0);
    t += 4 * SCRIPTED_PAGE_NS + SCRIPTED_LATENCY_NS;
    scripted_put(s, t, EVENT_GUEST_RESUMED, HOST_TARGET, 0, 0, 0);
    scripted_put(s, t, EVENT_STREAMS_REHOMED, SCRIPTED_CLIENTS, HOST_TARGET, 0, 0);
    return s->resumed_ns = t;
}

static inline uint64_t scripted_post_copy(struct scripted *s, uint64_t t, struct bitmap *left)
{
    uint64_t faults = 0;
    scripted_put(s, t, EVENT_PHASE_CHANGED, PHASE_POST_COPY, 0, 0, 0);
    for (uint64_t page = bitmap_next(left, 0); page != BITMAP_NONE; page = bitmap_next(left, 0)) {
        uint64_t wanted = prng_below(&s->prng, s->page_count);
        bool is_fault = bitmap_has(left, wanted) && faults < 400;
        uint64_t first = is_fault ? wanted : page,
                 count = is_fault ? 1 : bitmap_run(left, page, SCRIPTED_RUN);
        enum why why = is_fault ? WHY_FAULT : WHY_PUSHED;
        if (is_fault)
            scripted_put(s, t, EVENT_PAGE_FAULTED, wanted, 0, 0, 0);
        scripted_put(s, t, EVENT_PAGES_SENT, first, count, why, count * 4112);
        uint64_t began_ns = t;
        t += count * SCRIPTED_PAGE_NS + (is_fault ? 2 * SCRIPTED_LATENCY_NS : 0);
        scripted_put(s, t, EVENT_PAGES_INSTALLED, first, count, why, 0);
        if (is_fault)
            scripted_put(s, t, EVENT_FAULT_RESOLVED, wanted, 0, t - began_ns, 0);
        faults += is_fault;
        for (uint64_t i = 0; i < count; i++)
            bitmap_clear(left, first + i);
    }
    return t;
}

/* The move; returns its end. */
static inline uint64_t scripted_move(struct scripted *s)
{
    struct bitmap round;
    uint64_t t = s->start_ns, idx = 0;
    bitmap_init(&round, s->page_count);
    bitmap_set_all(&round);
    scripted_put(s, t, EVENT_MIGRATION_STARTED, s->mode, s->page_count, 0, 0);
    scripted_put(s, t, EVENT_PHASE_CHANGED, PHASE_SETUP, 0, 0, 0);
    t += 2 * SCRIPTED_LATENCY_NS;
    s->written_ns = t;
    bitmap_clear_all(&s->dirty);
    if (s->mode == MODE_PRE_COPY || s->mode == MODE_HYBRID)
        scripted_put(s, t, EVENT_PHASE_CHANGED, PHASE_COPY, 0, 0, 0);
    while ((s->mode == MODE_PRE_COPY || (s->mode == MODE_HYBRID && idx == 0)) &&
           round.set_count > 48) {
        scripted_put(s, t, EVENT_LOG_FETCHED, round.set_count, 0, 0, 0);
        t = scripted_round(s, t, idx, &round, false, idx == 0 ? WHY_FIRST : WHY_RESENT);
        idx++;
        scripted_put(s, t, EVENT_DOWNTIME_FORECAST, s->dirty.set_count * SCRIPTED_PAGE_NS + 900000,
                     s->dirty.set_count * SCRIPTED_PAGE_NS * 2 / 3 + 900000, 0, 0);
        for (uint64_t p = bitmap_next(&s->dirty, 0); p != BITMAP_NONE;
             p = bitmap_next(&s->dirty, p + 1))
            bitmap_set(&round, p);
        bitmap_clear_all(&s->dirty);
        if (t >= s->switch_ns || t >= s->abort_ns)
            break;
    }
    if (t >= s->abort_ns) {
        scripted_put(s, t, EVENT_PHASE_CHANGED, PHASE_ABORTED, 0, 0, 0);
        scripted_put(s, t, EVENT_MIGRATION_ENDED, OUTCOME_ABORTED, 0, 0, 0);
        bitmap_fini(&round);
        return t;
    }
    bool is_post_copy = s->mode == MODE_POST_COPY || s->mode == MODE_HYBRID || t >= s->switch_ns;
    scripted_put(s, t, EVENT_PHASE_CHANGED, PHASE_PAUSE, 0, 0, 0);
    scripted_put(s, s->paused_ns = t, EVENT_GUEST_PAUSED, HOST_SOURCE, 0, 0, 0);
    scripted_put(s, t, EVENT_LOG_FETCHED, round.set_count, 0, 0, 0);
    if (!is_post_copy)
        t = scripted_round(s, t, idx, &round, true, idx == 0 ? WHY_FIRST : WHY_RESENT);
    t = scripted_hand_over(s, t);
    if (is_post_copy)
        t = scripted_post_copy(s, t, &round);
    scripted_put(s, t, EVENT_PHASE_CHANGED, PHASE_COMPLETED, 0, 0, 0);
    scripted_put(s, t, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0, 0, 0);
    bitmap_fini(&round);
    return t;
}

/* Each client asks again some time after it was answered; nobody answers during the pause. */
static inline void scripted_talk(struct scripted *s, uint64_t end_ns)
{
    for (uint64_t client = 0; client < SCRIPTED_CLIENTS; client++) {
        struct prng prng = prng_make(7, client);
        for (uint64_t t = (client + 1) * 100000; t < end_ns;) {
            uint64_t latency = SCRIPTED_ANSWER_NS + prng_below(&prng, 300000);
            if (t + latency >= s->paused_ns && t < s->resumed_ns)
                latency = s->resumed_ns + SCRIPTED_ANSWER_NS - t;
            if (t + latency >= end_ns)
                break;
            scripted_put(s, t, EVENT_REQUEST_SENT, client, 30, 0, 0);
            scripted_put(s, t + latency, EVENT_REQUEST_ANSWERED, client, latency, 0, 0);
            t += latency < SCRIPTED_REQUEST_NS ? SCRIPTED_REQUEST_NS : latency + 1000;
        }
    }
}

/* By time; what happens at the same instant stays as it was written down. */
static inline void scripted_sort(struct scripted *s)
{
    struct event_list sorted = {0};
    struct heap heap = {0};
    for (size_t i = 0; i < s->events.count; i++)
        heap_push(&heap, (struct heap_entry){.at_ns = s->events.items[i].at_ns, .what = i});
    while (heap.count > 0)
        event_append(&sorted, s->events.items[heap_pop(&heap).what]);
    heap_fini(&heap);
    event_list_fini(&s->events);
    s->events = sorted;
}

static inline void scripted_rewrite(struct scripted *s)
{
    s->events.count = 0;
    s->paused_ns = s->resumed_ns = SCRIPTED_NEVER;
    s->prng = prng_make(1, 1);
    uint64_t end_ns =
        s->start_ns == SCRIPTED_NEVER ? 60 * NS_PER_S : scripted_move(s) + s->after_ns;
    scripted_talk(s, end_ns);
    scripted_put(s, end_ns, EVENT_RUN_ENDED, 123456789, 0x1234, 0, 0);
    scripted_sort(s);
    s->next = 0;
    while (s->next < s->events.count && s->session.timeline.now_ns > 0 &&
           s->events.items[s->next].at_ns <= s->session.timeline.now_ns)
        s->next++;
}

static inline void scripted_fold(struct scripted *s)
{
    timeline_add(&s->session.timeline, &s->events.items[s->next++]);
    if (s->next < s->events.count)
        return;
    struct timeline *timeline = &s->session.timeline;
    s->session.has_ended = true;
    s->session.is_broken = s->is_broken_at_end;
    snprintf(s->verdict, sizeof s->verdict,
             "4 clients, %llu answers, 0 wrong; longest silence %llu ms; stop-and-copy would have "
             "been 2.7 s",
             (unsigned long long)timeline->answers,
             (unsigned long long)(timeline->longest_silence_ns / NS_PER_MS));
    s->session.verdict = s->verdict;
}

static inline void scripted_live(struct session *session)
{
    if (session->timeline.now_ns > session->lived_ns)
        session->lived_ns = session->timeline.now_ns;
    if (session->timeline.event_count > session->lived_events)
        session->lived_events = session->timeline.event_count;
}

static inline void scripted_advance(struct session *session, uint64_t until_ns)
{
    struct scripted *s = (struct scripted *)session;
    while (s->next < s->events.count && s->events.items[s->next].at_ns <= until_ns)
        scripted_fold(s);
    if (!session->has_ended && session->timeline.now_ns < until_ns)
        timeline_advance(&session->timeline, until_ns);
    scripted_live(session);
}

static inline bool scripted_step(struct session *session)
{
    struct scripted *s = (struct scripted *)session;
    if (s->next < s->events.count)
        scripted_fold(s);
    scripted_live(session);
    return s->next < s->events.count;
}

static inline bool scripted_can(const struct session *session, enum session_command command)
{
    const struct timeline *timeline = &session->timeline;
    bool is_copying = timeline->has_started && !timeline->has_ended && !timeline->is_paused &&
                      !timeline->has_resumed && timeline->mode != MODE_STOP_AND_COPY;
    if (command == SESSION_REPLAY)
        return true;
    if (command == SESSION_BACK)
        return timeline->event_count > 0;
    if (session_is_past(session))
        return false;
    if (command == SESSION_START)
        return !timeline->has_started;
    return is_copying;
}

static inline void scripted_begin_again(struct scripted *s)
{
    s->session.has_ended = s->session.is_broken = false;
    s->session.verdict = NULL;
    timeline_fini(&s->session.timeline);
    timeline_init(&s->session.timeline, s->page_count);
}

static inline bool scripted_act(struct session *session, enum session_command command,
                                uint64_t value)
{
    struct scripted *s = (struct scripted *)session;
    uint64_t now_ns = session->timeline.now_ns;
    if (!scripted_can(session, command))
        return false;
    if (command == SESSION_BACK) {
        uint64_t events = session->timeline.event_count;
        bool is_past = session_is_past(session);
        scripted_begin_again(s);
        s->next = 0;
        if (!is_past)
            session->lived_ns = session->lived_events = 0; /* it is undone */
        while (session->timeline.event_count + 1 < events)
            scripted_step(session);
        return true;
    }
    if (command == SESSION_START) {
        s->start_ns = now_ns + 1;
    } else if (command == SESSION_POST_COPY) {
        s->switch_ns = now_ns + 1;
    } else if (command == SESSION_ABORT) {
        s->abort_ns = now_ns + 1;
    } else {
        s->mode = session->facts.mode = (enum mode)value;
        s->switch_ns = s->abort_ns = SCRIPTED_NEVER;
        scripted_begin_again(s);
        session->lived_ns = session->lived_events = 0;
    }
    scripted_rewrite(s);
    return true;
}

static inline bool scripted_seek(struct session *session, uint64_t at_ns)
{
    struct scripted *s = (struct scripted *)session;
    scripted_begin_again(s);
    s->next = 0;
    scripted_advance(session, at_ns < session->lived_ns ? at_ns : session->lived_ns);
    return true;
}

static inline void scripted_close(struct session *session)
{
    struct scripted *s = (struct scripted *)session;
    timeline_fini(&session->timeline);
    event_list_fini(&s->events);
    bitmap_fini(&s->dirty);
    free(s);
}

/* The code of a strategy, as somebody might have handed it in. */
static inline const struct session_code *scripted_code(enum mode mode)
{
    static const char *const lines[] = {
        "#include \"student.h\"",
        "struct action next(const struct view *view, void *memo)",
        "{",
        "\t(void)memo;",
        "\tif (view->phase == PHASE_COPY)",
        "\t\treturn (struct action){.kind = ACTION_PAUSE}; /* \u505c */",
        "\treturn (struct action){.kind = ACTION_GIVE_UP};",
        "}",
    };
    static const bool is_passed[] = {0, 0, 1, 0, 1, 1, 0, 1};
    static struct session_code code = {
        .name = "stop_and_copy.c",
        .lines = lines,
        .line_count = sizeof lines / sizeof lines[0],
        .decided_at_ns = 250100000,
        .decision = "PAUSE",
        .instructions = 1234,
        .line = 6,
        .is_passed = is_passed,
        .said = "first page 7\n",
    };
    code.mode = mode;
    return &code;
}

/* A guest of `page_count` pages whose move begins at `start_ns`. */
static inline struct scripted *scripted_open(enum mode mode, uint64_t page_count, uint64_t start_ns)
{
    static const struct session_ops ops = {.advance = scripted_advance,
                                           .step = scripted_step,
                                           .can = scripted_can,
                                           .act = scripted_act,
                                           .seek = scripted_seek,
                                           .close = scripted_close};
    struct scripted *s = calloc(1, sizeof *s);
    double pages = (double)page_count;
    s->mode = mode;
    s->start_ns = start_ns;
    s->switch_ns = s->abort_ns = SCRIPTED_NEVER;
    s->page_count = page_count;
    s->after_ns = NS_PER_S;
    for (int i = 0; i < 12; i++, pages *= 0.62)
        s->forecast[i] = (uint64_t)pages;
    bitmap_init(&s->dirty, page_count);
    timeline_init(&s->session.timeline, page_count);
    s->session.ops = &ops;
    s->session.facts = (struct session_facts){
        .guest = "kv",
        .origin = "scripted",
        .mode = mode,
        .seed = 1,
        .total_pages = page_count,
        .page_bytes = 4096,
        .bandwidth_bits_per_s = 200000000,
        .latency_ns = SCRIPTED_LATENCY_NS,
        .downtime_limit_ns = 30 * NS_PER_MS,
        .client_count = SCRIPTED_CLIENTS,
        .request_rate = 500,
        .start_at_ns = start_ns,
        .forecast_total_ns = 7 * NS_PER_S,
        .forecast_downtime_ns = 17900000,
        .stop_and_copy_downtime_ns = page_count * SCRIPTED_PAGE_NS,
        .forecast_round_pages = s->forecast,
        .forecast_round_count = 12,
    };
    scripted_rewrite(s);
    return s;
}

#endif
