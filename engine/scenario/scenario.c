#include "scenario/scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/nearest.h"
#include "machine/machine.h"
#include "machine/model.h"
#include "scenario/fault.h"
#include "scenario/scenario_private.h"

static const struct scenario_option options[OPTION_COUNT] = {
    [OPTION_GUEST] = {"guest", "kv", "what is moved: a name, FILE.elf, model:PATTERN", NULL,
                      UNIT_COUNT, false},
    [OPTION_MODE] = {"mode", "pre-copy", "how it is moved",
                     "stop-and-copy|pre-copy|continuous|post-copy|hybrid|auto", UNIT_COUNT, false},
#define NUMBER_DESCRIPTION(key, field, kind, text, help) \
    [OPTION_##field] = {key, text, help, NULL, kind, true},
    SCENARIO_NUMBERS(NUMBER_DESCRIPTION)
#undef NUMBER_DESCRIPTION
#define CHOICE_DESCRIPTION(key, field, type, words, text, help) \
    [OPTION_##field] = {key, text, help, words, UNIT_COUNT, false},
        SCENARIO_CHOICES(CHOICE_DESCRIPTION)
#undef CHOICE_DESCRIPTION
            [OPTION_FAULT] = {"fault", "none", "what goes wrong: KIND@WHEN[+DURATION][:VALUE], ...",
                              NULL, UNIT_COUNT, false},
    [OPTION_ARGS] = {"args", "", "the guest's own (on a command line: all after --)", NULL,
                     UNIT_COUNT, false},
    [OPTION_IMAGE] = {"image", "none", "digest that the guest must have (ferry guest info)", NULL,
                      UNIT_COUNT, false},
};

/* What a number may be. The upper ends keep sums and products of times far from 64 bits and a
 * mistyped unit from making a run of a year; they are no limits that anybody should meet. */
#define HOUR_NS (3600 * NS_PER_S)
static const struct range {
    uint64_t least, most;
} ranges[OPTION_COUNT] = {
    [OPTION_memory_bytes] =
        {0, /* what is least, the guest decides: check_memory */ MODEL_PAGES_MAX *PAGE_BYTES},
    [OPTION_hart_count] = {1, HART_MAX},
    [OPTION_cpu_rate] = {1000, 10000000000ull},
    [OPTION_trap_cost_ns] = {0, NS_PER_S},
    [OPTION_bandwidth_bits_per_s] = {1000, 10000000000000ull},
    [OPTION_latency_ns] = {0, 10 * NS_PER_S},
    [OPTION_dirty_rate] = {1, 100000000},
    [OPTION_working_set_bytes] = {PAGE_BYTES, MODEL_PAGES_MAX *PAGE_BYTES},
    [OPTION_start_at_ns] = {0, HOUR_NS},
    [OPTION_run_for_ns] = {0, HOUR_NS},
    [OPTION_downtime_limit_ns] = {0, HOUR_NS},
    [OPTION_max_rounds] = {1, 100},
    [OPTION_total_time_limit_ns] = {0, HOUR_NS},
    [OPTION_bandwidth_limit_bits_per_s] = {1000, 10000000000000ull},
    [OPTION_switch_after] = {1, 100},
    [OPTION_switch_below_bytes] = {0, MODEL_PAGES_MAX *PAGE_BYTES},
    [OPTION_switch_deadline_ns] = {0, HOUR_NS},
    [OPTION_dirty_limit] = {1, 100000000},
    [OPTION_push_after_ns] = {0, HOUR_NS},
    [OPTION_delta_cache_bytes] = {PAGE_BYTES, 1u << 30 /* memory of ours, not of the guest's */},
    [OPTION_tunnel_for_ns] = {0, HOUR_NS},
    [OPTION_client_count] = {0, SCENARIO_CLIENTS_MAX},
    [OPTION_request_rate] = {1, 1000000},
    [OPTION_seed] = {0, INT64_MAX},
};

uint32_t scenario_option_count(void)
{
    return OPTION_COUNT;
}

const struct scenario_option *scenario_option(uint32_t idx)
{
    MUST(idx < OPTION_COUNT);
    return &options[idx];
}

static const uint64_t *number_field(const struct scenario *scenario, uint32_t idx)
{
    const uint64_t *const fields[] = {
#define FIELD_ADDRESS(key, field, kind, text, help) &scenario->field,
        SCENARIO_NUMBERS(FIELD_ADDRESS)
#undef FIELD_ADDRESS
    };
    return fields[idx - FIRST_NUMBER];
}

/* Where a choice is kept. An enumeration without negative values is an unsigned int here. */
_Static_assert(sizeof(enum mode) == sizeof(unsigned), "choices are kept alike");
static const unsigned *choice_field(const struct scenario *scenario, uint32_t idx)
{
    const unsigned *const fields[] = {
#define CHOICE_ADDRESS(key, field, type, words, text, help) (const unsigned *)&scenario->field,
        SCENARIO_CHOICES(CHOICE_ADDRESS)
#undef CHOICE_ADDRESS
    };
    return idx == OPTION_MODE ? (const unsigned *)&scenario->mode : fields[idx - FIRST_CHOICE];
}

#define MODEL_PREFIX 6 /* "model:" */

bool scenario_is_model(const struct scenario *scenario)
{
    return strncmp(scenario->guest, "model:", MODEL_PREFIX) == 0;
}

enum writes_pattern scenario_model_pattern(const struct scenario *scenario)
{
    enum writes_pattern pattern;
    MUST(scenario_is_model(scenario) &&
         writes_find_pattern(scenario->guest + MODEL_PREFIX, &pattern));
    return pattern;
}

static bool ends_with(const char *text, const char *end)
{
    size_t text_count = strlen(text);
    size_t end_count = strlen(end);
    return text_count > end_count && strcmp(text + text_count - end_count, end) == 0;
}

bool scenario_is_file(const struct scenario *scenario)
{
    return strchr(scenario->guest, '/') != NULL || ends_with(scenario->guest, ".elf");
}

static bool is_guest(const struct scenario *scenario, const char *name)
{
    return strcmp(scenario->guest, name) == 0;
}

/* ---- One option as text ---- */

static bool has_control_character(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static enum status refuse_pattern(const char *value, struct problem *problem)
{
    char names[100] = "";
    for (unsigned i = 0; i < WRITES_PATTERN_COUNT; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : "|",
                 writes_pattern_name((enum writes_pattern)i));
    }
    return problem_set(problem, STATUS_USAGE, "guest: unknown model \"%.40s\": write model:%s",
                       value, names);
}

static enum status set_guest(struct scenario *scenario, const char *value, struct problem *problem)
{
    enum writes_pattern pattern;

    if (*value == '\0')
        return problem_set(problem, STATUS_USAGE,
                           "guest: no name: write kv, ./FILE.elf or model:uniform");
    if (strlen(value) >= sizeof scenario->guest)
        return problem_set(problem, STATUS_USAGE, "guest: a path of more than %zu bytes",
                           sizeof scenario->guest - 1);
    /* A scenario file could not say it: there a semicolon begins a comment. */
    if (has_control_character(value) || strchr(value, ';') != NULL)
        return problem_set(problem, STATUS_USAGE,
                           "guest: a path without control characters and semicolons is needed");
    if (strncmp(value, "model:", MODEL_PREFIX) == 0 &&
        !writes_find_pattern(value + MODEL_PREFIX, &pattern))
        return refuse_pattern(value, problem);
    snprintf(scenario->guest, sizeof scenario->guest, "%s", value);
    return STATUS_OK;
}

/* The position of a word in "one|two|three"; -1 when it is none of them. */
static int choice_find(const char *choices, const char *word)
{
    size_t word_count = strlen(word);
    int idx = 0;

    for (const char *at = choices;; at++, idx++) {
        size_t count = strcspn(at, "|");
        if (count == word_count && strncmp(at, word, count) == 0)
            return idx;
        at += count;
        if (*at == '\0')
            return -1;
    }
}

static void choice_copy(const char *choices, unsigned idx, char *text, size_t text_bytes)
{
    for (; idx > 0; idx--)
        choices = strchr(choices, '|') + 1;
    snprintf(text, text_bytes, "%.*s", (int)strcspn(choices, "|"), choices);
}

static enum status set_choice(struct scenario *scenario, uint32_t idx, const char *value,
                              struct problem *problem)
{
    int choice = choice_find(options[idx].choices, value);

    if (choice < 0)
        return problem_set(problem, STATUS_USAGE,
                           "%s: \"%.40s\" is none of its words: write one of %s", options[idx].key,
                           value, options[idx].choices);
    *(unsigned *)choice_field(scenario, idx) = (unsigned)choice;
    return STATUS_OK;
}

static enum status set_number(struct scenario *scenario, uint32_t idx, const char *value,
                              struct problem *problem)
{
    const struct scenario_option *option = &options[idx];
    uint64_t *field = (uint64_t *)number_field(scenario, idx);
    struct problem detail = {STATUS_OK, ""};
    char bound[40];
    uint64_t number;

    /* A real link may have no limit: then a recording says so. A simulated one has: check_bandwidth.
     */
    bool may_be_none =
        strcmp(option->default_text, "none") == 0 || idx == OPTION_bandwidth_bits_per_s;
    if (strcmp(value, "none") == 0 && may_be_none) {
        *field = SCENARIO_NONE;
        return STATUS_OK;
    }
    if (units_parse(option->kind, value, &number, &detail) != STATUS_OK)
        return problem_set(problem, detail.status, "%s: %s", option->key, detail.text);
    if (number < ranges[idx].least) {
        units_format(option->kind, ranges[idx].least, bound, sizeof bound);
        return problem_set(problem, STATUS_USAGE, "%s: %.40s is too little: write at least %s",
                           option->key, value, bound);
    }
    if (number > ranges[idx].most) {
        units_format(option->kind, ranges[idx].most, bound, sizeof bound);
        return problem_set(problem, STATUS_USAGE, "%s: %.40s is too much: write at most %s",
                           option->key, value, bound);
    }
    /* units_format writes whole kIPS, and what a recording says must be what was run. */
    if (option->kind == UNIT_CPU_RATE && number % 1000 != 0)
        return problem_set(problem, STATUS_USAGE,
                           "%s: %.40s is no whole number of kIPS: write a rate such as 100MIPS",
                           option->key, value);
    *field = number;
    return STATUS_OK;
}

/* ---- The guest's own arguments: words between blanks; a backslash makes the character behind it
 * an ordinary one, and so do quotation marks, single or double, for all between them. ---- */

static enum status set_args(struct scenario *scenario, const char *value, struct problem *problem)
{
    bool is_in_word = false;
    char quote = 0;

    if (has_control_character(value))
        return problem_set(problem, STATUS_USAGE, "args: a control character: write one line");
    bytes_clear(&scenario->arguments);
    for (const char *at = value; *at != '\0'; at++) {
        if (quote == 0 && *at == ' ') {
            if (is_in_word)
                bytes_put_u8(&scenario->arguments, 0);
            is_in_word = false;
            continue;
        }
        is_in_word = true;
        if (quote != 0 ? *at == quote : *at == '\'' || *at == '"') {
            quote = quote == 0 ? *at : 0;
            continue;
        }
        if (*at == '\\' && quote != '\'' && *++at == '\0')
            return problem_set(problem, STATUS_USAGE,
                               "args: nothing stands behind the last backslash");
        bytes_put_u8(&scenario->arguments, (uint8_t)*at);
    }
    if (quote != 0)
        return problem_set(problem, STATUS_USAGE, "args: the quotation mark %c is not closed",
                           quote);
    if (is_in_word)
        bytes_put_u8(&scenario->arguments, 0);
    return STATUS_OK;
}

/* The inverse, by backslashes alone: a file's comment sign behind a blank is one of them. */
static void get_args(const struct scenario *scenario, struct bytes *text)
{
    const struct bytes *arguments = &scenario->arguments;

    for (size_t i = 0; i < arguments->count; i++) {
        char character = (char)arguments->data[i];
        bool is_first = i == 0 || arguments->data[i - 1] == 0;
        if (is_first && i > 0)
            bytes_put_u8(text, ' ');
        if (is_first && character == '\0')
            bytes_put(text, "\"\"", 2);
        if (character == '\0')
            continue;
        if (strchr(" \\'\";#", character) != NULL)
            bytes_put_u8(text, '\\');
        bytes_put_u8(text, (uint8_t)character);
    }
}

/* ---- The guest's image, by its digest ---- */

static enum status set_image(struct scenario *scenario, const char *value, struct problem *problem)
{
    bool is_none = strcmp(value, "none") == 0;

    if (!is_none && (strlen(value) != 16 || strspn(value, "0123456789abcdef") != 16))
        return problem_set(problem, STATUS_USAGE,
                           "image: \"%.40s\" is no digest: write the 16 digits that ferry guest "
                           "info NAME shows",
                           value);
    snprintf(scenario->image, sizeof scenario->image, "%s", is_none ? "" : value);
    return STATUS_OK;
}

/* ---- What goes wrong ---- */

static enum status set_fault(struct scenario *scenario, const char *value, struct problem *problem)
{
    struct fault_plan plan;

    if (fault_parse(value, &plan, problem) != STATUS_OK)
        return STATUS_USAGE;
    if (strlen(value) >= sizeof scenario->fault)
        return problem_set(problem, STATUS_USAGE, "fault: a list of more than %zu characters",
                           sizeof scenario->fault - 1);
    snprintf(scenario->fault, sizeof scenario->fault, "%s",
             strcmp(value, "none") == 0 ? "" : value);
    return STATUS_OK;
}

void scenario_name_image(struct scenario *scenario, const uint8_t *image, size_t image_bytes)
{
    if (!scenario_is_model(scenario))
        snprintf(scenario->image, sizeof scenario->image, "%016llx",
                 (unsigned long long)digest_of(image, image_bytes));
}

static enum status unknown_option(const char *key, struct problem *problem)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < OPTION_COUNT; i++)
        if (nearest_distance(key, options[i].key) < nearest_distance(key, options[best].key))
            best = i;
    if (!nearest_is_close(key, options[best].key))
        return problem_set(problem, STATUS_USAGE,
                           "unknown option \"%.40s\": ferry help run lists those that exist", key);
    return problem_set(problem, STATUS_USAGE,
                       "unknown option \"%.40s\": the nearest that exists is \"%s\"", key,
                       options[best].key);
}

