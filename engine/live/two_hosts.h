/* two_hosts: what the tests of hosts have in common: two of them on one loop with a gateway of fifty
 * lines, which notes what it is told, and has a client or two for a guest that counts. What is
 * judged is bytes and counts; the clock only ends a test that hangs.
 */
#ifndef LIVE_TWO_HOSTS_H
#define LIVE_TWO_HOSTS_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "live/host_private.h"
#include "live/key_file.h"
#include "live/trunk.h"

#define HANG_NS (60 * NS_PER_S)
#define CLIENTS 4
#define PORT    6379 /* of kv */

/* A host, as the gateway sees it. */
struct peer {
    struct channel *channel;
    struct bytes in;
    char name[8];
    json_t *guests, *link;
    bool is_here;
};

/* Counts up, and sees whether each number comes once. */
struct counting_client {
    struct stream stream;
    uint64_t asked, answered;
    uint64_t before, least, most; /* what its key held before, which is between the two */
    uint64_t first;               /* number of its first byte */
    char line[32];
    uint32_t line_bytes;
    bool is_called, is_accepted, is_wrong;
};

static struct stand {
    uv_loop_t loop;
    struct channel_listener *listener;
    char address[64];
    struct peer peers[4];
    struct host *hosts[2];
    struct host_config configs[2];
    char console[1 << 16]; /* of all guests, as it was written at whichever host */
    size_t console_bytes;
    struct event_list events;
    unsigned ended;
    char outcome[16], reason[200]; /* of the move that ended last */
    unsigned replies;
    char error[24], desc[200]; /* of the last reply; "": it was none */
    unsigned progress, moves_begun, said_whole, said_unheard, said_dropped, told_lost, told_console;
    bool is_refusing;           /* hosts, */
    enum control_error refusal; /* for that */
    unsigned hellos, refused;   /* of host A */
    uint64_t permille;          /* of the move, as it was told last */
    struct counting_client clients[CLIENTS];
    char instance[17];
    uint64_t began_ns;
} stand;

static const struct channel_key *stand_key; /* before it is opened; NULL: nothing is sealed */

static inline void hang_on(const char *condition, int line)
{
    (void)uv_run(&stand.loop, UV_RUN_ONCE);
    if (uv_hrtime() - stand.began_ns > HANG_NS)
        fail_msg("line %d: it never came to %s; last: %s %s", line, condition, stand.outcome,
                 stand.reason);
}

