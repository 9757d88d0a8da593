#include "tui/plain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/status.h"
#include "base/units.h"
#include "tui/lines.h"
#include "tui/narrator.h"
#include "tui/news.h"
#include "tui/scene.h"
#include "tui/words.h"

#define HELD_MS     100              /* a debugger holds the guest: look no more often than this */
#define LIVE_NAP_NS (20 * NS_PER_MS) /* between two looks at a world that lives by itself */
#define PIECE_NS    (10 * NS_PER_MS) /* of the world, between two looks at the timeline */

/* What has been told already. Everything is told from the timeline, in the order in which it can
 * have happened, so that it does not matter how long the pieces are. */
struct teller {
    const struct session *session;
    FILE *out;
    bool has_told_start, has_told_pause, has_told_resume, has_told_end, has_told_limit,
        has_told_guest;
    uint32_t rounds_told;
    uint64_t turns_told;
};

/* What names hosts names them as they are called. */
static void tell(const struct teller *teller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void tell(const struct teller *teller, const char *format, ...)
{
    char text[4 * NARRATOR_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    scene_name_hosts(teller->session, text);
    fputs(text, teller->out);
}

static void tell_head(const struct teller *teller)
{
    const struct session_facts *facts = &teller->session->facts;
    struct words size, pages, bandwidth, latency, clients, time;
    tell(teller, "The guest %s (%s, %s) moves from host A to host B by %s.\n", facts->guest,
         words_size(&size, facts->total_pages * facts->page_bytes),
         words_counted(&pages, facts->total_pages, "page"), mode_name(facts->mode));
    fprintf(teller->out, "The link carries %s, %s one way. ",
            facts->bandwidth_bits_per_s == 0
                ? "what it can"
                : words_bandwidth(&bandwidth, facts->bandwidth_bits_per_s, facts->is_real),
            words_time(&latency, facts->latency_ns));
    if (!facts->is_real)
        fprintf(teller->out, "Seed %llu. ", (unsigned long long)facts->seed);
    fprintf(teller->out, "%s.\n",
            facts->client_count == 0 ? "Nobody talks to the guest"
                                     : words_counted(&clients, facts->client_count, "client"));
    if (facts->forecast_downtime_ns != UINT64_MAX)
        fprintf(teller->out, "Forecast: downtime %s",
                words_time(&time, facts->forecast_downtime_ns));
    if (facts->forecast_downtime_ns != UINT64_MAX && facts->forecast_total_ns != UINT64_MAX)
        fprintf(teller->out, ", total time %s", words_time(&time, facts->forecast_total_ns));
    if (facts->forecast_downtime_ns != UINT64_MAX)
        fprintf(teller->out, ".\n");
}

/* The words that the lines use. */
static void tell_terms(const struct teller *teller)
{
    const struct session_facts *facts = &teller->session->facts;
    struct words size;
    fprintf(teller->out, "A page is %s of its memory. ", words_size(&size, facts->page_bytes));
    if (facts->mode == MODE_STOP_AND_COPY)
        fprintf(teller->out, "One round sends them all, while the guest stands still.\n");
    else if (facts->mode == MODE_POST_COPY)
        fprintf(teller->out, "The guest goes first, its pages follow.\n");
    else
        fprintf(teller->out, "A round sends a set of pages; those dirtied (written) meanwhile must "
                             "be sent again.\n");
}

static void tell_instant(const struct teller *teller, uint64_t at_ns)
{
    struct words clock;
    fprintf(teller->out, "%s: ", words_clock_fine(&clock, at_ns));
}

static void tell_round(const struct teller *teller, const struct timeline_round *round)
{
    const struct session_facts *facts = &teller->session->facts;
    struct words pages, forecast, duration, dirtied;
    tell_instant(teller, round->started_ns + round->duration_ns);
    fprintf(teller->out, "round %llu%s: %s", (unsigned long long)round->round_idx,
            round->is_paused ? ", paused" : "", words_counted(&pages, round->pages_sent, "page"));
    if (facts->forecast_round_pages != NULL && round->round_idx < facts->forecast_round_count)
        fprintf(teller->out, " (forecast %s)",
                words_count(&forecast, facts->forecast_round_pages[round->round_idx]));
    fprintf(teller->out, " in %s", words_time(&duration, round->duration_ns));
    if (!round->is_paused)
        fprintf(teller->out, ", meanwhile %s dirtied",
                words_counted(&dirtied, round->dirtied_pages, "page"));
    if (round->share_permille < 1000)
        fprintf(teller->out, "; the guest was slowed to %u.%u %% of its time",
                round->share_permille / 10, round->share_permille % 10);
    fprintf(teller->out, ".\n");
}

/* What was decided and what befell the move until an instant; of a limit,
 * has_told_limit says what became of it. */
static void tell_turns(struct teller *teller, uint64_t until_ns)
{
    const struct turns *turns = &teller->session->timeline.turns;
    char text[2 * NARRATOR_MAX];
    for (; teller->turns_told < turns->count; teller->turns_told++) {
        const struct event *turn = turns_at(turns, teller->turns_told);
        if (turn == NULL) /* more of them than are kept */
            continue;
        if (turn->at_ns > until_ns)
            return;
        if (turn->kind == EVENT_LIMIT_EXCEEDED ||
            !news_tell(turn, teller->session->facts.is_real, text, sizeof text))
            continue;
        tell_instant(teller, turn->at_ns);
        tell(teller, "%s\n", text);
    }
}

static void tell_rounds(struct teller *teller, bool is_with_paused)
{
    const struct timeline *timeline = &teller->session->timeline;
    while (teller->rounds_told < timeline->round_count) {
        const struct timeline_round *round = &timeline->rounds[teller->rounds_told];
        if (!round->has_ended || (round->is_paused && !is_with_paused))
            return;
        tell_turns(teller, round->started_ns + round->duration_ns - 1);
        tell_round(teller, round);
        teller->rounds_told++;
    }
}

static void tell_resume(const struct teller *teller)
{
    const struct session_facts *facts = &teller->session->facts;
    const struct timeline *timeline = &teller->session->timeline;
    struct words time;
    tell_instant(teller, timeline->resumed_at_ns);
    tell(teller, "the guest runs at host B. The downtime was %s",
         words_time(&time, timeline->downtime_ns));
    if (facts->forecast_downtime_ns != UINT64_MAX)
        fprintf(teller->out, " (forecast %s)", words_time(&time, facts->forecast_downtime_ns));
    fprintf(teller->out, ".\n");
}

/* What remedies and the consistent cut took from the guest. */
static void tell_costs(const struct teller *teller)
{
    const struct timeline *timeline = &teller->session->timeline;
    const struct pace *pace = &timeline->pace;
    const struct cut_counts *cut = &timeline->cut;
    struct words a, b, c;
    if (pace->share_least_permille < 1000)
        fprintf(teller->out, "Slowed: a hart was left as little as %u.%u %% of its time.\n",
                pace->share_least_permille / 10, pace->share_least_permille % 10);
    if (cut->barriers_sent > 0)
        fprintf(teller->out, "Barriers: %s, for %s; a hart waited %s at most.\n",
                words_count(&a, cut->barriers_sent),
                words_counted(&b, cut->flushed_pages, "flushed page"),
                words_time(&c, cut->barrier_wait_max_ns));
    if (cut->lines_written_back > 0)
        fprintf(teller->out, "The cut wrote %s of the cache back, and %s more were dirty.\n",
                words_counted(&a, cut->lines_written_back, "line"),
                words_counted(&b, cut->pages_written_back, "page"));
}

static void tell_end(const struct teller *teller)
{
    const struct timeline *timeline = &teller->session->timeline;
    struct words time, p50, p99, faults, pushed, pages, again;
    struct timeline_spread wait = timeline_fault_wait(timeline);
    char failure[2 * NARRATOR_MAX];
    /* The last page may be there before the guest runs: it is complete with the later of the two.
     */
    tell_instant(teller, timeline->has_resumed && timeline->resumed_at_ns > timeline->ended_ns
                             ? timeline->resumed_at_ns
                             : timeline->ended_ns);
    if (timeline->outcome != OUTCOME_COMPLETED) {
        scene_failure(timeline, failure, sizeof failure);
        tell(teller, "%s\n", failure);
        return;
    }
    fprintf(teller->out, "the move is complete after %s: %s sent, %s of them again.\n",
            words_time(&time, timeline->ended_ns - timeline->started_ns),
            words_counted(&pages, timeline->pages_sent, "page"),
            words_count(&again, timeline->pages_resent));
    if (timeline->faults > 0 || timeline->pages_pushed > 0)
        fprintf(teller->out, "Post-copy: %s, %s pushed.\n",
                words_counted(&faults, timeline->faults, "page fault"),
                words_counted(&pushed, timeline->pages_pushed, "page"));
    tell_costs(teller);
    if (wait.count > 0)
        fprintf(
            teller->out, "Waiting for a page: half within %s, 99 of 100 within %s, longest %s.\n",
            words_time(&p50, wait.p50), words_time(&p99, wait.p99), words_time(&time, wait.max));
}

/* A move's end is told behind what ended it, and before what came after it. */
static uint64_t told_until(const struct timeline *timeline)
{
    return timeline->has_ended ? timeline->ended_ns : timeline->now_ns;
}

/* Everything that has happened since the last call. */
static void tell_news(struct teller *teller)
{
    const struct timeline *timeline = &teller->session->timeline;
    if (timeline->has_started && !teller->has_told_start) {
        teller->has_told_start = true;
        tell_instant(teller, timeline->started_ns);
        tell(teller, "the move starts.%s\n",
             timeline->mode == MODE_STOP_AND_COPY || timeline->mode == MODE_POST_COPY
                 ? ""
                 : " The guest runs on at host A.");
    }
    tell_rounds(teller, false);
    if ((timeline->is_paused || timeline->has_resumed) && !teller->has_told_pause) {
        teller->has_told_pause = true;
        tell_turns(teller, timeline->paused_at_ns);
        tell_instant(teller, timeline->paused_at_ns);
        fprintf(teller->out, "the guest is paused: the downtime begins.\n");
    }
    tell_rounds(teller, teller->has_told_pause);
    if (scene_limit(timeline) != NULL && !teller->has_told_limit) {
        teller->has_told_limit = true;
        fprintf(teller->out, "%s\n", scene_limit(timeline));
    }
    if (timeline->has_resumed && !teller->has_told_resume) {
        teller->has_told_resume = true;
        tell_turns(teller, timeline->resumed_at_ns - 1);
        tell_resume(teller);
        if (scene_leaves_pages(timeline))
            fprintf(teller->out, "Its missing pages follow: those that it touches first.\n");
    }
    tell_turns(teller, told_until(timeline));
    if (timeline->has_ended && !teller->has_told_end) {
        teller->has_told_end = true;
        tell_end(teller);
    }
    tell_turns(teller, timeline->now_ns);
    if (timeline->has_guest_ended && !teller->has_told_guest) {
        teller->has_told_guest = true;
        fprintf(teller->out,
                timeline->is_guest_fault ? "The guest faulted (cause %llu).\n"
                                         : "The guest ended by itself with status %llu.\n",
                (unsigned long long)timeline->guest_status);
    }
}

static void tell_clients(const struct teller *teller)
{
    const struct timeline *timeline = &teller->session->timeline;
    struct timeline_spread latency = timeline_latency(timeline);
    struct words answers, errors, p50, p99, max, silence;
    if (timeline->requests == 0)
        return;
    fprintf(teller->out,
            "Clients: %s, %s wrong; latency half within %s, 99 of 100 within %s, longest %s; "
            "longest silence %s.\n",
            words_counted(&answers, timeline->answers, "answer"),
            words_count(&errors, timeline->errors), words_time(&p50, latency.p50),
            words_time(&p99, latency.p99), words_time(&max, latency.max),
            words_time(&silence, timeline->longest_silence_ns));
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LIVE_NAP_NS}, NULL);
}

