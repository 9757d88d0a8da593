/* The front door as people and scripts meet it: the program itself, run with good and bad lines. */
#include "labs/as_user.h"

#include <elf.h>
#include <sys/stat.h>

#include <jansson.h>

/* A program of somebody's own that needs 2 MiB and ends with status 7. */
static void spill_own_guest(void)
{
    static const uint32_t code[] = {
        0x00700513, /* addi a0, zero, 7 */
        0x05d00893, /* addi a7, zero, 93 */
        0x00000073, /* ecall */
    };
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_RISCV,
        .e_version = EV_CURRENT,
        .e_entry = 0x80000000,
        .e_phoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_W | PF_X,
        .p_offset = sizeof header + sizeof segment,
        .p_vaddr = 0x80000000,
        .p_paddr = 0x80000000,
        .p_filesz = sizeof code,
        .p_memsz = 2 << 20,
        .p_align = 4,
    };
    char path[128];
    snprintf(path, sizeof path, "%s/own.elf", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(&header, sizeof header, 1, file);
    fwrite(&segment, sizeof segment, 1, file);
    fwrite(code, sizeof code, 1, file);
    fclose(file);
}

/* The same program, and its last instruction is missing. */
static void spill_truncated_guest(void)
{
    char own[128], truncated[128];
    struct stat stat_of;
    spill_own_guest();
    snprintf(own, sizeof own, "%s/own.elf", folder);
    snprintf(truncated, sizeof truncated, "%s/truncated.elf", folder);
    assert_int_equal(rename(own, truncated), 0);
    assert_int_equal(stat(truncated, &stat_of), 0);
    assert_int_equal(truncate(truncated, stat_of.st_size - 4), 0);
    spill_own_guest();
}

