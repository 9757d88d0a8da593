/* Who may do what: instructions and control registers in supervisor and in user mode, cache blocks
 * (Zicbom), and what a trap and a return do to the mode. Tables from the specification (Volume II,
 * version 20211203, chapters 2 to 4; Cache Management Operations, version 1.0, chapter 2).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "machine/csr.h"
#include "machine/hart_stand.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))
#define HANDLER     (RAM_BASE + 0x100)
#define NO_TRAP     0
#define INTERRUPT   (1ull << 63)
#define SCRATCH     0x140
#define CYCLE       0xc00

/* Runs one instruction in a mode, with a handler: its cause, or NO_TRAP. */
static uint64_t cause_of(uint32_t bits, bool is_user)
{
    stand.hart.is_user = is_user;
    stand.hart.stvec = HANDLER;
    stand.hart.scause = NO_TRAP;
    assert_int_equal(run_word(bits), 1);
    return stand.hart.scause;
}

/* ---- Instructions ---- */

static void modes_have_their_instructions(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        uint64_t supervisor, user; /* causes */
    } rows[] = {
        {0x10200073, NO_TRAP, FAULT_ILLEGAL},             /* sret */
        {0x10500073, NO_TRAP, FAULT_ILLEGAL},             /* wfi */
        {0x12000073, NO_TRAP, FAULT_ILLEGAL},             /* sfence.vma */
        {0x12b50073, NO_TRAP, FAULT_ILLEGAL},             /* sfence.vma a0, a1 */
        {0x30200073, FAULT_ILLEGAL, FAULT_ILLEGAL},       /* mret */
        {0x00200073, FAULT_ILLEGAL, FAULT_ILLEGAL},       /* uret */
        {0x00100073, FAULT_BREAKPOINT, FAULT_BREAKPOINT}, /* ebreak */
        {0x00009002, FAULT_BREAKPOINT, FAULT_BREAKPOINT}, /* c.ebreak */
        {0x0000100f, NO_TRAP, NO_TRAP},                   /* fence.i */
        {0x00000013, NO_TRAP, NO_TRAP},                   /* nop */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(cause_of(rows[i].bits, false), rows[i].supervisor);
        assert_int_equal(cause_of(rows[i].bits, true), rows[i].user);
        if (rows[i].user == FAULT_ILLEGAL)
            assert_int_equal(stand.hart.stval, rows[i].bits);
    }
    assert_int_equal(cause_of(0x00000073, true), FAULT_USER_ECALL);
    stand.hart.is_user = false;
    assert_int_equal(run_word(0x00000073), 0);
    assert_int_equal(stand.result.stop, HART_ECALL); /* the machine answers it */
}

/* ---- Control registers ---- */

static bool is_supervisors(uint32_t number)
{
    static const uint16_t numbers[] = {0x100, 0x104, 0x105, 0x106, 0x10a, 0x140,
                                       0x141, 0x142, 0x143, 0x144, 0x180};
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* All 4096 numbers, read and written in both modes; scounteren lets through what it should. */
static void registers_that_are_not_there_are_illegal(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 4096; number++)
        for (uint32_t counters = 0; counters < 8; counters++) {
            bool is_counter = number >= 0xc00 && number <= 0xc02;
            bool is_open = is_counter && (counters >> (number & 3) & 1) != 0;
            uint32_t read = program_word(INSTRUCTION_CSRRS, A0, ZERO, 0, number);
            uint32_t write = program_word(INSTRUCTION_CSRRW, A0, A1, 0, number);
            if (!is_counter && counters > 0)
                break;
            stand.hart.scounteren = counters;
            stand.hart.x[A1] = 0;
            assert_int_equal(cause_of(read, true), is_open ? NO_TRAP : FAULT_ILLEGAL);
            assert_int_equal(cause_of(write, true), FAULT_ILLEGAL);
            bool is_there = is_supervisors(number);
            assert_int_equal(cause_of(read, false),
                             is_counter || is_there ? NO_TRAP : FAULT_ILLEGAL);
            uint64_t cause = cause_of(write, false);
            if (number != 0x142) /* scause: it was written */
                assert_int_equal(cause, is_there ? NO_TRAP : FAULT_ILLEGAL);
        }
}

