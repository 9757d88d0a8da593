/* random_step: the steps of random programs, for a user and for a supervisor alike. Only tests
 * include this. What a step must keep to stands in random_program.h.
 */
#ifndef MACHINE_RANDOM_STEP_H
#define MACHINE_RANDOM_STEP_H

#include "machine/random_program.h"

static inline void put_bits(struct step *step, uint32_t bits)
{
    MUST(step->count + 2 <= STEP_HALVES);
    step->halves[step->count++] = (uint16_t)bits;
    if (!instruction_is_compressed(bits))
        step->halves[step->count++] = (uint16_t)(bits >> 16);
}

#define STEP(step, code, rd, rs1, rs2, imm) \
    put_bits(step, program_word(INSTRUCTION_##code, rd, rs1, rs2, (int64_t)(imm)))

static inline bool is_arithmetic(enum instruction_code code)
{
    switch (instruction_describe(code)->format) {
    case FORMAT_R:
    case FORMAT_I:
    case FORMAT_SHIFT:
    case FORMAT_SHIFTW:
    case FORMAT_U:
        return code != INSTRUCTION_NONE;
    default:
        return false;
    }
}

static inline bool is_memory(enum instruction_code code)
{
    enum instruction_format format = instruction_describe(code)->format;
    return format == FORMAT_LOAD || format == FORMAT_S;
}

static inline bool is_conditional(enum instruction_code code)
{
    return code == INSTRUCTION_SC_W || code == INSTRUCTION_SC_D;
}

static inline bool is_amo(enum instruction_code code)
{
    return instruction_describe(code)->format == FORMAT_AMO && !is_conditional(code);
}

static inline enum instruction_code random_code(struct prng *prng,
                                                bool (*fits)(enum instruction_code))
{
    enum instruction_code code;
    do
        code = 1 + (unsigned)prng_below(prng, INSTRUCTION_COUNT - 1);
    while (!fits(code));
    return code;
}

/* A 16-bit form of what `fits`, that changes no register that is kept and goes by no other pointer
 * than those. */
static inline uint32_t random_half(const struct random_program *program, struct prng *prng,
                                   bool (*fits)(enum instruction_code))
{
    static const uint16_t rows[][2] = {
#define COMPRESSED(mnemonic, match, mask, is_legal, code, rd, rs1, rs2, imm) {match, mask},
#include "machine/compressed.def"
#undef COMPRESSED
    };
    for (;;) {
        struct instruction one;
        const uint16_t *row = rows[prng_below(prng, sizeof rows / sizeof *rows)];
        uint32_t half = ((uint32_t)prng_below(prng, 65536) & ~(uint32_t)row[1]) | row[0];
        if (!instruction_decode(half, &one) || !fits(one.code) || is_kept(program, one.rd))
            continue;
        if (!is_memory(one.code) || one.rs1 == program->stack || one.rs1 == program->near)
            return half;
    }
}

static inline void put_arithmetic(const struct random_program *program, struct prng *prng,
                                  struct step *step)
{
    if (prng_below(prng, 3) == 0) {
        put_bits(step, random_half(program, prng, is_arithmetic));
        return;
    }
    enum instruction_code code = random_code(prng, is_arithmetic);
    enum instruction_format format = instruction_describe(code)->format;
    int64_t imm = (int64_t)prng_next(prng);
    if (format == FORMAT_SHIFT || format == FORMAT_SHIFTW) {
        static const int64_t edges[] = {0, 1, 31, 63};
        imm = prng_below(prng, 3) == 0 ? edges[prng_below(prng, 4)] : imm;
        imm &= format == FORMAT_SHIFT ? 63 : 31;
    }
    uint32_t rs1 = any_register(prng);
    uint32_t rs2 = prng_below(prng, 8) == 0 ? rs1 : any_register(prng);
    uint32_t rd =
        prng_below(prng, 8) == 0 && !is_kept(program, rs1) ? rs1 : free_register(program, prng);
    put_bits(step, program_word(code, rd, rs1, rs2, imm));
}

/* A number at an edge: one bit, all bits, a half of them, one more or less. */
static inline void put_edge(const struct random_program *program, struct prng *prng,
                            struct step *step)
{
    static const int64_t shifts[] = {0, 31, 32, 63, 7, 15};
    uint32_t rd = free_nonzero(program, prng);
    int64_t shift = shifts[prng_below(prng, 6)];
    step->can_divide = true;
    STEP(step, ADDI, rd, ZERO, 0, (int64_t)prng_below(prng, 3) - 1);
    if (prng_below(prng, 2) == 0)
        STEP(step, SLLI, rd, rd, 0, shift);
    else
        STEP(step, SRLI, rd, rd, 0, shift);
    STEP(step, ADDI, rd, rd, 0, (int64_t)prng_below(prng, 3) - 1);
}

/* A load or store beside a pointer, aligned or not; or at an address that the run itself makes. */
static inline void put_access(const struct random_program *program, struct prng *prng,
                              struct step *step)
{
    enum instruction_code code = random_code(prng, is_memory);
    uint32_t rd = free_register(program, prng), rs2 = any_register(prng);
    uint32_t pointer = any_pointer(program, prng), index = free_nonzero(program, prng);
    int64_t imm = (int64_t)prng_below(prng, 104) - 40;
    switch (prng_below(prng, 4)) {
    case 0:
        put_bits(step, random_half(program, prng, is_memory));
        return;
    case 1:
        STEP(step, ANDI, index, any_register(prng), 0, 0x3ff);
        STEP(step, ADD, index, index, pointer, 0);
        pointer = index;
        break;
    }
    put_bits(step, program_word(code, rd, pointer, rs2, imm));
}

static inline void put_amo(const struct random_program *program, struct prng *prng,
                           struct step *step)
{
    uint32_t pointer = any_pointer(program, prng), index = free_nonzero(program, prng);
    uint32_t ordering = (uint32_t)prng_below(prng, 4) << 25;
    if (prng_below(prng, 3) == 0) {
        STEP(step, ANDI, index, any_register(prng), 0, 0x3f8);
        STEP(step, ADD, index, index, pointer, 0);
        pointer = index;
    }
    put_bits(step, ordering | program_word(random_code(prng, is_amo), free_register(program, prng),
                                           pointer, any_register(prng), 0));
}

/* A reservation, arithmetic or a load, its store; at times to a wrong address, and once more when
 * it is used up. No store stands between them: qemu compares values, so that it would matter there.
 */
static inline void put_reservation(const struct random_program *program, struct prng *prng,
                                   struct step *step)
{
    bool is_double = prng_below(prng, 2) == 0;
    uint32_t pointer = any_pointer(program, prng);
    step->can_divide = true;
    uint32_t load = program_word(is_double ? INSTRUCTION_LR_D : INSTRUCTION_LR_W,
                                 free_register(program, prng), pointer, 0, 0);
    put_bits(step, load | (uint32_t)prng_below(prng, 4) << 25);
    for (uint64_t i = prng_below(prng, 3); i > 0; i--)
        put_arithmetic(program, prng, step);
    if (prng_below(prng, 3) == 0)
        STEP(step, LD, free_register(program, prng), pointer, 0, prng_below(prng, 16));
    for (uint64_t i = 1 + prng_below(prng, 2); i > 0; i--) {
        uint32_t other = prng_below(prng, 5) == 0 ? any_pointer(program, prng) : pointer;
        uint32_t store = program_word(is_double ? INSTRUCTION_SC_D : INSTRUCTION_SC_W,
                                      free_register(program, prng), other, any_register(prng), 0);
        put_bits(step, store | (uint32_t)prng_below(prng, 4) << 25);
    }
}

static inline bool is_branch(enum instruction_code code)
{
    return instruction_describe(code)->format == FORMAT_B;
}

static inline bool is_direct_jump(enum instruction_code code)
{
    return is_branch(code) || code == INSTRUCTION_JAL;
}

/* Over one to four of the steps that come: the distance is put in when they are laid out. */
static inline void put_branch(const struct random_program *program, struct prng *prng,
                              struct step *step)
{
    uint64_t kind = prng_below(prng, 8);
    step->skips = (uint8_t)(1 + prng_below(prng, 4));
    if (kind < 2)
        put_bits(step, random_half(program, prng, is_direct_jump));
    else if (kind == 2)
        STEP(step, JAL, free_register(program, prng), 0, 0, 0);
    else
        put_bits(step, program_word(random_code(prng, is_branch), 0, any_register(prng),
                                    any_register(prng), 0));
}

/* A jump through a register, over one instruction. rd may be that register, and the lowest bit of
 * the target is to be ignored. */
static inline void put_indirect_jump(const struct random_program *program, struct prng *prng,
                                     struct step *step)
{
    uint32_t through = free_nonzero(program, prng);
    struct step skipped = {.count = 0};
    put_arithmetic(program, prng, &skipped);
    int64_t over = 2 * skipped.count, odd = (int64_t)prng_below(prng, 2);
    STEP(step, AUIPC, through, 0, 0, 0);
    if (prng_below(prng, 2) == 0) {
        uint32_t rd = prng_below(prng, 3) == 0 ? through : free_register(program, prng);
        STEP(step, JALR, rd, through, 0, (8 + over) | odd);
    } else {
        uint32_t links = is_kept(program, RA) ? 0 : (uint32_t)prng_below(prng, 2);
        STEP(step, ADDI, through, through, 0, (10 + over) | odd);
        put_bits(step, 0x8002 | links << 12 | through << 7); /* c.jr, c.jalr */
    }
    for (unsigned i = 0; i < skipped.count; i++)
        step->halves[step->count++] = skipped.halves[i];
}

/* A function that is called, returns, and is gone around. */
static inline void put_call(const struct random_program *program, struct prng *prng,
                            struct step *step)
{
    struct step body = {.count = 0};
    uint32_t link = free_nonzero(program, prng), bits;
    do {
        body.count = 0;
        put_arithmetic(program, prng, &body);
        bits = body.halves[0] | (uint32_t)body.halves[1] << 16;
        struct instruction one;
        MUST(instruction_decode(bits, &one));
        if (one.rd != link)
            break;
    } while (true);
    STEP(step, JAL, link, 0, 0, 8);
    STEP(step, JAL, ZERO, 0, 0, 4 + 2 * body.count + 4);
    for (unsigned i = 0; i < body.count; i++)
        step->halves[step->count++] = body.halves[i];
    STEP(step, JALR, prng_below(prng, 3) == 0 ? link : ZERO, link, 0, 0);
}

/* A loop of a few rounds: jumps backwards. */
static inline void put_loop(const struct random_program *program, struct prng *prng,
                            struct step *step)
{
    uint32_t count = free_nonzero(program, prng);
    STEP(step, ADDI, count, ZERO, 0, 1 + prng_below(prng, 6));
    unsigned start = step->count;
    for (unsigned i = 0; i < 3; i++) {
        struct step one = {.count = 0};
        struct instruction instruction;
        put_arithmetic(program, prng, &one);
        MUST(instruction_decode(one.halves[0] | (uint32_t)one.halves[1] << 16, &instruction));
        if (instruction.rd == count)
            continue;
        for (unsigned half = 0; half < one.count; half++)
            step->halves[step->count++] = one.halves[half];
    }
    STEP(step, ADDI, count, count, 0, -1);
    STEP(step, BNE, 0, count, ZERO, -2 * (step->count - (int)start));
}

/* Changes the immediate of its own last instruction: by a word, by the upper half, by the last
 * byte. */
static inline void put_patch(const struct random_program *program, struct prng *prng,
                             struct step *step)
{
    uint32_t here, bits, mask;
    do {
        here = free_nonzero(program, prng);
        bits = free_nonzero(program, prng);
        mask = free_nonzero(program, prng);
    } while (here == bits || here == mask || bits == mask);
    STEP(step, AUIPC, here, 0, 0, 0);
    switch (prng_below(prng, 3)) {
    case 0:
        STEP(step, LUI, mask, 0, 0, prng_next(prng) & 0xfff00000);
        STEP(step, LW, bits, here, 0, 24);
        STEP(step, XOR, bits, bits, mask, 0);
        STEP(step, SW, 0, here, bits, 24);
        break;
    case 1:
        STEP(step, LHU, bits, here, 0, 20 + 2);
        STEP(step, XORI, bits, bits, 0, prng_next(prng) & 0x7f0);
        STEP(step, SH, 0, here, bits, 20 + 2);
        break;
    default:
        STEP(step, LBU, bits, here, 0, 20 + 3);
        STEP(step, XORI, bits, bits, 0, prng_next(prng) & 0xff);
        STEP(step, SB, 0, here, bits, 20 + 3);
    }
    STEP(step, FENCE_I, 0, 0, 0, 0);
    STEP(step, ADDI, free_register(program, prng), any_register(prng), 0, prng_next(prng) & 0x7ff);
}

static inline void put_fence(struct prng *prng, struct step *step)
{
    if (prng_below(prng, 4) == 0)
        STEP(step, FENCE_I, 0, 0, 0, 0);
    else
        STEP(step, FENCE, 0, 0, 0, prng_below(prng, 256));
}

static inline void put_user_step(const struct random_program *program, struct prng *prng,
                                 struct step *step)
{
    uint64_t kind = prng_below(prng, 100);
    if (kind < 42)
        put_arithmetic(program, prng, step);
    else if (kind < 48)
        put_edge(program, prng, step);
    else if (kind < 66)
        put_access(program, prng, step);
    else if (kind < 74)
        put_amo(program, prng, step);
    else if (kind < 77)
        put_reservation(program, prng, step);
    else if (kind < 91)
        put_branch(program, prng, step);
    else if (kind < 94)
        put_indirect_jump(program, prng, step);
    else if (kind < 97)
        put_call(program, prng, step);
    else if (kind < 99)
        put_loop(program, prng, step);
    else
        put_fence(prng, step);
}

static inline void make_user_program(struct random_program *program, uint64_t seed, uint32_t steps,
                                     uint32_t passes)
{
    struct prng prng = begin_program(program, seed, passes, 0);
    bool is_patched = prng_below(&prng, 16) == 0;
    for (; program->step_count < steps; program->step_count++) {
        struct step *step = &program->steps[program->step_count];
        *step = (struct step){.count = 0};
        if (is_patched && prng_below(&prng, 200) == 0)
            put_patch(program, &prng, step);
        else
            put_user_step(program, &prng, step);
    }
}

#endif
