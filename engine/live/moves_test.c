/* What the door orders of hosts, and what becomes of it: moves that are refused, go on, end, or are not
 * heard of any more. */
#include "live/moves_stand.h"

/* ---- What is refused ---- */

static void what_makes_no_sense_begins_nothing(void **state)
{
    static const char *const rows[][2] = {
        {"{\"execute\":\"frob\"}", "UnknownCommand\",\"desc\":\"\\\"frob\\\": there are abort,"},
        {"{\"execute\":\"status\",\"arguments\":{\"x\":1}}", "takes no arguments"},
        {"{\"execute\":\"abort\"}", "NotNow\",\"desc\":\"no guest is being moved"},
        {"{\"execute\":\"post-copy\"}", "NotNow"},
        {"{\"execute\":\"abort\",\"arguments\":{\"id\":1}}", "takes no arguments"},
        {"{\"execute\":\"set\"}", "BadArgument\",\"desc\":\"nothing to set"},
        {"{\"execute\":\"set\",\"arguments\":{\"downtime-limit\":\"10\"}}", "has no unit"},
        {"{\"execute\":\"set\",\"arguments\":{\"mode\":\"hybrid\"}}", "unknown argument"},
        {"{\"execute\":\"set\",\"arguments\":{\"downtime-limit\":\"10ms\"}}", "NotNow"},
        {MIGRATE("\"to\":\"A\""), "BadArgument\",\"desc\":\"to: kv is at A already"},
        {MIGRATE("\"to\":\"C\""), "NoSuchHost\",\"desc\":\"C: there is no such host"},
        {MIGRATE("\"to\":7"), "BadArgument\",\"desc\":\"to: this is no string"},
        {MIGRATE("\"guest\":\"web\""), "NoSuchGuest\",\"desc\":\"web: no host has such a guest"},
        {MIGRATE("\"mode\":\"teleport\""), "BadArgument\",\"desc\":\"mode: "},
        {MIGRATE("\"mode\":7"), "mode: this is no string"},
        {MIGRATE("\"mod\":\"hybrid\""), "the nearest that exists is \\\"mode\\\""},
        {MIGRATE("\"memory\":\"1MiB\""), "memory: it is chosen when the guest is started"},
        {MIGRATE("\"seed\":\"1\""), "seed: real hosts have no such thing"},
        {MIGRATE("\"latency\":\"1ms\""), "latency: it is the link's"},
        {MIGRATE("\"bandwidth\":\"5\""), "bandwidth: \\\"5\\\" has no unit"},
        {MIGRATE("\"downtime-limit\":\"10\""), "downtime-limit: \\\"10\\\" has no unit"},
        {MIGRATE("\"mode\":\"post-copy\",\"max-rounds\":\"3\""), "max-rounds"},
        {LINK(""), "nothing to change"},
        {LINK("\"bandwidth\":\"100\""), "has no unit"},
        {LINK("\"bandwidth\":\"1bit/s\""), "write 1kbit/s to 10000Gbit/s, or none"},
        {LINK("\"latency\":\"1min\""), "write 0ns to 2s, or none"},
        {LINK("\"state\":\"broken\""), "write cut or mended"},
        {LINK("\"speed\":\"1\""), "unknown argument"},
    };
    struct house *house = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(house, rows[i][0], rows[i][1]);
    assert_int_equal(post.asked_count, 0);
    assert_false(post.is_moving);

    post.is_b_here = false;
    expect(house, MIGRATE(""), "NoSuchHost\",\"desc\":\"there is no other host here");
    expect(house, MIGRATE("\"to\":\"B\""), "NotNow\",\"desc\":\"B is not here just now");
    post.is_guest_known = false;
    expect(house, MIGRATE("\"guest\":\"kv\""), "NotNow\",\"desc\":\"kv: no host can say just now");
    expect(house, MIGRATE(""), "NoSuchGuest");
    post.has_ended = true;
    expect(house, MIGRATE("\"guest\":\"kv\""),
           "NoSuchGuest\",\"desc\":\"kv has ended: start it anew");
    assert_int_equal(post.asked_count, 0);
}