/* The six ways, and when each of them writes: x0 and 0 mean no, for four of them. */
static void forms_write_or_only_read(void **state)
{
    (void)state;
    static const struct {
        enum instruction_code code;
        uint32_t rs1; /* or the immediate */
        uint64_t after;
        bool writes;
    } rows[] = {
        {INSTRUCTION_CSRRW, A1, 0xf, true},   {INSTRUCTION_CSRRW, ZERO, 0, true},
        {INSTRUCTION_CSRRS, A1, 0xff, true},  {INSTRUCTION_CSRRS, ZERO, 0xf0, false},
        {INSTRUCTION_CSRRC, A1, 0xf0, true},  {INSTRUCTION_CSRRC, ZERO, 0xf0, false},
        {INSTRUCTION_CSRRWI, 31, 31, true},   {INSTRUCTION_CSRRWI, 0, 0, true},
        {INSTRUCTION_CSRRSI, 31, 0xff, true}, {INSTRUCTION_CSRRSI, 0, 0xf0, false},
        {INSTRUCTION_CSRRCI, 16, 0xe0, true}, {INSTRUCTION_CSRRCI, 0, 0xf0, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        stand.hart.sscratch = 0xf0;
        stand.hart.x[A0] = 5;
        stand.hart.x[A1] = 0xf;
        uint32_t bits = program_word(rows[i].code, A0, rows[i].rs1, 0, SCRATCH);
        assert_int_equal(cause_of(bits, false), NO_TRAP);
        assert_int_equal(stand.hart.x[A0], 0xf0);
        assert_int_equal(stand.hart.sscratch, rows[i].after);
        stand.hart.sscratch = 0xf0; /* into x0: the same, but for rd */
        assert_int_equal(cause_of(bits & ~0xf80u, false), NO_TRAP);
        assert_int_equal(stand.hart.sscratch, rows[i].after);
        stand.hart.x[A0] = 5; /* a counter: whoever writes it, traps, and rd stays */
        bits = program_word(rows[i].code, A0, rows[i].rs1, 0, CYCLE);
        assert_int_equal(cause_of(bits, false), rows[i].writes ? FAULT_ILLEGAL : NO_TRAP);
        if (rows[i].writes)
            assert_int_equal(stand.hart.x[A0], 5);
    }
    stand.hart.sscratch = 7; /* rd and rs1 are one register: they change places */
    stand.hart.x[A1] = 9;
    cause_of(program_word(INSTRUCTION_CSRRW, A1, A1, 0, SCRATCH), false);
    assert_int_equal(stand.hart.x[A1], 7);
    assert_int_equal(stand.hart.sscratch, 9);
}

/* ---- Cache blocks ---- */

#define CBO_INVAL(rs1) (0x0000200fu | (rs1) << 15)
#define CBO_CLEAN(rs1) (0x0010200fu | (rs1) << 15)
#define CBO_FLUSH(rs1) (0x0020200fu | (rs1) << 15)

/* CBIE, bits 5:4, speaks for cbo.inval, CBCFE, bit 6, for the other two, and only in user mode:
 * what a supervisor may do, whoever is above it has said. */
static void users_need_leave_for_cache_blocks(void **state)
{
    (void)state;
    static const struct {
        uint64_t senvcfg;
        bool may_inval, may_clean;
    } rows[] = {
        {0x00, false, false}, {0x10, true, false}, {0x30, true, false},
        {0x40, false, true},  {0x50, true, true},  {0x70, true, true},
    };
    stand.hart.x[A1] = DATA + 64;
    for (size_t i = 0; i < COUNT(rows); i++) {
        stand.hart.senvcfg = rows[i].senvcfg;
        const uint32_t words[] = {CBO_INVAL(A1), CBO_CLEAN(A1), CBO_FLUSH(A1)};
        for (unsigned w = 0; w < 3; w++) {
            bool may = w == 0 ? rows[i].may_inval : rows[i].may_clean;
            assert_int_equal(cause_of(words[w], false), NO_TRAP);
            assert_int_equal(cause_of(words[w], true), may ? NO_TRAP : FAULT_ILLEGAL);
            if (!may)
                assert_int_equal(stand.hart.stval, words[w]);
        }
    }
}

/* Any address within a block means the block, nothing of memory changes; where there is no memory
 * it is a store's access fault about the address in rs1. */
static void cache_blocks_must_be_there(void **state)
{
    (void)state;
    const uint32_t words[] = {CBO_INVAL(A1), CBO_CLEAN(A1), CBO_FLUSH(A1)};
    const uint64_t end = RAM_BASE + PAGES * PAGE_BYTES;
    static const uint64_t good[] = {DATA, DATA + 1, DATA + 63, DATA + PAGE_BYTES - 1,
                                    RAM_BASE + PAGES * PAGE_BYTES - 1};
    const uint64_t bad[] = {end, end + 63, 0, RAM_BASE - 1, ALL, MIN64};
    stand.hart.senvcfg = 0x70;
    for (unsigned w = 0; w < 3; w++)
        for (unsigned is_user = 0; is_user < 2; is_user++) {
            for (size_t i = 0; i < COUNT(good); i++) {
                stand.hart.x[A1] = good[i];
                write_u64(DATA, 0x0123456789abcdef);
                assert_int_equal(cause_of(words[w], is_user), NO_TRAP);
                assert_int_equal(read_u64(DATA), 0x0123456789abcdef);
                assert_int_equal(stand.hart.x[A1], good[i]);
            }
            for (size_t i = 0; i < COUNT(bad); i++) {
                stand.hart.x[A1] = bad[i];
                assert_int_equal(cause_of(words[w], is_user), FAULT_STORE_ACCESS);
                assert_int_equal(stand.hart.stval, bad[i]);
            }
        }
    memory_drop(&stand.memory, 2); /* one that is on its way is waited for */
    stand.hart.is_user = false;
    stand.hart.x[A1] = RAM_BASE + 2 * PAGE_BYTES + 8;
    assert_int_equal(run_word(CBO_CLEAN(A1)), 0);
    assert_int_equal(stand.result.stop, HART_MISSING);
    assert_int_equal(stand.result.page_idx, 2);
}

/* ---- Traps and returns ---- */

static void a_trap_remembers_and_a_return_restores(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        bool is_on = i & 1, was_on = i & 2, is_other = i & 4;
        /* A trap: SPIE becomes SIE, SIE 0, SPP the mode. */
        stand.hart.sstatus = (is_on ? SSTATUS_SIE : 0) | (was_on ? SSTATUS_SPIE : 0);
        assert_int_equal(cause_of(0x00100073, is_other), FAULT_BREAKPOINT);
        assert_int_equal(stand.hart.sstatus,
                         (is_on ? SSTATUS_SPIE : 0) | (is_other ? 0 : SSTATUS_SPP));
        assert_false(stand.hart.is_user);
        assert_int_equal(stand.hart.pc, HANDLER);
        assert_int_equal(stand.hart.sepc, RAM_BASE);
        /* A return: SIE becomes SPIE, SPIE 1, the mode SPP, SPP user. */
        stand.hart.sstatus =
            (is_on ? SSTATUS_SIE : 0) | (was_on ? SSTATUS_SPIE : 0) | (is_other ? SSTATUS_SPP : 0);
        stand.hart.sepc = DATA + 2;
        assert_int_equal(cause_of(0x10200073, false), NO_TRAP);
        assert_int_equal(stand.hart.sstatus, SSTATUS_SPIE | (was_on ? SSTATUS_SIE : 0));
        assert_int_equal(stand.hart.is_user, !is_other);
        assert_int_equal(stand.hart.pc, DATA + 2);
    }
}

