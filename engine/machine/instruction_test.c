/* Every instruction with operands at its edges, its encodings, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "machine/hart.h"
#include "machine/instruction.h"
#include "machine/test_program.h"

#define PAGES    4
#define DATA     (RAM_BASE + PAGE_BYTES)
#define MIN64    0x8000000000000000ull
#define MAX64    0x7fffffffffffffffull
#define MIN32    0xffffffff80000000ull /* sign-extended */
#define MAX32    0x7fffffffull
#define MINUS(n) ((uint64_t) - (int64_t)(n))
#define ALL      UINT64_MAX

/* A hart and four pages, with nothing else of a machine around them. */
static struct bench {
    struct guest guest;
    struct memory memory;
    struct hart hart;
    struct hart_clock clock;
    struct hart_result result;
} bench;

static int open_bench(void **state)
{
    (void)state;
    bench = (struct bench){.clock = {.ticks_per_s = 1000000000}};
    bench.guest.total_pages = PAGES;
    bitmap_init(&bench.guest.present, PAGES);
    bitmap_init(&bench.guest.dirty, PAGES);
    bitmap_set_all(&bench.guest.present);
    memory_init(&bench.memory, &bench.guest, PAGES * PAGE_BYTES);
    return 0;
}

static int close_bench(void **state)
{
    (void)state;
    memory_fini(&bench.memory);
    bitmap_fini(&bench.guest.present);
    bitmap_fini(&bench.guest.dirty);
    return 0;
}

static void place(uint64_t address, uint32_t bits)
{
    uint8_t page[PAGE_BYTES];
    memcpy(page, bench.memory.ram + memory_page_idx(address) * PAGE_BYTES, sizeof page);
    memcpy(page + address % PAGE_BYTES, &bits, sizeof bits);
    memory_install(&bench.memory, memory_page_idx(address), page);
}

/* Runs one instruction at RAM_BASE; returns how many retired. */
static uint64_t run_word(uint32_t bits)
{
    place(RAM_BASE, bits);
    bench.hart.pc = RAM_BASE;
    return hart_run(&bench.hart, &bench.memory, &bench.clock, 1, &bench.result);
}

static uint64_t read_u64(uint64_t address)
{
    uint64_t value;
    memcpy(&value, memory_at(&bench.memory, address), sizeof value);
    return value;
}

static void write_u64(uint64_t address, uint64_t value)
{
    memcpy(memory_at(&bench.memory, address), &value, sizeof value);
}

/* ---- Arithmetic: register with register ---- */

