#include "labs/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define TAKES_OF_RUN \
    (TAKES_SCENARIO | TAKES_JSON | TAKES_RECORD | TAKES_PLAIN | TAKES_QUIET | TAKES_VERIFY)
#define WORDS_MAX 16

/* Parses a line whose words stand between single blanks. The words live until the next call. */
static enum status parse(struct options *options, unsigned takes, const struct preset *presets,
                         const char *line, struct problem *problem)
{
    static char copy[512];
    char *words[WORDS_MAX], *rest = copy;
    int count = 0;

    memset(problem, 0, sizeof *problem);
    snprintf(copy, sizeof copy, "%s", line);
    while (*line != '\0' && rest != NULL && count < WORDS_MAX)
        words[count++] = strsep(&rest, " ");
    return options_parse(options, takes, presets, count, words, problem);
}

static void a_line_becomes_a_scenario(void **state)
{
    struct options options;
    struct problem problem;
    (void)state;
    assert_int_equal(parse(&options, TAKES_OF_RUN, NULL,
                           "--guest kv --seed=7 --mode hybrid --json - --quiet --record=x.ferry "
                           "-- --preload 1MiB",
                           &problem),
                     STATUS_OK);
    assert_int_equal(options.scenario.seed, 7);
    assert_int_equal(options.scenario.mode, MODE_HYBRID);
    assert_int_equal(options.scenario.client_count, 4);
    assert_string_equal(options.json_path, "-");
    assert_string_equal(options.record_path, "x.ferry");
    assert_true(options.is_quiet);
    assert_false(options.is_plain);
    assert_null(options.file_path);
    assert_int_equal(options.scenario.arguments.count, 15);
    assert_memory_equal(options.scenario.arguments.data, "--preload\0001MiB", 15);
    options_fini(&options);
}