static void bad_lines_are_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"", "ferry help"},
        {"rum", "the nearest is \"run\""},
        {"frob", "unknown command \"frob\": ferry help lists all"},
        {"help rum", "the nearest is \"run\""},
        {"run --bandwith 1Gbit/s", "--bandwidth"},
        {"run --teleport yes", "unknown option --teleport"},
        {"run --memory 64", "write a size such as 64MiB"},
        {"run --memory 2000000B", "whole number of pages"},
        {"run --mode precopy", "stop-and-copy|pre-copy|continuous|post-copy|hybrid|auto"},
        {"run --dirty-rate 5pages/s", "--dirty-rate cannot be used here"},
        {"run --seed 1 --seed 2", "--seed was given already"},
        {"demo --seed 1 --seed 2", "--seed was given already"},
        {"guest run --memory 8MiB hello --memory 9MiB", "--memory was given already"},
        {"tui $D/cut.elf", "cut.elf: this is a program, neither a recording nor a scenario: "
                           "write --guest /"},
        {"tui $D/a.json", "a.json: this is neither a recording nor a scenario"},
        {"run $D/a.json", "a.json: this is no scenario: a scenario has lines of key = value"},
        {"run $D/binary.ini", "binary.ini:2: seed: \"\\xff\\x01\" is not a whole number"},
        {"run $D/binary_guest.ini", "binary_guest.ini:1: guest: unknown guest \"k\\xffv\""},
        {"guest info $D/cut.elf", "cut.elf"},
        {"guest info $D/truncated.elf", "truncated.elf"},
        {"run --guest $D/truncated.elf", "truncated.elf"},
        {"run --guest nobody",
         "one of chat, counter, database, game, hello, journal, kv, life, memwalk, metronome,"},
        {"run --guest ./nobody.elf", "./nobody.elf: No such file"},
        {"run --guest $D", "is no file"},
        {"run --guest Makefile.elf", "No such file"},
        {"run --guest ./Makefile", "Makefile"},
        {"run --guest $D/empty.elf", "empty"},
        {"run --guest $D/cut.elf", "cut.elf"},
        {"run --guest $D/own.elf --memory 1MiB", "2MiB"},
        {"guest run --memory 1MiB $D/own.elf", "2MiB"},
        {"run $D/wrong.ini", "wrong.ini:3: unknown option \"latancy\""},
        {"run $D/doubled.ini", "doubled.ini:2: \"seed\" was given already in line 1"},
        {"run $D/long.ini", "long.ini:1: the line is too long"},
        {"run $D/mode.ini", "mode.ini:2: max-rounds cannot be used here"},
        {"run $D/nothing.ini", "nothing.ini: No such file"},
        {"run --json $D/no/where.json --record $D/x", "where.json cannot be written"},
        {"run --record $D --json $D/x", "cannot be written"},
        {"run --json -- x", "--json needs a file"},
        {"run $D/wrong.ini --record $D/./wrong.ini", "wrong.ini:3"},
        {"run $D/own.ini --record $D/../$(basename $D)/own.ini", "--record names what is read"},
        {"run --json $D/x --record $D/./x", "--json and --record name the same file"},
        {"compare --mode hybrid", "leave it out"},
        {"compare --record $D/x", "unknown option --record"},
        {"forecast --clients 99", "at most 60"},
        {"demo --quiet", "unknown option --quiet"},
        {"tui $D/cut.ferry", "cut.ferry"},
        {"run $D/cut.ferry", "this is a recording"},
        {"tui $D/cut.ferry --seed 3", "a recording is what it is"},
        {"guest", "list, info, disassemble, run, save, resume or kit"},
        {"guest lst", "the nearest is \"list\""},
        {"guest info", "write ferry guest info GUEST"},
        {"guest info nobody", "unknown guest"},
        {"guest info model:idle", "a model has no program"},
        {"guest disassemble hello nowhere", "no function of this guest"},
        {"guest disassemble hello 0x10", "there is no instruction at"},
        {"guest run", "no guest named"},
        {"guest run --speed 3 hello", "unknown option --speed"},
        {"guest run --memory 1 hello", "such as 64MiB"},
    };
    (void)state;
    spill_own_guest();
    spill("empty.elf", "");
    spill("own.ini", "seed = 1\n");
    spill("cut.elf", "\177ELF\2\1\1");
    spill("a.json", "{\n}\n");
    spill("binary.ini", "mode = hybrid\nseed = \xff\1\n");
    spill("binary_guest.ini", "guest = k\xffv\n");
    spill_truncated_guest();
    spill("wrong.ini", "seed = 1\n\nlatancy = 1ms\n");
    spill("doubled.ini", "seed = 1\nseed = 2\n");
    spill("mode.ini", "mode = post-copy\nmax-rounds = 3\n");
    spill("cut.ferry", "ferryrec\1");
    memset(out, 'x', 300);
    strcpy(out + 300, " = 1\n");
    spill("long.ini", out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].line, rows[i].words);
}