/* The host that has the guest says no: nothing has begun, and the next may. */
static void a_host_may_refuse(void **state)
{
    struct house *house = *state;
    say(house, MIGRATE("\"mode\":\"hybrid\""));
    answer(await_asked(house, 1),
           "{\"error\":{\"class\":\"BadArgument\",\"desc\":\"cache: not with this guest\"}}");
    expect(house, "",
           "{\"error\":{\"class\":\"BadArgument\",\"desc\":\"cache: not with this guest\"}}");
    assert_false(post.is_moving);
    expect(house, "{\"execute\":\"status\"}", "\"migration\":null");
    say(house, MIGRATE(""));
    struct asked *asked = await_asked(house, 2);
    expect(house, MIGRATE(""), "NotNow\",\"desc\":\"kv is being moved from A to B");
    gateway_answer call = asked->answer;
    asked->answer = NULL;
    call(asked->owner, NULL); /* the host dies */
    expect(house, "", "Refused\",\"desc\":\"the host went away before it had answered");
    assert_false(post.is_moving);
}

/* ---- A move ---- */

static void a_move_is_told_and_recorded(void **state)
{
    struct house *house = *state;
    struct bytes bytes = {0};
    struct reading reading;
    happens(house, 0, EVENT_REQUEST_SENT, 3, 10); /* by clients of another guest */
    begin(house);
    happens(house, 0, EVENT_REQUEST_SENT, 2, 10);
    happens(house, 0, EVENT_REQUEST_ANSWERED, 3, 1);
    expect(house, MIGRATE(""), "NotNow");
    happens(house, 1, EVENT_MIGRATION_STARTED, MODE_HYBRID, 64);
    tell(house, 1, "progress",
         "{\"guest\":\"kv\",\"phase\":\"copy\",\"round\":2,\"bytes_sent\":4096,\"left_ns\":7,"
         "\"progress_permille\":250,\"secret\":1}");
    json_t *data = await_event(house, "progress");
    assert_string_equal(control_word(data, "phase", ""), "copy");
    assert_int_equal(control_number(data, "round", 0), 2);
    assert_int_equal(control_number(data, "progress_permille", 0), 250);
    assert_true(json_is_null(json_object_get(data, "pages_left")));
    assert_null(json_object_get(data, "secret"));
    json_decref(data);
    tell(house, 2, "progress", "{\"guest\":\"kv\",\"phase\":\"setup\"}"); /* not B's to tell */
    tell(house, 1, "progress", "{\"guest\":\"web\",\"phase\":\"setup\"}");
    tell(house, 3, "migration_ended", /* nor C's */
         "{\"guest\":\"kv\",\"outcome\":\"lost\",\"reason\":\"C says so\"}");
    happens(house, 3, EVENT_MIGRATION_ENDED, OUTCOME_LOST, 0);
    happens(house, 1, EVENT_GUEST_PAUSED, HOST_SOURCE, 0);
    happens(house, 2, EVENT_GUEST_RESUMED, HOST_TARGET, 0);
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0);
    tell(house, 1, "migration_ended",
         "{\"guest\":\"kv\",\"outcome\":\"completed\",\"reason\":\"as it should\"}");
    assert_true(moves_is_going(house->moves)); /* not all that happened has taken its place yet */
    data = await_event(house, "migration_ended");
    assert_string_equal(control_word(data, "outcome", ""), "completed");
    assert_string_equal(control_word(data, "reason", ""), "as it should");
    uint64_t total_ns = control_number(data, "total_time_ns", 0);
    uint64_t downtime_ns = control_number(data, "downtime_ns", 0);
    assert_true(downtime_ns > 0 && downtime_ns < total_ns);
    json_decref(data);
    assert_false(post.is_moving);
    expect(house, "{\"execute\":\"abort\"}", "NotNow");

    expect(house, "{\"execute\":\"attach\",\"arguments\":{\"id\":1}}", "{\"id\":1}");
    for (bool is_end = false; !is_end;) {
        data = await_event(house, "recording");
        assert_true(control_unbase64(control_word(data, "data", "!"), &bytes));
        is_end = json_is_true(json_object_get(data, "is_end"));
        json_decref(data);
    }
    assert_int_equal(reading_open(&reading, bytes.data, bytes.count, NULL), STATUS_OK);
    assert_int_equal(reading.facts.total_pages, 64); /* of the host's own scenario */
    assert_int_equal(reading.facts.client_count, 3);
    assert_int_equal(reading.facts.bandwidth_bits_per_s, 0); /* no limit */
    static const enum event_kind kinds[] = {EVENT_REQUEST_SENT,    EVENT_MIGRATION_STARTED,
                                            EVENT_GUEST_PAUSED,    EVENT_GUEST_RESUMED,
                                            EVENT_MIGRATION_ENDED, EVENT_RUN_ENDED};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct event event;
        bool is_end;
        assert_int_equal(reading_next(&reading, &event, &is_end, NULL), STATUS_OK);
        assert_int_equal(event.kind, kinds[i]);
    }
    reading_close(&reading);
    bytes_fini(&bytes);
}

