/* kv: a key-value server that speaks RESP, the Redis protocol, on port 6379.
 *
 *   kv_heap.h      memory in blocks
 *   kv_store.h     keys and values in a hash table
 *   kv_request.h   requests out of bytes
 *   kv.c           connections, commands and their answers
 *
 * The way of a request: poll names a stream; its bytes are received into `input`; each whole
 * request in there is executed and its answer collected in `output`; one send puts them all on
 * their way. Only what is left over (half a request, an answer that the stream has no room for) is
 * kept with its connection. So the pages that every request dirties are few and the same for all
 * clients, and a SET of a key that exists dirties one more: the one of its entry.
 *
 * It checks itself: each value is sealed when it is set, and GET gives out none whose seal does not
 * fit. CHECK looks through all that is stored, and says so on the console; SHUTDOWN does, and ends.
 */
#include "runtime.h"

#include "kv_request.h"

#define PORT          6379
#define STREAMS_MAX   64   /* stream numbers are below this: a mailbox has no more */
#define INPUT_BYTES   4096 /* a stream's window: no receive gives more */
#define OUTPUT_BYTES  4096 /* a stream's window: no send takes more */
#define REPLY_RESERVE 512  /* room for any answer but a byte string */

struct connection {
    bool is_open;
    bool is_closing; /* closed as soon as the answers are out */
    bool has_in_block, has_held_block;
    uint8_t *in; /* the beginning of a request: in_small, or a block of the heap */
    uint32_t in_count, in_capacity, in_class;
    uint8_t *held; /* answers that are waiting for room: held_small, or a block of the heap */
    uint32_t held_sent, held_count, held_class;
};

static struct connection connections[STREAMS_MAX];
static uint8_t input[INPUT_BYTES];
static uint8_t output[OUTPUT_BYTES];
static uint8_t *answers =
    output;                   /* or a block, while an answer is said that `output` cannot hold */
static uint32_t output_count; /* bytes of them */
static struct request request;
static uint64_t commands_processed;

/* Touched only by connections that have something left over. */
static uint8_t in_small[STREAMS_MAX][INPUT_BYTES];
static uint8_t held_small[STREAMS_MAX][OUTPUT_BYTES];

static uint32_t stream_of(const struct connection *connection)
{
    return (uint32_t)(connection - connections);
}

/* ---- Answers. Before each request nothing is held and the reserve is free. ---- */

static bool is_held(const struct connection *connection)
{
    return connection->held_sent < connection->held_count;
}

static void send_held(struct connection *connection)
{
    int64_t sent = mailbox_send(stream_of(connection), connection->held + connection->held_sent,
                                connection->held_count - connection->held_sent);
    if (sent > 0)
        connection->held_sent += (uint32_t)sent;
    if (is_held(connection))
        return;
    if (connection->has_held_block)
        heap_give(connection->held, connection->held_class);
    connection->has_held_block = false;
    connection->held_sent = connection->held_count = 0;
}

static void send_output(struct connection *connection)
{
    int64_t sent;

    if (output_count == 0)
        return;
    sent = mailbox_send(stream_of(connection), output, output_count);
    if (sent < 0)
        sent = 0;
    if (sent < output_count) {
        connection->held = held_small[stream_of(connection)];
        connection->held_sent = 0;
        connection->held_count = output_count - (uint32_t)sent;
        memcpy(connection->held, output + sent, connection->held_count);
    }
    output_count = 0;
}

static void reply(const void *bytes, uint32_t count)
{
    memcpy(answers + output_count, bytes, count);
    output_count += count;
}

#define reply_literal(text) reply(text, sizeof(text) - 1)

static void reply_marked_number(char mark, int64_t number)
{
    char text[24], *at = text + sizeof text;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--at = '-';
    *--at = mark;
    reply(at, (uint32_t)(text + sizeof text - at));
}

static void reply_error(const char *text)
{
    reply_literal("-ERR ");
    reply(text, (uint32_t)strlen(text));
    reply_literal("\r\n");
}

