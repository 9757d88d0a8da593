/* ferry forecast: what a move will come to, before it is made: theory, and where theory knows
 * nothing of the guest's writes, measured first. The guest is not moved. */
#include <stdio.h>
#include <string.h>

#include "labs/people.h"
#include "labs/remedy.h"
#include "labs/report.h"
#include "labs/setting.h"
#include "machine/hypercall.h"
#include "sim/dirty_rate.h"
#include "scenario/guest_build.h"

struct forecasts {
    struct forecast of[MODE_COUNT];
    bool is_measured; /* `rate` holds */
    struct dirty_rate rate;
    uint64_t state_bytes;
    struct remedy remedies[REMEDY_MAX]; /* of pre-copy, where it does not converge */
    uint32_t remedy_count;
    uint64_t shrink_permille;
};

/* The state's size, which is asked of a guest that has not begun. */
static enum status ask_state(const struct scenario *scenario, const struct image *image,
                             struct forecasts *forecasts, struct problem *problem)
{
    struct world *world;
    enum status status = world_open(scenario, image->data, image->bytes, &world, problem);

    if (status != STATUS_OK)
        return status;
    forecasts->state_bytes = world_state_bytes(world);
    world_close(world);
    return STATUS_OK;
}

static enum status make_forecasts(const struct options *options, const struct image *image,
                                  struct forecasts *forecasts, struct problem *problem)
{
    const struct scenario *scenario = &options->scenario;
    struct dirty_law writes;
    enum status status;

    *forecasts = (struct forecasts){0};
    forecasts->is_measured = options->is_measure || !guest_build_writes(scenario, &writes);
    if (forecasts->is_measured) {
        status = dirty_rate_measure(scenario, image->data, image->bytes, &forecasts->rate, problem);
        forecasts->state_bytes = forecasts->rate.state_bytes;
    } else {
        status = ask_state(scenario, image, forecasts, problem);
    }
    if (status != STATUS_OK)
        return status;
    const struct dirty_rate *measured = forecasts->is_measured ? &forecasts->rate : NULL;
    struct remedy_case of = {scenario, measured, forecasts->state_bytes};
    for (unsigned i = 0; i < MODE_COUNT; i++) {
        bool is_known = run_forecast_of(scenario, measured, (enum mode)i, forecasts->state_bytes,
                                        &forecasts->of[i]);
        MUST(is_known);
    }
    if (!forecasts->of[MODE_PRE_COPY].is_converging)
        forecasts->remedy_count =
            remedies_find(&of, MODE_PRE_COPY, forecasts->remedies, &forecasts->shrink_permille);
    return STATUS_OK;
}

/* ---- What was measured ---- */

static void print_measured(const struct scenario *scenario, const struct dirty_rate *rate)
{
    struct people people = {0};
    uint64_t total = scenario->memory_bytes / PAGE_BYTES;
    char sampled[40];

    printf("Measured now, unmoved, in virtual time, from %s of its life on",
           people_time(&people, rate->from_ns));
    if (scenario->client_count > 0)
        printf(", with its %s clients", people_count(&people, scenario->client_count));
    snprintf(sampled, sizeof sampled, "by %s sampled pages",
             people_count(&people, rate->sampled_pages));
    printf(":\n\n  %10s%38s%30s\n  %10s%26s%12s%18s%12s\n", "", "by the dirty log", sampled,
           "within", "pages written", "a second", "pages changed", "a second");
    for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i += 2) {
        struct people row = {0};
        double changed =
            dirty_rate_by_sample(rate, i, total) * (double)rate->levels[i].interval_ns / 1e9;
        printf("  %10s%26s%12s%18s%12s\n", people_time(&row, rate->levels[i].interval_ns),
               people_count(&row, (uint64_t)(dirty_rate_pages(rate, i) + 0.5)),
               people_count(&row, (uint64_t)(dirty_rate_by_log(rate, i) + 0.5)),
               people_count(&row, (uint64_t)(changed + 0.5)),
               people_count(&row, (uint64_t)(dirty_rate_by_sample(rate, i, total) + 0.5)));
    }
    if (rate->free_pages > 0)
        printf("\n  %s pages it has given away: they are not sent\n",
               people_count(&people, rate->free_pages));
    if (rate->has_ended)
        printf("\n  the guest ended at %s: after that nothing is written\n",
               people_time(&people, rate->ended_ns));
    printf("\n");
}

