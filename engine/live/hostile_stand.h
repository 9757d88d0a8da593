/* hostile_stand: a gateway with its door, hosts A and B, and a guest that counts for a client, all real
 * and on one loop, and a third host, C, whose gateway the enemy is. Before that, what is said between
 * such processes was recorded, with two hosts of other names and another guest.
 *
 * Whatever goes wrong is told with the stream that it was, and ends the process.
 *
 * Included by tests and proofs. */
#ifndef LIVE_HOSTILE_STAND_H
#define LIVE_HOSTILE_STAND_H

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "live/enemy.h"
#include "live/gateway_private.h"
#include "live/host_private.h"
#include "live/key_file.h"
#include "live/moves.h"
#include "live/relay.h"

#define HANG_NS     (20 * NS_PER_S)
#define BATCH       8u /* enemies at a time */
#define MODES       5u
#define RECOVERY    MODES         /* which of what is said to a target is a connection made anew, */
#define RECOVERED   2u            /* and of which move */
#define NOWHERE     "127.0.0.1:1" /* where nobody listens */
#define MEMORY_MAX  (8ull << 20)  /* of a guest that is brought */
#define KEY_OF_KV   "INCR mine\r\n"
#define GUEST       "kv"
#define OTHER_GUEST "chat"

enum surface { AT_GATEWAY, AT_TARGET, AT_DOOR, AT_TRUNK, AT_SOURCE, SURFACES };

static const char *const surface_names[SURFACES] = {
    [AT_GATEWAY] = "gateway",
    [AT_TARGET] = "host, from another that brings a guest",
    [AT_DOOR] = "door",
    [AT_TRUNK] = "host, from its gateway",
    [AT_SOURCE] = "host, from another that takes a guest"};

/* A gateway, its door, and two hosts. */
struct house {
    struct moves *moves;
    struct gateway *gateway;
    struct host *hosts[2];
    struct host_config configs[2];
    char control[64];
    struct enemy caller; /* at the door, and means no harm */
    uint64_t asked;
};

/* Whose packets they are, and where his bytes stood, when they were said. */
struct said_of {
    struct trunk_call call;
    uint64_t sequence, ack;
};

static struct hostile {
    uv_loop_t loop;
    const struct channel_key *key; /* NULL: nothing is sealed */
    uint64_t seed, number;         /* of the stream that is said now */
    volatile uint64_t *told;       /* for whoever watches this process */
    uint64_t began_ns;
    char folder[40];

    struct take takes[SURFACES][MODES + 1];
    unsigned take_counts[SURFACES];
    size_t committed_bytes; /* of the move that is recovered, up to its COMMIT */

    struct house house;
    struct enemy client;       /* of kv, and means no harm */
    struct enemy other_client; /* of a guest that only enemies have */
    struct said_of
        said_of[2]; /* in what is said to the gateway: of that one's client, and of kv's */
    uint64_t counted, asked;

    struct host *third;
    struct host_config third_config;
    int gateway_fd, target_fd; /* where the third host's gateway and the taker of guests listen */
    char gateway_address[ADDRESS_TEXT_BYTES], target_address[ADDRESS_TEXT_BYTES];
    uint64_t third_counted, instances, moves_named;

    struct enemy enemies[BATCH];
    uint64_t said[SURFACES], left_out, brought, taken, quits;
} hostile;

