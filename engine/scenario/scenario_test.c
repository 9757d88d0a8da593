#include "scenario/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The number of an option in the list. */
static uint32_t option_idx(const char *key)
{
    for (uint32_t i = 0; i < scenario_option_count(); i++)
        if (strcmp(scenario_option(i)->key, key) == 0)
            return i;
    fail_msg("no option %s", key);
    return 0;
}

/* Sets "key=value key=value ..." (no blanks in values) and checks the whole. */
static enum status try(struct scenario *scenario, const char *line, bool is_comparison,
                       struct problem *problem)
{
    char copy[512];
    char *rest = copy, *word;
    enum status status = STATUS_OK;

    memset(problem, 0, sizeof *problem);
    scenario_init(scenario);
    snprintf(copy, sizeof copy, "%s", line);
    while (status == STATUS_OK && (word = strsep(&rest, " ")) != NULL) {
        char *value = strchr(word, '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        status = scenario_set(scenario, word, value, problem);
    }
    return status == STATUS_OK ? scenario_check(scenario, is_comparison, problem) : status;
}

static void defaults_are_the_design_s(void **state)
{
    struct scenario scenario;
    struct problem problem;
    (void)state;
    assert_int_equal(try(&scenario, "", false, &problem), STATUS_OK);
    assert_string_equal(scenario.guest, "kv");
    assert_int_equal(scenario.mode, MODE_PRE_COPY);
    assert_int_equal(scenario.memory_bytes, 64 << 20);
    assert_int_equal(scenario.cpu_rate, 100000000);
    assert_int_equal(scenario.bandwidth_bits_per_s, 1000000000);
    assert_int_equal(scenario.latency_ns, 100000);
    assert_int_equal(scenario.start_at_ns, 100000000);
    assert_int_equal(scenario.downtime_limit_ns, 30000000);
    assert_int_equal(scenario.max_rounds, 30);
    assert_int_equal(scenario.client_count, 4);
    assert_int_equal(scenario.request_rate, 500);
    assert_int_equal(scenario.run_for_ns, NS_PER_S);
    assert_int_equal(scenario.seed, 1);
    assert_true(scenario.dirty_rate == SCENARIO_NONE);
    assert_int_equal(scenario.given, 0);
    scenario_fini(&scenario);
}

static void what_is_not_given_depends_on_the_guest(void **state)
{
    static const struct {
        const char *line;
        uint64_t clients, run_for_ns, dirty_rate;
    } rows[] = {
        {"guest=kv", 4, NS_PER_S, SCENARIO_NONE},
        {"guest=kv clients=0", 0, NS_PER_S, SCENARIO_NONE},
        {"guest=metronome", 0, NS_PER_S, SCENARIO_NONE},
        {"guest=hello", 0, SCENARIO_NONE, SCENARIO_NONE},
        {"guest=./mine.elf", 0, SCENARIO_NONE, SCENARIO_NONE},
        {"guest=./mine.elf clients=2", 2, NS_PER_S, SCENARIO_NONE},
        {"guest=memwalk", 0, NS_PER_S, 5000},
        {"guest=model:uniform dirty-rate=7kpages/s", 0, NS_PER_S, 7000},
        {"guest=model:idle run-for=2s", 0, 2 * NS_PER_S, SCENARIO_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario scenario;
        struct problem problem;
        assert_int_equal(try(&scenario, rows[i].line, false, &problem), STATUS_OK);
        assert_true(scenario.client_count == rows[i].clients);
        assert_true(scenario.run_for_ns == rows[i].run_for_ns);
        assert_true(scenario.dirty_rate == rows[i].dirty_rate);
        scenario_fini(&scenario);
    }
}

/* Each line is refused, and the detail has these words in it. */
static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"memory=64", "such as 64MiB"},
        {"bandwidth=100", "such as 200Mbit/s"},
        {"latency=3furlongs", "unknown unit"},
        {"bandwith=1Gbit/s", "\"bandwidth\""},
        {"clients=4x", "whole number"},
        {"bandwidth=none", "a simulated link carries only so much"},
        {"bandwidth=0bit/s", "at least 1kbit/s"},
        {"bandwidth=149kbit/s", "at least 150kbit/s"},
        {"latency=11s", "at most 10s"},
        {"clients=61", "at most 60"},
        {"cpu-rate=1.5kIPS", "no whole number of kIPS"},
        {"memory=2000000B", "no whole number of pages"},
        {"memory=0B", "at least 1MiB"},
        {"memory=1KiB", "at least 1MiB"},
        {"memory=512KiB", "at least 1MiB"},
        {"memory=8GiB", "at most 4GiB"},
        {"memory=none", "such as 64MiB"},
        {"max-rounds=0", "at least 1"},
        {"mode=precopy", "pre-copy"},
        {"guest=model:random", "model:idle|uniform|sequential|hot-cold|zipf|phases"},
        {"guest=", "no name"},
        {"guest=a\nb", "control characters"},
        {"dirty-rate=5000pages/s", "only --guest memwalk and models"},
        {"guest=model:idle dirty-rate=1pages/s", "never writes"},
        {"working-set=16MiB", "only --guest memwalk"},
        {"guest=memwalk working-set=65MiB", "at most 64MiB"},
        {"guest=memwalk working-set=5000B", "no whole number of pages"},
        {"guest=metronome clients=1", "clients talk to --guest kv"},
        {"pattern=hot-cold", "only --guest memwalk"},
        {"guest=model:uniform pattern=sequential", "in its name"},
        {"guest=model:uniform cpu-rate=1MIPS", "no instructions"},
        {"guest=model:uniform args=x", "no arguments"},
        {"guest=hello clients=1", "no other guest"},
        {"guest=hello request-rate=1/s", "no --clients"},
        {"mode=stop-and-copy max-rounds=3", "only --mode pre-copy"},
        {"mode=post-copy downtime-limit=1ms", "only --mode pre-copy"},
        {"mode=post-copy on-limit=abort", "only --mode pre-copy"},
        {"mode=hybrid max-rounds=9", "--switch-after says"},
        {"mode=continuous max-rounds=9", "--total-time-limit"},
        {"mode=hybrid on-limit=abort", "--total-time-limit as well"},
        {"mode=hybrid downtime-limit=1ms", "continuous and auto"},
        {"mode=auto on-limit=abort", "by itself"},
        {"mode=post-copy total-time-limit=1s", "only --mode pre-copy, continuous, hybrid and auto"},
        {"mode=stop-and-copy bandwidth-limit=1Mbit/s", "only --mode pre-copy"},
        {"mode=continuous hot-last=on", "just before it is sent"},
        {"mode=post-copy skip-rewritten=on", "only --mode pre-copy"},
        {"switch-after=2", "only --mode hybrid"},
        {"mode=hybrid switch-when=deadline switch-after=2", "only --switch-when rounds"},
        {"mode=hybrid switch-below=2MiB", "only --switch-when remaining"},
        {"mode=hybrid switch-deadline=2s", "only --switch-when deadline"},
        {"mode=stop-and-copy prefetch=bubble", "leaves no page behind"},
        {"mode=stop-and-copy fault-throttle=on", "leaves no page behind"},
        {"mode=post-copy push-after=1s", "only --prefetch none"},
        {"mode=post-copy dirty-tracking=hardware-log", "no page travels while the guest runs"},
        {"args='open", "not closed"},
        {"args=end\\", "last backslash"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario scenario;
        struct problem problem;
        enum status status = try(&scenario, rows[i].line, false, &problem);
        if (status != STATUS_USAGE || strstr(problem.text, rows[i].words) == NULL ||
            strchr(problem.text, '\n') != NULL)
            fail_msg("%s: status %d, \"%s\"", rows[i].line, status, problem.text);
        scenario_fini(&scenario);
    }
}