/* ---- The table: 80 columns ---- */

typedef const char *cell_text(struct people *people, const struct forecast *forecast, uint32_t idx);

/* "stop-and-copy" is the longest of all that stands in a cell. */
static int column_width(unsigned idx)
{
    return idx == 0 ? 14 : 12;
}

static void print_row(const char *name, const struct forecasts *forecasts, cell_text *cell,
                      uint32_t idx)
{
    struct people people = {0};

    printf("%-18s", name);
    for (unsigned i = 0; i < MODES_COMPARED; i++)
        printf("%*s", column_width(i), cell(&people, &forecasts->of[i], idx));
    printf("\n");
}

static const char *total_cell(struct people *people, const struct forecast *forecast, uint32_t idx)
{
    (void)idx;
    return people_seconds(people, forecast->total_s);
}

static const char *downtime_cell(struct people *people, const struct forecast *forecast,
                                 uint32_t idx)
{
    (void)idx;
    return people_seconds(people, forecast->downtime_s);
}

static const char *round_cell(struct people *people, const struct forecast *forecast, uint32_t idx)
{
    if (idx + forecast->has_paused >= forecast->round_count)
        return "-";
    return people_count(people, (uint64_t)(forecast->round_pages[idx] + 0.5));
}

static const char *paused_cell(struct people *people, const struct forecast *forecast, uint32_t idx)
{
    (void)idx;
    if (!forecast->has_paused)
        return "-";
    return people_count(people, (uint64_t)(forecast->round_pages[forecast->round_count - 1] + 0.5));
}

static const char *left_cell(struct people *people, const struct forecast *forecast, uint32_t idx)
{
    (void)idx;
    return forecast->left_pages > 0 ? people_count(people, (uint64_t)(forecast->left_pages + 0.5))
                                    : "-";
}

static const char *wait_cell(struct people *people, const struct forecast *forecast, uint32_t idx)
{
    (void)idx;
    return forecast->left_pages > 0 ? people_seconds(people, forecast->fault_wait_s) : "-";
}

static const char *rate_cell(struct people *people, const struct forecast *forecast, uint32_t idx)
{
    (void)idx;
    return forecast->left_pages > 0 ? people_count(people, (uint64_t)(forecast->fault_rate + 0.5))
                                    : "-";
}

#define ROUNDS_SHOWN 9 /* and the last one: between them little changes */

static void print_table(const struct forecasts *forecasts)
{
    uint32_t round_count = 0;

    printf("%-18s", "");
    for (unsigned i = 0; i < MODES_COMPARED; i++) {
        const struct forecast *forecast = &forecasts->of[i];
        uint32_t count = forecast->round_count - forecast->has_paused;
        printf("%*s", column_width(i), mode_name((enum mode)i));
        if (count > round_count)
            round_count = count;
    }
    printf("\n");
    print_row("total time", forecasts, total_cell, 0);
    print_row("downtime", forecasts, downtime_cell, 0);
    for (uint32_t i = 0; i < round_count; i++) {
        char name[32];
        if (i == ROUNDS_SHOWN && i + 1 < round_count) {
            printf("  ...\n");
            i = round_count - 1;
        }
        snprintf(name, sizeof name, "pages in round %u", i);
        print_row(name, forecasts, round_cell, i);
    }
    print_row("pages, paused", forecasts, paused_cell, 0);
    print_row("pages after it", forecasts, left_cell, 0);
    print_row("a fault waits >=", forecasts, wait_cell, 0);
    print_row("faults a second <=", forecasts, rate_cell, 0);
    printf("\n");
}

