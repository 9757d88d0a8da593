/* The model guest: exact instants, one trap per page and fetch, and cuts that change nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "machine/contents.h"
#include "machine/model.h"

static struct model_config config_of(uint64_t pages, uint64_t working_set, uint64_t rate)
{
    return (struct model_config){WRITES_UNIFORM, pages, working_set, rate, 7};
}

static uint64_t version_of(const struct guest *guest, uint64_t page_idx)
{
    uint8_t payload[8];
    uint64_t version = 0;
    guest->ops->read_pages(guest, page_idx, 1, payload);
    for (int i = 7; i >= 0; i--)
        version = version << 8 | payload[i];
    return version;
}

static uint64_t writes_of(const struct guest *guest)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < guest->total_pages; i++)
        sum += version_of(guest, i);
    return sum;
}

static void test_writes_happen_at_their_instants(void **state)
{
    /* Write k at floor(k * 1e9 / rate): how many have happened by an instant. */
    static const struct {
        uint64_t rate, until_ns, writes;
    } rows[] = {
        {1, 999999999, 0},          {1, 1000000000, 1},       {3, 333333332, 0},
        {3, 333333333, 1},          {3, 666666665, 1},        {3, 666666666, 2},
        {3, 1000000000, 3},         {7000, 142856, 0},        {7000, 142857, 1},
        {5000, 10000000000, 50000}, {1000000000, 1000, 1000}, {2500000000, 2, 7},
        {2500000000, 10, 27},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct model_config config = config_of(100, 100, rows[i].rate);
        struct guest *guest = model_open(&config);
        struct guest_run run;
        guest->ops->run(guest, rows[i].until_ns, &run);
        assert_int_equal(run.stop, GUEST_TIME_REACHED);
        assert_int_equal(guest->ops->now_ns(guest), rows[i].until_ns);
        assert_int_equal(writes_of(guest), rows[i].writes);
        guest->ops->close(guest);
    }
}

static void test_how_run_is_cut_changes_nothing(void **state)
{
    struct model_config config = config_of(1000, 300, 12345);
    struct guest *whole = model_open(&config);
    struct guest *pieces = model_open(&config);
    struct guest_run run;
    uint64_t digest;
    (void)state;
    whole->ops->run(whole, NS_PER_S, &run);
    for (uint64_t at_ns = 0; at_ns < NS_PER_S; at_ns += 77777)
        pieces->ops->run(pieces, at_ns, &run);
    pieces->ops->track(pieces, true); /* traps change nothing either */
    for (run.stop = GUEST_DIRTIED; run.stop == GUEST_DIRTIED;)
        pieces->ops->run(pieces, NS_PER_S, &run);
    digest = whole->ops->digest(whole);
    assert_int_equal(digest, pieces->ops->digest(pieces));
    whole->ops->run(whole, NS_PER_S + 81004, &run);
    assert_int_not_equal(digest, whole->ops->digest(whole));
    for (uint64_t page_idx = 300; page_idx < 1000; page_idx++)
        assert_int_equal(version_of(whole, page_idx), 0); /* beyond the working set */
    whole->ops->close(whole);
    pieces->ops->close(pieces);
}

static void test_one_trap_per_page_and_fetch(void **state)
{
    struct model_config config = config_of(64, 16, 1000);
    struct guest *guest = model_open(&config);
    struct bitmap fetched;
    struct guest_run run;
    (void)state;
    bitmap_init(&fetched, 64);
    guest->ops->track(guest, true);
    for (int round = 0; round < 3; round++) {
        uint64_t until_ns = (uint64_t)(round + 1) * NS_PER_S;
        uint64_t traps = 0;
        bitmap_clear_all(&fetched);
        for (;;) {
            guest->ops->run(guest, until_ns, &run);
            if (run.stop != GUEST_DIRTIED)
                break;
            assert_true(bitmap_has(&guest->dirty, run.page_idx));
            assert_int_equal(guest->ops->now_ns(guest) % NS_PER_MS, 0);
            traps++;
        }
        assert_int_equal(traps, 16); /* a thousand writes, sixteen pages */
        assert_int_equal(writes_of(guest), 1000 * (round + 1));
        assert_int_equal(guest->ops->fetch_dirty(guest, 0, 64, &fetched), 16);
        assert_int_equal(fetched.set_count, 16);
        assert_int_equal(guest->dirty.set_count, 0);
    }
    guest->ops->track(guest, false);
    guest->ops->run(guest, 4 * NS_PER_S, &run);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    assert_int_equal(guest->dirty.set_count, 16); /* logged, without traps */
    assert_int_equal(guest->ops->fetch_dirty(guest, 0, 64, NULL), 16);
    bitmap_fini(&fetched);
    guest->ops->close(guest);
}

