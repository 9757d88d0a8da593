/* random_program: programs that a seed makes, for tests that compare machines. Only tests include
 * this.
 *
 * A program is a list of *steps* (random_step.h). Each is whole in itself (a loop with its counter,
 * a call with its function, a reservation with its store), so that any of them can be taken out and
 * what is left still ends: that is how shrink_program() finds the shortest program that still shows
 * a difference. The steps are gone through `passes` times; a branch jumps over some steps behind
 * it.
 *
 *      code slot (CODE_BYTES)                        data slot (DATA_BYTES)
 *     +------------------------------------------+  +--------+--------+------+- - - -+------------+
 *     | registers from FIRST | steps ... | count |  | FIRST  | LAST   |      | steps load and     |
 *     | registers to LAST    | on to the next    |  | 32 x 8 | 32 x 8 |      | store here         |
 *     +------------------------------------------+  +--------+--------+------+- - - -+------------+
 *                                                                            | NEAR_AT    MIDDLE_AT
 *
 * Many programs, a slot each, are one image: starting an emulator costs more than running one.
 */
#ifndef MACHINE_RANDOM_PROGRAM_H
#define MACHINE_RANDOM_PROGRAM_H

#include <stdio.h>

#include "base/prng.h"
#include "machine/disassemble.h"
#include "machine/test_program.h"

#define STEPS_MAX   1024
#define STEP_HALVES 28

#define CODE_BYTES  (3ull * PAGE_BYTES)
#define DATA_BYTES  (2ull * PAGE_BYTES)
#define FIRST_AT    0
#define LAST_AT     256
#define NEAR_AT     2048              /* where sp points, and a register of those c.lw can name */
#define MIDDLE_AT   (PAGE_BYTES - 40) /* loads and stores around it cross a page */

struct step {
    uint16_t halves[STEP_HALVES];
    uint8_t count;   /* of halves */
    uint8_t skips;   /* its first instruction jumps over so many steps behind it; 0: is no jump */
    bool can_divide; /* each of its instructions may stand alone */
};

struct random_program {
    uint64_t seed;
    uint32_t passes;
    uint32_t kept; /* registers that no step changes, as bits; among them: */
    uint32_t stack, near, middle, counter; /* stack is mostly sp */
    uint64_t x[32];                        /* at the beginning */
    uint8_t data[DATA_BYTES];              /* likewise */
    struct step steps[STEPS_MAX];
    uint32_t step_count;
};

/* ---- Choosing ---- */

static inline bool is_kept(const struct random_program *program, uint32_t rd)
{
    return program->kept >> rd & 1;
}

/* Half of the time one of four: so what an instruction leaves is often what the next one takes,
 * which is what dispatchers have special ways for. */
static inline uint32_t any_register(struct prng *prng)
{
    if (prng_below(prng, 2) == 0)
        return A2 + (uint32_t)prng_below(prng, 4);
    return (uint32_t)prng_below(prng, 32);
}

/* A register that a step may change: x0 is one as good as others. */
static inline uint32_t free_register(const struct random_program *program, struct prng *prng)
{
    uint32_t rd;
    do
        rd = any_register(prng);
    while (is_kept(program, rd));
    return rd;
}

static inline uint32_t free_nonzero(const struct random_program *program, struct prng *prng)
{
    uint32_t rd;
    do
        rd = free_register(program, prng);
    while (rd == ZERO);
    return rd;
}

static inline uint32_t unusual_register(const struct random_program *program, struct prng *prng)
{
    uint32_t rd;
    do
        rd = 1 + (uint32_t)prng_below(prng, 31);
    while (is_kept(program, rd));
    return rd;
}

static inline uint32_t any_pointer(const struct random_program *program, struct prng *prng)
{
    const uint32_t pointers[] = {program->stack, program->near, program->middle};
    return pointers[prng_below(prng, 3)];
}

/* Numbers at the edges of their sizes are likelier than others. */
static inline uint64_t random_number(struct prng *prng)
{
    static const uint64_t edges[] = {0,          1,          UINT64_MAX,         1ull << 63,
                                     1ull << 31, 0xffffffff, 0xffffffff80000000, (1ull << 63) - 1,
                                     1ull << 32, 0x7fffffff};
    if (prng_below(prng, 2) == 0)
        return edges[prng_below(prng, sizeof edges / sizeof *edges)];
    return prng_next(prng) >> prng_below(prng, 64);
}

