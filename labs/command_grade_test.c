/* Grading, and a strategy of one's own, as people and scripts meet them. */
#include "labs/as_user.h"

#include <jansson.h>
#include <sys/stat.h>

/* Bubblewrap may be of no use where the tests run; what is tested here is not the confinement. */
#define GRADE "grade 01 --unconfined --seeds 1..2 --source "

static void hand_in(const char *name, const char *code)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/stop_and_copy.c", name);
    spill(path, code);
}

static const char right[] =
    "#include \"student.h\"\n"
    "struct action next(const struct view *view, void *memo)\n"
    "{\n"
    "    uint64_t page = page_next(view, 0, PAGE_TO_SEND);\n"
    "    (void)memo;\n"
    "    if (view->phase == PHASE_COPY)\n"
    "        return (struct action){ACTION_PAUSE, 0, 0};\n"
    "    say(\"page\", page);\n"
    "    if (page == PAGE_NONE)\n"
    "        return (struct action){ACTION_HAND_OVER, 0, 0};\n"
    "    return (struct action){ACTION_SEND, page, page_run(view, page, PAGE_TO_SEND, 99)};\n"
    "}\n";

static void bad_lines_are_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"grade 07 --source $D", "no exercise \"07\": ferry grade lists"},
        {"grade one --source $D", "no exercise \"one\""},
        {"grade 01", "--source is missing: write --source DIR, the folder with stop_and_copy.c"},
        {"grade 01 --source $D/nowhere", "nowhere is no folder"},
        {"grade 01 --source $D/right/stop_and_copy.c", "is no folder"},
        {"grade 01 --source $D", "there is no stop_and_copy.c in it"},
        {"grade 01 --source $D/linked", "a link, where a file is to be"},
        {"grade 01 --source $D/right --seeds 5..1", "the second seed is to be the greater"},
        {"grade 01 --source $D/right --seeds many", "write 1..20, or 7"},
        {"grade 01 --source $D/right --seeds 1..99999", "1000 seeds the most"},
        {"grade 01 --source $D/right --case huge", "write one of idle, tiny, busy"},
        {"grade 01 --source $D/right --format xml", "write terminal or gradescope"},
        {"grade 01 --source $D/right --out $D/no/where", "cannot be written"},
        {"grade 01 --source $D/right --memory 64MiB", "unknown option --memory"},
        {"grade 01 02 --source $D/right", "unexpected word \"02\""},
        {"grade 01 --hint 9", "there are 1 to 4"},
        {"grade 01 --hint", "--hint needs a value: write --hint N"},
        {"run --strategy $D/nowhere.c", "nowhere.c: No such file"},
        {"run --strategy $D/right", "ends with .c"},
        {"compare --strategy $D/right/stop_and_copy.c", "unknown option --strategy"},
        {"tui --at 5", "such as 30ms"},
        {"run --at 5ms", "unknown option --at"},
    };
    char path[160];
    (void)state;
    hand_in("right", right);
    snprintf(path, sizeof path, "%s/linked", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/linked/stop_and_copy.c", folder);
    assert_int_equal(symlink("../right/stop_and_copy.c", path), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].line, rows[i].words);
}

static void the_status_tells_whether_all_is_right(void **state)
{
    (void)state;
    assert_int_equal(ferry("grade"), 0);
    assert_non_null(strstr(out, "01  Stop-and-copy"));
    hand_in("right", right);
    assert_int_equal(ferry(GRADE "$D/right"), 0);
    assert_non_null(strstr(out, "  100 of 100  points\n"));
    assert_non_null(strstr(out, "12 runs: "));
    assert_int_equal(ferry(GRADE "$D/right --case tiny"), 0);
    assert_non_null(strstr(out, "2 runs: case tiny; seeds 1 to 2"));
    assert_int_equal(ferry(GRADE "exercises/01-stop-and-copy"), 1);
    assert_non_null(strstr(out, "    0 of 100  points\n"));
    hand_in("broken", "#include \"student.h\"\nstruct action next(\n");
    assert_int_equal(ferry(GRADE "$D/broken"), 1);
    assert_non_null(strstr(out, "stop_and_copy.c:"));
    assert_non_null(strstr(out, "error: "));
    assert_string_equal(err, "");
}

