/* The four answers of memory, and that its caches never give an older one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "machine/memory.h"

#define PAGES        300 /* more than the TLB has entries: two pages share one */
#define AT(page_idx) (RAM_BASE + (uint64_t)(page_idx)*PAGE_BYTES)
#define END          AT(PAGES)

static struct guest guest;
static struct memory memory;

static int open_memory(void **state)
{
    (void)state;
    guest = (struct guest){.total_pages = PAGES};
    bitmap_init(&guest.present, PAGES);
    bitmap_init(&guest.dirty, PAGES);
    bitmap_set_all(&guest.present);
    memory_init(&memory, &guest, PAGES * PAGE_BYTES);
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    memory_fini(&memory);
    bitmap_fini(&guest.present);
    bitmap_fini(&guest.dirty);
    return 0;
}

/* A load or a store of `count` bytes: the quick way, and where that gives nothing, why. */
static struct memory_trouble load(uint64_t address, uint64_t count)
{
    const uint8_t *bytes = memory_load(&memory, address, count);
    if (bytes != NULL)
        assert_ptr_equal(bytes, memory_at(&memory, address));
    return bytes != NULL ? (struct memory_trouble){MEMORY_OK, 0}
                         : memory_check_load(&memory, address, count);
}

static struct memory_trouble store(uint64_t address, uint64_t count)
{
    const uint8_t *bytes = memory_store(&memory, address, count);
    if (bytes != NULL)
        assert_ptr_equal(bytes, memory_at(&memory, address));
    return bytes != NULL ? (struct memory_trouble){MEMORY_OK, 0}
                         : memory_check_store(&memory, address, count);
}

static struct code_page *fetch(uint64_t pc)
{
    return memory_fetch(&memory, pc);
}

static void knows_where_ram_ends(void **state)
{
    (void)state;
    static const struct {
        uint64_t address, count;
        enum memory_result result;
    } rows[] = {
        {RAM_BASE, 1, MEMORY_OK},
        {RAM_BASE - 1, 1, MEMORY_OUTSIDE},
        {RAM_BASE - 1, 2, MEMORY_OUTSIDE},
        {END - 8, 8, MEMORY_OK},
        {END - 7, 8, MEMORY_OUTSIDE},
        {END, 1, MEMORY_OUTSIDE},
        {END, 0, MEMORY_OK},
        {END + 1, 0, MEMORY_OUTSIDE},
        {UINT64_MAX, 1, MEMORY_OUTSIDE},
        {UINT64_MAX, 2, MEMORY_OUTSIDE},
        {RAM_BASE, UINT64_MAX, MEMORY_OUTSIDE},
        {RAM_BASE, END - RAM_BASE, MEMORY_OK},
        {0, 8, MEMORY_OUTSIDE},
        {0, UINT64_MAX, MEMORY_OUTSIDE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(memory_check_load(&memory, rows[i].address, rows[i].count).result,
                         rows[i].result);
        assert_int_equal(memory_check_store(&memory, rows[i].address, rows[i].count).result,
                         rows[i].result);
    }
    assert_null(memory_fetch(&memory, END));
    assert_null(memory_fetch(&memory, RAM_BASE - 2));
}

/* Low addresses, where the numbers are small enough to look like marks of the caches; in caches
 * that were never filled, and in one whose entry was emptied. */
static void nothing_lies_at_low_addresses(void **state)
{
    (void)state;
    uint8_t page[PAGE_BYTES] = {0};
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t address = 0; address < 2 * PAGE_BYTES; address++)
            for (uint64_t count = 1; count <= 8; count *= 2) {
                assert_int_equal(load(address, count).result, MEMORY_OUTSIDE);
                assert_int_equal(store(address, count).result, MEMORY_OUTSIDE);
            }
        assert_int_equal(load(AT(0), 8).result, MEMORY_OK);
        assert_int_equal(store(AT(0), 8).result, MEMORY_OK);
        memory_install(&memory, 0, page);
    }
}

static void missing_comes_before_dirtied(void **state)
{
    (void)state;
    guest.is_tracking = true;
    memory_drop(&memory, 6);
    struct memory_trouble trouble = memory_check_store(&memory, AT(4) + 1, 3 * PAGE_BYTES);
    assert_int_equal(trouble.result, MEMORY_MISSING);
    assert_int_equal(trouble.page_idx, 6);
    assert_int_equal(guest.dirty.set_count, 0);
    uint8_t page[PAGE_BYTES] = {0};
    memory_install(&memory, 6, page);
    for (uint64_t page_idx = 4; page_idx <= 7; page_idx++) {
        trouble = memory_check_store(&memory, AT(4) + 1, 3 * PAGE_BYTES);
        assert_int_equal(trouble.result, MEMORY_DIRTIED);
        assert_int_equal(trouble.page_idx, page_idx);
    }
    assert_int_equal(memory_check_store(&memory, AT(4) + 1, 3 * PAGE_BYTES).result, MEMORY_OK);
    assert_int_equal(guest.dirty.set_count, 4);
}

