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

/* The rights that the file has, or that a new one gets. */
static mode_t rights(const char *path)
{
    struct stat stat_of;
    mode_t mask;

    if (stat(path, &stat_of) == 0)
        return stat_of.st_mode & 07777;
    mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* Opens a name beside the place: in the same file system, or the renaming would fail. */
static FILE *open_beside(const char *path, char *temporary, size_t temporary_bytes)
{
    int descriptor;
    FILE *file;

    snprintf(temporary, temporary_bytes, "%s.XXXXXX", path);
    descriptor = mkstemp(temporary);
    if (descriptor < 0)
        return NULL;
    file = fdopen(descriptor, "w");
    if (file != NULL && fchmod(descriptor, rights(path)) == 0)
        return file;
    int error = errno;
    if (file != NULL)
        fclose(file);
    else
        close(descriptor);
    unlink(temporary);
    errno = error;
    return NULL;
}

/* A file can be written where one beside it can; it is taken away again at once. */
static bool is_possible(const char *path)
{
    char temporary[OUTPUT_PATH_MAX + 16];
    FILE *file;

    if (access(path, F_OK) == 0 && access(path, W_OK) != 0)
        return false;
    file = open_beside(path, temporary, sizeof temporary);
    if (file == NULL)
        return false;
    fclose(file);
    unlink(temporary);
    return true;
}

enum status output_open(struct output *output, const char *path, struct problem *problem)
{
    struct stat stat_of;

    memset(output, 0, sizeof *output);
    if (path == NULL)
        return STATUS_OK;
    if (strcmp(path, "-") == 0) {
        output->file = stdout;
        return STATUS_OK;
    }
    if (!find_place(output, path))
        return refuse(path, problem);
    output->is_direct = stat(output->path, &stat_of) == 0 && !S_ISREG(stat_of.st_mode);
    if (output->is_direct)
        output->file = fopen(output->path, "w");
    else if (is_possible(output->path))
        output->file = open_memstream(&output->text, &output->text_bytes);
    return output->file == NULL ? refuse(path, problem) : STATUS_OK;
}

/* Whether all that was written arrived. Closing alone does not tell: it writes what is left, and
 * what failed before is only remembered by the stream. */
static bool close_whole(FILE *file)
{
    bool is_whole = fflush(file) == 0 && ferror(file) == 0;
    int error = errno;

    if (fclose(file) != 0)
        return false;
    errno = error;
    return is_whole;
}

/* The whole of it takes its place. It must be on the disk before what was there is gone. */
static bool move_in_place(const struct output *output, FILE *file, const char *temporary)
{
    bool is_written = fflush(file) == 0 && fsync(fileno(file)) == 0;

    is_written = close_whole(file) && is_written;
    if (is_written && rename(temporary, output->path) == 0)
        return true;
    int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

static bool put_in_place(const struct output *output)
{
    char temporary[OUTPUT_PATH_MAX + 16];
    FILE *file = open_beside(output->path, temporary, sizeof temporary);

    if (file == NULL)
        return false;
    fwrite(output->text, 1, output->text_bytes, file);
    return move_in_place(output, file, temporary);
}

enum status output_write_through(struct output *output, struct problem *problem)
{
    char temporary[OUTPUT_PATH_MAX + 16];

    if (output->is_direct || output->file == NULL || output->file == stdout)
        return STATUS_OK;
    FILE *file = open_beside(output->path, temporary, sizeof temporary);
    if (file == NULL)
        return refuse(output->path, problem);
    output_discard(output);
    output->file = file;
    output->beside = strdup(temporary);
    MUST(output->beside != NULL);
    return STATUS_OK;
}

static bool close_and_place(struct output *output, FILE *file)
{
    if (output->beside != NULL)
        return move_in_place(output, file, output->beside);
    return close_whole(file) && (output->is_direct || put_in_place(output));
}

enum status output_finish(struct output *output, struct problem *problem)
{
    FILE *file = output->file;
    bool is_written;

    if (file == NULL)
        return STATUS_OK;
    output->file = NULL;
    if (file == stdout)
        return STATUS_OK;
    is_written = close_and_place(output, file);
    enum status status = is_written ? STATUS_OK : refuse(output->path, problem);
    output_discard(output);
    return status;
}

void output_discard(struct output *output)
{
    if (output->file != NULL && output->file != stdout)
        fclose(output->file);
    if (output->file != NULL && output->beside != NULL)
        unlink(output->beside);
    free(output->text);
    free(output->beside);
    output->file = NULL;
    output->text = NULL;
    output->beside = NULL;
}
