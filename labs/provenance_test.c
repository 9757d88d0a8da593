/* ferry provenance, as a user does it. */
#include <jansson.h>

#include "labs/as_user.h"

static json_t *object_of_stdout(void)
{
    json_t *object = json_loads(out, 0, NULL);
    if (object == NULL)
        fail_msg("no JSON: %.200s", out);
    return object;
}

static json_int_t number_of(json_t *object, const char *key)
{
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

/* The pages that cost most: each has a history that adds up to its cost, and the function that
 * wrote it has a name. */
static void test_a_page_tells_its_history(void **state)
{
    char line[200];
    size_t i, j;
    json_t *page, *item;
    (void)state;

    assert_int_equal(ferry("run --guest kv --bandwidth 100Mbit/s --quiet --record $D/kv.ferry"), 0);
    assert_int_equal(ferry("provenance $D/kv.ferry --top 4 --json -"), 0);
    json_t *top = object_of_stdout();
    assert_int_equal(json_array_size(json_object_get(top, "pages")), 4);
    json_array_foreach(json_object_get(top, "pages"), i, page)
    {
        json_int_t bytes = 0, writes = 0, last = 0;
        /* By its number and by any address in it: the same. */
        snprintf(line, sizeof line, "provenance $D/kv.ferry %lld --json -",
                 number_of(page, "page"));
        assert_int_equal(ferry(line), 0);
        json_t *one = object_of_stdout();
        snprintf(line, sizeof line, "provenance $D/kv.ferry 0x%llx --json -",
                 number_of(page, "address") + 77);
        assert_int_equal(ferry(line), 0);
        json_t *same = object_of_stdout();
        assert_true(json_equal(one, same));
        json_array_foreach(json_object_get(one, "history"), j, item)
        {
            const char *what = json_string_value(json_object_get(item, "what"));
            if (strcmp(what, "sent") == 0)
                bytes += last = number_of(item, "bytes");
            if (strcmp(what, "written") != 0)
                continue;
            writes++;
            assert_non_null(strchr(json_string_value(json_object_get(item, "place")), '+'));
            assert_true(number_of(item, "pc") >= 0x80000000);
        }
        assert_true(bytes == number_of(page, "bytes") && writes == number_of(page, "writes"));
        assert_true(number_of(page, "wasted_bytes") == bytes - last);
        json_decref(one);
        json_decref(same);
    }
    json_decref(top);
    assert_int_equal(ferry("provenance $D/kv.ferry --top 3"), 0);
    assert_non_null(strstr(out, "last written by"));
    assert_int_equal(ferry("provenance $D/kv.ferry 5"), 0);
    assert_non_null(strstr(out, "sent in round 0: first copy"));
}

static void test_what_is_no_page_is_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"provenance", "no recording named"},
        {"provenance $D/kv.ferry", "no page named"},
        {"provenance $D/kv.ferry five", "is no page"},
        {"provenance $D/kv.ferry 16384", "the guest has pages 0 to 16383"},
        {"provenance $D/kv.ferry 0x1000", "memory begins at 0x80000000"},
        {"provenance $D/kv.ferry 0xzz", "is no page"},
        {"provenance $D/kv.ferry 99999999999999999999999", "is no page"},
        {"provenance $D/kv.ferry 5 6", "unexpected word"},
        {"provenance $D/kv.ferry 5 --top 3", "keep one"},
        {"provenance $D/kv.ferry --top 0", "write a number from 1 to 1000"},
        {"provenance $D/kv.ferry --top x", "write a number from 1 to 1000"},
        {"provenance $D/none 5", "cannot be opened"},
        {"provenance $D/kv.ferry 5 --elf $D/none.elf", "none.elf"},
        {"provenance $D/cut.ferry 5", "cut.ferry"},
        {"provenance $D/model.ferry 0x80000000", "a model's pages have no addresses"},
    };
    (void)state;

    assert_int_equal(
        ferry("run --guest model:uniform --memory 1MiB --quiet --record $D/model.ferry"), 0);
    assert_int_equal(shell("head -c 5000 $D/kv.ferry >$D/cut.ferry"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(rows[i].line, rows[i].words);
    assert_int_equal(ferry("provenance $D/model.ferry 3"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_tells_its_history),
        cmocka_unit_test(test_what_is_no_page_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
