#include "live/door.h"

#include "base/units.h"
#include "live/knocking.h"
#include "record/reading.h"

/* A door and those who knock live on one loop here: whoever waits lets the loop turn meanwhile. */
struct house {
    uv_loop_t loop;
    struct gateway_record record;
    struct door *door;
    char folder[64], path[CONTROL_PATH_MAX], line[400];
    struct door_ticket kept; /* of a command that is answered later */
    unsigned told_count, command_count;
};

static void command(void *owner, const char *name, const json_t *arguments,
                    struct door_ticket *ticket)
{
    struct house *house = owner;

    house->command_count++;
    if (strcmp(name, "later") == 0)
        house->kept = *ticket;
    else if (strcmp(name, "long") == 0) {
        char text[40001];
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        door_return(house->door, ticket, json_string(text));
    } else if (strcmp(name, "echo") == 0)
        door_return(house->door, ticket, json_incref((json_t *)arguments));
    else if (strcmp(name, "tell") == 0) {
        door_tell(house->door, "told", json_incref((json_t *)arguments));
        door_return(house->door, ticket, NULL);
    } else
        door_refuse(house->door, ticket, CONTROL_UNKNOWN_COMMAND, "no %s", name);
}

static void told(void *owner, const char *line)
{
    struct house *house = owner;
    house->told_count++;
    snprintf(house->line, sizeof house->line, "%s", line);
}

static const struct door_owner calls = {.command = command, .told = told};