static void reply_out_of_memory(void)
{
    reply_literal("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
}

static void reply_byte_string(struct slice value)
{
    reply_marked_number('$', value.count);
    reply(value.bytes, value.count);
    reply_literal("\r\n");
}

/* An answer too long for `output` gets a block of its own, with all that comes before it. False: it
 * is too long for any. */
static bool begin_long(uint64_t count, uint32_t *class)
{
    uint8_t *block = heap_take(output_count + count, class);

    if (block == NULL) {
        reply_out_of_memory();
        return false;
    }
    memcpy(block, output, output_count);
    answers = block;
    return true;
}

static void end_long(struct connection *connection, uint32_t class)
{
    connection->held = answers;
    connection->held_class = class;
    connection->has_held_block = true;
    connection->held_sent = 0;
    connection->held_count = output_count;
    answers = output;
    output_count = 0;
    send_held(connection);
}

#define BYTE_STRING_MORE 32 /* bytes of its mark, its length and its line ends, at most */

static bool is_long(uint64_t count)
{
    return count > OUTPUT_BYTES - output_count;
}

static void reply_value(struct connection *connection, struct slice value)
{
    uint64_t count = (uint64_t)value.count + BYTE_STRING_MORE;
    uint32_t class = 0;
    bool is_in_block = is_long(count);

    if (is_in_block && !begin_long(count, &class))
        return;
    reply_byte_string(value);
    if (is_in_block)
        end_long(connection, class);
}

/* ---- Commands. words[0] is the command's name. ---- */

static bool is_word(struct slice word, const char *name)
{
    uint32_t i = 0;
    for (; i < word.count && name[i] != '\0'; i++)
        if ((word.bytes[i] & ~0x20) != name[i]) /* names are letters, in capitals */
            return false;
    return i == word.count && name[i] == '\0';
}

_Noreturn static void fail(const char *what)
{
    print("kv: %s\n", what);
    exit(1);
}

/* What was set, or nothing: bytes NULL. */
static struct slice sound_value(struct slice key)
{
    struct entry *entry = store_get(key);

    if (entry == NULL)
        return (struct slice){NULL, 0};
    if (!entry->is_preloaded && !entry_is_sound(entry))
        fail("a value is not what was set");
    return (struct slice){entry_value(entry), entry->value_bytes};
}

static void command_get(struct connection *connection)
{
    struct slice value = sound_value(request.words[1]);

    if (value.bytes == NULL)
        reply_literal("$-1\r\n");
    else
        reply_value(connection, value);
}

static void command_mget(struct connection *connection)
{
    uint64_t count = BYTE_STRING_MORE;
    uint32_t class = 0;

    for (uint32_t i = 1; i < request.word_count; i++)
        count += sound_value(request.words[i]).count + BYTE_STRING_MORE;
    bool is_in_block = is_long(count);
    if (is_in_block && !begin_long(count, &class))
        return;
    reply_marked_number('*', request.word_count - 1);
    for (uint32_t i = 1; i < request.word_count; i++) {
        struct slice value = sound_value(request.words[i]);
        if (value.bytes == NULL)
            reply_literal("$-1\r\n");
        else
            reply_byte_string(value);
    }
    if (is_in_block)
        end_long(connection, class);
}

static void command_set(struct connection *connection)
{
    (void)connection;
    if (request.word_count != 3)
        reply_error("syntax error");
    else if (!store_set(request.words[1], request.words[2]))
        reply_out_of_memory();
    else
        reply_literal("+OK\r\n");
}

static void command_ping(struct connection *connection)
{
    if (request.word_count > 2)
        reply_error("wrong number of arguments for 'ping' command");
    else if (request.word_count == 2)
        reply_value(connection, request.words[1]);
    else
        reply_literal("+PONG\r\n");
}

static void command_echo(struct connection *connection)
{
    reply_value(connection, request.words[1]);
}

static void command_del(struct connection *connection)
{
    int64_t count = 0;
    (void)connection;
    for (uint32_t i = 1; i < request.word_count; i++)
        count += store_delete(request.words[i]);
    reply_marked_number(':', count);
}

static void command_exists(struct connection *connection)
{
    int64_t count = 0;
    (void)connection;
    for (uint32_t i = 1; i < request.word_count; i++)
        count += store_get(request.words[i]) != NULL;
    reply_marked_number(':', count);
}

/* As Redis reads it: no sign but '-', no spaces, no leading zeros, 64 bits. */
static bool read_integer(struct slice text, int64_t *number)
{
    bool is_negative = text.count > 0 && text.bytes[0] == '-';
    uint32_t first = is_negative;
    int64_t value = 0;

    if (text.count == first || (text.bytes[first] == '0' && text.count > 1))
        return false;
    for (uint32_t i = first; i < text.count; i++) {
        int64_t digit = text.bytes[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* negative: the larger half */
            return false;
    }
    return is_negative ? (*number = value, true) : !__builtin_sub_overflow(0, value, number);
}

static void command_incr(struct connection *connection)
{
    struct entry *entry = store_get(request.words[1]);
    int64_t number = 0;
    char text[24];

    (void)connection;
    if (entry != NULL &&
        !read_integer((struct slice){entry_value(entry), entry->value_bytes}, &number)) {
        reply_error("value is not an integer or out of range");
        return;
    }
    if (__builtin_add_overflow(number, 1, &number)) {
        reply_error("increment or decrement would overflow");
        return;
    }
    uint32_t count = (uint32_t)format_text(text, sizeof text, "%ld", number);
    if (!store_set(request.words[1], (struct slice){(const uint8_t *)text, count}))
        reply_out_of_memory();
    else
        reply_marked_number(':', number);
}

static void command_dbsize(struct connection *connection)
{
    (void)connection;
    reply_marked_number(':', (int64_t)store.entry_count);
}

static void command_flushall(struct connection *connection)
{
    (void)connection;
    store_clear();
    reply_literal("+OK\r\n");
}

static void command_info(struct connection *connection)
{
    char text[400];
    uint64_t open_count = 0;

    for (uint32_t i = 0; i < STREAMS_MAX; i++)
        open_count += connections[i].is_open;
    size_t count = format_text(
        text, sizeof text,
        "# Server\r\nserver_name:ferry-kv\r\nuptime_in_seconds:%lu\r\ntcp_port:%u\r\n\r\n"
        "# Clients\r\nconnected_clients:%lu\r\n\r\n"
        "# Memory\r\nused_memory:%lu\r\nmaxmemory:%lu\r\n\r\n"
        "# Stats\r\ntotal_commands_processed:%lu\r\n\r\n"
        "# Keyspace\r\ndb0:keys=%lu,expires=0\r\n",
        time_ns() / 1000000000, PORT, open_count, heap.used_bytes,
        (uint64_t)(heap.end - __heap_start), commands_processed, store.entry_count);
    reply_value(connection, (struct slice){(const uint8_t *)text, (uint32_t)count});
}

/* The rest is there so that redis-cli and redis-benchmark, which ask on connecting, go on. */

static void command_command(struct connection *connection)
{
    (void)connection;
    reply_literal("*0\r\n");
}

static void command_config(struct connection *connection)
{
    (void)connection;
    if (!is_word(request.words[1], "GET") || request.word_count != 3 ||
        request.words[2].count > 64) {
        reply_error("only CONFIG GET with one parameter is there");
        return;
    }
    reply_literal("*2\r\n");
    reply_byte_string(request.words[2]);
    reply_byte_string((struct slice){NULL, 0});
}

static void command_select(struct connection *connection)
{
    (void)connection;
    if (request.words[1].count == 1 && request.words[1].bytes[0] == '0')
        reply_literal("+OK\r\n");
    else
        reply_error("DB index is out of range");
}

static void command_quit(struct connection *connection)
{
    reply_literal("+OK\r\n");
    connection->is_closing = true;
}

/* The whole store against itself: not Redis's, and no command that a server in earnest would obey.
 */
static void check(void)
{
    if (!store_is_sound())
        fail("the store is not what was put into it");
    print("kv: %lu keys checked, ok\n", store.entry_count);
}

static void command_check(struct connection *connection)
{
    (void)connection;
    check();
    reply_literal("+OK\r\n");
}

static void command_shutdown(struct connection *connection)
{
    (void)connection;
    check();
    exit(0);
}

static const struct command {
    const char *name;
    uint32_t words_min, words_max;
    void (*execute)(struct connection *connection);
} commands[] = {
    {"GET", 2, 2, command_get},
    {"SET", 3, REQUEST_WORDS_MAX, command_set},
    {"MGET", 2, REQUEST_WORDS_MAX, command_mget},
    {"PING", 1, REQUEST_WORDS_MAX, command_ping},
    {"ECHO", 2, 2, command_echo},
    {"DEL", 2, REQUEST_WORDS_MAX, command_del},
    {"EXISTS", 2, REQUEST_WORDS_MAX, command_exists},
    {"INCR", 2, 2, command_incr},
    {"DBSIZE", 1, 1, command_dbsize},
    {"FLUSHALL", 1, 2, command_flushall},
    {"INFO", 1, REQUEST_WORDS_MAX, command_info},
    {"COMMAND", 1, REQUEST_WORDS_MAX, command_command},
    {"CONFIG", 2, REQUEST_WORDS_MAX, command_config},
    {"SELECT", 2, 2, command_select},
    {"QUIT", 1, REQUEST_WORDS_MAX, command_quit},
    {"CHECK", 1, 1, command_check},
    {"SHUTDOWN", 1, 2, command_shutdown},
};

/* The client's own word in an error line: short, printable, and without a quote or line end. */
static void reply_unknown_command(struct slice word)
{
    reply_literal("-ERR unknown command '");
    for (uint32_t i = 0; i < word.count && i < 64; i++) {
        bool is_plain = word.bytes[i] >= ' ' && word.bytes[i] <= '~' && word.bytes[i] != '\'';
        reply(is_plain ? (const char *)&word.bytes[i] : "?", 1);
    }
    reply_literal("'\r\n");
}

static void reply_wrong_word_count(const char *name)
{
    reply_literal("-ERR wrong number of arguments for '");
    for (; *name != '\0'; name++) {
        char small = (char)(*name | 0x20);
        reply(&small, 1);
    }
    reply_literal("' command\r\n");
}

static void execute(struct connection *connection)
{
    const struct command *command = commands;
    const struct command *end = commands + sizeof commands / sizeof commands[0];

    commands_processed++;
    while (command < end && !is_word(request.words[0], command->name))
        command++;
    if (command == end)
        reply_unknown_command(request.words[0]);
    else if (request.word_count < command->words_min || request.word_count > command->words_max)
        reply_wrong_word_count(command->name);
    else
        command->execute(connection);
}

/* ---- Connections ---- */

static void drop_in_block(struct connection *connection)
{
    if (connection->has_in_block)
        heap_give(connection->in, connection->in_class);
    connection->has_in_block = false;
    connection->in = in_small[stream_of(connection)];
    connection->in_capacity = INPUT_BYTES;
}

static void open_connections(void)
{
    int64_t stream_idx;

    while ((stream_idx = mailbox_accept()) >= 0) {
        if (stream_idx >= STREAMS_MAX) {
            mailbox_close((uint32_t)stream_idx);
            continue;
        }
        connections[stream_idx] = (struct connection){.is_open = true};
        drop_in_block(&connections[stream_idx]);
    }
}

static void hang_up(struct connection *connection)
{
    drop_in_block(connection);
    if (connection->has_held_block)
        heap_give(connection->held, connection->held_class);
    mailbox_close(stream_of(connection));
    *connection = (struct connection){.is_open = false};
}

/* Keeps what was received and not executed yet for the next time. */
static void keep_rest(struct connection *connection, const uint8_t *rest, uint32_t count)
{
    if (count <= INPUT_BYTES) {
        /* The rest may lie in the block that is given back: copy it out before. */
        memmove(in_small[stream_of(connection)], rest, count);
        drop_in_block(connection);
    } else if (rest != connection->in) { /* a long request grows where it is */
        memmove(connection->in, rest, count);
    }
    connection->in_count = count;
}

/* Executes what is whole among the received bytes, as long as the answers find room. */
static void answer(struct connection *connection, const uint8_t *bytes, uint32_t count)
{
    struct cursor cursor = {bytes, bytes + count, NULL};
    const uint8_t *executed = bytes;
    enum parsed parsed = PARSED_PART;

    while (!is_held(connection) && !connection->is_closing) {
        parsed = parse_request(&cursor, &request);
        if (parsed != PARSED_WHOLE)
            break;
        if (request.word_count > 0)
            execute(connection);
        executed = cursor.at;
        if (output_count > OUTPUT_BYTES - REPLY_RESERVE)
            send_output(connection);
    }
    if (parsed == PARSED_WRONG) {
        reply_error(cursor.error);
        connection->is_closing = true;
    }
    if (connection->is_closing)
        executed = cursor.end; /* nobody will read the rest */
    send_output(connection);
    if (executed < cursor.end || connection->in_count > 0)
        keep_rest(connection, executed, (uint32_t)(cursor.end - executed));
}

/* A request that has filled its buffer gets one of twice the size: memory follows what has arrived,
 * never what was announced. */
static bool grow_in(struct connection *connection)
{
    uint32_t class;
    uint64_t capacity = (uint64_t)connection->in_capacity * 2;
    uint8_t *block;

    if (connection->in_capacity == REQUEST_BYTES_MAX) {
        reply_error("Protocol error: too big request");
        return false;
    }
    if (capacity > REQUEST_BYTES_MAX)
        capacity = REQUEST_BYTES_MAX;
    block = heap_take(capacity, &class);
    if (block == NULL) {
        reply_out_of_memory();
        return false;
    }
    memcpy(block, connection->in, connection->in_count);
    drop_in_block(connection);
    connection->in = block;
    connection->in_class = class;
    connection->in_capacity = heap_class_bytes[class];
    connection->has_in_block = true;
    return true;
}

static void receive(struct connection *connection)
{
    bool is_continued = connection->in_count > 0;
    uint8_t *into = is_continued ? connection->in + connection->in_count : input;
    int64_t received;

    if (is_continued && connection->in_count == connection->in_capacity) {
        connection->is_closing = !grow_in(connection);
        if (connection->is_closing) {
            send_output(connection);
            return;
        }
        into = connection->in + connection->in_count;
    }
    received = mailbox_receive(stream_of(connection), into,
                               is_continued ? connection->in_capacity - connection->in_count
                                            : INPUT_BYTES);
    if (received == HYPERCALL_WOULD_BLOCK)
        return;
    if (received <= 0) {
        connection->is_closing = true;
        return;
    }
    if (is_continued) {
        connection->in_count += (uint32_t)received;
        answer(connection, connection->in, connection->in_count);
    } else {
        answer(connection, input, (uint32_t)received);
    }
}

/* A client that does not read its answers is not listened to either, until it does. */
static void serve(struct connection *connection)
{
    if (is_held(connection)) {
        send_held(connection);
        if (!is_held(connection) && connection->in_count > 0)
            answer(connection, connection->in, connection->in_count);
    } else if (!connection->is_closing) {
        receive(connection);
    }
    if (connection->is_closing && !is_held(connection))
        hang_up(connection);
}

int main(int argc, char **argv)
{
    uint64_t preload_bytes = 0;
    const struct option options[] = {{"--preload", OPTION_SIZE, &preload_bytes, NULL}};
    static uint32_t streams[STREAMS_MAX];

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    heap_init();
    store_init();
    if (store.buckets == NULL || !store_preload(preload_bytes)) {
        print("kv: %lu KiB of memory are too small for a preload of %lu KiB\n",
              memory_bytes() / 1024, preload_bytes / 1024);
        return 2;
    }
    mailbox_listen(PORT);
    print("kv: %lu keys, listening on port %u\n", store.entry_count, PORT);
    for (;;) {
        int64_t count = mailbox_poll(streams, STREAMS_MAX);
        if (count <= 0)
            wait_for_something();
        for (int64_t i = 0; i < count && i < STREAMS_MAX; i++) {
            if (streams[i] == MAILBOX_CALLER)
                open_connections();
            else if (streams[i] < STREAMS_MAX && connections[streams[i]].is_open)
                serve(&connections[streams[i]]);
        }
    }
}
