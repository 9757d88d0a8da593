/* hostile_attack: streams against each of the surfaces, and what must be so behind each of them: the
 * guest is at one host, has lost and doubled nothing of its client's, and nobody of the enemy's is
 * left.
 *
 * What is not said, because whoever may say it is believed: to a gateway that another host has the
 * guest, with more moves behind it, or that he is one of its hosts come back; to a host that a guest
 * of the same name comes, or that one is to be moved to an address that others may have. `quit` is
 * said, and counted.
 *
 * Included by tests and proofs. */
#ifndef LIVE_HOSTILE_ATTACK_H
#define LIVE_HOSTILE_ATTACK_H

#include "live/hostile_stand.h"

/* So often C's gateway is an honest one, and the guest there is asked. */
#define HONEST_EVERY 4u

/* ---- What is rightly believed ---- */

/* That `data` says that a guest of that name is with whoever says it, and how often it has moved. */
static inline bool claims_guest(const json_t *list, uint64_t moves)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *claim = json_array_get(list, i);
        if (strcmp(control_word(claim, "name", ""), GUEST) == 0 &&
            control_number(claim, "moves", 0) > moves)
            return true;
    }
    return false;
}

static inline bool is_believed_talk(const struct frame *frame)
{
    struct control_message message;
    bool is_believed = false;

    if (control_read((const char *)frame->payload, frame->payload_bytes, &message, NULL) ==
        STATUS_OK) {
        uint64_t moves = gateway_guest_named(hostile.house.gateway, GUEST)->move_count;
        const json_t *list = message.data;
        const char *name = control_word(message.data, "name", "M");
        const char *address = control_word(message.data, "address", NOWHERE);
        bool is_hello = message.kind == CONTROL_EVENT && strcmp(message.name, "hello") == 0;
        if (is_hello)
            list = json_object_get(message.data, "guests");
        is_believed = claims_guest(list, moves) ||
                      (is_hello && (strcmp(name, "A") == 0 || strcmp(name, "B") == 0) &&
                       control_number(message.data, "pid", 0) == (uint64_t)getpid()) ||
                      (message.kind == CONTROL_COMMAND && strcmp(address, NOWHERE) != 0);
    }
    control_message_fini(&message);
    return is_believed;
}

static inline bool is_believed(enum surface surface, const struct bytes *stream)
{
    size_t at = 0, consumed = 1;
    struct frame frame;
    bool is_it = false;

    if (surface == AT_TARGET) {
        struct move_text text;
        is_it = move_text_get(stream->data, stream->count, &text, &consumed, NULL) == STATUS_OK &&
                strcmp(host_guest_name(&text.scenario), GUEST) == 0;
        move_text_fini(&text);
        return is_it;
    }
    if (surface != AT_GATEWAY && surface != AT_TRUNK)
        return false;
    while (!is_it &&
           frame_decode(stream->data + at, stream->count - at, &frame, &consumed) == STATUS_OK &&
           consumed > 0) {
        is_it = frame.type == FRAME_TALK && is_believed_talk(&frame);
        at += consumed;
    }
    return is_it;
}

/* Of the streams to a target some are of one move, two by two: it breaks behind COMMIT, and comes back
 * on a connection that is made anew. */
static inline bool is_come_back(enum surface surface)
{
    return surface == AT_TARGET && hostile.number / 2 % 4 == 3;
}

static inline struct prng put_come_back(struct bytes *stream)
{
    struct prng random = prng_make(hostile.seed, hostile.number << 8);
    bool is_first = hostile.number % 2 == 0;
    struct take *take = hostile.takes[AT_TARGET] + (is_first ? RECOVERED : RECOVERY);
    size_t committed = hostile.committed_bytes;

    rename_move(take, (hostile.number & ~1ull) << 8);
    bytes_clear(stream);
    if (is_first)
        bytes_put(stream, take->bytes.data,
                  committed + prng_below(&random, take->bytes.count - committed));
    else
        mutate(&random, take, stream);
    return random;
}

