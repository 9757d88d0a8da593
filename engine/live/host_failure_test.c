/* What goes wrong between two hosts: refusals, aborts, connections that break in every phase, a
 * link that is cut and mended, hosts and gateways that die. */
#include <errno.h>
#include <sys/socket.h>

#include "live/channel_private.h"
#include "live/two_hosts.h"

#define MEMWALK "guest=memwalk memory=8MiB dirty-rate=20kpages/s working-set=4MiB"

/* Nowhere else is as much as a half of it. */
static void is_alone_at(const char *guest, unsigned idx)
{
    run_until(host_find_resident(stand.hosts[1 - idx], guest) == NULL);
    assert_non_null(find_resident(guest));
    assert_ptr_equal(find_resident(guest)->host, stand.hosts[idx]);
}

static void aborted_in_any_phase_it_goes_on(void **state)
{
    static const enum phase phases[] = {PHASE_SETUP, PHASE_COPY, PHASE_PAUSE};
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    for (unsigned i = 0; i < 3; i++) {
        struct move *move = hold_at("memwalk", "mode=pre-copy", phases[i]);
        assert_string_equal(command("A", "abort", json_object()), "");
        assert_string_equal(stand.outcome, "aborted");
        assert_string_equal(stand.reason, "given up on request");
        (void)move;
        is_alone_at("memwalk", 0);
        lives("memwalk");
        run_until(find_departure_half() == NULL);
        stand.outcome[0] = '\0';
    }
    struct move *move = hold_at("memwalk", "mode=pre-copy", PHASE_PAUSE);
    const json_t *claim;
    run_until(peer_that_claims("memwalk", &claim) != NULL &&
              strcmp(control_word(claim, "state", ""), "paused") == 0);
    move->source.config.halt_at = 1u << PHASE_HAND_OVER;
    source_go_on(&move->source);
    move_feed(move);
    run_until(move->source.phase == PHASE_HAND_OVER);
    assert_string_equal(command("A", "abort", json_object()), "NotNow");
    assert_non_null(strstr(stand.desc, "handed over already (phase hand-over)"));
    assert_string_equal(command("A", "post-copy", json_object()), "NotNow");
    go_on(move);
    await_end("completed");
    is_alone_at("memwalk", 1);
    assert_string_equal(command("A", "abort", json_pack("{s:s}", "guest", "memwalk")),
                        "NoSuchGuest");
    assert_string_equal(command("B", "abort", json_object()), "NotNow");
    stand_close();
}

/* Before COMMIT the guest stays, after it a new connection goes on with what there is. */
static void a_connection_may_break_in_any_phase(void **state)
{
    static const struct {
        const char *mode;
        enum phase phase;
        bool is_back;
    } rows[] = {
        {"mode=pre-copy", PHASE_SETUP, true},       {"mode=pre-copy", PHASE_COPY, true},
        {"mode=pre-copy", PHASE_PAUSE, true},       {"mode=pre-copy", PHASE_HAND_OVER, true},
        {"mode=post-copy", PHASE_POST_COPY, false}, {"mode=hybrid", PHASE_POST_COPY, false},
    };
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "--writes 200000");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned at = stand.hosts[1] == find_resident("memwalk")->host, ended = stand.ended;
        struct move *move = hold_at("memwalk", rows[i].mode, rows[i].phase);
        if (move->line != NULL)
            line_break(move->line, "the cable was pulled");
        go_on(move);
        run_until(stand.ended > ended);
        assert_string_equal(stand.outcome, rows[i].is_back ? "aborted" : "completed");
        is_alone_at("memwalk", rows[i].is_back ? at : 1 - at);
        lives("memwalk");
        run_until(find_departure_half() == NULL);
    }
    stand_close();
}

/* COMMIT has left, and then the source hears nothing: it asks, and what the target knows of the move
 * decides. */