static const struct {
    enum instruction_code code;
    uint64_t a, b, expected;
} binary_rows[] = {
#define ROW(code, a, b, expected)          \
    {                                      \
        INSTRUCTION_##code, a, b, expected \
    }
    ROW(ADD, MAX64, 1, MIN64),
    ROW(ADD, ALL, 1, 0),
    ROW(SUB, 0, 1, ALL),
    ROW(SUB, MIN64, 1, MAX64),
    ROW(SLL, 1, 63, MIN64),
    ROW(SLL, 1, 64, 1),
    ROW(SLL, 3, ALL, MIN64),
    ROW(SLT, MIN64, 0, 1),
    ROW(SLT, 0, MIN64, 0),
    ROW(SLT, 5, 5, 0),
    ROW(SLTU, MIN64, 0, 0),
    ROW(SLTU, 0, ALL, 1),
    ROW(XOR, 0xff, 0x0f, 0xf0),
    ROW(OR, 0xf0, 0x0f, 0xff),
    ROW(AND, 0xfc, 0x3f, 0x3c),
    ROW(SRL, MIN64, 63, 1),
    ROW(SRL, ALL, 64, ALL),
    ROW(SRA, MIN64, 63, ALL),
    ROW(SRA, MAX64, 62, 1),
    ROW(SRA, MIN64, 64, MIN64),
    ROW(ADDW, MAX32, 1, MIN32),
    ROW(ADDW, 0xffffffff, 1, 0),
    ROW(ADDW, 0x1234567800000001, 1, 2),
    ROW(SUBW, MIN32, 1, MAX32),
    ROW(SUBW, 0, 1, ALL),
    ROW(SLLW, 1, 31, MIN32),
    ROW(SLLW, 1, 32, 1),
    ROW(SLLW, ALL, 4, MINUS(16)),
    ROW(SRLW, MIN32, 31, 1),
    ROW(SRLW, ALL, 0, ALL),
    ROW(SRLW, 0xffffffff00000000, 1, 0),
    ROW(SRLW, 0x80000000, 32, MIN32),
    ROW(SRAW, MIN32, 31, ALL),
    ROW(SRAW, 0x80000000, 4, MINUS(0x8000000)),
    ROW(SRAW, 0xff7fffffff, 30, 1),
    ROW(MUL, ALL, ALL, 1),
    ROW(MUL, MIN64, 2, 0),
    ROW(MUL, 0x100000001, 0x100000001, 0x200000001),
    ROW(MULH, ALL, ALL, 0),
    ROW(MULH, MIN64, MIN64, 0x4000000000000000),
    ROW(MULH, MIN64, 2, ALL),
    ROW(MULHU, ALL, ALL, MINUS(2)),
    ROW(MULHU, MIN64, 2, 1),
    ROW(MULHSU, ALL, ALL, ALL),
    ROW(MULHSU, MIN64, ALL, MIN64),
    ROW(MULHSU, 2, MIN64, 1),
    ROW(MULHSU, ALL, 1, ALL),
    ROW(DIV, 7, 0, ALL),
    ROW(DIV, MIN64, ALL, MIN64),
    ROW(DIV, MINUS(7), 2, MINUS(3)),
    ROW(DIV, 7, MINUS(2), MINUS(3)),
    ROW(DIV, 7, ALL, MINUS(7)),
    ROW(DIVU, 7, 0, ALL),
    ROW(DIVU, ALL, 2, MAX64),
    ROW(DIVU, MIN64, ALL, 0),
    ROW(REM, 7, 0, 7),
    ROW(REM, MIN64, ALL, 0),
    ROW(REM, MINUS(7), 2, ALL),
    ROW(REM, 7, MINUS(2), 1),
    ROW(REMU, 7, 0, 7),
    ROW(REMU, ALL, 10, 5),
    ROW(REMU, MIN64, ALL, MIN64),
    ROW(MULW, 0x10000, 0x8000, MIN32),
    ROW(MULW, 0xffffffff, 0xffffffff, 1),
    ROW(DIVW, 7, 0, ALL),
    ROW(DIVW, 0x80000000, 0xffffffff, MIN32),
    ROW(DIVW, 0x1fffffffe, 2, ALL),
    ROW(DIVW, 5, 0xabcdef0000000000, ALL),
    ROW(DIVUW, 7, 0, ALL),
    ROW(DIVUW, 0x80000000, 1, MIN32),
    ROW(DIVUW, ALL, 2, MAX32),
    ROW(REMW, 0xf00000007, 0, 7),
    ROW(REMW, 0x80000000, 0, MIN32),
    ROW(REMW, MIN32, ALL, 0),
    ROW(REMW, MINUS(7), 2, ALL),
    ROW(REMUW, 0xffffffff, 0, ALL),
    ROW(REMUW, ALL, 10, 5),
    ROW(REMUW, 0x80000000, 0xffffffff, MIN32),
#undef ROW
};

static void computes_from_two_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof binary_rows / sizeof *binary_rows; i++) {
        bench.hart.x[A0] = binary_rows[i].a;
        bench.hart.x[A1] = binary_rows[i].b;
        assert_int_equal(run_word(program_word(binary_rows[i].code, A2, A0, A1, 0)), 1);
        if (bench.hart.x[A2] != binary_rows[i].expected)
            fail_msg("%s 0x%llx, 0x%llx: 0x%llx, not 0x%llx",
                     instruction_describe(binary_rows[i].code)->mnemonic,
                     (unsigned long long)binary_rows[i].a, (unsigned long long)binary_rows[i].b,
                     (unsigned long long)bench.hart.x[A2],
                     (unsigned long long)binary_rows[i].expected);
        assert_int_equal(bench.hart.pc, RAM_BASE + 4);
        bench.hart.x[A1] = binary_rows[i].b; /* rd may be a source */
        run_word(program_word(binary_rows[i].code, A1, A0, A1, 0));
        assert_int_equal(bench.hart.x[A1], binary_rows[i].expected);
        run_word(program_word(binary_rows[i].code, ZERO, A0, A1, 0));
        assert_int_equal(bench.hart.x[ZERO], 0);
    }
}

