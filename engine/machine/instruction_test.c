/* Every instruction with operands at its edges: instruction_rows.def has the cases. Its encodings
 * are in encoding_test.c, what depends on the mode in privilege_test.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "machine/hart_stand.h"

/* ---- The rows ---- */

struct row {
    enum instruction_code code;
    uint64_t a, b;             /* operands: registers, an immediate, memory */
    uint64_t expected, memory; /* rd, and what an atomic leaves */
};

#define W 0x1111111100000000 /* what stands above a word must stay */

/* One kind of row at a time: the others are nothing. */
#define BINARY(code, a, b, expected)
#define IMMEDIATE(code, a, imm, expected)
#define BRANCH(code, a, b, is_taken)
#define LOADS(code, expected)
#define STORES(code, expected)
#define ATOMIC(code, before, operand, after, old)

static const struct row binary_rows[] = {
#undef BINARY
#define BINARY(code, a, b, expected) {INSTRUCTION_##code, a, b, expected, 0},
#include "machine/instruction_rows.def"
#undef BINARY
#define BINARY(code, a, b, expected)
};

static const struct row immediate_rows[] = {
#undef IMMEDIATE
#define IMMEDIATE(code, a, imm, expected) {INSTRUCTION_##code, a, (uint64_t)(imm), expected, 0},
#include "machine/instruction_rows.def"
#undef IMMEDIATE
#define IMMEDIATE(code, a, imm, expected)
};

static const struct row branch_rows[] = {
#undef BRANCH
#define BRANCH(code, a, b, is_taken) {INSTRUCTION_##code, a, b, is_taken, 0},
#include "machine/instruction_rows.def"
#undef BRANCH
#define BRANCH(code, a, b, is_taken)
};

static const struct row load_rows[] = {
#undef LOADS
#define LOADS(code, expected) {INSTRUCTION_##code, 0, 0, expected, 0},
#include "machine/instruction_rows.def"
#undef LOADS
#define LOADS(code, expected)
};

static const struct row store_rows[] = {
#undef STORES
#define STORES(code, expected) {INSTRUCTION_##code, 0, 0, expected, 0},
#include "machine/instruction_rows.def"
#undef STORES
#define STORES(code, expected)
};

static const struct row atomic_rows[] = {
#undef ATOMIC
#define ATOMIC(code, before, operand, after, old) {INSTRUCTION_##code, before, operand, old, after},
#include "machine/instruction_rows.def"
#undef ATOMIC
#define ATOMIC(code, before, operand, after, old)
};

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

/* What has no row: it is tested by name, here or in privilege_test.c. */
static void every_instruction_has_rows(void **state)
{
    (void)state;
    static const enum instruction_code by_name[] = {
        INSTRUCTION_JAL,  INSTRUCTION_JALR, INSTRUCTION_LR_W,  INSTRUCTION_LR_D,
        INSTRUCTION_SC_W, INSTRUCTION_SC_D, INSTRUCTION_FENCE, INSTRUCTION_FENCE_I,
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics)
#define SYSTEM(code, mnemonic, format, match, mask, semantics) INSTRUCTION_##code,
#include "machine/instruction.def"
#undef INSTRUCTION
#undef SYSTEM
    };
    static const struct {
        const struct row *rows;
        size_t count;
    } tables[] = {
        {binary_rows, COUNT(binary_rows)}, {immediate_rows, COUNT(immediate_rows)},
        {branch_rows, COUNT(branch_rows)}, {load_rows, COUNT(load_rows)},
        {store_rows, COUNT(store_rows)},   {atomic_rows, COUNT(atomic_rows)},
    };
    unsigned rows[INSTRUCTION_COUNT] = {0};
    for (size_t i = 0; i < COUNT(tables); i++)
        for (size_t row = 0; row < tables[i].count; row++)
            rows[tables[i].rows[row].code]++;
    for (size_t i = 0; i < COUNT(by_name); i++)
        rows[by_name[i]]++;
    for (unsigned code = INSTRUCTION_NONE + 1; code < INSTRUCTION_COUNT; code++)
        if (rows[code] == 0)
            fail_msg("%s has no row", instruction_describe(code)->mnemonic);
}

