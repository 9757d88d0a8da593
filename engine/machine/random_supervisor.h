/* random_supervisor: steps that trap, return, change modes and control registers, and the program
 * around them that logs every trap. Only qemu_system_test.c includes this.
 *
 * A program does not know its mode, which its own steps change at random: what only a supervisor
 * may do traps in user mode, is logged, and is gone over. A step that must be sure begins with
 * `ecall`: in user mode the handler returns from it as supervisor, and to a supervisor the call
 * that a7 names is answered as unknown by whatever is above.
 *
 * The handler (`sscratch` points to the log) writes cause, sepc, stval and sstatus down, steps over
 * what trapped, and takes away the reason of an interrupt.
 *
 *      log slot (LOG_BYTES)
 *     +--------------+-------------+-----------+-------------------------------+ - - -
 *     | t0 t1 t2     | next entry  |           | scause*  sepc  stval  sstatus | ...
 *     | 0  8  16     | 24          | 32        | 64                            | 96
 *     +--------------+-------------+-----------+-------------------------------+ - - -
 *      * with the number of the handler's entry in bits 39:32: 0 or, vectored, the interrupt's
 */
#ifndef MACHINE_RANDOM_SUPERVISOR_H
#define MACHINE_RANDOM_SUPERVISOR_H

#include "machine/random_step.h"

#define LOG_BYTES       (4ull * PAGE_BYTES)
#define LOG_FIRST       64
#define LOG_ENTRY       32
#define CSRS_AT         512        /* in its data: control registers at the end */
#define UNKNOWN_CALL    0x0a000000 /* of SBI's numbers for experiments; its low 12 bits are 0 */
#define VECTORS         16
#define RESUME          S11 /* where a jump outside memory goes on */

#define SUPERVISOR_KEPT (1u << A0 | 1u << A1 | 1u << A6 | 1u << A7 | 1u << RESUME)

#define SSTATUS         0x100
#define SIE             0x104
#define STVEC           0x105
#define SCOUNTEREN      0x106
#define SENVCFG         0x10a
#define SSCRATCH        0x140
#define SEPC            0x141
#define SCAUSE          0x142
#define STVAL           0x143
#define SIP             0x144
#define SATP            0x180

#define SOFTWARE        0x2 /* of SIE and SIP */
#define TIMER           0x20

#define STVEC_VECTORED  1

#define STATUS_SIE      0x2
#define STATUS_SPIE     0x20
#define STATUS_SPP      0x100
/* What is compared of sstatus: SIE SPIE SPP SUM MXR. Floating point and vectors are QEMU's own. */
#define STATUS_HIGH 0xc0000
#define STATUS_LOW  0x122

#define WORD_SRET   0x10200073
#define WORD_WFI    0x10500073

/* ---- Steps ---- */

static inline void put_sure_supervisor(struct step *step)
{
    STEP(step, ECALL, 0, 0, 0, 0);
}

/* To the next step as a user or a supervisor, with any SPIE; a third of the time, to a `wfi` that a
 * user may not have. */
static inline void put_mode_change(const struct random_program *program, struct prng *prng,
                                   struct step *step)
{
    uint32_t t = free_nonzero(program, prng), bits;
    bool is_user = prng_below(prng, 2) == 0, is_interruptible = prng_below(prng, 2) == 0;
    do
        bits = free_nonzero(program, prng);
    while (bits == t);
    put_sure_supervisor(step);
    STEP(step, ADDI, bits, ZERO, 0, STATUS_SPP | STATUS_SPIE);
    STEP(step, CSRRC, ZERO, bits, 0, SSTATUS);
    STEP(step, ADDI, bits, ZERO, 0,
         (is_user ? 0 : STATUS_SPP) | (is_interruptible ? STATUS_SPIE : 0));
    STEP(step, CSRRS, ZERO, bits, 0, SSTATUS);
    STEP(step, AUIPC, t, 0, 0, 0);
    STEP(step, ADDI, t, t, 0, 16);
    STEP(step, CSRRW, ZERO, t, 0, SEPC);
    put_bits(step, WORD_SRET);
    if (is_user && prng_below(prng, 3) == 0)
        put_bits(step, prng_below(prng, 2) == 0 ? WORD_WFI : WORD_SRET);
}

