/* A host and its gateway: how it is found, who is taken, and what it is told: the end of a move whichever
 * way that comes, and the first words of a guest. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>

#include "live/two_hosts.h"

/* Stands where a target should: it says what the test wants, and no more. */
static struct {
    int listener, connection;
    char address[64];
} stranger;

static void stranger_listens(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;

    stranger.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(stranger.listener, (struct sockaddr *)&at, bytes), 0);
    assert_int_equal(listen(stranger.listener, 1), 0);
    assert_int_equal(getsockname(stranger.listener, (struct sockaddr *)&at, &bytes), 0);
    snprintf(stranger.address, sizeof stranger.address, "127.0.0.1:%u", ntohs(at.sin_port));
}

static bool stranger_hears(void)
{
    uint8_t heard[4096];
    return recv(stranger.connection, heard, sizeof heard, MSG_DONTWAIT) > 0;
}

/* A move to it begins, and it answers. */
static void stranger_answers(enum move_answer answer, const char *reason)
{
    struct bytes frame = {0};

    assert_string_equal(command("A", "migrate",
                                json_pack("{s:s, s:s, s:s, s:s, s:s}", "guest", "kv", "move",
                                          "0123456789abcdef0123456789abcdef", "to", "B", "address",
                                          stranger.address, "mode", "pre-copy")),
                        "");
    stranger.connection = accept(stranger.listener, NULL, NULL);
    assert_true(stranger.connection >= 0);
    run_until(stranger_hears());
    move_text_put_answer(&frame, answer, reason);
    assert_int_equal(send(stranger.connection, frame.data, frame.count, 0), frame.count);
    bytes_fini(&frame);
}

static void stranger_leaves(void)
{
    close(stranger.connection);
    close(stranger.listener);
}

static unsigned count_ends(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < stand.events.count; i++)
        count += stand.events.items[i].kind == EVENT_MIGRATION_ENDED;
    return count;
}

/* It is over within a turn of the host, later than that turn began. */
static void a_move_whose_target_falls_silent_is_told_whole(void **state)
{
    (void)state;
    stand_open(NULL);
    stranger_listens();
    add_guest(0, "guest=kv memory=4MiB", "");
    stranger_answers(MOVE_READY, "");
    struct move *move = find_departure_half();
    run_until(move->line != NULL && move->line->is_ready);
    move->owed_ns = 0; /* for longer than anybody waits */
    run_until(stand.ended == 1);
    assert_string_equal(stand.outcome, "aborted");
    run_until(find_departure_half() == NULL);
    run_until(count_ends() == 1);
    assert_int_equal(stand.said_dropped, 0);
    stranger_leaves();
    stand_close();
}

/* As many as fit, and none of them in part: of that no JSON could be made, nor any word of the end. */
static void a_reason_keeps_its_letters_whole(void **state)
{
    char reason[150] = "x";
    (void)state;

    while (strlen(reason) + 2 < sizeof reason)
        strcat(reason, "\xc3\xa4");
    stand_open(NULL);
    stranger_listens();
    add_guest(0, "guest=kv memory=4MiB", "");
    stranger_answers(MOVE_REFUSED, reason);
    run_until(stand.ended == 1);
    assert_string_equal(stand.outcome, "aborted");
    reason[99] = '\0';
    assert_string_equal(stand.reason, reason);
    stranger_leaves();
    stand_close();
}

/* What was dropped is said as soon as there is a gateway, whether or not there is more to tell. */
static void events_that_were_dropped_are_said_to_be(void **state)
{
    (void)state;
    stand_open(NULL);
    run_until(stand.hosts[0]->trunk.is_open);
    stand.hosts[0]->trunk.dropped_events = 3;
    trunk_turn(stand.hosts[0], uv_hrtime());
    assert_int_equal(stand.said_dropped, 1);
    stand_close();
}