/* ---- Arithmetic: register with immediate ---- */

static const struct {
    enum instruction_code code;
    uint64_t a;
    int64_t imm;
    uint64_t expected;
} immediate_rows[] = {
#define ROW(code, a, imm, expected)          \
    {                                        \
        INSTRUCTION_##code, a, imm, expected \
    }
    ROW(ADDI, MAX64, 1, MIN64),
    ROW(ADDI, 0, -2048, MINUS(2048)),
    ROW(ADDI, 1, 2047, 2048),
    ROW(SLTI, MINUS(2), -1, 1),
    ROW(SLTI, 0, -1, 0),
    ROW(SLTIU, 0, -1, 1),
    ROW(SLTIU, ALL, -1, 0),
    ROW(SLTIU, 0, 1, 1),
    ROW(XORI, 5, -1, MINUS(6)),
    ROW(ORI, 0, -2048, MINUS(2048)),
    ROW(ANDI, ALL, -16, MINUS(16)),
    ROW(ANDI, 0xff, 0x0f, 0x0f),
    ROW(SLLI, 1, 63, MIN64),
    ROW(SLLI, 3, 0, 3),
    ROW(SRLI, MIN64, 63, 1),
    ROW(SRLI, ALL, 32, 0xffffffff),
    ROW(SRAI, MIN64, 63, ALL),
    ROW(SRAI, MAX64, 62, 1),
    ROW(ADDIW, MAX32, 1, MIN32),
    ROW(ADDIW, 0xffffffff, 1, 0),
    ROW(ADDIW, 0x180000000, 0, MIN32),
    ROW(SLLIW, 1, 31, MIN32),
    ROW(SLLIW, 0x1ffffffff, 4, MINUS(16)),
    ROW(SRLIW, MIN32, 31, 1),
    ROW(SRLIW, MIN32, 0, MIN32),
    ROW(SRAIW, 0x80000000, 31, ALL),
    ROW(SRAIW, 0xf7fffffff, 30, 1),
    ROW(LUI, 0, 0x7ffff000, 0x7ffff000),
    ROW(LUI, 0, (int64_t)MIN32, MIN32),
    ROW(AUIPC, 0, 0x1000, RAM_BASE + 0x1000),
    ROW(AUIPC, 0, (int64_t)MIN32, 0),
#undef ROW
};

static void computes_with_immediates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof immediate_rows / sizeof *immediate_rows; i++) {
        bench.hart.x[A0] = immediate_rows[i].a;
        run_word(program_word(immediate_rows[i].code, A2, A0, 0, immediate_rows[i].imm));
        if (bench.hart.x[A2] != immediate_rows[i].expected)
            fail_msg("%s 0x%llx, %lld: 0x%llx",
                     instruction_describe(immediate_rows[i].code)->mnemonic,
                     (unsigned long long)immediate_rows[i].a, (long long)immediate_rows[i].imm,
                     (unsigned long long)bench.hart.x[A2]);
    }
}

/* ---- Branches and jumps ---- */