static void commit_is_out_and_nothing_is_heard(void **state)
{
    enum { ITS_HALF, IT_HAS_RUN, IT_HAS_NOT, NOTHING };
    static const char *const outcomes[] = {"completed", "completed", "aborted", "lost"};
    (void)state;
    for (unsigned knows = ITS_HALF; knows <= NOTHING; knows++) {
        bool has_run = knows <= IT_HAS_RUN;
        stand_open(NULL);
        add_guest(0, "guest=memwalk memory=8MiB dirty-rate=1kpages/s working-set=4MiB", "");
        struct move *move = hold_at("memwalk", "mode=pre-copy", PHASE_PAUSE);
        struct move *half = move_find(stand.hosts[1], move->id, false);
        channel_read(move->line->channel, false);
        go_on(move);
        assert_int_equal(move->source.phase, PHASE_HAND_OVER);
        assert_int_equal(channel_backlog(move->line->channel), 0);
        if (has_run)
            run_until(host_find_guest(stand.hosts[1], "memwalk") != NULL);
        else
            line_break(half->line, "the cable was pulled");
        if (knows == IT_HAS_RUN)
            arrival_settle(half, uv_hrtime());
        if (knows == NOTHING)
            memset(stand.hosts[1]->bygones, 0, sizeof stand.hosts[1]->bygones);
        departure_turn(move, uv_hrtime() + HOST_ANSWER_NS);
        assert_int_equal(move->source.phase, PHASE_LINK_LOST);
        await_end(outcomes[knows]);
        if (knows != NOTHING) {
            is_alone_at("memwalk", has_run ? 1 : 0);
            lives("memwalk");
        } else {
            assert_null(host_find_resident(stand.hosts[0], "memwalk"));
        }
        stand_close();
    }
}

/* The move's source was in that phase, as far as the gateway was told. */
static bool was_in(enum phase phase)
{
    for (size_t i = 0; i < stand.events.count; i++)
        if (stand.events.items[i].kind == EVENT_PHASE_CHANGED &&
            stand.events.items[i].phase_changed.phase == phase)
            return true;
    return false;
}

static void stranger_is_closed(void *owner, struct channel *channel, const char *reason)
{
    (void)owner, (void)channel, (void)reason;
}

static void stranger_hears(void *owner, struct channel *channel, const uint8_t *data, size_t count)
{
    struct bytes frame = {0};
    (void)owner, (void)data, (void)count;
    move_text_put_answer(&frame, MOVE_UNKNOWN, "never heard of it");
    channel_send(channel, frame.data, frame.count);
    bytes_fini(&frame);
}

static bool stranger_takes(void *owner, struct channel *channel, const struct channel_owner **calls,
                           void **channel_owner)
{
    static const struct channel_owner stranger = {
        .opened = peer_opened, .heard = stranger_hears, .closed = stranger_is_closed};
    (void)owner, (void)channel;
    *calls = &stranger;
    *channel_owner = NULL;
    return true;
}

/* Only after COMMIT could the other end have lost the guest by not knowing it. */
static void a_target_that_knows_nothing_loses_nothing(void **state)
{
    struct channel_listener *listener;
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    assert_int_equal(
        channel_listen(&stand.loop, "127.0.0.1:0", NULL, stranger_takes, NULL, &listener, NULL),
        STATUS_OK);
    assert_string_equal(command("A", "migrate",
                                json_pack("{s:s, s:s, s:s, s:s}", "guest", "memwalk", "move",
                                          "77777777777777777777777777777777", "to", "B", "address",
                                          channel_listener_address(listener))),
                        "");
    run_until(*stand.outcome != '\0');
    assert_string_equal(stand.outcome, "aborted");
    assert_string_equal(stand.reason, "never heard of it");
    lives("memwalk");
    channel_listener_close(listener);
    stand_close();
}

/* What has not left can be believed by nobody: of a COMMIT without its end the target never runs
 * the guest, and it is the source's without asking. */
static void a_commit_that_does_not_leave_is_none(void **state)
{
    (void)state;
    stand_open(NULL);
    /* Behind the pause there is little to send: COMMIT is next. */
    add_guest(0, "guest=memwalk memory=4MiB dirty-rate=1000pages/s working-set=64KiB", "");
    struct move *move = hold_at("memwalk", "mode=pre-copy", PHASE_PAUSE);
    assert_int_equal(shutdown(move->line->channel->fd, SHUT_WR), 0);
    go_on(move);
    assert_int_equal(move->source.phase, PHASE_HAND_OVER);
    host_dies(1);
    await_end("aborted");
    lives("memwalk");
    host_begins(1, NULL);
    run_until(peer_named("B") != NULL && find_departure_half() == NULL);
    /* It has left, and nobody says whether it was read: the guest may have run there. */
    move = hold_at("memwalk", "mode=pre-copy", PHASE_PAUSE);
    go_on(move);
    assert_int_equal(move->source.phase, PHASE_HAND_OVER);
    host_dies(1);
    await_end("lost");
    stand_close();
}