/* It is quicker than its host finds the gateway: that is no loss. */
static void the_first_words_of_a_guest_are_told(void **state)
{
    static const uint8_t line[] = "here I am\n";
    (void)state;
    stand_open(NULL);
    host_dies(0);
    run_until(peer_named("A") == NULL);
    host_begins(0, NULL);
    struct resident *resident = find_resident(put_guest(0, "guest=kv memory=4MiB", ""));
    bytes_put(machine_console(resident->guest), line, sizeof line - 1);
    resident->has_output = true;
    mail_flush(resident, uv_hrtime());
    run_until(peer_named("A") != NULL && stand.told_console > 0);
    assert_int_equal(stand.said_unheard, 0);
    assert_non_null(strstr(stand.console, "here I am\n"));
    stand_close();
}

/* ---- Coming ---- */

#define NAME "gate.example"
static unsigned lookups;

/* A resolver that knows one name more. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(host, "nobody.example") == 0)
        return EAI_NONAME;
    lookups += strcmp(host, NAME) == 0;
    return real(strcmp(host, NAME) == 0 ? "127.0.0.1" : host, port, hints, found);
}

static void gateway_begins_again(const char *instance)
{
    char address[64];

    snprintf(address, sizeof address, "%s", stand.address);
    gateway_dies();
    run_until(!stand.hosts[0]->trunk.is_open);
    gateway_begins(address, instance);
}

/* Guests stand still as long as that takes: where the gateway is gone the name server often is, too. */
static void a_gateways_name_is_looked_up_once(void **state)
{
    struct problem problem = {0};
    char name[64];
    (void)state;

    stand_open(NULL);
    host_dies(0);
    run_until(peer_named("A") == NULL);
    lookups = 0;
    snprintf(name, sizeof name, NAME "%s", strrchr(stand.address, ':'));
    stand.configs[0].gateway = name;
    assert_int_equal(host_open(&stand.loop, &stand.configs[0], &host_calls, (void *)"A",
                               &stand.hosts[0], &problem),
                     STATUS_OK);
    run_until(peer_named("A") != NULL && stand.hosts[0]->trunk.is_open);
    gateway_begins_again("2222");
    run_until(peer_named("A") != NULL);
    assert_int_equal(lookups, 1);
    host_dies(0);
    stand.configs[0].gateway = "nobody.example:7000";
    assert_int_equal(host_open(&stand.loop, &stand.configs[0], &host_calls, (void *)"A",
                               &stand.hosts[0], &problem),
                     STATUS_USAGE);
    assert_non_null(strstr(problem.text, "--gateway: nobody.example:7000: there is no computer"));
    stand_close();
}

/* Who is not taken at first ends, if that cannot change: its guest is not run beside another. */
static void who_is_refused_for_good_ends_unless_he_was_known(void **state)
{
    (void)state;
    stand_open(NULL);
    run_until(stand.hosts[0]->trunk.is_open);
    stand.is_refusing = true;
    stand.refusal = CONTROL_REFUSED;
    gateway_begins_again("2222");
    unsigned before = stand.hellos;
    run_until(stand.hellos == before + 2);
    assert_int_equal(stand.refused, 0);
    host_dies(0);
    stand.refusal = CONTROL_NOT_NOW;
    host_begins(0, NULL);
    before = stand.hellos;
    run_until(stand.hellos == before + 2);
    assert_int_equal(stand.refused, 0);
    stand.refusal = CONTROL_REFUSED;
    run_until(stand.refused == 1);
    assert_null(stand.hosts[0]);
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_whose_target_falls_silent_is_told_whole),
        cmocka_unit_test(a_reason_keeps_its_letters_whole),
        cmocka_unit_test(events_that_were_dropped_are_said_to_be),
        cmocka_unit_test(the_first_words_of_a_guest_are_told),
        cmocka_unit_test(a_gateways_name_is_looked_up_once),
        cmocka_unit_test(who_is_refused_for_good_ends_unless_he_was_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
