#include "labs/crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "labs/options.h"

/* Written before a signal can come, for a handler may do hardly more than write(). */
static char crash_text[8192];

static void on_abort(int signal_number)
{
    ssize_t ignored = write(STDERR_FILENO, crash_text, strlen(crash_text));
    (void)ignored;
    raise(signal_number); /* SA_RESETHAND has put the default back: this one ends the program */
}

void crash_prepare(const char *command, const struct scenario *scenario, const char *const *own)
{
    struct sigaction action = {.sa_handler = on_abort, .sa_flags = (int)SA_RESETHAND};
    struct bytes line = {0};

    options_write_command(command, scenario, own, &line);
    snprintf(crash_text, sizeof crash_text, "ferry: this makes it happen again: %s\n",
             (const char *)line.data);
    bytes_fini(&line);
    sigaction(SIGABRT, &action, NULL);
}
