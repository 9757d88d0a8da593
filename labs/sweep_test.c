/* ferry sweep, as a user does it: what is varied, what comes of it, and what is refused. */
#include <jansson.h>
#include <math.h>

#include "labs/as_user.h"

static unsigned count_lines(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static json_t *points_of_stdout(json_t **object)
{
    *object = json_loads(out, 0, NULL);
    assert_non_null(*object);
    assert_string_equal(json_string_value(json_object_get(*object, "schema")), "ferry.sweep/1");
    return json_object_get(*object, "points");
}

static void test_values_are_what_they_say(void **state)
{
    static const struct {
        const char *vary, *rest;
        unsigned count;
        double first, last;
    } rows[] = {
        {"harts=1,2,4", "--guest threads --memory 1MiB", 3, 1, 4},
        {"latency=100us..1ms+300us", "--guest model:idle --memory 1MiB", 4, 100000, 1000000},
        {"bandwidth=100Mbit/s..1Gbit/s*2", "--guest model:idle --memory 1MiB", 4, 1e8, 8e8},
        {"memory=1MiB..2MiB", "--guest model:idle", 12, 1 << 20, 2 << 20},
        {"load=0.1..0.5+0.2", "--guest model:uniform --memory 1MiB", 3, 0.1, 0.5},
        {"seed=1..3", "--guest model:uniform --memory 1MiB", 3, 1, 3},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[300];
        json_t *object;
        snprintf(line, sizeof line, "sweep --vary '%s' %s --json -", rows[i].vary, rows[i].rest);
        assert_int_equal(ferry(line), 0);
        json_t *points = points_of_stdout(&object);
        assert_int_equal(json_array_size(points), rows[i].count);
        json_t *first = json_array_get(points, 0);
        json_t *last = json_array_get(points, rows[i].count - 1);
        assert_true(fabs(json_number_value(json_object_get(first, "value")) - rows[i].first) <
                    1e-9);
        assert_true(fabs(json_number_value(json_object_get(last, "value")) - rows[i].last) < 1e-9);
        json_decref(object);
    }
}

/* Each point is the run that ferry run makes of it, whatever ran beside it. */
static void test_a_point_is_a_run(void **state)
{
    static const char *const modes[] = {"stop-and-copy", "pre-copy", "post-copy", "hybrid"};
    json_t *object;
    (void)state;

    assert_int_equal(ferry("sweep --vary mode=stop-and-copy,pre-copy,post-copy,hybrid --guest kv "
                           "--seed 5 --bandwidth 2Gbit/s --json -"),
                     0);
    json_t *points = points_of_stdout(&object);
    for (size_t i = 0; i < 4; i++) {
        char line[200];
        json_t *point = json_array_get(points, i);
        assert_string_equal(json_string_value(json_object_get(point, "value")), modes[i]);
        snprintf(line, sizeof line,
                 "run --guest kv --seed 5 --bandwidth 2Gbit/s --mode %s --json -", modes[i]);
        assert_int_equal(ferry(line), 0);
        json_t *run = json_loads(out, 0, NULL);
        assert_non_null(run);
        assert_true(json_equal(run, json_object_get(point, "run")));
        json_decref(run);
    }
    json_decref(object);
}

static void test_table_csv_and_plot(void **state)
{
    static char csv[TEXT_MAX];
    (void)state;

    assert_int_equal(shell("LC_ALL=C.UTF-8 $F sweep --vary load=0.1..0.9+0.2 --guest model:uniform "
                           "--memory 4MiB --csv $D/sweep.csv"),
                     0);
    assert_non_null(strstr(out, "total time   forecast"));
    assert_non_null(strstr(out, "\u25cf measured; . C4"));
    for (char *line = strtok(out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        unsigned width = 0;
        for (const char *at = line; *at != '\0'; at++)
            width += (*at & 0xc0) != 0x80;
        assert_true(width <= 80);
    }
    slurp("sweep.csv", csv);
    assert_int_equal(count_lines(csv), 6);
    assert_memory_equal(csv, "load,outcome,", strlen("load,outcome,"));
    /* As many cells in each row. */
    unsigned commas = 0, of_head = 0;
    for (const char *at = csv; *at != '\0'; at++) {
        commas += *at == ',';
        if (*at != '\n')
            continue;
        if (of_head == 0)
            of_head = commas;
        assert_int_equal(commas, of_head);
        commas = 0;
    }
    assert_int_equal(shell("LC_ALL=C $F sweep --vary load=0.1..0.9+0.2 --guest model:uniform "
                           "--memory 4MiB --plot downtime"),
                     0);
    assert_non_null(strstr(out, "* measured"));
    for (const char *at = out; *at != '\0'; at++)
        assert_true((unsigned char)*at < 0x80);
}

/* The race's two laws, by formula: w / mu = 0.9 is 2.56 N / mu of scanning, and about 10 of rounds
 * (C5, C4). */
static void test_the_cliff_has_both_curves(void **state)
{
    static char csv[TEXT_MAX];
    double c4_ns, c5_ns, whole_ns = 16384.0 * 4120 * 8 / 1e9 * 1e9;
    (void)state;

    assert_int_equal(ferry("sweep --vary load=0.9 --guest model:sequential --max-rounds 100 "
                           "--downtime-limit 0ms --csv -"),
                     0);
    memcpy(csv, out, sizeof csv);
    assert_int_equal(ferry("sweep --vary load=0.9 --guest model:uniform --max-rounds 100 "
                           "--downtime-limit 0ms --csv -"),
                     0);
    char *row = strchr(csv, '\n') + 1;
    assert_int_equal(sscanf(row, "0.9,%*[^,],%*d,%*d,%*d,%*d,%lf", &c4_ns), 1);
    assert_true(fabs(c4_ns / whole_ns - 10) < 0.1);
    row = strchr(out, '\n') + 1;
    assert_int_equal(sscanf(row, "0.9,%*[^,],%*d,%*d,%*d,%*d,%*d,%lf", &c5_ns), 1);
    assert_true(fabs(c5_ns / whole_ns - 2.558) < 0.03);
}

/* A forecast that knows nothing of a remedy says so, and the remedy's price is told. */
static void test_remedies_are_told(void **state)
{
    (void)state;
    assert_int_equal(shell("$F run --guest model:uniform --memory 40MiB --dirty-rate 45kpages/s "
                           "--auto-converge | grep -A1 'guest slowed.*least share [1-9]' | "
                           "grep -q 'is made without --auto-converge$'"),
                     0);
    assert_int_equal(shell("$F run --guest counter --memory 2MiB --mode pre-copy --auto-converge | "
                           "grep -q 'guest slowed *never$'"),
                     0);
}

/* Where nothing was to be measured, no axis from 0 ns to 0 ns is drawn. */
static void test_nothing_is_not_drawn(void **state)
{
    (void)state;
    assert_int_equal(shell("$F sweep --vary seed=1..2 --guest model:uniform --memory 4MiB "
                           "--plot fault-wait | grep -q 'fault wait.*none at any point'"),
                     0);
    assert_int_equal(shell("$F sweep --vary mode=pre-copy,post-copy --guest model:uniform "
                           "--memory 4MiB | grep -q '^total time$'"),
                     0);
}

static void test_what_cannot_be_varied_is_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"sweep --guest kv", "what is to be varied?"},
        {"sweep --vary latency=1us,1us --csv - --json -", "would both go to standard output"},
        {"sweep --vary load", "write what is varied and its values"},
        {"sweep --vary load=", "write what is varied and its values"},
        {"sweep --vary speed=1,2", "there is no such option"},
        {"sweep --vary harts=1,,2", "a value is empty"},
        {"sweep --vary harts=8..1", "from the smaller value to the larger"},
        {"sweep --vary harts=1..9", "--vary harts=9: "},
        {"sweep --vary latency=1..2", "such as"},
        {"sweep --vary latency=1ms..2ms+0ms", "leads nowhere"},
        {"sweep --vary seed=1..8*1", "a factor is a number above 1"},
        {"sweep --vary seed=0..8*2", "from a value above 0"},
        {"sweep --vary seed=1..100000+1", "more than 1,000 points"},
        {"sweep --vary load=-1,2 --guest model:uniform", "write a number such as 0.5"},
        {"sweep --vary load=nan --guest model:uniform", "write a number such as 0.5"},
        {"sweep --vary load=0.5", "only --guest memwalk and models obey it"},
        {"sweep --vary mode=fast", "mode"},
        {"sweep --vary mode=pre-copy..hybrid", "mode"},
        {"sweep --vary guest=kv,web", "a sweep is of one guest"},
        {"sweep --vary seed=1,2 --seed 4", "--seed is given, and --vary sets it"},
        {"sweep --vary load=0.5 --dirty-rate 5pages/s --guest model:uniform",
         "--dirty-rate is given"},
        {"sweep --vary seed=1,2 --plot speed", "is not drawn: write one of total-time"},
        {"sweep --vary seed=1,2 --csv $D/no/file", "cannot be written"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(rows[i].line, rows[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_what_they_say),
        cmocka_unit_test(test_a_point_is_a_run),
        cmocka_unit_test(test_table_csv_and_plot),
        cmocka_unit_test(test_the_cliff_has_both_curves),
        cmocka_unit_test(test_remedies_are_told),
        cmocka_unit_test(test_nothing_is_not_drawn),
        cmocka_unit_test(test_what_cannot_be_varied_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
