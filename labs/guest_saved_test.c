/* ferry guest save, resume, info: as a user does it, each in a process of its own. */
#include "labs/as_user.h"

/* Runs the guest as it is, saved at an instant and resumed: console and status must be the same. */
static void assert_goes_on(const char *guest, const char *options, const char *instant)
{
    char line[1000];
    static char whole[TEXT_MAX];

    snprintf(line, sizeof line, "guest run %s %s", options, guest);
    int status = ferry(line);
    memcpy(whole, out, sizeof whole);
    /* The words behind the guest's name are its own: they come last. */
    size_t name = strcspn(guest, " ");
    snprintf(line, sizeof line,
             "$F guest save %s %.*s $D/machine %s%s && $F guest resume $D/machine", options,
             (int)name, guest, instant, guest + name);
    if (shell(line) != status || strcmp(whole, out) != 0)
        fail_msg("%s: it went on otherwise: \"%.200s\", \"%.300s\"", line, out, err);
    assert_non_null(strstr(err, "was saved after"));
}

static void test_the_output_goes_on_as_if_nothing_had_happened(void **state)
{
    static const struct {
        const char *guest, *options, *instants[6];
    } rows[] = {
        {"hello",
         "--memory 1MiB",
         {"--at-instruction 0", "--at-instruction 1", "--at-instruction 777", "--at 3us",
          "--at-instruction=1500"}},
        {"counter --to 40", "--memory 1MiB", {"--at 1ms", "--at 333ms", "--at 777777777ns"}},
        {"threads",
         "--memory 1MiB --harts 3",
         {"--at 200us", "--at-instruction 123457", "--at-instruction 200000"}},
        {"sort --count 3000",
         "--memory 2MiB --cpu-rate 7MIPS",
         {"--at-instruction 500", "--at-instruction 99999"}},
        {"life", "--memory 1MiB", {"--at 20ms"}},
        {"journal", "--memory 1MiB", {"--at 1ms", "--at 30ms"}}, /* and what is on its disk */
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < 6 && rows[i].instants[j] != NULL; j++)
            assert_goes_on(rows[i].guest, rows[i].options, rows[i].instants[j]);
}

/* Saved again and again on its way: a chain of processes is one life. */
static void test_a_status_is_the_guests_own(void **state)
{
    (void)state;
    assert_int_equal(shell("$F guest run hello --memory 1MiB >$D/whole && "
                           "$F guest save hello $D/m --memory 1MiB --at-instruction 9 >$D/parts && "
                           "$F guest resume $D/m >>$D/parts && cmp $D/whole $D/parts"),
                     0);
    assert_int_equal(ferry("guest save memwalk $D/m --memory 4MiB --at 1ms"), 0);
    assert_int_equal(ferry("guest info $D/m"), 0);
    assert_non_null(strstr(out, "1,024 pages"));
    assert_non_null(strstr(out, "execution state"));
    assert_non_null(strstr(out, "interaction state"));
    assert_non_null(strstr(out, "mailboxes"));
    assert_int_equal(ferry("guest save journal $D/m --memory 1MiB --at 30ms"), 0);
    assert_int_equal(ferry("guest info $D/m"), 0);
    assert_non_null(strstr(out, "disk requests"));
}

static void test_what_ends_before_leaves_no_file(void **state)
{
    (void)state;
    unsigned file_count = count_files();
    assert_int_equal(ferry("guest save hello $D/early --at 1s"), 1);
    assert_non_null(strstr(err, "nothing was saved: that was after"));
    assert_int_equal(ferry("guest save kv $D/early --at-instruction 5000000"), 1);
    assert_non_null(strstr(err, "nothing was saved"));
    assert_int_equal(count_files(), file_count);
    /* What stood there before stays. */
    assert_int_equal(shell("echo mine >$D/kept; $F guest save hello $D/kept --at 1s 2>$D/said;"
                           "rm $D/said; cat $D/kept"),
                     0);
    assert_non_null(strstr(out, "mine\n"));
}

static void test_files_that_are_not_whole_are_refused(void **state)
{
    char line[300];
    static const int permille[] = {0, 1, 3, 10, 100, 500, 900, 999};
    (void)state;

    assert_int_equal(ferry("guest save hello $D/m --memory 1MiB --at-instruction 900"), 0);
    for (size_t i = 0; i < sizeof permille / sizeof *permille; i++) {
        snprintf(line, sizeof line, "head -c $(($(stat -c %%s $D/m) * %d / 1000)) $D/m >$D/cut",
                 permille[i]);
        assert_int_equal(shell(line), 0);
        assert_refused("guest resume $D/cut", permille[i] == 0 ? "it is empty" : "cut off");
    }
    for (int i = 0; i < 1000; i += 111) {
        snprintf(line, sizeof line,
                 "cp $D/m $D/cut; printf '\\377\\001\\377' | dd of=$D/cut bs=1 conv=notrunc "
                 "status=none seek=$(($(stat -c %%s $D/m) * %d / 1000))",
                 i);
        assert_int_equal(shell(line), 0);
        assert_refused("guest resume $D/cut", "/cut: ");
    }
    assert_int_equal(shell("cp $D/m $D/cut; echo more >>$D/cut"), 0);
    assert_refused("guest resume $D/cut", "stands behind the saved machine's end");
    assert_refused("guest info $D/cut", "stands behind the saved machine's end");
}

static void test_other_files_and_lines_are_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"guest resume", "write ferry guest resume FILE"},
        {"guest resume $D/a $D/b", "write ferry guest resume FILE"},
        {"guest resume --at 1s $D/a", "unknown option --at"},
        {"guest resume $D/none", "No such file"},
        {"guest resume $D", "Is a directory"},
        {"guest resume $D/scenario.ini", "this is no saved machine"},
        {"guest resume " BUILD_DIR "/guests/hello", "this is no saved machine"},
        {"guest save", "no guest named"},
        {"guest save hello", "where to?"},
        {"guest save hello -", "standard output is the guest's console"},
        {"guest save hello --gdb 0 $D/m2", "unknown option --gdb"},
        {"guest save hello $D/m2 --at 1", "such as"},
        {"guest save hello $D/m2 --at 1s --at-instruction 5", "keep one of them"},
        {"guest save hello $D/m2 --at-instruction -5", "at-instruction"},
        {"guest save model:idle $D/m2", "a model has no program"},
        {"guest save nobody $D/m2", "unknown guest"},
        {"guest save hello $D/no/m2", "cannot be written"},
        {"guest save hello $D", "cannot be written"},
        {"guest save " BUILD_DIR "/guests/../guests/hello " BUILD_DIR "/guests/hello",
         "the guest's own program"},
    };
    (void)state;

    spill("scenario.ini", "[scenario]\nguest = kv\nmemory = 64MiB\nbandwidth = 1Gbit/s\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(rows[i].line, rows[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_output_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(test_a_status_is_the_guests_own),
        cmocka_unit_test(test_what_ends_before_leaves_no_file),
        cmocka_unit_test(test_files_that_are_not_whole_are_refused),
        cmocka_unit_test(test_other_files_and_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