/* Alone, with a word behind it, with "=", and as the last of the line. */
static void a_flag_may_stand_alone(void **state)
{
    static const struct {
        const char *line;
        unsigned fault_throttle, free_hints;
    } rows[] = {
        {"", 0, 1},
        {"--fault-throttle", 1, 1},
        {"--fault-throttle on --free-hints off", 1, 0},
        {"--free-hints off --fault-throttle", 1, 0},
        {"--free-hints=off", 0, 0},
        {"--mode post-copy --fault-throttle off", 0, 1},
        {"--fault-throttle --free-hints on", 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct options options;
        struct problem problem;
        char line[200];
        snprintf(line, sizeof line, "%s%s--mode post-copy", rows[i].line,
                 *rows[i].line == '\0' ? "" : " ");
        if (strstr(rows[i].line, "--mode") != NULL)
            snprintf(line, sizeof line, "%s", rows[i].line);
        if (parse(&options, TAKES_OF_RUN, NULL, line, &problem) != STATUS_OK)
            fail_msg("%s: %s", line, problem.text);
        assert_int_equal(options.scenario.fault_throttle, rows[i].fault_throttle);
        assert_int_equal(options.scenario.free_hints, rows[i].free_hints);
        assert_null(options.file_path);
        options_fini(&options);
    }
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        unsigned takes;
        const char *line, *words;
    } rows[] = {
        {TAKES_OF_RUN, "--bandwith 1Gbit/s", "--bandwith: the nearest that exists is --bandwidth"},
        {TAKES_OF_RUN, "--jsn x", "the nearest that exists is --json"},
        {TAKES_OF_RUN, "--teleport yes", "unknown option --teleport"},
        {TAKES_OF_RUN, "-seed 3", "unknown option -seed: the nearest that exists is --seed"},
        {TAKES_OF_RUN, "-x", "unknown option -x: --help lists"},
        {TAKES_OF_RUN, "--bogus=3", "unknown option --bogus: --help lists those that exist"},
        {TAKES_OF_RUN, "--seed abc", "--seed: \"abc\" is not a whole number"},
        {TAKES_OF_RUN, "--clients -1", "--clients: \"-1\" is not a whole number"},
        {TAKES_OF_RUN, "--seed 1 --seed=2", "--seed was given already: keep one of them"},
        {TAKES_OF_RUN, "--json a --json b", "--json was given already"},
        {TAKES_OF_RUN, "--quiet --quiet", "--quiet was given already"},
        {TAKES_OF_RUN, "--args x -- y", "behind --args and behind --: keep one"},
        {TAKES_OF_RUN, "nobody", "name a scenario file, or write --guest nobody for a guest"},
        {TAKES_OF_RUN, "--seed", "--seed needs a value"},
        {TAKES_OF_RUN, "--seed --quiet", "--seed needs a value"},
        {TAKES_OF_RUN, "--json", "--json needs a file"},
        {TAKES_OF_RUN, "--json --quiet", "--json needs a file"},
        {TAKES_OF_RUN, "--json=", "nothing stands there"},
        {TAKES_OF_RUN, "--record -", "--record needs a file"},
        {TAKES_OF_RUN, "--quiet=yes", "takes no value"},
        {TAKES_OF_RUN, "--memory 64", "--memory: \"64\" has no unit"},
        {TAKES_OF_RUN, "--json a --record a", "the same file"},
        {TAKES_OF_RUN, "--dirty-rate 5pages/s", "--dirty-rate cannot be used here"},
        {TAKES_OF_RUN, "/nonexistent.ini", "/nonexistent.ini: No such file"},
        {TAKES_OF_RUN, "a.ini b.ini", "is a second file"},
        {TAKES_OF_RUN, "/dev", "this is no file"},
        {TAKES_SCENARIO | TAKES_EVERY_MODE, "--mode hybrid", "all modes are shown"},
        {TAKES_SCENARIO | TAKES_EVERY_MODE, "--record x", "unknown option --record"},
        {TAKES_JSON, "word", "unexpected word"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct options options;
        struct problem problem;
        enum status status = parse(&options, rows[i].takes, NULL, rows[i].line, &problem);
        if (status == STATUS_OK || strstr(problem.text, rows[i].words) == NULL)
            fail_msg("%s: status %d, \"%s\"", rows[i].line, status, problem.text);
        options_fini(&options);
    }
}

static void a_file_comes_before_the_line(void **state)
{
    char path[] = "/tmp/ferry_options_test_XXXXXX";
    int file = mkstemp(path);
    char line[200];
    struct options options;
    struct problem problem;
    (void)state;
    assert_int_equal(dprintf(file, "seed = 5\nclients = 2\nargs = a b\n"), 32);
    snprintf(line, sizeof line, "--seed 9 %s -- c", path);
    assert_int_equal(parse(&options, TAKES_OF_RUN, NULL, line, &problem), STATUS_OK);
    assert_int_equal(options.scenario.seed, 9);
    assert_int_equal(options.scenario.client_count, 2);
    assert_memory_equal(options.scenario.arguments.data, "c", 2);
    options_fini(&options);

    /* What does not fit together is told where it was written. */
    assert_int_equal(dprintf(file, "switch-after = 3\n"), 17);
    assert_int_equal(parse(&options, TAKES_OF_RUN, NULL, path, &problem), STATUS_USAGE);
    char *where = strstr(problem.text, ":4: switch-after cannot be used here");
    assert_non_null(where);
    options_fini(&options);
    close(file);
    unlink(path);
}

static void presets_yield_to_the_user(void **state)
{
    static const struct preset presets[] = {
        {"args", "--preload 48MiB", true},
        {"request-rate", "2k/s", true},
        {"bandwidth", "200Mbit/s", false},
        {NULL, NULL, false},
    };
    struct options options;
    struct problem problem;
    (void)state;
    assert_int_equal(parse(&options, TAKES_OF_RUN, presets, "", &problem), STATUS_OK);
    assert_int_equal(options.scenario.request_rate, 2000);
    assert_int_equal(options.scenario.arguments.count, 16);
    options_fini(&options);
    assert_int_equal(parse(&options, TAKES_OF_RUN, presets, "--bandwidth 1Gbit/s", &problem),
                     STATUS_OK);
    assert_int_equal(options.scenario.bandwidth_bits_per_s, 1000000000);
    options_fini(&options);
    /* Another guest does not take kv's; nobody asks where there are no clients. */
    assert_int_equal(parse(&options, TAKES_OF_RUN, presets, "--guest hello", &problem), STATUS_OK);
    assert_int_equal(options.scenario.arguments.count, 0);
    assert_int_equal(options.scenario.bandwidth_bits_per_s, 200000000);
    options_fini(&options);
    assert_int_equal(parse(&options, TAKES_OF_RUN, presets, "--clients 0", &problem), STATUS_OK);
    options_fini(&options);
}

static void every_option_stands_in_one_group(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        const char *key = scenario_option(i)->key;
        const char *group = options_group(key);
        if (group == NULL || strcmp(group, "two groups") == 0)
            fail_msg("--%s stands in %s", key, group == NULL ? "no group" : group);
    }
}

static void the_line_makes_the_scenario_again(void **state)
{
    static const struct {
        const char *line, *again;
    } rows[] = {
        {"", "ferry run"},
        {"--seed 1", "ferry run"},
        {"--mode hybrid --seed 3 --memory 32MiB",
         "ferry run --mode hybrid --memory 32MiB --seed 3"},
        {"--guest sort -- -n 5", "ferry run --guest sort -- -n 5"},
        {"-- it's ;", "ferry run -- 'it'\\''s' ';'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct options options;
        struct problem problem;
        struct bytes line = {0};
        assert_int_equal(parse(&options, TAKES_OF_RUN, NULL, rows[i].line, &problem), STATUS_OK);
        options_write_command("run", &options.scenario, NULL, &line);
        assert_string_equal((const char *)line.data, rows[i].again);
        bytes_fini(&line);
        options_fini(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_a_scenario),
        cmocka_unit_test(a_flag_may_stand_alone),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_file_comes_before_the_line),
        cmocka_unit_test(presets_yield_to_the_user),
        cmocka_unit_test(every_option_stands_in_one_group),
        cmocka_unit_test(the_line_makes_the_scenario_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
