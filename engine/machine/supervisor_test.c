/* Supervisor mode and several harts, as a guest that is a small kernel of its own sees them: traps,
 * interrupts on their exact tick, control registers, the SBI's harts. Programs are run in slices of
 * random length: what comes out may not depend on them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/prng.h"
#include "machine/board.h"
#include "machine/csr.h"
#include "machine/test_program.h"

#define MEMORY_BYTES (1ull << 20)
#define DATA         (RAM_BASE + 0x40000)
#define USER         0x400 /* words from the beginning: what runs in user mode, */
#define HANDLER      0x800 /* and where traps go */
#define FOREVER      (UINT64_MAX / 4)

enum {
    SSTATUS = 0x100,
    SIE = 0x104,
    STVEC = 0x105,
    SCOUNTEREN = 0x106,
    SENVCFG = 0x10a,
    SSCRATCH = 0x140,
    SEPC = 0x141,
    SCAUSE = 0x142,
    STVAL = 0x143,
    SIP = 0x144,
    SATP = 0x180,
    CYCLE = 0xc00,
    TIME = 0xc01,
    INSTRET = 0xc02
};

static struct program program;

/* Whatever uses the last registers of a program does not disturb what it looks at. */
static void put_ask(uint64_t extension, uint64_t function)
{
    put_number(&program, A7, extension);
    put_number(&program, A6, function);
    PUT(&program, ECALL, 0, 0, 0, 0);
}

static void put_csr_write(uint64_t csr, uint64_t value)
{
    put_number(&program, T6, value);
    PUT(&program, CSRRW, ZERO, T6, 0, csr);
}

static void put_store(uint32_t reg, uint64_t offset)
{
    put_number(&program, T6, DATA + offset);
    PUT(&program, SD, 0, T6, reg, 0);
}

/* Goes on at that word; nobody falls through. */
static void put_up_to(uint32_t words)
{
    MUST(program.count <= words);
    while (program.count < words)
        put_word(&program, 0); /* illegal */
}

static struct guest *boot_at(uint64_t cpu_rate, uint32_t harts)
{
    const struct machine_config config = {
        .memory_bytes = MEMORY_BYTES, .cpu_rate = cpu_rate, .hart_count = harts};
    struct bytes image = program_image(&program);
    struct problem problem;
    struct guest *guest;
    assert_int_equal(machine_open(&config, "test", image.data, image.count, &guest, &problem),
                     STATUS_OK);
    bytes_fini(&image);
    return guest;
}

/* A tick takes a nanosecond. */
static struct guest *boot(uint32_t harts)
{
    return boot_at(1000000000 / harts, harts);
}

/* Runs to the end, cut at random instants; how it ended. */
static struct guest_run run_in_slices(struct guest *guest, uint64_t seed, uint64_t longest_ns)
{
    struct prng prng = prng_make(seed, 0);
    struct guest_run run;
    for (uint64_t slices = 0; slices < 10000000; slices++) {
        uint64_t now_ns = guest->ops->now_ns(guest);
        guest->ops->run(guest, now_ns + prng_below(&prng, longest_ns), &run);
        if (run.stop == GUEST_ENDED)
            return run;
        if (run.stop == GUEST_IDLE) {
            assert_true(run.wake_ns < FOREVER);
            uint64_t until_ns = now_ns + prng_below(&prng, longest_ns);
            guest->ops->idle_until(guest, until_ns < run.wake_ns ? until_ns : run.wake_ns);
        }
    }
    fail_msg("it does not end");
    return run;
}

static uint64_t left_at(struct guest *guest, uint64_t offset)
{
    uint64_t value;
    memcpy(&value, memory_at(&machine_of(guest)->memory, DATA + offset), sizeof value);
    return value;
}

/* Hart 0 alone, with its number, and all of memory's end for a stack. */
static void hart_0_begins(void **state)
{
    (void)state;
    program.count = 0;
    PUT(&program, SD, 0, SP, A0, -8);
    put_exit(&program);
    struct guest *guest = boot(3);
    const struct hart *harts = machine_of(guest)->harts;
    assert_int_equal(harts[0].pc, RAM_BASE);
    for (unsigned i = 0; i < HART_REGISTERS; i++)
        assert_int_equal(harts[0].x[i], i == SP ? RAM_BASE + MEMORY_BYTES : 0);
    assert_int_equal(harts[1].status, HART_STOPPED);
    assert_int_equal(harts[2].status, HART_STOPPED);
    struct guest_run run = run_in_slices(guest, 1, 10);
    assert_false(run.is_fault);
    guest->ops->close(guest);
}