/* By the best guess at its clock a host may tell of a move before it was commanded. */
static void a_clock_that_is_behind_loses_nothing(void **state)
{
    struct house *house = *state;
    begin(house);
    uint64_t early_ns = house->moves->move.commanded_ns - NS_PER_MS;
    happens_at(house, early_ns, 1, EVENT_MIGRATION_STARTED, MODE_HYBRID, 64);
    happens_at(house, early_ns, 1, EVENT_FRAME_SENT, 4096, 0);
    happens_at(house, early_ns, 1, EVENT_GUEST_PAUSED, HOST_SOURCE, 0);
    happens(house, 2, EVENT_GUEST_RESUMED, HOST_TARGET, 0);
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0);
    json_t *data = await_event(house, "migration_ended");
    assert_int_equal(control_number(data, "bytes_sent", 0), 4096);
    assert_true(control_number(data, "downtime_ns", 0) > 0);
    json_decref(data);
}

/* Events that nobody fetched for long are dropped: what was told of them still stands. */
static void an_end_says_no_less_than_the_progress(void **state)
{
    struct house *house = *state;
    begin(house);
    happens(house, 1, EVENT_FRAME_SENT, 100, 0);
    tell(house, 1, "progress",
         "{\"guest\":\"kv\",\"phase\":\"copy\",\"round\":2,\"bytes_sent\":4096}");
    tell(house, 1, "migration_ended", "{\"guest\":\"kv\",\"outcome\":\"aborted\",\"reason\":\"\"}");
    json_t *data = await_event(house, "migration_ended");
    assert_int_equal(control_number(data, "bytes_sent", 0), 4096);
    assert_int_equal(control_number(data, "round", 0), 2);
    assert_true(control_number(data, "bytes_per_s", 0) > 0);
    json_decref(data);
}

static void what_is_wrong_is_said(void **state)
{
    static const char *const rows[][3] = {
        {"guest_lost", "{\"guest\":\"kv\",\"reason\":\"it fell\"}", "kv is lost: it fell"},
        {"two_runners", "{\"guest\":\"kv\",\"hosts\":[\"A\",\"B\"]}",
         "kv runs at hosts A and B: rule one_runner is BROKEN"},
        {"turned_away", "{\"reason\":\"no key\"}", "somebody is not let in: no key"},
        {"host_left", "{\"name\":\"A\",\"reason\":\"killed\"}", ""},
    };
    struct house *house = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        post.complaint[0] = '\0';
        tell(house, 0, rows[i][0], rows[i][1]);
        assert_string_equal(post.complaint, rows[i][2]);
    }
}

