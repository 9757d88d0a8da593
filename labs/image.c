#include "labs/image.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "labs/beside.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t image_names(char ***names)
{
    char folder[BESIDE_PATH_MAX];
    size_t count = 0, capacity = 0;

    *names = NULL;
    DIR *directory = beside_path("guests", folder, sizeof folder) ? opendir(folder) : NULL;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        /* The names of ours are words; what else lies there is no guest. */
        if (strchr(entry->d_name, '.') != NULL)
            continue;
        if (count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            *names = realloc(*names, capacity * sizeof **names);
            MUST(*names != NULL);
        }
        (*names)[count] = strdup(entry->d_name);
        MUST((*names)[count] != NULL);
        count++;
    }
    if (directory != NULL)
        closedir(directory);
    if (count > 0)
        qsort(*names, count, sizeof **names, compare_names);
    return count;
}

void image_free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static enum status refuse_name(const char *guest, struct problem *problem)
{
    char **names;
    size_t count = image_names(&names);
    char list[160] = "";
    enum status status;

    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    if (count == 0)
        status = problem_set(problem, STATUS_NO_FILE,
                             "guest: \"%.40s\" is not there, nor is any other beside this program: "
                             "make builds them, with clang and lld or from a guests.tar",
                             guest);
    else
        status = problem_set(problem, STATUS_USAGE,
                             "guest: unknown guest \"%.40s\": write one of %s, model:uniform "
                             "or another model, or a path such as ./%.40s.elf",
                             guest, list, guest);
    image_free_names(names, count);
    return status;
}

static enum status read_all(FILE *file, struct image *image, const char *guest,
                            struct problem *problem)
{
    image->data = malloc(image->bytes);
    MUST(image->data != NULL);
    if (fread(image->data, 1, image->bytes, file) == image->bytes)
        return STATUS_OK;
    image_fini(image);
    return problem_set(problem, STATUS_NO_FILE, "guest: %.160s cannot be read whole", guest);
}

enum status image_load(struct image *image, const struct scenario *scenario,
                       struct problem *problem)
{
    const char *guest = scenario->guest;
    bool is_path = scenario_is_file(scenario);
    struct stat stat_of;
    FILE *file;

    memset(image, 0, sizeof *image);
    if (scenario_is_model(scenario))
        return STATUS_OK;
    if (is_path) {
        snprintf(image->path, sizeof image->path, "%s", guest);
    } else {
        char folder[BESIDE_PATH_MAX];
        if (!beside_path("guests", folder, sizeof folder))
            return refuse_name(guest, problem);
        snprintf(image->path, sizeof image->path, "%s/%.512s", folder, guest);
    }
    if (stat(image->path, &stat_of) != 0 && !is_path)
        return refuse_name(guest, problem);
    /* Opening a pipe would wait for its writer, for ever if there is none. */
    if (stat(image->path, &stat_of) != 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "guest: %.120s: %s: name an ELF file for 64-bit RISC-V, or a guest that "
                           "ferry guest list shows",
                           guest, strerror(errno));
    if (!S_ISREG(stat_of.st_mode) || stat_of.st_size == 0 || stat_of.st_size > IMAGE_BYTES_MAX)
        return problem_set(problem, STATUS_BAD_INPUT,
                           "guest: %.160s is %s: name an ELF file for 64-bit RISC-V", guest,
                           !S_ISREG(stat_of.st_mode) ? "no file"
                           : stat_of.st_size == 0    ? "empty"
                                                     : "too large");
    file = fopen(image->path, "rb");
    if (file == NULL)
        return problem_set(problem, STATUS_NO_FILE, "guest: %.160s: %s", guest, strerror(errno));
    image->bytes = (size_t)stat_of.st_size;
    enum status status = read_all(file, image, guest, problem);
    fclose(file);
    return status;
}

void image_fini(struct image *image)
{
    free(image->data);
    image->data = NULL;
    image->bytes = 0;
}
