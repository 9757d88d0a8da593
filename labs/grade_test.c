/* Exercise 01 graded: what is right gets all points, what is wrong loses those that it should, with
 * a message that names the fault; and the same work always gets the same words. */
#include "exercises/workbench.h"

#include <jansson.h>

#include "exercises/grade.h"
#include "labs/exercise_file.h"
#include "labs/grade_report.h"
#include "labs/image.h"

#define FOLDER "exercises/01-stop-and-copy"
#define STUB   FOLDER "/stop_and_copy.c"

static struct exercise exercise;
static struct image images[EXERCISE_CASES_MAX];

/* The guests as they were built here: the test is no neighbour of theirs. */
static void load_image(struct image *image, const struct scenario *scenario)
{
    struct scenario there;
    struct problem problem = {STATUS_OK, ""};

    scenario_copy(&there, scenario);
    if (!scenario_is_model(scenario))
        snprintf(there.guest, sizeof there.guest, BUILD_DIR "/guests/%s", scenario->guest);
    if (image_load(image, &there, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    scenario_fini(&there);
}

static int read_exercise(void **state)
{
    struct problem problem = {STATUS_OK, ""};
    (void)state;
    if (exercise_file_read(&exercise, FOLDER, 1, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    for (uint32_t i = 0; i < exercise.case_count; i++)
        load_image(&images[i], &exercise.cases[i].scenario);
    return 0;
}

static int forget_exercise(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < exercise.case_count; i++)
        image_fini(&images[i]);
    exercise_fini(&exercise);
    return 0;
}

static void grade_program(struct grade *grade, const struct program *program, uint32_t only,
                          struct exercise_seeds seeds)
{
    struct grade_image guests[EXERCISE_CASES_MAX] = {{0}};
    struct problem problem = {STATUS_OK, ""};

    for (uint32_t i = 0; i < exercise.case_count; i++)
        guests[i] = (struct grade_image){images[i].data, images[i].bytes};
    if (grade_make(grade, &exercise, only, program, guests, &seeds, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    assert_string_equal(grade->broken_rule, "");
}

/* The report as a text of its own. */
static char *report_of(const struct program *program, const struct grade *grade,
                       struct exercise_seeds seeds, bool is_gradescope)
{
    struct grade_report report = {.exercise = &exercise,
                                  .program = program,
                                  .grade = grade,
                                  .path = "work/mine.c",
                                  .seeds = seeds,
                                  .only = EXERCISE_CASES_MAX};
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    assert_non_null(file);
    if (is_gradescope)
        grade_report_gradescope(&report, file);
    else
        grade_report_print(&report, file);
    fclose(file);
    return text;
}

/* ---- Points ---- */

struct verdict {
    const char *path;
    uint32_t points[CRITERION_COUNT]; /* arrives, still, whole, once */
    enum criterion criterion;         /* of which this is said: */
    const char *happened;
    uint32_t line;
};

static const struct verdict verdicts[] = {
    {SAMPLES "right.c", {20, 20, 40, 20}, CRITERION_COUNT, NULL, 0},
    {STUB, {0, 0, 0, 0}, CRITERION_ARRIVES, "the strategy gave the move up", 10},
    {SAMPLES "forgets_the_last_page.c",
     {20, 20, 0, 20},
     CRITERION_WHOLE,
     "page 1023, the last one, was never sent",
     0},
    {SAMPLES "sends_a_page_twice.c", {20, 20, 40, 0}, CRITERION_ONCE, "page 0 was sent at", 0},
    {SAMPLES "hands_over_early.c",
     {20, 20, 0, 20},
     CRITERION_WHOLE,
     "511 of 1024 pages were never sent: 513 to 1023",
     0},
    {SAMPLES "never_ends.c", {0, 0, 0, 0}, CRITERION_ARRIVES, "it does not end", 0},
    /* One guest in three writes nothing: there its memory arrives whole. */
    {SAMPLES "ignores_writes.c",
     {20, 0, 13, 20},
     CRITERION_WHOLE,
     "pages the guest wrote to before the pause were not sent again",
     0},
    {SAMPLES "returns_nonsense.c",
     {0, 0, 0, 0},
     CRITERION_ARRIVES,
     "the strategy asked for action 42: there is none",
     0},
    {SAMPLES "endless_loop.c",
     {0, 0, 0, 0},
     CRITERION_ARRIVES,
     "in find: an endless loop: 1000000 instructions without a decision",
     0},
    {SAMPLES "wild_pointer.c",
     {0, 0, 0, 0},
     CRITERION_ARRIVES,
     "in remember: a write through a null pointer (address 0x0)",
     0},
};

static void right_and_wrong_get_what_they_deserve(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        const struct verdict *verdict = &verdicts[i];
        struct program program;
        struct grade grade;
        uint32_t sum = 0;

        build_file(&program, verdict->path);
        grade_program(&grade, &program, EXERCISE_CASES_MAX, exercise.seeds);
        for (unsigned c = 0; c < CRITERION_COUNT; c++) {
            if (grade.results[c].points != verdict->points[c])
                fail_msg("%s, %s: %u points", verdict->path, criterion_key((enum criterion)c),
                         grade.results[c].points);
            sum += verdict->points[c];
        }
        assert_int_equal(grade.points, sum);
        assert_int_equal(grade.points_max, 100);
        if (verdict->criterion != CRITERION_COUNT) {
            const struct grade_failure *failure = &grade.results[verdict->criterion].failure;
            if (strstr(failure->finding.happened, verdict->happened) == NULL)
                fail_msg("%s: \"%s\"", verdict->path, failure->finding.happened);
            /* The line that decided is known each time, and is one that can decide. */
            assert_true(failure->line > 0);
            if (verdict->line > 0)
                assert_int_equal(failure->line, verdict->line);
            if (strstr(failure->source, "return") == NULL && program.name[0] != 'e' &&
                program.name[0] != 'w')
                fail_msg("%s: \"%s\"", verdict->path, failure->source);
        }
        program_fini(&program);
    }
}

/* Seeds that nobody has looked at when the exercise was made. */
static void other_seeds_come_to_the_same(void **state)
{
    static const struct exercise_seeds others = {90001, 90005};
    struct program program;
    struct grade grade;
    (void)state;
    build_file(&program, SAMPLES "right.c");
    grade_program(&grade, &program, EXERCISE_CASES_MAX, others);
    assert_int_equal(grade.points, 100);
    program_fini(&program);
    build_file(&program, SAMPLES "forgets_the_last_page.c");
    grade_program(&grade, &program, EXERCISE_CASES_MAX, others);
    assert_int_equal(grade.points, 60);
    program_fini(&program);
}

/* ---- Words ---- */

static void the_same_work_a_hundred_times_gets_the_same_words(void **state)
{
    static const struct exercise_seeds seeds = {1, 1};
    struct program program;
    struct grade grade;
    char *first[2] = {NULL, NULL}; /* of either form */
    (void)state;
    for (int i = 0; i < 100; i++) {
        if (i % 20 == 0)
            build_file(&program, SAMPLES "ignores_writes.c");
        grade_program(&grade, &program, EXERCISE_CASES_MAX, seeds);
        char *text = report_of(&program, &grade, seeds, i % 2 == 1);
        if (first[i % 2] == NULL) {
            first[i % 2] = text;
        } else {
            assert_string_equal(text, first[i % 2]);
            free(text);
        }
        if (i % 20 == 19)
            program_fini(&program);
    }
    free(first[0]);
    free(first[1]);
}

static void a_report_names_all_that_is_needed(void **state)
{
    static const char *const lines[] = {
        "Exercise 01, Stop-and-copy: work/mine.c\n",
        "60 runs: cases idle, tiny, busy, slow, fast, shop; seeds 1 to 10\n",
        "   20 of  20  arrives ",
        "    0 of  20  once      no page is sent twice\n",
        "              held in 0 of 60 runs; not in case idle with seed 1:\n",
        "              expected  each page leaves once, and is not PAGE_TO_SEND then\n",
        "              happened  page 0 was sent at 10.20 ms and again at 10.23 ms,\n",
        "              decided   sends_a_page_twice.c:",
        " tui --guest model:idle --mode stop-and-copy --memory 4MiB --start-at 10ms --run-for 0ns "
        "--strategy work/mine.c --at 10233536ns\n",
        "   80 of 100  points\n",
    };
    struct program program;
    struct grade grade;
    (void)state;
    build_file(&program, SAMPLES "sends_a_page_twice.c");
    grade_program(&grade, &program, EXERCISE_CASES_MAX, exercise.seeds);
    char *text = report_of(&program, &grade, exercise.seeds, false);
    const char *at = text;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        at = strstr(at, lines[i]);
        if (at == NULL)
            fail_msg("\"%s\" is not in\n%s", lines[i], text);
    }
    free(text);
    program_fini(&program);
}

/* Gradescope's form, as its documentation has it. */
static void gradescope_gets_its_form(void **state)
{
    struct program program;
    struct grade grade;
    (void)state;
    build_file(&program, SAMPLES "hands_over_early.c");
    grade_program(&grade, &program, EXERCISE_CASES_MAX, exercise.seeds);
    char *text = report_of(&program, &grade, exercise.seeds, true);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "score")), 60);
    json_t *tests = json_object_get(root, "tests"), *test;
    size_t i;
    assert_int_equal(json_array_size(tests), CRITERION_COUNT);
    json_int_t sum = 0;
    json_array_foreach(tests, i, test)
    {
        json_int_t score = json_integer_value(json_object_get(test, "score"));
        json_int_t most = json_integer_value(json_object_get(test, "max_score"));
        const char *output = json_string_value(json_object_get(test, "output"));
        assert_string_equal(json_string_value(json_object_get(test, "status")),
                            score == most ? "passed" : "failed");
        assert_int_equal(strlen(output) == 0, score == most);
        sum += score;
    }
    assert_int_equal(sum, 60);
    json_decref(root);
    free(text);
    program_fini(&program);
}

