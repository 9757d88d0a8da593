/* Each dialect against its guest, in every mode: all answers are right; and against a server that
 * is played here and says what it should not: that is noticed. */
#include "sim/clients.h"
#include "sim/scripted.h"

static void clients_of_every_server_hear_nothing_wrong(void **state)
{
    static const char *const guests[] = {"kv", "web", "chat", "game"};
    (void)state;
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
        struct image image = image_read(guests[i]);
        for (int mode = 0; mode < MODE_COUNT; mode++) {
            struct scenario scenario;
            struct run run;
            char words[160];
            snprintf(words, sizeof words,
                     "guest=%s mode=%s memory=4MiB clients=7 request-rate=200/s run-for=300ms",
                     guests[i], mode_name((enum mode)mode));
            scenario_of(&scenario, words);
            assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, NULL),
                             STATUS_OK);
            run_to_end(&run);
            if (!oracle_holds(world_oracle(run.world)))
                fail_msg("%s, %s: %s", guests[i], mode_name((enum mode)mode),
                         world_oracle(run.world)->what);
            assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
            assert_int_equal(run.timeline.errors, 0);
            /* 7 clients, 400 ms and more, 200 a second; some are still waiting at the end. */
            assert_true(run.timeline.answers > 7 * 60);
            assert_true(run.timeline.requests - run.timeline.answers <= 7 * CLIENT_OUTSTANDING_MAX);
            run_close(&run);
            scenario_fini(&scenario);
        }
        free(image.data);
    }
}

/* One client of the dialect, told a text after it has sent two requests. */
static void hear(const struct dialect *dialect, const char *text, uint64_t *right, uint64_t *wrong)
{
    struct clients clients;
    struct event_list events = {0};

    *right = *wrong = 0;
    clients_init(&clients, dialect, 1, 1000, 1, &events);
    client_connected(&clients, &clients.items[0], 0);
    dialect->request(&clients, &clients.items[0], 1000);
    dialect->request(&clients, &clients.items[0], 2000);
    for (; *text != '\0' && clients.items[0].state != CLIENT_FAILED; text++)
        dialect->hear(&clients, &clients.items[0], 5000, *text);
    for (size_t i = 0; i < events.count; i++)
        if (events.items[i].kind == EVENT_REQUEST_ANSWERED) {
            *right += !events.items[i].request_answered.is_wrong;
            *wrong += events.items[i].request_answered.is_wrong;
        }
    clients_fini(&clients);
    event_list_fini(&events);
}

#define HEAD(length)                                                       \
    "HTTP/1.1 200 OK\r\nServer: ferry-web\r\nContent-Type: text/plain\r\n" \
    "Content-Length: " length "\r\nCache-Control: no-store\r\n\r\n"

static void what_should_not_be_said_is_noticed(void **state)
{
    static const struct {
        const struct dialect *dialect;
        const char *text;
        uint32_t right, wrong;
    } rows[] = {
        {&dialect_web, HEAD("2") "1\n" HEAD("2") "9\n", 2, 0},
        {&dialect_web, HEAD("3") "98\n" HEAD("4") "123\n", 2, 0},
        {&dialect_web, HEAD("2") "1\n" HEAD("2") "1\n", 1, 1},  /* it counted only one */
        {&dialect_web, HEAD("3") "12\n" HEAD("2") "9\n", 1, 1}, /* it went back */
        {&dialect_web, HEAD("3") "1\n", 0, 1},
        {&dialect_web, HEAD("x") "1\n", 0, 1},
        {&dialect_web, HEAD("2") "\n", 0, 1},
        {&dialect_web, HEAD("2") "99999999999999999999999\n", 0, 1},
        {&dialect_web, HEAD("2") "1\n" HEAD("2") "2\n" HEAD("2") "3\n", 2, 1}, /* not asked for */
        {&dialect_web, "HTTP/1.1 404 Not Found\r\n", 0, 1},
        {&dialect_chat, "4 * 0 came\n5 0: this is line 1\n6 1: hello\n7 0: this is line 2\n", 2, 0},
        {&dialect_chat, "5 0: this is line 1\n7 0: this is line 2\n", 1, 1}, /* 6 was lost */
        {&dialect_chat, "5 0: this is line 1\n5 0: this is line 1\n", 1, 1}, /* doubled */
        {&dialect_chat, "5 0: this is line 2\n", 0, 1},
        {&dialect_chat, "5 0: this is line 1\n* you missed 3 lines\n9 1: x\n", 1, 0},
        {&dialect_chat, "5 0: this is line 1\n* you missed 3 lines\n8 1: x\n", 1, 1},
        {&dialect_game, "welcome 0 512 512\ntick 3 ack 0 coins 0:\ntick 4 ack 2 coins 1: x\n", 2,
         0},
        {&dialect_game, "tick 3 ack 1 coins 0:\ntick 9 ack 2 coins 0:\n", 2, 0},
        {&dialect_game, "tick 3 ack 1 coins 0:\ntick 3 ack 2 coins 0:\n", 1, 1}, /* doubled */
        {&dialect_game, "tick 3 ack 3 coins 0:\n", 0, 1},                        /* never sent */
        {&dialect_game, "tick tock\n", 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t right, wrong;
        hear(rows[i].dialect, rows[i].text, &right, &wrong);
        if (right != rows[i].right || wrong != rows[i].wrong)
            fail_msg("%s, %s: %d right, %d wrong", rows[i].dialect->guest, rows[i].text, (int)right,
                     (int)wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_of_every_server_hear_nothing_wrong),
        cmocka_unit_test(what_should_not_be_said_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
