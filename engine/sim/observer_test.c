/* An oracle that never complains proves nothing: here every rule is broken once, and seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/model.h"
#include "sim/observer.h"

#define PAGES 100

struct hosts {
    struct guest *source, *target;
};

/* Two hosts with the same pages, as after a whole copy. */
static struct hosts hosts_open(void)
{
    struct model_config config = {.pattern = WRITES_UNIFORM,
                                  .total_pages = PAGES,
                                  .working_set_pages = PAGES,
                                  .write_rate = 1000,
                                  .seed = 1};
    struct hosts hosts = {model_open(&config), model_open_empty(&config)};
    uint8_t payload[8];
    for (uint64_t i = 0; i < PAGES; i++) {
        hosts.source->ops->read_pages(hosts.source, i, 1, payload);
        hosts.target->ops->install_pages(hosts.target, i, 1, payload);
    }
    return hosts;
}

static void hosts_close(struct hosts *hosts)
{
    hosts->source->ops->close(hosts->source);
    hosts->target->ops->close(hosts->target);
}

static void test_a_changed_page_is_seen_and_a_written_one_is_not_blamed(void **state)
{
    struct hosts hosts = hosts_open();
    struct observer observer;
    uint8_t other[8] = {42};
    (void)state;

    observer_init(&observer, 0);
    observe_cut(&observer, 1, hosts.source, hosts.target);
    observe_end(&observer, 2, hosts.source, hosts.target);
    assert_true(oracle_holds(&observer.oracle));

    hosts.target->ops->install_pages(hosts.target, 77, 1, other);
    bitmap_set(&hosts.target->dirty, 77); /* the guest wrote it there: that is its right */
    observe_end(&observer, 3, hosts.source, hosts.target);
    assert_true(oracle_holds(&observer.oracle));

    bitmap_clear(&hosts.target->dirty, 77);
    observe_end(&observer, 4, hosts.source, hosts.target);
    assert_true(observer.oracle.is_broken[RULE_SAME_MEMORY]);
    assert_non_null(strstr(observer.oracle.what, "page 77"));
    observer_fini(&observer);
    hosts_close(&hosts);
}

static void test_a_missing_page_is_seen_at_the_end(void **state)
{
    struct hosts hosts = hosts_open();
    struct observer observer;
    (void)state;
    observer_init(&observer, 0);
    hosts.target->ops->drop_page(hosts.target, 5);
    observe_cut(&observer, 1, hosts.source, hosts.target);
    assert_true(oracle_holds(&observer.oracle));
    observe_end(&observer, 2, hosts.source, hosts.target);
    assert_true(observer.oracle.is_broken[RULE_SAME_MEMORY]);
    observer_fini(&observer);
    hosts_close(&hosts);
}

static void test_a_guest_in_two_places_or_in_none_is_seen(void **state)
{
    struct hosts hosts = hosts_open();
    struct observer observer;
    struct guest_run run;
    (void)state;

    observer_init(&observer, 0);
    observe_runners(&observer, 1, true, false);
    observe_runners(&observer, 2, false, true);
    assert_true(oracle_holds(&observer.oracle));
    observe_runners(&observer, 3, true, true);
    assert_true(observer.oracle.is_broken[RULE_ONE_RUNNER]);
    observer_fini(&observer);

    observer_init(&observer, 0);
    observe_last_runner(&observer, 1, false, true, "");
    observe_last_runner(&observer, 1, true, false, "");
    assert_true(oracle_holds(&observer.oracle));
    observe_last_runner(&observer, 1, false, false, "it was lost");
    assert_true(oracle_holds(&observer.oracle));
    observe_last_runner(&observer, 1, false, false, "");
    assert_true(observer.oracle.is_broken[RULE_ONE_RUNNER]);
    observer_fini(&observer);

    observer_init(&observer, 0);
    observe_cut(&observer, 1, hosts.source, hosts.target);
    hosts.source->ops->run(hosts.source, 100000000, &run); /* it should have stood still */
    observe_end(&observer, 2, hosts.source, hosts.target);
    assert_true(observer.oracle.is_broken[RULE_ONE_RUNNER]);
    observer_fini(&observer);
    hosts_close(&hosts);
}

