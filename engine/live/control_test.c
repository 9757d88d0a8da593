#include "live/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- Lines ---- */

static void lines_are_found_wherever_they_are_cut(void **state)
{
    static const char text[] = "{}\n\r\nab\r\n\ncd";
    static const char *const lines[] = {"{}", "", "ab", ""};
    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct control_lines reader = {0};
        unsigned found = 0;
        for (int half = 0; half < 2; half++) {
            const char *line;
            size_t count;
            bool is_too_long;
            control_lines_put(&reader, half == 0 ? text : text + cut,
                              half == 0 ? cut : sizeof text - 1 - cut);
            while ((line = control_lines_next(&reader, &count, &is_too_long)) != NULL) {
                assert_true(found < 4);
                assert_int_equal(count, strlen(lines[found]));
                assert_memory_equal(line, lines[found], count);
                found++;
            }
            assert_false(is_too_long);
        }
        assert_int_equal(found, 4);
        control_lines_fini(&reader);
    }
}

static void a_line_has_an_end(void **state)
{
    struct control_lines reader = {0};
    char *text = malloc(CONTROL_LINE_MAX);
    bool is_too_long;
    size_t count;
    (void)state;
    memset(text, 'a', CONTROL_LINE_MAX);
    text[CONTROL_LINE_MAX - 1] = '\n'; /* as long as can be */
    control_lines_put(&reader, text, CONTROL_LINE_MAX);
    assert_non_null(control_lines_next(&reader, &count, &is_too_long));
    assert_int_equal(count, CONTROL_LINE_MAX - 1);
    text[CONTROL_LINE_MAX - 1] = 'a';
    control_lines_put(&reader, text, CONTROL_LINE_MAX - 1);
    assert_null(control_lines_next(&reader, &count, &is_too_long));
    assert_false(is_too_long);
    control_lines_put(&reader, "a", 1); /* whatever follows, this is none */
    assert_null(control_lines_next(&reader, &count, &is_too_long));
    assert_true(is_too_long);
    control_lines_fini(&reader);
    control_lines_put(&reader, text, CONTROL_LINE_MAX);
    control_lines_put(&reader, "\n", 1); /* its end comes too late */
    assert_null(control_lines_next(&reader, &count, &is_too_long));
    assert_true(is_too_long);
    control_lines_fini(&reader);
    free(text);
}

/* ---- Messages ---- */