static void a_dropped_page_is_missing_for_all(void **state)
{
    (void)state;
    assert_int_equal(load(AT(3), 8).result, MEMORY_OK);
    assert_int_equal(store(AT(3), 8).result, MEMORY_OK);
    assert_non_null(fetch(AT(3)));
    memory_drop(&memory, 3);
    assert_int_equal(load(AT(3), 8).result, MEMORY_MISSING);
    assert_int_equal(load(AT(3) + 1, 1).page_idx, 3);
    assert_int_equal(store(AT(3), 8).result, MEMORY_MISSING);
    assert_int_equal(load(AT(3) - 1, 2).result, MEMORY_MISSING);
    assert_int_equal(load(AT(4) - 1, 2).result, MEMORY_MISSING);
    assert_null(fetch(AT(3)));
    assert_int_equal(load(AT(4), 8).result, MEMORY_OK);
}

static void protection_is_seen_by_the_next_store(void **state)
{
    (void)state;
    guest.is_tracking = true;
    assert_int_equal(store(AT(1), 4).result, MEMORY_DIRTIED);
    assert_int_equal(store(AT(1), 4).result, MEMORY_OK);
    assert_int_equal(store(AT(1) + 9, 8).result, MEMORY_OK);
    bitmap_clear(&guest.dirty, 1);
    memory_protect_all(&memory);
    assert_int_equal(load(AT(1), 8).result, MEMORY_OK);
    assert_int_equal(store(AT(1), 1).result, MEMORY_DIRTIED);
    assert_int_equal(store(AT(1), 1).result, MEMORY_OK);
    uint8_t page[PAGE_BYTES] = {0};
    memory_install(&memory, 1, page); /* present, protected, not in the log */
    assert_false(bitmap_has(&guest.dirty, 1));
    assert_int_equal(store(AT(1), 1).result, MEMORY_DIRTIED);
}

/* Pages a TLB's reach apart live in the same entry. */
static void two_pages_share_an_entry(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(store(AT(5), 8).result, MEMORY_OK);
        assert_int_equal(store(AT(5 + MEMORY_TLB_ENTRIES), 8).result, MEMORY_OK);
        assert_int_equal(load(AT(5), 8).result, MEMORY_OK);
        assert_int_equal(load(AT(5 + MEMORY_TLB_ENTRIES), 8).result, MEMORY_OK);
    }
}

static void decode(struct code_page *page, uint64_t offset)
{
    page->cells[offset / 2].code = INSTRUCTION_ADDI;
    page->cells[offset / 2].halves = 2;
}

static bool is_decoded(const struct code_page *page, uint64_t offset)
{
    return page->cells[offset / 2].code == INSTRUCTION_ADDI;
}

/* Stores forget exactly the instructions whose bytes they touch: in words of four at 100, 104, 108,
 * also where only the second half is touched, and also where the page was written before. */
static void stores_forget_what_they_touch(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset, count;
        bool is_kept[3];
    } rows[] = {
        {96, 4, {true, true, true}},   {99, 1, {true, true, true}},
        {100, 1, {false, true, true}}, {103, 1, {false, true, true}},
        {104, 4, {true, false, true}}, {107, 2, {true, false, false}},
        {98, 8, {false, false, true}}, {112, 8, {true, true, true}},
    };
    assert_int_equal(store(AT(2) + 8, 8).result, MEMORY_OK);
    struct code_page *page = fetch(AT(2));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (uint64_t at = 100; at <= 108; at += 4)
            decode(page, at);
        assert_int_equal(store(AT(2) + rows[i].offset, rows[i].count).result, MEMORY_OK);
        for (uint64_t word = 0; word < 3; word++)
            assert_int_equal(is_decoded(page, 100 + 4 * word), rows[i].is_kept[word]);
    }
    assert_int_equal(page->cells[CODE_CELLS].code, CODE_PAGE_END);
    assert_int_equal(page->cells[CODE_CELLS + 1].code, CODE_PAGE_END);
}

static void stores_across_pages_forget_on_both(void **state)
{
    (void)state;
    struct code_page *second = fetch(AT(3)), *first = fetch(AT(2));
    decode(first, PAGE_BYTES - 4);
    decode(second, 0);
    decode(second, 4);
    assert_int_equal(store(AT(3) - 1, 2).result, MEMORY_OK);
    assert_false(is_decoded(first, PAGE_BYTES - 4));
    assert_false(is_decoded(second, 0));
    assert_true(is_decoded(second, 4));
    /* A long write, as hypercalls make them. */
    decode(first, 0);
    decode(second, 0);
    assert_int_equal(memory_check_store(&memory, AT(1), 2 * PAGE_BYTES).result, MEMORY_OK);
    assert_false(is_decoded(first, 0));
    assert_true(is_decoded(second, 0));
}

static void installed_pages_are_decoded_anew(void **state)
{
    (void)state;
    uint8_t page[PAGE_BYTES] = {0};
    decode(fetch(AT(2)), 0);
    memory_install(&memory, 2, page);
    assert_false(is_decoded(fetch(AT(2)), 0));
    decode(fetch(AT(2)), 0);
    assert_true(is_decoded(fetch(AT(2)), 0));
    assert_false(is_decoded(fetch(AT(2 + CODE_SLOTS)), 0)); /* takes the slot */
    assert_false(is_decoded(fetch(AT(2)), 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(knows_where_ram_ends),
        TEST(nothing_lies_at_low_addresses),
        TEST(missing_comes_before_dirtied),
        TEST(a_dropped_page_is_missing_for_all),
        TEST(protection_is_seen_by_the_next_store),
        TEST(two_pages_share_an_entry),
        TEST(stores_forget_what_they_touch),
        TEST(stores_across_pages_forget_on_both),
        TEST(installed_pages_are_decoded_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