_Noreturn static inline void harmed(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn static inline void harmed(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "hostile: SEED=%llu, stream %llu: ", (unsigned long long)hostile.seed,
            (unsigned long long)hostile.number);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* ---- Turns ---- */

static inline void turn(void)
{
    (void)uv_run(&hostile.loop, UV_RUN_NOWAIT);
    enemy_turn(&hostile.house.caller);
    enemy_turn(&hostile.client);
    enemy_turn(&hostile.other_client);
    for (unsigned i = 0; i < BATCH; i++)
        enemy_turn(&hostile.enemies[i]);
}

#define run_until(condition)                                                   \
    do {                                                                       \
        hostile.began_ns = uv_hrtime();                                        \
        while (!(condition)) {                                                 \
            turn();                                                            \
            if (uv_hrtime() - hostile.began_ns > HANG_NS)                      \
                harmed("it never came to %s (line %d)", #condition, __LINE__); \
        }                                                                      \
    } while (0)

/* ---- A house ---- */

/* People read it on a terminal. */
static inline void tell(void *owner, const char *line)
{
    for (const char *c = line; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            harmed("%s says a control character, 0x%02x", (const char *)owner, (unsigned char)*c);
    if (getenv("TELL") != NULL)
        fprintf(stderr, "%llu %s: %s\n", (unsigned long long)hostile.number, (const char *)owner,
                line);
}

static inline void quit(void *owner)
{
    (void)owner;
    hostile.quits++; /* it is obeyed by whoever owns a host or a gateway, and not here */
}

static const struct moves_owner moves_owner = {.said = tell, .quit = quit};
static const struct host_owner host_owner = {.said = tell, .quit = quit};

static inline struct host *host_begins(struct host_config *config, const char *name,
                                       const char *gateway)
{
    struct problem problem = {STATUS_OK, ""};
    struct host *host;

    *config = (struct host_config){.name = name,
                                   .gateway = gateway,
                                   .listen = "127.0.0.1:0",
                                   .key = hostile.key,
                                   .memory_max_bytes = MEMORY_MAX};
    if (host_open(&hostile.loop, config, &host_owner, (void *)name, &host, &problem) != STATUS_OK)
        harmed("%s", problem.text);
    return host;
}

static inline void add_guest(struct host *host, const char *name, const char *memory)
{
    struct problem problem = {STATUS_OK, ""};
    const char *words[][2] = {{"guest", name}, {"memory", memory}, {"cpu-rate", HOST_CPU_RATE}};
    struct scenario scenario;
    static uint8_t image[1 << 20];
    size_t image_bytes = 0;
    char path[256];

    scenario_init(&scenario);
    for (unsigned i = 0; i < 3; i++)
        if (scenario_set(&scenario, words[i][0], words[i][1], &problem) != STATUS_OK)
            harmed("%s", problem.text);
    snprintf(path, sizeof path, BUILD_DIR "/guests/%s", name);
    FILE *file = fopen(path, "rb");
    MUST(file != NULL);
    image_bytes = fread(image, 1, sizeof image, file);
    fclose(file);
    if (host_add_guest(host, &scenario, image, image_bytes, &problem) != STATUS_OK)
        harmed("%s", problem.text);
    scenario_fini(&scenario);
}

static inline unsigned hosts_here(const struct house *house)
{
    unsigned count = 0;
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        count += house->gateway->hosts[i].trunk != NULL;
    return count;
}

/* `names`: of its two hosts; the first has the guest. */
static inline void house_open(struct house *house, const char *const names[2], const char *guest,
                              const char *memory, struct relay *relay)
{
    struct problem problem = {STATUS_OK, ""};
    const char *hosts_address;

    snprintf(house->control, sizeof house->control, "%s/%s", hostile.folder, names[0]);
    house->moves = moves_open(&hostile.loop, &moves_owner, "gateway");
    if (gateway_open(&hostile.loop, "127.0.0.1:0", hostile.key, &moves_calls, house->moves,
                     &house->gateway, &problem) != STATUS_OK ||
        gateway_listen(house->gateway, "127.0.0.1:0", &problem) != STATUS_OK ||
        moves_serve(house->moves, house->gateway, house->control, &problem) != STATUS_OK)
        harmed("%s", problem.text);
    hosts_address = gateway_hosts_address(house->gateway);
    if (relay != NULL)
        relay_init(relay, &hostile.loop, hosts_address);
    house->hosts[0] =
        host_begins(&house->configs[0], names[0], relay != NULL ? relay->address : hosts_address);
    house->hosts[1] = host_begins(&house->configs[1], names[1], hosts_address);
    add_guest(house->hosts[0], guest, memory);
    enemy_init(&house->caller, enemy_connect(house->control), SEAL_CALLER, NULL);
    run_until(hosts_here(house) == 2 && house->gateway->guests[0].home != NULL &&
              house->gateway->guests[0].port != 0);
}

static inline void house_close(struct house *house)
{
    enemy_fini(&house->caller);
    moves_close(house->moves);
    for (unsigned i = 0; i < 2; i++)
        host_close(house->hosts[i]);
    gateway_close(house->gateway);
}

/* The reply to a command at the door: what was returned, owned; NULL: an error. */
static inline json_t *ask_door(struct house *house, const char *command, const char *arguments)
{
    struct enemy *caller = &house->caller;
    char line[512];
    json_t *value = NULL;
    bool is_answered = false;

    snprintf(line, sizeof line, "{\"execute\": \"%s\", \"arguments\": %s, \"id\": %llu}\n", command,
             arguments, (unsigned long long)++house->asked);
    enemy_says(caller, line, strlen(line));
    while (!is_answered) {
        struct control_message message;
        uint8_t *end = NULL;
        run_until(caller->fd < 0 ||
                  (caller->heard.count > 0 &&
                   (end = memchr(caller->heard.data, '\n', caller->heard.count)) != NULL));
        if (caller->fd < 0)
            harmed("the door has shut out a caller who did nothing");
        size_t count = (size_t)(end - caller->heard.data);
        if (control_read((const char *)caller->heard.data, count, &message, NULL) == STATUS_OK &&
            message.kind != CONTROL_EVENT &&
            (uint64_t)json_integer_value(message.id) == house->asked) {
            is_answered = true;
            value = message.kind == CONTROL_RETURN ? json_incref(message.data) : NULL;
        }
        control_message_fini(&message);
        bytes_drop_front(&caller->heard, count + 1);
    }
    return value;
}

static inline bool obeys_door(struct house *house, const char *command, const char *arguments)
{
    json_t *value = ask_door(house, command, arguments);
    json_decref(value);
    return value != NULL;
}

static inline bool is_moving(struct house *house)
{
    json_t *status = ask_door(house, "status", "{}");
    const json_t *migration = json_object_get(status, "migration");
    bool is_it = !json_is_null(migration) && json_is_null(json_object_get(migration, "outcome"));
    json_decref(status);
    return is_it;
}

/* ---- What is recorded ---- */

/* The number that stands in it is another for each stream: of one move nobody is told twice. */
static inline void rename_move(struct take *take, uint64_t number)
{
    struct bytes again = {0};
    struct frame frame;
    size_t count, consumed;
    const uint8_t *piece = take_piece(take, 0, &count);
    char name[MOVE_ID_BYTES];

    enum status status = frame_decode(piece, count, &frame, &consumed);
    MUST(status == STATUS_OK && frame.type == FRAME_SAVED);
    size_t begin = frame_begin(&again, frame.type, frame.note);
    bytes_put(&again, frame.payload, frame.payload_bytes);
    uint8_t *at = memmem(again.data, again.count, "move = ", 7);
    MUST(at != NULL);
    snprintf(name, sizeof name, "%032llx", (unsigned long long)number);
    memcpy(at + 7, name, MOVE_ID_BYTES - 1);
    frame_end(&again, begin);
    memcpy(take->bytes.data, again.data, count);
    bytes_fini(&again);
}

/* Hosts are sent to nobody: the address of a move is one where nobody listens. */
static inline void hide_addresses(struct take *take)
{
    struct take hidden = {.is_framed = true};

    for (size_t i = 0; i < take->count; i++) {
        struct frame frame;
        size_t count, consumed;
        const uint8_t *piece = take_piece(take, i, &count);
        json_t *talk = NULL, *arguments;
        struct bytes line = {0}, again = {0};
        enum status status = frame_decode(piece, count, &frame, &consumed);
        MUST(status == STATUS_OK);
        if (frame.type == FRAME_TALK)
            talk = json_loadb((const char *)frame.payload, frame.payload_bytes, 0, NULL);
        arguments = json_object_get(talk, "arguments");
        if (json_object_get(arguments, "address") == NULL) {
            take_add(&hidden, piece, count);
        } else {
            json_object_set_new(arguments, "address", json_string(NOWHERE));
            control_put(&line, json_incref(talk));
            line.data[line.count - 1] = '\0';
            trunk_put_talk(&again, (const char *)line.data);
            take_add(&hidden, again.data, again.count);
        }
        bytes_fini(&line);
        bytes_fini(&again);
        json_decref(talk);
    }
    bytes_fini(&take->bytes);
    *take = hidden;
}

/* What is said to a gateway of a client is said of this one from now on: of his number, and of bytes
 * numbered as his are. */
static inline void say_it_of(unsigned idx, const struct said_of *now)
{
    struct take *take = hostile.takes[AT_GATEWAY] + idx, again = {.is_framed = true};
    struct said_of *was = &hostile.said_of[idx];

    for (size_t i = 0; i < take->count; i++) {
        struct stream_packet packet;
        struct trunk_call other;
        struct frame frame;
        struct bytes out = {0};
        uint32_t stream_idx;
        size_t count, consumed;
        const uint8_t *piece = take_piece(take, i, &count);
        enum status status = frame_decode(piece, count, &frame, &consumed);
        MUST(status == STATUS_OK);
        if (trunk_get_call(&frame, TRUNK_ACCEPTED, &other) == STATUS_OK) {
            trunk_put_call(&out, TRUNK_ACCEPTED, &now->call);
        } else if (trunk_get_packet(&frame, &stream_idx, &packet) == STATUS_OK) {
            packet.sequence += now->sequence - was->sequence;
            packet.ack += now->ack - was->ack;
            trunk_put_packet(&out, now->call.stream_idx, &packet);
        } else {
            bytes_put(&out, piece, count);
        }
        take_add(&again, out.data, out.count);
        bytes_fini(&out);
    }
    bytes_fini(&take->bytes);
    *take = again;
    *was = *now;
}

/* The same session, as of the guest that is to be let alone. */
static inline void speak_of_kv(const struct take *take, struct take *other)
{
    static const char from[] = "\"" OTHER_GUEST "\"", to[] = "\"" GUEST "\"";

    other->is_framed = true;
    for (size_t i = 0; i < take->count; i++) {
        struct frame frame;
        struct bytes out = {0};
        size_t count, consumed;
        const uint8_t *piece = take_piece(take, i, &count), *at, *word;
        enum status status = frame_decode(piece, count, &frame, &consumed);
        MUST(status == STATUS_OK);
        const uint8_t *end = frame.payload + frame.payload_bytes;
        size_t begin = frame_begin(&out, frame.type, frame.note);
        for (at = frame.payload; frame.type == FRAME_TALK &&
                                 (word = memmem(at, (size_t)(end - at), from, sizeof from - 1));
             at = word + sizeof from - 1) {
            bytes_put(&out, at, (size_t)(word - at));
            bytes_put(&out, to, sizeof to - 1);
        }
        bytes_put(&out, at, (size_t)(end - at));
        frame_end(&out, begin);
        take_add(other, out.data, out.count);
        bytes_fini(&out);
    }
}

/* The client whose call was taken. */
static inline struct trunk_call find_call(const struct take *take)
{
    struct trunk_call call = {0};

    for (size_t i = 0; i < take->count; i++) {
        struct frame frame;
        size_t count, consumed;
        const uint8_t *piece = take_piece(take, i, &count);
        enum status status = frame_decode(piece, count, &frame, &consumed);
        MUST(status == STATUS_OK);
        if (trunk_get_call(&frame, TRUNK_ACCEPTED, &call) == STATUS_OK)
            return call;
    }
    harmed("no client's call was recorded");
}

static inline void record_move(struct house *house, const char *arguments, struct relay *relay)
{
    struct gateway_host *target =
        &house->gateway->hosts[gateway_find_host(house->gateway, house->configs[1].name) - 1];
    struct take *take = hostile.takes[AT_TARGET] + hostile.take_counts[AT_TARGET]++;

    relay_init(relay, &hostile.loop, host_address(house->hosts[1]));
    snprintf(target->address, sizeof target->address, "%s", relay->address);
    if (!obeys_door(house, "migrate", arguments))
        harmed("%s: it is not obeyed", arguments);
    run_until(!is_moving(house));
    take_add_frames(take, relay->heard[RELAY_THERE].data, relay->heard[RELAY_THERE].count);
    take->is_whole = true;
    take = hostile.takes[AT_SOURCE] + hostile.take_counts[AT_SOURCE]++;
    take_add_frames(take, relay->heard[RELAY_BACK].data, relay->heard[RELAY_BACK].count);
    take->is_whole = true;
    if (!obeys_door(house, "migrate", "{}"))
        harmed("it does not come back");
    run_until(!is_moving(house));
    relay_close(relay);
}

static inline bool has_heard(const struct enemy *enemy, const char *words)
{
    return enemy->heard.count > 0 &&
           memmem(enemy->heard.data, enemy->heard.count, words, strlen(words)) != NULL;
}

static inline void record_talk(struct house *house)
{
    static const char words[] = "/name ANNA\n/who\nhello\n";
    struct enemy client;

    enemy_init(&client, enemy_connect(gateway_clients_address(house->gateway, 0)), SEAL_CALLER,
               NULL);
    enemy_says(&client, words, strlen(words));
    run_until((enemy_turn(&client), has_heard(&client, "hello")));
    enemy_fini(&client);
    (void)obeys_door(house, "link", "{\"bandwidth\": \"1GiB/s\", \"latency\": \"1us\"}");
    (void)obeys_door(house, "link", "{\"bandwidth\": \"none\", \"latency\": \"0ns\"}");
}

/* What would be said on another connection, had the first broken behind COMMIT. */
static inline void make_recovery(void)
{
    const struct take *take = hostile.takes[AT_TARGET] + RECOVERED;
    struct take *again = hostile.takes[AT_TARGET] + RECOVERY;
    bool is_committed = false;

    again->is_framed = again->is_whole = true;
    for (size_t i = 0; i < take->count; i++) {
        struct message_commit commit;
        struct frame frame;
        struct bytes out = {0};
        size_t count, consumed;
        const uint8_t *piece = take_piece(take, i, &count);
        enum status status = frame_decode(piece, count, &frame, &consumed);
        MUST(status == STATUS_OK);
        if (i == 0) {
            uint8_t *no = memmem(frame.payload, frame.payload_bytes, "recover = no", 12);
            MUST(no != NULL);
            size_t begin = frame_begin(&out, frame.type, frame.note);
            bytes_put(&out, frame.payload, (size_t)(no - frame.payload));
            bytes_put(&out, "recover = yes", 13);
            bytes_put(&out, no + 12, frame.payload_bytes - (size_t)(no + 12 - frame.payload));
            frame_end(&out, begin);
        } else if (message_get_commit(&frame, &commit) == STATUS_OK) {
            is_committed = true;
            message_put_number(&out, FRAME_RECOVER, commit.state_digest);
            hostile.committed_bytes = take->ends[i];
        } else if (is_committed) {
            bytes_put(&out, piece, count);
        }
        if (out.count > 0)
            take_add(again, out.data, out.count);
        bytes_fini(&out);
    }
    MUST(is_committed);
}

static inline void record_sessions(void)
{
    static const char *const names[2] = {"M", "N"};
    static const char *const moves[MODES] = {
        "{\"mode\": \"stop-and-copy\"}", "{\"mode\": \"pre-copy\", \"compress\": \"lz4\"}",
        "{\"mode\": \"post-copy\", \"route\": \"tunnel\", \"tunnel-for\": \"10ms\"}",
        "{\"mode\": \"hybrid\", \"compress\": \"zstd\"}", "{\"mode\": \"continuous\"}"};
    static struct relay trunk, relays[MODES];
    struct house *house = &hostile.house;

    house_open(house, names, OTHER_GUEST, "2MiB", &trunk);
    record_talk(house);
    for (unsigned i = 0; i < MODES; i++)
        record_move(house, moves[i], &relays[i]);
    (void)obeys_door(house, "status", "{}");
    house_close(house);
    relay_close(&trunk);
    (void)uv_run(&hostile.loop, UV_RUN_DEFAULT);
    *house = (struct house){.caller.fd = -1};
    take_add_frames(hostile.takes[AT_GATEWAY], trunk.heard[RELAY_THERE].data,
                    trunk.heard[RELAY_THERE].count);
    take_add_frames(hostile.takes[AT_TRUNK], trunk.heard[RELAY_BACK].data,
                    trunk.heard[RELAY_BACK].count);
    hide_addresses(hostile.takes[AT_TRUNK]);
    struct trunk_call call = find_call(hostile.takes[AT_GATEWAY]);
    hostile.said_of[0] = hostile.said_of[1] =
        (struct said_of){.call = call, .sequence = call.first, .ack = call.first};
    speak_of_kv(hostile.takes[AT_GATEWAY], hostile.takes[AT_GATEWAY] + 1);
    make_recovery();
    hostile.take_counts[AT_GATEWAY] = 2;
    hostile.take_counts[AT_TRUNK] = 1;
    relay_fini(&trunk);
    for (unsigned i = 0; i < MODES; i++)
        relay_fini(&relays[i]);
}

static inline void write_lines(void)
{
    static const char *const lines[] = {
        "{\"execute\": \"status\", \"id\": 1}\n",
        "{\"execute\": \"attach\", \"arguments\": {\"record\": true}, \"id\": \"x\"}\n",
        "{\"execute\": \"abort\", \"id\": 6}\n",
        "{\"execute\": \"migrate\", \"arguments\": {\"guest\": \"kv\", \"mode\": \"auto\", "
        "\"downtime-limit\": \"10ms\"}, \"id\": 2}\n",
        "{\"execute\": \"link\", \"arguments\": {\"bandwidth\": \"100MiB/s\", \"latency\": "
        "\"5us\", "
        "\"state\": \"mended\"}, \"id\": [3, {\"a\": null}]}\n",
        "{\"execute\": \"set\", \"arguments\": {\"downtime-limit\": \"1ms\", \"max-rounds\": "
        "\"3\", "
        "\"bandwidth-limit\": \"1GiB/s\"}}\n",
        "{\"execute\": \"post-copy\", \"arguments\": {}, \"id\": 5}\n",
        "{\"execute\": \"migrate\", \"arguments\": {\"guest\": \"kv\", \"mode\": \"hybrid\", "
        "\"route\": \"tunnel\", \"tunnel-for\": \"20ms\"}}\n",
        "{\"execute\": \"attach\", \"arguments\": {\"id\": 1}, \"id\": 7}\n",
        "{\"execute\": \"detach\", \"id\": 8}\n",
        "{\"execute\": \"quit\", \"id\": 9}\n",
    };
    struct take *take = hostile.takes[AT_DOOR];

    hostile.take_counts[AT_DOOR] = 1;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        take_add(take, lines[i], strlen(lines[i]));
}

#endif
