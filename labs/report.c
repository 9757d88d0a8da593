#include "labs/report.h"

#include <string.h>

#include "labs/people.h"
#include "machine/hart.h"

/* The last line that the guest wrote, without what a terminal would obey. */
static void find_last_line(const struct bytes *console, char *text, size_t text_bytes)
{
    size_t end = console->count, begin, count = 0;

    while (end > 0 && console->data[end - 1] == '\n')
        end--;
    for (begin = end; begin > 0 && console->data[begin - 1] != '\n'; begin--)
        ;
    for (; begin + count < end && count + 1 < text_bytes; count++) {
        uint8_t byte = console->data[begin + count];
        text[count] = byte >= ' ' && byte < 0x7f ? (char)byte : '?';
    }
    text[count] = '\0';
}

static void describe_guest_end(struct report *report)
{
    const struct timeline *timeline = report->timeline;
    char line[100];
    struct people people = {0};

    if (!timeline->has_guest_ended)
        return;
    *line = '\0';
    if (report->console != NULL)
        find_last_line(report->console, line, sizeof line);
    char how[64];
    if (timeline->is_guest_fault)
        snprintf(how, sizeof how, "cannot go on: %s,",
                 fault_name((enum fault)timeline->guest_status));
    else
        snprintf(how, sizeof how, "ended with status %llu",
                 (unsigned long long)timeline->guest_status);
    bool was_over = timeline->has_started && timeline->guest_ended_ns < timeline->started_ns;
    snprintf(report->guest_end, sizeof report->guest_end, "the guest %s at %s%s%s%s", how,
             people_time(&people, timeline->guest_ended_ns),
             was_over ? ", before the move began" : "", *line != '\0' ? ": " : "", line);
}

/* A move can go well that carried nothing alive: then both is said. */
static void add_what_went_wrong(struct report *report)
{
    bool is_fault = report->timeline->is_guest_fault;
    const char *route = report_broken_route(report);

    if (!is_fault && !report->is_unserved && route == NULL)
        return;
    snprintf(report->whole_reason, sizeof report->whole_reason, "%.200s%s%s%s%s%s%s",
             report->reason, *report->reason != '\0' ? "; " : "", route == NULL ? "" : route,
             route != NULL && (is_fault || report->is_unserved) ? "; " : "",
             report->is_unserved ? "no client ever got an answer" : "",
             report->is_unserved && *report->guest_end != '\0' ? ": " : "", report->guest_end);
    report->reason = report->whole_reason;
}

/* Whether clients were to talk to it, and when they began, is planned in a simulated world alone. */
static void judge_clients(struct report *report)
{
    const struct timeline *timeline = report->timeline;

    report->is_unserved = report->scenario->client_count > 0 && timeline->answers == 0;
    report->is_late = timeline->has_resumed && timeline->requests > 0 &&
                      timeline->first_request_ns >= timeline->resumed_at_ns;
}

static void take_faults(struct report *report, const uint64_t *fault_begun_ns)
{
    enum status status = fault_parse(report->scenario->fault, &report->faults, NULL);

    MUST(status == STATUS_OK); /* the run has had it */
    for (uint32_t i = 0; i < report->faults.count; i++)
        report->fault_begun_ns[i] = fault_begun_ns[i];
}

void report_make_of(struct report *report, const struct report_matter *matter)
{
    const struct timeline *timeline = matter->timeline;
    bool is_simulated = matter->oracle != NULL;

    *report = (struct report){
        .scenario = matter->scenario,
        .timeline = timeline,
        .console = matter->console,
        .way = matter->way,
        .has_oracle = is_simulated,
        .outcome = timeline->outcome,
        .reason = matter->reason,
        .has_post_copy = timeline->sent_by_why[WHY_FAULT] + timeline->sent_by_why[WHY_PUSHED] > 0,
        .latency = timeline_latency(timeline),
        .fault_wait = timeline_fault_wait(timeline),
        .recording_digest = matter->recording_digest,
    };
    if (is_simulated)
        report->oracle = *matter->oracle;
    if (!timeline->has_ended) {
        report->outcome = OUTCOME_LOST;
        report->reason = "the run was over before the move was";
    }
    if (is_simulated)
        judge_clients(report);
    if (matter->fault_begun_ns != NULL)
        take_faults(report, matter->fault_begun_ns);
    describe_guest_end(report);
    add_what_went_wrong(report);
    /* The state that was sent is the S of the formulas. Of what a real link carries there is no
     * formula. */
    report->has_forecast =
        is_simulated &&
        run_forecast(matter->scenario, matter->scenario->mode,
                     timeline->state_bytes != 0 ? timeline->state_bytes : matter->state_bytes,
                     &report->forecast);
}

