#include "labs/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "labs/language.h"
#include "labs/output.h"

#define SCHEMA "ferry.labs/1"

/* The lock is held for the writing of a small file: who waits longer than that goes without. */
#define LOCK_TRIES   50
#define LOCK_WAIT_NS 10000000

static void complain(struct progress *progress, const char *format, const char *detail)
{
    if (progress->has_complained)
        return;
    progress->has_complained = true;
    fprintf(stderr, "ferry lab: ");
    fprintf(stderr, format, progress->path, detail);
    fputc('\n', stderr);
}

static void find_path(struct progress *progress)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    /* What is no absolute path is to be ignored, says the XDG specification. */
    if (state != NULL && state[0] == '/')
        snprintf(progress->path, sizeof progress->path, "%.3900s/ferry/labs.json", state);
    else if (home != NULL && home[0] == '/')
        snprintf(progress->path, sizeof progress->path, "%.3900s/.local/state/ferry/labs.json",
                 home);
}

static void put_aside(struct progress *progress, const char *what)
{
    char aside[4200];

    snprintf(aside, sizeof aside, "%s.broken", progress->path);
    if (rename(progress->path, aside) == 0)
        complain(progress,
                 _("%s is broken (%s): it was put aside as labs.json.broken, and "
                   "progress begins anew"),
                 what);
    else
        complain(progress, _("%s is broken (%s): progress is not kept"), what);
}

static json_t *labs_of(const struct progress *progress)
{
    return json_object_get(progress->root, "labs");
}

static bool is_ours(json_t *root)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    return schema != NULL && strcmp(schema, SCHEMA) == 0 &&
           json_is_object(json_object_get(root, "labs"));
}

/* The file's text; NULL: there is none, or none that can be used, which is then told. */
static json_t *read_file(struct progress *progress)
{
    json_error_t error;
    struct stat stat_of;
    char what[200];

    if (*progress->path == '\0' || stat(progress->path, &stat_of) != 0)
        return NULL;
    if (!S_ISREG(stat_of.st_mode)) { /* opening a pipe would wait for its writer */
        put_aside(progress, _("it is no file of ferry's"));
        return NULL;
    }
    if (access(progress->path, R_OK) != 0) {
        complain(progress, _("%s cannot be read (%s): progress is not kept"), strerror(errno));
        progress->path[0] = '\0';
        return NULL;
    }
    json_t *root = json_load_file(progress->path, JSON_REJECT_DUPLICATES, &error);
    if (is_ours(root))
        return root;
    snprintf(what, sizeof what, _("line %d"), error.line);
    put_aside(progress, root == NULL ? what : _("it is no file of ferry's"));
    json_decref(root);
    return NULL;
}

static void load(struct progress *progress)
{
    json_decref(progress->root);
    progress->root = read_file(progress);
    if (progress->root == NULL)
        progress->root = json_pack("{s:s, s:{}}", "schema", SCHEMA, "labs");
    MUST(progress->root != NULL);
}

void progress_open(struct progress *progress)
{
    *progress = (struct progress){0};
    find_path(progress);
    load(progress);
}

void progress_close(struct progress *progress)
{
    json_decref(progress->root);
    progress->root = NULL;
}

static json_t *entry_of(const struct progress *progress, const struct lab *lab)
{
    char key[16];
    snprintf(key, sizeof key, "%u", lab->number);
    return json_object_get(labs_of(progress), key);
}

static bool is_done(json_t *entry)
{
    return json_is_null(json_object_get(entry, "step")) ||
           json_is_true(json_object_get(entry, "done"));
}

enum progress_state progress_of(const struct progress *progress, const struct lab *lab,
                                int *step_idx)
{
    json_t *entry = entry_of(progress, lab), *step = json_object_get(entry, "step");

    if (is_done(entry))
        return PROGRESS_DONE;
    *step_idx = json_is_string(step) ? lab_find_step(lab, json_string_value(step)) : LAB_NONE;
    return *step_idx != LAB_NONE ? PROGRESS_BEGUN : PROGRESS_NONE;
}

bool progress_restore(const struct progress *progress, struct lesson *lesson)
{
    json_t *entry = entry_of(progress, lesson->lab), *list, *answer;
    const char *key, *step = json_string_value(json_object_get(entry, "step"));
    size_t idx;

    if (step == NULL)
        return false;
    /* What a newer lab does not take any more is asked again. */
    json_object_foreach(json_object_get(entry, "answers"), key, list)
        json_array_foreach(list, idx, answer) if (json_is_string(answer))
            lesson_restore_answer(lesson, key, json_string_value(answer));
    if (lesson_restore_step(lesson, step))
        return true;
    /* Its answers would be those of questions that are to come. */
    lesson_close(lesson);
    lesson_open(lesson, lesson->lab, lesson->text);
    return false;
}

static bool make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        bool is_there = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_there)
            return false;
    }
    return true;
}

/* Until its file is closed nobody else writes; -1: there can be no lock here, which is no reason to
 * stop. */
static int lock(const struct progress *progress)
{
    static const struct timespec a_while = {.tv_nsec = LOCK_WAIT_NS};
    char path[4200];

    snprintf(path, sizeof path, "%s.lock", progress->path);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    for (int i = 0; file >= 0 && i < LOCK_TRIES; i++) {
        if (flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            break;
        nanosleep(&a_while, NULL);
    }
    return file;
}

static void write_file(struct progress *progress)
{
    struct problem problem = {STATUS_OK, ""};
    struct output output;
    enum status status = output_open(&output, progress->path, &problem);
    if (status == STATUS_OK) {
        json_dumpf(progress->root, output.file, JSON_INDENT(2) | JSON_SORT_KEYS);
        fputc('\n', output.file);
        status = output_finish(&output, &problem);
    }
    output_discard(&output);
    if (status != STATUS_OK)
        complain(progress, _("%s cannot be written (%s): progress is not kept"), problem.text);
}

static void set_entry(struct progress *progress, const struct lesson *lesson)
{
    const struct lab *lab = lesson->lab;
    bool is_over = lesson->step_idx == lab->step_count;
    json_t *answers = json_object();
    char key[16];

    for (int i = 0; i < lab->step_count; i++) {
        json_t *list = json_array();
        for (unsigned j = 0; j < lesson->answer_count[i]; j++)
            json_array_append_new(list, json_string(lesson->answers[i][j]));
        if (lesson->answer_count[i] > 0)
            json_object_set(answers, lab->steps[i].key, list);
        json_decref(list);
    }
    json_t *step = is_over ? json_null() : json_string(lab->steps[lesson->step_idx].key);
    bool has_been_over = is_over || is_done(entry_of(progress, lab));
    snprintf(key, sizeof key, "%u", lab->number);
    json_object_set_new(
        labs_of(progress), key,
        json_pack("{s:b, s:o, s:o}", "done", has_been_over, "step", step, "answers", answers));
}

void progress_keep(struct progress *progress, const struct lesson *lesson)
{
    if (*progress->path == '\0')
        return;
    if (!make_folders(progress->path)) {
        complain(progress, _("%s cannot be written (%s): progress is not kept"), strerror(errno));
        return;
    }
    int file = lock(progress);
    load(progress);
    set_entry(progress, lesson);
    if (*progress->path != '\0')
        write_file(progress);
    if (file >= 0)
        close(file);
}