static bool is_default(const struct scenario *scenario, uint32_t idx)
{
    char text[sizeof scenario->guest];
    uint64_t number;

    if (idx == OPTION_ARGS)
        return scenario->arguments.count == 0;
    if (options[idx].is_number && strcmp(options[idx].default_text, "none") != 0) {
        enum status status =
            units_parse(options[idx].kind, options[idx].default_text, &number, NULL);
        MUST(status == STATUS_OK);
        return number == *number_field(scenario, idx);
    }
    scenario_get(scenario, idx, text, sizeof text);
    return strcmp(text, options[idx].default_text) == 0;
}

static enum status set_option(struct scenario *scenario, uint32_t idx, const char *value,
                              struct problem *problem)
{
    enum status status;

    if (idx == OPTION_GUEST)
        status = set_guest(scenario, value, problem);
    else if (idx == OPTION_ARGS)
        status = set_args(scenario, value, problem);
    else if (idx == OPTION_IMAGE)
        status = set_image(scenario, value, problem);
    else if (idx == OPTION_FAULT)
        status = set_fault(scenario, value, problem);
    else if (options[idx].is_number)
        status = set_number(scenario, idx, value, problem);
    else
        status = set_choice(scenario, idx, value, problem);
    if (status != STATUS_OK)
        return status;
    scenario->given &= ~(1ull << idx);
    if (!is_default(scenario, idx))
        scenario->given |= 1ull << idx;
    return STATUS_OK;
}