void report_make(struct report *report, const struct run *run, const struct oracle *oracle)
{
    uint64_t fault_begun_ns[FAULT_PLAN_MAX];
    struct report_matter matter = {
        .scenario = &run->scenario,
        .timeline = &run->timeline,
        .reason = world_reason(run->world),
        .console = &world_console(run->world)->kept,
        .oracle = oracle,
        .fault_begun_ns = fault_begun_ns,
        .recording_digest = recorder_digest(&run->recorder),
        .state_bytes = world_state_bytes(run->world),
    };
    struct fault_plan faults;
    enum status status = fault_parse(run->scenario.fault, &faults, NULL);

    MUST(status == STATUS_OK);
    for (uint32_t i = 0; i < faults.count; i++)
        fault_begun_ns[i] = world_fault_begun_ns(run->world, i);
    report_make_of(report, &matter);
}

bool report_is_good(const struct report *report)
{
    bool is_broken = report->has_oracle && !oracle_holds(&report->oracle);

    return report->outcome == OUTCOME_COMPLETED && !is_broken && report->timeline->errors == 0 &&
           !report->timeline->is_guest_fault && !report->is_unserved;
}

const char *report_later_start(uint64_t first_request_ns, char *text, size_t text_bytes)
{
    units_format(UNIT_TIME, (first_request_ns / NS_PER_S + 1) * NS_PER_S, text, text_bytes);
    return text;
}

/* Of the pause: what its pages' headers cost at the link's bandwidth. */
uint64_t report_framing_ns(const struct report *report)
{
    const struct timeline *timeline = report->timeline;
    const struct timeline_round *round =
        timeline->round_count > 0 ? &timeline->rounds[timeline->round_count - 1] : NULL;

    if (round == NULL || !round->is_paused || timeline->pages_sent == 0 || !report->has_oracle)
        return 0;
    uint64_t header_bytes = units_mul_div_told(timeline->bytes_by_use[USE_FRAMING],
                                               round->pages_sent, timeline->pages_sent);
    return units_mul_div_told(header_bytes * 8, NS_PER_S, report->scenario->bandwidth_bits_per_s);
}

uint64_t report_total_ns(const struct report *report)
{
    const struct timeline *timeline = report->timeline;
    return timeline->has_ended ? timeline->ended_ns - timeline->started_ns : 0;
}

/* A limit is met by what is left being sent in time, as it was measured: to a hundredth. */
static bool is_out_of_time(const struct report *report)
{
    uint64_t limit_ns = report->scenario->total_time_limit_ns;

    return limit_ns != SCENARIO_NONE && report_total_ns(report) > limit_ns + limit_ns / 100;
}

bool report_exceeds_limit(const struct report *report, enum limit *limit)
{
    *limit = report->timeline->is_limit_exceeded ? report->timeline->exceeded_limit : LIMIT_TIME;
    return report->timeline->is_limit_exceeded || is_out_of_time(report);
}