static void expect(const struct row *row, uint64_t value)
{
    if (value != row->expected)
        fail_msg("%s of 0x%llx and 0x%llx: 0x%llx, not 0x%llx",
                 instruction_describe(row->code)->mnemonic, (unsigned long long)row->a,
                 (unsigned long long)row->b, (unsigned long long)value,
                 (unsigned long long)row->expected);
}

/* rd may be apart, either source, or x0; one register may be all three. */
static void computes_from_two_registers(void **state)
{
    (void)state;
    static const uint32_t destinations[] = {A2, A0, A1, ZERO};
    for (size_t i = 0; i < COUNT(binary_rows); i++) {
        const struct row *row = &binary_rows[i];
        for (unsigned d = 0; d < 4; d++) {
            stand.hart.x[A0] = row->a;
            stand.hart.x[A1] = row->b;
            assert_int_equal(run_word(program_word(row->code, destinations[d], A0, A1, 0)), 1);
            if (destinations[d] != ZERO)
                expect(row, stand.hart.x[destinations[d]]);
            assert_int_equal(stand.hart.x[ZERO], 0);
            assert_int_equal(stand.hart.pc, RAM_BASE + 4);
        }
        stand.hart.x[A0] = row->a;
        if (row->a == row->b) {
            run_word(program_word(row->code, A0, A0, A0, 0));
            expect(row, stand.hart.x[A0]);
        }
        if (row->b == 0) { /* x0 as a source */
            stand.hart.x[A0] = row->a;
            run_word(program_word(row->code, A2, A0, ZERO, 0));
            expect(row, stand.hart.x[A2]);
        }
    }
}

static void computes_with_immediates(void **state)
{
    (void)state;
    static const uint32_t destinations[] = {A2, A0, ZERO};
    for (size_t i = 0; i < COUNT(immediate_rows); i++)
        for (unsigned d = 0; d < 3; d++) {
            const struct row *row = &immediate_rows[i];
            stand.hart.x[A0] = row->a;
            run_word(program_word(row->code, destinations[d], A0, 0, (int64_t)row->b));
            if (destinations[d] != ZERO)
                expect(row, stand.hart.x[destinations[d]]);
            assert_int_equal(stand.hart.x[ZERO], 0);
        }
}

/* ---- Branches and jumps ---- */

static void branches_where_the_condition_holds(void **state)
{
    (void)state;
    static const int64_t distances[] = {4, 8, 2, 4094, -4096, 2048, -2};
    for (size_t i = 0; i < COUNT(branch_rows); i++)
        for (size_t d = 0; d < COUNT(distances); d++) {
            const struct row *row = &branch_rows[i];
            stand.hart.x[A0] = row->a;
            stand.hart.x[A1] = row->b;
            assert_int_equal(run_word(program_word(row->code, 0, A0, A1, distances[d])), 1);
            uint64_t distance = stand.hart.pc - RAM_BASE;
            if (distance != (row->expected ? (uint64_t)distances[d] : 4))
                fail_msg("%s of 0x%llx and 0x%llx goes on %lld behind",
                         instruction_describe(row->code)->mnemonic, (unsigned long long)row->a,
                         (unsigned long long)row->b, (long long)distance);
        }
}

static void jumps_and_leaves_the_way_back(void **state)
{
    (void)state;
    run_word(program_word(INSTRUCTION_JAL, RA, 0, 0, -1048576));
    assert_int_equal(stand.hart.pc, RAM_BASE - 1048576);
    assert_int_equal(stand.hart.x[RA], RAM_BASE + 4);
    run_word(program_word(INSTRUCTION_JAL, ZERO, 0, 0, 0x1000));
    assert_int_equal(stand.hart.pc, RAM_BASE + 0x1000);
    stand.hart.x[A0] = DATA + 1;
    run_word(program_word(INSTRUCTION_JALR, A0, A0, 0, 6)); /* rd is rs1; the lowest bit goes */
    assert_int_equal(stand.hart.pc, DATA + 6);
    assert_int_equal(stand.hart.x[A0], RAM_BASE + 4);
    stand.hart.x[A0] = DATA;
    run_word(0x9502); /* c.jalr a0: the way back is two bytes on */
    assert_int_equal(stand.hart.pc, DATA);
    assert_int_equal(stand.hart.x[RA], RAM_BASE + 2);
}

