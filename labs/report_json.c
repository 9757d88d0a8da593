#include <string.h>

#include "labs/report.h"
#include "machine/hypercall.h"

static void set_u64(json_t *object, const char *key, uint64_t value)
{
    /* JSON's integers are signed here; all of ours are far below. */
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* What nobody can see of real hosts is null. */
static void set_simulated(json_t *object, const char *key, const struct report *report,
                          uint64_t value)
{
    json_object_set_new(object, key,
                        report->has_oracle ? json_integer((json_int_t)value) : json_null());
}

static void set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

static void set_text(json_t *object, const char *key, const char *text)
{
    /* A path need not be UTF-8; JSON must be. */
    json_t *value = json_string(text);
    json_object_set_new(object, key, value != NULL ? value : json_string("?"));
}

static void set_digest(json_t *object, const char *key, uint64_t digest)
{
    char text[20];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)digest);
    set_text(object, key, text);
}

static json_t *spread_json(const struct timeline_spread *spread)
{
    const char *const keys[] = {"p50", "p99", "max"};
    const uint64_t values[] = {spread->p50, spread->p99, spread->max};
    json_t *object = json_object();

    for (unsigned i = 0; i < 3; i++)
        json_object_set_new(object, keys[i],
                            spread->count > 0 ? json_integer((json_int_t)values[i]) : json_null());
    return object;
}

json_t *report_options_json(const struct scenario *scenario)
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        const struct scenario_option *option = scenario_option(i);
        char text[4 * 4096];
        uint64_t number;
        if (option->is_number && !scenario_number(scenario, i, &number)) {
            json_object_set_new(object, option->key, json_null());
        } else if (option->is_number && option->kind == UNIT_COUNT) {
            set_u64(object, option->key, number);
        } else {
            scenario_get(scenario, i, text, sizeof text);
            set_text(object, option->key, text);
        }
    }
    return object;
}

