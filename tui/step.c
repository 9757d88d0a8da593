#include "tui/step.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/status.h"
#include "tui/narrator.h"
#include "tui/news.h"
#include "tui/translate.h"
#include "tui/words.h"

#define PAGES_MAX (1u << 20) /* 4 GiB: beyond it, a step would be felt, and no page is named */

/* The pages whose state an event changed: a run, for events send, install and dirty runs. */
struct change {
    uint64_t first_idx, count;
    enum page_state source; /* the first one's, at host A, before it */
};

static uint8_t state_at(const struct timeline *timeline, uint32_t host, uint64_t page_idx)
{
    return (uint8_t)timeline_page(timeline, host, page_idx);
}

void step_begin(struct step *step, const struct timeline *timeline)
{
    uint64_t pages = timeline->total_pages;
    const struct timeline_round *round = timeline_round(timeline);
    *step = (struct step){.before = *timeline};
    if (round != NULL)
        step->round = *round;
    if (pages == 0 || pages > PAGES_MAX)
        return;
    step->states = malloc(pages * HOST_COUNT);
    MUST(step->states != NULL);
    for (uint32_t host = 0; host < HOST_COUNT; host++)
        for (uint64_t i = 0; i < pages; i++)
            step->states[host * pages + i] = state_at(timeline, host, i);
}

static struct change find_change(const struct step *step, const struct timeline *after)
{
    struct change change = {0};
    uint64_t pages = after->total_pages;
    for (uint64_t i = 0; step->states != NULL && i < pages; i++) {
        if (step->states[i] == state_at(after, HOST_SOURCE, i) &&
            step->states[pages + i] == state_at(after, HOST_TARGET, i))
            continue;
        if (change.count++ == 0) {
            change.first_idx = i;
            change.source = (enum page_state)step->states[i];
        }
    }
    return change;
}

/* "page 17", "pages 16 to 31"; `other` where it is not known. */
static void name_pages(struct change change, const char *other, char *text, size_t room)
{
    unsigned long long first = change.first_idx, last = first + change.count - 1;
    if (change.count == 0)
        snprintf(text, room, "%s", other);
    else if (change.count == 1)
        snprintf(text, room, _("page %llu"), first);
    else
        snprintf(text, room, _("pages %llu to %llu"), first, last);
}

static void tell_sent_step(const struct timeline *before, const struct timeline *after,
                           struct change change, char *text, size_t room)
{
    struct words pages, sent;
    char which[64] = "";
    if (change.count > 0)
        name_pages(change, "", which, sizeof which);
    const char *format = change.count > 0 ? N_("Host A sends %s (%s, %s); %s sent in all.")
                                          : N_("Host A sends %s%s (%s); %s sent in all.");
    for (int why = 0; why < WHY_COUNT; why++) {
        uint64_t count = after->sent_by_why[why] - before->sent_by_why[why];
        if (count > 0)
            snprintf(text, room, _(format), words_counted(&pages, count, "page"), which,
                     _(why_name((enum why)why)), words_count(&sent, after->pages_sent));
    }
}

static void tell_guest_step(const struct timeline *before, const struct timeline *after,
                            const char *pages, char *text, size_t room)
{
    struct words words;
    if (after->dirty_traps > before->dirty_traps)
        snprintf(text, room,
                 _("The guest wrote to %s for the first time since it was sent: a trap, and it "
                   "is dirty (trap %s)."),
                 pages, words_count(&words, after->dirty_traps));
    else if (after->faults > before->faults)
        snprintf(text, room,
                 _("The guest touched %s, which is still at host A: it is asked for (fault %s)."),
                 pages, words_count(&words, after->faults));
    else if (after->waiting_harts < before->waiting_harts)
        snprintf(text, room, _("The page that the guest waited for is there: it goes on."));
    else if (after->is_paused && !before->is_paused)
        snprintf(text, room, _("The guest stands still now: the downtime begins."));
    else if (!after->is_paused && before->is_paused)
        snprintf(text, room, _("The guest runs again, at host %c."),
                 after->host == HOST_SOURCE ? 'A' : 'B');
    else if (after->has_guest_ended && !before->has_guest_ended)
        snprintf(text, room, _("The guest has ended."));
}

static void tell_client_step(const struct timeline *before, const struct timeline *after,
                             char *text, size_t room)
{
    struct words words;
    if (after->errors > before->errors)
        snprintf(text, room, _("A client got a wrong answer."));
    else if (after->answers > before->answers)
        snprintf(text, room, _("A client got its answer after %s."),
                 words_time(&words, after->last_latency_ns));
    else if (after->requests > before->requests)
        snprintf(text, room, _("A client sent a request."));
}