/* The timer becomes due at once, or never. */
static inline void put_timer(struct prng *prng, struct step *step)
{
    put_sure_supervisor(step);
    STEP(step, LUI, A7, 0, 0, HYPERCALL_TIME + 0x800);
    STEP(step, ADDI, A7, A7, 0, HYPERCALL_TIME & 0xfff);
    STEP(step, ADDI, A6, ZERO, 0, 0);
    STEP(step, ADDI, A0, ZERO, 0, -(int64_t)prng_below(prng, 2));
    STEP(step, ECALL, 0, 0, 0, 0);
    STEP(step, LUI, A7, 0, 0, UNKNOWN_CALL);
}

/* Something is pending, so that it does not wait; whether it stays so is open. */
static inline void put_wait(struct prng *prng, struct step *step)
{
    put_sure_supervisor(step);
    STEP(step, CSRRCI, ZERO, STATUS_SIE, 0, SSTATUS);
    STEP(step, CSRRSI, ZERO, SOFTWARE, 0, SIE);
    STEP(step, CSRRSI, ZERO, SOFTWARE, 0, SIP);
    put_bits(step, WORD_WFI);
    if (prng_below(prng, 2) == 0)
        STEP(step, CSRRCI, ZERO, SOFTWARE, 0, SIP);
}

/* The interrupt that a supervisor can make for itself, what lets it through, and where it goes. */
static inline void put_interrupt(struct prng *prng, struct step *step)
{
    static const uint16_t registers[][2] = {
        {SIP, SOFTWARE}, {SIE, SOFTWARE}, {SSTATUS, STATUS_SIE}, {STVEC, STVEC_VECTORED}};
    const uint16_t *one = registers[prng_below(prng, 4)];
    if (prng_below(prng, 3) == 0)
        STEP(step, CSRRCI, ZERO, one[1], 0, one[0]);
    else
        STEP(step, CSRRSI, ZERO, one[1], 0, one[0]);
}

/* Control registers with the values that both machines can hold, written in all six ways. The rest
 * is QEMU's own: FIOM and CBZE of senvcfg, an odd sepc, causes that do not exist, UXL, FS and VS.
 */
static inline void put_control(const struct random_program *program, struct prng *prng,
                               struct step *step)
{
    static const struct {
        uint16_t number;
        uint64_t mask; /* of what is written */
    } rows[] = {
        {SIE, UINT64_MAX},     {SIP, SOFTWARE}, {STVAL, UINT64_MAX},
        {SEPC, ~1ull},         {SCAUSE, 7},     {SCOUNTEREN, 7},
        {SENVCFG, 0x50},       {SATP, 0},       {SSTATUS, STATUS_HIGH},
        {SSTATUS, STATUS_LOW},
    };
    static const enum instruction_code codes[] = {INSTRUCTION_CSRRW, INSTRUCTION_CSRRS,
                                                  INSTRUCTION_CSRRC};
    static const enum instruction_code immediates[] = {INSTRUCTION_CSRRWI, INSTRUCTION_CSRRSI,
                                                       INSTRUCTION_CSRRCI};
    uint64_t which = prng_below(prng, sizeof rows / sizeof *rows), how = prng_below(prng, 3);
    uint32_t number = rows[which].number, value = free_nonzero(program, prng);
    uint32_t rd = number == SSTATUS ? ZERO : free_register(program, prng);
    uint64_t mask = rows[which].mask;
    if (prng_below(prng, 4) == 0) {
        uint32_t imm = (uint32_t)(prng_below(prng, 32) & mask);
        put_bits(step, program_word(immediates[how], rd, imm, 0, number));
        return;
    }
    uint32_t source = any_register(prng);
    if (mask == UINT64_MAX) {
        put_bits(step, program_word(codes[how], rd, source, 0, number));
        return;
    }
    if (mask == STATUS_HIGH) {
        STEP(step, LUI, value, 0, 0, (prng_below(prng, 4) << 18));
        how = 1 + how % 2; /* the other bits stay */
    } else {
        STEP(step, ANDI, value, source, 0, mask);
    }
    put_bits(step, program_word(codes[how], rd, value, 0, number));
}