/* ---- Memory ---- */

/* Aligned, misaligned, and across a page. */
static const uint64_t addresses[] = {DATA,
                                     DATA + 1,
                                     DATA + 2,
                                     DATA + 3,
                                     DATA + 2044,
                                     DATA + PAGE_BYTES - 1,
                                     DATA + PAGE_BYTES - 3,
                                     DATA + PAGE_BYTES - 7};

static void loads_extend(void **state)
{
    (void)state;
    static const int64_t offsets[] = {-100, 0, 2047, -2048};
    for (size_t i = 0; i < COUNT(load_rows); i++)
        for (size_t a = 0; a < COUNT(addresses); a++) {
            int64_t offset = offsets[a % COUNT(offsets)];
            stand.hart.x[A1] = addresses[a] - (uint64_t)offset;
            write_u64(addresses[a], 0xffeeddccbbaa9988);
            assert_int_equal(run_word(program_word(load_rows[i].code, A0, A1, 0, offset)), 1);
            expect(&load_rows[i], stand.hart.x[A0]);
            run_word(program_word(load_rows[i].code, A1, A1, 0, offset)); /* over its address */
            expect(&load_rows[i], stand.hart.x[A1]);
            stand.hart.x[A1] = addresses[a] - (uint64_t)offset;
            assert_int_equal(run_word(program_word(load_rows[i].code, ZERO, A1, 0, offset)), 1);
            assert_int_equal(stand.hart.x[ZERO], 0);
        }
}

static void stores_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(store_rows); i++)
        for (size_t a = 0; a < COUNT(addresses); a++) {
            stand.hart.x[A1] = addresses[a] + 100;
            stand.hart.x[A0] = 0x123456789abcdef0;
            write_u64(addresses[a] - 8, ALL);
            write_u64(addresses[a], 0);
            write_u64(addresses[a] + 8, ALL);
            assert_int_equal(run_word(program_word(store_rows[i].code, 0, A1, A0, -100)), 1);
            expect(&store_rows[i], read_u64(addresses[a]));
            assert_int_equal(read_u64(addresses[a] - 8), ALL);
            assert_int_equal(read_u64(addresses[a] + 8), ALL);
            stand.hart.x[A1] = addresses[a]; /* its own address */
            write_u64(addresses[a], 0);
            run_word(program_word(store_rows[i].code, 0, A1, A1, 0));
            assert_int_equal(read_u64(addresses[a]) & 0xff, addresses[a] & 0xff);
        }
}

/* ---- Atomics ---- */

static void atomics_return_the_old_value_sign_extended(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(atomic_rows); i++) {
        const struct row *row = &atomic_rows[i];
        bool is_word = strstr(instruction_describe(row->code)->mnemonic, ".w") != NULL;
        for (uint32_t ordering = 0; ordering < 4; ordering++) { /* rl and aq ask for nothing here */
            uint32_t bits = ordering << 25 | program_word(row->code, A0, A1, A2, 0);
            write_u64(DATA, row->a);
            stand.hart.x[A1] = DATA;
            stand.hart.x[A2] = row->b;
            assert_int_equal(run_word(bits), 1);
            expect(row, stand.hart.x[A0]);
            if (read_u64(DATA) != row->memory)
                fail_msg("%s leaves 0x%llx", instruction_describe(row->code)->mnemonic,
                         (unsigned long long)read_u64(DATA));
        }
        write_u64(DATA, row->a); /* rd is the address, or the operand, or x0 */
        run_word(program_word(row->code, A1, A1, A2, 0));
        expect(row, stand.hart.x[A1]);
        write_u64(DATA, row->a);
        stand.hart.x[A1] = DATA;
        run_word(program_word(row->code, A2, A1, A2, 0));
        expect(row, stand.hart.x[A2]);
        assert_int_equal(read_u64(DATA), row->memory);
        write_u64(DATA, row->a);
        stand.hart.x[A2] = row->b;
        run_word(program_word(row->code, ZERO, A1, A2, 0));
        assert_int_equal(stand.hart.x[ZERO], 0);
        assert_int_equal(read_u64(DATA), row->memory);
        for (uint64_t by = 1; by < (is_word ? 4 : 8); by++) { /* an atomic must be aligned */
            stand.hart.x[A1] = DATA + by;
            assert_int_equal(run_word(program_word(row->code, A0, A1, A2, 0)), 0);
            assert_int_equal(stand.result.fault, FAULT_ATOMIC_MISALIGNED);
            assert_int_equal(stand.result.fault_value, DATA + by);
        }
        stand.hart.x[A1] = RAM_BASE + PAGES * PAGE_BYTES; /* it writes: a store's fault */
        assert_int_equal(run_word(program_word(row->code, A0, A1, A2, 0)), 0);
        assert_int_equal(stand.result.fault, FAULT_STORE_ACCESS);
    }
}

