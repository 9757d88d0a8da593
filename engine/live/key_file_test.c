/* Key files: the two forms that are read, and all that is refused with what to do about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/key_file.h"

static char folder[] = "/tmp/ferry-key-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const void *data, size_t count, mode_t mode)
{
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void reads(const void *data, size_t count, const char *expected)
{
    struct problem problem = {0};
    struct channel_key key;

    write_file(data, count, 0600);
    if (key_file_read(path, &key, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    assert_memory_equal(key.bytes, expected, 32);
    key_forget(&key);
    assert_memory_equal(key.bytes, (uint8_t[32]){0}, 32);
}

static void refused(const char *file, enum status status, const char *why)
{
    struct problem problem = {0};
    struct channel_key key;

    memset(&key, 1, sizeof key);
    assert_int_equal(key_file_read(file, &key, &problem), status);
    if (strstr(problem.text, why) == NULL || strstr(problem.text, file) == NULL)
        fail_msg("\"%s\" is not said, but \"%s\"", why, problem.text);
    assert_memory_equal(key.bytes, (uint8_t[32]){0}, 32);
}

#define DIGITS "6161616161616161616161616161616162626262626262626262626262626a4F"
#define KEY    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbjO"
#define RANDOM "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbj\x7f" /* as far as one can see */

static void both_forms_are_read(void **state)
{
    (void)state;
    reads(RANDOM, 32, RANDOM);
    reads("\xffttttttttttttttttttttttttttttttt", 32, "\xffttttttttttttttttttttttttttttttt");
    reads(DIGITS, 64, KEY);
    reads(DIGITS "\n", 65, KEY);
}

static void other_sizes_and_digits_are_refused(void **state)
{
    static const char digits[] = DIGITS "\n\n" DIGITS;
    (void)state;

    for (size_t count = 0; count < sizeof digits; count++) {
        write_file(digits, count, 0600);
        if (count != 32 && count != 64 && count != 65)
            refused(path, STATUS_BAD_INPUT, "a key is 32 bytes, or 64 hexadecimal digits");
    }
    for (size_t at = 0; at < 65; at++) {
        char wrong[] = DIGITS "\n";
        wrong[at] = 'g';
        write_file(wrong, 65, 0600);
        refused(path, STATUS_BAD_INPUT, "a key is 32 bytes");
        if (at < 64) {
            write_file(wrong, 64, 0600);
            refused(path, STATUS_BAD_INPUT, "a key is 32 bytes");
        }
    }
}

/* Whoever has recorded one greeting and its proof can try words for as long as he likes. */
static void a_pass_phrase_is_no_key(void **state)
{
    static const char *const phrases[] = {KEY, "correct horse battery staple 32.",
                                          "correct horse battery staple 31\n",
                                          "61616161616161616161616161616161"};
    (void)state;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        write_file(phrases[i], 32, 0600);
        refused(path, STATUS_BAD_INPUT, "a text of 32 characters is no key, it can be guessed");
    }
}

/* What is no key may be a file that is dear to somebody: no advice names it as the one to write. */
static void no_advice_destroys_a_file(void **state)
{
    struct problem problem = {0};
    struct channel_key key;
    char written[96];
    (void)state;

    write_file("-----BEGIN OPENSSH PRIVATE KEY-----", 36, 0600);
    assert_int_equal(key_file_read(path, &key, &problem), STATUS_BAD_INPUT);
    snprintf(written, sizeof written, "> %s", path);
    assert_null(strstr(problem.text, written));
    assert_non_null(strstr(problem.text, "(umask 077; head -c 32 /dev/urandom > FILE)"));
}

static void nobody_else_may_read_it(void **state)
{
    (void)state;
    for (mode_t bit = 1; bit < 0100; bit <<= 1) {
        write_file(RANDOM, 32, 0600 | bit);
        refused(path, STATUS_NO_FILE, "others may read this key");
        refused(path, STATUS_NO_FILE, "chmod 600");
    }
    write_file(RANDOM, 32, 0400);
    struct channel_key key;
    assert_int_equal(key_file_read(path, &key, NULL), STATUS_OK);
}

static void it_is_a_file(void **state)
{
    char fifo[80];
    (void)state;

    refused("/dev/null", STATUS_NO_FILE, "a regular file");
    refused(folder, STATUS_NO_FILE, "a regular file");
    refused("/nonexistent/key", STATUS_NO_FILE, "head -c 32 /dev/urandom");
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    refused(fifo, STATUS_NO_FILE, "a regular file"); /* and nobody waits for who writes */
    unlink(fifo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(other_sizes_and_digits_are_refused),
        cmocka_unit_test(a_pass_phrase_is_no_key),
        cmocka_unit_test(no_advice_destroys_a_file),
        cmocka_unit_test(nobody_else_may_read_it),
        cmocka_unit_test(it_is_a_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
