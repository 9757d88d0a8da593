/* ferry export as people and scripts meet it. What the files hold is tested where it is made
 * (engine/record, engine/sim): here, that they are there, whole, or not at all. */
#include "labs/as_user.h"

#include "record/recording.h"
#include "record/trace_check.h"

static void record(void)
{
    assert_int_equal(
        ferry("run --guest hello --memory 1MiB --start-at 0ns --quiet --record $D/a.ferry"), 0);
}

static void both_forms_are_written(void **state)
{
    static char text[TEXT_MAX], again[TEXT_MAX];
    struct check check;
    (void)state;
    record();
    assert_int_equal(ferry("export $D/a.ferry --perfetto $D/a.json --csv $D/a.csv"), 0);
    assert_string_equal(err, "");
    assert_non_null(strstr(out, "a.ferry: "));
    assert_non_null(strstr(out, " events in "));
    assert_non_null(strstr(out, "open it at https://ui.perfetto.dev\n"));
    assert_non_null(strstr(out, "a.csv: a table, a row for each event\n"));
    slurp("a.json", text);
    if (!check_trace(&check, text, strlen(text)))
        fail_msg("%s", check.why);
    assert_true(check.counts['X'] > 10 && check.counts['B'] > 5 && check.counts['C'] > 0);
    check_fini(&check);

    /* The same bytes to standard output, and nothing else. */
    assert_int_equal(ferry("export $D/a.ferry --perfetto -"), 0);
    assert_string_equal(out, text);
    slurp("a.csv", text);
    assert_memory_equal(text, "at_ns,event,mode,", 17);
    assert_int_equal(ferry("export --csv - $D/a.ferry --perfetto $D/b.json"), 0);
    assert_string_equal(out, text);
    slurp("b.json", again);
    assert_int_equal(ferry("export $D/a.ferry --perfetto $D/a.json --quiet"), 0);
    assert_string_equal(out, "");
    slurp("a.json", text);
    assert_string_equal(text, again);
    slurp("a.ferry", text);
}

static void spill_cut(void)
{
    char script[256];
    snprintf(script, sizeof script, "head -c 900 %s/a.ferry > %s/cut.ferry", folder, folder);
    assert_int_equal(system(script), 0);
}

/* Whole, and its digest fits; but one event cannot have happened to this guest. */
static void spill_broken(void)
{
    static const struct event events[] = {
        {.at_ns = 5, .kind = EVENT_PAGES_SENT, .pages_sent = {0, 1, WHY_FIRST, 4120}},
        {.at_ns = 6, .kind = EVENT_PAGES_SENT, .pages_sent = {1024, 1, WHY_FIRST, 4120}},
    };
    char path[128];
    struct recorder recorder;
    recorder_init(&recorder, "guest = kv\nmode = pre-copy\nmemory = 4MiB\n", true);
    for (unsigned i = 0; i < 2; i++)
        recorder_add(&recorder, &events[i]);
    recorder_finish(&recorder);
    snprintf(path, sizeof path, "%s/broken.ferry", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(recorder.bytes.data, 1, recorder.bytes.count, file);
    fclose(file);
    recorder_fini(&recorder);
}

static void bad_lines_are_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"export", "no recording named: write ferry export RECORDING --perfetto FILE"},
        {"export --csv $D/x", "no recording named"},
        {"export $D/a.ferry", "no form named: write --perfetto FILE or --csv FILE, or both"},
        {"export $D/a.ferry --csv", "--csv needs a file: write --csv FILE"},
        {"export $D/a.ferry --perfetto -- x", "--perfetto needs a file"},
        {"export $D/a.ferry --csv $D/x --perfetto $D/x", "name the same file: name two"},
        {"export $D/a.ferry --csv - --perfetto -", "name the same file: name two"},
        {"export $D/a.ferry --csv $D/a.ferry", "--csv names what is read"},
        {"export $D/a.ferry $D/b.ferry --csv $D/x", "unexpected word"},
        {"export $D/a.ferry --perfeto $D/x", "--perfetto"},
        {"export $D/a.ferry --json $D/x", "unknown option --json"},
        {"export $D/none.ferry --csv $D/x", "none.ferry: it cannot be opened"},
        {"export $D/cut.ferry --csv $D/x", "cut.ferry: the recording is cut off at byte 900"},
        {"export $D/cut.ferry --csv -", "cut.ferry: the recording is cut off at byte 900"},
        {"export $D/broken.ferry --csv -", "broken.ferry: the recording is broken at byte 65: "
                                           "pages_sent names pages that the guest does not have"},
        {"export $D/broken.ferry --perfetto $D/x", "broken.ferry: the recording is broken"},
        {"export Makefile --perfetto $D/x", "Makefile: this is no recording"},
        {"export $D --csv $D/x", "it cannot be read"},
        {"export $D/a.ferry --csv $D/no/x", "x cannot be written"},
        {"export $D/a.ferry --csv $D/x --perfetto $D/no/x", "x cannot be written"},
    };
    (void)state;
    record();
    spill_cut();
    spill_broken();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].line, rows[i].words);
    assert_int_equal(ferry("export $D/a.ferry --quiet --csv /dev/full"), 2);
    assert_non_null(strstr(err, "cannot be written"));
    assert_int_equal(ferry("export $D/a.ferry --csv - >/dev/full"), 2);
    assert_non_null(strstr(err, "standard output cannot be written"));
    assert_int_equal(ferry("help export"), 0);
    assert_non_null(strstr(out, "--perfetto FILE"));
    assert_non_null(strstr(out, "--csv FILE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_written),
        cmocka_unit_test(bad_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