/* One client's stream and the guest's end of it, with "hello" written and delivered. */
struct line {
    struct observer observer;
    struct mailbox mailbox;
    struct stream client;
};

static void line_open(struct line *line)
{
    struct stream_packet packet;
    observer_init(&line->observer, 1);
    mailbox_init(&line->mailbox);
    mailbox_listen(&line->mailbox, 7);
    assert_true(mailbox_connect(&line->mailbox, 0, 7));
    stream_init(&line->client);
    stream_write(&line->client, "hello", 5);
    observe_writer(&line->observer, 0, TO_GUEST, 0, &line->client);
    assert_true(stream_next_packet(&line->client, 0, &packet));
    mailbox_deliver(&line->mailbox, 0, 0, &packet);
    observe_packet(&line->observer, 0, TO_GUEST, 0, true, &line->mailbox.slots[0].stream);
    assert_true(oracle_holds(&line->observer.oracle));
}

static void test_bytes_changed_lost_or_doubled_are_seen(void **state)
{
    struct line line;
    struct stream *guest_end = &line.mailbox.slots[0].stream;
    (void)state;

    line_open(&line);
    observe_streams_at_cut(&line.observer, 1, &line.mailbox);
    assert_true(oracle_holds(&line.observer.oracle));
    guest_end->to_read[2] ^= 1; /* changed */
    observe_streams_at_cut(&line.observer, 2, &line.mailbox);
    assert_true(line.observer.oracle.is_broken[RULE_STREAMS]);
    observer_fini(&line.observer);

    line_open(&line);
    guest_end->to_read_count -= 1; /* the state was saved before the last byte came */
    guest_end->expected -= 1;
    observe_streams_at_cut(&line.observer, 2, &line.mailbox);
    assert_true(line.observer.oracle.is_broken[RULE_STREAMS]);
    observer_fini(&line.observer);

    line_open(&line);
    guest_end->expected += 1; /* a byte more than was written */
    observe_streams_at_cut(&line.observer, 2, &line.mailbox);
    assert_true(line.observer.oracle.is_broken[RULE_STREAMS]);
    observer_fini(&line.observer);

    line_open(&line);
    mailbox_init(&line.mailbox); /* the connection was left behind */
    observe_streams_at_cut(&line.observer, 2, &line.mailbox);
    assert_true(line.observer.oracle.is_broken[RULE_STREAMS]);
    observer_fini(&line.observer);
}

/* The end of a stream has a number of its own: nobody may take it for a byte too many. */
static void test_a_connection_that_is_closed_is_no_break(void **state)
{
    struct line line;
    struct stream *guest_end = &line.mailbox.slots[0].stream;
    struct stream_packet packet;
    uint32_t stream_idx;
    (void)state;

    line_open(&line);
    assert_int_equal(mailbox_accept(&line.mailbox), 0);
    mailbox_send(&line.mailbox, 0, "bye", 3);
    mailbox_close(&line.mailbox, 0);
    observe_writer(&line.observer, 1, TO_CLIENT, 0, guest_end);
    assert_true(mailbox_packet(&line.mailbox, 1, &stream_idx, &packet));
    assert_true(stream_receive(&line.client, 1, &packet));
    observe_packet(&line.observer, 1, TO_CLIENT, 0, true, &line.client);
    observe_streams_at_cut(&line.observer, 2, &line.mailbox);
    assert_true(oracle_holds(&line.observer.oracle));
    observer_fini(&line.observer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_changed_page_is_seen_and_a_written_one_is_not_blamed),
        cmocka_unit_test(test_a_missing_page_is_seen_at_the_end),
        cmocka_unit_test(test_a_guest_in_two_places_or_in_none_is_seen),
        cmocka_unit_test(test_bytes_changed_lost_or_doubled_are_seen),
        cmocka_unit_test(test_a_connection_that_is_closed_is_no_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