static json_t *object_of_stdout(void)
{
    json_error_t error;
    json_t *object = json_loads(out, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("no JSON: %s: %.200s", error.text, out);
    return object;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static void run_says_the_same_twice(void **state)
{
    char digest[32];
    (void)state;
    assert_int_equal(ferry("run --seed 5 --json -"), 0);
    json_t *object = object_of_stdout();
    assert_string_equal(text_of(object, "schema"), "ferry.run/1");
    assert_string_equal(text_of(object, "outcome"), "completed");
    snprintf(digest, sizeof digest, "%s", text_of(object, "recording_digest"));
    json_decref(object);
    assert_string_equal(err, "");

    assert_int_equal(ferry("run --seed 5 --json - --plain"), 0);
    object = object_of_stdout();
    assert_string_equal(text_of(object, "recording_digest"), digest);
    json_decref(object);

    assert_int_equal(ferry("run --seed 6 --json -"), 0);
    object = object_of_stdout();
    assert_string_not_equal(text_of(object, "recording_digest"), digest);
    json_decref(object);
}

static void files_are_written_whole(void **state)
{
    char written[TEXT_MAX];
    (void)state;
    assert_int_equal(ferry("run --guest hello --json $D/a.json --record $D/a.ferry --quiet"), 0);
    assert_string_equal(out, "");
    assert_string_equal(err, "");
    slurp("a.json", written);
    assert_non_null(strstr(written, "\"guest\": \"hello\""));
    /* The recording plays as the world did. */
    assert_int_equal(ferry("tui $D/a.ferry --plain"), 0);
    assert_non_null(strstr(out, "complete"));
    slurp("a.ferry", written);
    assert_memory_equal(written, "ferryrec", 8);
}

static void a_scenario_file_is_the_same_as_options(void **state)
{
    char digest[32];
    (void)state;
    assert_int_equal(ferry("run --guest memwalk --mode hybrid --memory 8MiB --json -"), 0);
    json_t *object = object_of_stdout();
    snprintf(digest, sizeof digest, "%s", text_of(object, "recording_digest"));
    json_decref(object);
    spill("same.ini", "[scenario]\nguest = memwalk\nmode = hybrid ; and more\nmemory = 8MiB\n");
    assert_int_equal(ferry("run $D/same.ini --json -"), 0);
    object = object_of_stdout();
    assert_string_equal(text_of(object, "recording_digest"), digest);
    json_decref(object);
}

static void what_fails_ends_with_status_1(void **state)
{
    (void)state;
    /* The rounds cannot win: the guest writes faster than the link carries. */
    assert_int_equal(ferry("run --guest model:uniform --dirty-rate 90kpages/s --max-rounds 3 "
                           "--on-limit abort --downtime-limit 1us"),
                     1);
    assert_non_null(strstr(out, "aborted; the downtime limit was out of reach by pre-copy\n"));
    assert_int_equal(ferry("run --guest model:uniform --dirty-rate 90kpages/s --max-rounds 3 "
                           "--downtime-limit 1us"),
                     0);
    assert_non_null(strstr(out, "downtime limit exceeded"));
    assert_int_equal(ferry("run --guest model:uniform --dirty-rate 90kpages/s --max-rounds 3 "
                           "--on-limit post-copy --downtime-limit 1us"),
                     0);
    assert_non_null(strstr(out, "completed; the downtime limit was out of reach by pre-copy\n"));
    assert_int_equal(ferry("run --guest model:uniform --dirty-rate 90kpages/s --max-rounds 3 "
                           "--total-time-limit 100ms"),
                     0);
    assert_non_null(strstr(out, "the total-time limit was exceeded as well\n"));
    assert_non_null(strstr(out, ", limit 100.0 ms\n  downtime "));
    assert_int_equal(ferry("run --quiet --json /dev/full"), 2);
    assert_non_null(strstr(err, "cannot be written"));
}

/* A move of what is dead goes well; the run did not. */
static void a_guest_that_fails_is_told(void **state)
{
    (void)state;
    assert_int_equal(ferry("run -- --preload 500MiB"), 1);
    assert_non_null(strstr(out, "pre-copy, seed 1: completed\n"));
    assert_non_null(strstr(out, "; no client ever got an"));
    assert_non_null(strstr(out, "the guest ended with status 2 at "));
    assert_non_null(strstr(out, " us, before the move began: kv:"));
    assert_non_null(strstr(out, "latency - (median), - (p99), - (longest)"));
    assert_non_null(strstr(out, "longest silence -\n"));
    assert_int_equal(ferry("run --json - -- --preload 500MiB"), 1);
    json_t *object = object_of_stdout();
    assert_string_equal(text_of(object, "outcome"), "completed");
    assert_non_null(strstr(text_of(object, "reason"), "no client ever got an answer"));
    json_decref(object);
    assert_int_equal(ferry("compare -- --preload 500MiB"), 1);
    assert_non_null(strstr(out, "\nhybrid: "));
    assert_non_null(strstr(out, "no client ever"));
    /* Nobody was to talk to this one: it is told, and the move is all there was to judge. */
    assert_int_equal(ferry("run --guest sort -- --count x"), 0);
    assert_non_null(strstr(out, "the guest ended with status 2 at "));
}

/* Its first instruction is none. */
static void a_guest_that_faults_is_told(void **state)
{
    char path[128];
    (void)state;
    spill_own_guest();
    snprintf(path, sizeof path, "%s/own.elf", folder);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), SEEK_SET);
    fwrite("\0\0\0\0", 1, 4, file);
    fclose(file);
    assert_int_equal(ferry("run --guest $D/own.elf --memory 4MiB"), 1);
    assert_non_null(strstr(out, "pre-copy, seed 1: completed\n"));
    assert_non_null(strstr(out, "the guest cannot go on: illegal instruction, at"));
    assert_int_equal(ferry("demo --json - -- --preload 500MiB"), 1);
}