/* What was decided, when and why; the last ones, where they are many. */
static json_t *decisions_json(const struct timeline *timeline)
{
    json_t *array = json_array();

    for (uint64_t i = 0; i < timeline->turns.count; i++) {
        const struct event *event = turns_at(&timeline->turns, i);
        if (event == NULL || event->kind != EVENT_DECIDED)
            continue;
        json_t *object = json_object();
        set_u64(object, "at_ns", event->at_ns);
        set_text(object, "why", decision_sentence((enum decision)event->decided.decision));
        set_u64(object, "value", event->decided.value);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *rounds_json(const struct timeline *timeline)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < timeline->round_count; i++) {
        const struct timeline_round *round = &timeline->rounds[i];
        json_t *object = json_object();
        set_u64(object, "index", round->round_idx);
        set_u64(object, "pages_sent", round->pages_sent);
        set_u64(object, "bytes_sent", round->bytes_sent);
        set_u64(object, "duration_ns", round->duration_ns);
        set_u64(object, "dirtied_pages", round->dirtied_pages);
        set_bool(object, "paused", round->is_paused);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *postcopy_json(const struct report *report)
{
    const struct timeline *timeline = report->timeline;
    const struct pace *pace = &timeline->pace;
    json_t *object = json_object();

    set_u64(object, "faults", timeline->faults);
    set_u64(object, "network_faults", pace->network_faults);
    json_object_set_new(object, "fault_wait_ns", spread_json(&report->fault_wait));
    set_u64(object, "queue_max", pace->waiting_harts_max);
    set_u64(object, "queue_mean_permille", pace_queue_permille(pace));
    json_object_set_new(object, "set_point_ns",
                        pace->set_point_ns > 0 ? json_integer((json_int_t)pace->set_point_ns)
                                               : json_null());
    set_u64(object, "pages_pushed", timeline->pages_pushed);
    json_object_set_new(
        object, "resume_to_last_page_ns",
        report->has_post_copy && timeline->has_resumed && timeline->has_ended
            ? json_integer((json_int_t)(timeline->ended_ns - timeline->resumed_at_ns))
            : json_null());
    return object;
}

/* Instructions per second of each part of the run; null where none were counted. */
static json_t *pace_json(const struct pace *pace)
{
    static const char *const names[STRETCH_COUNT] = {
#define STRETCH_NAME(name, text) text,
        STRETCH_LIST(STRETCH_NAME)
#undef STRETCH_NAME
    };
    json_t *object = json_object();

    for (unsigned i = 0; i < STRETCH_COUNT; i++) {
        uint64_t rate = pace_rate(pace, (enum stretch)i);
        json_object_set_new(object, names[i],
                            rate > 0 ? json_integer((json_int_t)rate) : json_null());
    }
    return object;
}

static json_t *clients_json(const struct report *report)
{
    json_t *object = json_object();

    set_u64(object, "requests", report->timeline->requests);
    set_u64(object, "answers", report->timeline->answers);
    set_u64(object, "errors", report->timeline->errors);
    json_object_set_new(object, "latency_ns", spread_json(&report->latency));
    set_u64(object, "longest_silence_ns", report->timeline->longest_silence_ns);
    return object;
}

static void set_ns_of(json_t *object, const char *key, double seconds)
{
    json_object_set_new(
        object, key, seconds < 9e9 ? json_integer((json_int_t)(seconds * 1e9 + 0.5)) : json_null());
}

json_t *report_forecast_json(const struct forecast *forecast)
{
    json_t *object = json_object();
    json_t *rounds = json_array();

    set_u64(object, "page_rate_pages_per_s", (uint64_t)(forecast->page_rate + 0.5));
    set_ns_of(object, "total_time_ns", forecast->total_s);
    set_ns_of(object, "downtime_ns", forecast->downtime_s);
    set_bool(object, "limit_exceeded", !forecast->is_converging);
    set_u64(object, "plateau_pages", (uint64_t)(forecast->plateau_pages + 0.5));
    set_u64(object, "left_pages", (uint64_t)(forecast->left_pages + 0.5));
    set_ns_of(object, "fault_wait_ns", forecast->fault_wait_s);
    set_u64(object, "faults_per_s", (uint64_t)(forecast->fault_rate + 0.5));
    for (uint32_t i = 0; i < forecast->round_count; i++) {
        json_t *round = json_object();
        set_u64(round, "index", i);
        set_u64(round, "pages_sent", (uint64_t)(forecast->round_pages[i] + 0.5));
        set_ns_of(round, "duration_ns", forecast->round_s[i]);
        json_array_append_new(rounds, round);
    }
    json_object_set_new(object, "rounds", rounds);
    return object;
}

static json_t *oracle_json(const struct oracle *oracle)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < RULE_COUNT; i++)
        if (oracle->applies[i])
            set_bool(object, oracle_rule_key((enum oracle_rule)i), !oracle->is_broken[i]);
    return object;
}

static json_t *uses_json(const struct timeline *timeline)
{
    static const char *const keys[TIMELINE_USE_COUNT] = {
#define USE_KEY(name, key, text) key,
        TIMELINE_USES(USE_KEY)
#undef USE_KEY
    };
    json_t *object = json_object();

    for (unsigned i = 0; i < TIMELINE_USE_COUNT; i++)
        set_u64(object, keys[i], timeline->bytes_by_use[i]);
    return object;
}

/* What the pages were sent for, in whatever form they travelled: the other dimension. */
static json_t *whys_json(const struct timeline *timeline)
{
    json_t *object = json_object();

    set_u64(object, "first_copies", timeline->bytes_by_why[WHY_FIRST]);
    set_u64(object, "re_sent", timeline->bytes_by_why[WHY_RESENT]);
    set_u64(object, "faults", timeline->bytes_by_why[WHY_FAULT]);
    set_u64(object, "pushed", timeline->bytes_by_why[WHY_PUSHED]);
    return object;
}