/* A trap from user mode and one from supervisor mode, and how each is left again. */
static void traps_go_to_the_guests_handler(void **state)
{
    (void)state;
    program.count = 0;
    put_csr_write(STVEC, RAM_BASE + 4 * HANDLER);
    put_csr_write(SSTATUS, SSTATUS_SIE);
    uint64_t ebreak_at = program_here(&program);
    PUT(&program, EBREAK, 0, 0, 0, 0); /* the handler steps behind it */
    PUT(&program, CSRRS, S1, ZERO, 0, SSTATUS);
    put_store(S1, 0);
    put_csr_write(SSTATUS, SSTATUS_SPIE); /* SPP: user */
    put_number(&program, T0, RAM_BASE + 4 * USER);
    PUT(&program, CSRRW, ZERO, T0, 0, SEPC);
    PUT(&program, SRET, 0, 0, 0, 0);
    put_up_to(USER);
    uint64_t ecall_at = program_here(&program);
    PUT(&program, ECALL, 0, 0, 0, 0); /* from user mode: a trap, no hypercall */
    put_up_to(HANDLER);
    PUT(&program, CSRRS, S2, ZERO, 0, SCAUSE);
    PUT(&program, CSRRS, S3, ZERO, 0, SEPC);
    PUT(&program, CSRRS, S4, ZERO, 0, SSTATUS);
    PUT(&program, ADDI, S5, ZERO, 0, FAULT_BREAKPOINT);
    uint32_t to_user_case = program.count;
    PUT(&program, BNE, 0, S2, S5, 0);
    put_store(S3, 8);
    put_store(S4, 16);
    PUT(&program, ADDI, S3, S3, 0, 4);
    PUT(&program, CSRRW, ZERO, S3, 0, SEPC);
    PUT(&program, SRET, 0, 0, 0, 0);
    program.words[to_user_case] =
        program_word(INSTRUCTION_BNE, 0, S2, S5, 4 * (program.count - to_user_case));
    put_store(S2, 24);
    put_store(S3, 32);
    put_store(S4, 40);
    put_exit(&program);
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct guest *guest = boot(1);
        struct guest_run run = run_in_slices(guest, seed, seed == 0 ? 2 : 50);
        assert_false(run.is_fault);
        uint64_t uxl = 2ull << 32;
        assert_int_equal(left_at(guest, 8), ebreak_at);
        assert_int_equal(left_at(guest, 16), uxl | SSTATUS_SPIE | SSTATUS_SPP);
        assert_int_equal(left_at(guest, 0), uxl | SSTATUS_SIE | SSTATUS_SPIE);
        assert_int_equal(left_at(guest, 24), FAULT_USER_ECALL);
        assert_int_equal(left_at(guest, 32), ecall_at);
        assert_int_equal(left_at(guest, 40), uxl | SSTATUS_SPIE); /* from user mode, SIE was on */
        guest->ops->close(guest);
    }
}

/* A loop that counts, interrupted at a set time: the handler sees the same count however the run is
 * cut, and the time is the first at which the timer is due. */