/* What sstatus holds, as far as it is compared. */
static inline void put_status_read(const struct random_program *program, struct prng *prng,
                                   struct step *step)
{
    uint32_t mask = free_nonzero(program, prng), rd;
    do
        rd = free_nonzero(program, prng);
    while (rd == mask);
    STEP(step, LUI, mask, 0, 0, STATUS_HIGH);
    STEP(step, ADDI, mask, mask, 0, STATUS_LOW);
    STEP(step, CSRRS, rd, ZERO, 0, SSTATUS);
    STEP(step, AND, rd, rd, mask, 0);
}

/* Counters: whether they may be read. What they count is nobody else's; writing them is illegal, as
 * is everything about registers that a supervisor does not have. */
static inline void put_counter(const struct random_program *program, struct prng *prng,
                               struct step *step)
{
    static const uint16_t others[] = {0xc03, 0xc10,     0xc1f, 0x300, 0x304, 0x305, 0x340,
                                      0x341, 0x342,     0x344, 0x3a0, 0x3b0, 0xb00, 0xb02,
                                      0xf11, 0xf14,     0x7a0, 0x5a8, 0x600, 0x200, 0x000,
                                      0x041, 0x180 + 1, 0x9c0, 0xdc0, 0xcc0};
    uint32_t number = 0xc00 + (uint32_t)prng_below(prng, 3);
    switch (prng_below(prng, 3)) {
    case 0:
        STEP(step, CSRRS, ZERO, ZERO, 0, number);
        break;
    case 1:
        STEP(step, CSRRW, free_register(program, prng), any_register(prng), 0, number);
        break;
    default:
        number = others[prng_below(prng, sizeof others / sizeof *others)];
        STEP(step, CSRRS, free_register(program, prng), ZERO, 0, number);
    }
}

/* A word that no table has: any, or one like one that is there. */
static inline void put_illegal(struct prng *prng, struct step *step)
{
    for (;;) {
        struct instruction one;
        uint32_t bits = (uint32_t)prng_next(prng);
        if (prng_below(prng, 2) == 0) {
            unsigned code = 1 + (unsigned)prng_below(prng, INSTRUCTION_COUNT - 1);
            const struct instruction_description *row = instruction_describe(code);
            bits = ((bits & ~row->mask) | row->match) ^ 1u << prng_below(prng, 32);
        }
        if ((bits & 0x1f) != 0x1f && !instruction_decode(bits, &one)) {
            put_bits(step, bits);
            return;
        }
    }
}

/* Where there is no memory, and a reservation at an address that is no multiple of its size. (QEMU
 * 7.2 takes atomics that read and write for loads when they trap: privilege_test.c has those.) */
static inline void put_bad_access(const struct random_program *program, struct prng *prng,
                                  struct step *step, uint64_t memory_end)
{
    uint32_t at = free_nonzero(program, prng);
    uint32_t rd = free_register(program, prng), rs2 = any_register(prng);
    if (prng_below(prng, 3) == 0) {
        STEP(step, ADDI, at, any_pointer(program, prng), 0, 2);
        STEP(step, LR_W, rd, at, 0, 0);
        return;
    }
    STEP(step, LUI, at, 0, 0, memory_end + (prng_below(prng, 64) << 12));
    if (prng_below(prng, 2) == 0) { /* else a number near the end of all */
        STEP(step, SLLI, at, at, 0, 32);
        STEP(step, SRLI, at, at, 0, 32);
    }
    if (prng_below(prng, 2) == 0) {
        put_bits(step, program_word(random_code(prng, is_memory), rd, at, rs2,
                                    (int64_t)prng_below(prng, 256) * 8));
        return;
    }
    STEP(step, AUIPC, RESUME, 0, 0, 0);
    STEP(step, ADDI, RESUME, RESUME, 0, 12);
    STEP(step, JALR, rd, at, 0, prng_below(prng, 2048));
}