static int open_house(void **state)
{
    struct house *house = calloc(1, sizeof *house);
    struct problem problem = {0};

    strcpy(house->folder, "/tmp/ferry_door_test_XXXXXX");
    assert_non_null(mkdtemp(house->folder));
    snprintf(house->path, sizeof house->path, "%s/new/control", house->folder);
    assert_int_equal(uv_loop_init(&house->loop), 0);
    gateway_record_init(&house->record, 0);
    if (door_open(&house->loop, house->path, &house->record, &calls, house, &house->door,
                  &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    *state = house;
    return 0;
}

static int close_house(void **state)
{
    struct house *house = *state;
    char path[CONTROL_PATH_MAX + 8];

    door_close(house->door);
    assert_int_not_equal(access(house->path, F_OK), 0); /* its place is free at once */
    uv_run(&house->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&house->loop), 0);
    gateway_record_fini(&house->record);
    snprintf(path, sizeof path, "%s/new", house->folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(house->folder), 0);
    free(house);
    return 0;
}

static void turn(struct house *house)
{
    uv_run(&house->loop, UV_RUN_NOWAIT);
}

static void every_line_is_answered(void **state)
{
    static const char *const rows[][2] = {
        {"{\"execute\": \"echo\", \"arguments\": {\"a\": [1]}, \"id\": \"x\"}",
         "{\"return\":{\"a\":[1]},\"id\":\"x\"}"},
        {"{\"execute\": \"echo\"}\r", "{\"return\":{}}"},
        {"\n\n{\"execute\": \"nothing\", \"id\": null}",
         "{\"error\":{\"class\":\"UnknownCommand\",\"desc\":\"no nothing\"},\"id\":null}"},
        {"help", "\"class\":\"BadArgument\",\"desc\":\"the line is no JSON"},
        {"{\"execute\": 7, \"id\": 3}",
         "is no string: write {\\\"execute\\\": \\\"status\\\"}\"},\"id\":3}"},
        {"{\"execute\": \"echo\", \"colour\": 1}", "\\\"colour\\\" belongs to no command"},
        {"{\"return\": {}}", "the line is no command"},
        {"{\"event\": \"x\"}", "the line is no command"},
        {"{\"execute\": \"attach\", \"arguments\": {\"recrod\": true}}", "the nearest is"},
        {"{\"execute\": \"attach\", \"arguments\": {\"id\": 7}}", "no recording of that"},
        {"{\"execute\": \"attach\"}", "{\"return\":{\"id\":null}}"},
        {"{\"execute\": \"detach\", \"arguments\": {\"id\": 7}}", "takes no arguments"},
        {"{\"execute\": \"detach\", \"id\": 1}", "{\"return\":{},\"id\":1}"},
        {"{\"execute\": \"tell\", \"arguments\": {\"a\": 1}}",
         "{\"event\":\"told\",\"data\":{\"a\":1},"},
    };
    struct house *house = *state;
    struct caller caller;
    open_knocker(&house->loop, house->path, &caller);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_answer(&house->loop, &caller, rows[i][0], rows[i][1]);
    caller_close(&caller);
    turn(house);
    assert_int_equal(house->told_count, 0);
}

static void a_line_without_an_end_ends_the_call(void **state)
{
    struct house *house = *state;
    struct caller caller;
    struct control_message message;
    char *text = malloc(CONTROL_LINE_MAX);
    open_knocker(&house->loop, house->path, &caller);
    memset(text, ' ', CONTROL_LINE_MAX);
    for (size_t sent = 0; sent < CONTROL_LINE_MAX; turn(house)) {
        ssize_t count = send(caller_descriptor(&caller), text + sent, CONTROL_LINE_MAX - sent,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += count > 0 ? (size_t)count : 0;
    }
    free(text);
    assert_int_equal(hear_next(&house->loop, &caller, &message), CALLER_MESSAGE);
    assert_non_null(strstr(message.desc, "65536 bytes"));
    control_message_fini(&message);
    assert_int_equal(hear_next(&house->loop, &caller, &message), CALLER_OVER);
    caller_close(&caller);
}

static void answers_may_come_later(void **state)
{
    struct house *house = *state;
    struct caller asks, waits;
    open_knocker(&house->loop, house->path, &asks);
    open_knocker(&house->loop, house->path, &waits);
    const char *line = "{\"execute\": \"later\", \"id\": 5}\n";
    assert_int_equal(send(caller_descriptor(&asks), line, strlen(line), 0), strlen(line));
    while (house->kept.caller == 0)
        turn(house);
    expect_answer(&house->loop, &waits, "{\"execute\": \"echo\"}",
                  "return"); /* nobody waits for another */
    struct door_ticket ticket = house->kept;
    ticket.id = json_incref(ticket.id);
    door_refuse(house->door, &house->kept, CONTROL_NOT_NOW, "%s", "not yet");
    expect_answer(&house->loop, &asks, "",
                  "{\"error\":{\"class\":\"NotNow\",\"desc\":\"not yet\"},\"id\":5}");
    caller_close(&asks);
    for (int i = 0; i < 100; i++)
        turn(house);
    door_return(house->door, &ticket, json_object()); /* to somebody who has left */
    caller_close(&waits);
}

static void there_is_room_for_sixteen(void **state)
{
    struct house *house = *state;
    struct caller callers[DOOR_CALLERS_MAX], late;
    struct problem problem = {0};
    for (unsigned i = 0; i < DOOR_CALLERS_MAX; i++)
        open_knocker(&house->loop, house->path, &callers[i]);
    for (int i = 0; i < 2; i++) {
        int descriptor = knock_and_wait(&house->loop, house->path);
        problem = (struct problem){0};
        assert_int_equal(caller_open_on(&late, descriptor, &problem), STATUS_REFUSED);
        assert_string_equal(problem.text,
                            "the door: 16 callers are at the door: come again when one has left");
        caller_close(&late);
        for (int j = 0; j < 100; j++)
            turn(house);
    }
    caller_close(&callers[3]);
    for (int i = 0; i < 100; i++)
        turn(house);
    open_knocker(&house->loop, house->path, &callers[3]);
    for (unsigned i = 0; i < DOOR_CALLERS_MAX; i++)
        caller_close(&callers[i]);
}

/* Who does not read what is told is shut out; the others hear all of it. */
static void a_reader_who_does_not_read_is_shut_out(void **state)
{
    struct house *house = *state;
    struct caller sleeps, reads;
    struct control_message message;
    char text[2001];
    unsigned heard = 0, sent = 0;
    open_knocker(&house->loop, house->path, &sleeps);
    open_knocker(&house->loop, house->path, &reads);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (; house->told_count == 0 && sent < 10000; sent++) {
        door_tell(house->door, "noise", json_string(text));
        turn(house);
        while (caller_next(&reads, 0, &message) == CALLER_MESSAGE) {
            heard++;
            control_message_fini(&message);
        }
    }
    assert_int_equal(house->told_count, 1);
    assert_non_null(strstr(house->line, "shut out"));
    assert_non_null(strstr(house->line, "1.000 MiB"));
    for (; heard < sent; heard++) {
        assert_int_equal(hear_next(&house->loop, &reads, &message), CALLER_MESSAGE);
        control_message_fini(&message);
    }
    caller_close(&sleeps);
    caller_close(&reads);
}

/* To be told more than he waits for is no fault of his. */
static void who_goes_is_no_news(void **state)
{
    struct house *house = *state;
    struct caller asks, hears;
    open_knocker(&house->loop, house->path, &hears);
    for (unsigned i = 0; i < 2; i++) { /* with something unread, and with something on its way */
        open_knocker(&house->loop, house->path, &asks);
        if (i == 0)
            door_tell(house->door, "noise", json_true());
        caller_close(&asks);
        door_tell(house->door, "noise", json_true());
        for (unsigned turns = 0; turns < 5; turns++)
            turn(house);
        expect_answer(&house->loop, &hears, "", "noise");
    }
    assert_int_equal(house->told_count, 0);
    caller_close(&hears);
}

static void who_does_not_read_a_guests_chatter_is_spared_it(void **state)
{
    struct house *house = *state;
    struct caller caller;
    char text[2001];
    open_knocker(&house->loop, house->path, &caller);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (unsigned sent = 0; sent < 2000; sent++) {
        door_chat(house->door, "noise", json_string(text));
        turn(house);
    }
    assert_int_equal(house->told_count, 0);
    door_tell(house->door, "told", json_true());
    for (bool is_it = false; !is_it;) { /* after some of the noise */
        struct control_message message;
        assert_int_equal(hear_next(&house->loop, &caller, &message), CALLER_MESSAGE);
        is_it = strcmp(message.name, "told") == 0;
        control_message_fini(&message);
    }
    caller_close(&caller);
}

/* ---- Many lines at once ---- */

static void say_often(struct caller *caller, const char *line, unsigned count)
{
    struct bytes text = {0};

    for (unsigned i = 0; i < count; i++)
        bytes_put(&text, line, strlen(line));
    assert_int_equal(send(caller_descriptor(caller), text.data, text.count, MSG_DONTWAIT),
                     text.count);
    bytes_fini(&text);
}

/* What he has said before he was shut out is not done any more. */
static void who_is_shut_out_is_not_obeyed(void **state)
{
    struct house *house = *state;
    struct caller caller;
    open_knocker(&house->loop, house->path, &caller);
    say_often(&caller, "{\"execute\": \"long\"}\n", 60);
    while (house->told_count == 0)
        turn(house);
    assert_non_null(strstr(house->line, "1.000 MiB"));
    assert_in_range(house->command_count, 26, 59); /* a MiB, and what the socket has taken */
    caller_close(&caller);
}

/* Whoever says much at once is heard, but not before all others: in a turn of the loop the rest of
 * what was read, and then what is read. */
static void each_is_heard_in_his_turn(void **state)
{
    struct house *house = *state;
    struct caller hasty, patient;
    unsigned before = 0;
    open_knocker(&house->loop, house->path, &hasty);
    open_knocker(&house->loop, house->path, &patient);
    say_often(&hasty, "{\"execute\": \"later\"}\n", 3000);
    caller_close(&hasty);
    while (house->command_count < 3000) {
        turn(house);
        assert_in_range(house->command_count - before, 0, 2 * DOOR_LINES_IN_A_TURN);
        before = house->command_count;
    }
    expect_answer(&house->loop, &patient, "{\"execute\": \"echo\"}", "{\"return\":{}}");
    caller_close(&patient);
}

/* ---- Recordings ---- */

static void begin_recording(struct house *house, uint64_t id)
{
    struct scenario scenario;
    scenario_init(&scenario);
    assert_int_equal(scenario_set(&scenario, "guest", "model:uniform", NULL), STATUS_OK);
    gateway_record_begin(&house->record, id, &scenario, "B A", id * NS_PER_S);
    scenario_fini(&scenario);
}

static void record_requests(struct house *house, uint64_t id, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct event event = {.at_ns = id * NS_PER_S + i * 1000, .kind = EVENT_REQUEST_SENT};
        gateway_record_add(&house->record, 0, &event, id * NS_PER_S + i * 1000);
    }
    gateway_record_advance(&house->record, id * NS_PER_S + NS_PER_S / 2);
    door_poke(house->door);
}

static void end_recording(struct house *house, uint64_t id)
{
    gateway_record_end(&house->record, id * NS_PER_S + NS_PER_S / 4);
    gateway_record_advance(&house->record, id * NS_PER_S + NS_PER_S * 3 / 4);
    door_poke(house->door);
}

/* Collects the pieces of the next recording that ends; returns its id. */
static uint64_t collect(struct house *house, struct caller *caller, struct bytes *bytes,
                        bool *is_cut)
{
    struct control_message message;
    bool is_end = false;
    uint64_t id = 0;

    bytes_clear(bytes);
    while (!is_end) {
        assert_int_equal(hear_next(&house->loop, caller, &message), CALLER_MESSAGE);
        assert_string_equal(message.name, "recording");
        assert_true(id == 0 || id == control_number(message.data, "id", 0));
        id = control_number(message.data, "id", 0);
        assert_true(control_unbase64(control_word(message.data, "data", NULL), bytes));
        is_end = json_is_true(json_object_get(message.data, "is_end"));
        *is_cut = json_is_true(json_object_get(message.data, "is_cut"));
        control_message_fini(&message);
    }
    return id;
}

static void recordings_are_given_out(void **state)
{
    struct house *house = *state;
    struct bytes bytes = {0};
    struct reading reading;
    struct caller early, late;
    bool is_cut;
    open_knocker(&house->loop, house->path, &early);
    expect_answer(&house->loop, &early, "{\"execute\": \"attach\"}", "{\"return\":{\"id\":null}}");
    begin_recording(house, 1);
    record_requests(house, 1, 50000);
    open_knocker(&house->loop, house->path, &late); /* gets it from its beginning all the same */
    expect_answer(&house->loop, &late, "{\"execute\": \"attach\", \"arguments\": {\"id\": 1}}",
                  "{\"id\":1}");
    end_recording(house, 1);
    for (int i = 0; i < 2; i++) {
        struct caller *caller = i == 0 ? &early : &late;
        assert_int_equal(collect(house, caller, &bytes, &is_cut), 1);
        assert_false(is_cut);
        assert_int_equal(reading_open(&reading, bytes.data, bytes.count, NULL), STATUS_OK);
        reading_close(&reading);
    }
    begin_recording(house, 2); /* and then the next */
    record_requests(house, 2, 10);
    end_recording(house, 2);
    assert_int_equal(collect(house, &early, &bytes, &is_cut), 2);
    expect_answer(&house->loop, &early, "{\"execute\": \"detach\"}", "return");
    begin_recording(house, 3);
    record_requests(house, 3, 10);
    end_recording(house, 3);
    expect_answer(&house->loop, &early, "{\"execute\": \"echo\"}", "return");
    assert_int_equal(collect(house, &late, &bytes, &is_cut), 2);
    assert_int_equal(collect(house, &late, &bytes, &is_cut), 3);
    bytes_fini(&bytes);
    caller_close(&early);
    caller_close(&late);
}

/* An id that names none is not taken for the last. */
static void recordings_are_asked_for_by_number(void **state)
{
    static const char *const ids[] = {"0", "-1", "2", "\"1\"", "1.0", "null", "[]"};
    struct house *house = *state;
    struct caller caller;
    char line[96];
    begin_recording(house, 1);
    open_knocker(&house->loop, house->path, &caller);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        snprintf(line, sizeof line, "{\"execute\": \"attach\", \"arguments\": {\"id\": %s}}",
                 ids[i]);
        expect_answer(&house->loop, &caller, line, "no recording of that migration");
    }
    expect_answer(&house->loop, &caller, "{\"execute\": \"attach\", \"arguments\": {\"id\": 1}}",
                  "{\"id\":1}");
    caller_close(&caller);
}

