/* Guests of one's own, from a folder of one's own: five lines of Makefile; and guests that were
 * built elsewhere. As a user does it, with make. */
#include "labs/as_user.h"

#define MAKE "env -u MAKEFLAGS -u MAKELEVEL make -s "

static const char five_lines[] = "FERRY   = $(F)\n"
                                 "GUEST   = mine\n"
                                 "SOURCES = mine.c more.S\n"
                                 "include $(or $(shell $(FERRY) guest kit),$(error FERRY = "
                                 "$(FERRY): there is no ferry))/guest.mk\n";

static const char mine[] = "#include \"runtime.h\"\n"
                           "#include \"base/prng.h\"\n"
                           "uint64_t twice(uint64_t number);\n"
                           "int main(int argc, char **argv)\n"
                           "{\n"
                           "    print(\"mine: %lu, %d words\\n\", twice(21), argc);\n"
                           "    return argc > 1 ? 3 : 0;\n"
                           "}\n";

static const char more[] = "    .globl twice\n"
                           "twice:\n"
                           "    slli a0, a0, 1\n"
                           "    ret\n";

static int has(const char *program)
{
    char line[64];
    snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", program);
    return system(line) == 0;
}

static void write_mine(void)
{
    spill("Makefile", five_lines);
    spill("mine.c", mine);
    spill("more.S", more);
}

/* $F is relative where BUILD is: make runs in another folder. */
#define IN_FOLDER "F=$(realpath $F); cd $D && " MAKE "F=$F "

static void five_lines_of_makefile_make_a_guest(void **state)
{
    (void)state;
    if (!has("make") || !has("clang") || !has("ld.lld"))
        skip();
    write_mine();
    if (shell(IN_FOLDER "run") != 0)
        fail_msg("%s", err);
    assert_non_null(strstr(out, "mine: 42, 1 words\n"));
    assert_int_not_equal(shell(IN_FOLDER "run ARGS='a b'"), 0); /* its own status, told by make */
    assert_non_null(strstr(out, "mine: 42, 3 words\n"));
    assert_int_equal(shell(IN_FOLDER "move"), 0);
    assert_non_null(strstr(out, "transparent"));

    /* It is made again when something has changed, and not otherwise. */
    assert_int_equal(shell(IN_FOLDER "-q"), 0);
    spill("mine.c",
          "#include \"runtime.h\"\nint main(void) { print(\"changed\\n\"); return 0; }\n");
    if (shell("touch -d '1 minute' $D/mine.c; " IN_FOLDER "run") != 0)
        fail_msg("%s", err);
    assert_non_null(strstr(out, "changed\n"));

    spill("mine.c", "int main(void) { return nothing; }\n");
    assert_int_not_equal(shell("touch -d '2 minutes' $D/mine.c; " IN_FOLDER "run"), 0);
    assert_non_null(strstr(err, "mine.c:1:25: error"));
    assert_int_equal(shell(IN_FOLDER "clean; ls $D/*.elf 2>/dev/null | wc -l"), 0);
    assert_string_equal(out, "0\n");
}

static void an_image_does_not_depend_on_where_it_was_built(void **state)
{
    (void)state;
    if (!has("make") || !has("clang") || !has("ld.lld"))
        skip();
    write_mine();
    assert_int_equal(
        shell("mkdir -p $D/far/bin \"$D/it's far\"; cp $F $D/far/bin/ferry; cp -r " BUILD_DIR
              "/kit $D/far; cp $D/M* $D/m* \"$D/it's far\""),
        0);
    if (shell(IN_FOLDER "all && cp mine.elf a.elf && cd \"$D/it's far\" && " MAKE
                        "F=$D/far/bin/ferry && cmp mine.elf $D/a.elf && ls") != 0)
        fail_msg("%s%s", out, err);
    assert_string_equal(out, "Makefile\nmine.c\nmine.elf\nmore.S\n");
    assert_int_not_equal(shell("cp -r $D/far \"$D/so far\"; \"$D/so far/bin/ferry\" guest kit"), 0);
    assert_non_null(strstr(err, "put ferry where no path has spaces"));
    assert_int_not_equal(shell(IN_FOLDER "F=/no/such/ferry"), 0);
    assert_non_null(strstr(err, "FERRY = /no/such/ferry: there is no ferry"));
}

