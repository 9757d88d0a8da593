/* Two hosts move guests: all modes, back and forth, several at once, under clients who count. */
#include <unistd.h>

#include "live/two_hosts.h"

static const char *const modes[] = {"mode=stop-and-copy", "mode=pre-copy", "mode=continuous",
                                    "mode=post-copy",     "mode=hybrid",   "mode=auto"};
#define MODES (sizeof modes / sizeof modes[0])

static unsigned count_events(enum event_kind kind)
{
    unsigned count = 0;
    for (size_t i = 0; i < stand.events.count; i++)
        count += stand.events.items[i].kind == kind;
    return count;
}

/* It has lived for longer than this computer is up, as if it came from another one. */
static void put_old_guest(const char *words, const char *args)
{
    struct resident *resident = find_resident(put_guest(0, words, args));
    resident->guest->ops->pass_until(resident->guest, 2 * uv_hrtime());
    resident_goes_on(resident, uv_hrtime());
}

static void a_guest_may_be_older_than_its_host(void **state)
{
    (void)state;
    stand_open(NULL);
    put_old_guest("guest=counter memory=2MiB", "--to 20 --every-ms 5");
    put_old_guest("guest=memwalk memory=4MiB dirty-rate=10kpages/s cpu-rate=100MIPS", "");
    struct guest *memwalk = find_resident("memwalk")->guest;
    run_until(memwalk->ops->instructions(memwalk) > 1000000);
    run_until(find_resident("counter")->is_ended);
    assert_non_null(strstr(stand.console, "none missed, ok\n"));
    stand_close();
}

/* Its clock goes on while nobody wants anything of it, and stands still in the pauses alone. */
static void a_guest_that_sleeps_keeps_its_clock(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=kv memory=4MiB", "");
    run_until(find_resident("kv")->is_asleep);
    uint64_t began_ns = uv_hrtime(), lived_ns = resident_now_ns(find_resident("kv"));
    for (unsigned i = 0; i < MODES; i++) {
        usleep(30000);
        if (i % 2 == 0)
            resident_wake(find_resident("kv")); /* and is not there yet when it is paused */
        move_whole("kv", modes[i]);
    }
    lived_ns = resident_now_ns(find_resident("kv")) - lived_ns;
    assert_in_range(lived_ns, MODES * 30 * NS_PER_MS, uv_hrtime() - began_ns);
    stand_close();
}

/* Each checks itself, and says at its end what it came to. */
static void every_mode_and_back_until_the_guests_end(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=memwalk memory=16MiB dirty-rate=20kpages/s working-set=8MiB",
              "--writes 30000");
    add_guest(0, "guest=counter memory=2MiB", "--to 300 --every-ms 5");
    add_guest(1, "guest=life memory=4MiB harts=2", "--generations 3000");
    unsigned moves = 0;
    while (strstr(stand.console, "ok\n") == NULL || !find_resident("memwalk")->is_ended ||
           !find_resident("counter")->is_ended) {
        static const char *const guests[] = {"memwalk", "counter", "life"};
        for (unsigned i = 0; i < 3; i++)
            move_whole(guests[i], modes[(moves / 3 + i) % MODES]);
        moves += 3;
    }
    assert_true(moves >= 2 * MODES);
    assert_non_null(strstr(stand.console, "30000 writes to"));
    assert_non_null(strstr(stand.console, "each holds its last one, ok\n"));
    assert_non_null(strstr(stand.console, "none too early, none missed, ok\n"));
    /* The hosts tell them, each on its own connection. */
    run_until(count_events(EVENT_MIGRATION_ENDED) >= moves &&
              count_events(EVENT_MIGRATION_STARTED) >= moves);
    assert_int_equal(count_events(EVENT_MIGRATION_ENDED), moves);
    assert_int_equal(count_events(EVENT_MIGRATION_STARTED), moves);
    stand_close();
}

static void clients_do_not_notice(void **state)
{
    uv_timer_t timer;
    (void)state;
    stand_open(NULL);
    uv_timer_init(&stand.loop, &timer);
    uv_timer_start(&timer, clients_tick, 1, 1);
    add_guest(0, "guest=kv memory=16MiB", "");
    clients_begin();
    run_until(clients_answered() > 100);
    for (unsigned i = 0; i < 2 * MODES; i++) {
        uint64_t before = clients_answered();
        move_whole("kv", modes[i % MODES]);
        run_until(clients_answered() > before + 50);
        clients_are_right();
    }
    move_whole("kv", "mode=post-copy route=tunnel tunnel-for=20ms");
    run_until(clients_answered() > 1000);
    clients_are_right();
    uv_close((uv_handle_t *)&timer, NULL);
    stand_close();
}