/* ---- Programs ---- */

static inline uint32_t keep(struct random_program *program, uint32_t rd)
{
    program->kept |= 1u << rd;
    return rd;
}

/* Registers, data, and which registers are kept, beside those in `kept`: all from the seed. The
 * steps come next. */
static inline struct prng begin_program(struct random_program *program, uint64_t seed,
                                        uint32_t passes, uint32_t kept)
{
    struct prng prng = prng_make(seed, 0);
    program->seed = seed;
    program->passes = passes;
    program->step_count = 0;
    program->kept = kept | 1u << SP; /* so that it is not chosen for something else */
    do
        program->near = S0 + (uint32_t)prng_below(&prng, 8);
    while (is_kept(program, program->near));
    keep(program, program->near);
    program->middle = keep(program, unusual_register(program, &prng));
    program->counter = keep(program, unusual_register(program, &prng));
    program->stack = SP;
    if (prng_below(&prng, 4) == 0) {
        program->stack = keep(program, unusual_register(program, &prng));
        program->kept &= ~(1u << SP);
    }
    for (unsigned i = 0; i < 32; i++)
        program->x[i] = random_number(&prng);
    for (size_t i = 0; i < DATA_BYTES; i += 8) {
        uint64_t number = random_number(&prng);
        memcpy(program->data + i, &number, sizeof number);
    }
    return prng;
}

/* ---- Laying out ---- */

struct code_writer {
    uint8_t *bytes; /* CODE_BYTES of them */
    uint64_t address;
    size_t count;
};

static inline void write_bits(struct code_writer *to, uint32_t bits)
{
    size_t length = instruction_is_compressed(bits) ? 2 : 4;
    MUST(to->count + length <= CODE_BYTES);
    memcpy(to->bytes + to->count, &bits, length);
    to->count += length;
}

