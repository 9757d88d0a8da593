/* The link, as the door, hosts and gateways tell it to each other; and who ends it all. */
#include "live/moves_stand.h"

static void every_host_hears_of_the_link(void **state)
{
    struct house *house = *state;
    say(house, LINK("\"bandwidth\":\"100MiB/s\",\"state\":\"cut\""));
    struct asked *asked = await_asked(house, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(post.asked[i].host, i + 1);
        assert_string_equal(post.asked[i].command, "link");
        assert_string_equal(post.asked[i].arguments,
                            "{\"bandwidth\":\"100MiB/s\",\"latency\":\"0ns\",\"state\":\"cut\"}");
    }
    answer(&post.asked[0], "{\"return\":{}}");
    answer(asked, "{\"return\":{}}");
    expect(house, "",
           "{\"return\":{\"bandwidth\":\"100MiB/s\",\"latency\":\"0ns\",\"state\":\"cut\"}}");
    expect(house, "", "{\"event\":\"link_changed\"");
    tell(house, 0, "host_joined", "{\"name\":\"B\"}"); /* and who comes later, too */
    expect(house, "", "{\"event\":\"host_joined\"");
    assert_string_equal(await_asked(house, 3)->command, "link");
    expect(house, "{\"execute\":\"status\"}", "\"link\":{\"bandwidth\":\"100MiB/s\"");
    say(house, MIGRATE("\"bandwidth\":\"none\"")); /* it may be said with a move */
    await_asked(house, 6);
    assert_string_equal(post.asked[3].command, "link");
    assert_non_null(strstr(post.asked[3].arguments, "\"bandwidth\":\"none\""));
    assert_string_equal(post.asked[5].command, "migrate");
    assert_null(strstr(post.asked[5].arguments, "bandwidth"));
}

/* One that is cut stays so, however wide it is made. */
static void a_link_is_told_as_it_is(void **state)
{
    static const char *const lines[] = {
        LINK("\"latency\":\"5ms\""),   LINK("\"bandwidth\":\"1Mbit/s\""),
        LINK("\"state\":\"cut\""),     LINK("\"bandwidth\":\"2Mbit/s\""),
        LINK("\"latency\":\"0ns\""),   LINK("\"state\":\"mended\""),
        LINK("\"bandwidth\":\"none\"")};
    static const uint64_t rows[][2] = {{LINK_DELAYED, 5 * NS_PER_MS},
                                       {LINK_SLOW, 1000000},
                                       {LINK_CUT, 0},
                                       {LINK_SLOW, 2000000},
                                       {LINK_WHOLE, 0}};
    struct house *house = *state;
    unsigned told = 0;
    begin(house);
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        say(house, lines[i]);
        answer(await_asked(house, 3 + 2 * i), "{\"return\":{}}");
        answer(&post.asked[1 + 2 * i], "{\"return\":{}}");
        json_decref(await_event(house, "link_changed"));
    }
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0);
    json_decref(await_event(house, "migration_ended"));
    while (house->moves->record.current != NULL)
        uv_run(&house->loop, UV_RUN_ONCE);
    const struct gateway_recording *recording = gateway_record_find(&house->moves->record, 1);
    struct reading reading;
    struct event event;
    bool is_end = false;
    assert_int_equal(reading_open(&reading, recording->recorder.bytes.data,
                                  recording->recorder.bytes.count, NULL),
                     STATUS_OK);
    while (reading_next(&reading, &event, &is_end, NULL) == STATUS_OK && !is_end) {
        if (event.kind != EVENT_LINK_CHANGED)
            continue;
        assert_true(told < sizeof rows / sizeof *rows);
        assert_int_equal(event.link_changed.state, rows[told][0]);
        assert_int_equal(event.link_changed.value, rows[told++][1]);
    }
    assert_int_equal(told, sizeof rows / sizeof *rows);
    reading_close(&reading);
}

/* What a host refuses is not so, and nobody is left who believes it. One that goes away learns of
 * the link when it is back. */
static void a_link_that_is_refused_is_as_before(void **state)
{
    struct house *house = *state;
    say(house, LINK("\"state\":\"cut\""));
    answer(await_asked(house, 2), "{\"error\":{\"class\":\"BadArgument\",\"desc\":\"no\"}}");
    answer(&post.asked[0], "{\"return\":{}}");
    expect(house, "", "{\"error\":{\"class\":\"BadArgument\",\"desc\":\"no\"}}");
    expect(house, "", "{\"event\":\"link_changed\"");
    expect(house, "{\"execute\":\"status\"}", "\"state\":\"mended\"");
    assert_int_equal(post.asked_count, 4);
    for (unsigned i = 2; i < 4; i++) {
        assert_non_null(strstr(post.asked[i].arguments, "mended"));
        answer(&post.asked[i], "{\"return\":{}}");
    }

    say(house, LINK("\"state\":\"cut\""));
    struct asked *asked = await_asked(house, 6);
    gateway_answer call = asked->answer;
    asked->answer = NULL;
    call(asked->owner, NULL); /* the host dies */
    answer(&post.asked[4], "{\"return\":{}}");
    expect(house, "", "\"state\":\"cut\"");
}

/* What a gateway was not told it does not know: hosts keep the link that they have, and tell of it. What
 * somebody at the door has said counts more, and is told to a host that was away meanwhile. */
static void another_gateway_learns_of_the_link(void **state)
{
    static const char link[] = "{\"bandwidth\":\"4MiB/s\",\"latency\":\"0ns\",\"state\":\"cut\"}";
    struct house *house = *state;
    tell(house, 0, "host_joined", "{\"name\":\"A\"}");
    expect(house, "", "{\"event\":\"host_joined\"");
    tell(house, 1, "link", "{\"bandwidth\":\"4\",\"state\":\"cut\"}"); /* it makes no sense */
    assert_int_equal(post.asked_count, 0);
    tell(house, 1, "link", link);
    await_asked(house, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(post.asked[i].command, "link");
        assert_string_equal(post.asked[i].arguments, link);
        answer(&post.asked[i], "{\"return\":{}}");
    }
    expect(house, "", "{\"event\":\"link_changed\"");
    expect(house, "{\"execute\":\"status\"}", "\"link\":{\"bandwidth\":\"4MiB/s\"");
    say(house, LINK("\"state\":\"mended\""));
    await_asked(house, 4);
    tell(house, 0, "host_joined", "{\"name\":\"B\"}");
    tell(house, 2, "link", link);
    assert_int_equal(post.asked_count, 5);
    assert_int_equal(post.asked[4].host, 2);
    assert_non_null(strstr(post.asked[4].arguments, "\"state\":\"mended\""));
}

static void whoever_may_knock_may_end_it(void **state)
{
    struct house *house = *state;
    expect(house, "{\"execute\":\"quit\"}", "{\"return\":{}}");
    assert_int_equal(house->quit_count, 1);
    assert_int_equal(post.asked_count, 2);
    assert_string_equal(post.asked[1].command, "quit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_HOUSE(every_host_hears_of_the_link),
        IN_A_HOUSE(a_link_that_is_refused_is_as_before),
        IN_A_HOUSE(another_gateway_learns_of_the_link),
        IN_A_HOUSE(a_link_is_told_as_it_is),
        IN_A_HOUSE(whoever_may_knock_may_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