static void options_and_hints(void **state)
{
    (void)state;
    if (!has("make") || !has("clang") || !has("ld.lld"))
        skip();
    write_mine();
    spill("mine.c", "#include \"serve.h\"\n"
                    "int main(void) { print(\"%lu\\n\", memory_bytes()); return 0; }\n");
    assert_int_equal(shell(IN_FOLDER "run OPTIONS='--memory 2MiB'"), 0);
    assert_string_equal(out, "2097152\n");
    assert_int_equal(shell(IN_FOLDER "move OPTIONS='--mode post-copy --harts 2'"), 0);
    assert_non_null(strstr(out, "mine.elf, post-copy"));
    spill("mine.c", "int main(int argc, char **argv) { (void)argv; return (int)(argc * 1.5); }\n");
    assert_int_not_equal(shell("touch -d '1 minute' $D/mine.c; " IN_FOLDER), 0);
    assert_non_null(strstr(err, "guest.mk: a machine of ferry has no floating point"));
}

/* ---- What the runtime does for a program of one's own ---- */

static const char stacks[] =
    "#include \"harts.h\"\n"
    "__attribute__((noinline)) static int deep(int n)\n"
    "{\n"
    "    volatile char all[40];\n"
    "    all[n & 31] = 1;\n"
    "    return n == 0 ? 0 : deep(n - 1) + all[3];\n"
    "}\n"
    "static void dive(void *depth) { deep(*(int *)depth); }\n"
    "int main(int argc, char **argv)\n"
    "{\n"
    "    int depth = 0, is_here = argc > 2;\n"
    "    for (char *at = argv[1]; *at != 0; at++)\n"
    "        depth = depth * 10 + *at - '0';\n"
    "    print(\"%li %li %li\\n\", hart_start(8, dive, 0), hart_start(0, dive, 0),\n"
    "          is_here ? 0 : hart_start(1, dive, &depth));\n"
    "    if (is_here)\n"
    "        return deep(depth) & 0;\n"
    "    sleep_until(50000000);\n"
    "    return 0;\n"
    "}\n";

static void a_stack_that_overflows_is_noticed(void **state)
{
    (void)state;
    if (!has("make") || !has("clang") || !has("ld.lld"))
        skip();
    write_mine();
    spill("mine.c", stacks);
    assert_int_equal(shell(IN_FOLDER "all"), 0);
    assert_int_equal(ferry("guest run --harts 2 $D/mine.elf 300 here"), 0);
    assert_string_equal(out, "-3 -6 0\n");
    assert_int_equal(ferry("guest run $D/mine.elf 5000 here"), 1);
    assert_non_null(strstr(err, "store outside memory: address 0x000000007fff"));
    assert_non_null(strstr(err, "  from  0x8000"));
    assert_non_null(strstr(err, " deep+0x"));
    assert_non_null(strstr(err, "the stack is probably used up"));
    assert_int_equal(ferry("guest run --harts 2 $D/mine.elf 50"), 0);
    assert_string_equal(out, "-3 -6 0\n");
    assert_int_equal(ferry("guest run --harts 2 $D/mine.elf 170"), 1);
    assert_string_equal(out, "-3 -6 0\nhart 1 has used more than the 7680 bytes of its stack\n");

    /* More is had by asking for it. */
    assert_int_equal(shell(IN_FOLDER "clean all GUEST_CFLAGS=-Wl,--defsym=__stack_bytes=0x100000"),
                     0);
    assert_int_equal(ferry("guest run $D/mine.elf 5000 here"), 0);
}

