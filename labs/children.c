#include "labs/children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "labs/options.h"

extern char **environ;

/* Whoever has been asked to end has a guest to pause and connections to close, no more. */
#define STOP_PATIENCE_MS 3000
#define STOP_LOOK_MS     10
/* A line that a child may say; more of one is dropped. */
#define LINE_MAX_BYTES 4096u

void child_init(struct child *child, const char *name, const char *program)
{
    *child = (struct child){.out = -1, .program = program != NULL ? program : "/proc/self/exe"};
    snprintf(child->name, sizeof child->name, "%s", name);
    child_add_word(child, program != NULL ? program : options_program());
}

void child_add_word(struct child *child, const char *word)
{
    if (word == NULL)
        return;
    bytes_put(&child->words, word, strlen(word) + 1);
}

/* Where its words begin, up to a NULL; to be freed. */
static char **begin_words(const struct child *child)
{
    char *text = (char *)child->words.data;
    size_t count = 0;

    for (size_t i = 0; i < child->words.count; i++)
        count += text[i] == '\0';
    char **words = calloc(count + 1, sizeof *words);
    MUST(words != NULL);
    for (size_t i = 0; i < count; i++, text += strlen(text) + 1)
        words[i] = text;
    return words;
}

/* In a group of its own, with the signals as they were before anybody blocked some. */
static int spawn(struct child *child, int out, int err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char **words = begin_words(child);
    sigset_t none;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    int error = posix_spawn(&child->pid, child->program, &files, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(words);
    return error;
}

enum status child_start(struct child *child, int err, struct problem *problem)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return problem_set(problem, STATUS_NO_FILE, "%s cannot be started: %s", child->name,
                           strerror(errno));
    int error = spawn(child, ends[1], err);
    close(ends[1]);
    if (error != 0) {
        child->pid = 0;
        close(ends[0]);
        return problem_set(problem, STATUS_NO_FILE, "%s cannot be started: %s", child->name,
                           strerror(error));
    }
    child->out = ends[0];
    return STATUS_OK;
}

/* Reads what is there; false: nothing is, or never will be again. */
static bool read_some(struct child *child, bool is_waiting)
{
    struct pollfd poll_of = {.fd = child->out, .events = POLLIN};
    uint8_t data[LINE_MAX_BYTES];

    if (child->out < 0)
        return false;
    int ready = poll(&poll_of, 1, is_waiting ? -1 : 0);
    if (ready <= 0)
        return is_waiting && ready < 0 && errno == EINTR;
    ssize_t count = read(child->out, data, sizeof data);
    if (count > 0) {
        bytes_put(&child->line, data, (size_t)count);
        return true;
    }
    if (count == 0 || errno != EINTR) {
        close(child->out);
        child->out = -1;
    }
    return count < 0;
}

const char *child_next_line(struct child *child, bool is_waiting)
{
    for (;;) {
        /* The line that was given out last ends with a NUL, and goes now. */
        uint8_t *given =
            child->line.count == 0 ? NULL : memchr(child->line.data, '\0', child->line.count);
        if (given != NULL)
            bytes_drop_front(&child->line, (size_t)(given - child->line.data) + 1);
        uint8_t *end =
            child->line.count == 0 ? NULL : memchr(child->line.data, '\n', child->line.count);
        if (end != NULL) {
            *end = '\0';
            return (const char *)child->line.data;
        }
        if (child->line.count >= LINE_MAX_BYTES)
            bytes_clear(&child->line);
        if (!read_some(child, is_waiting))
            return NULL;
    }
}

bool child_has_ended(struct child *child)
{
    if (child->pid == 0 || child->is_over)
        return false;
    child->is_over = waitpid(child->pid, &child->status, WNOHANG) == child->pid;
    return child->is_over;
}

const char *child_end(const struct child *child, char *text, size_t text_bytes)
{
    if (WIFSIGNALED(child->status))
        snprintf(text, text_bytes, "it was killed by signal %d", WTERMSIG(child->status));
    else
        snprintf(text, text_bytes, "it ended with status %d", WEXITSTATUS(child->status));
    return text;
}

void child_ask_to_end(struct child *child)
{
    if (child->pid != 0 && !child->is_over)
        kill(child->pid, SIGTERM);
}

void child_stop(struct child *child)
{
    static const struct timespec a_while = {.tv_nsec = STOP_LOOK_MS * 1000000};

    if (child->pid == 0 || child->is_over)
        return;
    child_ask_to_end(child);
    for (int ms = 0; ms < STOP_PATIENCE_MS && !child_has_ended(child); ms += STOP_LOOK_MS)
        nanosleep(&a_while, NULL);
    if (child->is_over)
        return;
    kill(child->pid, SIGKILL);
    child->is_over = waitpid(child->pid, &child->status, 0) == child->pid;
}

void child_fini(struct child *child)
{
    child_stop(child);
    if (child->out >= 0)
        close(child->out);
    bytes_fini(&child->line);
    bytes_fini(&child->words);
    *child = (struct child){.out = -1};
}
