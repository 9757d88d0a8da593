#include "labs/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/ferry_output_test_XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/report", folder);
    return 0;
}

static unsigned count_files(void)
{
    DIR *directory = opendir(folder);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    closedir(directory);
    return count;
}

static void expect_text(const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(found, text);
}

static void a_file_appears_when_it_is_whole(void **state)
{
    struct output output;
    struct problem problem = {STATUS_OK, ""};
    (void)state;
    assert_int_equal(output_open(&output, path, &problem), STATUS_OK);
    fputs("first", output.file);
    fflush(output.file);
    assert_int_equal(count_files(), 0);
    assert_int_equal(output_finish(&output, &problem), STATUS_OK);
    expect_text("first");
    output_discard(&output);
    expect_text("first");
    assert_int_equal(count_files(), 1);
}

static void what_was_there_stays_until_then(void **state)
{
    struct output output;
    struct problem problem = {STATUS_OK, ""};
    struct stat stat_of;
    (void)state;
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(output_open(&output, path, &problem), STATUS_OK);
    fputs("second", output.file);
    fflush(output.file);
    expect_text("first");
    output_discard(&output);
    expect_text("first");
    assert_int_equal(count_files(), 1);
    assert_int_equal(output_open(&output, path, &problem), STATUS_OK);
    fputs("third", output.file);
    assert_int_equal(output_finish(&output, &problem), STATUS_OK);
    expect_text("third");
    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0777, 0640);
}

static void a_link_stays_a_link(void **state)
{
    struct output output;
    struct problem problem = {STATUS_OK, ""};
    struct stat stat_of;
    char link[160];
    (void)state;
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink("report", link), 0);
    assert_int_equal(output_open(&output, link, &problem), STATUS_OK);
    fputs("fourth", output.file);
    assert_int_equal(output_finish(&output, &problem), STATUS_OK);
    expect_text("fourth");
    assert_int_equal(lstat(link, &stat_of), 0);
    assert_true(S_ISLNK(stat_of.st_mode));
    unlink(link);
}

static void what_is_no_file_is_written_directly(void **state)
{
    struct output output;
    struct problem problem = {STATUS_OK, ""};
    struct stat stat_of;
    (void)state;
    assert_int_equal(output_open(&output, "/dev/null", &problem), STATUS_OK);
    fputs("nothing", output.file);
    assert_int_equal(output_finish(&output, &problem), STATUS_OK);
    assert_int_equal(stat("/dev/null", &stat_of), 0);
    assert_true(S_ISCHR(stat_of.st_mode));
    /* A full device takes nothing: that is said, not swallowed. */
    assert_int_equal(output_open(&output, "/dev/full", &problem), STATUS_OK);
    fputs("nothing", output.file);
    assert_int_equal(output_finish(&output, &problem), STATUS_NO_FILE);
    /* Also where the failure came before the last write, and closing finds nothing left to do. */
    problem = (struct problem){STATUS_OK, ""};
    assert_int_equal(output_open(&output, "/dev/full", &problem), STATUS_OK);
    fputs("nothing", output.file);
    fflush(output.file);
    assert_int_equal(output_finish(&output, &problem), STATUS_NO_FILE);
    assert_non_null(strstr(problem.text, "/dev/full cannot be written"));
}

static void what_cannot_be_opened_is_refused(void **state)
{
    char below[160];
    const char *const paths[] = {"/nonexistent/report", "/", below, folder};
    (void)state;
    snprintf(below, sizeof below, "%s/below", path);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct output output;
        struct problem problem = {STATUS_OK, ""};
        assert_int_equal(output_open(&output, paths[i], &problem), STATUS_NO_FILE);
        assert_non_null(strstr(problem.text, "cannot be written"));
        output_discard(&output);
    }
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_appears_when_it_is_whole),
        cmocka_unit_test(what_was_there_stays_until_then),
        cmocka_unit_test(a_link_stays_a_link),
        cmocka_unit_test(what_is_no_file_is_written_directly),
        cmocka_unit_test(what_cannot_be_opened_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