static void branches_where_the_condition_holds(void **state)
{
    (void)state;
    static const struct {
        enum instruction_code code;
        uint64_t a, b;
        bool is_taken;
    } rows[] = {
        {INSTRUCTION_BEQ, 1, 1, true},      {INSTRUCTION_BEQ, 1, 2, false},
        {INSTRUCTION_BNE, 1, 1, false},     {INSTRUCTION_BNE, 0, MIN64, true},
        {INSTRUCTION_BLT, MIN64, 0, true},  {INSTRUCTION_BLT, 0, MIN64, false},
        {INSTRUCTION_BLT, 3, 3, false},     {INSTRUCTION_BGE, 3, 3, true},
        {INSTRUCTION_BGE, MIN64, 0, false}, {INSTRUCTION_BLTU, 0, MIN64, true},
        {INSTRUCTION_BLTU, ALL, 0, false},  {INSTRUCTION_BGEU, ALL, 0, true},
        {INSTRUCTION_BGEU, 0, 1, false},    {INSTRUCTION_BGEU, 7, 7, true},
    };
    static const int64_t distances[] = {4, 8, 2, 4094, -4096, 2048, -2};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t d = 0; d < sizeof distances / sizeof *distances; d++) {
            bench.hart.x[A0] = rows[i].a;
            bench.hart.x[A1] = rows[i].b;
            assert_int_equal(run_word(program_word(rows[i].code, 0, A0, A1, distances[d])), 1);
            uint64_t distance = rows[i].is_taken ? (uint64_t)distances[d] : 4;
            assert_int_equal(bench.hart.pc, RAM_BASE + distance);
        }
    }
}

static void jumps_and_leaves_the_way_back(void **state)
{
    (void)state;
    run_word(program_word(INSTRUCTION_JAL, RA, 0, 0, -1048576));
    assert_int_equal(bench.hart.pc, RAM_BASE - 1048576);
    assert_int_equal(bench.hart.x[RA], RAM_BASE + 4);
    run_word(program_word(INSTRUCTION_JAL, ZERO, 0, 0, 0x1000));
    assert_int_equal(bench.hart.pc, RAM_BASE + 0x1000);
    bench.hart.x[A0] = DATA + 1;
    run_word(program_word(INSTRUCTION_JALR, A0, A0, 0, 6)); /* rd is rs1; the lowest bit goes */
    assert_int_equal(bench.hart.pc, DATA + 6);
    assert_int_equal(bench.hart.x[A0], RAM_BASE + 4);
    bench.hart.x[A0] = DATA;
    run_word(0x9502); /* c.jalr a0: the way back is two bytes on */
    assert_int_equal(bench.hart.pc, DATA);
    assert_int_equal(bench.hart.x[RA], RAM_BASE + 2);
}

/* ---- Memory ---- */

static void loads_extend_and_stores_cut(void **state)
{
    (void)state;
    static const struct {
        enum instruction_code load;
        uint64_t expected;
    } loads[] = {
        {INSTRUCTION_LB, MINUS(0x78)},        {INSTRUCTION_LBU, 0x88},
        {INSTRUCTION_LH, MINUS(0x6678)},      {INSTRUCTION_LHU, 0x9988},
        {INSTRUCTION_LW, 0xffffffffbbaa9988}, {INSTRUCTION_LWU, 0xbbaa9988},
        {INSTRUCTION_LD, 0xffeeddccbbaa9988},
    };
    static const struct {
        enum instruction_code store;
        uint64_t expected;
    } stores[] = {{INSTRUCTION_SB, 0xf0},
                  {INSTRUCTION_SH, 0xdef0},
                  {INSTRUCTION_SW, 0x9abcdef0},
                  {INSTRUCTION_SD, 0x123456789abcdef0}};
    /* Aligned, misaligned, and across a page. */
    static const uint64_t addresses[] = {DATA, DATA + 1, DATA + 2044, DATA + PAGE_BYTES - 3};
    for (size_t a = 0; a < sizeof addresses / sizeof *addresses; a++) {
        bench.hart.x[A1] = addresses[a] + 100;
        for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
            write_u64(addresses[a], 0xffeeddccbbaa9988);
            assert_int_equal(run_word(program_word(loads[i].load, A0, A1, 0, -100)), 1);
            assert_int_equal(bench.hart.x[A0], loads[i].expected);
        }
        for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
            write_u64(addresses[a], 0);
            bench.hart.x[A0] = 0x123456789abcdef0;
            assert_int_equal(run_word(program_word(stores[i].store, 0, A1, A0, -100)), 1);
            assert_int_equal(read_u64(addresses[a]), stores[i].expected);
        }
    }
}

