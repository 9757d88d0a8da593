#include "labs/sweep_point.h"

#include <string.h>

#include "labs/report.h"

/* ---- Running ---- */

/* C4 and C5 as two laws of the same race, whatever the mode of the run. */
static void apply_laws(struct sweep_result *result, const struct scenario *scenario)
{
    struct forecast rounds, scan;

    result->has_laws = run_forecast(scenario, MODE_PRE_COPY, result->state_bytes, &rounds) &&
                       run_forecast(scenario, MODE_CONTINUOUS, result->state_bytes, &scan);
    result->rounds_s = result->has_laws ? rounds.total_s : 0;
    result->scan_s = result->has_laws ? scan.total_s : 0;
}

static void fill(struct sweep_result *result, const struct report *report, const struct run *run)
{
    const struct timeline *timeline = report->timeline;
    enum limit limit;

    *result = (struct sweep_result){
        .outcome = report->outcome,
        .is_good = report_is_good(report),
        .is_limit_exceeded = report_exceeds_limit(report, &limit),
        .are_rules_held = oracle_holds(&report->oracle),
        .has_forecast = report->has_forecast,
        .total_ns = report_total_ns(report),
        .downtime_ns = timeline->downtime_ns,
        .rounds = timeline->round_count,
        .pages_sent = timeline->pages_sent,
        .pages_resent = timeline->pages_resent,
        .bytes_on_wire = timeline->bytes_on_wire,
        .dirty_traps = timeline->dirty_traps,
        .faults = timeline->faults,
        .fault_wait_p99_ns = report->fault_wait.p99,
        .latency_p99_ns = report->latency.p99,
        .longest_silence_ns = timeline->longest_silence_ns,
        .instructions = timeline->instructions,
        .state_bytes =
            timeline->state_bytes > 0 ? timeline->state_bytes : world_state_bytes(run->world),
        .forecast = report->forecast,
    };
    snprintf(result->reason, sizeof result->reason, "%s",
             oracle_holds(&report->oracle) ? report->reason : report->oracle.what);
    apply_laws(result, report->scenario);
}

bool sweep_point_run(struct sweep_point *point, const struct image *image)
{
    struct problem problem = {STATUS_OK, ""};
    struct run run;
    struct report report;

    if (run_open(&run, &point->scenario, image->data, image->bytes, false, &problem) != STATUS_OK) {
        fprintf(stderr, "ferry sweep: %s\n", problem.text);
        return false;
    }
    run_to_end(&run);
    recorder_finish(&run.recorder);
    report_make(&report, &run, world_oracle(run.world));
    fill(&point->result, &report, &run);
    json_t *object = report_json(&report);
    bool is_written = fwrite(&point->result, sizeof point->result, 1, point->file) == 1 &&
                      json_dumpf(object, point->file, 0) == 0 && fflush(point->file) == 0;
    json_decref(object);
    run_close(&run);
    return is_written;
}

bool sweep_point_read(struct sweep_point *point)
{
    rewind(point->file);
    if (fread(&point->result, sizeof point->result, 1, point->file) == 1)
        point->run = json_loadf(point->file, 0, NULL);
    fclose(point->file);
    point->file = NULL;
    return point->run != NULL;
}

void sweep_point_fini(struct sweep_point *point)
{
    if (point->file != NULL)
        fclose(point->file);
    json_decref(point->run);
    scenario_fini(&point->scenario);
}

/* ---- A row for other programs ---- */

void sweep_point_csv_head(FILE *file)
{
    fprintf(file, "outcome,limit_exceeded,rules_held,total_time_ns,forecast_total_time_ns,"
                  "c4_total_time_ns,c5_total_time_ns,downtime_ns,forecast_downtime_ns,rounds,"
                  "pages_sent,pages_resent,bytes_on_wire,dirty_traps,faults,fault_wait_p99_ns,"
                  "latency_p99_ns,longest_silence_ns,instructions\n");
}

static void put_seconds(FILE *file, bool is_known, double seconds)
{
    if (is_known && seconds < 9e9)
        fprintf(file, ",%llu", (unsigned long long)(seconds * 1e9 + 0.5));
    else
        fputc(',', file); /* an empty cell: there is none */
}