/* While pages are copied the target has nothing to say: its silence is counted from COMMIT on, and
 * from when all of that has left. */
static void a_copy_may_take_longer_than_an_answer(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    struct move *move = hold_at("memwalk", "mode=pre-copy", PHASE_PAUSE);
    move->owed_ns -= HOST_ANSWER_NS;
    go_on(move);
    await_end("completed");
    run_until(was_in(PHASE_COMPLETED));
    assert_false(was_in(PHASE_LINK_LOST));

    run_until(find_departure_half() == NULL);
    move = hold_at("memwalk", "mode=stop-and-copy", PHASE_HAND_OVER);
    struct line *line = move->line;
    assert_string_equal(command("B", "link", json_pack("{s:s}", "bandwidth", "100KiB/s")), "");
    departure_turn(move, uv_hrtime() + HOST_ANSWER_NS);
    assert_ptr_equal(move->line, line);
    go_on(move);
    channel_send(line->channel, (uint8_t[64 << 10]){0}, 64 << 10);
    assert_int_equal(move->source.out.count, 0);
    departure_turn(move, uv_hrtime() + 2 * HOST_ANSWER_NS);
    assert_ptr_equal(move->line, line);
    stand_close();
}

static void set_link(const char *state)
{
    assert_string_equal(command("A", "link", json_pack("{s:s}", "state", state)), "");
    assert_string_equal(command("B", "link", json_pack("{s:s}", "state", state)), "");
}

static void cut_and_mended_after_the_switch(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, "guest=memwalk memory=64MiB dirty-rate=20kpages/s working-set=60MiB", "");
    assert_string_equal(command("A", "link", json_pack("{s:s}", "bandwidth", "100MiB/s")), "");
    for (unsigned round = 0; round < 2; round++) {
        unsigned ended = stand.ended;
        assert_string_equal(begin_move("memwalk", "mode=post-copy"), "");
        struct move *move = find_departure_half();
        run_until(move->source.phase == PHASE_POST_COPY && move->source.pages_sent > 200);
        set_link("cut");
        run_until(move->source.phase == PHASE_LINK_LOST);
        /* It runs until it needs a page that is on the other side of the cut. */
        run_until(find_resident("memwalk")->is_stuck);
        uint64_t missing =
            move->source.guest->total_pages - find_resident("memwalk")->guest->present.set_count;
        assert_true(missing > 0);
        run_until(json_array_size(peer_with("memwalk")->guests) == 1 &&
                  strcmp(control_word(json_array_get(peer_with("memwalk")->guests, 0), "state", ""),
                         "waiting") == 0);
        assert_int_equal(stand.ended, ended);
        set_link("mended");
        run_until(stand.ended > ended);
        assert_string_equal(stand.outcome, "completed");
        lives("memwalk");
        run_until(find_departure_half() == NULL);
    }
    set_link("cut");
    assert_string_equal(begin_move("memwalk", "mode=pre-copy"), "NotNow");
    assert_non_null(strstr(stand.desc, "the link is cut"));
    lives("memwalk");
    set_link("mended");
    move_whole("memwalk", "mode=pre-copy");
    stand_close();
}