static void hints_open_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(ferry("grade 01 --hint 2"), 0);
    assert_non_null(strstr(out, "Hint 2: which page is next?"));
    assert_non_null(strstr(out, "PAGE_NONE"));
    assert_non_null(strstr(out, "(there is another: --hint 3)"));
    assert_null(strstr(out, "Hint 1"));
    assert_null(strstr(out, "page_run"));
    assert_int_equal(ferry("grade 01 --hint 4"), 0);
    assert_null(strstr(out, "another"));
}

static void gradescope_reads_a_file(void **state)
{
    char path[160];
    (void)state;
    hand_in("right", right);
    assert_int_equal(ferry(GRADE "$D/right --format gradescope --out $D/results.json"), 0);
    assert_string_equal(out, "");
    snprintf(path, sizeof path, "%s/results.json", folder);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "score")), 100);
    json_decref(root);
    unlink(path);
}

/* The line that begins with "look", as a person would copy it: it opens the run at the moment it
 * went wrong, with the line that decided. */
static void the_command_in_a_report_opens_the_run(void **state)
{
    char line[4096];
    (void)state;
    assert_int_equal(ferry(GRADE "exercises/01-stop-and-copy"), 1);
    char *look = strstr(out, "look      ");
    assert_non_null(look);
    char *command = strstr(look, " tui ");
    assert_non_null(command);
    command[strcspn(command, "\n")] = '\0';
    snprintf(line, sizeof line, "%s --plain", command + 1);
    assert_int_equal(ferry(line), 0);
    assert_non_null(strstr(out, "stop_and_copy.c decided: GIVE_UP"));
    assert_non_null(strstr(out, "decided in line 10: return (struct action){.kind = "
                                "ACTION_GIVE_UP};"));
}

/* A strategy of one's own decides in place of the mode's, and what it says is heard. */
static void run_takes_a_strategy(void **state)
{
    static const char scenario[] = "--guest model:uniform --memory 1MiB --dirty-rate 9kpages/s "
                                   "--mode stop-and-copy --run-for 0ms --json - ";
    char line[512], digest[64];
    (void)state;
    hand_in("right", right);
    snprintf(line, sizeof line, "run %s", scenario);
    assert_int_equal(ferry(line), 0);
    json_t *root = json_loads(out, 0, NULL);
    snprintf(digest, sizeof digest, "%s",
             json_string_value(json_object_get(root, "recording_digest")));
    json_decref(root);
    snprintf(line, sizeof line, "run %s --unconfined --strategy $D/right/stop_and_copy.c",
             scenario);
    assert_int_equal(ferry(line), 0);
    root = json_loads(out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "recording_digest")), digest);
    json_decref(root);
    assert_int_equal(
        ferry("run --guest model:idle --memory 8KiB --mode stop-and-copy --run-for 0ms "
              "--unconfined --strategy $D/right/stop_and_copy.c --plain"),
        0);
    assert_non_null(strstr(out, "page 0\n"));
    hand_in("broken", "#include \"student.h\"\nint x\n");
    assert_int_equal(ferry("run --unconfined --strategy $D/broken/stop_and_copy.c"), 2);
    assert_non_null(strstr(err, "stop_and_copy.c:2:6: error:"));
    assert_non_null(strstr(err, "it does not compile: see above"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(the_status_tells_whether_all_is_right),
        cmocka_unit_test(hints_open_one_by_one),
        cmocka_unit_test(gradescope_reads_a_file),
        cmocka_unit_test(the_command_in_a_report_opens_the_run),
        cmocka_unit_test(run_takes_a_strategy),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
