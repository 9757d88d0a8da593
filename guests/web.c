/* web: a server that speaks HTTP/1.1 on port 80: a page with a counter that never stands still
 * while the server lives, and with the name of the host where it is.
 *
 *   serve.h         connections, and their buffers
 *   web_request.h   a request out of bytes
 *   web.c           pages, answers, and the access log
 *
 *      /           the page; its script asks for /status four times a second
 *      /counter    how many requests were answered, this one included
 *      /status     the same and more, as JSON
 *
 * Connections are kept open (unless either end wishes otherwise), and requests may come one behind
 * the other without waiting; answers come in the order of the requests.
 *
 * As servers do, it writes a line about each request into a log: a ring of records in memory, each
 * sealed by a checksum. It checks itself by them: what a new record overwrites must be the oldest
 * one, unharmed; and every ten thousand requests, and at the end, all are checked. */
#include "serve.h"
#include "web_request.h"

#define PORT          80
#define ANSWER_MAX    2048                 /* head and body */
#define SILENCE_NS    (30 * 1000000000ull) /* a connection that is not used so long is closed */
#define LINGER_NS     100000000ull /* a machine that has ended sends nothing that was lost again */
#define REQUESTS_TOLD 10000

static struct body bodies[SERVE_CLIENTS]; /* what is left to skip of each client's last request */
static uint64_t answered_count;
static uint64_t last = UINT64_MAX; /* the request to end with */

/* ---- The access log ---- */

struct access {
    uint64_t seal; /* the checksum of all that follows */
    uint64_t number, at_ns;
    uint32_t client_idx, status;
    char target[32];
};

_Static_assert(sizeof(struct access) == 64, "records do not cross pages");

static struct {
    struct access *records;
    uint64_t count; /* that the ring holds */
} log;

_Noreturn static void fail(uint64_t number)
{
    print("web: the log's record of request %lu is damaged\n", number);
    exit(1);
}

static uint64_t access_seal(const struct access *access)
{
    return checksum(&access->number, sizeof *access - sizeof access->seal, 0);
}

static void check_access(uint64_t number)
{
    const struct access *access = &log.records[number % log.count];
    if (access->number != number || access->seal != access_seal(access))
        fail(number);
}

static void check_log(void)
{
    uint64_t oldest = answered_count > log.count ? answered_count - log.count + 1 : 1;
    for (uint64_t number = oldest; number <= answered_count; number++)
        check_access(number);
}

static void log_answer(const struct client *client, struct text target, uint32_t status)
{
    struct access *access = &log.records[++answered_count % log.count];

    if (answered_count > log.count)
        check_access(answered_count - log.count);
    *access = (struct access){.number = answered_count,
                              .at_ns = time_ns(),
                              .client_idx = number_of_client(client),
                              .status = status};
    memcpy(access->target, target.at,
           target.count < sizeof access->target ? target.count : sizeof access->target);
    access->seal = access_seal(access);
    if (answered_count % REQUESTS_TOLD == 0) {
        check_log();
        print("web: %lu requests answered, %u clients, log checked, ok\n", answered_count,
              client_count());
    }
}

/* ---- Answers ---- */