static uint64_t reserve(enum instruction_code code, uint64_t address)
{
    stand.hart.x[A1] = address;
    return run_word(program_word(code, A0, A1, 0, 0));
}

/* 0: stored. */
static uint64_t store_conditionally(enum instruction_code code, uint64_t address)
{
    stand.hart.x[A1] = address;
    stand.hart.x[A2] = 0x55;
    assert_int_equal(run_word(program_word(code, A0, A1, A2, 0)), 1);
    return stand.hart.x[A0];
}

static void store_conditional_needs_its_reservation(void **state)
{
    (void)state;
    write_u64(DATA, 0x80000000);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1);
    assert_int_equal(read_u64(DATA), 0x80000000);
    reserve(INSTRUCTION_LR_W, DATA);
    assert_int_equal(stand.hart.x[A0], MIN32);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 0);
    assert_int_equal(read_u64(DATA), 0x55);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1); /* used up */
    reserve(INSTRUCTION_LR_W, DATA);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA + 8), 1); /* another address */
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1);     /* that took it away */
    reserve(INSTRUCTION_LR_D, DATA);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1); /* another size */
    assert_int_equal(reserve(INSTRUCTION_LR_D, DATA + 4), 0);
    assert_int_equal(stand.result.fault, FAULT_LOAD_MISALIGNED);
    /* A reservation of 0 cannot exist here, and "none" must not look like one: this sc fails
     * instead of storing outside memory. */
    assert_int_equal(store_conditionally(INSTRUCTION_SC_D, 0), 1);
}

/* What takes a reservation away, and what does not: the harts' own stores and loads, atomics, a
 * trap. Another hart's bytes beside it do not matter either. */