static void atomics_return_the_old_value_sign_extended(void **state)
{
    (void)state;
    static const struct {
        enum instruction_code code;
        uint64_t memory, operand, expected, old;
    } rows[] = {
#define W 0x1111111100000000 /* what stands behind a word must stay */
        {INSTRUCTION_AMOSWAP_W, W | 0x80000000, 7, W | 7, MIN32},
        {INSTRUCTION_AMOADD_W, W | 0xffffffff, 1, W, ALL},
        {INSTRUCTION_AMOADD_W, W | 0x7fffffff, 1, W | 0x80000000, MAX32},
        {INSTRUCTION_AMOXOR_W, W | 0xff, 0x0f, W | 0xf0, 0xff},
        {INSTRUCTION_AMOAND_W, W | 0xff, ALL << 4, W | 0xf0, 0xff},
        {INSTRUCTION_AMOOR_W, W | 0xf0, 0x0f, W | 0xff, 0xf0},
        {INSTRUCTION_AMOMIN_W, W | 0x80000000, 5, W | 0x80000000, MIN32},
        {INSTRUCTION_AMOMIN_W, W | 5, 0x80000000, W | 0x80000000, 5},
        {INSTRUCTION_AMOMAX_W, W | 0x80000000, 5, W | 5, MIN32},
        {INSTRUCTION_AMOMAX_W, W | 5, 0xff00000001, W | 5, 5},
        {INSTRUCTION_AMOMINU_W, W | 0x80000000, 5, W | 5, MIN32},
        {INSTRUCTION_AMOMINU_W, W | 5, 0xff00000001, W | 1, 5},
        {INSTRUCTION_AMOMAXU_W, W | 5, 0x80000000, W | 0x80000000, 5},
        {INSTRUCTION_AMOMAXU_W, W | 0x80000000, 5, W | 0x80000000, MIN32},
#undef W
        {INSTRUCTION_AMOSWAP_D, MIN64, 7, 7, MIN64},
        {INSTRUCTION_AMOADD_D, MAX64, 1, MIN64, MAX64},
        {INSTRUCTION_AMOXOR_D, ALL, 1, MINUS(2), ALL},
        {INSTRUCTION_AMOAND_D, 0xff, 0x0f, 0x0f, 0xff},
        {INSTRUCTION_AMOOR_D, 0xf0, 0x0f, 0xff, 0xf0},
        {INSTRUCTION_AMOMIN_D, MIN64, 5, MIN64, MIN64},
        {INSTRUCTION_AMOMAX_D, MIN64, 5, 5, MIN64},
        {INSTRUCTION_AMOMINU_D, MIN64, 5, 5, MIN64},
        {INSTRUCTION_AMOMAXU_D, MIN64, 5, MIN64, MIN64},
        {INSTRUCTION_AMOMAXU_D, 5, ALL, ALL, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_u64(DATA, rows[i].memory);
        bench.hart.x[A1] = DATA;
        bench.hart.x[A2] = rows[i].operand;
        assert_int_equal(run_word(program_word(rows[i].code, A0, A1, A2, 0)), 1);
        assert_int_equal(bench.hart.x[A0], rows[i].old);
        assert_int_equal(read_u64(DATA), rows[i].expected);
        bench.hart.x[A1] = DATA + 2; /* an atomic must be aligned */
        assert_int_equal(run_word(program_word(rows[i].code, A0, A1, A2, 0)), 0);
        assert_int_equal(bench.result.fault, FAULT_ATOMIC_MISALIGNED);
    }
}

static uint64_t reserve(enum instruction_code code, uint64_t address)
{
    bench.hart.x[A1] = address;
    return run_word(program_word(code, A0, A1, 0, 0));
}

/* 0: stored. */
static uint64_t store_conditionally(enum instruction_code code, uint64_t address)
{
    bench.hart.x[A1] = address;
    bench.hart.x[A2] = 0x55;
    assert_int_equal(run_word(program_word(code, A0, A1, A2, 0)), 1);
    return bench.hart.x[A0];
}

static void store_conditional_needs_its_reservation(void **state)
{
    (void)state;
    write_u64(DATA, 0x80000000);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1);
    assert_int_equal(read_u64(DATA), 0x80000000);
    reserve(INSTRUCTION_LR_W, DATA);
    assert_int_equal(bench.hart.x[A0], MIN32);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 0);
    assert_int_equal(read_u64(DATA), 0x55);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1); /* used up */
    reserve(INSTRUCTION_LR_W, DATA);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA + 8), 1); /* another address */
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1);     /* that took it away */
    reserve(INSTRUCTION_LR_D, DATA);
    assert_int_equal(store_conditionally(INSTRUCTION_SC_W, DATA), 1); /* another size */
    assert_int_equal(reserve(INSTRUCTION_LR_D, DATA + 4), 0);
    assert_int_equal(bench.result.fault, FAULT_LOAD_MISALIGNED);
    /* A reservation of 0 cannot exist here, and "none" must not look like one: this sc fails
     * instead of storing outside memory. */
    assert_int_equal(store_conditionally(INSTRUCTION_SC_D, 0), 1);
}