/* With the count and the host's name. It is whole without its script, which keeps it up to date. */
#define PAGE_MAX 1280
static const char page[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>ferry</title>\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<style>body{font:20px sans-serif;text-align:center;margin-top:15vh}"
    "b{display:block;font-size:120px}</style>\n"
    "<p>This server has answered<b id=\"n\">%lu</b>requests, and runs on host"
    "<b id=\"h\">%s</b>\n<p id=\"s\">\n"
    "<script>\n"
    "const $ = id => document.getElementById(id), ask = async () => {\n"
    "  const began = performance.now(), s = await (await fetch('/status')).json();\n"
    "  longest = Math.max(longest, performance.now() - began);\n"
    "  $('n').textContent = s.answered; $('h').textContent = s.host;\n"
    "  $('s').textContent = 'longest wait ' + longest.toFixed() + ' ms';\n"
    "};\n"
    "let longest = 0;\n"
    "(async () => { for (;;) { await ask().catch(() => {}); await new Promise(go => setTimeout(go, "
    "250)); } })();\n"
    "</script>\n";

static const char *phrase_of(uint32_t status)
{
    static const struct {
        uint32_t status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

static void answer(struct client *client, const struct head *head, uint32_t status,
                   const char *type, struct text body)
{
    bool is_bodiless = text_is(head->method, "HEAD");
    const char *connection = !head->is_kept ? "Connection: close\r\n"
                             : head->is_old ? "Connection: keep-alive\r\n"
                                            : "";
    char text[512];
    size_t count = format_text(text, sizeof text,
                               "HTTP/1.1 %u %s\r\nServer: ferry-web\r\nContent-Type: %s\r\n"
                               "Content-Length: %u\r\nCache-Control: no-store\r\n%s%s\r\n",
                               status, phrase_of(status), type, body.count,
                               status == 405 ? "Allow: GET, HEAD\r\n" : "", connection);

    say(client, text, (uint32_t)count); /* there is room: serve.h */
    if (!is_bodiless)
        say(client, body.at, body.count);
    client->is_closing = !head->is_kept;
    log_answer(client, head->target, status);
}

static void answer_error(struct client *client, const struct head *head, uint32_t status)
{
    char text[64];
    size_t count = format_text(text, sizeof text, "%u %s\n", status, phrase_of(status));
    answer(client, head, status, "text/plain", (struct text){text, (uint32_t)count});
}

static void answer_counter(struct client *client, const struct head *head)
{
    char text[32];
    size_t count = format_text(text, sizeof text, "%lu\n", answered_count + 1);
    answer(client, head, 200, "text/plain", (struct text){text, (uint32_t)count});
}

static void answer_page(struct client *client, const struct head *head)
{
    char text[PAGE_MAX], name[HOST_NAME_BYTES];
    size_t count = format_text(text, sizeof text, page, answered_count + 1, host_name(name));
    answer(client, head, 200, "text/html; charset=utf-8", (struct text){text, (uint32_t)count});
}

static void answer_status(struct client *client, const struct head *head)
{
    char text[256], name[HOST_NAME_BYTES];
    size_t count = format_text(
        text, sizeof text,
        "{\"lived_ms\": %lu, \"answered\": %lu, \"clients\": %u, \"memory_bytes\": %lu, "
        "\"host\": \"%s\"}\n",
        time_ns() / 1000000, answered_count + 1, client_count(), memory_bytes(), host_name(name));
    answer(client, head, 200, "application/json", (struct text){text, (uint32_t)count});
}

/* "/counter" of "/counter?x=1" and of "http://host/counter?x=1". */
static struct text path_of(struct text target)
{
    static const char scheme[] = "http://";
    const uint32_t scheme_bytes = sizeof scheme - 1;

    if (target.count > scheme_bytes && memcmp(target.at, scheme, scheme_bytes) == 0) {
        uint32_t at = scheme_bytes;
        while (at < target.count && target.at[at] != '/' && target.at[at] != '?')
            at++;
        target = at < target.count && target.at[at] == '/'
                     ? (struct text){target.at + at, target.count - at}
                     : (struct text){"/", 1};
    }
    return cut(&target, '?');
}

/* The methods of RFC 9110 and 5789: known, and still not what these pages are for. */
static bool is_known_method(struct text method)
{
    static const char *const names[] = {"POST",  "PUT",     "DELETE", "PATCH",
                                        "TRACE", "OPTIONS", "CONNECT"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_is(method, names[i]))
            return true;
    return false;
}

static void answer_request(struct client *client, struct head *head)
{
    struct text path = path_of(head->target);

    if (answered_count + 1 >= last)
        head->is_kept = false;
    if (head->status == 0 && head->wants_continue && (head->body_bytes > 0 || head->is_chunked))
        head->status = 417; /* its sender waits for leave to send a body that nobody wants */
    if (head->status != 0) {
        head->is_kept = false; /* where the next request begins is not certain */
        answer_error(client, head, head->status);
    } else if (!text_is(head->method, "GET") && !text_is(head->method, "HEAD")) {
        answer_error(client, head, is_known_method(head->method) ? 405 : 501);
    } else if (text_is(path, "/")) {
        answer_page(client, head);
    } else if (text_is(path, "/counter")) {
        answer_counter(client, head);
    } else if (text_is(path, "/status")) {
        answer_status(client, head);
    } else {
        answer_error(client, head, 404);
    }
}

/* ---- The service ---- */

static void opened(struct client *client)
{
    bodies[number_of_client(client)] = (struct body){.state = BODY_NONE};
}

static void left(struct client *client)
{
    (void)client;
}

static uint32_t take(struct client *client, const uint8_t *bytes, uint32_t count)
{
    struct body *body = &bodies[number_of_client(client)];
    struct head head;

    if (body->state != BODY_NONE) {
        uint32_t skipped = body_skip(body, bytes, count);
        if (body->state == BODY_WRONG)
            client->is_closing = true; /* its request has been answered */
        return skipped;
    }
    if (bytes[0] == '\n' || (count > 1 && bytes[0] == '\r' && bytes[1] == '\n'))
        return bytes[0] == '\n' ? 1 : 2; /* some send an empty line too many: section 2.2 */
    if (!parse_head(&head, bytes, count)) {
        if (count < SERVE_IN_BYTES)
            return 0;
        bool has_line = false;
        for (uint32_t i = 0; i < count; i++)
            has_line |= bytes[i] == '\n';
        head = (struct head){.status = has_line ? 431 : 414, .bytes = count};
    }
    answer_request(client, &head);
    *body = body_of(&head);
    return head.bytes;
}

int main(int argc, char **argv)
{
    static const struct service service = {PORT, ANSWER_MAX, SILENCE_NS, opened, take, left};
    uint64_t log_bytes = 1 << 20;
    const struct option options[] = {
        {"--log", OPTION_SIZE, &log_bytes, NULL},
        {"--requests", OPTION_NUMBER, &last, NULL},
    };

    _Static_assert(sizeof page + 20 + HOST_NAME_BYTES <= PAGE_MAX, "the page fits");
    _Static_assert(PAGE_MAX + 512 <= ANSWER_MAX, "an answer fits");
    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (log_bytes < sizeof(struct access) || log_bytes > heap_bytes()) {
        print("web: the log must be between 64B and the %luKiB that are free\n",
              heap_bytes() / 1024);
        return 2;
    }
    log.records = (struct access *)__heap_start;
    log.count = log_bytes / sizeof(struct access);
    mailbox_listen(PORT);
    print("web: listening on port %u\n", PORT);
    while (answered_count < last || client_count() > 0)
        if (!serve(&service))
            serve_wait(&service, UINT64_MAX);
    sleep_until(time_ns() + LINGER_NS);
    check_log();
    print("web: %lu request%s answered, log checked, ok\n", answered_count, plural(answered_count));
    return 0;
}
