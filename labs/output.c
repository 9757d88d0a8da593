#include "labs/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status refuse(const char *path, struct problem *problem)
{
    return problem_set(problem, STATUS_NO_FILE, "%.200s cannot be written: %s", path,
                       strerror(errno));
}

/* The place itself, behind links; a file that is not there yet is its own place. */
static bool find_place(struct output *output, const char *path)
{
    char *place = realpath(path, NULL);
    int count;

    if (place == NULL && errno != ENOENT)
        return false;
    count = snprintf(output->path, sizeof output->path, "%s", place != NULL ? place : path);
    free(place);
    if (count < 0 || (size_t)count + 16 > sizeof output->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    return true;
}

/* A name beside the place: in the same file system, or the renaming would fail. */
static int open_beside(struct output *output, mode_t mode)
{
    size_t count = strlen(output->path);
    memcpy(output->temporary, output->path, count);
    memcpy(output->temporary + count, ".XXXXXX", 8);
    int file = mkstemp(output->temporary);
    if (file >= 0 && fchmod(file, mode) != 0) {
        close(file);
        unlink(output->temporary);
        file = -1;
    }
    if (file < 0)
        output->temporary[0] = '\0';
    return file;
}

enum status output_open(struct output *output, const char *path, struct problem *problem)
{
    struct stat stat_of;
    int file;

    output->file = NULL;
    output->temporary[0] = '\0';
    if (path == NULL)
        return STATUS_OK;
    if (strcmp(path, "-") == 0) {
        output->file = stdout;
        return STATUS_OK;
    }
    if (!find_place(output, path))
        return refuse(path, problem);
    if (stat(output->path, &stat_of) == 0) {
        if (access(output->path, W_OK) != 0)
            return refuse(path, problem);
        file = S_ISREG(stat_of.st_mode) ? open_beside(output, stat_of.st_mode & 07777) : -2;
    } else {
        mode_t mask = umask(0);
        umask(mask);
        file = open_beside(output, 0666 & ~mask);
    }
    if (file == -2)
        output->file = fopen(output->path, "w");
    else if (file >= 0)
        output->file = fdopen(file, "w");
    return output->file == NULL ? refuse(path, problem) : STATUS_OK;
}

enum status output_finish(struct output *output, struct problem *problem)
{
    FILE *file = output->file;
    bool is_written;

    if (file == NULL)
        return STATUS_OK;
    is_written = ferror(file) == 0 && fflush(file) == 0;
    if (file == stdout) {
        output->file = NULL;
        return is_written ? STATUS_OK : refuse("standard output", problem);
    }
    if (is_written && fclose(file) == 0) {
        output->file = NULL;
        if (output->temporary[0] == '\0' || rename(output->temporary, output->path) == 0)
            return STATUS_OK;
    }
    enum status status = refuse(output->path, problem);
    output_discard(output);
    return status;
}

void output_discard(struct output *output)
{
    if (output->file != NULL && output->file != stdout)
        fclose(output->file);
    if (output->temporary[0] != '\0')
        unlink(output->temporary);
    output->file = NULL;
    output->temporary[0] = '\0';
}
