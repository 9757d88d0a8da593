/* ferry forecast: theory only. The guest is booted to see how large its state is, and not run. */
#include <stdio.h>
#include <string.h>

#include "labs/people.h"
#include "labs/report.h"
#include "labs/setting.h"
#include "machine/hypercall.h"

struct forecasts {
    struct forecast of[MODES_COMPARED];
    bool is_known[MODES_COMPARED];
    uint64_t state_bytes;
};

static enum status make_forecasts(const struct scenario *scenario, const struct image *image,
                                  struct forecasts *forecasts, struct problem *problem)
{
    struct world *world;
    enum status status = world_open(scenario, image->data, image->bytes, &world, problem);

    if (status != STATUS_OK)
        return status;
    forecasts->state_bytes = world_state_bytes(world);
    world_close(world);
    for (unsigned i = 0; i < MODES_COMPARED; i++)
        forecasts->is_known[i] =
            run_forecast(scenario, (enum mode)i, forecasts->state_bytes, &forecasts->of[i]);
    return STATUS_OK;
}

static void print_row(const char *name, const struct forecasts *forecasts,
                      const char *(*cell)(struct people *people, const struct forecast *forecast,
                                          uint32_t round_idx),
                      uint32_t round_idx)
{
    struct people people = {0};

    printf("%-19s", name);
    for (unsigned i = 0; i < MODES_COMPARED; i++)
        printf("%15s",
               forecasts->is_known[i] ? cell(&people, &forecasts->of[i], round_idx) : "no formula");
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
    if (idx >= forecast->round_count)
        return "-";
    return people_count(people, (uint64_t)(forecast->round_pages[idx] + 0.5));
}

static void print_forecasts(const struct scenario *scenario, const struct forecasts *forecasts)
{
    struct people people = {0};
    uint32_t round_count = 0;

    printf("%s: %s pages at %s, state %s\n\n", scenario->guest,
           people_count(&people, scenario->memory_bytes / PAGE_BYTES),
           people_rate(&people, (uint64_t)(forecasts->of[MODE_STOP_AND_COPY].page_rate + 0.5)),
           people_bytes(&people, forecasts->state_bytes));
    printf("%-19s", "");
    for (unsigned i = 0; i < MODES_COMPARED; i++) {
        printf("%15s", mode_name((enum mode)i));
        if (forecasts->is_known[i] && forecasts->of[i].round_count > round_count)
            round_count = forecasts->of[i].round_count;
    }
    printf("\n");
    print_row("total time", forecasts, total_cell, 0);
    print_row("downtime", forecasts, downtime_cell, 0);
    for (uint32_t i = 0; i < round_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "pages in round %u", i);
        print_row(name, forecasts, round_cell, i);
    }
    if (forecasts->is_known[MODE_PRE_COPY])
        printf("\npre-copy %s its downtime limit of %s within %llu rounds\n",
               forecasts->of[MODE_PRE_COPY].is_converging ? "meets" : "does not meet",
               people_time(&people, scenario->downtime_limit_ns),
               (unsigned long long)scenario->max_rounds);
}

static json_t *forecasts_json(const struct scenario *scenario, const struct forecasts *forecasts)
{
    json_t *object = json_object();
    json_t *modes = json_object();

    json_object_set_new(object, "schema", json_string("ferry.forecast/1"));
    json_object_set_new(object, "options", report_options_json(scenario));
    json_object_set_new(object, "memory_pages",
                        json_integer((json_int_t)(scenario->memory_bytes / PAGE_BYTES)));
    json_object_set_new(object, "state_bytes", json_integer((json_int_t)forecasts->state_bytes));
    for (unsigned i = 0; i < MODES_COMPARED; i++)
        json_object_set_new(modes, mode_name((enum mode)i),
                            forecasts->is_known[i] ? report_forecast_json(&forecasts->of[i])
                                                   : json_null());
    json_object_set_new(object, "modes", modes);
    return object;
}

static int forecast(struct setting *setting)
{
    const struct options *options = &setting->options;
    struct output *json = &setting->json;
    struct problem problem = {STATUS_OK, ""};
    struct forecasts forecasts;

    if (make_forecasts(&options->scenario, &setting->image, &forecasts, &problem) != STATUS_OK)
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
