/* hart_stand: a hart and four pages, with nothing else of a machine around them, for tests of
 * single instructions. Only tests include this; each has a stand of its own.
 *
 * run_word() runs an instruction twice from the same state: as the machine does it, by hart_run,
 * and by hart_step, the reference. Both must leave the same.
 */
#ifndef MACHINE_HART_STAND_H
#define MACHINE_HART_STAND_H

#include "machine/hart.h"
#include "machine/test_program.h"

#define PAGES    4
#define DATA     (RAM_BASE + PAGE_BYTES)
#define MIN64    0x8000000000000000ull
#define MAX64    0x7fffffffffffffffull
#define MIN32    0xffffffff80000000ull /* sign-extended */
#define MAX32    0x7fffffffull
#define MINUS(n) ((uint64_t) - (int64_t)(n))
#define ALL      UINT64_MAX

static struct stand {
    struct guest guest;
    struct memory memory;
    struct hart hart;
    struct hart_clock clock;
    struct hart_result result;
} stand;

static inline int open_stand(void **state)
{
    (void)state;
    stand = (struct stand){.clock = {.ticks_per_s = 1000000000}};
    stand.guest.total_pages = PAGES;
    bitmap_init(&stand.guest.present, PAGES);
    bitmap_init(&stand.guest.dirty, PAGES);
    bitmap_set_all(&stand.guest.present);
    memory_init(&stand.memory, &stand.guest, PAGES * PAGE_BYTES);
    stand.hart.timer_ns = UINT64_MAX;
    return 0;
}

static inline int close_stand(void **state)
{
    (void)state;
    memory_fini(&stand.memory);
    bitmap_fini(&stand.guest.present);
    bitmap_fini(&stand.guest.dirty);
    return 0;
}

#define STAND_TEST(name) cmocka_unit_test_setup_teardown(name, open_stand, close_stand)

static inline void place(uint64_t address, uint32_t bits)
{
    uint8_t page[PAGE_BYTES];
    memcpy(page, stand.memory.ram + memory_page_idx(address) * PAGE_BYTES, sizeof page);
    memcpy(page + address % PAGE_BYTES, &bits, sizeof bits);
    memory_install(&stand.memory, memory_page_idx(address), page);
}

/* Runs one instruction at RAM_BASE; returns how many ticks passed: 0 or 1. */
static inline uint64_t run_word(uint32_t bits)
{
    static uint8_t before[PAGES * PAGE_BYTES], after[PAGES * PAGE_BYTES];
    struct memory_reservation reservations[HART_MAX], reserved[HART_MAX];
    const struct stand start = stand;
    memcpy(reservations, stand.memory.reservations, sizeof reservations);
    memcpy(before, stand.memory.ram, sizeof before);
    place(RAM_BASE, bits);
    stand.hart.pc = RAM_BASE;
    uint64_t ticks = hart_run(&stand.hart, &stand.memory, &stand.clock, 1, &stand.result);
    const struct hart hart = stand.hart;
    const struct hart_result result = stand.result;
    memcpy(after, stand.memory.ram, sizeof after);
    memcpy(reserved, stand.memory.reservations, sizeof reserved);

    stand.hart = start.hart;
    stand.hart.pc = RAM_BASE;
    memcpy(stand.memory.ram, before, sizeof before);
    memcpy(stand.memory.reservations, reservations, sizeof reservations);
    place(RAM_BASE, bits);
    assert_int_equal(hart_step(&stand.hart, &stand.memory, &stand.clock, &stand.result), ticks);
    stand.hart.x[HART_SINK] = hart.x[HART_SINK]; /* nobody reads it */
    assert_memory_equal(&stand.hart, &hart, sizeof hart);
    assert_memory_equal(stand.memory.ram, after, sizeof after);
    assert_int_equal(stand.result.stop, result.stop);
    for (unsigned i = 0; i < HART_MAX; i++) {
        assert_int_equal(stand.memory.reservations[i].byte_count, reserved[i].byte_count);
        assert_int_equal(stand.memory.reservations[i].address, reserved[i].address);
    }
    return ticks;
}

static inline uint64_t read_u64(uint64_t address)
{
    uint64_t value;
    memcpy(&value, memory_at(&stand.memory, address), sizeof value);
    return value;
}

static inline void write_u64(uint64_t address, uint64_t value)
{
    memcpy(memory_at(&stand.memory, address), &value, sizeof value);
}

#endif
