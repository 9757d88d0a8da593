#include "labs/exercise_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/beside.h"
#include "labs/ini.h"

bool exercise_file_find(unsigned least, char folder[EXERCISE_PATH_MAX], unsigned *number)
{
    char exercises[BESIDE_PATH_MAX];
    DIR *directory =
        beside_path("exercises", exercises, sizeof exercises) ? opendir(exercises) : NULL;
    bool is_found = false;

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char *end;
        unsigned long of_entry = strtoul(entry->d_name, &end, 10);
        if (end == entry->d_name || *end != '-' || of_entry < least || of_entry > 99 ||
            (is_found && of_entry >= *number))
            continue;
        is_found = true;
        *number = (unsigned)of_entry;
        snprintf(folder, EXERCISE_PATH_MAX, "%s/%s", exercises, entry->d_name);
    }
    if (directory != NULL)
        closedir(directory);
    return is_found;
}

enum status exercise_file_read(struct exercise *exercise, const char *folder, unsigned number,
                               struct problem *problem)
{
    char path[EXERCISE_PATH_MAX + 16];
    struct ini ini = {0};
    struct problem detail = {STATUS_OK, ""};
    enum status status;

    exercise_init(exercise, number);
    snprintf(path, sizeof path, "%s/exercise.ini", folder);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: %s", path, strerror(errno));
    status = ini_load(file, path, &ini, problem);
    fclose(file);
    for (size_t i = 0; i < ini.count && status == STATUS_OK; i++) {
        const struct ini_line *line = &ini.lines[i];
        if (line->key != NULL)
            status = exercise_set(exercise, line->section, line->key, line->value, &detail);
        if (status != STATUS_OK)
            problem_set(problem, status, "%.140s:%u: %s", path, line->number, detail.text);
    }
    ini_fini(&ini);
    if (status == STATUS_OK && exercise_check(exercise, &detail) != STATUS_OK)
        status = problem_set(problem, detail.status, "%.140s: %s", path, detail.text);
    return status;
}
