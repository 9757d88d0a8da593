/* knocking: for tests in which a door and those who knock live on one loop: whoever waits lets the
 * loop turn meanwhile. */
#ifndef LIVE_KNOCKING_H
#define LIVE_KNOCKING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>
#include <cmocka.h>

#include "live/caller.h"

/* Somebody who has only just connected. */
static inline int knock_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

/* The same, once the door has said something. */
static inline int knock_and_wait(uv_loop_t *loop, const char *path)
{
    int descriptor = knock_at(path);
    char first;

    while (recv(descriptor, &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
        uv_run(loop, UV_RUN_NOWAIT);
    return descriptor;
}

static inline void open_knocker(uv_loop_t *loop, const char *path, struct caller *caller)
{
    struct problem problem = {STATUS_OK, ""};

    if (caller_open_on(caller, knock_and_wait(loop, path), &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
}

/* The next message, or the end. */
static inline enum caller_heard hear_next(uv_loop_t *loop, struct caller *caller,
                                          struct control_message *message)
{
    enum caller_heard heard;

    while ((heard = caller_next(caller, 1, message)) == CALLER_NOTHING)
        uv_run(loop, UV_RUN_NOWAIT);
    return heard;
}

/* Says a line (without its end; "": nothing), and sees that these words come back next. */
static inline void expect_answer(uv_loop_t *loop, struct caller *caller, const char *line,
                                 const char *answer)
{
    struct control_message message;

    if (*line != '\0') {
        assert_int_equal(send(caller_descriptor(caller), line, strlen(line), MSG_NOSIGNAL),
                         strlen(line));
        assert_int_equal(send(caller_descriptor(caller), "\n", 1, MSG_NOSIGNAL), 1);
    }
    assert_int_equal(hear_next(loop, caller, &message), CALLER_MESSAGE);
    char *text = json_dumps(message.root, JSON_COMPACT);
    if (strstr(text, answer) == NULL)
        fail_msg("%s: %s, not %s", line, text, answer);
    free(text);
    control_message_fini(&message);
}

#endif
