/* What is told of a move that goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "labs/follow.h"

static void what_is_not_known_is_left_out(void **state)
{
    static const char *const rows[][2] = {
        {"{\"phase\": \"copy\", \"round\": 1, \"bytes_sent\": 1024, \"bytes_per_s\": 2048, "
         "\"left_ns\": 2000000000, \"downtime_forecast_ns\": 1000000}",
         "copy, round 1: 1.000 KiB sent at 2.000 KiB/s; 2.000 s left, downtime 1.000 ms\n"},
        {"{\"phase\": \"post-copy\", \"round\": 1, \"bytes_sent\": 1024, \"bytes_per_s\": 2048, "
         "\"left_ns\": null, \"downtime_forecast_ns\": null}",
         "post-copy, round 1: 1.000 KiB sent at 2.000 KiB/s\n"},
        {"{\"phase\": \"link-lost\", \"round\": 1, \"bytes_sent\": 1024, \"bytes_per_s\": 2048}",
         "link-lost, round 1: 1.000 KiB sent\n"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = NULL;
        size_t count = 0;
        struct follow follow = {.lines = open_memstream(&text, &count)};
        json_t *move = json_loads(rows[i][0], 0, NULL);
        follow_hear_progress(&follow, move);
        fclose(follow.lines);
        assert_string_equal(text, rows[i][1]);
        json_decref(move);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
