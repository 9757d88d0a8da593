/* How every command begins, refuses and ends. */
#include "labs/command.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

/* A file opened later must not become the standard output that nobody gave us. Read-only, so that
 * what is printed there fails. */
static void fill_standard_files(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != descriptor)
            _exit(EXIT_USAGE);
}

void command_begin(void)
{
    fill_standard_files();
    /* A locale that was not generated leaves the C locale: then pictures are drawn in ASCII. */
    if (setlocale(LC_CTYPE, "") == NULL)
        setlocale(LC_CTYPE, "C.UTF-8");
}

int command_print_help(const struct command *command)
{
    printf("usage: %s\n%s\n", command->usage, command->summary);
    if (command->about != NULL)
        printf("\n%s", command->about);
    options_print_help(command->takes, command->presets);
    return EXIT_DONE;
}

void command_put_escaped(const char *text)
{
    while (*text != '\0') {
        mbstate_t fresh = {0};
        wchar_t character;
        size_t count = mbrtowc(&character, text, strnlen(text, MB_CUR_MAX), &fresh);
        bool is_printable = count <= MB_CUR_MAX && iswprint((wint_t)character);
        if (!is_printable)
            fprintf(stderr, "\\x%02x", (unsigned char)*text);
        else
            fwrite(text, 1, count, stderr);
        text += is_printable ? count : 1;
    }
    fputc('\n', stderr);
}

static bool has_refused; /* one line on stderr is enough */

int command_refuse(const struct command *command, const struct problem *problem)
{
    has_refused = true;
    fflush(stdout); /* what was printed before comes before */
    fprintf(stderr, "ferry %s: ", command->name);
    command_put_escaped(problem->text[0] != '\0' ? problem->text : status_message(problem->status));
    return EXIT_USAGE;
}

/* What was printed must have arrived: a full disk is no success, and no verdict on the run. */
int command_finish(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    if (!has_refused)
        fprintf(stderr, "ferry: standard output cannot be written\n");
    return EXIT_USAGE;
}
