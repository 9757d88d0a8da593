/* What harts see, what memory holds, and when a page is dirty, with a write-back cache between
 * them: first as a table, then against a cache that is written as plainly as it can be. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "machine/cache.h"
#include "machine/memory_cache.h"

#define PAGES     256                             /* 1 MiB: 16 lines for each set */
#define WAY_BYTES (CACHE_SETS * CACHE_LINE_BYTES) /* lines so far apart share a set */
#define WAY(n)    (RAM_BASE + (uint64_t)(n)*WAY_BYTES)
#define WAY_PAGES (WAY_BYTES / PAGE_BYTES)

static struct guest guest;
static struct memory memory;

static int open_memory(void **state)
{
    (void)state;
    guest = (struct guest){.total_pages = PAGES};
    bitmap_init(&guest.present, PAGES);
    bitmap_init(&guest.dirty, PAGES);
    bitmap_init(&guest.free, PAGES);
    bitmap_set_all(&guest.present);
    memory_init(&memory, &guest, PAGES * PAGE_BYTES);
    memory_add_cache(&memory);
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    memory_fini(&memory);
    bitmap_fini(&guest.present);
    bitmap_fini(&guest.dirty);
    bitmap_fini(&guest.free);
    return 0;
}

/* As a hart does it; what it is told. */
static struct memory_trouble store(uint64_t address, const void *bytes, uint64_t count)
{
    struct memory_trouble trouble = memory_check_store(&memory, address, count);
    if (trouble.result == MEMORY_OK)
        memcpy(memory_at(&memory, address), bytes, count);
    return trouble;
}

static void store_byte(uint64_t address, uint8_t byte)
{
    assert_int_equal(store(address, &byte, 1).result, MEMORY_OK);
}

static uint8_t seen(uint64_t address)
{
    return *memory_at(&memory, address);
}

static uint8_t held(uint64_t address)
{
    uint8_t byte;
    memory_read(&memory, address, 1, &byte);
    return byte;
}

static bool is_dirty(uint64_t address)
{
    return bitmap_has(&guest.dirty, memory_page_idx(address));
}

/* ---- The table ---- */

static void a_store_stays_in_the_cache(void **state)
{
    (void)state;
    store_byte(WAY(0), 7);
    assert_int_equal(seen(WAY(0)), 7);
    assert_int_equal(held(WAY(0)), 0);
    assert_int_equal(guest.dirty.set_count, 0);
    assert_int_equal(memory.cache->dirty_count, 1);
    assert_int_equal(seen(WAY(1)), 0); /* a load takes no line */
    assert_int_equal(memory.cache->line_count, 1);
}