static void a_comparison_takes_the_options_of_every_mode(void **state)
{
    struct scenario scenario;
    struct problem problem;
    (void)state;
    assert_int_equal(
        try(&scenario, "mode=stop-and-copy max-rounds=3 switch-after=2", true, &problem),
        STATUS_OK);
    scenario_fini(&scenario);
    assert_int_equal(try(&scenario, "guest=hello clients=3", true, &problem), STATUS_USAGE);
    scenario_fini(&scenario);
}

static void given_means_set_to_something_else(void **state)
{
    struct scenario scenario;
    struct problem problem;
    (void)state;
    assert_int_equal(try(&scenario, "seed=2 latency=0.1ms mode=hybrid guest=kv", false, &problem),
                     STATUS_OK);
    assert_true(scenario.given == (1ull << option_idx("seed") | 1ull << option_idx("mode")));
    assert_int_equal(scenario_set(&scenario, "seed", "1", &problem), STATUS_OK);
    assert_true(scenario.given == 1ull << option_idx("mode"));
    scenario_fini(&scenario);
}

static void arguments_are_words(void **state)
{
    static const struct {
        const char *text, *block; /* the block's NUL bytes are written as '|' */
    } rows[] = {
        {"", ""},
        {"   ", ""},
        {"a  b ", "a|b|"},
        {"'a b' c", "a b|c|"},
        {"\"it's\"", "it's|"},
        {"a\\ b\\\\", "a b\\|"},
        {"'' x", "|x|"},
        {"--preload 48MiB", "--preload|48MiB|"},
        {"a \\; b \\# c", "a|;|b|#|c|"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario scenario, again;
        struct problem problem = {0};
        char text[200];
        scenario_init(&scenario);
        scenario_init(&again);
        assert_int_equal(scenario_set(&scenario, "args", rows[i].text, &problem), STATUS_OK);
        assert_int_equal(scenario.arguments.count, strlen(rows[i].block));
        for (size_t k = 0; k < scenario.arguments.count; k++)
            assert_int_equal(scenario.arguments.data[k] == 0 ? '|' : scenario.arguments.data[k],
                             rows[i].block[k]);
        scenario_get(&scenario, option_idx("args"), text, sizeof text);
        assert_null(strstr(text, " ;"));
        assert_int_equal(scenario_set(&again, "args", text, &problem), STATUS_OK);
        assert_int_equal(again.arguments.count, scenario.arguments.count);
        if (again.arguments.count > 0)
            assert_memory_equal(again.arguments.data, scenario.arguments.data,
                                again.arguments.count);
        scenario_fini(&scenario);
        scenario_fini(&again);
    }
}

/* What is written can be read back, is accepted, and is written the same again. */
static void text_is_a_scenario(void **state)
{
    static const char *const lines[] = {
        "",
        "guest=model:uniform memory=64GiB dirty-rate=9kpages/s working-set=1GiB seed=77",
        "guest=memwalk pattern=hot-cold mode=hybrid switch-after=3",
        "max-rounds=7 downtime-limit=0ms on-limit=abort",
        "mode=stop-and-copy cpu-rate=1.5GIPS request-rate=2k/s clients=7 trap-cost=1.5us",
        "guest=hello mode=post-copy args=--b\\;c start-at=1.0001s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct scenario scenario, again;
        struct problem problem;
        struct bytes text = {0}, text_again = {0};
        assert_int_equal(try(&scenario, lines[i], false, &problem), STATUS_OK);
        scenario_text(&scenario, &text);
        scenario_init(&again);
        char *copy = strdup((char *)text.data), *rest = copy, *line;
        while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
            char *equals = strstr(line, " = ");
            assert_non_null(equals);
            *equals = '\0';
            assert_int_equal(scenario_set(&again, line, equals + 3, &problem), STATUS_OK);
        }
        assert_int_equal(scenario_check(&again, false, &problem), STATUS_OK);
        scenario_text(&again, &text_again);
        assert_string_equal((char *)text.data, (char *)text_again.data);
        free(copy);
        bytes_fini(&text);
        bytes_fini(&text_again);
        scenario_fini(&scenario);
        scenario_fini(&again);
    }
}

