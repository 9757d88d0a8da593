#include "live/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#define GREETING "{\"ferry\": {\"version\": \"0.1\", \"protocol\": 1, \"capabilities\": []}}\n"

/* A door that has said all that it will say before anybody knocks: what it hears it reads last. */
static int say(struct caller *caller, const char *text, struct problem *problem,
               enum status expected)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    assert_int_equal(caller_open_on(caller, ends[0], problem), expected);
    return ends[1];
}

static void who_is_no_gateway_is_found_out(void **state)
{
    static const struct {
        const char *said, *words;
        enum status status;
    } rows[] = {
        {"", "has closed the door", STATUS_NO_FILE},
        {"+OK\r\n", "speaks no control protocol", STATUS_NO_FILE},
        {"{\"return\": {}}\n", "no gateway of ferry's", STATUS_BAD_INPUT},
        {"{\"ferry\": {\"protocol\": 2}}\n", "another version", STATUS_BAD_INPUT},
        {"{\"ferry\": 1}\n", "another version", STATUS_BAD_INPUT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem problem = {0};
        struct caller caller;
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        assert_int_equal(write(ends[1], rows[i].said, strlen(rows[i].said)), strlen(rows[i].said));
        close(ends[1]);
        assert_int_equal(caller_open_on(&caller, ends[0], &problem), rows[i].status);
        if (strstr(problem.text, rows[i].words) == NULL)
            fail_msg("\"%s\": %s", rows[i].said, problem.text);
        caller_close(&caller);
    }
}

static void nobody_at_home_is_said(void **state)
{
    char path[CONTROL_PATH_MAX], longer[300];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct problem problem = {0};
    struct caller caller;
    (void)state;
    snprintf(path, sizeof path, "/tmp/ferry_caller_test_%d", (int)getpid());
    assert_int_equal(caller_open(&caller, path, &problem), STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "there is no gateway: start one"));
    caller_close(&caller);

    strcpy(address.sun_path, path); /* left behind by a gateway that is gone */
    int left = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(left, (struct sockaddr *)&address, sizeof address), 0);
    close(left);
    problem = (struct problem){0};
    assert_int_equal(caller_open(&caller, path, &problem), STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "nobody listens there any more"));
    caller_close(&caller);
    unlink(path);

    snprintf(longer, sizeof longer, "/%0200d", 1);
    assert_int_equal(caller_open(&caller, longer, NULL), STATUS_USAGE);
    caller_close(&caller);
}

static void an_answer_is_found_among_events(void **state)
{
    struct problem problem = {0};
    struct control_message message;
    struct caller caller;
    json_t *result = NULL;
    char heard[200];
    (void)state;
    int door =
        say(&caller,
            GREETING "{\"event\": \"one\", \"data\": {}}\n{\"return\": {\"x\": 9}, \"id\": 9}\n"
                     "{\"event\": \"two\"}\n{\"return\": {\"x\": 1}, \"id\": 1}\n"
                     "{\"event\": \"three\"}\n",
            &problem, STATUS_OK);
    assert_int_equal(caller_ask(&caller, "status", json_pack("{s:i}", "a", 1), &result, &problem),
                     STATUS_OK);
    assert_int_equal(control_number(result, "x", 0), 1);
    json_decref(result);
    ssize_t count = read(door, heard, sizeof heard - 1);
    assert_true(count > 0);
    heard[count] = '\0';
    assert_string_equal(heard, "{\"execute\":\"status\",\"arguments\":{\"a\":1},\"id\":1}\n");
    static const char *const names[] = {"one", NULL, "two", "three"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(caller_next(&caller, 0, &message), CALLER_MESSAGE);
        if (names[i] != NULL)
            assert_string_equal(message.name, names[i]);
        control_message_fini(&message);
    }
    assert_int_equal(caller_next(&caller, 0, &message), CALLER_NOTHING);
    close(door);
    assert_int_equal(caller_next(&caller, -1, &message), CALLER_OVER);
    assert_int_equal(caller_next(&caller, -1, &message), CALLER_OVER);
    assert_int_equal(caller_ask(&caller, "status", NULL, NULL, &problem), STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "has closed the door"));
    caller_close(&caller);
}