static void set_counts(json_t *object, const struct timeline *timeline)
{
    set_u64(object, "pages_sent", timeline->pages_sent);
    set_u64(object, "pages_resent", timeline->pages_resent);
    set_u64(object, "pages_zero", timeline->pages_by_form[PAGE_FORM_ZERO]);
    set_u64(object, "bytes_on_wire", timeline->bytes_on_wire);
    set_u64(object, "framing_bytes", timeline->framing_bytes);
    set_u64(object, "state_bytes", timeline->state_bytes);
    set_u64(object, "dirty_traps", timeline->dirty_traps);
    set_u64(object, "log_drains", timeline->pace.log_drains);
    set_u64(object, "share_least_permille", timeline->pace.share_least_permille);
    json_object_set_new(object, "bytes_by_use", uses_json(timeline));
    json_object_set_new(object, "bytes_by_why", whys_json(timeline));
}

json_t *report_json(const struct report *report)
{
    const struct timeline *timeline = report->timeline;
    const struct scenario *scenario = report->scenario;
    json_t *object = json_object();

    set_text(object, "schema", "ferry.run/1");
    json_object_set_new(object, "options", report_options_json(scenario));
    set_text(object, "guest", scenario->guest);
    set_text(object, "mode", mode_name(scenario->mode));
    set_simulated(object, "seed", report, scenario->seed);
    json_object_set_new(object, "outcome",
                        report->outcome == OUTCOME_COUNT
                            ? json_null()
                            : json_string(outcome_name(report->outcome)));
    set_text(object, "reason", report->reason);
    enum limit limit;
    bool is_exceeded = report_exceeds_limit(report, &limit);
    set_bool(object, "limit_exceeded", is_exceeded);
    if (is_exceeded)
        set_text(object, "limit", limit_name(limit));
    else
        json_object_set_new(object, "limit", json_null());
    set_u64(object, "memory_pages", timeline->total_pages);
    set_u64(object, "page_bytes", PAGE_BYTES);
    set_simulated(object, "instructions", report, timeline->instructions);
    set_u64(object, "total_time_ns", report_total_ns(report));
    set_u64(object, "downtime_ns", timeline->downtime_ns);
    set_simulated(object, "downtime_framing_ns", report, report_framing_ns(report));
    json_object_set_new(object, "decisions", decisions_json(timeline));
    json_object_set_new(object, "rounds", rounds_json(timeline));
    set_counts(object, timeline);
    json_object_set_new(object, "compression", report_forms_json(timeline));
    json_object_set_new(object, "cut", report_cut_json(timeline));
    json_object_set_new(object, "postcopy", postcopy_json(report));
    json_object_set_new(object, "instructions_per_s", pace_json(&timeline->pace));
    json_object_set_new(object, "clients", clients_json(report));
    json_object_set_new(object, "connections", report_connections_json(report));
    json_object_set_new(object, "failures", report_failures_json(report));
    json_object_set_new(object, "forecast",
                        report->has_forecast ? report_forecast_json(&report->forecast)
                                             : json_null());
    json_object_set_new(object, "oracle",
                        report->has_oracle ? oracle_json(&report->oracle) : json_null());
    if (report->has_oracle)
        set_digest(object, "digest", timeline->digest);
    else
        json_object_set_new(object, "digest", json_null());
    set_digest(object, "recording_digest", report->recording_digest);
    return object;
}

void report_write(json_t *object, FILE *file)
{
    bool is_written = json_dumpf(object, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF;
    MUST(is_written || ferror(file) != 0);
    json_decref(object);
}

enum status report_finish(const struct report *report, const struct bytes *recording,
                          struct output *json, struct output *record, struct problem *problem)
{
    enum status status;

    if (record->file != NULL)
        fwrite(recording->data, 1, recording->count, record->file);
    if (json->file != NULL)
        report_write(report_json(report), json->file);
    status = output_finish(record, problem);
    return status == STATUS_OK ? output_finish(json, problem) : status;
}