/* A recording that a slow reader has only begun is forgotten: he is told, and gets the next there
 * is. */
static void a_slow_reader_is_told_what_he_has_missed(void **state)
{
    struct house *house = *state;
    struct bytes bytes = {0};
    struct caller caller;
    bool is_cut;
    open_knocker(&house->loop, house->path, &caller);
    begin_recording(house, 1);
    record_requests(house, 1, 400000); /* more than a socket takes at once */
    expect_answer(&house->loop, &caller, "{\"execute\": \"attach\"}", "{\"id\":1}");
    for (uint64_t id = 1; id <= 3 + GATEWAY_RECORDINGS; id++) {
        end_recording(house, id);
        begin_recording(house, id + 1);
        record_requests(house, id + 1, 10);
    }
    end_recording(house, 4 + GATEWAY_RECORDINGS);
    assert_int_equal(collect(house, &caller, &bytes, &is_cut), 1);
    assert_true(is_cut);
    for (uint64_t id = 5; id <= 4 + GATEWAY_RECORDINGS; id++) {
        assert_int_equal(collect(house, &caller, &bytes, &is_cut), id);
        assert_false(is_cut);
    }
    bytes_fini(&bytes);
    caller_close(&caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_line_is_answered, open_house, close_house),
        cmocka_unit_test_setup_teardown(a_line_without_an_end_ends_the_call, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(answers_may_come_later, open_house, close_house),
        cmocka_unit_test_setup_teardown(there_is_room_for_sixteen, open_house, close_house),
        cmocka_unit_test_setup_teardown(a_reader_who_does_not_read_is_shut_out, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(who_goes_is_no_news, open_house, close_house),
        cmocka_unit_test_setup_teardown(who_does_not_read_a_guests_chatter_is_spared_it, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(who_is_shut_out_is_not_obeyed, open_house, close_house),
        cmocka_unit_test_setup_teardown(each_is_heard_in_his_turn, open_house, close_house),
        cmocka_unit_test_setup_teardown(recordings_are_given_out, open_house, close_house),
        cmocka_unit_test_setup_teardown(recordings_are_asked_for_by_number, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(a_slow_reader_is_told_what_he_has_missed, open_house,
                                        close_house),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