static void clients_that_came_late_are_told(void **state)
{
    (void)state;
    assert_int_equal(ferry("run --mode stop-and-copy -- --preload 48MiB"), 0);
    assert_non_null(strstr(out, "they began only after the guest had moved: try --start-at 1s\n"));
    assert_int_equal(ferry("compare -- --preload 48MiB"), 0);
    assert_non_null(strstr(out, "clients: in stop-and-copy, post-copy they began only after"));
    assert_int_equal(ferry("run --mode stop-and-copy --start-at 3s -- --preload 48MiB"), 0);
    assert_null(strstr(out, "only after the guest had moved"));
}

/* Whatever was asked for: what did not arrive is told in one line, and is no success. */
static void what_cannot_be_written_is_told(void **state)
{
    static const char *const lines[] = {
        "run --guest hello --quiet --record /dev/full",
        "run --guest hello --quiet --json /dev/full",
        "run --guest hello --json - 1>/dev/full",
        "run --guest hello 1>/dev/full",
        "run --guest hello 1>&-",
        "run --guest hello --json - 1>&-",
        "compare --guest hello 1>/dev/full",
        "compare --guest hello --json - 1>/dev/full",
        "forecast 1>/dev/full",
        "forecast --json - 1>&-",
        "demo --plain 1>/dev/full",
        "demo --json - 1>/dev/full",
        "tui --guest hello 1>/dev/full",
        "guest list 1>/dev/full",
        "guest info hello 1>&-",
        "guest disassemble kv 1>/dev/full",
        "guest run counter 1>/dev/full",
        "help 1>/dev/full",
        "help run 1>&-",
        "--version 1>/dev/full",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        int status = ferry(lines[i]);
        char *line_end = strchr(err, '\n');
        if (status != 2 || strstr(err, "cannot be written") == NULL || line_end == NULL ||
            line_end[1] != '\0')
            fail_msg("ferry %s: status %d, stderr \"%s\"", lines[i], status, err);
    }
}

/* A recording that is not as it was written tells nothing. */
static void what_is_damaged_is_refused(void **state)
{
    char path[128];
    (void)state;
    assert_int_equal(ferry("run --guest hello --quiet --record $D/a.ferry"), 0);
    assert_int_equal(ferry("tui --plain $D/a.ferry"), 0);
    snprintf(path, sizeof path, "%s/a.ferry", folder);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, -20, SEEK_END);
    int byte = fgetc(file);
    fseek(file, -20, SEEK_END);
    fputc(byte ^ 1, file);
    fclose(file);
    assert_int_equal(ferry("tui --plain $D/a.ferry"), 2);
    assert_string_equal(out, "");
    assert_non_null(strstr(err, "a.ferry: the recording is damaged: its digest does not fit"));
    assert_int_equal(truncate(path, 900), 0);
    assert_int_equal(ferry("tui --plain $D/a.ferry"), 2);
    assert_string_equal(out, "");
    assert_non_null(strstr(err, "a.ferry: the recording is cut off at byte 900: it has no end"));
    unlink(path);
}