static const char formats[] =
    "#include \"runtime.h\"\n"
    "int main(void)\n"
    "{\n"
    "    print(\"%p|%i|%-5d|%5d|%05d|%-5u|%05u|%lx|%zu|%X|\", (void *)0x1234, -7, -42, -42, -42, "
    "3,\n"
    "          3, 1ul << 40, sizeof(int), 0xabc);\n"
    "    print(\"%-4s|%4s|%-2c|%c|%%|%5.2f|%#x|%u\\n\", \"ab\", \"cd\", 'x', 'y', 1.5, 3, 4);\n"
    "    return 0;\n"
    "}\n";

static void print_writes_what_is_asked_for(void **state)
{
    (void)state;
    if (!has("make") || !has("clang") || !has("ld.lld"))
        skip();
    write_mine();
    spill("mine.c", formats);
    if (shell(IN_FOLDER "run") != 0)
        fail_msg("%s", err);
    assert_string_equal(out, "0x1234|-7|-42  |  -42|-0042|3    |00003|10000000000|4|ABC|"
                             "ab  |  cd|x |y|%|%5.2f|%#x|4\n");
}

/* What ferry says of a guest begins at the beginning of a line. */
static void a_report_begins_a_line(void **state)
{
    static const char *const rows[][2] = {{"half", "half\nferry guest: "},
                                          {"whole\\n", "whole\nferry guest: "}};
    char program[160];
    (void)state;
    if (!has("make") || !has("clang") || !has("ld.lld"))
        skip();
    write_mine();
    for (size_t i = 0; i < 2; i++) {
        snprintf(program, sizeof program,
                 "#include \"runtime.h\"\n"
                 "int main(void) { print(\"%s\"); return *(volatile int *)16; }\n",
                 rows[i][0]);
        spill("mine.c", program);
        assert_int_equal(shell(IN_FOLDER "clean all"), 0);
        assert_int_equal(ferry("guest run $D/mine.elf 2>&1"), 1);
        assert_int_equal(strncmp(out, rows[i][1], strlen(rows[i][1])), 0);
    }
}

static void a_missing_toolchain_is_named(void **state)
{
    static const char *const rows[][2] = {
        {"CLANG=no-such-clang", "no-such-clang is not there: guests are built by clang and lld"},
        {"GUEST_LINKER=no-such-lld", "no-such-lld is not there: guests are built by clang and lld"},
    };
    char line[128];
    (void)state;
    if (!has("make") || !has("clang"))
        skip();
    write_mine();
    for (size_t i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "rm -f $D/mine.elf; " IN_FOLDER "%s", rows[i][0]);
        assert_int_not_equal(shell(line), 0);
        assert_non_null(strstr(err, rows[i][1]));
        assert_non_null(strstr(err, "apt-get install -y --no-install-recommends clang lld"));
    }
}

/* make, from here, with a folder of its own to build in. */
#define ELSEWHERE MAKE "CLANG=no-such-clang BUILD=$D/elsewhere "

static void guests_that_were_built_elsewhere_are_used(void **state)
{
    (void)state;
    if (!has("make") || !has("clang") || !has("ld.lld"))
        skip();
    if (shell(MAKE "BUILD=" BUILD_DIR " GUESTS_TAR=$D/a.tar guests.tar && " MAKE "BUILD=" BUILD_DIR
                   " GUESTS_TAR=$D/b.tar guests.tar && cmp $D/a.tar $D/b.tar") != 0)
        fail_msg("%s", err);
    assert_int_equal(shell("tar tvf $D/a.tar | grep -c '0/0 .* 1970-01-01'"), 0);
    assert_true(strtoul(out, NULL, 10) >= 13);
    if (shell(ELSEWHERE "GUESTS_TAR=$D/a.tar $D/elsewhere/guests/kv") != 0)
        fail_msg("%s", err);
    assert_non_null(strstr(err, "without no-such-clang and ld.lld the guests are those of "));
    assert_int_equal(shell("diff -r " BUILD_DIR "/guests $D/elsewhere/guests"), 0);

    assert_int_equal(shell("rm -r $D/elsewhere; tar cf $D/c.tar README.md; " ELSEWHERE
                           "GUESTS_TAR=$D/c.tar $D/elsewhere/guests/kv"),
                     2);
    assert_non_null(strstr(err, "c.tar does not hold the guests of this ferry: pack it again"));
    assert_int_equal(shell(ELSEWHERE "GUESTS_TAR=$D/none.tar no-guests"), 0);
    assert_non_null(strstr(err, "no guests are built: that needs no-such-clang and ld.lld"));
    assert_int_equal(shell(ELSEWHERE "GUESTS_TAR=$D/none.tar guests.tar"), 2);
    assert_non_null(strstr(err, "guests.tar is packed where clang and lld are"));
}