/* The stream of that number, and the random numbers behind it. */
static inline struct prng put_stream(enum surface surface, struct bytes *stream)
{
    if (is_come_back(surface))
        return put_come_back(stream);
    for (uint64_t attempt = 0;; attempt++) {
        struct prng random = prng_make(hostile.seed, hostile.number << 8 | (attempt & 255));
        struct take *take =
            hostile.takes[surface] + prng_below(&random, hostile.take_counts[surface]);
        if (surface == AT_TARGET && !one_in(&random, 16))
            rename_move(take, hostile.number << 8 | (attempt & 255));
        bytes_clear(stream);
        mutate(&random, take, stream);
        if (!is_believed(surface, stream))
            return random;
        hostile.left_out++;
    }
}

/* ---- The guest ---- */

static inline void ask_kv(void)
{
    enemy_says(&hostile.client, KEY_OF_KV, strlen(KEY_OF_KV));
    hostile.asked++;
}

static inline bool kv_has_answered(void)
{
    struct enemy *client = &hostile.client;
    char expected[32];

    if (client->fd < 0)
        harmed("the client's connection is no more");
    int length =
        snprintf(expected, sizeof expected, ":%llu\r\n", (unsigned long long)hostile.counted + 1);
    if (client->heard.count < (size_t)length)
        return false;
    if (client->heard.count != (size_t)length ||
        memcmp(client->heard.data, expected, (size_t)length) != 0)
        harmed("the client heard \"%.*s\" and not \"%s\"", (int)client->heard.count,
               (const char *)client->heard.data, expected);
    bytes_clear(&client->heard);
    hostile.counted++;
    return true;
}

static inline unsigned count_homes(struct host *const *hosts, unsigned host_count, unsigned *halves)
{
    unsigned count = 0;

    for (unsigned i = 0; i < host_count; i++)
        for (unsigned k = 0; k < HOST_GUESTS; k++) {
            const struct resident *resident = &hosts[i]->residents[k];
            if (resident->guest == NULL || strcmp(resident->name, GUEST) != 0)
                continue;
            count += resident_is_here(resident);
            *halves += !resident_is_here(resident);
        }
    return count;
}

static inline void see_that_kv_is_well(void)
{
    unsigned halves = 0;

    run_until(kv_has_answered());
    if (count_homes(hostile.house.hosts, 2, &halves) != 1 || halves != 0)
        harmed("the guest is not at one host");
}

/* ---- What enemies leave behind ---- */

static inline bool are_gone(void)
{
    for (unsigned i = 0; i < BATCH; i++)
        if (hostile.enemies[i].fd >= 0)
            return false;
    return true;
}

static inline bool is_gateway_alone(void)
{
    unsigned visitors = 0;
    for (unsigned i = 0; i < GATEWAY_VISITORS; i++)
        visitors += hostile.house.gateway->visitors[i].trunk != NULL;
    return visitors == 2;
}

static inline bool are_lines_gone(void)
{
    return hostile.house.hosts[0]->lines == NULL && hostile.house.hosts[1]->lines == NULL;
}

/* Guests that were brought well enough to be taken. */
static inline void drop_strangers(struct host *host)
{
    for (unsigned i = 0; i < HOST_GUESTS; i++) {
        struct resident *resident = &host->residents[i];
        if (resident->guest == NULL || strcmp(resident->name, GUEST) == 0)
            continue;
        hostile.brought++;
        if (resident->in != NULL)
            move_forget(resident->in, uv_hrtime(), "it was brought by an enemy");
        else
            host_drop_resident(resident);
    }
}

static inline bool is_kv_moving(void)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct resident *resident = host_find_resident(hostile.house.hosts[i], GUEST);
        if (resident != NULL && (resident->in != NULL || resident->out != NULL))
            return true;
    }
    return false;
}