static inline void put_supervisor_step(const struct random_program *program, struct prng *prng,
                                       struct step *step, uint64_t memory_end)
{
    uint64_t kind = prng_below(prng, 100);
    if (kind < 40)
        put_user_step(program, prng, step);
    else if (kind < 52)
        put_control(program, prng, step);
    else if (kind < 56)
        put_status_read(program, prng, step);
    else if (kind < 62)
        put_counter(program, prng, step);
    else if (kind < 70)
        put_mode_change(program, prng, step);
    else if (kind < 76)
        put_interrupt(prng, step);
    else if (kind < 79)
        put_timer(prng, step);
    else if (kind < 81)
        put_wait(prng, step);
    else if (kind < 86)
        put_illegal(prng, step);
    else if (kind < 92)
        put_bad_access(program, prng, step, memory_end);
    else if (kind < 95)
        STEP(step, ECALL, 0, 0, 0, 0);
    else if (kind < 98)
        put_bits(step, prng_below(prng, 2) == 0 ? 0x9002 : 0x00100073); /* c.ebreak, ebreak */
    else
        put_bits(step, 0x12000073 | any_register(prng) << 15 | any_register(prng) << 20);
}

static inline void make_supervisor_program(struct random_program *program, uint64_t seed,
                                           uint32_t steps, uint32_t passes, uint64_t memory_end)
{
    struct prng prng = begin_program(program, seed, passes, SUPERVISOR_KEPT);
    program->x[A7] = UNKNOWN_CALL;
    for (; program->step_count < steps; program->step_count++) {
        struct step *step = &program->steps[program->step_count];
        *step = (struct step){.count = 0};
        put_supervisor_step(program, &prng, step, memory_end);
    }
}

/* ---- The program around them ---- */

/* Everything as it is at the beginning, whatever the program before has left. */
static inline void lay_supervisor_beginning(struct code_writer *to, uint64_t handler, uint64_t log)
{
    static const uint16_t zeroed[] = {SIE, SIP, SCOUNTEREN, SENVCFG, SEPC, SCAUSE, STVAL, SSTATUS};
    for (size_t i = 0; i < sizeof zeroed / sizeof *zeroed; i++)
        WRITE_CODE(to, CSRRWI, ZERO, 0, 0, zeroed[i]);
    write_address(to, A7, HYPERCALL_TIME);
    WRITE_CODE(to, ADDI, A6, ZERO, 0, 0);
    WRITE_CODE(to, ADDI, A0, ZERO, 0, -1);
    WRITE_CODE(to, ECALL, 0, 0, 0, 0);
    write_address(to, T0, handler);
    WRITE_CODE(to, CSRRW, ZERO, T0, 0, STVEC);
    write_address(to, T0, log);
    WRITE_CODE(to, CSRRW, ZERO, T0, 0, SSCRATCH);
    WRITE_CODE(to, ADDI, T1, ZERO, 0, LOG_FIRST);
    WRITE_CODE(to, SD, 0, T0, T1, 24);
}

/* As a supervisor again, and undisturbed: the control registers into its data. */
static inline void lay_supervisor_end(const struct random_program *program, struct code_writer *to,
                                      uint64_t data_address)
{
    static const uint16_t kept[] = {SIE,  STVEC,  SCOUNTEREN, SENVCFG, SSCRATCH,
                                    SEPC, SCAUSE, STVAL,      SIP,     SATP};
    WRITE_CODE(to, ECALL, 0, 0, 0, 0);
    WRITE_CODE(to, CSRRCI, ZERO, STATUS_SIE, 0, SSTATUS);
    write_address(to, program->counter, data_address + CSRS_AT);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        WRITE_CODE(to, CSRRS, RESUME, ZERO, 0, kept[i]);
        WRITE_CODE(to, SD, 0, program->counter, RESUME, 8 * i);
    }
}