static void compare_has_every_mode(void **state)
{
    static const char *const modes[] = {"stop-and-copy", "pre-copy", "continuous", "post-copy",
                                        "hybrid"};
    (void)state;
    assert_int_equal(ferry("compare --guest kv --clients 4 --max-rounds 9"), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_non_null(strstr(out, modes[i]));
    assert_non_null(strstr(out, "one_runner, same_memory, streams, one_instant held in all modes"));
    char *rest = out, *line;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (strlen(line) > 80)
            fail_msg("wider than 80 columns: %s", line);

    assert_int_equal(ferry("compare --guest kv --clients 4 --json -"), 0);
    json_t *object = object_of_stdout();
    json_t *runs = json_object_get(object, "runs");
    assert_string_equal(text_of(object, "schema"), "ferry.compare/1");
    assert_int_equal(json_array_size(runs), 5);
    for (unsigned i = 0; i < 5; i++) {
        json_t *run = json_array_get(runs, i);
        assert_string_equal(text_of(run, "mode"), modes[i]);
        json_t *clients = json_object_get(run, "clients");
        assert_int_equal(json_integer_value(json_object_get(clients, "errors")), 0);
        assert_true(json_integer_value(json_object_get(clients, "requests")) > 1000);
    }
    json_decref(object);
}

static void forecast_is_theory(void **state)
{
    (void)state;
    /* C3: 64 MiB and their framing over 1 Gbit/s. */
    assert_int_equal(ferry("forecast --guest model:uniform --json -"), 0);
    json_t *object = object_of_stdout();
    json_t *stop = json_object_get(json_object_get(object, "modes"), "stop-and-copy");
    json_int_t downtime_ns = json_integer_value(json_object_get(stop, "downtime_ns"));
    assert_string_equal(text_of(object, "schema"), "ferry.forecast/1");
    assert_true(downtime_ns > 536000000 && downtime_ns < 545000000);
    json_decref(object);
}

static void guests_run_where_they_are(void **state)
{
    (void)state;
    assert_int_equal(ferry("guest list"), 0);
    assert_non_null(strstr(out, "kv "));
    assert_int_equal(ferry("guest run hello"), 0);
    assert_non_null(strstr(out, "Hello"));
    assert_int_equal(ferry("guest run --memory 8MiB hello"), 0);
    assert_non_null(strstr(out, "8192 KiB"));
    assert_int_equal(ferry("guest run hello --memory=8MiB"), 0);
    assert_non_null(strstr(out, "8192 KiB"));
    assert_int_equal(ferry("guest run kv"), 1);
    assert_non_null(strstr(err, "waits for somebody"));
    assert_int_equal(ferry("guest info kv"), 0);
    assert_non_null(strstr(out, "0x80008000")); /* behind the stack */
    assert_int_equal(ferry("guest disassemble hello main"), 0);
    assert_int_equal(strncmp(out, "main:\n", 6), 0);
    assert_non_null(strstr(out, "addi sp, sp, -"));
    assert_non_null(strstr(out, " read_options\n")); /* where a call leads */
    assert_int_equal(ferry("guest disassemble hello 80008000"), 0);
    assert_int_equal(strncmp(out, "_start:\n  80008000  ", 20), 0);
    assert_int_equal(ferry("guest run --help"), 0);
    assert_non_null(strstr(out, "usage: ferry guest list"));
}

static void programs_without_sections_or_guests_at_all(void **state)
{
    (void)state;
    spill_own_guest();
    assert_int_equal(ferry("guest info $D/own.elf"), 0);
    assert_non_null(strstr(out, "at most: the file has no sections"));
    assert_non_null(strstr(out, "symbols       none\n"));
    assert_refused("guest disassemble $D/own.elf main", "the file has no symbols");
    assert_int_equal(ferry("guest disassemble $D/own.elf 80000000"), 0);
    assert_non_null(strstr(out, "  80000000  "));

    assert_int_equal(shell("mkdir -p $D/f/bin; cp $F $D/f/bin; $D/f/bin/ferry guest list"), 0);
    assert_non_null(strstr(out, "no programs are beside this ferry"));
    assert_int_not_equal(shell("$D/f/bin/ferry guest run hello"), 0);
    assert_non_null(strstr(err, "make builds them, with clang and lld or from a guests.tar"));
}

static void anybody_s_program_is_a_guest(void **state)
{
    (void)state;
    spill_own_guest();
    assert_int_equal(ferry("guest run $D/own.elf"), 7);
    assert_int_equal(ferry("run --guest $D/own.elf --memory 4MiB --mode post-copy --verify"), 0);
    assert_non_null(strstr(out, "the guest ended with status 7 at 30 ns, before"));
    assert_non_null(strstr(out, "transparent"));
}

static void the_demonstration_tells_itself_in_lines(void **state)
{
    (void)state;
    assert_int_equal(ferry("demo"), 0);
    assert_non_null(strstr(out, "round 4"));
    assert_non_null(strstr(out, "downtime"));
    assert_non_null(strstr(out, " 0 wrong"));
    assert_int_equal(ferry("demo --guest counter --mode post-copy --plain"), 0);
    assert_int_equal(ferry("demo --json -"), 0);
    json_t *object = object_of_stdout();
    assert_int_equal(json_integer_value(json_object_get(object, "seed")), 1);
    json_decref(object);
}

/* A bug ends with the line that makes it happen again. */
static void an_abort_names_its_scenario(void **state)
{
    char line[512];
    int status;
    (void)state;
    /* The shell becomes ferry, so that its number is known; an hour of world time is time enough.
     */
    snprintf(line, sizeof line,
             "(exec " BUILD_DIR "/bin/ferry run --seed 77 --run-for 3600s -- --preload 1MiB "
             ">/dev/null 2>%s/err) & sleep 1; kill -ABRT $!; wait $!; exit $?",
             folder);
    status = system(line);
    slurp("err", err);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + 6);
    assert_non_null(strstr(err, "ferry run --run-for 3600s --seed 77 -- --preload 1MiB"));
}