static void another_gateway_is_told_of_the_link(void **state)
{
    char address[64];
    (void)state;
    stand_open(NULL);
    assert_string_equal(command("A", "link", json_pack("{s:s}", "bandwidth", "4MiB/s")), "");
    assert_string_equal(command("A", "link", json_pack("{s:s}", "state", "cut")), "");
    snprintf(address, sizeof address, "%s", stand.address);
    gateway_dies();
    run_until(peer_named("A") == NULL && peer_named("B") == NULL);
    gateway_begins(address, "2222");
    run_until(peer_named("A") != NULL && peer_named("A")->link != NULL);
    assert_string_equal(control_word(peer_named("A")->link, "bandwidth", ""), "4MiB/s");
    assert_string_equal(control_word(peer_named("A")->link, "state", ""), "cut");
    run_until(stand.hosts[1]->trunk.is_open);
    assert_null(peer_named("B")->link); /* which has been told nothing */
    stand_close();
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    assert_string_equal(begin_move("memwalk", "mode=post-copy max-rounds=3"), "BadArgument");
    assert_non_null(strstr(stand.desc, "max-rounds cannot be used here"));
    assert_string_equal(begin_move("memwalk", "mode=sideways"), "BadArgument");
    assert_string_equal(begin_move("memwalk", "memory=4MiB"), "BadArgument");
    assert_string_equal(begin_move("memwalk", "dirty-tracking=hardware-log"), "BadArgument");
    assert_string_equal(begin_move("memwalk", "route=none"), "BadArgument");
    assert_string_equal(command("A", "migrate", json_pack("{s:s}", "guest", "kv")), "NoSuchGuest");
    assert_string_equal(command("A", "migrate", json_pack("{s:s}", "guest", "memwalk")),
                        "BadArgument");
    assert_string_equal(command("A", "dance", json_object()), "UnknownCommand");
    assert_string_equal(command("A", "link", json_pack("{s:s}", "state", "bent")), "BadArgument");
    struct move *move = hold_at("memwalk", "mode=pre-copy", PHASE_COPY);
    assert_string_equal(begin_move("memwalk", "mode=pre-copy"), "NotNow");
    assert_string_equal(
        command("A", "set", json_pack("{s:s, s:s}", "max-rounds", "2", "downtime-limit", "1s")),
        "");
    assert_int_equal(move->source.config.limits.max_rounds, 2);
    assert_int_equal(move->source.config.limits.downtime_ns, NS_PER_S);
    assert_string_equal(command("A", "post-copy", json_object()), "");
    go_on(move);
    await_end("completed");
    is_alone_at("memwalk", 1);

    /* Too large for the other host, or there already: the guest stays, and why is said. */
    stand.configs[0].memory_max_bytes = 4 << 20;
    assert_string_equal(begin_move("memwalk", "mode=pre-copy"), "");
    run_until(strcmp(stand.outcome, "aborted") == 0);
    assert_non_null(strstr(stand.reason, "the target has room for 4 MiB"));
    stand.configs[0].memory_max_bytes = 0;
    run_until(find_departure_half() == NULL);
    stand.outcome[0] = '\0';
    add_guest(0, "guest=memwalk memory=4MiB", "");
    json_t *arguments = json_pack("{s:s, s:s, s:s, s:s}", "guest", "memwalk", "move",
                                  "99999999999999999999999999999999", "to", "A", "address",
                                  host_address(stand.hosts[0]));
    assert_string_equal(command("B", "migrate", arguments), "");
    run_until(strcmp(stand.outcome, "aborted") == 0);
    assert_non_null(strstr(stand.reason, "a guest with the name memwalk is at this host already"));
    stand_close();
}

/* A name that no message can carry would be a guest that nobody is told of, whoever brings it. */
static void a_name_is_what_can_be_told(void **state)
{
    struct scenario scenario;
    (void)state;
    stand_open(NULL);
    scenario_init(&scenario);
    static const char *const names[] = {
        "/tmp/r\xff.elf", "\xe2\x80\xaetxt.elf", "folder/",
        "a-name-of-as-many-as-sixty-four-letters-is-one-more-than-there-is-r"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct problem problem = {0};
        assert_int_equal(scenario_set(&scenario, "guest", names[i], &problem), STATUS_OK);
        assert_int_equal(host_add_guest(stand.hosts[0], &scenario, NULL, 0, &problem),
                         STATUS_USAGE);
        assert_non_null(strstr(problem.text, "guest's name"));
        struct move_text text = {.scenario = scenario};
        assert_int_equal(arrival_begin(&(struct line){.host = stand.hosts[0]}, &text, 0, &problem),
                         STATUS_USAGE);
    }
    scenario_fini(&scenario);
    stand_close();
}