/* A jump ahead, to where land() is called. */
static inline size_t write_ahead(struct code_writer *to, uint32_t bits)
{
    write_bits(to, bits);
    return to->count - 4;
}

static inline void land(struct code_writer *to, size_t at)
{
    uint32_t bits;
    memcpy(&bits, to->bytes + at, sizeof bits);
    bits = with_distance(bits, (int64_t)(to->count - at));
    memcpy(to->bytes + at, &bits, sizeof bits);
}

#define AHEAD(to, code, rs1, rs2) write_ahead(to, program_word(INSTRUCTION_##code, 0, rs1, rs2, 0))

/* The common part of the handler: t0 is the number of its entry. */
static inline void lay_log(struct code_writer *to)
{
    static const uint16_t logged[] = {SEPC, STVAL};
    WRITE_CODE(to, SD, 0, SP, T2, 16);
    WRITE_CODE(to, LD, T1, SP, 0, 24);
    WRITE_CODE(to, ADD, T1, T1, SP, 0);
    WRITE_CODE(to, SLLI, T0, T0, 0, 32);
    WRITE_CODE(to, CSRRS, T2, ZERO, 0, SCAUSE);
    WRITE_CODE(to, XOR, T0, T2, T0, 0);
    WRITE_CODE(to, SD, 0, T1, T0, 0);
    for (unsigned i = 0; i < 2; i++) {
        WRITE_CODE(to, CSRRS, T2, ZERO, 0, logged[i]);
        WRITE_CODE(to, SD, 0, T1, T2, 8 + 8 * i);
    }
    WRITE_CODE(to, LUI, T0, 0, 0, STATUS_HIGH);
    WRITE_CODE(to, ADDI, T0, T0, 0, STATUS_LOW);
    WRITE_CODE(to, CSRRS, T2, ZERO, 0, SSTATUS);
    WRITE_CODE(to, AND, T2, T2, T0, 0);
    WRITE_CODE(to, SD, 0, T1, T2, 24);
    WRITE_CODE(to, LD, T1, SP, 0, 24);
    WRITE_CODE(to, ADDI, T1, T1, 0,
               LOG_ENTRY); /* the last entry is written over when all are used */
    WRITE_CODE(to, LUI, T2, 0, 0, LOG_BYTES);
    WRITE_CODE(to, BLTU, 0, T1, T2, 8);
    WRITE_CODE(to, ADDI, T1, T1, 0, -LOG_ENTRY);
    WRITE_CODE(to, SD, 0, SP, T1, 24);
}

/* Where to go on: behind the instruction; at RESUME after a jump outside memory; at the same place
 * when an interrupt has been dealt with. An environment call returns as supervisor. */
