/* README.md shows what ferry prints: each of its commands is run, and every line that stands under
 * it there must be printed, in that order. Its scenario and its answers are the ones that are used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdbool.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_MAX_BYTES 400
#define INDENT         "    "
#define PROGRAM        "build/bin/ferry"

static char folder[] = "/tmp/ferry_readme_test_XXXXXX";

/* A line of a block without its indent, "" for an empty one; NULL where the block is over. */
static char *block_line(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, INDENT, strlen(INDENT)) == 0)
        return line + strlen(INDENT);
    return *line == '\0' ? line : NULL;
}

/* The block that begins so becomes a file. */
static void write_block(FILE *readme, const char *beginning, const char *name)
{
    char path[sizeof folder + 16], line[LINE_MAX_BYTES], *text;
    bool is_inside = false;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    while (fgets(line, sizeof line, readme) != NULL && (text = block_line(line), true)) {
        if (text != NULL && strncmp(text, beginning, strlen(beginning)) == 0)
            is_inside = true;
        else if (is_inside && (text == NULL || *text == '\0'))
            break;
        if (is_inside)
            fprintf(file, "%s\n", text);
    }
    assert_true(is_inside);
    fclose(file);
    rewind(readme);
}

static FILE *start(const char *command)
{
    char line[2 * LINE_MAX_BYTES];
    snprintf(line, sizeof line,
             "F=$PWD/" BUILD_DIR "/bin/ferry; case " BUILD_DIR " in /*) F=" BUILD_DIR
             "/bin/ferry;; esac; cd %s && $F %s 2>&1",
             folder, command + strlen("$ " PROGRAM));
    FILE *output = popen(line, "r");
    assert_non_null(output);
    return output;
}

static void expect_line(FILE *output, const char *command, const char *expected)
{
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, output) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t end = strlen(line); end > 0 && line[end - 1] == ' '; end--)
            line[end - 1] = '\0';
        if (strcmp(line, expected) == 0)
            return;
    }
    fail_msg("`%s` does not print \"%s\", as README.md says", command, expected);
}

static void end(FILE *output)
{
    char line[LINE_MAX_BYTES];
    while (output != NULL && fgets(line, sizeof line, output) != NULL)
        ; /* to its end, so that nobody writes to a pipe without a reader */
    if (output != NULL)
        pclose(output);
}

static void every_example_is_true(void **state)
{
    char line[LINE_MAX_BYTES], command[LINE_MAX_BYTES], *text;
    FILE *output = NULL, *readme = fopen("README.md", "r");
    unsigned compared = 0;
    (void)state;

    assert_non_null(readme);
    assert_non_null(mkdtemp(folder));
    write_block(readme, "; a shop", "shop.ini");
    write_block(readme, "; answers", "answers.ini");
    while (fgets(line, sizeof line, readme) != NULL) {
        text = block_line(line);
        if (text == NULL || strncmp(text, "$ ", 2) == 0) {
            end(output);
            output = NULL;
        }
        /* The reader's own guest has no place here: its making is shown, not its output. */
        if (text != NULL && strncmp(text, "$ " PROGRAM, strlen("$ " PROGRAM)) == 0 &&
            strstr(text, "mine.elf") == NULL) {
            snprintf(command, sizeof command, "%s", text);
            output = start(command);
        } else if (output != NULL && *text != '\0') {
            expect_line(output, command, text);
            compared++;
        }
    }
    end(output);
    fclose(readme);
    assert_true(compared > 50);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