static void print_heading(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    char where[80];

    snprintf(where, sizeof where, "seed %llu", (unsigned long long)report->scenario->seed);
    fprintf(file, "%s, %s, %s: %s", report->scenario->guest, mode_name(report->scenario->mode),
            report->way != NULL ? report->way : where, outcome_name(report->outcome));
    /* Only a pause exceeds the limit; what was done instead shows that it could not be met. */
    if (timeline->is_limit_exceeded && report->scenario->mode == MODE_HYBRID)
        fprintf(file, ", with the %s limit met before it was to switch",
                limit_name(timeline->exceeded_limit));
    else if (timeline->is_limit_exceeded && report->scenario->on_limit == ON_LIMIT_PAUSE)
        fprintf(file, ", with the downtime limit exceeded");
    else if (timeline->is_limit_exceeded)
        fprintf(file, "; the downtime limit was out of reach by %s",
                mode_name(report->scenario->mode));
    else if (is_out_of_time(report))
        fprintf(file, ", with the total-time limit exceeded");
    fprintf(file, "\n");
    if (*report->reason != '\0')
        people_wrap(file, "  ", report->reason);
    if (timeline->is_limit_exceeded && is_out_of_time(report))
        fprintf(file, "  the total-time limit was exceeded as well\n");
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

/* A time that is there only when something was measured. */
static const char *time_of(struct people *people, uint64_t count, uint64_t ns)
{
    return count > 0 ? people_time(people, ns) : "-";
}

/* C3: what a pause for everything takes is memory over bandwidth; what the frames add is said
 * apart. */
static void print_framing(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    struct people people = {0};
    uint64_t framing_ns = report_framing_ns(report);

    if (report->scenario->mode == MODE_STOP_AND_COPY && timeline->downtime_ns > framing_ns)
        fprintf(file, "\n  %-18sof it %s for memory and state, %s for framing", "",
                people_time(&people, timeline->downtime_ns - framing_ns),
                people_time(&people, framing_ns));
}

/* Each byte once: the parts' sum is what was on the wire. */
static void print_uses(const struct timeline *timeline, FILE *file)
{
    static const char *const names[TIMELINE_USE_COUNT] = {
#define USE_TEXT(name, key, text) text,
        TIMELINE_USES(USE_TEXT)
#undef USE_TEXT
    };
    char text[400] = "";

    for (unsigned i = 0; i < TIMELINE_USE_COUNT; i++) {
        struct people people = {0};
        size_t used = strlen(text);
        if (timeline->bytes_by_use[i] > 0)
            snprintf(text + used, sizeof text - used, "%s%s %s", used > 0 ? ", " : "", names[i],
                     people_bytes(&people, timeline->bytes_by_use[i]));
    }
    if (*text != '\0')
        people_wrap(file, "  where they went   ", text);
}

/* What a remedy took from the guest, and what the forecast beside it does not know of. */
static void print_remedies(const struct report *report, FILE *file)
{
    const struct scenario *scenario = report->scenario;
    uint32_t least = report->timeline->pace.share_least_permille;
    char text[120] = "";

    if ((scenario->auto_converge || scenario->dirty_limit != SCENARIO_NONE) && least == 1000)
        fprintf(file, "  %-18snever\n", "guest slowed");
    else if (scenario->auto_converge || scenario->dirty_limit != SCENARIO_NONE)
        fprintf(file, "  %-18sleast share %u.%u %%\n", "guest slowed", least / 10, least % 10);
    if (!report->has_forecast)
        return;
    snprintf(text, sizeof text, "is made without%s%s%s%s",
             scenario->auto_converge ? " --auto-converge" : "",
             scenario->hot_last ? " --hot-last" : "",
             scenario->skip_rewritten ? " --skip-rewritten" : "",
             scenario->trap_cost_ns > 0 ? " --trap-cost" : "");
    if (strchr(text, '-') != NULL)
        people_wrap(file, "  the forecast      ", text);
}

/* What came after the guest. */
static void print_switched(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    struct people people = {0};
    char text[300], waits[80] = "";

    if (report->fault_wait.count > 0)
        snprintf(waits, sizeof waits, ", wait %s (median) to %s",
                 people_time(&people, report->fault_wait.p50),
                 people_time(&people, report->fault_wait.max));
    int used = snprintf(text, sizeof text, "%s faults%s; %s pages pushed; ",
                        people_count(&people, timeline->faults), waits,
                        people_count(&people, timeline->pages_pushed));
    if (timeline->pages_missing > 0)
        snprintf(text + used, sizeof text - (size_t)used, "%s pages never came",
                 people_count(&people, timeline->pages_missing));
    else
        snprintf(text + used, sizeof text - (size_t)used, "last page %s after the guest ran on",
                 people_time(&people, timeline->ended_ns - timeline->resumed_at_ns));
    people_wrap(file, "  after the switch  ", text);
}

static void print_times(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    const struct forecast *forecast = &report->forecast;
    struct people people = {0};

    fprintf(file, "\n  %-18s%s", "total time", people_time(&people, report_total_ns(report)));
    if (report->has_forecast)
        fprintf(file, ", forecast %s", people_seconds(&people, forecast->total_s));
    if (report->scenario->total_time_limit_ns != SCENARIO_NONE)
        fprintf(file, ", limit %s", people_time(&people, report->scenario->total_time_limit_ns));
    fprintf(file, "\n  %-18s%s", "downtime", people_time(&people, timeline->downtime_ns));
    if (report->has_forecast)
        fprintf(file, ", forecast %s", people_seconds(&people, forecast->downtime_s));
    else if (!report->has_oracle && timeline_paused_forecast_ns(timeline) > 0)
        fprintf(file, ", forecast when it paused %s",
                people_time(&people, timeline_paused_forecast_ns(timeline)));
    print_framing(report, file);
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
    print_remedies(report, file);
    report_print_forms(report, file);
    report_print_cut(timeline, file);
    print_uses(timeline, file);
    if (report->has_post_copy && timeline->has_resumed)
        print_switched(report, file);
}

/* What stood in the guest's way after the switch, and how much it got done all the same. */
static void print_pace(const struct report *report, FILE *file)
{
    const struct pace *pace = &report->timeline->pace;
    uint64_t queue = pace_queue_permille(pace);
    uint64_t switched = pace_rate(pace, STRETCH_SWITCHED), after = pace_rate(pace, STRETCH_AFTER);
    struct people people = {0};
    char text[160];

    if (!report->has_post_copy || pace->network_faults == 0)
        return;
    fprintf(file, "  %-18s%s; %llu.%03llu waiting harts on average, %s at most\n", "asked for",
            people_count(&people, pace->network_faults), (unsigned long long)queue / 1000,
            (unsigned long long)queue % 1000, people_count(&people, pace->waiting_harts_max));
    if (pace->set_point_ns > 0)
        fprintf(file, "  %-18sset point %s, p99 %s; least share %u.%u %%\n", "fault throttle",
                people_time(&people, pace->set_point_ns),
                people_time(&people, report->fault_wait.p99), pace->share_least_permille / 10,
                pace->share_least_permille % 10);
    if (switched == 0)
        return;
    int used = snprintf(text, sizeof text, "%s instructions/s until the last page",
                        people_count(&people, switched));
    if (after > 0)
        snprintf(text + used, sizeof text - (size_t)used, ", %s after it",
                 people_count(&people, after));
    people_wrap(file, "  progress          ", text);
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
            time_of(&people, timeline->requests, timeline->longest_silence_ns), "",
            time_of(&people, report->latency.count, report->latency.p50),
            time_of(&people, report->latency.count, report->latency.p99),
            time_of(&people, report->latency.count, report->latency.max));
    if (!report->is_late)
        return;
    char start[40];
    fprintf(file, "  %-18sthey began only after the guest had moved: try --start-at %s\n", "",
            report_later_start(timeline->first_request_ns, start, sizeof start));
}

