/* Guest, move and link: in a simulated world all of a run is asked for at once, between real hosts
 * each when its time comes. And a scenario's text, read back, as it comes from one process to
 * another. */
#include <string.h>

#include "scenario/scenario_private.h"

enum scenario_part scenario_part(uint32_t idx)
{
    switch (idx) {
    case OPTION_GUEST:
    case OPTION_ARGS:
    case OPTION_IMAGE:
    case OPTION_memory_bytes:
    case OPTION_hart_count:
    case OPTION_cpu_rate:
    case OPTION_dirty_rate:
    case OPTION_working_set_bytes:
    case OPTION_pattern:
    case OPTION_cache:
    case OPTION_disk_at:
        return PART_GUEST;
    case OPTION_bandwidth_bits_per_s:
    case OPTION_latency_ns:
        return PART_LINK;
    case OPTION_start_at_ns:
    case OPTION_run_for_ns:
    case OPTION_seed:
    case OPTION_FAULT:
    case OPTION_client_count:
    case OPTION_request_rate:
    case OPTION_trap_cost_ns:
    case OPTION_dirty_tracking:
        return PART_WORLD;
    default:
        return PART_MOVE;
    }
}

const char *scenario_part_objection(uint32_t idx, enum scenario_part part)
{
    enum scenario_part own = scenario_part(idx);

    if (own == part)
        return NULL;
    switch (own) {
    case PART_GUEST:
        return "it is chosen when the guest is started, by ferry live or ferry host";
    case PART_LINK:
        return "it is the link's: write ferry link";
    case PART_MOVE:
        return "it is chosen when the guest is moved, by ferry migrate";
    default:
        return "real hosts have no such thing: it is for ferry run";
    }
}

enum status scenario_read_text(struct scenario *scenario, const char *text, struct problem *problem)
{
    char key[64], value[16384];

    for (unsigned line = 1; *text != '\0'; line++) {
        size_t count = strcspn(text, "\n");
        const char *equals = strstr(text, " = ");
        struct problem detail = {STATUS_OK, ""};
        if (equals == NULL || equals > text + count || (size_t)(equals - text) >= sizeof key ||
            (size_t)(text + count - equals) >= sizeof value)
            return problem_set(problem, STATUS_USAGE, "line %u is not `key = value`", line);
        memcpy(key, text, (size_t)(equals - text));
        key[equals - text] = '\0';
        memcpy(value, equals + 3, (size_t)(text + count - equals - 3));
        value[text + count - equals - 3] = '\0';
        if (strcmp(key, "hosts") != 0 && scenario_set(scenario, key, value, &detail) != STATUS_OK)
            return problem_set(problem, STATUS_USAGE, "line %u: %s", line, detail.text);
        text += count;
        text += *text == '\n';
    }
    return STATUS_OK;
}