/* Commands during a move go to its source; a caller gets its answer. */
static void a_move_is_steered(void **state)
{
    struct house *house = *state;
    begin(house);
    say(house, "{\"execute\":\"post-copy\",\"id\":4}");
    struct asked *asked = await_asked(house, 2);
    assert_int_equal(asked->host, 1);
    assert_string_equal(asked->command, "post-copy");
    assert_string_equal(asked->arguments, "{\"guest\":\"kv\"}");
    answer(asked, "{\"error\":{\"class\":\"NotNow\",\"desc\":\"it has switched\"}}");
    expect(house, "", "{\"error\":{\"class\":\"NotNow\",\"desc\":\"it has switched\"},\"id\":4}");
    say(house, "{\"execute\":\"set\",\"arguments\":{\"downtime-limit\":\"5ms\"}}");
    asked = await_asked(house, 3);
    assert_non_null(strstr(asked->arguments, "\"downtime-limit\":\"5ms\""));
    answer(asked, "{\"return\":{}}");
    expect(house, "", "{\"return\":{}}");
    say(house, "{\"execute\":\"abort\"}");
    asked = await_asked(house, 4);
    assert_string_equal(asked->command, "abort");
    tell(house, 1, "migration_ended",
         "{\"guest\":\"kv\",\"outcome\":\"aborted\",\"reason\":\"somebody asked for it\"}");
    answer(asked, "{\"return\":{}}");
    expect(house, "", "{\"return\":{}}");
    json_t *data = await_event(house, "migration_ended");
    assert_string_equal(control_word(data, "outcome", ""), "aborted");
    assert_true(json_is_null(json_object_get(data, "downtime_ns")));
    json_decref(data);
}

/* A host may see that nothing comes of it while it is still asked. */
static void an_end_may_come_before_the_answer(void **state)
{
    struct house *house = *state;
    begin(house);
    tell(house, 1, "migration_ended",
         "{\"guest\":\"kv\",\"outcome\":\"aborted\",\"reason\":\"somebody asked for it\"}");
    json_decref(await_event(house, "migration_ended"));
    say(house, MIGRATE(""));
    struct asked *asked = await_asked(house, 2);
    json_t *arguments = json_loads(asked->arguments, 0, NULL);
    json_t *end = json_pack("{s:s, s:s, s:s, s:s}", "guest", "kv", "move",
                            control_word(arguments, "move", ""), "outcome", "aborted", "reason",
                            "there is no way to B");
    moves_calls.told(house->moves, 1, "migration_ended", end);
    json_decref(end);
    json_decref(arguments);
    answer(asked, "{\"return\":{\"scenario\":\"" SCENARIO "\"}}");
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_ABORTED, 0);
    json_t *data = await_event(house, "migration_ended");
    assert_int_equal(control_number(data, "id", 0), 2);
    assert_string_equal(control_word(data, "reason", ""), "there is no way to B");
    json_decref(data);
    assert_false(post.is_moving);
}

/* What happened last may still be on its way: it is of the move that ends, and of no other. */
static void no_move_begins_while_one_ends(void **state)
{
    struct house *house = *state;
    struct door_ticket nobody = {0};
    json_t *arguments = json_object();
    begin(house);
    tell(house, 1, "migration_ended", "{\"guest\":\"kv\",\"outcome\":\"completed\"}");
    moves_obey(house->moves, "migrate", arguments, &nobody); /* in this very turn of the loop */
    json_decref(arguments);
    assert_false(house->moves->is_asked);
    assert_int_equal(post.asked_count, 1);
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0);
    json_t *data = await_event(house, "migration_ended");
    assert_int_equal(control_number(data, "id", 0), 1);
    json_decref(data);
    say(house, MIGRATE(""));
    await_asked(house, 2);
}

/* What is left of a former one is told by the same hosts. */
static void the_end_of_another_move_ends_nothing(void **state)
{
    struct house *house = *state;
    char former[33], now[33];
    begin(house);
    strcpy(former, post.move);
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_ABORTED, 0);
    json_decref(await_event(house, "migration_ended"));
    say(house, MIGRATE(""));
    answer(await_asked(house, 2), "{\"return\":{\"scenario\":\"" SCENARIO "\"}}");
    json_decref(await_event(house, "migration_started"));

    strcpy(now, post.move);
    strcpy(post.move, former);
    happens(house, 1, EVENT_FRAME_SENT, 4096, 0);
    happens(house, 2, EVENT_MIGRATION_ENDED, OUTCOME_LOST, 0);
    strcpy(post.move, now);
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0);
    json_t *data = await_event(house, "migration_ended");
    assert_int_equal(control_number(data, "id", 0), 2);
    assert_string_equal(control_word(data, "outcome", ""), "completed");
    assert_int_equal(control_number(data, "bytes_sent", 7), 0);
    json_decref(data);
}

