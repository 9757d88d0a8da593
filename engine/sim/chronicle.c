#include "sim/chronicle.h"

static const char *host_name(uint64_t host)
{
    return host == HOST_SOURCE ? "the source" : "the target";
}

/* Only a guest that runs writes and misses pages. (It may do so at the very instant of its pause,
 * and what is paused has a host too.) */
static void read_deed(struct chronicle *chronicle, const struct event *event, uint64_t host,
                      struct oracle *oracle)
{
    if (host != chronicle->home || chronicle->is_paused)
        oracle_break(oracle, RULE_ONE_RUNNER, event->at_ns, "%s at %s, while the guest %s at %s",
                     event_describe(event->kind)->name, host_name(host),
                     chronicle->is_paused ? "stands still" : "runs", host_name(chronicle->home));
}

static void read_resume(struct chronicle *chronicle, const struct event *event,
                        struct oracle *oracle)
{
    uint32_t host = (uint32_t)event->guest_resumed.host;

    if (!chronicle->is_paused)
        oracle_break(oracle, RULE_ONE_RUNNER, event->at_ns,
                     "the guest begins to run at %s, and runs at %s already", host_name(host),
                     host_name(chronicle->home));
    if (chronicle->has_moved && host == HOST_SOURCE)
        oracle_break(oracle, RULE_ONE_RUNNER, event->at_ns,
                     "the guest is back at the source after it ran at the target");
    chronicle->home = host;
    chronicle->is_paused = false;
    chronicle->has_moved |= host == HOST_TARGET;
}

void chronicle_read(struct chronicle *chronicle, const struct event *event, struct oracle *oracle)
{
    if (event->at_ns < chronicle->at_ns)
        oracle_break(oracle, RULE_ONE_INSTANT, event->at_ns, "%s comes before what came before it",
                     event_describe(event->kind)->name);
    chronicle->at_ns = event->at_ns;
    switch (event->kind) {
    case EVENT_PAGE_DIRTIED:
        read_deed(chronicle, event, event->page_dirtied.host, oracle);
        return;
    case EVENT_PAGE_FAULTED:
        read_deed(chronicle, event, HOST_TARGET, oracle);
        return;
    case EVENT_GUEST_PAUSED:
        read_deed(chronicle, event, event->guest_paused.host, oracle);
        chronicle->is_paused = true;
        return;
    case EVENT_GUEST_RESUMED:
        read_resume(chronicle, event, oracle);
        return;
    case EVENT_PAGES_SENT:
        if (chronicle->is_over)
            oracle_break(oracle, RULE_SAME_MEMORY, event->at_ns,
                         "page %llu is sent after the move has ended",
                         (unsigned long long)event->pages_sent.first_idx);
        return;
    case EVENT_MIGRATION_ENDED:
        /* A host may go down with a guest that has just arrived there. */
        if (chronicle->is_over && event->migration_ended.outcome != OUTCOME_LOST)
            oracle_break(oracle, RULE_ONE_RUNNER, event->at_ns, "the move ends twice");
        chronicle->is_over = true;
        return;
    case EVENT_GUEST_ENDED:
        if (chronicle->has_guest_ended || event->guest_ended.host != chronicle->home)
            oracle_break(oracle, RULE_ONE_RUNNER, event->at_ns,
                         "the guest ends at %s, where it is not, or a second time",
                         host_name(event->guest_ended.host));
        chronicle->has_guest_ended = true;
        return;
    default:
        return;
    }
}