#define run_until(condition)               \
    do {                                   \
        stand.began_ns = uv_hrtime();      \
        while (!(condition))               \
            hang_on(#condition, __LINE__); \
    } while (0)

/* ---- The gateway ---- */

static inline void peer_talk(struct peer *peer, json_t *message)
{
    struct bytes frame = {0};
    char *text = json_dumps(message, JSON_COMPACT);
    trunk_put_talk(&frame, text);
    channel_send(peer->channel, frame.data, frame.count);
    bytes_fini(&frame);
    free(text);
    json_decref(message);
}

static inline void peer_hears(struct peer *peer, const struct control_message *message)
{
    if (message->kind == CONTROL_RETURN || message->kind == CONTROL_ERROR) {
        stand.replies++;
        snprintf(stand.error, sizeof stand.error, "%s",
                 message->kind == CONTROL_ERROR ? message->name : "");
        snprintf(stand.desc, sizeof stand.desc, "%s",
                 message->kind == CONTROL_ERROR ? message->desc : "");
    } else if (strcmp(message->name, "hello") == 0) {
        snprintf(peer->name, sizeof peer->name, "%s", control_word(message->data, "name", ""));
        stand.hellos += strcmp(peer->name, "A") == 0;
        if (stand.is_refusing) {
            peer_talk(peer, control_refusal(stand.refusal, "hello: no", NULL));
            return;
        }
        peer->is_here = true;
        json_decref(peer->guests);
        peer->guests = json_deep_copy(json_object_get(message->data, "guests"));
        peer_talk(peer, control_return(json_pack("{s:s}", "instance", stand.instance), NULL));
    } else if (strcmp(message->name, "guests") == 0) {
        json_decref(peer->guests);
        peer->guests = json_deep_copy(message->data);
        const json_t *first = json_array_get(peer->guests, 0);
        stand.told_lost += strcmp(control_word(first, "state", ""), "lost") == 0;
    } else if (strcmp(message->name, "migration_ended") == 0) {
        stand.ended++;
        snprintf(stand.outcome, sizeof stand.outcome, "%s",
                 control_word(message->data, "outcome", ""));
        snprintf(stand.reason, sizeof stand.reason, "%s",
                 control_word(message->data, "reason", ""));
    } else if (strcmp(message->name, "link") == 0) {
        json_decref(peer->link);
        peer->link = json_deep_copy(message->data);
    } else if (strcmp(message->name, "console") == 0) {
        stand.told_console++;
    } else if (strcmp(message->name, "progress") == 0) {
        stand.progress++;
        stand.permille = control_number(message->data, "progress_permille", 1000);
        assert_true(stand.permille < 1000);
    }
}

static inline struct peer *peer_named(const char *name)
{
    for (unsigned i = 0; i < 4; i++)
        if (stand.peers[i].is_here && strcmp(stand.peers[i].name, name) == 0)
            return &stand.peers[i];
    return NULL;
}

/* The host that claims the guest, and with what words. */
static inline struct peer *peer_that_claims(const char *guest, const json_t **claim)
{
    for (unsigned i = 0; i < 4; i++)
        for (size_t k = 0; stand.peers[i].is_here && k < json_array_size(stand.peers[i].guests);
             k++) {
            *claim = json_array_get(stand.peers[i].guests, k);
            if (strcmp(control_word(*claim, "name", ""), guest) == 0 &&
                strcmp(control_word(*claim, "state", ""), "moving") != 0)
                return &stand.peers[i];
        }
    *claim = NULL;
    return NULL;
}

static inline struct peer *peer_with(const char *guest)
{
    const json_t *claim;
    return peer_that_claims(guest, &claim);
}

/* As the gateway was told last. */
static inline uint64_t pages_missing(const char *guest)
{
    const json_t *claim;
    return peer_that_claims(guest, &claim) == NULL ? 0 : control_number(claim, "pages_missing", 0);
}

static inline void client_read(struct counting_client *client)
{
    char data[STREAM_WINDOW_BYTES];
    uint32_t count = stream_read(&client->stream, data, sizeof data);

    for (uint32_t i = 0; i < count; i++) {
        char expected[32];
        if (client->line_bytes < sizeof client->line - 1)
            client->line[client->line_bytes++] = data[i];
        if (data[i] != '\n')
            continue;
        client->line[client->line_bytes] = '\0';
        client->line_bytes = 0;
        if (client->answered == 0 && client->most > 0) {
            client->before = strtoull(client->line + 1, NULL, 10) - 1;
            client->is_wrong |= client->before < client->least || client->before > client->most;
        }
        snprintf(expected, sizeof expected, ":%llu\r\n",
                 (unsigned long long)(client->before + ++client->answered));
        client->is_wrong |= strcmp(client->line, expected) != 0;
    }
}

/* Each has a key of its own, and some questions under way. */
static inline void clients_turn(void)
{
    struct peer *peer = peer_with("kv");
    struct bytes frames = {0};
    struct stream_packet packet;

    for (uint32_t i = 0; peer != NULL && i < CLIENTS; i++) {
        struct counting_client *client = &stand.clients[i];
        char request[32];
        int bytes = snprintf(request, sizeof request, "INCR n%u\r\n", i);
        if (!client->is_called)
            continue;
        if (!client->is_accepted) {
            const struct trunk_call call = {
                .stream_idx = i, .port = PORT, .first = client->first, .guest = "kv"};
            trunk_put_call(&frames, TRUNK_CONNECT, &call);
            continue;
        }
        client_read(client);
        while (client->asked < client->answered + 8 &&
               stream_room(&client->stream) >= (uint32_t)bytes) {
            (void)stream_write(&client->stream, request, (uint32_t)bytes);
            client->asked++;
        }
        while (stream_next_packet(&client->stream, uv_hrtime(), &packet))
            trunk_put_packet(&frames, i, &packet);
    }
    if (frames.count > 0)
        channel_send(peer->channel, frames.data, frames.count);
    bytes_fini(&frames);
}

static inline void peer_frame(struct peer *peer, const struct frame *frame)
{
    struct control_message message;
    struct stream_packet packet;
    struct trunk_call call;
    uint32_t stream_idx;

    if (frame->type == FRAME_TALK) {
        assert_int_equal(
            control_read((const char *)frame->payload, frame->payload_bytes, &message, NULL),
            STATUS_OK);
        peer_hears(peer, &message);
        control_message_fini(&message);
    } else if (frame->type == FRAME_EVENTS) {
        char move[MOVE_ID_BYTES];
        assert_int_equal(trunk_get_events(frame, move, &stand.events), STATUS_OK);
    } else if (frame->note == TRUNK_ACCEPTED) {
        assert_int_equal(trunk_get_call(frame, TRUNK_ACCEPTED, &call), STATUS_OK);
        if (call.stream_idx < CLIENTS)
            stand.clients[call.stream_idx].is_accepted = true;
    } else {
        assert_int_equal(trunk_get_packet(frame, &stream_idx, &packet), STATUS_OK);
        if (stream_idx < CLIENTS)
            (void)stream_receive(&stand.clients[stream_idx].stream, uv_hrtime(), &packet);
    }
}

static inline void peer_heard(void *owner, struct channel *channel, const uint8_t *data,
                              size_t count)
{
    struct peer *peer = owner;
    size_t taken = 0, consumed = 1;
    struct frame frame;

    (void)channel;
    bytes_put(&peer->in, data, count);
    for (; consumed > 0; taken += consumed) {
        assert_int_equal(
            frame_decode(peer->in.data + taken, peer->in.count - taken, &frame, &consumed),
            STATUS_OK);
        if (consumed > 0)
            peer_frame(peer, &frame);
    }
    bytes_drop_front(&peer->in, taken);
    clients_turn();
}

static inline void peer_opened(void *owner, struct channel *channel)
{
    (void)owner;
    (void)channel;
}

static inline void peer_closed(void *owner, struct channel *channel, const char *reason)
{
    struct peer *peer = owner;
    (void)channel;
    (void)reason;
    json_decref(peer->guests);
    json_decref(peer->link);
    bytes_fini(&peer->in);
    *peer = (struct peer){0};
}

static inline bool peer_comes(void *owner, struct channel *channel,
                              const struct channel_owner **calls, void **peer_owner)
{
    static const struct channel_owner peer_calls = {
        .opened = peer_opened, .heard = peer_heard, .closed = peer_closed};
    struct peer *peer = stand.peers;
    (void)owner;

    while (peer < stand.peers + 4 && peer->channel != NULL)
        peer++;
    assert_true(peer < stand.peers + 4);
    peer->channel = channel;
    *calls = &peer_calls;
    *peer_owner = peer;
    return true;
}

static inline void gateway_begins(const char *address, const char *instance)
{
    struct problem problem = {0};
    snprintf(stand.instance, sizeof stand.instance, "%s", instance);
    struct channel_key key;
    if (channel_listen(&stand.loop, address, key_for(stand_key, KEY_FOR_TRUNK, "", &key),
                       peer_comes, NULL, &stand.listener, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    snprintf(stand.address, sizeof stand.address, "%s", channel_listener_address(stand.listener));
}

static inline void gateway_dies(void)
{
    channel_listener_close(stand.listener);
    stand.listener = NULL;
    for (unsigned i = 0; i < 4; i++)
        if (stand.peers[i].channel != NULL)
            channel_close(stand.peers[i].channel, "", true);
}

/* ---- The hosts ---- */

static inline void host_said(void *owner, const char *line)
{
    stand.said_whole += strstr(line, "is here as a whole") != NULL;
    stand.said_unheard += strstr(line, "is told to nobody") != NULL;
    stand.said_dropped += strstr(line, "were told to nobody") != NULL;
    if (getenv("TELL") != NULL)
        printf("%llu us %s: %s\n", (unsigned long long)(uv_hrtime() / 1000 % 100000000),
               (const char *)owner, line);
}

static inline void host_console(void *owner, const char *guest, const uint8_t *text, size_t count)
{
    (void)owner;
    (void)guest;
    if (stand.console_bytes + count >= sizeof stand.console)
        return;
    memcpy(stand.console + stand.console_bytes, text, count);
    stand.console_bytes += count;
}

static inline void host_dies(unsigned idx)
{
    host_close(stand.hosts[idx]);
    stand.hosts[idx] = NULL;
}

static inline void host_refused(void *owner, const char *reason)
{
    assert_string_equal(reason, "the gateway does not take this host: hello: no");
    stand.refused++;
    host_dies(strcmp(owner, "B") == 0);
}

static const struct host_owner host_calls = {
    .said = host_said, .console = host_console, .refused = host_refused};

static inline void host_begins(unsigned idx, const char *disk)
{
    static const char *const names[] = {"A", "B"};
    struct problem problem = {0};

    stand.configs[idx] = (struct host_config){.name = names[idx],
                                              .gateway = stand.address,
                                              .listen = "127.0.0.1:0",
                                              .key = stand_key,
                                              .disk_path = disk};
    if (host_open(&stand.loop, &stand.configs[idx], &host_calls, (void *)names[idx],
                  &stand.hosts[idx], &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
}

static inline void stand_open(const char *disk)
{
    memset(&stand, 0, sizeof stand);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&stand.loop), 0);
    gateway_begins("127.0.0.1:0", "1111");
    host_begins(0, disk);
    host_begins(1, disk);
    run_until(peer_named("A") != NULL && peer_named("B") != NULL);
}

static inline void stand_close(void)
{
    for (unsigned i = 0; i < 2; i++)
        if (stand.hosts[i] != NULL)
            host_close(stand.hosts[i]);
    if (stand.listener != NULL)
        gateway_dies();
    (void)uv_run(&stand.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&stand.loop), 0);
    event_list_fini(&stand.events);
}

/* A path for the disks of guests, in a folder of its own. */
static inline const char *disks_begin(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/ferry-host-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    strcat(path, "/disk");
    return path;
}

/* Each guest's file is gone, and there was none beside those. */
static inline void disk_ends(const char *disks, const char *guest)
{
    char path[128];
    snprintf(path, sizeof path, "%s.%s", disks, guest);
    assert_int_equal(unlink(path), 0);
}

static inline void disks_end(const char *disks)
{
    char folder[64];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(disks, '/') - disks), disks);
    assert_int_equal(rmdir(folder), 0);
}

