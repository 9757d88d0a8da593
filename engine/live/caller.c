#include "live/caller.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

static void end(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void end(struct caller *caller, const char *format, ...)
{
    va_list arguments;

    if (caller->descriptor < 0)
        return;
    va_start(arguments, format);
    vsnprintf(caller->why_over, sizeof caller->why_over, format, arguments);
    va_end(arguments);
    utf8_make_showable(caller->why_over, strlen(caller->why_over), ' ');
    close(caller->descriptor);
    caller->descriptor = -1;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- Bytes in and out ---- */

static bool send_whole(struct caller *caller, const struct bytes *text)
{
    for (size_t sent = 0; sent < text->count;) {
        ssize_t count =
            send(caller->descriptor, text->data + sent, text->count - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) {
            end(caller, "%s: the gateway has ended, or has closed the door: %s", caller->path,
                strerror(errno));
            return false;
        }
        sent += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* Waits for at most that long, and takes what is there. False: nothing came, or it is over. */
static bool receive_some(struct caller *caller, int timeout_ms)
{
    struct pollfd poll_of = {.fd = caller->descriptor, .events = POLLIN};
    uint8_t data[65536];

    if (poll(&poll_of, 1, timeout_ms) <= 0)
        return false;
    ssize_t count = recv(caller->descriptor, data, sizeof data, MSG_DONTWAIT);
    if (count > 0) {
        control_lines_put(&caller->lines, data, (size_t)count);
        return true;
    }
    if (count == 0)
        end(caller, "%s: the gateway has ended, or has closed the door", caller->path);
    else if (errno != EAGAIN && errno != EINTR)
        end(caller, "%s: the gateway is gone: %s", caller->path, strerror(errno));
    return false;
}

/* Whoever knocks shows people what is told, and much of that are the words of hosts and of whatever
 * guests they have. In its place: no text becomes longer by it. */
static void make_showable(json_t *value)
{
    const char *key;
    json_t *part;
    size_t idx;

    if (json_is_string(value))
        utf8_make_showable((char *)json_string_value(value), json_string_length(value), ' ');
    json_array_foreach(value, idx, part) make_showable(part);
    json_object_foreach(value, key, part) make_showable(part);
}

/* A whole message of what has been received; false: there is none, or it is over. */
static bool take_message(struct caller *caller, struct control_message *message)
{
    struct problem problem = {STATUS_OK, ""};
    bool is_too_long;
    size_t count;
    const char *line = control_lines_next(&caller->lines, &count, &is_too_long);

    if (is_too_long)
        end(caller, "%s: what answers there speaks no control protocol: its line has no end",
            caller->path);
    if (line == NULL)
        return false;
    enum status status = control_read(line, count, message, &problem);
    make_showable(message->root);
    if (status == STATUS_OK)
        return true;
    control_message_fini(message);
    end(caller, "%s: what answers there speaks no control protocol: %.160s", caller->path,
        problem.text);
    return false;
}

/* The next message from the door itself, whatever is kept. */
static enum caller_heard hear(struct caller *caller, int timeout_ms,
                              struct control_message *message)
{
    uint64_t until_ms = now_ms() + (timeout_ms > 0 ? (uint64_t)timeout_ms : 0);

    for (;;) {
        if (caller->descriptor < 0)
            return CALLER_OVER;
        if (take_message(caller, message))
            return CALLER_MESSAGE;
        uint64_t at_ms = now_ms();
        int left_ms = timeout_ms < 0 ? -1 : at_ms < until_ms ? (int)(until_ms - at_ms) : 0;
        if (caller->descriptor >= 0 && !receive_some(caller, left_ms) && caller->descriptor >= 0)
            return CALLER_NOTHING;
    }
}

/* ---- What is kept while an answer is awaited ---- */

static void keep(struct caller *caller, const struct control_message *message)
{
    if (caller->kept_first + caller->kept_count == caller->kept_capacity) {
        caller->kept_capacity = 2 * caller->kept_count + 16;
        struct control_message *kept = calloc(caller->kept_capacity, sizeof *kept);
        MUST(kept != NULL);
        if (caller->kept_count > 0)
            memcpy(kept, caller->kept + caller->kept_first, caller->kept_count * sizeof *kept);
        free(caller->kept);
        caller->kept = kept;
        caller->kept_first = 0;
    }
    caller->kept[caller->kept_first + caller->kept_count++] = *message;
}

enum caller_heard caller_next(struct caller *caller, int timeout_ms,
                              struct control_message *message)
{
    if (caller->kept_count == 0)
        return hear(caller, timeout_ms, message);
    *message = caller->kept[caller->kept_first++];
    caller->kept_count--;
    return CALLER_MESSAGE;
}

/* ---- Opening ---- */

static enum status greet(struct caller *caller, struct problem *problem)
{
    struct control_message message;
    enum caller_heard heard = hear(caller, CALLER_PATIENCE_MS, &message);

    if (heard == CALLER_OVER)
        return problem_set(problem, STATUS_NO_FILE, "%s", caller->why_over);
    if (heard == CALLER_NOTHING)
        return problem_set(problem, STATUS_NO_FILE, "%s: whoever listens there says nothing",
                           caller->path);
    uint64_t protocol = control_number(message.data, "protocol", 0);
    bool is_greeting = message.kind == CONTROL_GREETING;
    enum status status = STATUS_OK;
    if (message.kind == CONTROL_ERROR) /* there are too many already */
        status = problem_set(problem, STATUS_REFUSED, "%s: %s", caller->path, message.desc);
    control_message_fini(&message);
    if (status != STATUS_OK)
        return status;
    if (is_greeting && protocol == CONTROL_PROTOCOL)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_INPUT,
                       is_greeting ? "%s: that gateway speaks another version of the control "
                                     "protocol than this ferry, %d: use its own ferry"
                                   : "%s: what answers there is no gateway of ferry's, protocol %d",
                       caller->path, CONTROL_PROTOCOL);
}

enum status caller_open_on(struct caller *caller, int descriptor, struct problem *problem)
{
    *caller = (struct caller){.descriptor = descriptor};
    snprintf(caller->path, sizeof caller->path, "the door");
    return greet(caller, problem);
}

static enum status refuse_path(const char *path, int error, struct problem *problem)
{
    const char *what = error == ECONNREFUSED ? "nobody listens there any more"
                       : error == ENOENT     ? "there is no gateway"
                                             : strerror(error);

    return problem_set(problem, STATUS_NO_FILE,
                       "%.110s: %s: start one (ferry live), or name its --control PATH", path,
                       what);
}

enum status caller_open(struct caller *caller, const char *path, struct problem *problem)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *caller = (struct caller){.descriptor = -1};
    if (strlen(path) >= CONTROL_PATH_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "%.160s: a socket's path has at most %d bytes: choose a shorter one",
                           path, CONTROL_PATH_MAX - 1);
    strcpy(caller->path, path);
    strcpy(address.sun_path, path);
    caller->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (caller->descriptor < 0 ||
        connect(caller->descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        return refuse_path(path, errno, problem);
    return greet(caller, problem);
}

void caller_close(struct caller *caller)
{
    if (caller->descriptor >= 0)
        close(caller->descriptor);
    for (size_t i = 0; i < caller->kept_count; i++)
        control_message_fini(&caller->kept[caller->kept_first + i]);
    free(caller->kept);
    control_lines_fini(&caller->lines);
    *caller = (struct caller){.descriptor = -1};
}

int caller_descriptor(const struct caller *caller)
{
    return caller->descriptor;
}

/* ---- Asking ---- */

enum status caller_send(struct caller *caller, const char *name, json_t *arguments, uint64_t *id,
                        struct problem *problem)
{
    struct bytes text = {0};
    json_t *number = json_integer((json_int_t)++caller->last_id);

    *id = caller->last_id;
    control_put(&text, control_command(name, arguments, number));
    json_decref(number);
    bool is_sent = caller->descriptor >= 0 && send_whole(caller, &text);
    bytes_fini(&text);
    return is_sent ? STATUS_OK : problem_set(problem, STATUS_NO_FILE, "%s", caller->why_over);
}

/* An error without an id is an answer too: to a line that could not be read. */
static bool is_answer(const struct control_message *message, uint64_t id)
{
    if (message->kind != CONTROL_RETURN && message->kind != CONTROL_ERROR)
        return false;
    return (message->id == NULL && message->kind == CONTROL_ERROR) ||
           (json_is_integer(message->id) && (uint64_t)json_integer_value(message->id) == id);
}

static enum status await_answer(struct caller *caller, uint64_t id, struct control_message *answer,
                                struct problem *problem)
{
    uint64_t until_ms = now_ms() + CALLER_PATIENCE_MS;

    for (uint64_t at_ms; (at_ms = now_ms()) < until_ms;) {
        enum caller_heard heard = hear(caller, (int)(until_ms - at_ms), answer);
        if (heard == CALLER_OVER)
            return problem_set(problem, STATUS_NO_FILE, "%s", caller->why_over);
        if (heard == CALLER_MESSAGE && is_answer(answer, id))
            return STATUS_OK;
        if (heard == CALLER_MESSAGE)
            keep(caller, answer);
        if (caller->kept_count > CALLER_KEPT_MAX) {
            end(caller, "%s: the gateway tells much and answers nothing", caller->path);
            return problem_set(problem, STATUS_NO_FILE, "%s", caller->why_over);
        }
    }
    return problem_set(problem, STATUS_NO_FILE, "%s: the gateway does not answer", caller->path);
}

enum status caller_ask(struct caller *caller, const char *name, json_t *arguments, json_t **result,
                       struct problem *problem)
{
    struct control_message answer;
    uint64_t id;

    caller->error_class[0] = '\0';
    enum status status = caller_send(caller, name, arguments, &id, problem);
    if (status == STATUS_OK)
        status = await_answer(caller, id, &answer, problem);
    if (status != STATUS_OK)
        return status;
    if (answer.kind == CONTROL_ERROR) {
        snprintf(caller->error_class, sizeof caller->error_class, "%s", answer.name);
        status = problem_set(problem, STATUS_REFUSED, "%s", answer.desc);
    } else if (result != NULL) {
        *result = json_incref(answer.data);
    }
    control_message_fini(&answer);
    return status;
}
