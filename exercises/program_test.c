/* What is handed in, compiled: what can be built, what cannot, and that nobody gets out. */
#include "exercises/workbench.h"

#include <sys/stat.h>

#define STAYS \
    "struct action next(const struct view *view, void *memo)\n{\n    (void)view, (void)memo;\n"
#define GIVES_UP STAYS "    return (struct action){.kind = ACTION_GIVE_UP};\n}\n"

static bool says(const struct program *program, const char *text)
{
    return strstr((const char *)program->messages.data, text) != NULL;
}

/* The stub is what everybody begins with: it compiles, without a warning. */
static void the_stub_compiles_in_silence(void **state)
{
    struct program program;
    (void)state;
    build_file(&program, "exercises/01-stop-and-copy/stop_and_copy.c");
    assert_true(program.is_built);
    assert_string_equal((const char *)program.messages.data, "");
    assert_string_equal(program.name, "stop_and_copy.c");
    assert_memory_equal(program.image.data, "\177ELF", 4);
    program_fini(&program);
}

static void what_cannot_be_built_is_told(void **state)
{
    static const struct {
        const char *code, *message;
    } rows[] = {
        {STAYS "    return 0;\n}\n", "mine.c:5:12: error:"},
        {STAYS "    return (struct action){ACTION_SEND, 0, 1}\n}\n",
         "mine.c:5:46: error: expected ';'"},
        {"int x;\n", "the function `next` is missing"},
        {"#include <stdio.h>\n" GIVES_UP, "there is no C library"},
        {"double third(double x) { return x / 3; }\n" GIVES_UP, "use whole numbers"},
        {"char large[1 << 28] = {1};\n" GIVES_UP, "the compiler needed more time or memory"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct program program;
        build_text(&program, rows[i].code);
        if (program.is_built || !says(&program, rows[i].message))
            fail_msg("row %zu: %s", i, (const char *)program.messages.data);
        assert_int_equal(program.image.count, 0);
        program_fini(&program);
    }
}

/* A warning is worth reading, and no obstacle. The linker's words about files that have another
 * name each time are left out. */
static void messages_are_the_same_each_time(void **state)
{
    struct program first, second;
    (void)state;
    build_text(&first, "static int unused(void) { return 1; }\n" GIVES_UP);
    assert_true(first.is_built);
    assert_true(says(&first, "mine.c:2:12: warning: unused function 'unused'"));
    program_fini(&first);

    build_text(&first, STAYS "    return (struct action){(enum action_kind)helper()};\n}\n");
    build_text(&second, STAYS "    return (struct action){(enum action_kind)helper()};\n}\n");
    assert_false(first.is_built);
    assert_string_equal((const char *)first.messages.data, (const char *)second.messages.data);
    program_fini(&first);
    program_fini(&second);
}

static void assert_refused(const char *path, enum status expected, const char *text)
{
    struct problem problem = {STATUS_OK, ""};
    struct program program;
    assert_int_equal(program_build(&program, path, SUPPORT, false, &problem), expected);
    if (strstr(problem.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", problem.text, text);
    program_fini(&program);
}

static void what_is_no_source_is_refused(void **state)
{
    struct scratch scratch;
    char link_path[160];
    (void)state;
    write_file(&scratch, "mine.c", GIVES_UP);
    snprintf(link_path, sizeof link_path, "%s/link.c", scratch.folder);
    assert_int_equal(symlink("mine.c", link_path), 0);
    assert_refused(link_path, STATUS_NO_FILE, "a link, where a file is to be");
    assert_refused("/nowhere/mine.c", STATUS_NO_FILE, "No such file");
    assert_refused(scratch.folder, STATUS_USAGE, "ends with .c");
    assert_refused("/tmp/--help.c", STATUS_NO_FILE, "No such file");
    assert_refused("/tmp/a b.c", STATUS_USAGE, "letters");
    assert_int_equal(truncate(scratch.path, PROGRAM_SOURCE_MAX + 1), 0);
    assert_refused(scratch.path, STATUS_BAD_INPUT, "no file of at most 256 KiB");
    assert_int_equal(truncate(scratch.path, 300), 0); /* zeros */
    assert_refused(scratch.path, STATUS_BAD_INPUT, "no text");
    unlink(link_path);
    remove_file(&scratch);
    assert_int_equal(mkdir("/tmp/ferry_folder.c", 0700), 0);
    assert_refused("/tmp/ferry_folder.c", STATUS_BAD_INPUT, "this is no file");
    rmdir("/tmp/ferry_folder.c");
}

/* What the compiler can see: /usr and the source. Not the rest of the computer. */
static void the_compiler_is_confined(void **state)
{
    static const char *const outside[] = {"/etc/passwd", "/proc/self/environ", "/dev/zero",
                                          "/root/.bashrc", "/tmp/ferry_secret.h"};
    struct problem problem = {STATUS_OK, ""};
    struct program program;
    (void)state;
    if (system("/usr/bin/bwrap --unshare-all --ro-bind / / true") != 0)
        skip(); /* it cannot confine anything here, and ferry says so */
    FILE *secret = fopen("/tmp/ferry_secret.h", "w");
    assert_non_null(secret);
    fputs("#error the secret was read\n", secret);
    fclose(secret);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        struct scratch scratch;
        char text[256];
        snprintf(text, sizeof text, "#include \"%s\"\n", outside[i]);
        write_file(&scratch, "mine.c", text);
        enum status status = program_build(&program, scratch.path, SUPPORT, true, &problem);
        remove_file(&scratch);
        if (status != STATUS_OK)
            fail_msg("%s", problem.text);
        snprintf(text, sizeof text, "'%s' file not found", outside[i]);
        if (program.is_built || !says(&program, text))
            fail_msg("%s: %s", outside[i], (const char *)program.messages.data);
        program_fini(&program);
    }
    /* Nor can the assembler bring anything in. */
    build_text(&program, "__asm__(\".incbin \\\"/proc/self/environ\\\"\");\n" GIVES_UP);
    assert_false(program.is_built);
    assert_true(says(&program, "incbin"));
    program_fini(&program);
    unlink("/tmp/ferry_secret.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stub_compiles_in_silence),
        cmocka_unit_test(what_cannot_be_built_is_told),
        cmocka_unit_test(messages_are_the_same_each_time),
        cmocka_unit_test(what_is_no_source_is_refused),
        cmocka_unit_test(the_compiler_is_confined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