static void a_timer_interrupts_at_its_exact_tick(void **state)
{
    (void)state;
    enum { DUE_NS = 4321 };
    program.count = 0;
    put_csr_write(STVEC, RAM_BASE + 4 * HANDLER + 1); /* vectored */
    put_csr_write(SIE, INTERRUPT_TIMER);
    put_number(&program, A0, DUE_NS);
    put_ask(HYPERCALL_TIME, 0);
    put_csr_write(SSTATUS, SSTATUS_SIE);
    PUT(&program, ADDI, S1, S1, 0, 1);
    PUT_TO(&program, JAL, ZERO, 0, 0, program_here(&program) - 4);
    put_up_to(HANDLER);
    for (unsigned i = 0; i < 5; i++)
        put_word(&program, 0);
    PUT(&program, CSRRS, S2, ZERO, 0, TIME);
    PUT(&program, CSRRS, S3, ZERO, 0, SCAUSE);
    PUT(&program, CSRRS, S4, ZERO, 0, SIP);
    PUT(&program, CSRRS, S5, ZERO, 0, CYCLE);
    PUT(&program, CSRRS, S6, ZERO, 0, INSTRET);
    put_store(S1, 0);
    put_store(S2, 8);
    put_store(S3, 16);
    put_store(S4, 24);
    PUT(&program, SUB, S5, S5, S6, 0);
    put_store(S5, 32);
    put_exit(&program);
    uint64_t counted = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct guest *guest = boot(1);
        run_in_slices(guest, seed, seed < 2 ? 2 : 3000);
        if (seed == 0)
            counted = left_at(guest, 0);
        assert_true(counted > 1000);
        assert_int_equal(left_at(guest, 0), counted);
        assert_int_equal(left_at(guest, 8), DUE_NS + 1); /* the trap took a tick of 1 ns */
        assert_int_equal(left_at(guest, 16), 1ull << 63 | 5);
        assert_int_equal(left_at(guest, 24), INTERRUPT_TIMER);
        /* Beside instructions: the answered ecall, the trap, and that cycle was read before
         * instret. */
        assert_int_equal(left_at(guest, 32), 2 - 1);
        guest->ops->close(guest);
    }
}

