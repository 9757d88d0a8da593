#include "labs/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "labs/people.h"

/* A model's move: exact, small, and without a file. */
static void open_run(struct run *run, const char *const (*options)[2])
{
    struct scenario scenario;
    struct problem problem = {STATUS_OK, ""};

    scenario_init(&scenario);
    for (; (*options)[0] != NULL; options++)
        assert_int_equal(scenario_set(&scenario, (*options)[0], (*options)[1], &problem),
                         STATUS_OK);
    assert_int_equal(scenario_check(&scenario, false, &problem), STATUS_OK);
    assert_int_equal(run_open(run, &scenario, NULL, 0, false, &problem), STATUS_OK);
    run_to_end(run);
    scenario_fini(&scenario);
}

static const char *const model[][2] = {
    {"guest", "model:uniform"},
    {"memory", "64MiB"},
    {"dirty-rate", "9000pages/s"},
    {"seed", "3"},
    {NULL, NULL},
};
static const char *const post_copy[][2] = {
    {"guest", "model:uniform"}, {"memory", "4MiB"}, {"mode", "post-copy"}, {NULL, NULL}};

static void has_keys(const json_t *object, const char *keys)
{
    char copy[512];
    char *rest = copy, *key;
    size_t count = 0;

    snprintf(copy, sizeof copy, "%s", keys);
    for (; (key = strsep(&rest, " ")) != NULL; count++)
        if (json_object_get(object, key) == NULL)
            fail_msg("no key %s", key);
    assert_int_equal(json_object_size(object), count);
}

static json_int_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("%s is no integer", key);
    return json_integer_value(value);
}

/* Auto says what it decides, when and why: to people and to programs. */
static void decisions_are_told(void **state)
{
    static const char *const losing[][2] = {{"guest", "model:uniform"},
                                            {"mode", "auto"},
                                            {"memory", "8MiB"},
                                            {"dirty-rate", "100kpages/s"},
                                            {"downtime-limit", "1ms"},
                                            {"run-for", "1ms"},
                                            {NULL, NULL}};
    struct run run;
    struct report report;
    char *text = NULL;
    size_t text_bytes;
    (void)state;
    open_run(&run, losing);
    report_make(&report, &run, world_oracle(run.world));
    FILE *file = open_memstream(&text, &text_bytes);
    report_print(&report, file);
    fclose(file);
    const struct timeline *timeline = report.timeline;
    struct people people = {0};
    char line[80];
    assert_true(timeline->started_ns > 0);
    snprintf(line, sizeof line,
             "decided           after %s:", /* of the move, as its total time is */
             people_time(&people, turns_at(&timeline->turns, 0)->at_ns - timeline->started_ns));
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, "post-copy does"));
    free(text);
    json_t *object = report_json(&report);
    json_t *decisions = json_object_get(object, "decisions");
    assert_true(json_array_size(decisions) > 0);
    json_t *last = json_array_get(decisions, json_array_size(decisions) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "why")),
                        decision_sentence(DECISION_POST_COPY));
    json_decref(object);
    run_close(&run);
}

