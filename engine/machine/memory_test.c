/* The four answers of memory, and that its caches never give an older one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "machine/cell.h"
#include "machine/memory.h"

#define PAGES        (TLB_ROWS + 300) /* two pages share a row of the TLB */
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
    const uint8_t *bytes = memory_at(&memory, address);
    if (!tlb_has(memory.tlb.loads, address, count))
        bytes = memory_load_slowly(&memory, address, count);
    if (bytes != NULL)
        assert_ptr_equal(bytes, memory_at(&memory, address));
    return bytes != NULL ? (struct memory_trouble){MEMORY_OK, 0}
                         : memory_check_load(&memory, address, count);
}

static struct memory_trouble store(uint64_t address, uint64_t count)
{
    const uint8_t *bytes = memory_at(&memory, address);
    if (!tlb_has(memory.tlb.stores, address, count))
        bytes = memory_store_slowly(&memory, address, count);
    if (bytes != NULL)
        assert_ptr_equal(bytes, memory_at(&memory, address));
    return bytes != NULL ? (struct memory_trouble){MEMORY_OK, 0}
                         : memory_check_store(&memory, address, count);
}

/* The block at pc, with a handler for its cells that nobody runs. */
static struct block *decoded(uint64_t pc)
{
    static const void *handlers[CELL_CODES];
    memory.blocks.handlers = handlers;
    return blocks_at(&memory.blocks, &memory, pc);
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
    assert_null(decoded(END));
    assert_null(decoded(RAM_BASE - 2));
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
    assert_non_null(decoded(AT(3)));
    memory_drop(&memory, 3);
    assert_int_equal(load(AT(3), 8).result, MEMORY_MISSING);
    assert_int_equal(load(AT(3) + 1, 1).page_idx, 3);
    assert_int_equal(store(AT(3), 8).result, MEMORY_MISSING);
    assert_int_equal(load(AT(3) - 1, 2).result, MEMORY_MISSING);
    assert_int_equal(load(AT(4) - 1, 2).result, MEMORY_MISSING);
    assert_null(decoded(AT(3)));
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
        assert_int_equal(store(AT(5 + TLB_ROWS), 8).result, MEMORY_OK);
        assert_int_equal(load(AT(5), 8).result, MEMORY_OK);
        assert_int_equal(load(AT(5 + TLB_ROWS), 8).result, MEMORY_OK);
    }
}

/* Code is decoded here: three words, then one that ends a block. */
static void place_code(uint64_t address)
{
    static const uint32_t words[] = {0x00150513, 0x00150513, 0x00150513, 0x00000073};
    assert_int_equal(memory_check_store(&memory, address, sizeof words).result, MEMORY_OK);
    memcpy(memory_at(&memory, address), words, sizeof words);
}

/* Blocks live until one of the bytes that they were made of is written, and no other. */
static void stores_drop_the_blocks_that_they_touch(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset, count;
        bool is_dropped;
    } rows[] = {
        {96, 4, false}, {99, 1, false},  {100, 1, true}, {99, 2, true},
        {115, 1, true}, {116, 8, false}, {110, 8, true}, {92, 8, false},
    };
    assert_int_equal(store(AT(2) + 8, 8).result, MEMORY_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t address = AT(2) + rows[i].offset;
        place_code(AT(2) + 100);
        struct block *block = decoded(AT(2) + 100);
        assert_ptr_equal(decoded(AT(2) + 100), block);
        /* The quick way leaves it to the check, which drops what is overwritten. */
        assert_int_equal(memory_store_slowly(&memory, address, rows[i].count) == NULL,
                         rows[i].is_dropped);
        assert_int_not_equal(block->need, BLOCK_DEAD);
        assert_false(tlb_has(memory.tlb.stores, address, rows[i].count));
        assert_int_equal(store(address, rows[i].count).result, MEMORY_OK);
        assert_int_equal(block->need == BLOCK_DEAD, rows[i].is_dropped);
    }
}

static void blocks_across_pages_are_dropped_from_both(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        place_code(AT(3) - 8);
        struct block *block = decoded(AT(3) - 8);
        uint64_t address = i == 0 ? AT(3) - 1 : i == 1 ? AT(3) : AT(2) + 8;
        uint64_t count = i == 2 ? 2 * PAGE_BYTES : 1; /* a long one, as hypercalls make them */
        assert_int_equal(memory_check_store(&memory, address, count).result, MEMORY_OK);
        assert_int_equal(block->need, BLOCK_DEAD);
    }
}

static void installed_pages_are_decoded_anew(void **state)
{
    (void)state;
    uint8_t page[PAGE_BYTES] = {0};
    place_code(AT(2));
    struct block *block = decoded(AT(2));
    memory_install(&memory, 2, page);
    assert_int_equal(block->need, BLOCK_DEAD);
    assert_ptr_not_equal(decoded(AT(2)), block);
    memory_drop(&memory, 2);
    assert_null(decoded(AT(2)));
}

/* The arena is full some day: then all is dropped, by the next run, and nothing is lost. */
static void a_full_arena_says_so(void **state)
{
    (void)state;
    uint64_t made = 0;
    while (decoded(AT(4) + made % (500 * PAGE_BYTES / 2) * 2) != NULL)
        made++;
    assert_true(memory.blocks.is_full && made > 1000);
    blocks_reset(&memory.blocks);
    assert_non_null(decoded(AT(4)));
    assert_false(memory.blocks.is_full);
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
        TEST(stores_drop_the_blocks_that_they_touch),
        TEST(blocks_across_pages_are_dropped_from_both),
        TEST(installed_pages_are_decoded_anew),
        TEST(a_full_arena_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
