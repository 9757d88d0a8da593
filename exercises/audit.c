#include "exercises/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/units.h"

static const struct {
    const char *key, *sentence, *expected;
} criteria[CRITERION_COUNT] = {
#define CRITERION_ROW(criterion, key, sentence, expected) {key, sentence, expected},
    CRITERIA(CRITERION_ROW)
#undef CRITERION_ROW
};

const char *criterion_key(enum criterion criterion)
{
    return criteria[criterion].key;
}

const char *criterion_sentence(enum criterion criterion)
{
    return criteria[criterion].sentence;
}

const char *criterion_expected(enum criterion criterion)
{
    return criteria[criterion].expected;
}

bool criterion_find(const char *key, enum criterion *criterion)
{
    for (unsigned i = 0; i < CRITERION_COUNT; i++) {
        if (strcmp(criteria[i].key, key) != 0)
            continue;
        *criterion = (enum criterion)i;
        return true;
    }
    return false;
}

void audit_init(struct audit *audit, uint64_t total_pages)
{
    *audit = (struct audit){.phase = PHASE_IDLE};
    bitmap_init(&audit->to_send, total_pages);
    bitmap_init(&audit->written, total_pages);
    bitmap_set_all(&audit->to_send);
    audit->sent_ns = malloc(total_pages * sizeof *audit->sent_ns);
    audit->written_ns = malloc(total_pages * sizeof *audit->written_ns);
    MUST(audit->sent_ns != NULL && audit->written_ns != NULL);
    for (uint64_t i = 0; i < total_pages; i++)
        audit->sent_ns[i] = audit->written_ns[i] = UINT64_MAX;
}

void audit_fini(struct audit *audit)
{
    bitmap_fini(&audit->to_send);
    bitmap_fini(&audit->written);
    free(audit->sent_ns);
    free(audit->written_ns);
}

/* ---- Words ---- */

struct times {
    char first[32], second[32];
};

static const char *time_text(char text[32], uint64_t ns)
{
    units_for_people(UNIT_TIME, ns, text, 32);
    return text;
}