static void the_object_has_the_agreed_keys(void **state)
{
    struct run run;
    struct report report;
    (void)state;
    open_run(&run, model);
    report_make(&report, &run, world_oracle(run.world));
    json_t *object = report_json(&report);
    has_keys(
        object,
        "schema options guest mode seed outcome reason limit_exceeded limit memory_pages "
        "page_bytes instructions total_time_ns downtime_ns downtime_framing_ns decisions rounds "
        "pages_sent "
        "pages_resent pages_zero bytes_on_wire framing_bytes state_bytes dirty_traps log_drains "
        "share_least_permille bytes_by_use bytes_by_why compression cut postcopy "
        "instructions_per_s "
        "clients connections failures "
        "forecast oracle digest recording_digest");
    has_keys(json_object_get(object, "instructions_per_s"), "before copying paused switched after");
    has_keys(json_object_get(object, "compression"), "forms delta_cache saved_bytes encoding_ns");
    has_keys(json_object_get(object, "cut"),
             "barriers_sent barriers_acknowledged barrier_wait_ns barrier_wait_max_ns "
             "flushed_pages lines_written_back pages_written_back disk_blocks_written");
    has_keys(json_object_get(object, "postcopy"),
             "faults network_faults fault_wait_ns queue_max queue_mean_permille set_point_ns "
             "pages_pushed resume_to_last_page_ns");
    has_keys(json_object_get(object, "clients"),
             "requests answers errors latency_ns longest_silence_ns");
    has_keys(json_array_get(json_object_get(object, "rounds"), 0),
             "index pages_sent bytes_sent duration_ns dirtied_pages paused");
    has_keys(json_object_get(object, "oracle"), "one_runner same_memory one_instant");
    assert_int_equal(json_object_size(json_object_get(object, "options")), scenario_option_count());
    assert_string_equal(json_string_value(json_object_get(object, "schema")), "ferry.run/1");
    assert_int_equal(strlen(json_string_value(json_object_get(object, "recording_digest"))), 16);
    json_decref(object);
    run_close(&run);
}

static void numbers_add_up(void **state)
{
    struct run run;
    struct report report;
    json_int_t pages = 0;
    (void)state;
    open_run(&run, model);
    report_make(&report, &run, world_oracle(run.world));
    assert_true(report_is_good(&report));
    json_t *object = report_json(&report);
    json_t *rounds = json_object_get(object, "rounds");
    for (size_t i = 0; i < json_array_size(rounds); i++)
        pages += number(json_array_get(rounds, i), "pages_sent");
    assert_int_equal(number(object, "memory_pages"), 16384);
    assert_int_equal(number(object, "pages_sent"), pages);
    assert_int_equal(number(object, "pages_resent"), pages - 16384);
    assert_int_equal(number(object, "page_bytes"), 4096);
    assert_int_equal(number(object, "seed"), 3);
    assert_int_equal(number(object, "bytes_on_wire"), pages * 4096 +
                                                          number(object, "framing_bytes") +
                                                          number(object, "state_bytes"));
    assert_int_equal(number(json_object_get(object, "options"), "max-rounds"), 30);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(object, "options"), "memory")), "64MiB");
    assert_true(json_is_null(json_object_get(json_object_get(object, "options"), "working-set")));
    /* What was used, also where nobody said it: a model never ends by itself. */
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(object, "options"), "run-for")), "1s");
    json_decref(object);
    run_close(&run);
}

static void what_there_is_none_of_is_null(void **state)
{
    struct run run;
    struct report report;
    (void)state;
    open_run(&run, model);
    report_make(&report, &run, world_oracle(run.world));
    json_t *object = report_json(&report);
    json_t *postcopy = json_object_get(object, "postcopy");
    json_t *latency = json_object_get(json_object_get(object, "clients"), "latency_ns");
    assert_true(json_is_null(json_object_get(postcopy, "resume_to_last_page_ns")));
    assert_true(json_is_null(json_object_get(json_object_get(postcopy, "fault_wait_ns"), "p50")));
    assert_true(json_is_null(json_object_get(latency, "p99")));
    json_decref(object);
    run_close(&run);

    open_run(&run, post_copy);
    report_make(&report, &run, world_oracle(run.world));
    object = report_json(&report);
    postcopy = json_object_get(object, "postcopy");
    assert_true(number(postcopy, "faults") > 0);
    assert_true(number(json_object_get(postcopy, "fault_wait_ns"), "p99") > 0);
    assert_true(number(postcopy, "resume_to_last_page_ns") > 0);
    assert_int_equal(number(postcopy, "faults") + number(postcopy, "pages_pushed"), 1024);
    json_decref(object);
    run_close(&run);
}