static void a_reservation_lasts_until_it_must_not(void **state)
{
    (void)state;
    static const struct {
        uint32_t hart_idx; /* who stores or loads between lr and sc */
        enum instruction_code code;
        int64_t offset;
        uint64_t fails;
    } rows[] = {
        {0, INSTRUCTION_SD, 0, 0},        {0, INSTRUCTION_LD, 0, 0},
        {0, INSTRUCTION_AMOADD_D, 0, 0},  {1, INSTRUCTION_LD, 0, 0},
        {1, INSTRUCTION_LR_D, 0, 0},      {1, INSTRUCTION_SC_D, 0, 0},
        {1, INSTRUCTION_SB, 0, 1},        {1, INSTRUCTION_SB, 7, 1},
        {1, INSTRUCTION_SB, 8, 0},        {1, INSTRUCTION_SB, -1, 0},
        {1, INSTRUCTION_SD, -7, 1},       {1, INSTRUCTION_SD, -8, 0},
        {1, INSTRUCTION_SD, 7, 1},        {1, INSTRUCTION_SD, 8, 0},
        {1, INSTRUCTION_AMOSWAP_W, 0, 1}, {1, INSTRUCTION_AMOOR_D, 0, 1},
        {1, INSTRUCTION_FENCE, 0, 0},     {0, INSTRUCTION_ECALL, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hart first;
        reserve(INSTRUCTION_LR_D, DATA + 64);
        first = stand.hart;
        stand.hart.hart_idx = rows[i].hart_idx;
        stand.hart.is_user = rows[i].code == INSTRUCTION_ECALL;
        stand.hart.stvec = RAM_BASE;
        memory_turn(&stand.memory, rows[i].hart_idx);
        stand.hart.x[A1] = DATA + 64;
        if (rows[i].code != INSTRUCTION_ECALL) /* beside it, so that the page is at hand */
            run_word(program_word(INSTRUCTION_SD, 0, A1, A4, -32));
        run_word(program_word(rows[i].code, A3, A1, A4, rows[i].offset));
        stand.hart = first;
        memory_turn(&stand.memory, 0);
        uint64_t fails = store_conditionally(INSTRUCTION_SC_D, DATA + 64);
        if (fails != rows[i].fails)
            fail_msg("%s of hart %u, %d: sc gives %d", instruction_describe(rows[i].code)->mnemonic,
                     rows[i].hart_idx, (int)rows[i].offset, (int)fails);
    }
}

/* ---- Counters, environment ---- */

static void counters_are_read_only(void **state)
{
    (void)state;
    stand.clock = (struct hart_clock){.ticks = 30, .ticks_per_s = 100000000, .idle_ns = 7};
    stand.hart.retired_instructions = 50;
    stand.hart.cycles = 60;
    run_word(program_word(INSTRUCTION_CSRRS, A0, ZERO, 0, 0xc02));
    assert_int_equal(stand.hart.x[A0], 50);
    run_word(program_word(INSTRUCTION_CSRRCI, A0, 0, 0, 0xc00));
    assert_int_equal(stand.hart.x[A0], 61);
    run_word(program_word(INSTRUCTION_CSRRC, A0, ZERO, 0, 0xc01));
    assert_int_equal(stand.hart.x[A0], 7 + 300);
    static const struct {
        enum instruction_code code;
        uint32_t rs1;
        int64_t csr;
    } illegal[] = {
        {INSTRUCTION_CSRRW, ZERO, 0xc00}, {INSTRUCTION_CSRRS, A0, 0xc01},
        {INSTRUCTION_CSRRC, A0, 0xc02},   {INSTRUCTION_CSRRWI, 0, 0xc00},
        {INSTRUCTION_CSRRSI, 1, 0xc00},   {INSTRUCTION_CSRRCI, 31, 0xc00},
        {INSTRUCTION_CSRRS, ZERO, 0xc03}, {INSTRUCTION_CSRRS, ZERO, 0x300},
    };
    for (size_t i = 0; i < sizeof illegal / sizeof *illegal; i++) {
        uint32_t bits = program_word(illegal[i].code, A0, illegal[i].rs1, 0, illegal[i].csr);
        assert_int_equal(run_word(bits), 0);
        assert_int_equal(stand.result.stop, HART_FAULT);
        assert_int_equal(stand.result.fault, FAULT_ILLEGAL);
        assert_int_equal(stand.result.fault_value, bits);
        assert_int_equal(stand.hart.pc, RAM_BASE);
    }
}

static void stops_before_ecall_and_behind_wfi(void **state)
{
    (void)state;
    assert_int_equal(run_word(program_word(INSTRUCTION_ECALL, 0, 0, 0, 0)), 0);
    assert_int_equal(stand.result.stop, HART_ECALL);
    assert_int_equal(stand.hart.pc, RAM_BASE);
    assert_int_equal(run_word(program_word(INSTRUCTION_WFI, 0, 0, 0, 0)), 1);
    assert_int_equal(stand.result.stop, HART_WAIT);
    assert_int_equal(stand.hart.pc, RAM_BASE + 4);
    assert_int_equal(run_word(0x9002), 0); /* c.ebreak */
    assert_int_equal(stand.result.fault, FAULT_BREAKPOINT);
    assert_int_equal(run_word(program_word(INSTRUCTION_FENCE, 0, 0, 0, 0xff)), 1);
    assert_int_equal(run_word(program_word(INSTRUCTION_FENCE_I, 0, 0, 0, 0)), 1);
}

static void leaving_memory_is_a_fault(void **state)
{
    (void)state;
    uint64_t end = RAM_BASE + PAGES * PAGE_BYTES;
    stand.hart.x[A1] = end - 4;
    assert_int_equal(run_word(program_word(INSTRUCTION_LD, A0, A1, 0, 0)), 0);
    assert_int_equal(stand.result.fault, FAULT_LOAD_ACCESS);
    assert_int_equal(stand.result.fault_value, end - 4);
    assert_int_equal(run_word(program_word(INSTRUCTION_SD, 0, A1, A0, 0)), 0);
    assert_int_equal(stand.result.fault, FAULT_STORE_ACCESS);
    stand.hart.x[A1] = ALL; /* wraps around the end of all addresses */
    assert_int_equal(run_word(program_word(INSTRUCTION_LD, A0, A1, 0, 0)), 0);
    assert_int_equal(stand.result.fault, FAULT_LOAD_ACCESS);
    stand.hart.x[A1] = 0;
    assert_int_equal(run_word(program_word(INSTRUCTION_LB, A0, A1, 0, 0)), 0);
    place(end - 4, program_word(INSTRUCTION_ADDI, A0, ZERO, 0, 1));
    stand.hart.pc = end - 4;
    assert_int_equal(hart_run(&stand.hart, &stand.memory, &stand.clock, 9, &stand.result), 1);
    assert_int_equal(stand.result.fault, FAULT_FETCH_ACCESS);
    assert_int_equal(stand.hart.pc, end);
    place(end - 4, 0x00130001); /* c.nop, and the first half of an addi that memory cuts off */
    stand.hart.pc = end - 4;
    assert_int_equal(hart_run(&stand.hart, &stand.memory, &stand.clock, 9, &stand.result), 1);
    assert_int_equal(stand.result.fault, FAULT_FETCH_ACCESS);
    assert_int_equal(stand.hart.pc, end - 2);
}

/* What comes behind the last instruction of the budget is not asked for: so the instant at which a
 * page is missed does not depend on how the time was cut. */
static void a_used_budget_asks_for_no_page(void **state)
{
    (void)state;
    memory_drop(&stand.memory, 2);
    assert_int_equal(run_word(program_word(INSTRUCTION_JAL, RA, 0, 0, 2 * PAGE_BYTES)), 1);
    assert_int_equal(stand.result.stop, HART_BUDGET);
    assert_int_equal(stand.hart.pc, RAM_BASE + 2 * PAGE_BYTES);
    assert_int_equal(hart_run(&stand.hart, &stand.memory, &stand.clock, 1, &stand.result), 0);
    assert_int_equal(stand.result.stop, HART_MISSING);
    assert_int_equal(stand.result.page_idx, 2);
    place(DATA + PAGE_BYTES - 4, program_word(INSTRUCTION_ADDI, A0, A0, 0, 1));
    stand.hart.pc = DATA + PAGE_BYTES - 4; /* falls into the missing page, not by a jump */
    assert_int_equal(hart_run(&stand.hart, &stand.memory, &stand.clock, 1, &stand.result), 1);
    assert_int_equal(stand.result.stop, HART_BUDGET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAND_TEST(every_instruction_has_rows),
        STAND_TEST(computes_from_two_registers),
        STAND_TEST(computes_with_immediates),
        STAND_TEST(branches_where_the_condition_holds),
        STAND_TEST(jumps_and_leaves_the_way_back),
        STAND_TEST(loads_extend),
        STAND_TEST(stores_cut),
        STAND_TEST(atomics_return_the_old_value_sign_extended),
        STAND_TEST(store_conditional_needs_its_reservation),
        STAND_TEST(a_reservation_lasts_until_it_must_not),
        STAND_TEST(counters_are_read_only),
        STAND_TEST(stops_before_ecall_and_behind_wfi),
        STAND_TEST(leaving_memory_is_a_fault),
        STAND_TEST(a_used_budget_asks_for_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