/* A live world is told of up to now. */
static void live_on(struct session *session)
{
    if (!session->is_live) {
        session->ops->advance(session, session->timeline.now_ns + PIECE_NS);
        return;
    }
    nap();
    session_listen(session);
    session->ops->advance(session, session->world_ns);
}

/* What there is to tell of is not known before the first move begins. */
static void await_move(struct session *session)
{
    while (session->is_live && !session->has_ended && session->run_count < 2) {
        session_listen(session);
        nap();
    }
}

/* What was told since the last call. */
static void show(const struct teller *teller, char *const *told, FILE *out)
{
    if (ftello(teller->out) == 0)
        return;
    fputc('\0', teller->out); /* what was there before may be longer */
    fflush(teller->out);
    lines_put(out, *told);
    fflush(out);
    rewind(teller->out);
}

static void play_lines(struct session *session, FILE *out)
{
    char *told = NULL;
    size_t told_bytes = 0;
    struct teller teller = {.session = session, .out = open_memstream(&told, &told_bytes)};
    MUST(teller.out != NULL);
    await_move(session);
    tell_head(&teller);
    tell_terms(&teller);
    while (!session->has_ended) {
        session_attend(session, HELD_MS);
        live_on(session);
        tell_news(&teller);
        show(&teller, &told, out);
    }
    tell_clients(&teller);
    if (session->verdict != NULL)
        fprintf(teller.out, "%s\n", session->verdict);
    show(&teller, &told, out);
    fclose(teller.out);
    free(told);
}

void plain_tell_code(const struct session_code *code, FILE *out)
{
    struct words time, count;

    if (code->decided_at_ns == UINT64_MAX) {
        fprintf(out, "%s has not been asked yet.\n", code->name);
        return;
    }
    fprintf(out, "At %s %s decided: %s (%s instructions).\n",
            words_clock_fine(&time, code->decided_at_ns), code->name, code->decision,
            words_count(&count, code->instructions));
    for (uint32_t i = 0; i < code->line_count; i++)
        if (code->is_passed[i] || i + 1 == code->line)
            fprintf(out, "%s line %u: %s\n", i + 1 == code->line ? "decided in" : "by way of",
                    i + 1, code->lines[i] + strspn(code->lines[i], " \t"));
    if (code->said[0] != '\0')
        fprintf(out, "It said:\n%s", code->said);
}

int plain_play(struct session *session, FILE *out)
{
    play_lines(session, out);
    return session->is_broken || ferror(out) ? 1 : 0;
}
