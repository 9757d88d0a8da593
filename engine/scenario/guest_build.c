#include "scenario/guest_build.h"

#include <stdio.h>
#include <string.h>

#include "machine/machine.h"
#include "machine/model.h"

static void put_argument(struct bytes *arguments, const char *text)
{
    bytes_put(arguments, text, strlen(text) + 1);
}

static void put_number(struct bytes *arguments, const char *name, uint64_t number)
{
    char text[24];
    put_argument(arguments, name);
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    put_argument(arguments, text);
}

/* What the guest is told: its name, what the scenario's options say in the guest's own words, and
 * then the user's arguments; each ended by a NUL. */
static void build_arguments(const struct scenario *scenario, struct bytes *arguments)
{
    static const char *const patterns[] = {"uniform", "sequential", "hot-cold", "zipf"};
    const char *slash = strrchr(scenario->guest, '/');
    bool is_memwalk = strcmp(scenario->guest, "memwalk") == 0;

    put_argument(arguments, slash == NULL ? scenario->guest : slash + 1);
    if (is_memwalk) {
        if (scenario->dirty_rate != SCENARIO_NONE)
            put_number(arguments, "--dirty-rate", scenario->dirty_rate);
        if (scenario->working_set_bytes != SCENARIO_NONE)
            put_number(arguments, "--working-set", scenario->working_set_bytes);
        put_argument(arguments, "--pattern");
        put_argument(arguments, patterns[scenario->pattern]);
    }
    if (is_memwalk || strcmp(scenario->guest, "sort") == 0)
        put_number(arguments, "--seed", scenario->seed);
    bytes_put(arguments, scenario->arguments.data, scenario->arguments.count);
}

static struct model_config model_config_of(const struct scenario *scenario)
{
    uint64_t total_pages = scenario->memory_bytes / PAGE_BYTES;
    return (struct model_config){
        .pattern = scenario_model_pattern(scenario),
        .total_pages = total_pages,
        .working_set_pages = scenario->working_set_bytes == SCENARIO_NONE
                                 ? total_pages
                                 : scenario->working_set_bytes / PAGE_BYTES,
        .write_rate = scenario->dirty_rate == SCENARIO_NONE ? 0 : scenario->dirty_rate,
        .seed = scenario->seed,
    };
}

static struct machine_config machine_config_of(const struct scenario *scenario,
                                               const struct bytes *arguments)
{
    return (struct machine_config){
        .memory_bytes = scenario->memory_bytes,
        .cpu_rate = scenario->cpu_rate,
        .hart_count = (uint32_t)scenario->hart_count,
        .arguments = (const char *)arguments->data,
        .argument_bytes = (uint32_t)arguments->count,
        .has_cache = scenario->cache != 0,
    };
}

/* A recording, or whoever writes a scenario, may name the one image that it is about. */
static enum status check_digest(const struct scenario *scenario, const uint8_t *image,
                                size_t image_bytes, struct problem *problem)
{
    char digest[17];

    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)digest_of(image, image_bytes));
    if (*scenario->image == '\0' || strcmp(scenario->image, digest) == 0)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_INPUT,
                       "image: %.80s is another one here: its digest is %s, and not %s",
                       scenario->guest, digest, scenario->image);
}

enum status guest_build(const struct scenario *scenario, const uint8_t *image, size_t image_bytes,
                        struct guest **guest, struct problem *problem)
{
    if (scenario_is_model(scenario)) {
        struct model_config config = model_config_of(scenario);
        *guest = model_open(&config);
        return STATUS_OK;
    }
    if (check_digest(scenario, image, image_bytes, problem) != STATUS_OK)
        return STATUS_BAD_INPUT;
    struct bytes arguments = {0};
    build_arguments(scenario, &arguments);
    if (arguments.count > MACHINE_ARGS_MAX) {
        bytes_fini(&arguments);
        return problem_set(problem, STATUS_USAGE, "the guest's arguments are longer than %d bytes",
                           MACHINE_ARGS_MAX);
    }
    struct machine_config config = machine_config_of(scenario, &arguments);
    enum status status = machine_open(&config, scenario->guest, image, image_bytes, guest, problem);
    bytes_fini(&arguments);
    return status;
}