/* Each register: what is written, what is read back. */
static void control_registers_keep_their_legal_bits(void **state)
{
    (void)state;
    static const struct {
        uint64_t csr, before, written, read;
    } rows[] = {
        {SSTATUS, 0, ~0ull, 0x2000c0122},
        {SSTATUS, 0xc0122, 0, 0x200000000},
        {SIE, 0, ~0ull, 0x222},
        {SIP, 0, ~0ull, 2},
        {STVEC, 0, 0x80001001, 0x80001001},
        {STVEC, 0x80001000, 0x80002002, 0x80001000},
        {STVEC, 0x80001000, 0x80002003, 0x80001000},
        {SCOUNTEREN, 0, ~0ull, 7},
        {SENVCFG, 0, 0x70, 0x70},
        {SENVCFG, 0x50, 0x20, 0x10},
        {SSCRATCH, 0, ~0ull, ~0ull},
        {SEPC, 0, ~0ull, ~1ull},
        {SCAUSE, 0, ~0ull, ~0ull},
        {STVAL, 0, 1ull << 63, 1ull << 63},
        {SATP, 0, 8ull << 60 | 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hart hart = {.timer_ns = UINT64_MAX};
        const struct hart_clock clock = {.ticks_per_s = 1};
        uint64_t value = 0;
        assert_true(csr_write(&hart, rows[i].csr, rows[i].before));
        assert_true(csr_write(&hart, rows[i].csr, rows[i].written));
        assert_true(csr_read(&hart, &clock, rows[i].csr, &value));
        if (value != rows[i].read)
            fail_msg("%s: 0x%llx", csr_name(rows[i].csr), (unsigned long long)value);
        hart.is_user = true;
        assert_false(csr_read(&hart, &clock, rows[i].csr, &value));
        assert_false(csr_write(&hart, rows[i].csr, 0));
    }
}

static void user_mode_counts_only_where_it_may(void **state)
{
    (void)state;
    static const uint64_t counters[] = {CYCLE, TIME, INSTRET};
    const struct hart_clock clock = {.ticks_per_s = 1};
    uint64_t value;
    for (uint64_t allowed = 0; allowed < 8; allowed++)
        for (unsigned i = 0; i < 3; i++) {
            struct hart hart = {.is_user = true, .scounteren = allowed};
            assert_int_equal(csr_read(&hart, &clock, counters[i], &value), allowed >> i & 1);
            hart.is_user = false;
            assert_true(csr_read(&hart, &clock, counters[i], &value));
            assert_false(csr_write(&hart, counters[i], 0));
        }
}

/* Nobody handles it, or the handler cannot be run: the first trap ends the guest, and says why. */
static void a_trap_without_a_handler_ends_the_guest(void **state)
{
    (void)state;
    for (unsigned is_wild = 0; is_wild < 2; is_wild++) {
        program.count = 0;
        if (is_wild)
            put_csr_write(STVEC, 0x1000);
        uint64_t at = program_here(&program);
        put_word(&program, 0xffffffff);
        struct guest *guest = boot(1);
        struct guest_run run;
        char text[100], expected[100];
        guest->ops->run(guest, FOREVER, &run);
        assert_int_equal(run.stop, GUEST_ENDED);
        assert_true(run.is_fault);
        machine_describe_fault(guest, text, sizeof text);
        snprintf(expected, sizeof expected,
                 "illegal instruction: its bits are 0xffffffff, at 0x%llx", (unsigned long long)at);
        assert_string_equal(text, expected);
        guest->ops->close(guest);
    }
}

/* A handler that traps at once itself traps for ever: time passes all the same. */
static void a_trap_takes_its_time(void **state)
{
    (void)state;
    program.count = 0;
    put_csr_write(STVEC, RAM_BASE + 4 * HANDLER);
    put_up_to(HANDLER);
    put_word(&program, 0);
    struct guest *guest = boot(1);
    struct guest_run run;
    guest->ops->run(guest, 100000, &run);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    assert_int_equal(guest->ops->now_ns(guest), 100000);
    assert_true(guest->ops->instructions(guest) < 10);
    guest->ops->close(guest);
}

/* ---- Several harts ---- */

#define EACH_ADDS 2000

/* All harts add to one number, by lr and sc or by an atomic, until each has done its part; the last
 * to be done ends the guest. */
static void put_contention(uint32_t harts, bool by_reservation)
{
    program.count = 0;
    put_number(&program, S0, DATA);
    PUT(&program, ADDI, S2, A0, 0, 0);
    uint32_t to_work = program.count;
    PUT(&program, BNE, 0, A0, ZERO, 0);
    for (uint32_t i = 1; i < harts; i++) {
        put_number(&program, A0, i);
        put_number(&program, A1, RAM_BASE);
        put_number(&program, A2, 7);
        put_ask(HYPERCALL_HSM, HSM_START);
    }
    program.words[to_work] =
        program_word(INSTRUCTION_BNE, 0, A0, ZERO, 4 * (program.count - to_work));
    put_number(&program, S1, EACH_ADDS);
    uint64_t again = program_here(&program);
    if (by_reservation) {
        PUT(&program, LR_D, T0, S0, 0, 0);
        PUT(&program, ADDI, T0, T0, 0, 1);
        PUT(&program, SC_D, T1, S0, T0, 0);
        PUT_TO(&program, BNE, 0, T1, ZERO, again);
    } else {
        PUT(&program, ADDI, T0, ZERO, 0, 1);
        PUT(&program, AMOADD_D, ZERO, S0, T0, 0);
    }
    PUT(&program, ADDI, S1, S1, 0, -1);
    PUT_TO(&program, BNE, 0, S1, ZERO, again);
    PUT(&program, ADDI, T0, ZERO, 0, 1);
    PUT(&program, ADDI, S0, S0, 0, 64);
    PUT(&program, AMOADD_D, T1, S0, T0, 0);
    PUT(&program, ADDI, T0, ZERO, 0, (int64_t)harts - 1);
    uint32_t to_stop = program.count;
    PUT(&program, BNE, 0, T1, T0, 0);
    put_number(&program, A0, 0);
    put_exit(&program);
    program.words[to_stop] =
        program_word(INSTRUCTION_BNE, 0, T1, T0, 4 * (program.count - to_stop));
    put_ask(HYPERCALL_HSM, HSM_STOP);
}

static void atomics_hold_under_contention(void **state)
{
    (void)state;
    for (uint32_t harts = 1; harts <= HART_MAX; harts++)
        for (unsigned by_reservation = 0; by_reservation < 2; by_reservation++) {
            uint64_t digest = 0;
            put_contention(harts, by_reservation);
            for (uint64_t seed = 0; seed < 3; seed++) {
                struct guest *guest = boot(harts);
                struct guest_run run = run_in_slices(guest, seed, seed == 0 ? 300 : 30000);
                assert_false(run.is_fault);
                assert_int_equal(left_at(guest, 0), harts * EACH_ADDS);
                if (seed == 0)
                    digest = guest->ops->digest(guest);
                assert_int_equal(guest->ops->digest(guest), digest);
                guest->ops->close(guest);
            }
        }
}

/* A reservation that outlasts its hart's turn is there again at the next one, unless another hart
 * has stored there meanwhile; what lies beside it may be stored to. */
static void a_reservation_is_lost_to_another_hart_only(void **state)
{
    (void)state;
    static const struct {
        int64_t offset;
        uint64_t fails;
    } rows[] = {{0, 1}, {4, 1}, {7, 1}, {8, 0}, {-1, 0}, {-7, 1}, {64, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program.count = 0;
        put_number(&program, S0, DATA + 128);
        uint32_t to_other = program.count;
        PUT(&program, BNE, 0, A0, ZERO, 0);
        PUT(&program, SD, 0, S0, ZERO, 0); /* the page is in the TLB */
        PUT(&program, LR_D, T0, S0, 0, 0);
        put_number(&program, A0, 1);
        put_number(&program, A1, RAM_BASE);
        put_ask(HYPERCALL_HSM, HSM_START);
        put_number(&program, T0, 3000); /* more than a turn, with stores of its own */
        uint64_t again = program_here(&program);
        PUT(&program, SD, 0, S0, T0, 512);
        PUT(&program, ADDI, T0, T0, 0, -1);
        PUT_TO(&program, BNE, 0, T0, ZERO, again);
        PUT(&program, SC_D, S1, S0, ZERO, 0);
        put_store(S1, 0);
        put_exit(&program);
        program.words[to_other] =
            program_word(INSTRUCTION_BNE, 0, A0, ZERO, 4 * (program.count - to_other));
        PUT(&program, SD, 0, S0, T0, 1024); /* the page again, by another hart */
        if (rows[i].offset % 8 == 0)
            PUT(&program, SD, 0, S0, ZERO, rows[i].offset);
        else if (rows[i].offset == -7)
            PUT(&program, SD, 0, S0, ZERO, rows[i].offset);
        else
            PUT(&program, SB, 0, S0, ZERO, rows[i].offset);
        put_ask(HYPERCALL_HSM, HSM_STOP);
        struct guest *guest = boot(2);
        run_in_slices(guest, i, 700);
        assert_int_equal(left_at(guest, 0), rows[i].fails);
        guest->ops->close(guest);
    }
}

/* A hart that sleeps is woken by another's interrupt, and by its own timer on its exact tick. */
static void a_sleeping_hart_is_woken(void **state)
{
    (void)state;
    program.count = 0;
    uint32_t to_other = program.count;
    PUT(&program, BNE, 0, A0, ZERO, 0);
    put_number(&program, A0, 1);
    put_number(&program, A1, RAM_BASE);
    put_ask(HYPERCALL_HSM, HSM_START);
    put_number(&program, T0, 5000);
    PUT(&program, ADDI, T0, T0, 0, -1);
    PUT_TO(&program, BNE, 0, T0, ZERO, program_here(&program) - 4);
    put_number(&program, A0, 2); /* hart 1 */
    put_number(&program, A1, 0);
    put_ask(HYPERCALL_IPI, 0);
    PUT(&program, JAL, ZERO, 0, 0, 0); /* for ever: time does not stand still */
    program.words[to_other] =
        program_word(INSTRUCTION_BNE, 0, A0, ZERO, 4 * (program.count - to_other));
    PUT(&program, WFI, 0, 0, 0, 0);
    PUT(&program, CSRRS, S1, ZERO, 0, TIME);
    put_store(S1, 0);
    PUT(&program, CSRRS, S1, ZERO, 0, SIP);
    put_store(S1, 8);
    put_csr_write(SIP, 0);
    put_number(&program, A0, 51500); /* in the middle of its turn */
    put_ask(HYPERCALL_TIME, 0);
    PUT(&program, WFI, 0, 0, 0, 0);
    PUT(&program, CSRRS, S1, ZERO, 0, TIME);
    put_store(S1, 16);
    put_exit(&program);
    uint64_t woken_ns = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct guest *guest = boot(2);
        run_in_slices(guest, seed, seed == 0 ? 3 : 4000);
        if (seed == 0)
            woken_ns = left_at(guest, 0);
        assert_in_range(woken_ns, 20000, 22000); /* its next turn */
        assert_int_equal(left_at(guest, 0), woken_ns);
        assert_int_equal(left_at(guest, 8), INTERRUPT_SOFTWARE);
        assert_int_equal(left_at(guest, 16), 51500);
        guest->ops->close(guest);
    }
}

/* The latest time that a timer can be set to, at rates at which its ticks cannot be counted any
 * more: it is not due, and does not hold up those who run. */
static void a_timer_in_292_years_is_not_due(void **state)
{
    (void)state;
    static const uint64_t rates[] = {100000000, 1100000000, 3000000000, 10000000000};
    program.count = 0;
    put_csr_write(STVEC, RAM_BASE + 4 * HANDLER);
    put_csr_write(SIE, INTERRUPT_TIMER);
    put_csr_write(SSTATUS, SSTATUS_SIE);
    PUT(&program, ADDI, S2, A0, 0, 0);
    put_number(&program, A0, INT64_MAX);
    put_ask(HYPERCALL_TIME, 0);
    uint32_t to_sleep = program.count;
    PUT(&program, BNE, 0, S2, ZERO, 0);
    put_number(&program, A0, 1);
    put_number(&program, A1, RAM_BASE);
    put_ask(HYPERCALL_HSM, HSM_START);
    put_number(&program, T0, 5000);
    PUT(&program, ADDI, T0, T0, 0, -1);
    PUT_TO(&program, BNE, 0, T0, ZERO, program_here(&program) - 4);
    put_number(&program, A0, 5);
    put_exit(&program);
    program.words[to_sleep] =
        program_word(INSTRUCTION_BNE, 0, S2, ZERO, 4 * (program.count - to_sleep));
    PUT(&program, WFI, 0, 0, 0, 0);
    put_up_to(HANDLER);
    put_number(&program, A0, 6);
    put_exit(&program);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        for (uint32_t harts = 1; harts <= HART_MAX; harts++) {
            struct guest *guest = boot_at(rates[i], harts);
            struct guest_run run = {0};
            uint64_t until_ns = 0;
            while (run.stop != GUEST_ENDED && until_ns < 10000000)
                guest->ops->run(guest, until_ns += 10000, &run);
            assert_int_equal(run.stop, GUEST_ENDED);
            assert_int_equal(run.status, 5);
            guest->ops->close(guest);
        }
}

/* SBI's hart_suspend, both types: what is pending keeps a hart awake, and stays pending. Whom it
 * suspends others see. */
static void a_suspended_hart_is_seen_and_woken(void **state)
{
    (void)state;
    static const uint64_t types[] = {SUSPEND_RETENTIVE, SUSPEND_NON_RETENTIVE,
                                     0xffffffff00000000 | SUSPEND_NON_RETENTIVE};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        program.count = 0;
        uint32_t to_other = program.count;
        PUT(&program, BNE, 0, A0, ZERO, 0);
        put_number(&program, A0, 1);
        put_number(&program, A1, RAM_BASE);
        put_ask(HYPERCALL_HSM, HSM_START);
        uint64_t again = program_here(&program);
        put_number(&program, A0, 1);
        put_ask(HYPERCALL_HSM, HSM_STATUS);
        PUT(&program, ADDI, T0, ZERO, 0, HART_SUSPENDED);
        PUT_TO(&program, BNE, 0, A1, T0, again); /* until it is suspended */
        put_number(&program, A0, 2);
        put_number(&program, A1, 0);
        put_ask(HYPERCALL_IPI, 0);
        put_number(&program, A0, 1);
        put_ask(HYPERCALL_HSM, HSM_STATUS);
        put_store(A1, 0); /* woken, though it had no turn since */
        PUT_TO(&program, JAL, ZERO, 0, 0, program_here(&program));
        program.words[to_other] =
            program_word(INSTRUCTION_BNE, 0, A0, ZERO, 4 * (program.count - to_other));
        for (unsigned twice = 0; twice < 2; twice++) { /* at the second its interrupt is pending */
            uint64_t resume = RAM_BASE + 4 * (USER + 64 * twice);
            put_number(&program, A0, types[i]);
            put_number(&program, A1, resume);
            put_number(&program, A2, 77);
            put_ask(HYPERCALL_HSM, HSM_SUSPEND);
            if (types[i] == SUSPEND_RETENTIVE)
                PUT_TO(&program, JAL, ZERO, 0, 0, resume);
            put_up_to((uint32_t)((resume - RAM_BASE) / 4));
        }
        put_store(A0, 8);  /* a retentive one has returned 0, */
        put_store(A1, 16); /* another begins with its number and what it was given */
        PUT(&program, CSRRS, S1, ZERO, 0, SIP);
        put_store(S1, 24);
        put_exit(&program);
        struct guest *guest = boot(2);
        run_in_slices(guest, i, 500);
        assert_int_equal(left_at(guest, 0), HART_STARTED);
        assert_int_equal(left_at(guest, 8), types[i] == SUSPEND_RETENTIVE ? 0 : 1);
        assert_int_equal(left_at(guest, 16), types[i] == SUSPEND_RETENTIVE ? 0 : 77);
        assert_int_equal(left_at(guest, 24), INTERRUPT_SOFTWARE);
        guest->ops->close(guest);
    }
}