/* What callers may have ordered is let happen, or ended. */
static inline void calm_down(void)
{
    struct house *house = &hostile.house;

    if (!obeys_door(house, "link",
                    "{\"bandwidth\": \"none\", \"latency\": \"0ns\", \"state\": \"mended\"}"))
        harmed("the link cannot be mended");
    /* Each host has answered that, and so has obeyed what came before. */
    for (unsigned i = 0; i < 200 && is_kv_moving(); i++)
        turn();
    if (is_kv_moving() && !obeys_door(house, "abort", "{}"))
        (void)obeys_door(house, "set", "{\"bandwidth-limit\": \"none\"}");
    run_until(!is_kv_moving());
}

/* ---- Those who call: at the gateway's hosts' door, at a host, at the door ---- */

static inline unsigned host_of(enum surface surface)
{
    return hostile.number / (is_come_back(surface) ? BATCH : 1) % 2;
}

static inline const char *address_of(enum surface surface)
{
    switch (surface) {
    case AT_GATEWAY:
        return gateway_hosts_address(hostile.house.gateway);
    case AT_DOOR:
        return hostile.house.control;
    default:
        return host_address(hostile.house.hosts[host_of(surface)]);
    }
}

/* He has the right key for whatever he comes to. */
static inline const struct channel_key *key_of(enum surface surface, struct channel_key *made)
{
    switch (surface) {
    case AT_DOOR:
        return NULL;
    case AT_TARGET:
        return key_for(hostile.key, KEY_FOR_MOVES_TO, host_of(surface) == 0 ? "A" : "B", made);
    case AT_SOURCE:
        return key_for(hostile.key, KEY_FOR_MOVES_TO, "X", made);
    default:
        return key_for(hostile.key, KEY_FOR_TRUNK, "", made);
    }
}

/* Somebody calls a guest that no host has, but whoever says so. */
static inline void call_other_guest(void)
{
    struct gateway *gateway = hostile.house.gateway;
    struct gateway_guest *guest = gateway_guest_named(gateway, OTHER_GUEST);
    struct said_of said = {.call = {.port = 7000, .guest = OTHER_GUEST}};
    const struct gateway_client *client = NULL;

    gateway_clients_hang_up(guest);
    run_until(hostile.other_client.fd < 0);
    enemy_fini(&hostile.other_client);
    enemy_init(&hostile.other_client, enemy_connect(gateway_clients_address(gateway, 1)),
               SEAL_CALLER, NULL);
    enemy_says(&hostile.other_client, "hello\n", 6);
    run_until(gateway_clients_count(guest, true) == 1);
    while (client == NULL || client->state != CLIENT_CALLING)
        client = client == NULL ? guest->clients : client + 1;
    said.call.stream_idx = client->slot_idx;
    said.call.first = said.sequence = said.ack = client->first;
    say_it_of(0, &said);
}

/* The enemy knows the numbers of kv's client. */
static inline void know_kv(void)
{
    const struct gateway_client *client =
        gateway_guest_named(hostile.house.gateway, GUEST)->clients;

    while (client->state != CLIENT_TALKING)
        client++;
    const struct said_of said = {
        .call = {.stream_idx = client->slot_idx,
                 .port = 6379,
                 .first = client->first,
                 .guest = GUEST},
        .sequence = client->stream.expected,
        .ack = client->stream.next,
    };
    say_it_of(1, &said);
}

static inline void say(enum surface surface, uint64_t first, unsigned count)
{
    struct bytes stream = {0};
    struct channel_key made;

    for (unsigned i = 0; i < count; i++) {
        struct enemy *enemy = &hostile.enemies[i];
        hostile.number = first + i;
        struct prng random = put_stream(surface, &stream);
        enemy_fini(enemy);
        enemy_init(enemy, enemy_connect(address_of(surface)), SEAL_CALLER, key_of(surface, &made));
        enemy_says(enemy, stream.data, stream.count);
        enemy_leaves(enemy, &random);
    }
    bytes_fini(&stream);
    run_until(are_gone());
}