enum status scenario_set(struct scenario *scenario, const char *key, const char *value,
                         struct problem *problem)
{
    for (uint32_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].key, key) == 0)
            return set_option(scenario, i, value, problem);
    return unknown_option(key, problem);
}

bool scenario_number(const struct scenario *scenario, uint32_t idx, uint64_t *value)
{
    if (!options[idx].is_number || *number_field(scenario, idx) == SCENARIO_NONE)
        return false;
    *value = *number_field(scenario, idx);
    return true;
}

void scenario_get(const struct scenario *scenario, uint32_t idx, char *text, size_t text_bytes)
{
    uint64_t number;

    MUST(idx < OPTION_COUNT);
    if (idx == OPTION_GUEST) {
        snprintf(text, text_bytes, "%s", scenario->guest);
    } else if (idx == OPTION_ARGS) {
        struct bytes line = {0};
        get_args(scenario, &line);
        snprintf(text, text_bytes, "%.*s", (int)line.count,
                 line.count > 0 ? (char *)line.data : "");
        bytes_fini(&line);
    } else if (idx == OPTION_FAULT) {
        snprintf(text, text_bytes, "%s", *scenario->fault == '\0' ? "none" : scenario->fault);
    } else if (idx == OPTION_IMAGE) {
        snprintf(text, text_bytes, "%s", *scenario->image == '\0' ? "none" : scenario->image);
    } else if (!options[idx].is_number) {
        choice_copy(options[idx].choices, *choice_field(scenario, idx), text, text_bytes);
    } else if (scenario_number(scenario, idx, &number)) {
        units_format(options[idx].kind, number, text, text_bytes);
    } else {
        snprintf(text, text_bytes, "none");
    }
}

