/* debug_program: what debug_test, rewind_test and gdb_test debug: a program for several harts that
 * counts, stores, is interrupted by timers, sleeps and talks. Only tests include this.
 *
 *     hart 0   starts the others, sets a timer every PERIOD_NS whose handler counts and says 't',
 *              works, waits until all have worked, sums up and ends with status 7
 *     all      work: LOOPS times add 1 to COUNTER, store the loop's number into their own slot
 */
#ifndef MACHINE_DEBUG_PROGRAM_H
#define MACHINE_DEBUG_PROGRAM_H

#include "machine/machine.h"
#include "machine/test_program.h"

#define COUNTER   (RAM_BASE + 0x10000)
#define SLOTS     (RAM_BASE + 0x11000) /* 8 bytes for each hart */
#define TICKS_AT  (RAM_BASE + 0x12000) /* timer interrupts so far */
#define LOOPS     8000
#define PERIOD_NS 3000

struct debug_program {
    struct program program;
    uint64_t work;    /* the first instruction of the loop, */
    uint64_t store;   /* its sd into the slot, */
    uint64_t handler; /* the trap handler */
};

static inline void put_sbi(struct program *program, uint64_t extension, uint64_t function)
{
    put_number(program, A7, extension);
    put_number(program, A6, function);
    PUT(program, ECALL, 0, 0, 0, 0);
}

static inline void put_timer(struct program *program)
{
    PUT(program, CSRRS, A0, ZERO, 0, 0xc01);
    put_number(program, T0, PERIOD_NS);
    PUT(program, ADD, A0, A0, T0, 0);
    put_sbi(program, HYPERCALL_TIME, 0);
}

/* Registers that the work uses (S0 to S3) are not touched. */
static inline void put_handler(struct program *program)
{
    put_number(program, T1, TICKS_AT);
    PUT(program, LD, T0, T1, 0, 0);
    PUT(program, ADDI, T0, T0, 0, 1);
    PUT(program, SD, 0, T1, T0, 0);
    PUT(program, ADDI, A0, ZERO, 0, 't');
    put_sbi(program, HYPERCALL_DBCN, 2);
    put_timer(program);
    PUT(program, SRET, 0, 0, 0, 0);
}

static inline void put_start_of_others(struct program *program, uint32_t hart_count,
                                       uint64_t address)
{
    for (uint32_t i = 1; i < hart_count; i++) {
        put_number(program, A0, i);
        put_number(program, A1, address);
        put_number(program, A2, 0);
        put_sbi(program, HYPERCALL_HSM, 0);
    }
}

static inline void put_work(struct debug_program *into, bool has_interrupts)
{
    struct program *program = &into->program;
    put_number(program, S0, LOOPS);
    put_number(program, S1, COUNTER);
    PUT(program, ADDI, S2, ZERO, 0, 1);
    put_number(program, T0, SLOTS);
    PUT(program, SLLI, S3, A0, 0, 3);
    PUT(program, ADD, S3, S3, T0, 0);
    if (has_interrupts)
        PUT(program, CSRRSI, ZERO, 2, 0, 0x100); /* sstatus.SIE, from here on */
    into->work = program_here(program);
    PUT(program, AMOADD_D, ZERO, S1, S2, 0);
    into->store = program_here(program);
    PUT(program, SD, 0, S3, S0, 0);
    PUT(program, ADDI, S0, S0, 0, -1);
    PUT_TO(program, BNE, 0, S0, ZERO, into->work);
}

static inline void debug_program_build(struct debug_program *into, uint32_t hart_count)
{
    struct program *program = &into->program;
    program->count = 0;
    put_word(program, 0); /* jumps over the handler, once that is known */
    while (program_here(program) % 64 != 0)
        PUT(program, ADDI, ZERO, ZERO, 0, 0);
    into->handler = program_here(program);
    put_handler(program);
    uint64_t others = program_here(program);
    put_work(into, false);
    PUT(program, WFI, 0, 0, 0, 0);
    PUT_TO(program, JAL, ZERO, 0, 0, program_here(program) - 4);

    uint64_t begin = program_here(program);
    put_start_of_others(program, hart_count, others);
    put_number(program, T0, into->handler);
    PUT(program, CSRRW, ZERO, T0, 0, 0x105); /* stvec */
    PUT(program, ADDI, T0, ZERO, 0, 0x20);
    PUT(program, CSRRW, ZERO, T0, 0, 0x104); /* sie: the timer */
    put_timer(program);
    PUT(program, ADDI, A0, ZERO, 0, 0);
    put_work(into, true);
    uint64_t wait = program_here(program);
    PUT(program, WFI, 0, 0, 0, 0);
    PUT(program, LD, T2, S1, 0, 0);
    put_number(program, T3, (uint64_t)LOOPS * hart_count);
    PUT_TO(program, BNE, 0, T2, T3, wait);
    PUT(program, CSRRCI, ZERO, 2, 0, 0x100);
    PUT(program, ADDI, A0, ZERO, 0, 7);
    put_exit(program);
    program->words[0] = program_word(INSTRUCTION_JAL, ZERO, 0, 0, (int64_t)(begin - RAM_BASE));
}

static inline struct guest *debug_program_boot(struct debug_program *program, uint32_t hart_count)
{
    const struct machine_config config = {.memory_bytes = 1 << 20,
                                          .cpu_rate = 100000000,
                                          .hart_count = hart_count,
                                          .arguments = "test",
                                          .argument_bytes = 5};
    debug_program_build(program, hart_count);
    struct bytes image = program_image(&program->program);
    struct guest *guest = NULL;
    enum status status = machine_open(&config, "test", image.data, image.count, &guest, NULL);
    MUST(status == STATUS_OK);
    bytes_fini(&image);
    return guest;
}

#endif