/* Whoever dies: what rule 5 promises. */
static void a_target_dies_before_commit(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    (void)hold_at("memwalk", "mode=pre-copy", PHASE_PAUSE);
    host_dies(1);
    run_until(strcmp(stand.outcome, "aborted") == 0);
    lives("memwalk");
    host_begins(1, NULL);
    run_until(peer_named("B") != NULL && find_departure_half() == NULL);
    move_whole("memwalk", "mode=pre-copy");
    stand_close();
}

static void a_source_dies_before_commit(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    (void)hold_at("memwalk", "mode=pre-copy", PHASE_PAUSE);
    assert_non_null(host_find_resident(stand.hosts[1], "memwalk"));
    host_dies(0);
    run_until(host_find_resident(stand.hosts[1], "memwalk") == NULL);
    run_until(peer_with("memwalk") == NULL);
    stand_close();
}

static void a_source_dies_after_the_switch(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    (void)hold_at("memwalk", "mode=post-copy", PHASE_POST_COPY);
    host_dies(0);
    run_until(find_resident("memwalk") != NULL && find_resident("memwalk")->is_stuck);
    assert_string_equal(command("B", "forget", json_pack("{s:s}", "guest", "memwalk")), "");
    run_until(strcmp(stand.outcome, "lost") == 0 && peer_with("memwalk") == NULL);
    stand_close();
}

static void a_target_dies_after_the_switch(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    struct move *move = hold_at("memwalk", "mode=post-copy", PHASE_POST_COPY);
    host_dies(1);
    go_on(move);
    run_until(strcmp(stand.outcome, "lost") == 0);
    assert_non_null(strstr(stand.reason, "the target has died after COMMIT"));
    run_until(host_find_resident(stand.hosts[0], "memwalk") == NULL);
    stand_close();
}

/* The system's word counts, whatever somebody's sentence says, and an old one for nothing. */
static void only_where_nobody_listens_it_is_dead(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    struct move *move = hold_at("memwalk", "mode=post-copy", PHASE_POST_COPY);
    uint64_t now_ns = uv_hrtime();
    line_break(move->line, "the cable was pulled");
    departure_line_lost(move, now_ns, LINE_BROKEN, strerror(ECONNREFUSED), 0);
    departure_line_lost(move, now_ns + 4 * NS_PER_S, LINE_BROKEN, strerror(ECONNREFUSED), 0);
    assert_int_equal(move->over_ns, 0);
    departure_line_lost(move, now_ns, LINE_REFUSED, "", 0);
    assert_int_equal(move->refused_since_ns, now_ns);
    move->retry_at_ns = now_ns;
    go_on(move);
    run_until(move->source.phase != PHASE_LINK_LOST);
    assert_int_equal(move->refused_since_ns, 0);
    await_end("completed");
    stand_close();
}

/* kv, and clients who have been answered. `timer`: theirs, to be closed. */
static void clients_talk(uv_timer_t *timer)
{
    uv_timer_init(&stand.loop, timer);
    uv_timer_start(timer, clients_tick, 1, 1);
    add_guest(0, "guest=kv memory=8MiB", "");
    clients_begin();
    run_until(clients_answered() > 50);
}

/* Its clients go with it; the guest hears that they hang up, and their numbers are free again. */
static void a_gateway_dies_and_another_comes(void **state)
{
    uv_timer_t timer;
    (void)state;
    stand_open(NULL);
    clients_talk(&timer);
    struct mailbox *mailbox = machine_mailbox(find_resident("kv")->guest);
    char address[64];
    snprintf(address, sizeof address, "%s", stand.address);
    gateway_dies();
    struct counting_client former[CLIENTS];
    memcpy(former, stand.clients, sizeof former);
    memset(stand.clients, 0, sizeof stand.clients);
    run_until(peer_named("A") == NULL && peer_named("B") == NULL);
    gateway_begins(address, "2222");
    run_until(peer_named("A") != NULL && peer_named("B") != NULL);
    for (uint32_t i = 0; i < CLIENTS; i++)
        run_until(mailbox->slots[i].state == MAILBOX_CLOSED &&
                  stream_is_over(&mailbox->slots[i].stream));
    successors_begin(former);
    run_until(clients_answered() > 50);
    move_whole("kv", "mode=pre-copy");
    uint64_t answered = clients_answered();
    run_until(clients_answered() > answered + 50);
    clients_are_right();
    uv_close((uv_handle_t *)&timer, NULL);
    stand_close();
}