/* ---- Counters, environment ---- */

static void counters_are_read_only(void **state)
{
    (void)state;
    bench.clock = (struct hart_clock){.ticks = 30, .ticks_per_s = 100000000, .idle_ns = 7};
    bench.hart.retired_instructions = 50;
    bench.hart.cycles = 60;
    run_word(program_word(INSTRUCTION_CSRRS, A0, ZERO, 0, 0xc02));
    assert_int_equal(bench.hart.x[A0], 50);
    run_word(program_word(INSTRUCTION_CSRRCI, A0, 0, 0, 0xc00));
    assert_int_equal(bench.hart.x[A0], 61);
    run_word(program_word(INSTRUCTION_CSRRC, A0, ZERO, 0, 0xc01));
    assert_int_equal(bench.hart.x[A0], 7 + 300);
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
        assert_int_equal(bench.result.stop, HART_FAULT);
        assert_int_equal(bench.result.fault, FAULT_ILLEGAL);
        assert_int_equal(bench.result.fault_value, bits);
        assert_int_equal(bench.hart.pc, RAM_BASE);
    }
}

static void stops_before_ecall_and_behind_wfi(void **state)
{
    (void)state;
    assert_int_equal(run_word(program_word(INSTRUCTION_ECALL, 0, 0, 0, 0)), 0);
    assert_int_equal(bench.result.stop, HART_ECALL);
    assert_int_equal(bench.hart.pc, RAM_BASE);
    assert_int_equal(run_word(program_word(INSTRUCTION_WFI, 0, 0, 0, 0)), 1);
    assert_int_equal(bench.result.stop, HART_WAIT);
    assert_int_equal(bench.hart.pc, RAM_BASE + 4);
    assert_int_equal(run_word(0x9002), 0); /* c.ebreak */
    assert_int_equal(bench.result.fault, FAULT_BREAKPOINT);
    assert_int_equal(run_word(program_word(INSTRUCTION_FENCE, 0, 0, 0, 0xff)), 1);
    assert_int_equal(run_word(program_word(INSTRUCTION_FENCE_I, 0, 0, 0, 0)), 1);
}