/* Where no host can say how it ended, the gateway finds out. */
static void a_lost_guest_ends_its_move(void **state)
{
    struct house *house = *state;
    begin(house);
    tell(house, 0, "host_left", "{\"name\":\"A\",\"reason\":\"killed\"}");
    expect(house, "", "{\"event\":\"host_left\"");
    char reason[400] = "its host is gone", lost[500];
    while (strlen(reason) < 330) /* it is cut within a letter */
        strcat(reason, "\xc3\xa9");
    snprintf(lost, sizeof lost, "{\"guest\":\"kv\",\"reason\":\"%s\"}", reason);
    tell(house, 0, "guest_lost", lost);
    expect(house, "", "{\"event\":\"guest_lost\"");
    json_t *data = await_event(house, "migration_ended");
    assert_string_equal(control_word(data, "outcome", ""), "lost");
    assert_memory_equal(control_word(data, "reason", ""), "its host is gone??", 18);
    json_decref(data);
    assert_false(post.is_moving);
}

/* ---- Moves of which nobody says how they get on ---- */

/* Its source says nothing for a second, and is asked: what it answers. */
static void has_guests(struct house *house, const char *answer)
{
    struct control_message message;
    char line[200];

    house->moves->move.heard_ns -= 2 * NS_PER_S;
    while (post.guests_answer == NULL)
        uv_run(&house->loop, UV_RUN_ONCE);
    gateway_answer call = post.guests_answer;
    post.guests_answer = NULL;
    snprintf(line, sizeof line, "{\"return\":[%s]}", answer);
    assert_int_equal(control_read(line, strlen(line), &message, NULL), STATUS_OK);
    call(post.guests_owner, &message);
    control_message_fini(&message);
}

static void a_source_that_knows_of_no_move_has_none(void **state)
{
    struct house *house = *state;
    char going[120];
    begin(house);
    snprintf(going, sizeof going, "{\"name\":\"kv\",\"leaves\":\"%s\",\"state\":\"running\"}",
             post.move);
    has_guests(house, going);
    assert_int_equal(house->moves->move.state, MOVE_GOING);
    has_guests(house, "{\"name\":\"kv\",\"state\":\"moving\"}");
    assert_int_equal(house->moves->move.state, MOVE_GOING);
    has_guests(house, "");
    assert_int_equal(house->moves->move.state, MOVE_GOING); /* who has the guest will be seen */
    has_guests(house, "{\"name\":\"kv\",\"state\":\"running\"}");
    json_t *data = await_event(house, "migration_ended");
    assert_string_equal(control_word(data, "outcome", ""), "aborted");
    assert_string_equal(control_word(data, "reason", ""),
                        "host A knows nothing of it any more: the guest is there, and runs");
    json_decref(data);
    assert_false(post.is_moving);
}

static void a_source_that_has_lost_its_memory_may_have_moved_the_guest(void **state)
{
    struct house *house = *state;
    begin(house);
    post.at = 2;
    has_guests(house, "");
    json_t *data = await_event(house, "migration_ended");
    assert_string_equal(control_word(data, "outcome", ""), "lost"); /* B is not said to have all */
    json_decref(data);
}

#define PROGRESS                                                                              \
    "{\"guest\":\"kv\",\"move\":\"%s\",\"to\":\"B\",\"mode\":\"post-copy\",\"phase\":\"post-" \
    "copy\","                                                                                 \
    "\"elapsed_ns\":1000000,\"total_pages\":64,\"bytes_sent\":5}"