/* ---- A scenario's life ---- */

void scenario_init(struct scenario *scenario)
{
    memset(scenario, 0, sizeof *scenario);
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        enum status status = set_option(scenario, i, options[i].default_text, NULL);
        MUST(status == STATUS_OK);
    }
    scenario->given = 0;
}

void scenario_fini(struct scenario *scenario)
{
    bytes_fini(&scenario->arguments);
}

void scenario_copy(struct scenario *to, const struct scenario *from)
{
    *to = *from;
    memset(&to->arguments, 0, sizeof to->arguments);
    if (from->arguments.count > 0)
        bytes_put(&to->arguments, from->arguments.data, from->arguments.count);
}

/* ---- The whole ---- */

static bool has_written_set(const struct scenario *scenario)
{
    if (scenario_is_model(scenario))
        return scenario_model_pattern(scenario) != WRITES_IDLE;
    return is_guest(scenario, "memwalk");
}

/* metronome has a port, but nothing to ask for: who listens to it measures real time. */
static bool has_simulated_clients(const struct scenario *scenario)
{
    return scenario_port(scenario) != 0 && !is_guest(scenario, "metronome");
}

/* Why the guest cannot obey an option, with what would be right; NULL when it can. */
static const char *guest_objection(const struct scenario *scenario, uint32_t idx)
{
    switch (idx) {
    case OPTION_dirty_rate:
    case OPTION_working_set_bytes:
        if (is_guest(scenario, "model:idle"))
            return "model:idle never writes: write model:uniform";
        return has_written_set(scenario) ? NULL : "only --guest memwalk and models obey it";
    case OPTION_pattern:
        if (scenario_is_model(scenario))
            return "a model has its pattern in its name: write model:hot-cold or another";
        return is_guest(scenario, "memwalk") ? NULL : "only --guest memwalk obeys it";
    case OPTION_cache:
    case OPTION_disk_at:
        return scenario_is_model(scenario) ? "a model has no cache and no disk: leave it out"
                                           : NULL;
    case OPTION_leave_out:
        if (scenario_is_model(scenario))
            return "a model has no cache and no disk: leave it out";
        return scenario->cache != 0
                   ? NULL
                   : "without a cache there is nothing to leave out: start the guest with --cache";
    case OPTION_hart_count:
    case OPTION_cpu_rate:
        return scenario_is_model(scenario) ? "a model has no instructions: leave it out" : NULL;
    case OPTION_delta_cache_bytes:
        return scenario->compress == COMPRESS_DELTA || scenario->compress == COMPRESS_AUTO
                   ? NULL
                   : "only --compress delta and auto keep copies";
    case OPTION_IMAGE:
        return scenario_is_model(scenario) ? "a model has no program: leave it out" : NULL;
    case OPTION_ARGS:
        return scenario_is_model(scenario) ? "a model takes no arguments: leave them out" : NULL;
    case OPTION_client_count:
        if (scenario->client_count == 0 || scenario->client_count == SCENARIO_NONE)
            return NULL;
        return has_simulated_clients(scenario)
                   ? NULL
                   : "clients talk to --guest kv, web, chat, game or to a file of your own, no "
                     "other "
                     "guest answers";
    case OPTION_request_rate:
        return scenario->client_count == 0 ? "nobody sends requests: there are no --clients" : NULL;
    case OPTION_route:
        return scenario->client_count == 0 ? "nobody talks to the guest: there are no --clients"
                                           : NULL;
    case OPTION_tunnel_for_ns:
        return scenario->client_count == 0 || scenario->route != ROUTE_TUNNEL
                   ? "only --route tunnel, with --clients, obeys it"
                   : NULL;
    default:
        return NULL;
    }
}

