#include "labs/crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "labs/options.h"
#include "machine/crash_report.h"

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

void crash_tell_guest(const char *program, const char *name, const struct guest *guest,
                      const struct image *image)
{
    struct lines lines;
    struct bytes text = {0};

    lines_init(&lines, image->data, image->bytes);
    crash_report_write(guest, &lines, &text);
    if (text.count > 0)
        fprintf(stderr, "%s: %s cannot go on: %.*s", program, name, (int)text.count,
                (const char *)text.data);
    bytes_fini(&text);
    lines_fini(&lines);
}
