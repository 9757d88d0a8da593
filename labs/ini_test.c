#include "labs/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static enum status read_text(const char *text, size_t count, struct scenario *scenario,
                             struct problem *problem)
{
    uint32_t line_of[64] = {0};
    FILE *file = fmemopen((void *)text, count, "r");
    enum status status;

    memset(problem, 0, sizeof *problem);
    scenario_init(scenario);
    assert_non_null(file);
    status = ini_read(file, "x.ini", scenario, line_of, problem);
    fclose(file);
    return status;
}

static void a_file_sets_options(void **state)
{
    static const char *const texts[] = {
        "seed = 7\nlatency=2ms\n",
        "; words\n\n[scenario]\nseed = 7 ; here too\nlatency = 2ms",
        "\xef\xbb\xbfseed = 7\r\nlatency = 2ms\r\n",
        "# words\n   \nseed : 7\nlatency : 2ms\n",
    };
    struct scenario scenario;
    struct problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(read_text(texts[i], strlen(texts[i]), &scenario, &problem), STATUS_OK);
        assert_int_equal(scenario.seed, 7);
        assert_int_equal(scenario.latency_ns, 2000000);
        scenario_fini(&scenario);
    }
}

static void what_is_wrong_is_found_in_its_line(void **state)
{
    char long_line[400];
    const struct {
        const char *text, *words;
    } rows[] = {
        {"seed = 7\nlatancy = 2ms\n",
         "x.ini:2: unknown option \"latancy\": the nearest that exists is \"latency\""},
        {"\nseed = 7\n\nseed = 8\n", "x.ini:4: \"seed\" was given already in line 2"},
        {"seed = 7\nmemory = 64\n", "x.ini:2: memory: \"64\" has no unit"},
        {"seed = 7\n  latency = 2ms\n", "x.ini:2: the line is indented"},
        {"seed = 7\nlatency\n", "x.ini:2: this is no line of the form key = value"},
        {"seed = 7\nlatency\nclients = 1\n", "x.ini:2: this is no line of the form key = value"},
        {"[scenario]\nseed = 7\n[other]\n", "x.ini:3: unknown section"},
        {"[scenario]\nseed = 7\n[scenario]\nclients = 1\n",
         "x.ini:3: [scenario] was there already"},
        {"seed = \xff\xfe\n", "x.ini:1: seed: \"\xff\xfe\" is not a whole number"},
        {"frob = 7\n", "x.ini:1: unknown option \"frob\": ferry help run lists"},
        {"[scenario\n", "x.ini:1: this section has no end: write [NAME]"},
        {"\xff\xfe\xfd\n", "x.ini:1: this is no line"},
        {long_line, "x.ini:2: the line is too long"},
    };
    (void)state;
    snprintf(long_line, sizeof long_line, "seed = 7\nargs = %0250d\nlatency = 1ms\n", 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario scenario;
        struct problem problem;
        enum status status = read_text(rows[i].text, strlen(rows[i].text), &scenario, &problem);
        if (status != STATUS_USAGE || strstr(problem.text, rows[i].words) == NULL)
            fail_msg("row %zu: status %d, \"%s\"", i, status, problem.text);
        scenario_fini(&scenario);
    }
}

static void the_longest_line_is_taken_whole(void **state)
{
    char text[400];
    struct scenario scenario;
    struct problem problem;
    (void)state;
    /* "args = " and 183 digits are 190 bytes; one more is too many. */
    snprintf(text, sizeof text, "args = %0183d\r\nseed = 9\n", 1);
    assert_int_equal(read_text(text, strlen(text), &scenario, &problem), STATUS_USAGE);
    scenario_fini(&scenario);
    snprintf(text, sizeof text, "args = %0183d\nseed = 9\n", 1);
    assert_int_equal(read_text(text, strlen(text), &scenario, &problem), STATUS_OK);
    assert_int_equal(scenario.arguments.count, 184);
    assert_int_equal(scenario.seed, 9);
    scenario_fini(&scenario);
}

static void a_file_without_end_is_refused(void **state)
{
    char *text = calloc(INI_LINES_MAX + 1, 2);
    struct scenario scenario;
    struct problem problem;
    (void)state;
    for (int i = 0; i <= INI_LINES_MAX; i++)
        memcpy(text + 2 * i, ";\n", 2);
    assert_int_equal(read_text(text, 2 * INI_LINES_MAX, &scenario, &problem), STATUS_OK);
    scenario_fini(&scenario);
    assert_int_equal(read_text(text, 2 * INI_LINES_MAX + 2, &scenario, &problem), STATUS_USAGE);
    assert_string_equal(problem.text, "x.ini:4001: the file is too long: write at most 4000 lines");
    scenario_fini(&scenario);
    free(text);
}

/* Whatever the bytes, there is an answer: no crash, and a refusal names the file and a line. */
static void any_bytes_have_an_answer(void **state)
{
    static const char alphabet[] = "seed=7\n[];: \tguest\0\xff#-args'\\\"";
    uint64_t random = 88172645463325252ull;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[120];
        struct scenario scenario;
        struct problem problem;
        size_t count = 0;
        do {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            text[count++] = alphabet[random % (sizeof alphabet - 1)];
        } while (count < sizeof text && random >> 32 > 80000000u);
        if (read_text(text, count, &scenario, &problem) != STATUS_OK)
            assert_int_equal(strncmp(problem.text, "x.ini:", 6), 0);
        scenario_fini(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_sets_options),
        cmocka_unit_test(what_is_wrong_is_found_in_its_line),
        cmocka_unit_test(the_longest_line_is_taken_whole),
        cmocka_unit_test(a_file_without_end_is_refused),
        cmocka_unit_test(any_bytes_have_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
