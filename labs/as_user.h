/* as_user: ferry as people and scripts meet it: the program itself, run by a shell, for the tests
 * of the front door. */
#ifndef LABS_AS_USER_H
#define LABS_AS_USER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_MAX (1 << 18)

static char folder[64]; /* of this test's own; ferry runs elsewhere and writes here */
static char out[TEXT_MAX], err[TEXT_MAX];

static inline void slurp(const char *name, char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
    fclose(file);
    unlink(path);
}

static inline void spill(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Runs a line by the shell, with $F for ferry and $D for the folder. Fills out and err; returns the
 * status. */
static inline int shell(const char *line)
{
    char command[4400];
    int status;

    /* First, so that a line may send its output elsewhere. */
    snprintf(command, sizeof command,
             "D=%s; F=" BUILD_DIR "/bin/ferry; exec >$D/out 2>$D/err </dev/null; %s", folder, line);
    status = system(command);
    slurp("out", out);
    slurp("err", err);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 128)
        fail_msg("%s: it was killed: %s", line, err);
    return WEXITSTATUS(status);
}

/* Runs `ferry LINE`. */
static inline int ferry(const char *line)
{
    char command[4000];
    snprintf(command, sizeof command, "$F %s", line);
    return shell(command);
}

static inline unsigned count_files(void)
{
    DIR *directory = opendir(folder);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

/* One line on stderr with these words in it, nothing on stdout, status 2, no file left behind. */
static inline void assert_refused(const char *line, const char *words)
{
    unsigned file_count = count_files();
    int status = ferry(line);
    char *line_end = strchr(err, '\n');

    if (status != 2 || strstr(err, words) == NULL || line_end == NULL || line_end[1] != '\0' ||
        out[0] != '\0' || count_files() != file_count)
        fail_msg("ferry %s: status %d, %u files more, stdout \"%.80s\", stderr \"%s\"", line,
                 status, count_files() - file_count, out, err);
}

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/ferry_command_test_XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static inline int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

#endif