/* A guest by words as on a command line: "guest=kv memory=16MiB", with its own arguments. It has not
 * run yet; its name is returned. */
static inline const char *put_guest(unsigned idx, const char *words, const char *args)
{
    static char name[64];
    struct problem problem = {0};
    struct scenario scenario;
    char text[256], path[1024], *save = NULL;
    uint8_t *image = NULL;
    size_t image_bytes = 0;

    scenario_init(&scenario);
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value++ = '\0';
        assert_int_equal(scenario_set(&scenario, word, value, &problem), STATUS_OK);
    }
    if (*args != '\0')
        assert_int_equal(scenario_set(&scenario, "args", args, &problem), STATUS_OK);
    if (scenario_check(&scenario, false, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    if (!scenario_is_model(&scenario)) {
        if (strstr(words, "cpu-rate") == NULL)
            assert_int_equal(scenario_set(&scenario, "cpu-rate", HOST_CPU_RATE, NULL), STATUS_OK);
        snprintf(path, sizeof path, BUILD_DIR "/guests/%s", scenario.guest);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        image = malloc(1 << 20);
        image_bytes = fread(image, 1, 1 << 20, file);
        fclose(file);
    }
    if (host_add_guest(stand.hosts[idx], &scenario, image, image_bytes, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    free(image);
    snprintf(name, sizeof name, "%s", host_guest_name(&scenario));
    scenario_fini(&scenario);
    return name;
}

static inline void add_guest(unsigned idx, const char *words, const char *args)
{
    const char *name = put_guest(idx, words, args);
    run_until(peer_with(name) != NULL);
}

/* ---- What people do ---- */

/* Waits for the answer: the class of the error, or "". */
static inline const char *command(const char *host, const char *name, json_t *arguments)
{
    struct peer *peer = peer_named(host);
    unsigned before = stand.replies;
    json_t *id = json_integer(7);

    assert_non_null(peer);
    peer_talk(peer, control_command(name, arguments, id));
    json_decref(id);
    run_until(stand.replies > before);
    return stand.error;
}

/* Moves it from where it is to the other host; `options` as "mode=pre-copy max-rounds=3". */
static inline const char *begin_move(const char *guest, const char *options)
{
    struct peer *peer = peer_with(guest);
    assert_non_null(peer);
    unsigned to = strcmp(peer->name, "A") == 0 ? 1 : 0;
    char text[256], id[33], *save = NULL;

    snprintf(id, sizeof id, "%032x", ++stand.moves_begun);
    json_t *arguments = json_pack("{s:s, s:s, s:s, s:s}", "guest", guest, "move", id, "to",
                                  to == 0 ? "A" : "B", "address", host_address(stand.hosts[to]));
    snprintf(text, sizeof text, "%s", options);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value++ = '\0';
        json_object_set_new(arguments, word, json_string(value));
    }
    return command(peer->name, "migrate", arguments);
}

/* At whichever host it is; NULL: at none. */
static inline struct resident *find_resident(const char *guest)
{
    for (unsigned i = 0; i < 2; i++) {
        struct resident *resident =
            stand.hosts[i] == NULL ? NULL : host_find_resident(stand.hosts[i], guest);
        if (resident != NULL && resident_is_here(resident))
            return resident;
    }
    return NULL;
}

/* The half at the source of the only move; NULL. */
static inline struct move *find_departure_half(void)
{
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; stand.hosts[i] != NULL && k < HOST_MOVES; k++)
            if (stand.hosts[i]->moves[k].is_used && stand.hosts[i]->moves[k].is_out)
                return &stand.hosts[i]->moves[k];
    return NULL;
}

/* And it is whole where it has gone. */
static inline void await_end(const char *outcome)
{
    unsigned before = stand.ended;
    run_until(stand.ended > before);
    if (strcmp(stand.outcome, outcome) != 0)
        fail_msg("%s instead of %s: %s", stand.outcome, outcome, stand.reason);
}

static inline void move_whole(const char *guest, const char *options)
{
    unsigned before = stand.ended;
    if (*begin_move(guest, options) != '\0')
        fail_msg("%s: %s", stand.error, stand.desc);
    run_until(stand.ended > before);
    if (strcmp(stand.outcome, "completed") != 0)
        fail_msg("%s with %s: %s", stand.outcome, options, stand.reason);
    run_until(peer_with(guest) != NULL && find_resident(guest) != NULL &&
              peer_named(peer_with(guest)->name) != NULL &&
              stand.hosts[strcmp(peer_with(guest)->name, "B") == 0] == find_resident(guest)->host);
}

/* Held where its source enters that phase, until source_go_on. */
static inline struct move *hold_at(const char *guest, const char *options, enum phase phase)
{
    if (*begin_move(guest, options) != '\0')
        fail_msg("%s: %s", stand.error, stand.desc);
    struct move *move = find_departure_half();
    assert_non_null(move);
    if (phase == PHASE_SETUP)
        return move;
    move->source.config.halt_at = 1u << phase;
    run_until(move->source.phase == phase);
    return move;
}

static inline void go_on(struct move *move)
{
    move->source.config.halt_at = 0;
    source_go_on(&move->source);
    move_feed(move);
}

/* It has lived on: it writes, and what it wrote last it finds. */
static inline void lives(const char *guest)
{
    struct resident *resident = find_resident(guest);
    assert_non_null(resident);
    uint64_t before = resident->guest->ops->instructions(resident->guest);
    run_until(find_resident(guest) == resident &&
              resident->guest->ops->instructions(resident->guest) > before + 10000);
}

static inline void clients_begin(void)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        stand.clients[i] = (struct counting_client){.is_called = true};
        stream_init(&stand.clients[i].stream);
    }
}

/* Their keys hold what the clients before them had counted to: the first answer says it. */
static inline void successors_begin(const struct counting_client former[CLIENTS])
{
    clients_begin();
    for (uint32_t i = 0; i < CLIENTS; i++) {
        stand.clients[i].least = former[i].answered;
        stand.clients[i].most = former[i].asked;
    }
}

/* Retries are the streams' own: they are asked now and then. */
static inline void clients_tick(uv_timer_t *timer)
{
    (void)timer;
    clients_turn();
}

static inline uint64_t clients_answered(void)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < CLIENTS; i++)
        if (stand.clients[i].answered < least)
            least = stand.clients[i].answered;
    return least;
}

static inline void clients_are_right(void)
{
    for (uint32_t i = 0; i < CLIENTS; i++)
        assert_false(stand.clients[i].is_wrong);
}

#endif