/* ---- What it means ---- */

static const char *end_words(enum forecast_end end)
{
    switch (end) {
    case FORECAST_CONVERGES:
        return "";
    case FORECAST_ROUNDS:
        return "before its rounds are used up";
    case FORECAST_TIME:
        return "before its time is used up";
    case FORECAST_PROGRESS:
        return "at all: it gets nowhere";
    }
    return "";
}

/* Fewer are none: the rounds go on shrinking, if slowly. */
#define SETTLED_PAGES 100

static void print_verdict(const struct scenario *scenario, const struct forecasts *forecasts,
                          enum mode mode)
{
    const struct forecast *forecast = &forecasts->of[mode];
    struct people people = {0};
    char head[40], text[400];
    double part = forecast->plateau_pages / (double)(scenario->memory_bytes / PAGE_BYTES);

    snprintf(head, sizeof head, "%-15s", mode_name(mode));
    if (forecast->is_converging)
        snprintf(text, sizeof text, "meets its downtime limit of %s",
                 people_time(&people, scenario->downtime_limit_ns));
    else if (mode == MODE_PRE_COPY && forecast->end == FORECAST_ROUNDS &&
             forecast->plateau_pages >= SETTLED_PAGES)
        snprintf(text, sizeof text,
                 "does not meet its downtime limit of %s within %llu rounds. They settle at %s "
                 "pages, %.1f %% of memory: while those are copied, as many are written (C7)",
                 people_time(&people, scenario->downtime_limit_ns),
                 (unsigned long long)scenario->max_rounds,
                 people_count(&people, (uint64_t)(forecast->plateau_pages + 0.5)), part * 100);
    else
        snprintf(text, sizeof text, "does not meet its downtime limit of %s %s",
                 people_time(&people, scenario->downtime_limit_ns), end_words(forecast->end));
    people_wrap(stdout, head, text);
}

static void print_remedies(const struct forecasts *forecasts)
{
    if (forecasts->remedy_count == 0)
        return;
    printf("\nWhat would help pre-copy, and what it would come to:\n\n  %-32s%12s%12s\n", "",
           "total time", "downtime");
    for (uint32_t i = 0; i < forecasts->remedy_count; i++) {
        const struct remedy *remedy = &forecasts->remedies[i];
        struct people people = {0};
        printf("  %-32s%12s%12s\n", remedy->option,
               remedy->is_open ? "?" : people_seconds(&people, remedy->forecast.total_s),
               remedy->is_open ? "?" : people_seconds(&people, remedy->forecast.downtime_s));
        if (*remedy->remark != '\0')
            printf("      %s\n", remedy->remark);
    }
    if (forecasts->shrink_permille > 0)
        printf("  --compress auto\n      if it brings pages to %llu %% of their size: how far "
               "shows when they travel\n",
               (unsigned long long)forecasts->shrink_permille / 10);
}

static void print_forecasts(const struct scenario *scenario, const struct forecasts *forecasts)
{
    struct people people = {0};

    printf("%s: %s pages at %s, state %s\n\n", scenario->guest,
           people_count(&people, scenario->memory_bytes / PAGE_BYTES),
           people_rate(&people, (uint64_t)(forecasts->of[MODE_STOP_AND_COPY].page_rate + 0.5)),
           people_bytes(&people, forecasts->state_bytes));
    if (forecasts->is_measured)
        print_measured(scenario, &forecasts->rate);
    print_table(forecasts);
    print_verdict(scenario, forecasts, MODE_PRE_COPY);
    print_verdict(scenario, forecasts, MODE_CONTINUOUS);
    if (scenario->compress != COMPRESS_NONE)
        people_wrap(stdout, "compression    ",
                    "how far pages shrink shows when they travel: all of this is without it");
    if (scenario->auto_converge)
        people_wrap(stdout, "auto-converge  ",
                    "by how much it slows the guest depends on the rounds: all of this is "
                    "without it");
    print_remedies(forecasts);
}