/* The gateway that ordered it has died. */
static void a_move_that_somebody_else_ordered_goes_on(void **state)
{
    struct house *house = *state;
    char progress[300];
    snprintf(progress, sizeof progress, PROGRESS, "0123456789abcdef0123456789abcdef");
    tell(house, 1, "progress", progress);
    expect(house, "", "{\"event\":\"migration_started\",\"data\":{\"id\":1,\"guest\":\"kv\",");
    json_decref(await_event(house, "progress"));
    assert_true(post.is_moving);
    expect(house, "{\"execute\":\"status\"}", "\"mode\":\"post-copy\",\"phase\":\"post-copy\"");
    expect(house, MIGRATE(""), "NotNow\",\"desc\":\"kv is being moved from A to B");
    say(house, "{\"execute\":\"abort\"}");
    struct asked *asked = await_asked(house, 1);
    assert_int_equal(asked->host, 1);
    assert_string_equal(asked->command, "abort");
    answer(asked, "{\"return\":{}}");
    tell(
        house, 1, "migration_ended",
        "{\"guest\":\"kv\",\"move\":\"0123456789abcdef0123456789abcdef\",\"outcome\":\"aborted\"}");
    json_decref(await_event(house, "migration_ended"));
    assert_false(post.is_moving);
    tell(house, 1, "progress", progress); /* it was on its way */
    assert_int_equal(house->moves->move.state, MOVE_ENDED);
}

/* One source that is away for long keeps nobody from moving others; when it is back, so is its move. */
static void who_never_comes_back_is_given_up(void **state)
{
    struct house *house = *state;
    char progress[300];
    begin(house);
    post.is_a_away = true;
    house->moves->move.here_ns -= 61 * NS_PER_S;
    json_t *data = await_event(house, "migration_ended");
    assert_string_equal(control_word(data, "outcome", ""), "lost");
    json_decref(data);
    assert_false(moves_is_going(house->moves));
    post.is_a_away = false;
    snprintf(progress, sizeof progress, PROGRESS, post.move);
    tell(house, 1, "progress", progress);
    expect(house, "", "{\"event\":\"migration_started\",\"data\":{\"id\":2,\"guest\":\"kv\",");
}

/* The two hosts of a move may say numbers that cannot be. */
static void numbers_that_cannot_be_end_nothing_else(void **state)
{
    struct house *house = *state;
    begin(house);
    struct event event = {.at_ns = uv_hrtime(),
                          .kind = EVENT_PAGES_SENT,
                          .pages_sent = {.count = 1, .bytes = UINT64_MAX}};
    moves_calls.happened(house->moves, 1, post.move, &event, 1);
    happens(house, 1, EVENT_MIGRATION_ENDED, OUTCOME_COMPLETED, 0);
    json_t *data = await_event(house, "migration_ended");
    assert_int_equal(control_number(data, "bytes_per_s", 0), INT64_MAX);
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_HOUSE(what_makes_no_sense_begins_nothing),
        IN_A_HOUSE(a_host_may_refuse),
        IN_A_HOUSE(a_move_is_told_and_recorded),
        IN_A_HOUSE(a_clock_that_is_behind_loses_nothing),
        IN_A_HOUSE(an_end_says_no_less_than_the_progress),
        IN_A_HOUSE(what_is_wrong_is_said),
        IN_A_HOUSE(a_move_is_steered),
        IN_A_HOUSE(no_move_begins_while_one_ends),
        IN_A_HOUSE(a_lost_guest_ends_its_move),
        IN_A_HOUSE(an_end_may_come_before_the_answer),
        IN_A_HOUSE(the_end_of_another_move_ends_nothing),
        IN_A_HOUSE(a_source_that_knows_of_no_move_has_none),
        IN_A_HOUSE(a_source_that_has_lost_its_memory_may_have_moved_the_guest),
        IN_A_HOUSE(a_move_that_somebody_else_ordered_goes_on),
        IN_A_HOUSE(who_never_comes_back_is_given_up),
        IN_A_HOUSE(numbers_that_cannot_be_end_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