/* What each operation leaves of a line that was stored to: in memory, for harts, in the cache. */
static void cache_operations(void **state)
{
    static const struct {
        enum cache_operation operation;
        uint8_t held, seen;
        bool is_dirty;
        uint32_t line_count;
    } rows[] = {
        {CACHE_CLEAN, 7, 7, true, 1},
        {CACHE_FLUSH, 7, 7, true, 0},
        {CACHE_INVAL, 0, 0, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        open_memory(state);
        store_byte(WAY(1) + 5, 7);
        assert_int_equal(memory_cache_block(&memory, WAY(1), rows[i].operation).result, MEMORY_OK);
        assert_int_equal(held(WAY(1) + 5), rows[i].held);
        assert_int_equal(seen(WAY(1) + 5), rows[i].seen);
        assert_int_equal(is_dirty(WAY(1)), rows[i].is_dirty);
        assert_int_equal(memory.cache->line_count, rows[i].line_count);
        assert_int_equal(memory.cache->dirty_count, 0);
        bitmap_clear_all(&guest.dirty);
        /* Once more: nothing is left to be done. */
        assert_int_equal(memory_cache_block(&memory, WAY(1), rows[i].operation).result, MEMORY_OK);
        assert_int_equal(guest.dirty.set_count, 0);
        assert_int_equal(seen(WAY(1) + 5), rows[i].seen);
        close_memory(state);
    }
}

/* Four lines have room in a set; the fifth takes the place of the one stored to longest ago. */
static void the_oldest_of_four_goes(void **state)
{
    static const struct {
        uint8_t stored[8]; /* ways in this order, ended by 99 */
        uint8_t gone;      /* the first to be written back by way 9 */
    } rows[] = {
        {{0, 1, 2, 3, 99}, 0},       {{3, 2, 1, 0, 99}, 3},          {{0, 1, 2, 3, 0, 99}, 1},
        {{0, 1, 2, 3, 1, 0, 99}, 2}, {{0, 1, 0, 2, 0, 3, 0, 99}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        open_memory(state);
        for (unsigned at = 0; rows[i].stored[at] != 99; at++)
            store_byte(WAY(rows[i].stored[at]) + 64, 5);
        assert_int_equal(guest.dirty.set_count, 0);
        store_byte(WAY(9) + 64, 5);
        assert_int_equal(guest.dirty.set_count, 1);
        assert_true(is_dirty(WAY(rows[i].gone)));
        assert_int_equal(held(WAY(rows[i].gone) + 64), 5);
        assert_int_equal(seen(WAY(rows[i].gone) + 64), 5);
        assert_int_equal(memory.cache->line_count, 4);
        store_byte(WAY(10), 5); /* another set: nobody has to go */
        assert_int_equal(guest.dirty.set_count, 1);
        close_memory(state);
    }
}

/* A clean line goes without a trace. */
static void a_clean_line_goes_unnoticed(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 4; way++)
        store_byte(WAY(way), 5);
    assert_int_equal(memory_cache_block(&memory, WAY(0), CACHE_CLEAN).result, MEMORY_OK);
    bitmap_clear_all(&guest.dirty);
    store_byte(WAY(4), 5);
    assert_int_equal(guest.dirty.set_count, 0);
    assert_int_equal(seen(WAY(0)), 5);
}

/* While tracking is on the trap is that of the page whose line goes, once a round; and the store
 * that it stops has not happened. */
static void the_trap_comes_with_the_write_back(void **state)
{
    (void)state;
    guest.is_tracking = true;
    for (unsigned way = 0; way < 4; way++)
        store_byte(WAY(way), 5);
    struct memory_trouble trouble = store(WAY(4), "x", 1);
    assert_int_equal(trouble.result, MEMORY_DIRTIED);
    assert_int_equal(trouble.page_idx, 0);
    assert_int_equal(seen(WAY(4)), 0);
    assert_int_equal(store(WAY(4), "x", 1).result, MEMORY_OK);
    assert_int_equal(seen(WAY(4)), 'x');
    assert_false(is_dirty(WAY(4)));
    trouble = memory_cache_block(&memory, WAY(4), CACHE_FLUSH);
    assert_int_equal(trouble.result, MEMORY_DIRTIED);
    assert_int_equal(trouble.page_idx, 4 * WAY_PAGES);
    assert_int_equal(held(WAY(4)), 0);
    assert_int_equal(memory_cache_block(&memory, WAY(4), CACHE_FLUSH).result, MEMORY_OK);
    assert_int_equal(held(WAY(4)), 'x');
    trouble = memory_cache_flush(&memory, RAM_BASE, PAGES * PAGE_BYTES); /* pages of ways 1, 2, 3 */
    for (unsigned way = 1; way < 4; way++) {
        assert_int_equal(trouble.result, MEMORY_DIRTIED);
        assert_true(is_dirty(WAY(way)));
        trouble = memory_cache_flush(&memory, RAM_BASE, PAGES * PAGE_BYTES);
    }
    assert_int_equal(trouble.result, MEMORY_OK);
    assert_int_equal(memory.cache->line_count, 0);
}

/* The same through the quick way: it gives nothing away that would have to be told. */
static void the_quick_way_sees_every_store(void **state)
{
    (void)state;
    guest.is_tracking = true;
    for (unsigned way = 0; way < 4; way++) {
        uint8_t *bytes = memory_store_slowly(&memory, WAY(way), 8);
        assert_non_null(bytes);
        *bytes = 5;
        assert_false(tlb_has(memory.tlb.stores, WAY(way), 8));
    }
    assert_null(memory_store_slowly(&memory, WAY(4), 8));
    assert_int_equal(guest.dirty.set_count, 0);
    assert_int_equal(memory_check_store(&memory, WAY(4), 8).result, MEMORY_DIRTIED);
    assert_non_null(memory_store_slowly(&memory, WAY(4), 8));
    assert_int_equal(memory.cache->line_count, 4);
}

/* Lines of pages that are not there any more keep what harts saw; to be written back, the page must
 * come first. */
static void a_line_of_a_missing_page_waits_for_it(void **state)
{
    static uint8_t page[PAGE_BYTES] = {1, 2, 3};
    (void)state;
    for (unsigned way = 0; way < 4; way++)
        store_byte(WAY(way) + 1, 5);
    memory_drop(&memory, 0);
    struct memory_trouble trouble = store(WAY(4), "x", 1);
    assert_int_equal(trouble.result, MEMORY_MISSING);
    assert_int_equal(trouble.page_idx, 0);
    memory_install(&memory, 0, page);
    assert_int_equal(held(WAY(0)), 1);
    assert_int_equal(held(WAY(0) + 1), 2);
    assert_int_equal(seen(WAY(0) + 1), 5);
    assert_int_equal(store(WAY(4), "x", 1).result, MEMORY_OK);
    assert_int_equal(held(WAY(0) + 1), 5);
}

/* The cut: memory is what harts saw, in the log, and nothing traps. */
static void the_cut_writes_everything_back(void **state)
{
    (void)state;
    guest.is_tracking = true;
    for (unsigned i = 0; i < 3; i++)
        store_byte(RAM_BASE + i * CACHE_LINE_BYTES, 5);
    store_byte(WAY(2), 6);
    struct guest_written written = memory_write_back(&memory);
    assert_int_equal(written.lines, 4);
    assert_int_equal(written.pages, 2);
    assert_int_equal(guest.dirty.set_count, 2);
    assert_int_equal(memory.cache->line_count, 0);
    assert_int_equal(held(WAY(2)), 6);
    written = memory_write_back(&memory);
    assert_int_equal(written.lines + written.pages, 0);
}

/* A device writes beneath a line: harts see it when the line is gone, and a dirty line wins. */
static void a_device_writes_beneath(void **state)
{
    static const uint8_t bytes[3] = {7, 8, 9};
    uint64_t at = RAM_BASE + CACHE_LINE_BYTES - 1; /* across two lines, the second is cached */
    (void)state;
    store_byte(at + 1, 5);
    assert_int_equal(memory_cache_block(&memory, at + 1, CACHE_CLEAN).result, MEMORY_OK);
    bitmap_clear_all(&guest.dirty);
    memory_write(&memory, at, 3, bytes);
    assert_true(is_dirty(at));
    assert_int_equal(seen(at), 7);
    assert_int_equal(seen(at + 1), 5);
    assert_int_equal(held(at + 1), 8);
    memory_cache_block(&memory, at + 1, CACHE_INVAL);
    assert_int_equal(seen(at + 1), 8);
    assert_int_equal(seen(at + 2), 9);
    store_byte(at + 1, 1);
    memory_write(&memory, at, 3, bytes);
    memory_cache_block(&memory, at + 1, CACHE_FLUSH);
    assert_int_equal(seen(at + 1), 1);
    assert_int_equal(held(at + 2), 9); /* the whole line was filled when it was stored to */
}

/* A page that was given away reads as zeros, cached or not, until it is used again. */
static void given_pages_are_zeros(void **state)
{
    uint64_t page = RAM_BASE + PAGE_BYTES;
    (void)state;
    guest.is_tracking = true;
    bitmap_set_all(&guest.dirty);
    store_byte(page - 1, 5);
    store_byte(page + 3, 5);
    store_byte(page + PAGE_BYTES, 5);
    memory_cache_block(&memory, page, CACHE_CLEAN);
    bitmap_clear_all(&guest.dirty);
    struct memory_trouble trouble = memory_check_give(&memory, page - 1, PAGE_BYTES + 2);
    assert_int_equal(trouble.result, MEMORY_DIRTIED); /* of an old copy nothing may be left */
    assert_int_equal(trouble.page_idx, 1);
    assert_int_equal(memory_check_give(&memory, page - 1, PAGE_BYTES + 2).result, MEMORY_OK);
    memory_give(&memory, page - 1, PAGE_BYTES + 2);
    assert_int_equal(guest.free.set_count, 1);
    assert_true(bitmap_has(&guest.free, 1));
    assert_int_equal(seen(page - 1), 5);
    assert_int_equal(seen(page + 3), 0);
    assert_int_equal(held(page + 3), 0);
    assert_int_equal(seen(page + PAGE_BYTES), 5);
    bitmap_clear_all(&guest.dirty);
    assert_int_equal(memory_check_give(&memory, page, PAGE_BYTES).result, MEMORY_OK); /* is so */
    store_byte(page + 9, 5);
    assert_int_equal(guest.free.set_count, 0); /* it is used, although memory still holds zeros */
    bitmap_clear_all(&guest.dirty);
    assert_int_equal(memory_cache_block(&memory, page, CACHE_FLUSH).result, MEMORY_DIRTIED);
    assert_int_equal(memory_cache_block(&memory, page, CACHE_FLUSH).result, MEMORY_OK);
    assert_int_equal(guest.free.set_count, 0);
}

/* ---- A plain one ---- */

/* Bytes twice, and for each set its lines in the order in which they were stored to. */
static struct plain {
    uint8_t hart[PAGES * PAGE_BYTES], beneath[PAGES * PAGE_BYTES];
    struct {
        uint64_t line[CACHE_WAYS]; /* the oldest first */
        bool is_dirty[CACHE_WAYS];
        uint32_t count;
    } sets[CACHE_SETS];
    bool is_logged[PAGES];
} plain;

static void plain_leave(uint64_t line, uint32_t place, bool is_written_back)
{
    uint64_t at = line * CACHE_LINE_BYTES;
    if (is_written_back && plain.sets[line % CACHE_SETS].is_dirty[place]) {
        memcpy(plain.beneath + at, plain.hart + at, CACHE_LINE_BYTES);
        plain.is_logged[at / PAGE_BYTES] = true;
    }
    memcpy(plain.hart + at, plain.beneath + at, CACHE_LINE_BYTES);
    plain.sets[line % CACHE_SETS].count--;
    for (uint32_t i = place; i < plain.sets[line % CACHE_SETS].count; i++) {
        plain.sets[line % CACHE_SETS].line[i] = plain.sets[line % CACHE_SETS].line[i + 1];
        plain.sets[line % CACHE_SETS].is_dirty[i] = plain.sets[line % CACHE_SETS].is_dirty[i + 1];
    }
}

static uint32_t plain_place(uint64_t line)
{
    uint32_t place = 0;
    while (place < plain.sets[line % CACHE_SETS].count &&
           plain.sets[line % CACHE_SETS].line[place] != line)
        place++;
    return place;
}

/* The line becomes the youngest, and dirty. */
static void plain_store_line(uint64_t line)
{
    uint32_t place = plain_place(line), *count = &plain.sets[line % CACHE_SETS].count;
    if (place == *count && *count == CACHE_WAYS)
        plain_leave(plain.sets[line % CACHE_SETS].line[0], 0, true);
    else if (place < *count)
        for (--*count; place < *count; place++)
            plain.sets[line % CACHE_SETS].line[place] =
                plain.sets[line % CACHE_SETS].line[place + 1],
                              plain.sets[line % CACHE_SETS].is_dirty[place] =
                                  plain.sets[line % CACHE_SETS].is_dirty[place + 1];
    plain.sets[line % CACHE_SETS].line[*count] = line;
    plain.sets[line % CACHE_SETS].is_dirty[(*count)++] = true;
}

static void plain_operate(uint64_t line, enum cache_operation operation)
{
    uint32_t place = plain_place(line);
    uint64_t at = line * CACHE_LINE_BYTES;
    if (place == plain.sets[line % CACHE_SETS].count)
        return;
    if (operation != CACHE_CLEAN) {
        plain_leave(line, place, operation == CACHE_FLUSH);
        return;
    }
    if (plain.sets[line % CACHE_SETS].is_dirty[place]) {
        memcpy(plain.beneath + at, plain.hart + at, CACHE_LINE_BYTES);
        plain.is_logged[at / PAGE_BYTES] = true;
    }
    plain.sets[line % CACHE_SETS].is_dirty[place] = false;
}

static bool plain_has(uint64_t line)
{
    return plain_place(line) < plain.sets[line % CACHE_SETS].count;
}

/* Few lines of few sets, so that they meet. */
static uint64_t some_offset(struct prng *prng)
{
    return prng_below(prng, 16) * WAY_BYTES + prng_below(prng, 3) * CACHE_LINE_BYTES +
           prng_below(prng, CACHE_LINE_BYTES);
}

static void both_store(struct prng *prng)
{
    uint8_t bytes[8];
    uint64_t at = some_offset(prng), count = 1 + prng_below(prng, sizeof bytes);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)prng_below(prng, 256);
    bool is_quick = prng_below(prng, 2) == 0;
    uint8_t *to = is_quick ? memory_store_slowly(&memory, RAM_BASE + at, count) : NULL;
    if (to != NULL)
        memcpy(to, bytes, count);
    else
        while (store(RAM_BASE + at, bytes, count).result == MEMORY_DIRTIED)
            ;
    for (uint64_t line = at / CACHE_LINE_BYTES; line <= (at + count - 1) / CACHE_LINE_BYTES; line++)
        plain_store_line(line);
    memcpy(plain.hart + at, bytes, count);
}

