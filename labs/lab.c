#include "labs/lab.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *lab_kind_name(enum lab_kind kind)
{
    static const char *const names[] = {
#define LAB_KIND_TEXT(name) #name,
        LAB_KIND_LIST(LAB_KIND_TEXT)
#undef LAB_KIND_TEXT
    };
    return names[kind];
}

bool lab_step_is_question(const struct lab_step *step)
{
    return step->kind == LAB_predict || step->kind == LAB_choose || step->kind == LAB_knob;
}

int lab_find_step(const struct lab *lab, const char *key)
{
    for (int i = 0; i < lab->step_count; i++)
        if (strcmp(lab->steps[i].key, key) == 0)
            return i;
    return LAB_NONE;
}

void lab_fini(struct lab *lab)
{
    for (int i = 0; i < lab->step_count; i++)
        scenario_fini(&lab->steps[i].scenario);
    lab->step_count = 0;
}

/* ---- What a text may speak of ---- */

int lab_run_of(const struct lab *lab, int step_idx)
{
    const struct lab_step *step = &lab->steps[step_idx];

    if (step->kind == LAB_run)
        return step_idx;
    if (step->kind == LAB_predict || step->kind == LAB_knob)
        return step->of;
    if (step->kind == LAB_answer)
        return lab->steps[step->to].of;
    while (step_idx > 0 && lab->steps[step_idx].kind != LAB_run)
        step_idx--;
    return lab->steps[step_idx].kind == LAB_run ? step_idx : LAB_NONE;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct lab_name *left = a, *right = b;
    return (left->number > right->number) - (left->number < right->number);
}

int lab_list(const char *folder, struct lab_name names[LAB_COUNT_MAX])
{
    DIR *directory = opendir(folder);
    int count = 0;

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        const char *name = entry->d_name;
        if (!isdigit((unsigned char)name[0]) || !isdigit((unsigned char)name[1]) ||
            name[2] != '-' || count == LAB_COUNT_MAX)
            continue;
        names[count].number = (unsigned)strtoul(name, NULL, 10);
        snprintf(names[count++].name, sizeof names->name, "%.63s", name);
    }
    if (directory != NULL)
        closedir(directory);
    qsort(names, (size_t)count, sizeof *names, compare_numbers);
    return count;
}