static void messages_are_what_they_say(void **state)
{
    static const struct {
        const char *line;
        enum control_kind kind;
        const char *name, *data, *id;
    } rows[] = {
        {"{\"execute\": \"status\"}", CONTROL_COMMAND, "status", NULL, NULL},
        {"{\"execute\": \"migrate\", \"arguments\": {\"to\": \"B\"}, \"id\": [7]}", CONTROL_COMMAND,
         "migrate", "{\"to\":\"B\"}", "[7]"},
        {"{\"return\": {}, \"id\": 1}", CONTROL_RETURN, NULL, "{}", "1"},
        {"{\"error\": {\"class\": \"NotNow\", \"desc\": \"no\"}}", CONTROL_ERROR, "NotNow", NULL,
         NULL},
        {"{\"event\": \"host_left\", \"data\": {\"name\": \"A\"}, \"timestamp\": {}}",
         CONTROL_EVENT, "host_left", "{\"name\":\"A\"}", NULL},
        {"{\"event\": \"guests\", \"data\": []}", CONTROL_EVENT, "guests", "[]", NULL},
        {"{\"ferry\": {\"protocol\": 1}}", CONTROL_GREETING, NULL, "{\"protocol\":1}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct control_message message;
        struct problem problem = {0};
        enum status status = control_read(rows[i].line, strlen(rows[i].line), &message, &problem);
        if (status != STATUS_OK)
            fail_msg("%s: %s", rows[i].line, problem.text);
        assert_int_equal(message.kind, rows[i].kind);
        assert_int_equal(message.name == NULL, rows[i].name == NULL);
        if (rows[i].name != NULL)
            assert_string_equal(message.name, rows[i].name);
        char *data = json_dumps(message.data, JSON_COMPACT);
        assert_int_equal(data == NULL, rows[i].data == NULL);
        if (data != NULL)
            assert_string_equal(data, rows[i].data);
        free(data);
        char *id = json_dumps(message.id, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_int_equal(id == NULL, rows[i].id == NULL);
        if (id != NULL)
            assert_string_equal(id, rows[i].id);
        free(id);
        control_message_fini(&message);
    }
}

static void refuse_line(const char *line, size_t count, const char *words)
{
    struct control_message message;
    struct problem problem = {0};
    enum status status = control_read(line, count, &message, &problem);

    if (status != STATUS_BAD_INPUT || strstr(problem.text, words) == NULL)
        fail_msg("%.80s: %d, \"%s\", not \"%s\"", line, status, problem.text, words);
    control_message_fini(&message);
}

static void what_is_none_is_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"", "no JSON"},
        {"status", "no JSON"},
        {"{\"execute\": \"status\"", "no JSON"},
        {"{\"execute\": \"status\"} {}", "no JSON"},
        {"{\"execute\": \"a\", \"execute\": \"b\"}", "duplicate"},
        {"{\"execute\": \"\xff\"}", "unable to decode byte 0xff"},
        {"{\"execute\": \"a\\u0000b\"}", "no JSON"},
        {"[]", "no JSON object"},
        {"7", "no JSON"},
        {"{}", "no \"execute\""},
        {"{\"exec\": \"status\"}", "no \"execute\""},
        {"{\"execute\": 7}", "\"execute\" is no string"},
        {"{\"execute\": null}", "\"execute\" is no string"},
        {"{\"execute\": \"a\", \"arguments\": []}", "\"arguments\" is no object"},
        {"{\"execute\": \"a\", \"arguments\": null}", "\"arguments\" is no object"},
        {"{\"execute\": \"a\", \"argument\": {}}", "\"argument\" belongs to no command"},
        {"{\"event\": 1}", "\"event\" is no string"},
        {"{\"error\": \"no\"}", "\"class\" and \"desc\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuse_line(rows[i].line, strlen(rows[i].line), rows[i].words);
    refuse_line("{\"execute\"\0: 1}", 15, "no JSON");
}

static void depth_and_ids_are_bounded(void **state)
{
    char line[4 * CONTROL_ID_MAX];
    struct control_message message;
    struct problem problem = {0};
    (void)state;
    for (unsigned depth = CONTROL_DEPTH_MAX - 1; depth <= CONTROL_DEPTH_MAX; depth++) {
        size_t count =
            (size_t)snprintf(line, sizeof line, "{\"execute\": \"[[[[\\\"[[\", \"id\": ");
        for (unsigned i = 0; i < depth; i++)
            line[count++] = '[';
        for (unsigned i = 0; i < depth; i++)
            line[count++] = ']';
        line[count++] = '}';
        enum status status = control_read(line, count, &message, &problem);
        assert_int_equal(status, depth < CONTROL_DEPTH_MAX ? STATUS_OK : STATUS_BAD_INPUT);
        control_message_fini(&message);
    }
    snprintf(line, sizeof line, "{\"execute\": \"a\", \"id\": \"%*d\"}", CONTROL_ID_MAX, 1);
    refuse_line(line, strlen(line), "\"id\" has more than");
}

static void what_is_written_is_read(void **state)
{
    struct bytes text = {0};
    struct control_lines lines = {0};
    json_t *id = json_string("x\ny");
    static const enum control_kind kinds[] = {CONTROL_GREETING, CONTROL_COMMAND, CONTROL_RETURN,
                                              CONTROL_ERROR, CONTROL_EVENT};
    (void)state;
    control_put(&text, control_greeting());
    control_put(&text, control_command("abort", NULL, id));
    control_put(&text, control_return(NULL, id));
    control_put(&text, control_refusal(CONTROL_NO_SUCH_HOST, "caf\xe9: none", id));
    control_put(&text, control_event("host_left", NULL, 1234567890123456));
    json_decref(id);
    control_lines_put(&lines, text.data, text.count);
    for (unsigned i = 0; i < 5; i++) {
        struct control_message message;
        size_t count;
        bool is_too_long;
        const char *line = control_lines_next(&lines, &count, &is_too_long);
        assert_non_null(line);
        assert_int_equal(control_read(line, count, &message, NULL), STATUS_OK);
        assert_int_equal(message.kind, kinds[i]);
        if (i == 3)
            assert_string_equal(message.desc, "caf?: none");
        if (i == 4) {
            json_t *when = json_object_get(message.root, "timestamp");
            assert_int_equal(control_number(when, "seconds", 0), 1234567890);
            assert_int_equal(control_number(when, "microseconds", 0), 123456);
        }
        control_message_fini(&message);
    }
    control_lines_fini(&lines);
    bytes_fini(&text);
}

static void arguments_are_judged(void **state)
{
    json_t *object = json_pack("{s:s, s:i, s:i}", "to", "B", "count", 7, "less", -1);
    struct problem problem = {0};
    const char *text;
    (void)state;
    assert_int_equal(control_text(object, "to", &text, &problem), STATUS_OK);
    assert_string_equal(text, "B");
    assert_int_equal(control_text(object, "from", &text, &problem), STATUS_OK);
    assert_null(text);
    assert_int_equal(control_text(object, "count", &text, &problem), STATUS_USAGE);
    assert_non_null(strstr(problem.text, "count: this is no string"));
    assert_int_equal(control_number(object, "count", 1), 7);
    assert_int_equal(control_number(object, "to", 1), 1);
    assert_int_equal(control_number(object, "less", 1), 1);
    assert_string_equal(control_word(object, "to", "A"), "B");
    assert_string_equal(control_word(object, "count", "A"), "A");
    assert_int_equal(control_know_all(object, "to count less", &problem), STATUS_OK);
    assert_int_equal(control_know_all(NULL, "", &problem), STATUS_OK);
    problem = (struct problem){0};
    assert_int_equal(control_know_all(object, "to cout less", &problem), STATUS_USAGE);
    assert_non_null(strstr(problem.text, "\"count\": the nearest is \"cout\""));
    problem = (struct problem){0};
    assert_int_equal(control_know_all(object, "", &problem), STATUS_USAGE);
    assert_non_null(strstr(problem.text, "takes no arguments"));
    json_decref(object);
}

/* ---- Paths and bytes ---- */

static void the_door_has_its_place(void **state)
{
    char path[CONTROL_PATH_MAX], longer[200];
    struct problem problem = {0};
    (void)state;
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    assert_int_equal(control_default_path(path, &problem), STATUS_OK);
    assert_string_equal(path, "/run/user/7/ferry/control");
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    assert_int_equal(control_default_path(path, &problem), STATUS_OK);
    snprintf(longer, sizeof longer, "/tmp/ferry-%lu/control", (unsigned long)getuid());
    assert_string_equal(path, longer);
    snprintf(longer, sizeof longer, "/%0150d", 1);
    setenv("XDG_RUNTIME_DIR", longer, 1);
    assert_int_equal(control_default_path(path, &problem), STATUS_USAGE);
}

static void bytes_travel_in_lines(void **state)
{
    uint8_t data[70];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 200);
    for (size_t count = 0; count <= sizeof data; count++) {
        struct bytes back = {0};
        json_t *value = control_base64(data, count);
        assert_int_equal(json_string_length(value), (count + 2) / 3 * 4);
        bytes_put_u8(&back, 'x');
        assert_true(control_unbase64(json_string_value(value), &back));
        assert_int_equal(back.count, count + 1);
        assert_memory_equal(back.data + 1, data, count);
        json_decref(value);
        bytes_fini(&back);
    }
    static const char *const none[] = {"A", "AA", "AAA", "AA=A", "A===", "AAAA=", "AA\n=", "!AAA"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct bytes back = {0};
        bytes_put_u8(&back, 'x');
        if (control_unbase64(none[i], &back) || back.count != 1)
            fail_msg("%s was taken", none[i]);
        bytes_fini(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_found_wherever_they_are_cut),
        cmocka_unit_test(a_line_has_an_end),
        cmocka_unit_test(messages_are_what_they_say),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(depth_and_ids_are_bounded),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(arguments_are_judged),
        cmocka_unit_test(the_door_has_its_place),
        cmocka_unit_test(bytes_travel_in_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