static void both_operate(struct prng *prng)
{
    uint64_t at = some_offset(prng);
    enum cache_operation operation = (enum cache_operation)prng_below(prng, 3);
    while (memory_cache_block(&memory, RAM_BASE + at, operation).result == MEMORY_DIRTIED)
        ;
    plain_operate(at / CACHE_LINE_BYTES, operation);
}

static void both_write_by_device(struct prng *prng)
{
    uint8_t bytes[100];
    uint64_t at = some_offset(prng);
    memset(bytes, (int)prng_below(prng, 256), sizeof bytes);
    memory_write(&memory, RAM_BASE + at, sizeof bytes, bytes);
    memcpy(plain.beneath + at, bytes, sizeof bytes);
    for (uint64_t i = at; i < at + sizeof bytes; i++) {
        plain.is_logged[i / PAGE_BYTES] = true;
        if (!plain_has(i / CACHE_LINE_BYTES))
            plain.hart[i] = plain.beneath[i];
    }
}

static void both_flush(uint64_t at, uint64_t count)
{
    while (memory_cache_flush(&memory, RAM_BASE + at, count).result == MEMORY_DIRTIED)
        ;
    for (uint64_t line = at / CACHE_LINE_BYTES; line <= (at + count - 1) / CACHE_LINE_BYTES; line++)
        plain_operate(line, CACHE_FLUSH);
}