static void put_number(FILE *file, uint64_t number)
{
    fprintf(file, ",%llu", (unsigned long long)number);
}

void sweep_point_csv(const struct sweep_point *point, FILE *file)
{
    const struct sweep_result *result = &point->result;

    fprintf(file, "%s,%d,%d", outcome_name(result->outcome), result->is_limit_exceeded,
            result->are_rules_held);
    put_number(file, result->total_ns);
    put_seconds(file, result->has_forecast, result->forecast.total_s);
    put_seconds(file, result->has_laws, result->rounds_s);
    put_seconds(file, result->has_laws, result->scan_s);
    put_number(file, result->downtime_ns);
    put_seconds(file, result->has_forecast, result->forecast.downtime_s);
    put_number(file, result->rounds);
    put_number(file, result->pages_sent);
    put_number(file, result->pages_resent);
    put_number(file, result->bytes_on_wire);
    put_number(file, result->dirty_traps);
    put_number(file, result->faults);
    put_number(file, result->fault_wait_p99_ns);
    put_number(file, result->latency_p99_ns);
    put_number(file, result->longest_silence_ns);
    put_number(file, result->instructions);
    fputc('\n', file);
}

/* ---- What can be drawn ---- */

#define OF_RESULT(name, expression)                       \
    static double name(const struct sweep_result *result) \
    {                                                     \
        return (double)(expression);                      \
    }
OF_RESULT(total_of, result->total_ns)
OF_RESULT(downtime_of, result->downtime_ns)
OF_RESULT(rounds_of, result->rounds)
OF_RESULT(sent_of, result->pages_sent)
OF_RESULT(bytes_of, result->bytes_on_wire)
OF_RESULT(faults_of, result->faults)
OF_RESULT(wait_of, result->fault_wait_p99_ns)
OF_RESULT(latency_of, result->latency_p99_ns)
OF_RESULT(silence_of, result->longest_silence_ns)
#undef OF_RESULT

static double forecast_total(const struct forecast *forecast)
{
    return forecast->total_s * 1e9;
}

static double forecast_downtime(const struct forecast *forecast)
{
    return forecast->downtime_s * 1e9;
}

static double forecast_rounds(const struct forecast *forecast)
{
    return forecast->round_count;
}

static double forecast_sent(const struct forecast *forecast)
{
    double pages = forecast->left_pages;
    for (uint32_t i = 0; i < forecast->round_count; i++)
        pages += forecast->round_pages[i];
    return pages;
}

static uint64_t whole(double y)
{
    return y < 0 ? 0 : y < 9e18 ? (uint64_t)(y + 0.5) : INT64_MAX;
}

static const char *time_text(struct people *people, double y)
{
    return people_time(people, whole(y));
}

static const char *count_text(struct people *people, double y)
{
    return people_count(people, whole(y));
}

static const char *bytes_text(struct people *people, double y)
{
    return people_bytes(people, whole(y));
}

static const struct sweep_quantity quantities[] = {
    {"total-time", "total time", total_of, forecast_total, time_text},
    {"downtime", "downtime", downtime_of, forecast_downtime, time_text},
    {"rounds", "rounds", rounds_of, forecast_rounds, count_text},
    {"pages-sent", "pages sent", sent_of, forecast_sent, count_text},
    {"bytes", "bytes on the wire", bytes_of, NULL, bytes_text},
    {"faults", "faults", faults_of, NULL, count_text},
    {"fault-wait", "fault wait, p99", wait_of, NULL, time_text},
    {"latency", "latency of the clients, p99", latency_of, NULL, time_text},
    {"silence", "longest silence", silence_of, NULL, time_text},
};
#define QUANTITY_COUNT (sizeof quantities / sizeof *quantities)

const struct sweep_quantity *sweep_quantity_find(const char *name)
{
    for (size_t i = 0; i < QUANTITY_COUNT; i++)
        if (strcmp(quantities[i].name, name) == 0)
            return &quantities[i];
    return NULL;
}

const char *sweep_quantity_names(void)
{
    return "total-time, downtime, rounds, pages-sent, bytes, faults, fault-wait, latency, silence";
}
