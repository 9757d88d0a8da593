/* workbench: what the tests of this folder and of the grader have in common: sources as texts and
 * files, compiled and seated. */
#ifndef EXERCISES_WORKBENCH_H
#define EXERCISES_WORKBENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "exercises/program.h"

#define SUPPORT BUILD_DIR "/exercises"
#define SAMPLES "exercises/samples/01/"

/* Where bubblewrap cannot work, the rest is tested without it. */
static inline void build_file(struct program *program, const char *path)
{
    struct problem problem = {STATUS_OK, ""};
    enum status status = program_build(program, path, SUPPORT, true, &problem);

    if (status == STATUS_REFUSED) {
        program_fini(program);
        problem = (struct problem){STATUS_OK, ""};
        status = program_build(program, path, SUPPORT, false, &problem);
    }
    if (status != STATUS_OK)
        fail_msg("%s", problem.text);
}

/* A folder of the test's own with one file in it; remove_file takes both away. */
struct scratch {
    char folder[64], path[128];
};

static inline void write_file(struct scratch *scratch, const char *name, const char *text)
{
    snprintf(scratch->folder, sizeof scratch->folder, "/tmp/ferry_workbench_XXXXXX");
    assert_non_null(mkdtemp(scratch->folder));
    snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->folder, name);
    FILE *file = fopen(scratch->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static inline void remove_file(const struct scratch *scratch)
{
    unlink(scratch->path);
    rmdir(scratch->folder);
}

/* A strategy whose text is `code`, behind the one line that all begin with. */
static inline void build_text(struct program *program, const char *code)
{
    struct scratch scratch;
    char text[4096];

    snprintf(text, sizeof text, "#include \"student.h\"\n%s", code);
    write_file(&scratch, "mine.c", text);
    build_file(program, scratch.path);
    remove_file(&scratch);
}

#endif