/* It took the guest for lost: whoever comes then has the numbers of clients that the guest still has. */
static void a_gateway_forgets_its_clients(void **state)
{
    struct counting_client former[CLIENTS];
    uv_timer_t timer;
    (void)state;
    stand_open(NULL);
    clients_talk(&timer);
    memcpy(former, stand.clients, sizeof former);
    successors_begin(former);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        stand.clients[i].first = stream_numbers_end(&former[i].stream) + 1;
        stream_begin_at(&stand.clients[i].stream, stand.clients[i].first);
    }
    run_until(clients_answered() > 50);
    clients_are_right();
    uv_close((uv_handle_t *)&timer, NULL);
    stand_close();
}

/* How a move ended is said again to whoever answers at the gateway's door: whether what was said
 * before its connection broke was heard, nobody knows. */
static void an_end_that_nobody_heard_is_said_again(void **state)
{
    char address[64];
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    struct move *move = hold_at("memwalk", "mode=pre-copy", PHASE_COPY);
    snprintf(address, sizeof address, "%s", stand.address);
    gateway_dies();
    run_until(peer_named("A") == NULL);
    assert_true(departure_abort(move, "given up on request"));
    run_until(find_departure_half() == NULL);
    assert_string_equal(stand.outcome, "");
    gateway_begins(address, "1111");
    await_end("aborted");
    assert_string_equal(stand.reason, "given up on request");
    stand_close();
}

static void a_host_that_ends_says_what_ends_with_it(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    host_dies(0);
    run_until(peer_named("A") == NULL);
    assert_int_equal(stand.told_lost, 1);
    stand_close();
}

/* Its gateway had given it up, and told whoever had ordered it so. */
static void what_was_ordered_while_it_was_stopped_is_not_done(void **state)
{
    (void)state;
    stand_open(NULL);
    add_guest(0, MEMWALK, "");
    assert_string_equal(command("A", "clock", NULL), "");
    struct trunk *trunk = &stand.hosts[0]->trunk;
    trunk->asked_ns -= 11 * NS_PER_S;
    json_t *id = json_integer(7);
    unsigned replies = stand.replies;
    peer_talk(peer_named("A"),
              control_command("migrate",
                              json_pack("{s:s, s:s, s:s, s:s}", "guest", "memwalk", "move",
                                        "00000000000000000000000000000001", "to", "B", "address",
                                        host_address(stand.hosts[1])),
                              id));
    json_decref(id);
    run_until(trunk->channel == NULL || stand.replies > replies);
    run_until(trunk->is_open);
    assert_int_equal(stand.replies, replies);
    assert_null(find_departure_half());
    assert_string_equal(command("A", "clock", NULL), "");
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aborted_in_any_phase_it_goes_on),
        cmocka_unit_test(a_connection_may_break_in_any_phase),
        cmocka_unit_test(commit_is_out_and_nothing_is_heard),
        cmocka_unit_test(a_target_that_knows_nothing_loses_nothing),
        cmocka_unit_test(a_commit_that_does_not_leave_is_none),
        cmocka_unit_test(a_copy_may_take_longer_than_an_answer),
        cmocka_unit_test(cut_and_mended_after_the_switch),
        cmocka_unit_test(another_gateway_is_told_of_the_link),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_name_is_what_can_be_told),
        cmocka_unit_test(a_target_dies_before_commit),
        cmocka_unit_test(a_source_dies_before_commit),
        cmocka_unit_test(a_source_dies_after_the_switch),
        cmocka_unit_test(a_target_dies_after_the_switch),
        cmocka_unit_test(only_where_nobody_listens_it_is_dead),
        cmocka_unit_test(a_gateway_dies_and_another_comes),
        cmocka_unit_test(a_gateway_forgets_its_clients),
        cmocka_unit_test(an_end_that_nobody_heard_is_said_again),
        cmocka_unit_test(a_host_that_ends_says_what_ends_with_it),
        cmocka_unit_test(what_was_ordered_while_it_was_stopped_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