static inline void call_in_a_crowd(enum surface surface, uint64_t first, unsigned count)
{
    hostile.number = first;
    if (surface == AT_GATEWAY) {
        call_other_guest();
        know_kv();
    }
    if (is_come_back(surface)) {
        say(surface, first, 1);
        run_until(are_lines_gone());
        say(surface, first + 1, 1);
    } else {
        say(surface, first, count);
    }
    if (surface == AT_GATEWAY)
        run_until(is_gateway_alone());
    if (surface == AT_DOOR)
        calm_down();
    run_until(are_lines_gone());
    for (unsigned i = 0; i < 2; i++)
        drop_strangers(hostile.house.hosts[i]);
}

/* ---- Those who are called by host C ---- */

static inline struct enemy *await_call(enum surface surface)
{
    int listener = surface == AT_SOURCE ? hostile.target_fd : hostile.gateway_fd;
    struct enemy *enemy = &hostile.enemies[0];
    struct channel_key made;
    int fd = -1;

    if (hostile.third->trunk.channel == NULL)
        hostile.third->trunk.retry_at_ns = 0; /* it would have come by itself, later */
    run_until((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    enemy_fini(enemy);
    enemy_init(enemy, fd, SEAL_CALLED, key_of(surface, &made));
    return enemy;
}

/* Nobody fetches what C has to tell. */
static inline void forget_events(void)
{
    for (unsigned i = 0; i < HOST_MOVES; i++)
        hostile.third->moves[i].events.count = hostile.third->moves[i].looked = 0;
}

static inline struct resident *other_guest(void)
{
    struct resident *resident = host_find_resident(hostile.third, OTHER_GUEST);
    return resident;
}

/* The guest that may be moved from C is there again, and nothing goes on. */
static inline void set_up_third(void)
{
    struct resident *resident = other_guest();

    if (resident != NULL && resident->out != NULL) {
        for (unsigned i = 0; i < 20; i++)
            turn();
        resident = other_guest();
        if (resident != NULL && resident->out != NULL && resident->out->over_ns == 0)
            move_forget(resident->out, uv_hrtime(), "an enemy has taken it");
    }
    forget_events();
    run_until(hostile.third->lines == NULL);
    for (unsigned i = 0; i < HOST_MOVES; i++)
        if (hostile.third->moves[i].is_used)
            run_until(!hostile.third->moves[i].is_used);
    if (other_guest() != NULL)
        return;
    hostile.taken++;
    add_guest(hostile.third, OTHER_GUEST, "2MiB");
}

/* Whatever the host says is heard, and its client is answered by the guest. */
static inline void hear_third(struct enemy *gateway, struct stream *stream, bool *is_accepted)
{
    size_t at = 0, consumed = 1;
    struct frame frame;

    for (; consumed > 0; at += consumed) {
        struct stream_packet packet;
        uint32_t idx;
        if (frame_decode(gateway->heard.data + at, gateway->heard.count - at, &frame, &consumed) !=
            STATUS_OK)
            harmed("what host C says cannot be read");
        if (consumed == 0 || frame.type != FRAME_PACKET)
            continue;
        *is_accepted |= frame.note == TRUNK_ACCEPTED;
        if (frame.note == 0 && trunk_get_packet(&frame, &idx, &packet) == STATUS_OK && idx == 0)
            (void)stream_receive(stream, uv_hrtime(), &packet);
    }
    bytes_drop_front(&gateway->heard, at);
}

static inline bool talks_to_third(struct enemy *gateway, struct stream *stream, uint64_t *call_ns,
                                  bool *is_accepted)
{
    const struct trunk_call call = {.port = 6379, .guest = GUEST};
    struct stream_packet packet;
    struct bytes out = {0};
    char heard[32] = "", expected[32];

    hear_third(gateway, stream, is_accepted);
    if (gateway->fd < 0)
        harmed("host C has left an honest gateway");
    if (!*is_accepted && uv_hrtime() > *call_ns) {
        trunk_put_call(&out, TRUNK_CONNECT, &call);
        *call_ns = uv_hrtime() + NS_PER_MS;
    }
    while (*is_accepted && stream_next_packet(stream, uv_hrtime(), &packet))
        trunk_put_packet(&out, 0, &packet);
    enemy_says(gateway, out.data, out.count);
    bytes_fini(&out);
    snprintf(expected, sizeof expected, ":%llu\r\n", (unsigned long long)hostile.third_counted + 1);
    uint32_t count = stream_read(stream, heard, sizeof heard - 1);
    if (count > 0 && strcmp(heard, expected) != 0)
        harmed("the guest at host C says \"%s\" and not \"%s\"", heard, expected);
    hostile.third_counted += count > 0;
    return count > 0;
}

/* An honest gateway, new each time: the guest at C is asked. */
static inline void see_that_third_is_well(void)
{
    struct enemy *gateway = await_call(AT_TRUNK);
    struct bytes hello = {0};
    struct stream stream;
    char text[64];
    uint64_t call_ns = 0;
    bool is_accepted = false;
    unsigned halves = 0;

    snprintf(text, sizeof text, "{\"return\": {\"instance\": \"%016llx\"}}",
             (unsigned long long)++hostile.instances);
    trunk_put_talk(&hello, text);
    enemy_says(gateway, hello.data, hello.count);
    bytes_fini(&hello);
    stream_init(&stream);
    (void)stream_write(&stream, KEY_OF_KV, (uint32_t)strlen(KEY_OF_KV));
    run_until(talks_to_third(gateway, &stream, &call_ns, &is_accepted));
    enemy_fini(gateway);
    run_until(!hostile.third->trunk.is_open);
    if (count_homes(&hostile.third, 1, &halves) != 1 || halves != 0)
        harmed("the guest is not at host C any more");
}

static inline void be_its_gateway(void)
{
    struct bytes stream = {0};
    struct prng random = put_stream(AT_TRUNK, &stream);
    struct enemy *gateway = await_call(AT_TRUNK);
    const struct channel *trunk = hostile.third->trunk.channel;

    enemy_says(gateway, stream.data, stream.count);
    enemy_leaves(gateway, &random);
    bytes_fini(&stream);
    run_until(are_gone());
    run_until(hostile.third->trunk.channel != trunk || trunk == NULL);
    set_up_third();
}

/* C moves a guest to the enemy, who says what a host does that takes one, bit by bit. */
static inline void take_its_guest(void)
{
    static const char *const modes[] = {"stop-and-copy", "pre-copy", "post-copy", "hybrid"};
    struct bytes stream = {0};
    struct prng random = put_stream(AT_SOURCE, &stream);
    struct control_message message;
    char text[400];
    size_t at = 0;

    snprintf(text, sizeof text,
             "{\"execute\": \"migrate\", \"arguments\": {\"guest\": \"" OTHER_GUEST
             "\", \"move\": \"%032llx\", \"to\": \"X\", \"address\": \"%s\", \"mode\": \"%s\"}}",
             (unsigned long long)++hostile.moves_named, hostile.target_address,
             modes[prng_below(&random, 4)]);
    enum status status = control_read(text, strlen(text), &message, NULL);
    MUST(status == STATUS_OK);
    host_obey(hostile.third, &message);
    control_message_fini(&message);
    if (other_guest()->out == NULL)
        harmed("host C does not move the guest");
    struct enemy *target = await_call(AT_SOURCE);
    for (unsigned part = 0; part < 4 && target->fd >= 0; part++) {
        size_t count = part == 3 ? stream.count - at : prng_below(&random, stream.count - at + 1);
        enemy_says(target, stream.data + at, count);
        at += count;
        for (unsigned i = 0; i < 8; i++)
            turn();
        bytes_clear(&target->heard);
    }
    enemy_leaves(target, &random);
    bytes_fini(&stream);
    run_until(are_gone());
    set_up_third();
}

/* ---- All of them ---- */

/* Of many callers one always gives up what another has begun. */
static inline unsigned crowd_at_door(uint64_t first)
{
    return first / BATCH / SURFACES % 4 == 0 ? 1 : BATCH;
}

/* A batch: streams from `first` on, all at the surface whose turn it is. */
static inline void attack(uint64_t first, unsigned count)
{
    enum surface surface = (enum surface)(first / BATCH % SURFACES);

    hostile.number = first;
    ask_kv();
    if (surface == AT_TRUNK || surface == AT_SOURCE) {
        for (unsigned i = 0; i < count; i++) {
            hostile.number = first + i;
            *hostile.told = hostile.number;
            if (surface == AT_TRUNK)
                be_its_gateway();
            else
                take_its_guest();
            if ((hostile.number + 1) % HONEST_EVERY == 0)
                see_that_third_is_well();
        }
    } else {
        /* A host takes one guest of a name at a time, and a gateway one host of a name. */
        unsigned crowd = surface == AT_TARGET    ? 2
                         : surface == AT_GATEWAY ? 1
                                                 : crowd_at_door(first);
        for (unsigned i = 0; i < count; i += crowd) {
            *hostile.told = first + i;
            call_in_a_crowd(surface, first + i, crowd);
        }
    }
    see_that_kv_is_well();
    hostile.said[surface] += count;
}

static inline int listen_for_third(char address[ADDRESS_TEXT_BYTES])
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    MUST(fd >= 0 && bind(fd, (struct sockaddr *)&here, bytes) == 0 && listen(fd, 8) == 0 &&
         getsockname(fd, (struct sockaddr *)&here, &bytes) == 0);
    snprintf(address, ADDRESS_TEXT_BYTES, "127.0.0.1:%u", ntohs(here.sin_port));
    return fd;
}

static inline void hostile_open(uint64_t seed, const struct channel_key *key,
                                volatile uint64_t *told)
{
    static const char *const names[2] = {"A", "B"};
    struct problem problem = {STATUS_OK, ""};

    hostile.seed = seed;
    hostile.told = told;
    hostile.house.caller.fd = hostile.client.fd = hostile.other_client.fd = -1;
    for (unsigned i = 0; i < BATCH; i++)
        hostile.enemies[i].fd = -1;
    signal(SIGPIPE, SIG_IGN);
    strcpy(hostile.folder, "/tmp/ferry_hostile_XXXXXX");
    MUST(mkdtemp(hostile.folder) != NULL && sodium_init() >= 0);
    MUST(uv_loop_init(&hostile.loop) == 0);
    record_sessions();
    write_lines();
    hostile.key = key;
    house_open(&hostile.house, names, GUEST, "1MiB", NULL);
    if (gateway_listen(hostile.house.gateway, "127.0.0.1:0=" OTHER_GUEST, &problem) != STATUS_OK)
        harmed("%s", problem.text);
    hostile.gateway_fd = listen_for_third(hostile.gateway_address);
    hostile.target_fd = listen_for_third(hostile.target_address);
    hostile.third = host_begins(&hostile.third_config, "C", hostile.gateway_address);
    add_guest(hostile.third, GUEST, "1MiB");
    add_guest(hostile.third, OTHER_GUEST, "2MiB");
    enemy_init(&hostile.client, enemy_connect(gateway_clients_address(hostile.house.gateway, 0)),
               SEAL_CALLER, NULL);
    ask_kv();
    see_that_kv_is_well();
    see_that_third_is_well();
}

static inline void hostile_close(void)
{
    enemy_fini(&hostile.client);
    enemy_fini(&hostile.other_client);
    for (unsigned i = 0; i < BATCH; i++)
        enemy_fini(&hostile.enemies[i]);
    host_close(hostile.third);
    house_close(&hostile.house);
    close(hostile.gateway_fd);
    close(hostile.target_fd);
    (void)uv_run(&hostile.loop, UV_RUN_DEFAULT);
    MUST(uv_loop_close(&hostile.loop) == 0);
    for (unsigned i = 0; i < SURFACES; i++)
        for (unsigned k = 0; k <= MODES; k++)
            bytes_fini(&hostile.takes[i][k].bytes);
    rmdir(hostile.folder);
}

#endif