static void a_copy_is_its_own(void **state)
{
    struct scenario scenario, copy;
    struct problem problem = {0};
    (void)state;
    scenario_init(&scenario);
    assert_int_equal(scenario_set(&scenario, "args", "one two", &problem), STATUS_OK);
    scenario_copy(&copy, &scenario);
    assert_int_equal(scenario_set(&scenario, "args", "three", &problem), STATUS_OK);
    assert_memory_equal(copy.arguments.data, "one\0two", 8);
    scenario_fini(&scenario);
    scenario_fini(&copy);
}

/* What one process writes another reads, and comes to the same. */
static void text_is_read_back(void **state)
{
    struct scenario scenario, other;
    struct bytes text = {0}, again = {0};
    struct problem problem = {STATUS_OK, ""};
    (void)state;
    scenario_init(&scenario);
    scenario_init(&other);
    assert_int_equal(scenario_set(&scenario, "mode", "hybrid", NULL), STATUS_OK);
    assert_int_equal(scenario_set(&scenario, "args", "--preload '4 MiB'", NULL), STATUS_OK);
    assert_int_equal(scenario_set(&scenario, "memory", "32MiB", NULL), STATUS_OK);
    assert_int_equal(scenario_check(&scenario, false, &problem), STATUS_OK);
    scenario_text(&scenario, &text);
    assert_int_equal(scenario_read_text(&other, (const char *)text.data, &problem), STATUS_OK);
    scenario_text(&other, &again);
    assert_string_equal(text.data, again.data);
    assert_int_equal(scenario_read_text(&other, "seed = 3\nhosts = B A\n", &problem), STATUS_OK);
    static const char *const wrong[][2] = {{"guest = kv\nmemory\n", "line 2 is not"},
                                           {"memory = 64", "line 1: memory: \"64\" has no unit"},
                                           {"seed = 1\nmode = 2\n", "line 2: mode"}};
    for (unsigned i = 0; i < 3; i++) {
        problem = (struct problem){STATUS_OK, ""};
        assert_int_equal(scenario_read_text(&other, wrong[i][0], &problem), STATUS_USAGE);
        if (strstr(problem.text, wrong[i][1]) == NULL)
            fail_msg("%s", problem.text);
    }
    bytes_fini(&text);
    bytes_fini(&again);
    scenario_fini(&scenario);
    scenario_fini(&other);
}

