#include "labs/report.h"

#include <string.h>

#include "labs/people.h"

void report_make(struct report *report, const struct run *run, const struct oracle *oracle)
{
    const struct timeline *timeline = &run->timeline;
    uint64_t state_bytes = timeline->state_bytes;

    *report = (struct report){
        .scenario = &run->scenario,
        .timeline = timeline,
        .console = world_console(run->world),
        .oracle = *oracle,
        .outcome = timeline->outcome,
        .reason = world_reason(run->world),
        .has_post_copy = timeline->sent_by_why[WHY_FAULT] + timeline->sent_by_why[WHY_PUSHED] > 0,
        .latency = timeline_latency(timeline),
        .fault_wait = timeline_fault_wait(timeline),
        .recording_digest = recorder_digest(&run->recorder),
    };
    if (!timeline->has_ended) {
        report->outcome = OUTCOME_LOST;
        report->reason = "the run was over before the move was";
    }
    /* The state that was sent is the S of the formulas; before it is, what it would be. */
    if (state_bytes == 0)
        state_bytes = world_state_bytes(run->world);
    report->has_forecast =
        run_forecast(&run->scenario, run->scenario.mode, state_bytes, &report->forecast);
}

bool report_is_good(const struct report *report)
{
    return report->outcome == OUTCOME_COMPLETED && oracle_holds(&report->oracle) &&
           report->timeline->errors == 0;
}

uint64_t report_total_ns(const struct report *report)
{
    const struct timeline *timeline = report->timeline;
    return timeline->has_ended ? timeline->ended_ns - timeline->started_ns : 0;
}

static uint64_t ns_of(double seconds)
{
    return seconds < 9e9 ? (uint64_t)(seconds * 1e9 + 0.5) : INT64_MAX;
}

static void print_heading(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;

    fprintf(file, "%s, %s, seed %llu: %s", report->scenario->guest,
            mode_name(report->scenario->mode), (unsigned long long)report->scenario->seed,
            outcome_name(report->outcome));
    fprintf(file, "%s\n", timeline->is_limit_exceeded ? ", with the downtime limit exceeded" : "");
    if (*report->reason != '\0')
        people_wrap(file, "  ", report->reason);
}

static void print_rounds(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    const struct forecast *forecast = &report->forecast;

    if (timeline->round_count == 0)
        return;
    fprintf(file, "\n  %6s %12s %12s %12s %12s%s\n", "round", "pages", "bytes", "time", "dirtied",
            report->has_forecast ? "     forecast" : "");
    for (uint32_t i = 0; i < timeline->round_count; i++) {
        const struct timeline_round *round = &timeline->rounds[i];
        struct people people = {0};
        char name[24];
        snprintf(name, sizeof name, "%llu", (unsigned long long)round->round_idx);
        fprintf(file, "  %6s %12s %12s %12s %12s", round->is_paused ? "paused" : name,
                people_count(&people, round->pages_sent), people_bytes(&people, round->bytes_sent),
                people_time(&people, round->duration_ns),
                people_count(&people, round->dirtied_pages));
        if (report->has_forecast && i < forecast->round_count)
            fprintf(file, " %12s",
                    people_count(&people, (uint64_t)(forecast->round_pages[i] + 0.5)));
        fprintf(file, "\n");
    }
}

static void print_times(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    const struct forecast *forecast = &report->forecast;
    struct people people = {0};

    fprintf(file, "\n  %-18s%s", "total time", people_time(&people, report_total_ns(report)));
    if (report->has_forecast)
        fprintf(file, ", forecast %s", people_time(&people, ns_of(forecast->total_s)));
    fprintf(file, "\n  %-18s%s", "downtime", people_time(&people, timeline->downtime_ns));
    if (report->has_forecast)
        fprintf(file, ", forecast %s", people_time(&people, ns_of(forecast->downtime_s)));
    if (report->scenario->mode == MODE_PRE_COPY)
        fprintf(file, ", limit %s", people_time(&people, report->scenario->downtime_limit_ns));
    fprintf(file, "\n  %-18s%s, re-sent %s; %s writes trapped\n", "pages sent",
            people_count(&people, timeline->pages_sent),
            people_count(&people, timeline->pages_resent),
            people_count(&people, timeline->dirty_traps));
    fprintf(file, "  %-18s%s: framing %s, state %s\n", "bytes on the wire",
            people_bytes(&people, timeline->bytes_on_wire),
            people_bytes(&people, timeline->framing_bytes),
            people_bytes(&people, timeline->state_bytes));
    if (report->has_post_copy && timeline->has_resumed)
        fprintf(file,
                "  %-18s%s faults, wait %s (median) to %s; %s pages pushed;\n"
                "  %-18slast page %s after the guest ran on\n",
                "after the switch", people_count(&people, timeline->faults),
                people_time(&people, report->fault_wait.p50),
                people_time(&people, report->fault_wait.max),
                people_count(&people, timeline->pages_pushed), "",
                people_time(&people, timeline->ended_ns - timeline->resumed_at_ns));
}

static void print_clients(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    struct people people = {0};

    if (report->scenario->client_count == 0)
        return;
    fprintf(file,
            "  %-18s%s, %s answers, %s wrong; longest silence %s\n"
            "  %-18slatency %s (median), %s (p99), %s (longest)\n",
            "clients", people_count(&people, report->scenario->client_count),
            people_count(&people, timeline->answers), people_count(&people, timeline->errors),
            people_time(&people, timeline->longest_silence_ns), "",
            people_time(&people, report->latency.p50), people_time(&people, report->latency.p99),
            people_time(&people, report->latency.max));
}

/* The last line that the guest wrote, without what a terminal would obey. */
static void print_console(const struct report *report, FILE *file)
{
    const struct bytes *console = report->console;
    const struct timeline *timeline = report->timeline;
    size_t end = console->count, begin;

    if (timeline->has_guest_ended)
        fprintf(file, "  %-18s%s %llu\n", "guest",
                timeline->is_guest_fault ? "it cannot go on: cause" : "it ended with status",
                (unsigned long long)timeline->guest_status);
    while (end > 0 && console->data[end - 1] == '\n')
        end--;
    for (begin = end; begin > 0 && console->data[begin - 1] != '\n'; begin--)
        ;
    if (end == begin)
        return;
    fprintf(file, "  %-18s", "its last line");
    for (size_t i = begin; i < end && i < begin + 60; i++)
        fputc(console->data[i] >= ' ' && console->data[i] < 0x7f ? console->data[i] : '?', file);
    fputc('\n', file);
}

static void print_oracle(const struct report *report, FILE *file)
{
    char text[256] = "";

    for (unsigned i = 0; i < RULE_COUNT; i++) {
        size_t used = strlen(text);
        if (report->oracle.applies[i])
            snprintf(text + used, sizeof text - used, "%s%s%s", used > 0 ? ", " : "",
                     oracle_rule_key((enum oracle_rule)i),
                     report->oracle.is_broken[i] ? " BROKEN" : "");
    }
    if (oracle_holds(&report->oracle))
        strcat(text, ": held");
    people_wrap(file, "  oracle            ", text);
    if (!oracle_holds(&report->oracle))
        people_wrap(file, "                    ", report->oracle.what);
    fprintf(file, "  %-18sguest %016llx, recording %016llx\n", "digests",
            (unsigned long long)report->timeline->digest,
            (unsigned long long)report->recording_digest);
}

void report_print(const struct report *report, FILE *file)
{
    print_heading(report, file);
    print_rounds(report, file);
    print_times(report, file);
    print_clients(report, file);
    print_console(report, file);
    print_oracle(report, file);
}