static void tell_move_step(const struct timeline *before, const struct timeline *after, char *text,
                           size_t room)
{
    struct words words;
    if (after->has_started && !before->has_started)
        snprintf(text, room, _("The move was asked for."));
    else if (after->has_ended && !before->has_ended)
        snprintf(text, room, _("The move has ended: %s."), _(outcome_name(after->outcome)));
    else if (after->phase != before->phase)
        snprintf(text, room, _("A new phase: %s."), _(phase_name(after->phase)));
    else if (after->round_count > before->round_count)
        snprintf(text, room, _("Round %llu begins with %s to send."),
                 (unsigned long long)after->rounds[after->round_count - 1].round_idx,
                 words_counted(&words, after->rounds[after->round_count - 1].pages, "page"));
    else if (after->forecast_downtime_ns != before->forecast_downtime_ns)
        snprintf(text, room, _("If the guest paused now, the downtime would be about %s."),
                 words_time(&words, after->forecast_downtime_ns));
    else if (after->state_bytes > before->state_bytes)
        snprintf(text, room, _("The guest's registers and devices are on the link: %s."),
                 words_size(&words, after->state_bytes - before->state_bytes));
}

/* What no count tells: pages that arrive, the end of a round, messages without pages. */
static void tell_quiet_step(const struct step *step, const struct timeline *after,
                            struct change change, char *text, size_t room)
{
    const struct timeline *before = &step->before;
    const struct timeline_round *round = timeline_round(after);
    struct words words;
    char pages[64];
    name_pages(change, "", pages, sizeof pages);
    if (change.count == 1 && change.source == PAGE_IN_FLIGHT)
        snprintf(text, room, _("Page %llu arrived at host B."),
                 (unsigned long long)change.first_idx);
    else if (change.count > 0 && change.source == PAGE_IN_FLIGHT)
        snprintf(text, room, _("Pages %llu to %llu arrived at host B."),
                 (unsigned long long)change.first_idx,
                 (unsigned long long)(change.first_idx + change.count - 1));
    else if (change.count > 0)
        snprintf(text, room, _("The state of %s changed."), pages);
    else if (round != NULL && after->round_count == before->round_count && round->has_ended &&
             !step->round.has_ended)
        snprintf(text, room,
                 _("Round %llu ends: its last byte has left host A; %s dirtied meanwhile."),
                 (unsigned long long)round->round_idx,
                 words_counted(&words, round->dirtied_pages, "page"));
    else if (after->bytes_on_wire > before->bytes_on_wire)
        snprintf(text, room, _("A message without pages left host A: %s."),
                 words_counted(&words, after->bytes_on_wire - before->bytes_on_wire, "byte"));
    else if (after->has_run_ended && !before->has_run_ended)
        snprintf(text, room, _("The run has ended."));
    else if (after->has_resumed && after->phase != before->phase)
        snprintf(text, room, _("A new phase: %s."), _(phase_name(after->phase)));
    else if (after->has_started && !after->has_ended && !after->has_resumed)
        snprintf(text, room,
                 _("Housekeeping: the list of written pages was read and cleared, "
                   "or the guest printed something."));
    else if (after->has_resumed)
        snprintf(text, room,
                 _("Housekeeping: the clients' connections now lead to host B, "
                   "or the guest printed something."));
    else
        snprintf(text, room, _("The guest printed something, or a key was noted."));
}

void step_tell(struct step *step, const struct timeline *after, bool is_real, char *text,
               size_t room)
{
    const struct timeline *before = &step->before;
    struct change change = find_change(step, after);
    char what[2 * NARRATOR_MAX] = "", pages[64];
    struct words number;
    name_pages(change, _("a page"), pages, sizeof pages);
    tell_sent_step(before, after, change, what, sizeof what);
    if (what[0] == '\0')
        (void)news_tell(&after->turns.last, is_real, what, sizeof what);
    if (what[0] == '\0')
        tell_guest_step(before, after, pages, what, sizeof what);
    if (what[0] == '\0')
        tell_client_step(before, after, what, sizeof what);
    if (what[0] == '\0')
        tell_move_step(before, after, what, sizeof what);
    if (what[0] == '\0')
        tell_quiet_step(step, after, change, what, sizeof what);
    if (after->event_count == before->event_count)
        snprintf(text, room, _("The run has ended."));
    else
        snprintf(text, room, _("Event %s: %s"), words_count(&number, after->event_count), what);
    free(step->states);
    step->states = NULL;
}