static void remedies_work(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=memwalk memory=16MiB dirty-rate=40kpages/s working-set=12MiB harts=1", "");
    assert_string_equal(command("A", "link", json_pack("{s:s}", "bandwidth", "60MiB/s")), "");
    assert_string_equal(command("B", "link", json_pack("{s:s}", "bandwidth", "60MiB/s")), "");
    move_whole("memwalk", "mode=pre-copy auto-converge=on max-rounds=8");
    assert_true(count_events(EVENT_SHARE_SET) > 0);
    move_whole("memwalk", "mode=pre-copy dirty-limit=2000pages/s max-rounds=5");
    move_whole("memwalk", "mode=post-copy fault-throttle=on prefetch=bubble");
    assert_true(count_events(EVENT_FAULT_RESOLVED) > 0);
    move_whole("memwalk", "mode=pre-copy compress=lz4 max-rounds=3 hot-last=on");
    move_whole("memwalk", "mode=auto");
    assert_true(stand.progress > 3 && stand.permille > 0);
    stand_close();
}

/* What was flushed is at the target before the hart goes on: the journal is whole wherever it is. */
static void barriers_hold(void **state)
{
    const char *disks = disks_begin();
    (void)state;
    stand_open(disks);
    add_guest(0, "guest=journal memory=4MiB cache=on harts=1", "--records 6000 --rate 5000/s");
    unsigned moves = 0;
    while (!find_resident("journal")->is_ended)
        move_whole("journal", modes[moves++ % MODES]);
    assert_non_null(strstr(stand.console, "ok\n"));
    assert_true(moves >= 3);
    assert_true(count_events(EVENT_BARRIER_SENT) > 0);
    assert_true(count_events(EVENT_BARRIER_SENT) >= count_events(EVENT_BARRIER_ACKNOWLEDGED));
    stand_close();
    disk_ends(disks, "journal");
    disks_end(disks);
}

/* Every byte between the two is heard so much later, and all of them are. */
static void a_long_way_is_long(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=memwalk memory=8MiB dirty-rate=2kpages/s working-set=4MiB", "");
    assert_string_equal(
        command("A", "link", json_pack("{s:s, s:s}", "latency", "3ms", "bandwidth", "40MiB/s")),
        "");
    assert_string_equal(command("B", "link", json_pack("{s:s}", "latency", "3ms")), "");
    assert_string_equal(begin_move("memwalk", "mode=post-copy prefetch=none push-after=60min"), "");
    struct move *move = find_departure_half();
    run_until(move->source.phase != PHASE_SETUP);
    assert_true(move->source.half_rtt_ns >= 3 * NS_PER_MS);
    run_until(count_events(EVENT_FAULT_RESOLVED) > 0); /* it came only because it was asked for */
    assert_string_equal(command("A", "set", json_pack("{s:s}", "push-after", "0s")), "");
    await_end("completed");
    move_whole("memwalk", "mode=pre-copy");
    assert_string_equal(command("A", "link", json_pack("{s:s}", "latency", "none")), "");
    assert_string_equal(command("B", "link", json_pack("{s:s}", "latency", "none")), "");
    move_whole("memwalk", "mode=hybrid");
    assert_string_equal(command("A", "link", json_pack("{s:s}", "latency", "3s")), "BadArgument");
    stand_close();
}

/* What is still to come is told while it comes. */
static void pages_come_in_sight(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=memwalk memory=8MiB dirty-rate=20kpages/s working-set=4MiB", "");
    struct guest *guest = find_resident("memwalk")->guest;
    run_until(guest->ops->instructions(guest) > 200000);
    assert_string_equal(command("A", "link", json_pack("{s:s}", "bandwidth", "5MiB/s")), "");
    assert_string_equal(begin_move("memwalk", "mode=post-copy"), "");
    run_until(pages_missing("memwalk") > 0);
    uint64_t first = pages_missing("memwalk");
    run_until(pages_missing("memwalk") < first);
    assert_true(pages_missing("memwalk") > 0);
    await_end("completed");
    run_until(pages_missing("memwalk") == 0);
    assert_int_equal(stand.said_whole, 1);
    run_until(find_departure_half() == NULL);
    move_whole("memwalk", "mode=stop-and-copy"); /* it was whole when it came: once is enough */
    assert_int_equal(stand.said_whole, 1);
    stand_close();
}

/* It is run up to now so often, and not all the time. */
static void a_guest_with_a_rate_leaves_its_host_alone(void **state)
{
    (void)state;
    stand_open(NULL);
    struct resident *resident =
        find_resident(put_guest(0, "guest=model:uniform memory=1MiB dirty-rate=100pages/s", ""));
    unsigned tries = 1000; /* others may have the processor in the midst of a slice */
    do {
        resident->due_ns = 0;
        resident_run(resident, uv_hrtime());
    } while (resident->is_busy && --tries > 0);
    assert_false(resident->is_busy);
    assert_true(resident->due_ns > 0);
    stand_close();
}

