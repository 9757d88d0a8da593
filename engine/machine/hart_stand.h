/* hart_bench: a hart and four pages, with nothing else of a machine around them, for tests of
 * single instructions. Only tests include this; each has a bench of its own.
 *
 * run_word() runs an instruction twice from the same state: as the machine does it, by hart_run,
 * and by hart_step, the reference. Both must leave the same.
 */
#ifndef MACHINE_HART_BENCH_H
#define MACHINE_HART_BENCH_H

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

static struct bench {
    struct guest guest;
    struct memory memory;
    struct hart hart;
    struct hart_clock clock;
    struct hart_result result;
} bench;

static inline int open_bench(void **state)
{
    (void)state;
    bench = (struct bench){.clock = {.ticks_per_s = 1000000000}};
    bench.guest.total_pages = PAGES;
    bitmap_init(&bench.guest.present, PAGES);
    bitmap_init(&bench.guest.dirty, PAGES);
    bitmap_set_all(&bench.guest.present);
    memory_init(&bench.memory, &bench.guest, PAGES * PAGE_BYTES);
    bench.hart.timer_ns = UINT64_MAX;
    return 0;
}

static inline int close_bench(void **state)
{
    (void)state;
    memory_fini(&bench.memory);
    bitmap_fini(&bench.guest.present);
    bitmap_fini(&bench.guest.dirty);
    return 0;
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

static inline void place(uint64_t address, uint32_t bits)
{
    uint8_t page[PAGE_BYTES];
    memcpy(page, bench.memory.ram + memory_page_idx(address) * PAGE_BYTES, sizeof page);
    memcpy(page + address % PAGE_BYTES, &bits, sizeof bits);
    memory_install(&bench.memory, memory_page_idx(address), page);
}

/* Runs one instruction at RAM_BASE; returns how many ticks passed: 0 or 1. */
static inline uint64_t run_word(uint32_t bits)
{
    static uint8_t before[PAGES * PAGE_BYTES], after[PAGES * PAGE_BYTES];
    struct memory_reservation reservations[HART_MAX], reserved[HART_MAX];
    const struct bench start = bench;
    memcpy(reservations, bench.memory.reservations, sizeof reservations);
    memcpy(before, bench.memory.ram, sizeof before);
    place(RAM_BASE, bits);
    bench.hart.pc = RAM_BASE;
    uint64_t ticks = hart_run(&bench.hart, &bench.memory, &bench.clock, 1, &bench.result);
    const struct hart hart = bench.hart;
    const struct hart_result result = bench.result;
    memcpy(after, bench.memory.ram, sizeof after);
    memcpy(reserved, bench.memory.reservations, sizeof reserved);

    bench.hart = start.hart;
    bench.hart.pc = RAM_BASE;
    memcpy(bench.memory.ram, before, sizeof before);
    memcpy(bench.memory.reservations, reservations, sizeof reservations);
    place(RAM_BASE, bits);
    assert_int_equal(hart_step(&bench.hart, &bench.memory, &bench.clock, &bench.result), ticks);
    bench.hart.x[HART_SINK] = hart.x[HART_SINK]; /* nobody reads it */
    assert_memory_equal(&bench.hart, &hart, sizeof hart);
    assert_memory_equal(bench.memory.ram, after, sizeof after);
    assert_int_equal(bench.result.stop, result.stop);
    for (unsigned i = 0; i < HART_MAX; i++) {
        assert_int_equal(bench.memory.reservations[i].byte_count, reserved[i].byte_count);
        assert_int_equal(bench.memory.reservations[i].address, reserved[i].address);
    }
    return ticks;
}

static inline uint64_t read_u64(uint64_t address)
{
    uint64_t value;
    memcpy(&value, memory_at(&bench.memory, address), sizeof value);
    return value;
}

static inline void write_u64(uint64_t address, uint64_t value)
{
    memcpy(memory_at(&bench.memory, address), &value, sizeof value);
}

#endif