/* Whether an interrupt is taken: pending and enabled, and not a supervisor who has them off. Which:
 * external, then software, then timer. Where to: a vector of its own, or the handler. */
static void interrupts_are_taken_when_they_may_be(void **state)
{
    (void)state;
    static const struct {
        uint64_t pending, cause; /* of those that are enabled */
    } orders[] = {{0x222, 9}, {0x022, 1}, {0x220, 9}, {0x020, 5}, {0x002, 1}, {0x200, 9}};
    for (size_t i = 0; i < COUNT(orders); i++)
        for (unsigned mode = 0; mode < 16; mode++) {
            bool is_user = mode & 1, is_on = mode & 2, is_enabled = mode & 4;
            uint64_t vectored = mode >> 3;
            bool is_taken = is_enabled && (is_user || is_on);
            stand.hart.sip = orders[i].pending & INTERRUPT_SOFTWARE;
            stand.hart.has_mail = (orders[i].pending & INTERRUPT_EXTERNAL) != 0;
            stand.hart.timer_ns = (orders[i].pending & INTERRUPT_TIMER) != 0 ? 0 : UINT64_MAX;
            stand.hart.sie = is_enabled ? orders[i].pending : ~orders[i].pending & 0x222;
            stand.hart.sstatus = is_on ? SSTATUS_SIE : 0;
            stand.hart.is_user = is_user;
            stand.hart.stvec = HANDLER | vectored;
            stand.hart.scause = stand.hart.x[A0] = 0;
            uint64_t retired = stand.hart.retired_instructions;
            assert_int_equal(run_word(0x00100513), 1); /* li a0, 1 */
            assert_int_equal(stand.hart.x[A0], !is_taken);
            assert_int_equal(stand.hart.retired_instructions - retired, !is_taken);
            if (!is_taken)
                continue;
            assert_int_equal(stand.hart.scause, INTERRUPT | orders[i].cause);
            assert_int_equal(stand.hart.pc, HANDLER + 4 * orders[i].cause * vectored);
            assert_int_equal(stand.hart.sepc, RAM_BASE);
            assert_int_equal(stand.hart.stval, 0);
        }
}

/* Cause and stval of what memory does not do, in both modes: the address, and for a fetch where the
 * instruction stops being there. */