static void what_does_not_compile_gets_nothing_and_hears_why(void **state)
{
    struct program program;
    struct grade grade;
    (void)state;
    build_text(&program, "struct action next(void)\n");
    grade_program(&grade, &program, EXERCISE_CASES_MAX, exercise.seeds);
    assert_int_equal(grade.points, 0);
    char *text = report_of(&program, &grade, exercise.seeds, false);
    assert_non_null(strstr(text, "mine.c:2:"));
    assert_non_null(strstr(text, "It does not compile"));
    assert_non_null(strstr(text, "    0 of 100  points"));
    free(text);
    text = report_of(&program, &grade, exercise.seeds, true);
    assert_non_null(strstr(text, "error: "));
    free(text);
    program_fini(&program);
}

/* The stub that is handed out is the exercise's file, and its README and hints are there. */
static void what_is_handed_out_is_whole(void **state)
{
    static const char *const files[] = {FOLDER "/README.md", FOLDER "/README.zh_CN.md", STUB};
    char stub[128];
    (void)state;
    snprintf(stub, sizeof stub, FOLDER "/%s", exercise.file);
    assert_string_equal(stub, STUB);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(access(files[i], R_OK), 0);
    /* The header that students read: short, and of one piece. */
    char line[300];
    unsigned lines = 0;
    FILE *header = fopen("exercises/student.h", "r");
    assert_non_null(header);
    while (fgets(line, sizeof line, header) != NULL) {
        lines++;
        assert_true(strstr(line, "#include") == NULL || strstr(line, "<std") != NULL ||
                    line[0] == ' ');
    }
    fclose(header);
    assert_true(lines <= 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_and_wrong_get_what_they_deserve),
        cmocka_unit_test(other_seeds_come_to_the_same),
        cmocka_unit_test(the_same_work_a_hundred_times_gets_the_same_words),
        cmocka_unit_test(a_report_names_all_that_is_needed),
        cmocka_unit_test(gradescope_gets_its_form),
        cmocka_unit_test(what_does_not_compile_gets_nothing_and_hears_why),
        cmocka_unit_test(what_is_handed_out_is_whole),
    };
    return cmocka_run_group_tests(tests, read_exercise, forget_exercise);
}
