#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *status_message(enum status status)
{
    static const char *const messages[STATUS_COUNT] = {
#define STATUS_MESSAGE(name, message) message,
        STATUS_LIST(STATUS_MESSAGE)
#undef STATUS_MESSAGE
    };
    MUST((unsigned)status < STATUS_COUNT);
    return messages[status];
}

enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
{
    if (problem != NULL && problem->status == STATUS_OK) {
        va_list arguments;
        problem->status = status;
        va_start(arguments, format);
        vsnprintf(problem->text, sizeof problem->text, format, arguments);
        va_end(arguments);
    }
    return status;
}

_Noreturn void bug(const char *file, int line, const char *condition)
{
    fprintf(stderr, "ferry: bug: %s:%d: must hold: %s\n", file, line, condition);
    abort();
}