uint16_t scenario_port(const struct scenario *scenario)
{
    static const struct {
        const char *guest;
        uint16_t port;
    } servers[] = {{"kv", 6379}, {"web", 80}, {"chat", 7000}, {"game", 7777}, {"metronome", 7100}};

    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
        if (strcmp(servers[i].guest, scenario->guest) == 0)
            return servers[i].port;
    return scenario_is_file(scenario) ? servers[0].port : 0;
}

static void fill_what_depends_on_the_guest(struct scenario *scenario)
{
    bool is_server = scenario_port(scenario) != 0 && !scenario_is_file(scenario);

    if (scenario->client_count == SCENARIO_NONE)
        scenario->client_count = is_server && has_simulated_clients(scenario) ? 4 : 0;
    /* These never end by themselves. */
    if (scenario->run_for_ns == SCENARIO_NONE &&
        (is_server || scenario->client_count > 0 || is_guest(scenario, "memwalk") ||
         scenario_is_model(scenario)))
        scenario->run_for_ns = NS_PER_S;
    if (scenario->dirty_rate == SCENARIO_NONE && has_written_set(scenario))
        scenario->dirty_rate = 5000;
}

static enum status check_memory(const struct scenario *scenario, struct problem *problem)
{
    bool is_model = scenario_is_model(scenario);
    uint64_t least = is_model ? PAGE_BYTES : MACHINE_MEMORY_MIN;
    uint64_t most = is_model ? MODEL_PAGES_MAX * PAGE_BYTES : MACHINE_MEMORY_MAX;
    uint64_t memory = scenario->memory_bytes;
    uint64_t working_set = scenario->working_set_bytes;
    char text[40], bound[40];