static void print_console(const struct report *report, FILE *file)
{
    char line[61];

    if (*report->guest_end != '\0') {
        people_wrap(file, "  guest             ", report->guest_end);
        return;
    }
    *line = '\0';
    if (report->console != NULL)
        find_last_line(report->console, line, sizeof line);
    if (*line != '\0')
        fprintf(file, "  %-18s%s\n", "its last line", line);
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
    if (*report->scenario->image != '\0')
        fprintf(file, "  %-18simage %s\n", "", report->scenario->image);
}

/* What a strategy chose by what it had measured, and why. */
static void print_decisions(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    struct people people = {0};
    bool is_first = true;

    for (uint64_t i = 0; i < timeline->turns.count; i++) {
        const struct event *event = turns_at(&timeline->turns, i);
        char head[40];
        if (event == NULL || event->kind != EVENT_DECIDED ||
            event->decided.decision == DECISION_FAULT_SET_POINT)
            continue;
        if (is_first)
            fprintf(file, "\n");
        uint64_t start_ns = timeline->started_ns < event->at_ns ? timeline->started_ns : 0;
        snprintf(head, sizeof head, "  %-18safter %s: ", is_first ? "decided" : "",
                 people_time(&people, event->at_ns - start_ns));
        people_wrap(file, head, decision_sentence((enum decision)event->decided.decision));
        is_first = false;
    }
}

void report_print(const struct report *report, FILE *file)
{
    print_heading(report, file);
    print_rounds(report, file);
    print_decisions(report, file);
    print_times(report, file);
    print_pace(report, file);
    print_clients(report, file);
    report_print_trouble(report, file);
    print_console(report, file);
    if (report->has_oracle)
        print_oracle(report, file);
    else
        fprintf(file, "  %-18srecording %016llx\n", "digest",
                (unsigned long long)report->recording_digest);
}