static void a_broken_rule_is_told(void **state)
{
    struct run run;
    struct report report;
    struct oracle oracle;
    char text[4096] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    (void)state;
    open_run(&run, model);
    oracle = *world_oracle(run.world);
    oracle_break(&oracle, RULE_SAME_MEMORY, 5, "page 7 differs");
    report_make(&report, &run, &oracle);
    assert_false(report_is_good(&report));
    json_t *object = report_json(&report);
    assert_true(json_is_false(json_object_get(json_object_get(object, "oracle"), "same_memory")));
    json_decref(object);
    report_print(&report, file);
    fclose(file);
    assert_non_null(strstr(text, "same_memory BROKEN"));
    assert_non_null(strstr(text, "page 7 differs"));
    run_close(&run);
}

/* The summary fits a terminal of 80 columns and names what a person looks for. */
static void the_summary_is_for_people(void **state)
{
    static const char *const wanted[] = {"model:uniform, pre-copy, seed 3: completed",
                                         "paused",
                                         "total time",
                                         "downtime",
                                         "forecast",
                                         "oracle",
                                         "recording "};
    struct run run;
    struct report report;
    char text[8192] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    (void)state;
    open_run(&run, model);
    report_make(&report, &run, world_oracle(run.world));
    report_print(&report, file);
    fclose(file);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", wanted[i], text);
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (strlen(line) > 80 || (strlen(line) > 0 && line[strlen(line) - 1] == ' '))
            fail_msg("too wide, or blanks at its end: \"%s\"", line);
    run_close(&run);
}

/* What could not be measured is no part of the sentence. */
static void an_unknown_pace_is_left_out(void **state)
{
    struct run run;
    struct report report;
    (void)state;
    open_run(&run, post_copy);
    report_make(&report, &run, world_oracle(run.world));
    struct timeline timeline = *report.timeline;
    report.timeline = &timeline;
    assert_true(timeline.pace.network_faults > 0);
    timeline.faults = timeline.pages_pushed =
        100000; /* long numbers, and 80 columns all the same */
    for (int is_known = 0; is_known < 2; is_known++) {
        char text[8192] = "";
        FILE *file = fmemopen(text, sizeof text, "w");
        timeline.pace.instructions[STRETCH_SWITCHED] = timeline.pace.duration_ns[STRETCH_SWITCHED] =
            1000;
        timeline.pace.instructions[STRETCH_AFTER] = timeline.pace.duration_ns[STRETCH_AFTER] =
            is_known ? 1000 : 0;
        report_print(&report, file);
        fclose(file);
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            assert_in_range(strcspn(line, "\n"), 0, 80);
        assert_non_null(strstr(
            text, is_known ? "until the last page,\n                    1,000,000,000 after it\n"
                           : " instructions/s until the last page\n"));
    }
    run_close(&run);
}

/* A number is told with its unit: both stand on one line. Of 80 columns 13 are left. */
#define HEAD  "Behind this head there are thirteen columns for a text, of all 80: "
#define BLANK "                                                                   "
static void a_number_stays_with_its_unit(void **state)
{
    static const struct {
        const char *text, *lines;
    } rows[] = {
        {"one 384.0 KiB", HEAD "one 384.0 KiB\n"},
        {"onetwo 384.0 KiB", HEAD "onetwo\n" BLANK "384.0 KiB\n"},
        {"one, two, 34, 384.0 KiB", HEAD "one, two, 34,\n" BLANK "384.0 KiB\n"},
        {"12345678 901234", HEAD "12345678\n" BLANK "901234\n"}, /* nowhere else */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1024] = "";
        FILE *file = fmemopen(text, sizeof text, "w");
        people_wrap(file, HEAD, rows[i].text);
        fclose(file);
        assert_string_equal(text, rows[i].lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_are_told),
        cmocka_unit_test(the_object_has_the_agreed_keys),
        cmocka_unit_test(numbers_add_up),
        cmocka_unit_test(what_there_is_none_of_is_null),
        cmocka_unit_test(a_broken_rule_is_told),
        cmocka_unit_test(the_summary_is_for_people),
        cmocka_unit_test(an_unknown_pace_is_left_out),
        cmocka_unit_test(a_number_stays_with_its_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