static inline void lay_return(struct code_writer *to)
{
    WRITE_CODE(to, CSRRS, T0, ZERO, 0, SCAUSE);
    size_t if_interrupt = AHEAD(to, BLT, T0, ZERO);
    WRITE_CODE(to, ADDI, T1, ZERO, 0, 1); /* an instruction that cannot be fetched */
    size_t if_other = AHEAD(to, BNE, T0, T1);
    WRITE_CODE(to, CSRRW, ZERO, RESUME, 0, SEPC);
    size_t done = AHEAD(to, JAL, 0, 0);

    land(to, if_other);
    WRITE_CODE(to, CSRRS, T1, ZERO, 0, SEPC);
    WRITE_CODE(to, LHU, T2, T1, 0, 0);
    WRITE_CODE(to, ANDI, T2, T2, 0, 3);
    WRITE_CODE(to, SLTIU, T2, T2, 0, 3); /* 1: of two bytes */
    WRITE_CODE(to, SLLI, T2, T2, 0, 1);
    WRITE_CODE(to, ADDI, T1, T1, 0, 4);
    WRITE_CODE(to, SUB, T1, T1, T2, 0);
    WRITE_CODE(to, CSRRW, ZERO, T1, 0, SEPC);
    WRITE_CODE(to, ADDI, T1, ZERO, 0, 8); /* ecall from user mode */
    size_t done_too = AHEAD(to, BNE, T0, T1);
    WRITE_CODE(to, ADDI, T1, ZERO, 0, STATUS_SPP);
    WRITE_CODE(to, CSRRS, ZERO, T1, 0, SSTATUS);
    size_t done_with_it = AHEAD(to, JAL, 0, 0);

    land(to, if_interrupt);
    WRITE_CODE(to, ANDI, T0, T0, 0, 0xff);
    WRITE_CODE(to, ADDI, T1, ZERO, 0, 1);
    size_t if_timer = AHEAD(to, BNE, T0, T1);
    WRITE_CODE(to, CSRRCI, ZERO, SOFTWARE, 0, SIP);
    land(to, if_timer);
    WRITE_CODE(to, ADDI, T1, ZERO, 0, TIMER); /* it may be due still: not to be told again */
    WRITE_CODE(to, CSRRC, ZERO, T1, 0, SIE);

    land(to, done);
    land(to, done_too);
    land(to, done_with_it);
    WRITE_CODE(to, LD, T2, SP, 0, 16);
    WRITE_CODE(to, LD, T1, SP, 0, 8);
    WRITE_CODE(to, LD, T0, SP, 0, 0);
    WRITE_CODE(to, CSRRW, SP, SP, 0, SSCRATCH);
    write_bits(to, WORD_SRET);
}

/* The handler, and the table of its entries, to which stvec points in either mode. */
static inline void lay_handler(struct code_writer *to)
{
    size_t entries[VECTORS], log[VECTORS];
    for (unsigned i = 0; i < VECTORS; i++)
        entries[i] = AHEAD(to, JAL, 0, 0);
    for (unsigned i = 0; i < VECTORS; i++) {
        land(to, entries[i]);
        WRITE_CODE(to, CSRRW, SP, SP, 0, SSCRATCH);
        WRITE_CODE(to, SD, 0, SP, T0, 0);
        WRITE_CODE(to, SD, 0, SP, T1, 8);
        WRITE_CODE(to, ADDI, T0, ZERO, 0, i);
        log[i] = AHEAD(to, JAL, 0, 0);
    }
    for (unsigned i = 0; i < VECTORS; i++)
        land(to, log[i]);
    lay_log(to);
    lay_return(to);
}

/* What stands below a supervisor on a board without an SBI: opens memory, hands all traps down but
 * calls, enters `entry` as supervisor; answers the calls that random programs make as the machine
 * does; at the end writes [first, end) to the serial line, and switches the board off. */