static void leaving_memory_is_a_fault(void **state)
{
    (void)state;
    uint64_t end = RAM_BASE + PAGES * PAGE_BYTES;
    bench.hart.x[A1] = end - 4;
    assert_int_equal(run_word(program_word(INSTRUCTION_LD, A0, A1, 0, 0)), 0);
    assert_int_equal(bench.result.fault, FAULT_LOAD_ACCESS);
    assert_int_equal(bench.result.fault_value, end - 4);
    assert_int_equal(run_word(program_word(INSTRUCTION_SD, 0, A1, A0, 0)), 0);
    assert_int_equal(bench.result.fault, FAULT_STORE_ACCESS);
    bench.hart.x[A1] = ALL; /* wraps around the end of all addresses */
    assert_int_equal(run_word(program_word(INSTRUCTION_LD, A0, A1, 0, 0)), 0);
    assert_int_equal(bench.result.fault, FAULT_LOAD_ACCESS);
    bench.hart.x[A1] = 0;
    assert_int_equal(run_word(program_word(INSTRUCTION_LB, A0, A1, 0, 0)), 0);
    place(end - 4, program_word(INSTRUCTION_ADDI, A0, ZERO, 0, 1));
    bench.hart.pc = end - 4;
    assert_int_equal(hart_run(&bench.hart, &bench.memory, &bench.clock, 9, &bench.result), 1);
    assert_int_equal(bench.result.fault, FAULT_FETCH_ACCESS);
    assert_int_equal(bench.hart.pc, end);
    place(end - 4, 0x00130001); /* c.nop, and the first half of an addi that memory cuts off */
    bench.hart.pc = end - 4;
    assert_int_equal(hart_run(&bench.hart, &bench.memory, &bench.clock, 9, &bench.result), 1);
    assert_int_equal(bench.result.fault, FAULT_FETCH_ACCESS);
    assert_int_equal(bench.hart.pc, end - 2);
}

/* What comes behind the last instruction of the budget is not asked for: so the instant at which a
 * page is missed does not depend on how the time was cut. */
static void a_used_budget_asks_for_no_page(void **state)
{
    (void)state;
    memory_drop(&bench.memory, 2);
    assert_int_equal(run_word(program_word(INSTRUCTION_JAL, RA, 0, 0, 2 * PAGE_BYTES)), 1);
    assert_int_equal(bench.result.stop, HART_BUDGET);
    assert_int_equal(bench.hart.pc, RAM_BASE + 2 * PAGE_BYTES);
    assert_int_equal(hart_run(&bench.hart, &bench.memory, &bench.clock, 1, &bench.result), 0);
    assert_int_equal(bench.result.stop, HART_MISSING);
    assert_int_equal(bench.result.page_idx, 2);
    place(DATA + PAGE_BYTES - 4, program_word(INSTRUCTION_ADDI, A0, A0, 0, 1));
    bench.hart.pc = DATA + PAGE_BYTES - 4; /* falls into the missing page, not by a jump */
    assert_int_equal(hart_run(&bench.hart, &bench.memory, &bench.clock, 1, &bench.result), 1);
    assert_int_equal(bench.result.stop, HART_BUDGET);
}

/* ---- Encodings ---- */

static void every_row_comes_back_from_its_bits(void **state)
{
    (void)state;
    struct prng prng = prng_make(3, 0);
    for (unsigned code = INSTRUCTION_NONE + 1; code < INSTRUCTION_COUNT; code++) {
        const struct instruction_description *row = instruction_describe(code);
        assert_int_equal(row->match & ~row->mask, 0);
        for (unsigned i = 0; i < 200; i++) {
            struct instruction one;
            uint32_t bits = ((uint32_t)prng_next(&prng) & ~row->mask) | row->match;
            assert_true(instruction_decode(bits, &one));
            assert_int_equal(one.code, code);
            uint32_t again = program_word(code, one.rd, one.rs1, one.rs2, one.imm);
            again |= (uint32_t)one.ordering << 25;
            if (row->format != FORMAT_NONE && row->format != FORMAT_FENCE)
                assert_int_equal(again, bits);
        }
    }
}