/* Its clients are real: they come when they like, whatever guest it is. */
static void a_move_is_judged_without_clients(void **state)
{
    static const struct {
        const char *line;
        bool is_guest_known;
        enum status status;
    } rows[] = {
        {"guest=metronome route=tunnel tunnel-for=1s", true, STATUS_OK},
        {"guest=metronome route=tunnel tunnel-for=1s", false, STATUS_OK},
        {"guest=kv clients=0 route=tunnel", true, STATUS_OK},
        {"guest=kv tunnel-for=1s", true, STATUS_USAGE},
        {"guest=kv leave-out=barrier", true, STATUS_USAGE},
        {"guest=kv leave-out=barrier", false, STATUS_OK},
        {"guest=kv cache=on leave-out=barrier", true, STATUS_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario scenario, filled;
        struct problem problem;
        assert_int_equal(try(&filled, "guest=metronome", false, &problem), STATUS_OK);
        (void)!try(&scenario, rows[i].line, false, &problem);
        unsigned cache = scenario.cache;
        assert_int_equal(scenario_check_move(&scenario, rows[i].is_guest_known, &problem),
                         rows[i].status);
        assert_int_equal(scenario.cache, cache);
        if (i == 0) {
            assert_int_equal(scenario.client_count, 0);
            assert_int_equal(scenario.run_for_ns, filled.run_for_ns);
        }
        scenario_fini(&scenario);
        scenario_fini(&filled);
    }
}

static void every_option_has_its_time(void **state)
{
    static const struct {
        const char *key;
        enum scenario_part part;
    } rows[] = {{"memory", PART_GUEST},   {"args", PART_GUEST},    {"mode", PART_MOVE},
                {"bandwidth", PART_LINK}, {"latency", PART_LINK},  {"compress", PART_MOVE},
                {"seed", PART_WORLD},     {"clients", PART_WORLD}, {"prefetch", PART_MOVE}};
    static const enum scenario_part other[] = {PART_MOVE, PART_GUEST, PART_WORLD, PART_MOVE};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (uint32_t idx = 0; idx < scenario_option_count(); idx++)
            if (strcmp(scenario_option(idx)->key, rows[i].key) == 0)
                assert_int_equal(scenario_part(idx), rows[i].part);
    for (uint32_t idx = 0; idx < scenario_option_count(); idx++) {
        enum scenario_part part = scenario_part(idx);
        assert_null(scenario_part_objection(idx, part));
        assert_non_null(scenario_part_objection(idx, other[part]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_design_s),
        cmocka_unit_test(what_is_not_given_depends_on_the_guest),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_comparison_takes_the_options_of_every_mode),
        cmocka_unit_test(given_means_set_to_something_else),
        cmocka_unit_test(arguments_are_words),
        cmocka_unit_test(text_is_a_scenario),
        cmocka_unit_test(a_copy_is_its_own),
        cmocka_unit_test(text_is_read_back),
        cmocka_unit_test(a_move_is_judged_without_clients),
        cmocka_unit_test(every_option_has_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