/* A hart that needs a page that is not there waits for it; the others go on. Only when none can is
 * the guest stuck, and its time stands still. */
static void the_others_run_on_while_one_waits_for_a_page(void **state)
{
    (void)state;
    enum { MISSING_IDX = (DATA - RAM_BASE) / PAGE_BYTES, COUNTS = 40000 };
    program.count = 0;
    put_number(&program, S0, DATA);
    uint32_t to_other = program.count;
    PUT(&program, BNE, 0, A0, ZERO, 0);
    put_number(&program, A0, 1);
    put_number(&program, A1, RAM_BASE);
    put_ask(HYPERCALL_HSM, HSM_START);
    put_number(&program, S1, COUNTS);
    PUT(&program, ADDI, S1, S1, 0, -1);
    PUT_TO(&program, BNE, 0, S1, ZERO, program_here(&program) - 4);
    PUT(&program, LD, A0, S0, 0, 0);
    put_exit(&program);
    program.words[to_other] =
        program_word(INSTRUCTION_BNE, 0, A0, ZERO, 4 * (program.count - to_other));
    PUT(&program, LD, S1, S0, 0, 8);
    PUT_TO(&program, JAL, ZERO, 0, 0, program_here(&program));
    struct guest *guest = boot(2);
    const struct hart *harts = machine_of(guest)->harts;
    struct guest_run run;
    guest->ops->drop_page(guest, MISSING_IDX);
    guest->ops->run(guest, FOREVER, &run);
    assert_int_equal(run.stop, GUEST_MISSING);
    assert_int_equal(run.hart_idx, 1);
    assert_int_equal(run.page_idx, MISSING_IDX);
    assert_false(run.is_stuck);
    uint64_t waits_at = harts[1].pc;
    guest->ops->run(guest, 100000, &run);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    assert_in_range(harts[0].retired_instructions, 49000, 51000); /* every second tick */
    for (unsigned again = 0; again < 3; again++) {
        guest->ops->run(guest, FOREVER, &run);
        assert_int_equal(run.stop, GUEST_MISSING);
        assert_true(run.is_stuck);
        assert_in_range(guest->ops->now_ns(guest), 160000, 162000); /* and no further */
    }
    assert_int_equal(harts[1].pc, waits_at);
    static uint8_t page[PAGE_BYTES] = {7};
    guest->ops->install_pages(guest, MISSING_IDX, 1, page);
    guest->ops->run(guest, FOREVER, &run);
    assert_int_equal(run.stop, GUEST_ENDED);
    assert_int_equal(run.status, 7);
    guest->ops->close(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hart_0_begins),
        cmocka_unit_test(traps_go_to_the_guests_handler),
        cmocka_unit_test(a_timer_interrupts_at_its_exact_tick),
        cmocka_unit_test(control_registers_keep_their_legal_bits),
        cmocka_unit_test(user_mode_counts_only_where_it_may),
        cmocka_unit_test(a_trap_without_a_handler_ends_the_guest),
        cmocka_unit_test(a_trap_takes_its_time),
        cmocka_unit_test(atomics_hold_under_contention),
        cmocka_unit_test(a_reservation_is_lost_to_another_hart_only),
        cmocka_unit_test(a_sleeping_hart_is_woken),
        cmocka_unit_test(a_timer_in_292_years_is_not_due),
        cmocka_unit_test(a_suspended_hart_is_seen_and_woken),
        cmocka_unit_test(the_others_run_on_while_one_waits_for_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