static void what_is_reserved_is_refused(void **state)
{
    (void)state;
    static const uint32_t reserved[] = {
        0x00000000,                                     /* all zeros: c.addi4spn of 0 */
        0x00000004,                                     /* c.addi4spn of 0, another register */
        0x00002001,                                     /* c.addiw into x0 */
        0x00006101,                                     /* c.addi16sp of 0 */
        0x00006501,                                     /* c.lui of 0 */
        0x00004002,                                     /* c.lwsp into x0 */
        0x00006002,                                     /* c.ldsp into x0 */
        0x00008002,                                     /* c.jr of x0 */
        0x00009c41,                                     /* reserved neighbours of c.addw */
        0x00009c61, 0x00002000,                         /* c.fld and its kin: no D extension */
        0x0000a000, 0x00002002, 0x0000a002, 0x00008000, /* quadrant 0, funct3 100 */
        0xffffffff,                                     /* all ones */
        0x0000001f,                                     /* begins a longer instruction */
        0x04051513,                                     /* slli with a bit above its shamt */
        0x0205151b,                                     /* slliw by 32 */
        0x40051513,                                     /* slli with the bit of srai */
        0x02051067,                                     /* jalr, funct3 1 */
        0x00003063,                                     /* branch, funct3 3 */
        0x00007003,                                     /* load, funct3 7 */
        0x00004023,                                     /* store, funct3 4 */
        0x0200103b,                                     /* mulhw does not exist */
        0x1015252f,                                     /* lr.w with an rs2 */
        0x0000102f,                                     /* atomic of halfwords */
        0x00004073,                                     /* system, funct3 4 */
        0x00200073,                                     /* uret */
        0x30200073,                                     /* mret */
        0x120000f3,                                     /* sfence.vma with an rd */
        0x0030200f,                                     /* a fourth cbo */
        0x00000053,                                     /* fadd.s */
        0x00052007,                                     /* flw */
    };
    struct instruction one;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (instruction_decode(reserved[i], &one))
            fail_msg("0x%08x", reserved[i]);
        assert_int_equal(run_word(reserved[i]), 0);
        assert_int_equal(bench.result.fault, FAULT_ILLEGAL);
    }
}

/* Samples of the scattered immediates; disassemble_test.c goes through all of them. */
static void compressed_ones_expand(void **state)
{
    (void)state;
    static const struct {
        uint32_t half;
        enum instruction_code code;
        uint8_t rd, rs1, rs2;
        int64_t imm;
    } rows[] = {
        {0x0808, INSTRUCTION_ADDI, A0, SP, 0, 16},  {0x717d, INSTRUCTION_ADDI, SP, SP, 0, -16},
        {0x7179, INSTRUCTION_ADDI, SP, SP, 0, -48}, {0x557d, INSTRUCTION_ADDI, A0, 0, 0, -1},
        {0x757d, INSTRUCTION_LUI, A0, 0, 0, -4096}, {0x2505, INSTRUCTION_ADDIW, A0, A0, 0, 1},
        {0x9101, INSTRUCTION_SRLI, A0, A0, 0, 32},  {0x952e, INSTRUCTION_ADD, A0, A0, A1, 0},
        {0x852e, INSTRUCTION_ADD, A0, 0, A1, 0},    {0xe406, INSTRUCTION_SD, 0, SP, RA, 8},
        {0x60a2, INSTRUCTION_LD, RA, SP, 0, 8},     {0x4108, INSTRUCTION_LW, A0, A0, 0, 0},
        {0xbfe5, INSTRUCTION_JAL, 0, 0, 0, -8},     {0xdd7d, INSTRUCTION_BEQ, 0, A0, 0, -2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct instruction one;
        assert_true(instruction_decode(rows[i].half, &one));
        assert_int_equal(one.halves, 1);
        assert_int_equal(one.code, rows[i].code);
        assert_int_equal(one.rd, rows[i].rd);
        assert_int_equal(one.rs1, rows[i].rs1);
        assert_int_equal(one.rs2, rows[i].rs2);
        assert_int_equal(one.imm, rows[i].imm);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(computes_from_two_registers),
        TEST(computes_with_immediates),
        TEST(branches_where_the_condition_holds),
        TEST(jumps_and_leaves_the_way_back),
        TEST(loads_extend_and_stores_cut),
        TEST(atomics_return_the_old_value_sign_extended),
        TEST(store_conditional_needs_its_reservation),
        TEST(counters_are_read_only),
        TEST(stops_before_ecall_and_behind_wfi),
        TEST(leaving_memory_is_a_fault),
        TEST(a_used_budget_asks_for_no_page),
        TEST(every_row_comes_back_from_its_bits),
        TEST(what_is_reserved_is_refused),
        TEST(compressed_ones_expand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
