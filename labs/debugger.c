#include "labs/debugger.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a debugger that does not read is waited for, once there is nothing else to do. */
#define FAREWELL_MS 2000

static enum status parse_port(const char *word, uint16_t *port, struct problem *problem)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(word, &end, 10);
    if (*word < '0' || *word > '9' || *end != '\0' || errno != 0 || number > UINT16_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "--gdb: \"%.40s\" is no port: write a number such as 1234, or 0 for any "
                           "that is free",
                           word);
    *port = (uint16_t)number;
    return STATUS_OK;
}

static enum status listen_at(struct debugger *debugger, struct problem *problem)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(debugger->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof address;
    int yes = 1;

    debugger->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(debugger->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(debugger->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(debugger->listener, 1) != 0 ||
        getsockname(debugger->listener, (struct sockaddr *)&address, &address_bytes) != 0) {
        bool is_taken = errno == EADDRINUSE;
        return problem_set(problem, STATUS_NO_FILE, "--gdb: port %u cannot be used: %s",
                           debugger->port,
                           is_taken ? "another program has it; choose another, or 0 for any that "
                                      "is free"
                                    : strerror(errno));
    }
    debugger->port = ntohs(address.sin_port);
    return STATUS_OK;
}

enum status debugger_open(struct debugger *debugger, const char *word, const uint8_t *image,
                          size_t image_bytes, struct problem *problem)
{
    *debugger = (struct debugger){.listener = -1, .connection = -1, .no_way_back = "", .words = ""};
    debug_init(&debugger->debug);
    debug_leave(&debugger->debug);
    enum status status = parse_port(word, &debugger->port, problem);
    if (status == STATUS_OK)
        status = listen_at(debugger, problem);
    if (status == STATUS_OK)
        lines_init(&debugger->lines, image, image_bytes);
    return status;
}

static void hang_up(struct debugger *debugger)
{
    if (debugger->connection < 0)
        return;
    close(debugger->connection);
    debugger->connection = -1;
    gdb_fini(&debugger->gdb);
}

void debugger_close(struct debugger *debugger)
{
    hang_up(debugger);
    if (debugger->listener >= 0)
        close(debugger->listener);
    debugger->listener = -1;
    lines_fini(&debugger->lines);
}

void debugger_write_invitation(const struct debugger *debugger, const char *image_path, char *text,
                               size_t text_bytes)
{
    snprintf(text, text_bytes, "gdb-multiarch %s -ex 'target remote :%u'", image_path,
             debugger->port);
}

/* ---- The connection ---- */

/* A second debugger is turned away: there is one guest, and one who holds it. */
static void let_in(struct debugger *debugger, struct guest *guest)
{
    int yes = 1;
    int connection = accept4(debugger->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0)
        return;
    if (debugger->connection >= 0) {
        close(connection);
        return;
    }
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    debugger->connection = connection;
    debug_init(&debugger->debug);
    debug_hold(&debugger->debug, guest, DEBUG_ASKED);
    gdb_init(&debugger->gdb, &debugger->debug, &debugger->lines);
    debugger->gdb.can_go_back = debugger->can_go_back;
    debugger->gdb.no_way_back = debugger->no_way_back;
    debugger->gdb.words = debugger->words;
}

void debugger_leave(struct debugger *debugger)
{
    debug_leave(&debugger->debug);
    hang_up(debugger);
}

/* False: the other side has gone. */
static bool read_some(struct debugger *debugger)
{
    uint8_t bytes[GDB_INPUT_MAX];
    size_t room = GDB_INPUT_MAX - debugger->gdb.packets.input_count;
    ssize_t count;

    if (room == 0)
        return true; /* it talks while the guest runs: it can wait */
    count = recv(debugger->connection, bytes, room, 0);
    if (count > 0)
        debugger->heard_bytes += (size_t)count;
    if (count > 0)
        MUST(gdb_receive(&debugger->gdb, bytes, (size_t)count) == (size_t)count);
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool write_some(struct debugger *debugger)
{
    struct bytes *output = gdb_output(&debugger->gdb);
    while (output->count > 0) {
        ssize_t count = send(debugger->connection, output->data, output->count, MSG_NOSIGNAL);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        bytes_drop_front(output, (size_t)count);
    }
    return true;
}

static void serve(struct debugger *debugger, struct guest *guest, int wait_ms)
{
    bool has_output = debugger_is_here(debugger) && gdb_output(&debugger->gdb)->count > 0;
    bool has_room = debugger_is_here(debugger) && debugger->gdb.packets.input_count < GDB_INPUT_MAX;
    struct pollfd ends[] = {
        {.fd = debugger->listener, .events = POLLIN},
        {.fd = debugger->connection, /* poll passes over -1 */
         .events = (short)((has_room ? POLLIN : 0) | (has_output ? POLLOUT : 0))},
    };
    if (poll(ends, 2, wait_ms) <= 0)
        return;
    bool is_alive = true;
    if ((ends[1].revents & POLLOUT) != 0)
        is_alive = write_some(debugger);
    if (is_alive && (ends[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        is_alive = read_some(debugger);
    if (!is_alive)
        debugger_leave(debugger);
    if ((ends[0].revents & POLLIN) != 0)
        let_in(debugger, guest);
}

/* What needs no owner. */
static bool obey(struct debugger *debugger, struct guest *guest, enum gdb_action action)
{
    struct debug *debug = &debugger->debug;

    switch (action) {
    case GDB_GO:
        debug_resume(debug, guest, debugger->gdb.acting_hart);
        return true;
    case GDB_HALT:
        if (debug->is_held)
            return false; /* it searches backwards */
        debug_hold(debug, guest, DEBUG_ASKED);
        return true;
    case GDB_DETACH:
        (void)write_some(debugger);
        debugger_leave(debugger);
        return true;
    case GDB_KILL:
        (void)write_some(debugger); /* whoever ends the guest hangs up */
        break;
    case GDB_NOTHING:
    case GDB_GO_BACK:
    case GDB_WORD:
    case GDB_CHANGED:
        break;
    }
    return false;
}

enum gdb_action debugger_next(struct debugger *debugger, struct guest *guest, int wait_ms)
{
    for (bool has_waited = false;; has_waited = true) {
        while (debugger_is_here(debugger)) {
            struct gdb *gdb = &debugger->gdb;
            if (debugger->debug.is_held && !debugger->is_searching)
                gdb_tell_stop(gdb, guest);
            enum gdb_action action = gdb_next(gdb, guest);
            if (action == GDB_NOTHING)
                break;
            if (!obey(debugger, guest, action)) {
                debugger->is_searching |= action == GDB_GO_BACK;
                return action;
            }
        }
        if (debugger_is_here(debugger) && !write_some(debugger))
            debugger_leave(debugger);
        if (has_waited)
            return GDB_NOTHING;
        serve(debugger, guest, debugger->debug.is_held ? wait_ms : 0);
    }
}

void debugger_tell_end(struct debugger *debugger, const struct guest_run *run)
{
    if (!debugger_is_here(debugger))
        return;
    gdb_tell_end(&debugger->gdb, run);
    while (write_some(debugger) && gdb_output(&debugger->gdb)->count > 0) {
        struct pollfd end = {.fd = debugger->connection, .events = POLLOUT};
        if (poll(&end, 1, FAREWELL_MS) <= 0)
            break;
    }
    hang_up(debugger);
}