static void test_fetching_a_part_of_the_log(void **state)
{
    static const struct {
        uint64_t first, count;
    } rows[] = {{0, 300}, {0, 64}, {64, 64}, {1, 62}, {63, 2}, {100, 0}, {65, 200}, {299, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct model_config config = config_of(300, 300, 150);
        struct guest *guest = model_open(&config);
        struct bitmap fetched, before;
        struct guest_run run;
        uint64_t expected = 0, old = 0;
        guest->ops->run(guest, NS_PER_S, &run);
        bitmap_init(&fetched, 300);
        bitmap_init(&before, 300);
        bitmap_copy(&before, &guest->dirty);
        for (uint64_t page_idx = 0; page_idx < 300; page_idx += 3)
            old += bitmap_set(&fetched, page_idx);
        for (uint64_t page_idx = rows[i].first; page_idx < rows[i].first + rows[i].count;
             page_idx++)
            expected += bitmap_has(&before, page_idx);
        assert_int_equal(guest->ops->fetch_dirty(guest, rows[i].first, rows[i].count, &fetched),
                         expected);
        assert_int_equal(guest->dirty.set_count, before.set_count - expected);
        for (uint64_t page_idx = 0; page_idx < 300; page_idx++) {
            bool is_inside = page_idx >= rows[i].first && page_idx < rows[i].first + rows[i].count;
            bool was = bitmap_has(&before, page_idx);
            assert_int_equal(bitmap_has(&guest->dirty, page_idx), was && !is_inside);
            assert_int_equal(bitmap_has(&fetched, page_idx),
                             page_idx % 3 == 0 || (was && is_inside));
            old += was && is_inside && page_idx % 3 != 0;
        }
        assert_int_equal(fetched.set_count, old);
        bitmap_fini(&fetched);
        bitmap_fini(&before);
        guest->ops->close(guest);
    }
}

static void test_a_missing_page_stops_the_write(void **state)
{
    struct model_config config = config_of(8, 8, 1000);
    struct guest *guest = model_open(&config);
    struct guest *other = model_open(&config);
    struct guest_run run, again;
    uint8_t payload[8];
    (void)state;
    for (uint64_t page_idx = 0; page_idx < 8; page_idx++)
        guest->ops->drop_page(guest, page_idx);
    for (unsigned missed = 0;; missed++) {
        guest->ops->run(guest, NS_PER_S, &run);
        if (run.stop != GUEST_MISSING) {
            assert_int_equal(missed, 8);
            break;
        }
        /* The same write is tried again, and nothing of it has happened. */
        guest->ops->run(guest, NS_PER_S, &again);
        assert_int_equal(again.stop, GUEST_MISSING);
        assert_int_equal(again.page_idx, run.page_idx);
        assert_true(guest->ops->now_ns(guest) % NS_PER_MS == 0);
        memset(payload, 0, sizeof payload);
        guest->ops->install_pages(guest, run.page_idx, 1, payload);
    }
    other->ops->run(other, NS_PER_S, &run);
    assert_int_equal(guest->ops->digest(guest), other->ops->digest(other));
    guest->ops->close(guest);
    other->ops->close(other);
}

static void test_a_move_by_hand(void **state)
{
    struct model_config config = config_of(500, 500, 5000);
    struct guest *stayed = model_open(&config);
    struct guest *source = model_open(&config);
    struct guest *target = model_open_empty(&config);
    uint8_t payloads[500 * 8];
    struct bytes saved = {0};
    struct bytes_reader reader;
    struct guest_run run;
    (void)state;
    stayed->ops->run(stayed, 2 * NS_PER_S, &run);
    source->ops->track(source, true);
    source->ops->run(source, NS_PER_S, &run); /* stands at its first trap */
    assert_int_equal(run.stop, GUEST_DIRTIED);
    source->ops->read_pages(source, 0, 500, payloads);
    source->ops->save(source, &saved);
    assert_int_equal(target->present.set_count, 0);
    target->ops->install_pages(target, 0, 500, payloads);
    bytes_reader_init(&reader, saved.data, saved.count);
    assert_int_equal(target->ops->load(target, &reader, NULL), STATUS_OK);
    assert_true(bytes_is_done(&reader));
    target->ops->run(target, 2 * NS_PER_S, &run);
    assert_int_equal(target->ops->digest(target), stayed->ops->digest(stayed));
    bytes_fini(&saved);
    stayed->ops->close(stayed);
    source->ops->close(source);
    target->ops->close(target);
}

static void test_states_that_do_not_fit_are_refused(void **state)
{
    struct model_config config = config_of(64, 64, 1000);
    struct guest *guest = model_open(&config);
    struct guest_run run;
    struct bytes saved = {0};
    struct bytes_reader reader;
    (void)state;
    guest->ops->run(guest, NS_PER_S, &run);
    guest->ops->save(guest, &saved);
    for (size_t count = 0; count < saved.count; count++) {
        bytes_reader_init(&reader, saved.data, count);
        assert_int_equal(guest->ops->load(guest, &reader, NULL), STATUS_BAD_STATE);
    }
    /* Any bit of the configuration, the high bits of the clock and of the write count. */
    for (size_t at = 0; at < saved.count - 8; at++) {
        saved.data[at] ^= 0x80;
        bytes_reader_init(&reader, saved.data, saved.count);
        if (at != 33 && at != 34) /* a few microseconds of the clock fit as well */
            assert_int_equal(guest->ops->load(guest, &reader, NULL), STATUS_BAD_STATE);
        saved.data[at] ^= 0x80;
    }
    bytes_reader_init(&reader, saved.data, saved.count);
    assert_int_equal(guest->ops->load(guest, &reader, NULL), STATUS_OK);
    bytes_fini(&saved);
    guest->ops->close(guest);
}

static void test_idle_guests_sleep_for_ever(void **state)
{
    struct model_config configs[] = {
        config_of(10, 10, 0), config_of(10, 0, 100), {WRITES_IDLE, 10, 10, 100, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct guest *guest = model_open(&configs[i]);
        struct guest_run run;
        guest->ops->run(guest, 500, &run);
        assert_int_equal(run.stop, GUEST_IDLE);
        assert_int_equal(run.wake_ns, UINT64_MAX);
        assert_int_equal(guest->ops->now_ns(guest), 0);
        guest->ops->idle_until(guest, 500);
        guest->ops->run(guest, 500, &run);
        assert_int_equal(run.stop, GUEST_TIME_REACHED);
        assert_int_equal(guest->ops->now_ns(guest), 500);
        assert_int_equal(writes_of(guest), 0);
        guest->ops->close(guest);
    }
}

/* What stands in a page follows it: the same at the other host, and it says what it is. */
static void test_contents_move_with_the_page(void **state)
{
    struct model_config config = config_of(50, 50, 1000);
    struct guest *source = model_open(&config);
    struct guest *target = model_open_empty(&config);
    uint8_t payload[8], ours[PAGE_BYTES], theirs[PAGE_BYTES];
    uint64_t page_idx, version;
    struct guest_run run;
    (void)state;
    source->ops->run(source, NS_PER_S, &run);
    for (uint64_t i = 0; i < 50; i++) {
        source->ops->read_pages(source, i, 1, payload);
        target->ops->install_pages(target, i, 1, payload);
        source->ops->read_contents(source, i, ours);
        target->ops->read_contents(target, i, theirs);
        assert_memory_equal(ours, theirs, PAGE_BYTES);
        assert_true(contents_recognize(theirs, &page_idx, &version));
        assert_int_equal(page_idx, i);
        assert_int_equal(version, version_of(source, i));
        assert_int_not_equal(version, 0);
    }
    source->ops->close(source);
    target->ops->close(target);
}

static void test_64_gib_at_full_size(void **state)
{
    struct model_config config = config_of(16777216, 16777216, 1000000);
    struct guest *guest = model_open(&config);
    uint8_t *payloads = malloc(1000000 * 8);
    struct guest_run run;
    (void)state;
    guest->ops->track(guest, true);
    for (run.stop = GUEST_DIRTIED; run.stop == GUEST_DIRTIED;)
        guest->ops->run(guest, NS_PER_S, &run);
    /* Expected 16777216 * (1 - exp(-1000000 / 16777216)) = 970782, four deviations 700. */
    assert_in_range(guest->dirty.set_count, 970082, 971482);
    guest->ops->read_pages(guest, 15000000, 1000000, payloads);
    guest->ops->install_pages(guest, 15000000, 1000000, payloads);
    assert_int_equal(guest->present.set_count, 16777216);
    free(payloads);
    guest->ops->close(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_happen_at_their_instants),
        cmocka_unit_test(test_how_run_is_cut_changes_nothing),
        cmocka_unit_test(test_one_trap_per_page_and_fetch),
        cmocka_unit_test(test_fetching_a_part_of_the_log),
        cmocka_unit_test(test_a_missing_page_stops_the_write),
        cmocka_unit_test(test_a_move_by_hand),
        cmocka_unit_test(test_states_that_do_not_fit_are_refused),
        cmocka_unit_test(test_idle_guests_sleep_for_ever),
        cmocka_unit_test(test_contents_move_with_the_page),
        cmocka_unit_test(test_64_gib_at_full_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