static void faults_say_what_they_are_about(void **state)
{
    (void)state;
    const uint64_t end = RAM_BASE + PAGES * PAGE_BYTES;
    const struct {
        enum instruction_code code;
        uint64_t address, cause;
    } rows[] = {
        {INSTRUCTION_LB, end, FAULT_LOAD_ACCESS},
        {INSTRUCTION_LD, end - 7, FAULT_LOAD_ACCESS},
        {INSTRUCTION_LWU, 0, FAULT_LOAD_ACCESS},
        {INSTRUCTION_LHU, ALL, FAULT_LOAD_ACCESS},
        {INSTRUCTION_SB, RAM_BASE - 1, FAULT_STORE_ACCESS},
        {INSTRUCTION_SD, end - 1, FAULT_STORE_ACCESS},
        {INSTRUCTION_SW, RAM_BASE - 3, FAULT_STORE_ACCESS},
        {INSTRUCTION_AMOADD_W, end, FAULT_STORE_ACCESS},
        {INSTRUCTION_AMOMAXU_D, MIN64, FAULT_STORE_ACCESS},
        {INSTRUCTION_LR_W, end, FAULT_LOAD_ACCESS},
        {INSTRUCTION_LR_W, DATA + 2, FAULT_LOAD_MISALIGNED},
        {INSTRUCTION_LR_D, DATA + 4, FAULT_LOAD_MISALIGNED},
        {INSTRUCTION_SC_W, DATA + 1, FAULT_ATOMIC_MISALIGNED},
        {INSTRUCTION_SC_D, DATA + 4, FAULT_ATOMIC_MISALIGNED},
        {INSTRUCTION_AMOOR_D, DATA + 4, FAULT_ATOMIC_MISALIGNED},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (unsigned is_user = 0; is_user < 2; is_user++) {
            stand.hart.x[A0] = 5;
            stand.hart.x[A1] = rows[i].address;
            uint64_t cause = cause_of(program_word(rows[i].code, A0, A1, A2, 0), is_user);
            if (cause != rows[i].cause || stand.hart.stval != rows[i].address)
                fail_msg("%s of 0x%llx: cause %d, stval 0x%llx",
                         instruction_describe(rows[i].code)->mnemonic,
                         (unsigned long long)rows[i].address, (int)cause,
                         (unsigned long long)stand.hart.stval);
            assert_int_equal(stand.hart.x[A0], 5); /* rd is not written */
        }
    place(end - 4, 0x00130001); /* c.nop, and the first half of an addi that memory cuts off */
    stand.hart.is_user = false;
    stand.hart.pc = end - 2;
    assert_int_equal(hart_run(&stand.hart, &stand.memory, &stand.clock, 1, &stand.result), 1);
    assert_int_equal(stand.hart.scause, FAULT_FETCH_ACCESS);
    assert_int_equal(stand.hart.sepc, end - 2);
    assert_int_equal(stand.hart.stval, end);
    stand.hart.pc = 0x1000;
    assert_int_equal(hart_run(&stand.hart, &stand.memory, &stand.clock, 1, &stand.result), 1);
    assert_int_equal(stand.hart.scause, FAULT_FETCH_ACCESS);
    assert_int_equal(stand.hart.sepc, 0x1000);
    assert_int_equal(stand.hart.stval, 0x1000);
}

/* What traps is not retired, also not ecall and ebreak (Volume II, 3.3.1); its tick passes. */
static void what_traps_is_not_counted(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        uint64_t retired;
    } rows[] = {
        {0x00000013, 1}, {0x00000001, 1}, {0x10200073, 1}, {0x0000100f, 1},
        {0x00100073, 0}, {0x00009002, 0}, {0x00000000, 0}, {0xc0001073, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t retired = stand.hart.retired_instructions, cycles = stand.hart.cycles;
        cause_of(rows[i].bits, false);
        assert_int_equal(stand.hart.retired_instructions - retired, rows[i].retired);
        assert_int_equal(stand.hart.cycles - cycles, 1);
    }
    uint64_t retired = stand.hart.retired_instructions;
    cause_of(0x00000073, true);
    assert_int_equal(stand.hart.retired_instructions, retired);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAND_TEST(modes_have_their_instructions),
        STAND_TEST(registers_that_are_not_there_are_illegal),
        STAND_TEST(forms_write_or_only_read),
        STAND_TEST(users_need_leave_for_cache_blocks),
        STAND_TEST(cache_blocks_must_be_there),
        STAND_TEST(a_trap_remembers_and_a_return_restores),
        STAND_TEST(interrupts_are_taken_when_they_may_be),
        STAND_TEST(faults_say_what_they_are_about),
        STAND_TEST(what_traps_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