struct guest *guest_build_empty(const struct scenario *scenario)
{
    if (scenario_is_model(scenario)) {
        struct model_config config = model_config_of(scenario);
        return model_open_empty(&config);
    }
    struct bytes arguments = {0};
    build_arguments(scenario, &arguments);
    struct machine_config config = machine_config_of(scenario, &arguments);
    struct guest *guest = machine_open_empty(&config);
    bytes_fini(&arguments);
    return guest;
}

/* Pages that are written in every round, however short: stack, heap head and buffers. Counted in
 * the recordings of runs with 1 to 16 clients, as the pages dirtied in each of the last 20 rounds.
 */
#define KV_HOT_PAGES      7
#define MEMWALK_HOT_PAGES 1

/* kv with preloaded keys: half of the clients' requests write one of its pages, each as likely. */
static bool preloaded_writes(const struct scenario *scenario, struct dirty_law *writes)
{
    const char *arguments = (const char *)scenario->arguments.data;
    uint64_t preload_bytes;

    for (size_t at = 0; at < scenario->arguments.count; at += strlen(arguments + at) + 1) {
        size_t next = at + strlen(arguments + at) + 1;
        if (strcmp(arguments + at, "--preload") != 0 || next >= scenario->arguments.count ||
            units_parse(UNIT_SIZE, arguments + next, &preload_bytes, NULL) != STATUS_OK)
            continue;
        writes->write_rate = (double)(scenario->client_count * scenario->request_rate) / 2;
        writes->working_set_pages = (double)(preload_bytes / PAGE_BYTES);
        writes->hot_pages = KV_HOT_PAGES;
        return true;
    }
    return false;
}

/* By which law the dirtied pages grow; false for those that have none. */
static bool law_of(const struct scenario *scenario, enum forecast_law *law)
{
    static const enum forecast_law of_guest[] = {
        [PATTERN_UNIFORM] = LAW_EVENLY,
        [PATTERN_SEQUENTIAL] = LAW_IN_ORDER,
        [PATTERN_HOT_COLD] = LAW_HOT_COLD,
        [PATTERN_ZIPF] = LAW_ZIPF,
    };

    if (!scenario_is_model(scenario)) {
        *law = of_guest[scenario->pattern];
        return strcmp(scenario->guest, "memwalk") == 0;
    }
    switch (scenario_model_pattern(scenario)) {
    case WRITES_SEQUENTIAL:
        *law = LAW_IN_ORDER;
        return true;
    case WRITES_HOT_COLD:
        *law = LAW_HOT_COLD;
        return true;
    case WRITES_ZIPF:
        *law = LAW_ZIPF;
        return true;
    case WRITES_IDLE:
    case WRITES_UNIFORM:
        *law = LAW_EVENLY;
        return true;
    case WRITES_PHASES: /* it depends on what the phase is when */
    case WRITES_PATTERN_COUNT:
        break;
    }
    return false;
}

bool guest_build_writes(const struct scenario *scenario, struct dirty_law *writes)
{
    *writes = (struct dirty_law){.total_pages = (double)(scenario->memory_bytes / PAGE_BYTES)};
    if (strcmp(scenario->guest, "kv") == 0 && scenario->client_count > 0)
        return preloaded_writes(scenario, writes);
    if (!law_of(scenario, &writes->law))
        return false;
    writes->write_rate = scenario->dirty_rate == SCENARIO_NONE ? 0 : (double)scenario->dirty_rate;
    writes->working_set_pages = scenario->working_set_bytes == SCENARIO_NONE
                                    ? writes->total_pages
                                    : (double)(scenario->working_set_bytes / PAGE_BYTES);
    writes->hot_pages = scenario_is_model(scenario) ? 0 : MEMWALK_HOT_PAGES;
    return true;
}