/* What it writes faster than the gateway takes it is not kept. */
static void a_guest_may_write_without_end(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=counter memory=2MiB", "--to 100000");
    struct resident *resident = find_resident("counter");
    struct trunk *trunk = &resident->host->trunk;
    const char line[] = "\001 is as many as six bytes in JSON\n";
    for (unsigned i = 0; i < 100000; i++)
        bytes_put(machine_console(resident->guest), line, sizeof line - 1);
    resident->has_output = true;
    mail_flush(resident, uv_hrtime());
    assert_true(trunk->out.count + channel_backlog(trunk->channel) < 1 << 20);
    assert_int_equal(machine_console(resident->guest)->count, 0);
    stand_close();
}

/* And what nobody is there to hear is said to be lost, once. */
static void what_a_guest_writes_without_a_gateway_is_said_to_be_lost(void **state)
{
    static const uint8_t line[] = "is anybody there?\n";
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=kv memory=4MiB", "");
    struct resident *resident = find_resident("kv");
    gateway_dies();
    run_until(!resident->host->trunk.is_open);
    unsigned before = stand.said_unheard;
    uint64_t now_ns = uv_hrtime();
    for (unsigned i = 0; i < 3; i++) {
        bytes_put(machine_console(resident->guest), line, sizeof line - 1);
        resident->has_output = true;
        mail_flush(resident, now_ns + i * 2 * NS_PER_S);
    }
    assert_int_equal(stand.said_unheard, before + 1);
    stand_close();
}

/* The half of a move that keeps a tunnel has nothing to do until something comes. */
static void a_tunnel_sleeps(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=metronome memory=4MiB", "");
    move_whole("metronome", "mode=pre-copy route=tunnel");
    struct move *move = find_departure_half();
    assert_non_null(move);
    run_until(move->events.count == 0);
    assert_non_null(move->line);
    assert_true(move_due_ns(move) == UINT64_MAX);
    stand_close();
}

/* Somebody has that number at the guest, which is at A. */
static void call_guest(const char *guest, uint16_t port, uint32_t stream_idx)
{
    struct trunk_call call = {.stream_idx = stream_idx, .port = port};
    const struct mailbox *mailbox = machine_mailbox(find_resident(guest)->guest);

    snprintf(call.guest, sizeof call.guest, "%s", guest);
    run_until(
        (mail_call(stand.hosts[0], &call), mailbox->slots[stream_idx].state == MAILBOX_ACCEPTED));
}

/* How many packets that tunnel of A has taken, when one more has come for that number. */
static uint64_t forwarded(struct move *move, uint32_t stream_idx)
{
    mail_packet(stand.hosts[0], uv_hrtime(), stream_idx, &(struct stream_packet){.bytes = 1});
    return move->forwarded;
}

static void each_tunnel_takes_what_is_its_guest_s(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=kv memory=4MiB", "");
    add_guest(0, "guest=web memory=4MiB", "");
    call_guest("kv", PORT, 10);
    call_guest("kv", PORT, 11);
    move_whole("kv", "mode=pre-copy route=tunnel");
    call_guest("web", 80, 11); /* the number was free again */
    call_guest("web", 80, 12);
    move_whole("web", "mode=pre-copy route=tunnel");
    struct move *of_kv = move_find(stand.hosts[0], "00000000000000000000000000000001", true);
    struct move *of_web = move_find(stand.hosts[0], "00000000000000000000000000000002", true);
    assert_int_equal(forwarded(of_kv, 10), 1);
    assert_int_equal(forwarded(of_web, 11), 1);
    assert_int_equal(forwarded(of_web, 12), 2);
    assert_int_equal(forwarded(of_web, 13), 2); /* nobody's */
    assert_int_equal(of_kv->forwarded, 1);
    stand_close();
}

static void a_model_moves_too(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=model:uniform memory=1GiB dirty-rate=20kpages/s working-set=64MiB", "");
    move_whole("model:uniform", "mode=pre-copy");
    move_whole("model:uniform", "mode=post-copy");
    assert_non_null(find_resident("model:uniform"));
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_may_be_older_than_its_host),
        cmocka_unit_test(a_guest_that_sleeps_keeps_its_clock),
        cmocka_unit_test(every_mode_and_back_until_the_guests_end),
        cmocka_unit_test(clients_do_not_notice),
        cmocka_unit_test(remedies_work),
        cmocka_unit_test(barriers_hold),
        cmocka_unit_test(a_long_way_is_long),
        cmocka_unit_test(pages_come_in_sight),
        cmocka_unit_test(a_guest_with_a_rate_leaves_its_host_alone),
        cmocka_unit_test(a_guest_may_write_without_end),
        cmocka_unit_test(what_a_guest_writes_without_a_gateway_is_said_to_be_lost),
        cmocka_unit_test(a_tunnel_sleeps),
        cmocka_unit_test(each_tunnel_takes_what_is_its_guest_s),
        cmocka_unit_test(a_model_moves_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