/* ---- Which image it was ---- */

static void a_recording_names_the_image_of_its_guest(void **state)
{
    char digest[17], line[256];
    (void)state;
    assert_int_equal(shell("$F guest info counter | sed -n 's/^digest *//p'"), 0);
    snprintf(digest, sizeof digest, "%.16s", out);
    assert_int_equal(ferry("run --guest counter --record $D/a.ferry"), 0);
    snprintf(line, sizeof line, "image %s\n", digest);
    assert_non_null(strstr(out, line));
    snprintf(line, sizeof line, "grep -ac 'image = %s' $D/a.ferry", digest);
    assert_int_equal(shell(line), 0);

    snprintf(line, sizeof line, "run --guest counter --image %s --quiet", digest);
    assert_int_equal(ferry(line), 0);
    assert_refused("run --guest counter --image 0123456789abcdef", "is another one here");
    assert_refused("run --guest counter --image 0x12", "is no digest");
    assert_refused("run --guest model:idle --image 0123456789abcdef", "has no program");

    /* Played where the guest is another one: a ferry of one's own, with sort for a counter. */
    assert_int_equal(
        shell("mkdir -p $D/f/bin $D/f/guests; cp $F $D/f/bin/ferry; cp " BUILD_DIR
              "/guests/sort $D/f/guests/counter; $D/f/bin/ferry tui --plain $D/a.ferry"),
        0);
    assert_non_null(strstr(err, "a.ferry was made with another counter than is here"));
    assert_int_equal(ferry("tui --plain $D/a.ferry"), 0);
    assert_string_equal(err, "");
}

/* ---- The list ---- */

static void the_list_is_measured_and_fits_the_screen(void **state)
{
    static const char *const names[] = {"chat",    "counter", "database", "game",    "hello",
                                        "journal", "kv",      "life",     "memwalk", "metronome",
                                        "sort",    "storm",   "threads",  "web",     "model:zipf"};
    char line[32];
    (void)state;
    assert_int_equal(ferry("guest list"), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(line, sizeof line, "\n%s ", names[i]);
        char *row = strstr(out, line);
        assert_non_null(row);
        assert_non_null(strstr(row, "/s "));                             /* a rate, */
        assert_true(strncmp(strchr(row + 1, '\n') + 1, "    ", 4) == 0); /* and what it is for */
    }
    for (char *at = out, *line_end; (line_end = strchr(at, '\n')) != NULL; at = line_end + 1)
        assert_in_range(line_end - at, 0, 80);
    /* memwalk's writes are known: 5000 a second, to 64 MiB less what it is itself. Of 500 writes
     * within 100 ms, 492 are to different pages. */
    char *memwalk = strstr(out, "\nmemwalk ");
    unsigned dirties = 0, thousands = 0;
    assert_int_equal(sscanf(strstr(memwalk, " MiB ") + 5, "%u,%u/s", &thousands, &dirties), 2);
    assert_in_range(thousands * 1000 + dirties, 4880, 4960);
    assert_non_null(strstr(out, "the demo, lab 0, lab 3,\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(five_lines_of_makefile_make_a_guest, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(an_image_does_not_depend_on_where_it_was_built, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(options_and_hints, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_stack_that_overflows_is_noticed, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(print_writes_what_is_asked_for, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_report_begins_a_line, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_missing_toolchain_is_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(guests_that_were_built_elsewhere_are_used, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_recording_names_the_image_of_its_guest, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(the_list_is_measured_and_fits_the_screen, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
