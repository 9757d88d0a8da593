/* Hosts that share a key: a move goes to the host that was asked for, or nowhere; and who has no key
 * takes no place from a move. */
#include <sys/socket.h>
#include <unistd.h>

#include "live/address.h"
#include "live/two_hosts.h"

static const struct channel_key key = {"all who have this may come in.."};

/* Whoever is on the way leads what was meant for C to B, who has the same key. */
static void a_move_lands_nowhere_else(void **state)
{
    char id[33];
    (void)state;

    stand_key = &key;
    stand_open(NULL);
    add_guest(0, "guest=counter memory=2MiB", "--to 1000000 --every-ms 1");
    snprintf(id, sizeof id, "%032x", ++stand.moves_begun);
    assert_string_equal(command("A", "migrate",
                                json_pack("{s:s, s:s, s:s, s:s}", "guest", "counter", "move", id,
                                          "to", "C", "address", host_address(stand.hosts[1]))),
                        "");
    await_end("aborted");
    assert_non_null(strstr(stand.reason, "does not prove that it has the same key"));
    assert_ptr_equal(find_resident("counter")->host, stand.hosts[0]);
    move_whole("counter", "mode=hybrid"); /* to B */
    move_whole("counter", "mode=pre-copy");
    stand_close();
}

static void a_crowd_without_the_key_keeps_no_move_out(void **state)
{
    struct problem problem = {0};
    struct address address;
    int fds[40];
    (void)state;

    stand_key = &key;
    stand_open(NULL);
    add_guest(0, "guest=counter memory=2MiB", "--to 1000000 --every-ms 1");
    assert_int_equal(address_parse(host_address(stand.hosts[1]), &address, &problem), STATUS_OK);
    for (unsigned i = 0; i < 40; i++) {
        fds[i] = socket(address.socket.ss_family, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&address.socket, address.socket_bytes),
                         0);
    }
    move_whole("counter", "mode=post-copy");
    for (unsigned i = 0; i < 40; i++)
        close(fds[i]);
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_lands_nowhere_else),
        cmocka_unit_test(a_crowd_without_the_key_keeps_no_move_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