    units_format(UNIT_SIZE, memory, text, sizeof text);
    if (memory < least || memory > most) {
        units_format(UNIT_SIZE, memory < least ? least : most, bound, sizeof bound);
        return problem_set(
            problem, STATUS_USAGE, "memory: %s is too %s for this guest: write at %s %s", text,
            memory < least ? "little" : "much", memory < least ? "least" : "most", bound);
    }
    if (memory % PAGE_BYTES != 0)
        return problem_set(
            problem, STATUS_USAGE,
            "memory: %s is no whole number of pages of 4KiB: write a size such as 64MiB", text);
    if (working_set == SCENARIO_NONE)
        return STATUS_OK;
    if (working_set % PAGE_BYTES != 0)
        return problem_set(
            problem, STATUS_USAGE,
            "working-set: %lluB is no whole number of pages of 4KiB: write a size such as 16MiB",
            (unsigned long long)working_set);
    if (working_set > memory)
        return problem_set(problem, STATUS_USAGE,
                           "working-set: it does not fit into the memory: write at most %s", text);
    return STATUS_OK;
}

/* A mistyped unit should not make a run of a week. */
static enum status check_bandwidth(const struct scenario *scenario, struct problem *problem)
{
    if (scenario->bandwidth_bits_per_s == SCENARIO_NONE)
        return problem_set(problem, STATUS_USAGE,
                           "bandwidth: a simulated link carries only so much: write 1Gbit/s");
    uint64_t least = scenario->memory_bytes * 8 / (HOUR_NS / NS_PER_S) + 1;
    char text[32];

