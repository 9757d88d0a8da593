/* Addresses are written as they are read; and a Unix socket's place: of those who want it at once
 * one gets it, and nobody takes away another's. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/address.h"
#include "live/channel.h"

static char folder[] = "/tmp/ferry-address-XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/control", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* Bound, and nobody listens there: as what a dead process leaves, or what a living one has not
 * finished. */
static int bind_there(void)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(local.sun_path, sizeof local.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    return fd;
}

/* A host tells the others where it listens by what is written here. */
static void what_is_written_reads_the_same(void **state)
{
    static const char *const texts[] = {"127.0.0.1:7000",         "[::1]:7000",
                                        "[2001:db8::1]:1",        "[fe80::1%lo]:65535",
                                        "[fe80::1%4000000000]:1", "/tmp/socket"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct problem problem = {0};
        struct address address;
        char text[ADDRESS_TEXT_BYTES];
        if (address_parse(texts[i], &address, &problem) != STATUS_OK)
            fail_msg("%s", problem.text);
        address_format(&address, text);
        assert_string_equal(text, texts[i]);
    }
}

static void a_folder_is_made_for_oneself(void **state)
{
    struct problem problem = {0};
    struct stat found;
    char own[80], within[96];
    (void)state;

    snprintf(own, sizeof own, "%s/new", folder);
    snprintf(within, sizeof within, "%s/none/control", own);
    assert_int_equal(address_make_folder(within, &problem), STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "cannot be made: No such file"));
    snprintf(within, sizeof within, "%s/control", own);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(address_make_folder(within, &problem), STATUS_OK);
    assert_int_equal(stat(own, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0700);
    assert_int_equal(rmdir(own), 0);
}

static bool let_in(void *owner, struct channel *channel, const struct channel_owner **calls,
                   void **its_owner)
{
    (void)owner, (void)channel, (void)calls, (void)its_owner;
    return false;
}

static enum status begin(uv_loop_t *loop, struct channel_listener **listener)
{
    struct problem problem = {0};
    assert_int_equal(uv_loop_init(loop), 0);
    return channel_listen(loop, path, NULL, let_in, NULL, listener, &problem);
}

static void end(uv_loop_t *loop, struct channel_listener *listener)
{
    channel_listener_close(listener);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

/* In a process of its own, which ends with what channel_listen has said. */
static pid_t start_to_listen(int *end_fd)
{
    struct channel_listener *listener;
    uv_loop_t loop;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        enum status status = begin(&loop, &listener);
        if (status == STATUS_OK)
            end(&loop, listener);
        _exit((int)status);
    }
    close(ends[1]);
    *end_fd = ends[0]; /* at its end when the process is */
    return pid;
}

/* Who begins to listen has the folder until it does: a second one sees all of that or nothing. */
static void who_begins_to_listen_is_waited_for(void **state)
{
    int status, end_fd, folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)state;

    assert_int_equal(flock(folder_fd, LOCK_EX), 0);
    int fd = bind_there();
    pid_t pid = start_to_listen(&end_fd);
    /* It waits; if it did not, this would be time enough for it to show. */
    assert_int_equal(poll(&(struct pollfd){.fd = end_fd, .events = POLLIN}, 1, 200), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(flock(folder_fd, LOCK_UN), 0);
    close(folder_fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_FILE);
    close(end_fd);
    close(fd);
    unlink(path);
}

/* In a folder that others may open, as /tmp is one, anybody may hold it and never let go. */
static void who_holds_the_folder_for_good_stops_nobody(void **state)
{
    int status, end_fd, folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)state;

    assert_int_equal(flock(folder_fd, LOCK_EX), 0);
    pid_t pid = start_to_listen(&end_fd);
    bool has_ended = poll(&(struct pollfd){.fd = end_fd, .events = POLLIN}, 1, 30000) == 1;
    if (!has_ended)
        kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(has_ended);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    close(end_fd);
    close(folder_fd);
}

static void another_socket_in_the_place_stays(void **state)
{
    struct channel_listener *listener;
    uv_loop_t loop;
    (void)state;

    assert_int_equal(begin(&loop, &listener), STATUS_OK);
    assert_int_equal(unlink(path), 0);
    int fd = bind_there();
    end(&loop, listener);
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
    assert_int_equal(begin(&loop, &listener), STATUS_OK); /* it was left over by now */
    end(&loop, listener);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(a_folder_is_made_for_oneself),
        cmocka_unit_test(who_begins_to_listen_is_waited_for),
        cmocka_unit_test(who_holds_the_folder_for_good_stops_nobody),
        cmocka_unit_test(another_socket_in_the_place_stays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
