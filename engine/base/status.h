/* status: how an operation ended, and what a person needs to know when it did not end well.
 *
 * Three kinds of trouble are kept apart. A *bug* is a broken promise of our own: MUST() says so and
 * ends the program. An *operating error* (a broken file, a dead link, a refused option) is an
 * `enum status`, with the detail kept once in a `struct problem` by whoever saw it first. *Not
 * enough yet* is not an error at all: counts of bytes consumed and produced say it.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define STATUS_LIST(X)                                             \
    X(STATUS_OK, "done")                                           \
    X(STATUS_USAGE, "the command or an option was not understood") \
    X(STATUS_BAD_INPUT, "a file is broken or of another kind")     \
    X(STATUS_BAD_STREAM, "the migration stream is broken")         \
    X(STATUS_BAD_STATE, "a saved state does not fit this guest")   \
    X(STATUS_REFUSED, "the other side refused")                    \
    X(STATUS_NO_MEMORY, "the memory is not sufficient")            \
    X(STATUS_NO_FILE, "a file cannot be opened, read or written")

enum status {
#define STATUS_ENUM(name, message) name,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
        STATUS_COUNT
};

/* A status that nobody looks at is a bug waiting: the compiler refuses to drop it. */
#define MUST_USE __attribute__((warn_unused_result))

/* The first detail seen stays: who saw the trouble first knows best where it was. */
struct problem {
    enum status status;
    char text[320]; /* one line: what was wrong, where, what would be right */
};

/* The general sentence of a status; never NULL. */
const char *status_message(enum status status);

/* Writes the detail (printf form) unless an earlier one is there, and returns `status`.
 * `problem` may be NULL where nobody wants the text. */
enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An assertion that is always on. It prints where, and aborts; the program's own handler for
 * SIGABRT adds the seed and the scenario that replay it. */
#define MUST(condition)                          \
    do {                                         \
        if (!(condition))                        \
            bug(__FILE__, __LINE__, #condition); \
    } while (0)

_Noreturn void bug(const char *file, int line, const char *condition);

#endif