static void a_refusal_keeps_its_class(void **state)
{
    struct problem problem = {0};
    struct caller caller;
    (void)state;
    int door =
        say(&caller,
            GREETING "{\"error\": {\"class\": \"NotNow\", \"desc\": \"no move\"}, \"id\": 1}\n"
                     "{\"error\": {\"class\": \"BadArgument\", \"desc\": \"no line\"}}\n"
                     "{\"return\": {}, \"id\": 3}\n",
            &problem, STATUS_OK);
    assert_int_equal(caller_ask(&caller, "abort", NULL, NULL, &problem), STATUS_REFUSED);
    assert_string_equal(problem.text, "no move");
    assert_string_equal(caller.error_class, "NotNow");
    problem = (struct problem){0};
    assert_int_equal(caller_ask(&caller, "abort", NULL, NULL, &problem), STATUS_REFUSED);
    assert_string_equal(problem.text, "no line"); /* a line that had no id to give back */
    assert_int_equal(caller_ask(&caller, "abort", NULL, NULL, &problem), STATUS_OK);
    assert_string_equal(caller.error_class, "");
    close(door);
    caller_close(&caller);
}

/* What was kept is there although its door is not. */
static void messages_outlive_the_door(void **state)
{
    struct control_message message;
    struct problem problem = {0};
    struct caller caller;
    (void)state;
    int door = say(&caller, GREETING "{\"event\": \"a\"}\n{\"event\": \"b\"}\n{\"event\"", &problem,
                   STATUS_OK);
    close(door);
    assert_int_equal(caller_next(&caller, -1, &message), CALLER_MESSAGE);
    control_message_fini(&message);
    assert_int_equal(caller_next(&caller, -1, &message), CALLER_MESSAGE);
    control_message_fini(&message);
    assert_int_equal(caller_next(&caller, -1, &message), CALLER_OVER);
    caller_close(&caller);
}

/* A guest's name, a reason: they come from whoever may be a host, and are shown to people. */
static void nothing_heard_commands_a_terminal(void **state)
{
    struct control_message message;
    struct problem problem = {0};
    struct caller caller;
    (void)state;
    int door =
        say(&caller,
            GREETING "{\"event\": \"host_left\", \"data\": {\"name\": \"\\u001b]0;x\\u0007\", "
                     "\"guests\": [{\"name\": \"k\\u009b1mv\\n\"}], \"at\": \"Zürich\"}}\n"
                     "{\"error\": {\"class\": \"NotNow\", \"desc\": \"\\u001b[2J\"}, \"id\": 1}\n"
                     "\x1b[31m\n",
            &problem, STATUS_OK);
    assert_int_equal(caller_ask(&caller, "abort", NULL, NULL, &problem), STATUS_REFUSED);
    assert_string_equal(problem.text, "?[2J");
    assert_int_equal(caller_next(&caller, -1, &message), CALLER_MESSAGE);
    assert_string_equal(control_word(message.data, "name", ""), "?]0;x?");
    assert_string_equal(control_word(message.data, "at", ""), "Zürich");
    const json_t *guest = json_array_get(json_object_get(message.data, "guests"), 0);
    assert_string_equal(control_word(guest, "name", ""), "k??1mv?");
    control_message_fini(&message);
    assert_int_equal(caller_next(&caller, -1, &message), CALLER_OVER);
    assert_null(strchr(caller.why_over, 0x1b));
    close(door);
    caller_close(&caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_no_gateway_is_found_out),
        cmocka_unit_test(nobody_at_home_is_said),
        cmocka_unit_test(an_answer_is_found_among_events),
        cmocka_unit_test(a_refusal_keeps_its_class),
        cmocka_unit_test(messages_outlive_the_door),
        cmocka_unit_test(nothing_heard_commands_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