    if (scenario->bandwidth_bits_per_s >= least)
        return STATUS_OK;
    uint64_t scale = 1000; /* two or three digits, rounded up, are enough */
    while (least / scale >= 1000)
        scale *= 10;
    units_format(UNIT_BANDWIDTH, (least / scale + 1) * scale, text, sizeof text);
    return problem_set(problem, STATUS_USAGE,
                       "bandwidth: it is too little to carry the memory once within an hour: "
                       "write at least %s",
                       text);
}

static enum status judge(const struct scenario *scenario, bool is_comparison,
                         struct problem *problem)
{
    uint64_t argument_bytes = scenario->arguments.count + sizeof scenario->guest;

    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        const char *objection = guest_objection(scenario, i);
        if (objection == NULL && !is_comparison)
            objection = scenario_mode_objection(scenario, i);
        if (objection != NULL && (scenario->given >> i & 1) != 0)
            return problem_set(problem, STATUS_USAGE, "%s cannot be used here: %s", options[i].key,
                               objection);
    }
    if (argument_bytes > MACHINE_ARGS_MAX)
        return problem_set(problem, STATUS_USAGE, "args: %zu bytes are too many: write at most %zu",
                           scenario->arguments.count, MACHINE_ARGS_MAX - sizeof scenario->guest);
    if (check_memory(scenario, problem) != STATUS_OK)
        return STATUS_USAGE;
    return check_bandwidth(scenario, problem);
}

enum status scenario_check(struct scenario *scenario, bool is_comparison, struct problem *problem)
{
    fill_what_depends_on_the_guest(scenario);
    return judge(scenario, is_comparison, problem);
}

enum status scenario_check_move(struct scenario *scenario, bool is_guest_known,
                                struct problem *problem)
{
    fill_what_depends_on_the_guest(scenario);
    struct scenario granted = *scenario; /* what it owns is not touched */
    if (granted.client_count == 0)
        granted.client_count = 1;
    if (!is_guest_known)
        granted.cache = 1;
    return judge(&granted, false, problem);
}

struct limits scenario_limits(const struct scenario *scenario)
{
    return (struct limits){
        .downtime_ns = scenario->downtime_limit_ns,
        .max_rounds = scenario->max_rounds,
        .total_time_ns = scenario->total_time_limit_ns,
        .on_limit = scenario->on_limit,
        .switch_when = scenario->switch_when,
        .switch_after = scenario->switch_after,
        .switch_below_bytes = scenario->switch_below_bytes,
        .switch_deadline_ns = scenario->switch_deadline_ns,
        .prefetch = scenario->prefetch,
        .push_after_ns = scenario->push_after_ns,
    };
}

/* What the guest or the mode does not obey is left out: what stands here can be run again. */
void scenario_text(const struct scenario *scenario, struct bytes *text)
{
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        char value[sizeof scenario->guest];

        if (guest_objection(scenario, i) != NULL || scenario_mode_objection(scenario, i) != NULL)
            continue;
        bytes_put(text, options[i].key, strlen(options[i].key));
        bytes_put(text, " = ", 3);
        if (i == OPTION_ARGS) {
            get_args(scenario, text);
        } else {
            scenario_get(scenario, i, value, sizeof value);
            bytes_put(text, value, strlen(value));
        }
        bytes_put_u8(text, '\n');
    }
    bytes_put_u8(text, 0);
}