static void help_is_help(void **state)
{
    static const char *const commands[] = {"demo",  "run",   "compare", "forecast", "tui",
                                           "grade", "guest", "live",    "migrate",  "status",
                                           "link",  "host",  "gateway"};
    char line[64];
    (void)state;
    assert_int_equal(ferry("help"), 0);
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_int_equal(ferry("help"), 0);
        assert_non_null(strstr(out, commands[i]));
        snprintf(line, sizeof line, "help %s", commands[i]);
        assert_int_equal(ferry(line), 0);
        snprintf(line, sizeof line, "%s --help", commands[i]);
        assert_int_equal(ferry(line), 0);
        assert_non_null(strstr(out, "usage: ferry "));
        char *rest = out, *printed;
        while ((printed = strsep(&rest, "\n")) != NULL)
            if (strlen(printed) > 80)
                fail_msg("too wide: %s", printed);
    }
    assert_int_equal(ferry("help run"), 0);
    assert_non_null(strstr(out, "--downtime-limit 30ms"));
    assert_non_null(strstr(out, "that talk to it (kv"));
    assert_int_equal(ferry("help demo"), 0);
    assert_non_null(strstr(out, "--bandwidth 200Mbit/s "));
    assert_non_null(strstr(out, "--args --preload 48MiB "));
    assert_non_null(strstr(out, "--start-at 3s "));
    assert_int_equal(ferry("help guest"), 0);
    assert_null(strstr(out, "options:"));
    assert_int_equal(ferry("--version"), 0);
    assert_int_equal(strncmp(out, "ferry ", 6), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(run_says_the_same_twice),
        cmocka_unit_test(files_are_written_whole),
        cmocka_unit_test(a_scenario_file_is_the_same_as_options),
        cmocka_unit_test(what_fails_ends_with_status_1),
        cmocka_unit_test(a_guest_that_fails_is_told),
        cmocka_unit_test(a_guest_that_faults_is_told),
        cmocka_unit_test(clients_that_came_late_are_told),
        cmocka_unit_test(what_cannot_be_written_is_told),
        cmocka_unit_test(what_is_damaged_is_refused),
        cmocka_unit_test(compare_has_every_mode),
        cmocka_unit_test(forecast_is_theory),
        cmocka_unit_test(guests_run_where_they_are),
        cmocka_unit_test(programs_without_sections_or_guests_at_all),
        cmocka_unit_test(anybody_s_program_is_a_guest),
        cmocka_unit_test(the_demonstration_tells_itself_in_lines),
        cmocka_unit_test(an_abort_names_its_scenario),
        cmocka_unit_test(help_is_help),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