/* ---- JSON ---- */

static json_t *number(double value)
{
    return json_integer((json_int_t)(value + 0.5));
}

static json_t *rate_json(const struct scenario *scenario, const struct dirty_rate *rate)
{
    uint64_t total = scenario->memory_bytes / PAGE_BYTES;
    json_t *levels = json_array();

    for (uint32_t i = 0; i < DIRTY_RATE_LEVELS; i++)
        json_array_append_new(levels,
                              json_pack("{s:I, s:I, s:o, s:o, s:o}", "interval_ns",
                                        (json_int_t)rate->levels[i].interval_ns, "windows",
                                        (json_int_t)rate->levels[i].windows, "dirtied_pages",
                                        json_real(dirty_rate_pages(rate, i)), "by_log_pages_per_s",
                                        number(dirty_rate_by_log(rate, i)), "by_sample_pages_per_s",
                                        number(dirty_rate_by_sample(rate, i, total))));
    return json_pack("{s:I, s:I, s:I, s:o, s:o}", "from_ns", (json_int_t)rate->from_ns,
                     "sampled_pages", (json_int_t)rate->sampled_pages, "free_pages",
                     (json_int_t)rate->free_pages, "guest_ended_ns",
                     rate->has_ended ? json_integer((json_int_t)rate->ended_ns) : json_null(),
                     "intervals", levels);
}

static json_t *forecasts_json(const struct scenario *scenario, const struct forecasts *forecasts)
{
    json_t *object = json_object(), *modes = json_object(), *remedies = json_array();

    json_object_set_new(object, "schema", json_string("ferry.forecast/1"));
    json_object_set_new(object, "options", report_options_json(scenario));
    json_object_set_new(object, "memory_pages",
                        json_integer((json_int_t)(scenario->memory_bytes / PAGE_BYTES)));
    json_object_set_new(object, "state_bytes", json_integer((json_int_t)forecasts->state_bytes));
    json_object_set_new(object, "dirty_rate",
                        forecasts->is_measured ? rate_json(scenario, &forecasts->rate)
                                               : json_null());
    for (unsigned i = 0; i < MODE_COUNT; i++)
        json_object_set_new(modes, mode_name((enum mode)i),
                            report_forecast_json(&forecasts->of[i]));
    json_object_set_new(object, "modes", modes);
    for (uint32_t i = 0; i < forecasts->remedy_count; i++)
        json_array_append_new(
            remedies, json_pack("{s:s, s:o}", "option", forecasts->remedies[i].option, "forecast",
                                forecasts->remedies[i].is_open
                                    ? json_null()
                                    : report_forecast_json(&forecasts->remedies[i].forecast)));
    json_object_set_new(object, "remedies", remedies);
    return object;
}

static int forecast(struct setting *setting)
{
    const struct options *options = &setting->options;
    struct output *json = &setting->json;
    struct problem problem = {STATUS_OK, ""};
    struct forecasts forecasts;

    if (make_forecasts(options, &setting->image, &forecasts, &problem) != STATUS_OK)
        return command_refuse(setting->command, &problem);
    if (!options->is_quiet && json->file != stdout)
        print_forecasts(&options->scenario, &forecasts);
    if (json->file == NULL)
        return EXIT_DONE;
    report_write(forecasts_json(&options->scenario, &forecasts), json->file);
    if (output_finish(json, &problem) != STATUS_OK)
        return command_refuse(setting->command, &problem);
    return EXIT_DONE;
}

int command_forecast(const struct command *command, int word_count, char **words)
{
    struct setting setting;
    int status = setting_open(&setting, command, word_count, words);

    if (status == SETTING_READY)
        status = forecast(&setting);
    setting_close(&setting);
    return status;
}