static void compare(uint64_t step)
{
    static uint8_t beneath[PAGES * PAGE_BYTES];
    memory_read(&memory, RAM_BASE, sizeof beneath, beneath);
    if (memcmp(memory.ram, plain.hart, sizeof plain.hart) != 0)
        fail_msg("step %d: harts see something else", (int)step);
    if (memcmp(beneath, plain.beneath, sizeof beneath) != 0)
        fail_msg("step %d: memory holds something else", (int)step);
    for (uint64_t i = 0; i < PAGES; i++)
        if (bitmap_has(&guest.dirty, i) != plain.is_logged[i])
            fail_msg("step %d: page %d is logged in one only", (int)step, (int)i);
}

static void it_is_what_a_plain_cache_is(void **state)
{
    struct prng prng = prng_make(6, 1);
    (void)state;
    memset(&plain, 0, sizeof plain);
    for (uint64_t step = 0; step < 60000; step++) {
        uint64_t choice = prng_below(&prng, 100);
        if (choice < 70)
            both_store(&prng);
        else if (choice < 90)
            both_operate(&prng);
        else if (choice < 96)
            both_write_by_device(&prng);
        else if (choice == 96)
            both_flush(some_offset(&prng), 1 + prng_below(&prng, 3 * WAY_BYTES));
        else if (choice == 97) {
            guest.is_tracking = !guest.is_tracking;
            bitmap_clear_all(&guest.dirty);
            memset(plain.is_logged, 0, sizeof plain.is_logged);
        }
        if (step % 50 == 0)
            compare(step);
    }
    both_flush(0, PAGES * PAGE_BYTES);
    compare(UINT32_MAX);
    assert_memory_equal(plain.hart, plain.beneath, sizeof plain.hart);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_stays_in_the_cache),
        cmocka_unit_test(cache_operations),
        cmocka_unit_test(the_oldest_of_four_goes),
        TEST(a_clean_line_goes_unnoticed),
        TEST(the_trap_comes_with_the_write_back),
        TEST(the_quick_way_sees_every_store),
        TEST(a_line_of_a_missing_page_waits_for_it),
        TEST(the_cut_writes_everything_back),
        TEST(a_device_writes_beneath),
        TEST(given_pages_are_zeros),
        TEST(it_is_what_a_plain_cache_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