static inline void lay_machine_mode(struct code_writer *to, uint64_t entry, uint64_t first,
                                    uint64_t end)
{
    enum {
        MSTATUS = 0x300,
        MEDELEG = 0x302,
        MIDELEG,
        MTVEC = 0x305,
        MCOUNTEREN,
        MSCRATCH = 0x340,
        MEPC,
        MCAUSE,
        MIP = 0x344,
        PMPCFG0 = 0x3a0,
        PMPADDR0 = 0x3b0
    };
    const uint32_t mret = 0x30200073, serial = 0x10000000, finisher = 0x100000;
    const uint16_t settings[][2] = {{PMPCFG0, 0x1f}, {MIDELEG, 0x222}, {MCOUNTEREN, 7}};
    for (unsigned i = 0; i < 3; i++) {
        WRITE_CODE(to, ADDI, T0, ZERO, 0, settings[i][1]);
        WRITE_CODE(to, CSRRW, ZERO, T0, 0, settings[i][0]);
    }
    WRITE_CODE(to, ADDI, T0, ZERO, 0, -1);
    WRITE_CODE(to, CSRRW, ZERO, T0, 0, PMPADDR0);
    write_address(to, T0, 0xb1ff); /* all exceptions but calls of supervisor and machine mode */
    WRITE_CODE(to, CSRRW, ZERO, T0, 0, MEDELEG);
    write_address(to, T0, 0x1800);
    WRITE_CODE(to, CSRRC, ZERO, T0, 0, MSTATUS);
    write_address(to, T0, 0x800);
    WRITE_CODE(to, CSRRS, ZERO, T0, 0, MSTATUS);
    write_address(to, T0, entry);
    WRITE_CODE(to, CSRRW, ZERO, T0, 0, MEPC);
    WRITE_CODE(to, AUIPC, T0, 0, 0, 0);
    WRITE_CODE(to, ADDI, T0, T0, 0, 16);
    WRITE_CODE(to, CSRRW, ZERO, T0, 0, MTVEC);
    write_bits(to, mret);

    WRITE_CODE(to, CSRRW, ZERO, T0, 0, MSCRATCH); /* mtvec */
    WRITE_CODE(to, CSRRS, T0, ZERO, 0, MCAUSE);
    WRITE_CODE(to, ADDI, T0, T0, 0, -9);
    size_t if_wrong = AHEAD(to, BNE, T0, ZERO);
    WRITE_CODE(to, ADDI, T0, ZERO, 0, HYPERCALL_EXIT);
    size_t if_exit = AHEAD(to, BEQ, A7, T0);
    write_address(to, T0, HYPERCALL_TIME);
    size_t if_unknown = AHEAD(to, BNE, A7, T0);
    WRITE_CODE(to, ADDI, T0, ZERO, 0, TIMER);
    WRITE_CODE(to, CSRRC, ZERO, T0, 0, MIP);
    size_t if_never = AHEAD(to, BNE, A0, ZERO);
    WRITE_CODE(to, CSRRS, ZERO, T0, 0, MIP);
    land(to, if_never);
    WRITE_CODE(to, ADDI, A0, ZERO, 0, 0);
    size_t done = AHEAD(to, JAL, 0, 0);
    land(to, if_unknown);
    WRITE_CODE(to, ADDI, A0, ZERO, 0, HYPERCALL_NOT_SUPPORTED);
    land(to, done);
    WRITE_CODE(to, ADDI, A1, ZERO, 0, 0);
    WRITE_CODE(to, CSRRS, T0, ZERO, 0, MEPC);
    WRITE_CODE(to, ADDI, T0, T0, 0, 4);
    WRITE_CODE(to, CSRRW, ZERO, T0, 0, MEPC);
    WRITE_CODE(to, CSRRS, T0, ZERO, 0, MSCRATCH);
    write_bits(to, mret);

    land(to, if_exit);
    write_address(to, T0, first);
    write_address(to, T1, end);
    write_address(to, T2, serial);
    size_t again = to->count;
    WRITE_CODE(to, LBU, A0, T2, 0, 5);     /* the line status register: */
    WRITE_CODE(to, ANDI, A0, A0, 0, 0x20); /* has room */
    WRITE_CODE(to, BEQ, 0, A0, ZERO, -8);
    WRITE_CODE(to, LBU, A0, T0, 0, 0);
    WRITE_CODE(to, SB, 0, T2, A0, 0);
    WRITE_CODE(to, ADDI, T0, T0, 0, 1);
    WRITE_CODE(to, BNE, 0, T0, T1, (int64_t)(again - to->count));
    land(to, if_wrong); /* whoever waits finds too few bytes then */
    write_address(to, T0, finisher);
    write_address(to, T1, 0x5555);
    WRITE_CODE(to, SW, 0, T0, T1, 0);
    WRITE_CODE(to, JAL, ZERO, 0, 0, 0);
}

#endif