/* The first break of a criterion stays. */
static void break_at(struct audit *audit, enum criterion criterion, uint64_t at_ns,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
static void break_at(struct audit *audit, enum criterion criterion, uint64_t at_ns,
                     const char *format, ...)
{
    struct finding *finding = &audit->findings[criterion];
    va_list arguments;

    if (finding->is_broken)
        return;
    finding->is_broken = true;
    finding->at_ns = at_ns;
    finding->event_idx = audit->event_count;
    va_start(arguments, format);
    vsnprintf(finding->happened, sizeof finding->happened, format, arguments);
    va_end(arguments);
}

/* ---- What a page that is sent says ---- */

static void judge_sent_again(struct audit *audit, uint64_t at_ns, uint64_t page_idx)
{
    struct times times;
    uint64_t sent_ns = audit->sent_ns[page_idx], written_ns = audit->written_ns[page_idx];
    bool was_written = written_ns != UINT64_MAX && written_ns >= sent_ns;

    if (was_written)
        break_at(audit, CRITERION_ONCE, at_ns,
                 "page %llu was sent at %s, the guest wrote to it at %s, and it was sent again",
                 (unsigned long long)page_idx, time_text(times.first, sent_ns),
                 time_text(times.second, written_ns));
    else
        break_at(audit, CRITERION_ONCE, at_ns,
                 "page %llu was sent at %s and again at %s, though nothing had written to it",
                 (unsigned long long)page_idx, time_text(times.first, sent_ns),
                 time_text(times.second, at_ns));
}

static void pages_sent(struct audit *audit, const struct event *event)
{
    uint64_t first_idx = event->pages_sent.first_idx, count = event->pages_sent.count;
    char time[32];

    if (audit->phase == PHASE_COPY)
        break_at(audit, CRITERION_STILL, event->at_ns,
                 "page %llu was sent at %s, while the guest was still running",
                 (unsigned long long)first_idx, time_text(time, event->at_ns));
    for (uint64_t idx = first_idx; idx < first_idx + count; idx++) {
        if (audit->sent_ns[idx] != UINT64_MAX)
            judge_sent_again(audit, event->at_ns, idx);
        audit->sent_ns[idx] = event->at_ns;
        bitmap_clear(&audit->to_send, idx);
    }
    audit->pages_sent += count;
}

/* ---- What the hand-over leaves behind ---- */

static void judge_hand_over(struct audit *audit, uint64_t at_ns)
{
    uint64_t never = 0, old = 0, first_never = 0, first_old = 0, last_never = 0;
    uint64_t total = audit->to_send.bit_count;
    struct times times;

    for (uint64_t idx = 0; (idx = bitmap_next(&audit->to_send, idx)) != BITMAP_NONE; idx++) {
        bool was_sent = audit->sent_ns[idx] != UINT64_MAX;
        if (was_sent && old++ == 0)
            first_old = idx;
        if (!was_sent && never++ == 0)
            first_never = idx;
        if (!was_sent)
            last_never = idx;
    }
    if (never == 1)
        break_at(audit, CRITERION_WHOLE, at_ns, "page %llu%s was never sent",
                 (unsigned long long)first_never,
                 total == 1                 ? ", the only one,"
                 : first_never + 1 == total ? ", the last one,"
                                            : "");
    else if (never > 0 && never == total)
        break_at(audit, CRITERION_WHOLE, at_ns, "none of the %llu pages was sent",
                 (unsigned long long)total);
    else if (never > 0)
        break_at(audit, CRITERION_WHOLE, at_ns,
                 "%llu of %llu pages were never sent: %llu to %llu%s", (unsigned long long)never,
                 (unsigned long long)total, (unsigned long long)first_never,
                 (unsigned long long)last_never,
                 last_never - first_never + 1 == never ? "" : ", not all between");
    else if (old > 0)
        break_at(
            audit, CRITERION_WHOLE, at_ns,
            "%llu page%s the guest wrote to before the pause %s not sent again: the target has "
            "page %llu as it was sent at %s, and the guest wrote to it from %s on",
            (unsigned long long)old, old == 1 ? "" : "s", old == 1 ? "was" : "were",
            (unsigned long long)first_old, time_text(times.first, audit->sent_ns[first_old]),
            time_text(times.second, audit->written_ns[first_old]));
}

static void log_fetched(struct audit *audit)
{
    for (uint64_t idx = 0; (idx = bitmap_next(&audit->written, idx)) != BITMAP_NONE; idx++)
        bitmap_set(&audit->to_send, idx);
    bitmap_clear_all(&audit->written);
}

void audit_event(struct audit *audit, const struct event *event)
{
    switch (event->kind) {
    case EVENT_PHASE_CHANGED:
        audit->phase = (enum phase)event->phase_changed.phase;
        if (audit->phase == PHASE_HAND_OVER)
            judge_hand_over(audit, event->at_ns);
        break;
    case EVENT_PAGES_SENT:
        if (event->pages_sent.why == WHY_FIRST || event->pages_sent.why == WHY_RESENT)
            pages_sent(audit, event);
        break;
    case EVENT_PAGE_DIRTIED:
        if (event->page_dirtied.host == HOST_SOURCE) {
            bitmap_set(&audit->written, event->page_dirtied.page_idx);
            audit->written_ns[event->page_dirtied.page_idx] = event->at_ns;
        }
        break;
    case EVENT_LOG_FETCHED:
        log_fetched(audit);
        break;
    case EVENT_GUEST_RESUMED:
        audit->has_arrived |= event->guest_resumed.host == HOST_TARGET;
        break;
    case EVENT_MIGRATION_ENDED:
        if (event->migration_ended.outcome != OUTCOME_COMPLETED)
            break_at(audit, CRITERION_ARRIVES, event->at_ns, "%s", "");
        break;
    default:
        break;
    }
    audit->event_count++;
}

static void tell_endless(struct audit *audit, uint64_t now_ns)
{
    char time[32];
    bool is_paused = audit->phase == PHASE_PAUSE;

    break_at(
        audit, CRITERION_ARRIVES, now_ns,
        "it does not end: at %s the guest %s, and %llu pages have been sent, though it has %llu",
        time_text(time, now_ns), is_paused ? "stands still" : "still runs at the source",
        (unsigned long long)audit->pages_sent, (unsigned long long)audit->to_send.bit_count);
}

static void leave_open(struct audit *audit, enum criterion criterion, const char *why)
{
    struct finding *finding = &audit->findings[criterion];

    if (finding->is_broken)
        return;
    *finding = (struct finding){.is_broken = true, .is_open = true};
    snprintf(finding->happened, sizeof finding->happened, "%s", why);
}

void audit_end(struct audit *audit, uint64_t now_ns, const char *reason, bool is_endless)
{
    struct finding *arrives = &audit->findings[CRITERION_ARRIVES];

    if (is_endless)
        tell_endless(audit, now_ns);
    else if (!audit->has_arrived)
        break_at(audit, CRITERION_ARRIVES, now_ns, "%s", "");
    if (arrives->is_broken && arrives->happened[0] == '\0')
        snprintf(arrives->happened, sizeof arrives->happened, "%s", reason);
    if (!audit->has_arrived) {
        leave_open(audit, CRITERION_STILL, "the guest did not arrive");
        leave_open(audit, CRITERION_WHOLE, "the guest did not arrive");
        leave_open(audit, CRITERION_ONCE, "the guest did not arrive");
    } else if (2 * audit->pages_sent + 1 < audit->to_send.bit_count) {
        leave_open(audit, CRITERION_STILL, "less than half of the pages were sent");
        leave_open(audit, CRITERION_ONCE, "less than half of the pages were sent");
    }
}