#define WRITE_CODE(to, code, rd, rs1, rs2, imm) \
    write_bits(to, program_word(INSTRUCTION_##code, rd, rs1, rs2, (int64_t)(imm)))

/* An address below 4 GiB: the low part is signed, and what lui leaves above is shifted out. */
static inline void write_address(struct code_writer *to, uint32_t rd, uint64_t address)
{
    WRITE_CODE(to, LUI, rd, 0, 0, (uint32_t)address + 0x800);
    WRITE_CODE(to, ADDI, rd, rd, 0, address & 0xfff);
    WRITE_CODE(to, SLLI, rd, rd, 0, 32);
    WRITE_CODE(to, SRLI, rd, rd, 0, 32);
}

/* The jump at the beginning of a step, with the distance to where it goes. */
static inline uint32_t with_distance(uint32_t bits, int64_t distance)
{
    uint32_t v = (uint32_t)distance;
    if (!instruction_is_compressed(bits)) {
        struct instruction one;
        MUST(instruction_decode(bits, &one));
        return program_word(one.code, one.rd, one.rs1, one.rs2, distance);
    }
    if ((bits & 0xe003) == 0xa001) /* c.j */
        return (bits & 0xe003) | (v >> 11 & 1) << 12 | (v >> 4 & 1) << 11 | (v >> 8 & 3) << 9 |
               (v >> 10 & 1) << 8 | (v >> 6 & 1) << 7 | (v >> 7 & 1) << 6 | (v >> 1 & 7) << 3 |
               (v >> 5 & 1) << 2;
    return (bits & 0xe383) | (v >> 8 & 1) << 12 | (v >> 3 & 3) << 10 | (v >> 6 & 3) << 5 |
           (v >> 1 & 3) << 3 | (v >> 5 & 1) << 2; /* c.beqz, c.bnez */
}

static inline void write_step(struct code_writer *to, const struct random_program *program,
                              uint32_t at)
{
    const struct step *step = &program->steps[at];
    unsigned half = 0;
    if (step->skips > 0) {
        int64_t distance = 2 * step->count;
        for (unsigned i = 1; i <= step->skips && at + i < program->step_count; i++)
            distance += 2 * program->steps[at + i].count;
        uint32_t bits = step->halves[0] | (uint32_t)step->halves[1] << 16;
        write_bits(to, with_distance(bits, distance));
        half = instruction_is_compressed(bits) ? 1 : 2;
    }
    for (; half < step->count; half++) {
        MUST(to->count + 2 <= CODE_BYTES);
        memcpy(to->bytes + to->count, &step->halves[half], 2);
        to->count += 2;
    }
}

/* What it begins with: its data, and the registers from there. */
static inline void lay_beginning(const struct random_program *program, struct code_writer *to,
                                 uint8_t *data, uint64_t data_address)
{
    uint64_t x[32];
    memcpy(data, program->data, DATA_BYTES);
    memcpy(x, program->x, sizeof x);
    x[program->stack] = x[program->near] = data_address + NEAR_AT;
    x[program->near] += 128;
    x[program->middle] = data_address + MIDDLE_AT;
    memcpy(data + FIRST_AT, x, sizeof x);
    memset(data + LAST_AT, 0, sizeof x);
    write_address(to, program->counter, data_address + FIRST_AT);
    for (uint32_t rd = RA; rd < 32; rd++)
        if (rd != program->counter)
            WRITE_CODE(to, LD, rd, program->counter, 0, 8 * rd);
    WRITE_CODE(to, ADDI, program->counter, ZERO, 0, program->passes);
}

/* The steps, as often as they are gone through. */
static inline void lay_steps(const struct random_program *program, struct code_writer *to)
{
    size_t first = to->count;
    for (uint32_t i = 0; i < program->step_count; i++)
        write_step(to, program, i);
    WRITE_CODE(to, ADDI, program->counter, program->counter, 0, -1);
    WRITE_CODE(to, BEQ, 0, program->counter, ZERO, 8);
    WRITE_CODE(to, JAL, ZERO, 0, 0, (int64_t)(first - to->count));
}

/* What it ends with: the registers into its data, and a jump to `next`. */
static inline void lay_end(const struct random_program *program, struct code_writer *to,
                           uint64_t data_address, uint64_t next)
{
    write_address(to, program->counter, data_address + LAST_AT);
    for (uint32_t rs2 = RA; rs2 < 32; rs2++)
        if (rs2 != program->counter)
            WRITE_CODE(to, SD, 0, program->counter, rs2, 8 * rs2);
    WRITE_CODE(to, JAL, ZERO, 0, 0, (int64_t)(next - (to->address + to->count)));
}

/* ---- Shrinking and showing ---- */

/* Says whether the machines still disagree about this program. `after` (or NULL) gets the registers
 * and the data that the machine which is believed leaves. */
typedef bool program_differs(const struct random_program *program, struct random_program *after);

static inline void remove_steps(struct random_program *program, uint32_t from, uint32_t count)
{
    memmove(&program->steps[from], &program->steps[from + count],
            (program->step_count - from - count) * sizeof *program->steps);
    program->step_count -= count;
}

/* Takes out halves of the steps, quarters, ..., single ones (Zeller, Hildebrandt: "Simplifying and
 * isolating failure-inducing input", IEEE Transactions on Software Engineering 28(2), 2002). */
static inline void shrink_steps(struct random_program *program, program_differs *differs)
{
    static struct random_program trial;
    for (uint32_t chunk = (program->step_count + 1) / 2; chunk > 0;) {
        uint32_t before = program->step_count;
        for (uint32_t from = 0; from < program->step_count;) {
            uint32_t left = program->step_count - from;
            trial = *program;
            remove_steps(&trial, from, chunk < left ? chunk : left);
            if (differs(&trial, NULL))
                *program = trial;
            else
                from += chunk;
        }
        if (chunk > 1 || program->step_count == before)
            chunk /= 2;
    }
}

/* One step for each instruction of those that can be divided. */
static inline void divide_steps(struct random_program *program)
{
    static struct random_program whole;
    whole = *program;
    program->step_count = 0;
    for (uint32_t i = 0; i < whole.step_count; i++) {
        const struct step *step = &whole.steps[i];
        for (unsigned at = 0; at < step->count;) {
            unsigned count = step->count;
            if (step->can_divide)
                count = instruction_is_compressed(step->halves[at]) ? 1 : 2;
            struct step part = {.count = (uint8_t)count, .skips = step->skips};
            memcpy(part.halves, step->halves + at, 2 * count);
            MUST(program->step_count < STEPS_MAX);
            program->steps[program->step_count++] = part;
            at += count;
        }
    }
}

/* Fewer passes: the last ones, from the state that the others leave. */
static inline void shrink_passes(struct random_program *program, program_differs *differs)
{
    static struct random_program trial, after;
    while (program->passes > 1) {
        trial = *program;
        trial.passes /= 2;
        if (!differs(&trial, &after)) {
            memcpy(trial.x, after.x, sizeof trial.x);
            memcpy(trial.data, after.data, sizeof trial.data);
            trial.passes = program->passes - trial.passes;
            if (!differs(&trial, NULL))
                return;
        }
        *program = trial;
    }
}

/* Fewer steps: the last ones, from the state that the others leave. So the numbers that a
 * difference takes stand in registers, and not in the long way that led to them. */
static inline void cut_beginning(struct random_program *program, program_differs *differs)
{
    static struct random_program trial, after;
    for (uint32_t first = program->step_count - 1; program->passes == 1 && first > 0; first--) {
        trial = *program;
        trial.step_count = first;
        if (differs(&trial, &after))
            continue;
        trial = *program;
        remove_steps(&trial, 0, first);
        memcpy(trial.x, after.x, sizeof trial.x);
        memcpy(trial.data, after.data, sizeof trial.data);
        if (differs(&trial, NULL)) {
            *program = trial;
            return;
        }
    }
}

/* Leaves what is needed for the difference: passes, steps, instructions, numbers in registers. */
static inline void shrink_program(struct random_program *program, program_differs *differs)
{
    static struct random_program trial;
    shrink_passes(program, differs);
    shrink_steps(program, differs);
    shrink_passes(program, differs);
    cut_beginning(program, differs);
    if (program->step_count < STEPS_MAX / STEP_HALVES) {
        divide_steps(program);
        shrink_steps(program, differs);
    }
    for (unsigned i = 1; i < 32; i++) {
        trial = *program;
        trial.x[i] = 0;
        if (program->x[i] != 0 && differs(&trial, NULL))
            *program = trial;
    }
}

/* What is left, as a person reads it: registers that matter, and the steps, which stand at `at` of
 * the code. */
static inline void show_program(const struct random_program *program, const uint8_t *code,
                                uint64_t address, size_t at)
{
    printf("seed %llu, %u passes over %u steps\n", (unsigned long long)program->seed,
           program->passes, program->step_count);
    for (unsigned i = 1; i < 32; i++)
        if (program->x[i] != 0 && !is_kept(program, i))
            printf("    %-4s = 0x%llx\n", disassemble_register(i),
                   (unsigned long long)program->x[i]);
    printf("    %s, %s: its data; %s: 40 bytes before a page's end in it; %s: passes left\n",
           disassemble_register(program->stack), disassemble_register(program->near),
           disassemble_register(program->middle), disassemble_register(program->counter));
    size_t end = at;
    for (uint32_t i = 0; i < program->step_count; i++)
        end += 2 * program->steps[i].count;
    while (at < end) {
        uint32_t bits;
        char text[DISASSEMBLE_TEXT_BYTES];
        memcpy(&bits, code + at, sizeof bits);
        unsigned length = disassemble(bits, address + at, text, sizeof text);
        printf("    0x%llx: %s\n", (unsigned long long)(address + at), text);
        at += length;
    }
}

static inline uint64_t number_at(const uint8_t *bytes, size_t at)
{
    uint64_t number;
    memcpy(&number, bytes + at, sizeof number);
    return number;
}

/* Eight bytes at `at` of what a program leaves, which differ. They have a name, or are one of its
 * last registers, or stand in its data. */
static inline void show_numbers(const char *name, size_t at, uint64_t data_address, uint64_t here,
                                uint64_t there)
{
    if (name != NULL)
        printf("%s: ", name);
    else if (at >= LAST_AT && at < LAST_AT + 256)
        printf("%s: ", disassemble_register((unsigned)(at - LAST_AT) / 8));
    else
        printf("byte 0x%llx: ", (unsigned long long)(data_address + at));
    printf("0x%llx here, 0x%llx there\n", (unsigned long long)here, (unsigned long long)there);
}

#endif
