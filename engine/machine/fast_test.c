/* fast_run against hart_step: two harts with memories of their own run the same random program, one
 * in slices of any length by hart_run, which goes as far as fast_run goes, the other one
 * instruction after the other. At the end of every slice they must not differ in anything.
 *
 * The programs are nothing that a compiler would write: they store into their own code, jump into
 * the middle of instructions, run data, and lose pages or the right to write at any time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/prng.h"
#include "machine/hart.h"
#include "machine/test_program.h"

#define PAGES      8
#define CODE_PAGES 3
#define RAM_END    (RAM_BASE + PAGES * PAGE_BYTES)
#define SLICES     400
#define LONGEST    300 /* instructions of a slice */
#define PROGRAMS   60
#define REGISTERS  16 /* few, so that instructions depend on each other */

struct desk {
    struct guest guest;
    struct memory memory;
    struct hart hart;
    struct hart_clock clock;
    struct hart_result result;
};

static struct desk fast, reference;
static uint64_t seed;

static void open_desk(struct desk *desk, const uint8_t *ram)
{
    *desk = (struct desk){.clock = {.ticks_per_s = 1000000000}};
    desk->guest.total_pages = PAGES;
    bitmap_init(&desk->guest.present, PAGES);
    bitmap_init(&desk->guest.dirty, PAGES);
    bitmap_set_all(&desk->guest.present);
    memory_init(&desk->memory, &desk->guest, PAGES * PAGE_BYTES);
    memcpy(desk->memory.ram, ram, PAGES * PAGE_BYTES);
    desk->hart.timer_ns = UINT64_MAX;
    desk->hart.pc = RAM_BASE;
}

static void close_desk(struct desk *desk)
{
    memory_fini(&desk->memory);
    bitmap_fini(&desk->guest.present);
    bitmap_fini(&desk->guest.dirty);
}

/* ---- Programs ---- */

static uint32_t random_word(struct prng *prng)
{
    enum instruction_code code;
    do /* what is dealt with elsewhere comes seldom */
        code = 1 + (unsigned)prng_below(prng, INSTRUCTION_COUNT - 1);
    while (instruction_describe(code)->format >= FORMAT_CSR && code >= INSTRUCTION_ECALL &&
           prng_below(prng, 8) > 0);
    uint32_t rd = (uint32_t)prng_below(prng, REGISTERS);
    uint32_t rs1 = (uint32_t)prng_below(prng, REGISTERS);
    uint32_t rs2 = (uint32_t)prng_below(prng, REGISTERS);
    int64_t imm = (int64_t)prng_next(prng);
    switch (instruction_describe(code)->format) {
    case FORMAT_LOAD:
    case FORMAT_S:
    case FORMAT_JALR:
        imm = (int64_t)prng_below(prng, 128) - 64;
        break;
    case FORMAT_B:
    case FORMAT_J:
        imm = ((int64_t)prng_below(prng, 200) - 100) * 2;
        break;
    default:
        break;
    }
    return program_word(code, rd, rs1, rs2, imm);
}

/* The rows of fused.def, as the instructions that they are made of. */
enum single {
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) SINGLE_##code,
#define SHORT(name, semantics)                                      SINGLE_##name,
#define FUSED(first, second, from)
#define FUSED3(first, second, from, third, from_second)
    SINGLE_NONE,
#include "machine/instruction.def"
#include "machine/fused.def"
#undef INSTRUCTION
#undef SHORT
#undef FUSED
#undef FUSED3
};

static const uint8_t sequences[][3] = {
#define SHORT(name, semantics)
#define FUSED(first, second, from) {SINGLE_##first, SINGLE_##second, SINGLE_NONE},
#define FUSED3(first, second, from, third, from_second) \
    {SINGLE_##first, SINGLE_##second, SINGLE_##third},
#include "machine/fused.def"
#undef SHORT
#undef FUSED
#undef FUSED3
};

struct operands {
    uint32_t rd, rs1, rs2;
    int64_t imm;
};

/* A short form is an instruction with one of its operands given. */
static enum instruction_code spell_out(enum single single, struct operands *operands)
{
    switch (single) {
    case SINGLE_CONSTANT:
        operands->rs1 = 0;
        return INSTRUCTION_ADDI;
    case SINGLE_MV:
        operands->imm = 0;
        return INSTRUCTION_ADDI;
    case SINGLE_SEXT_W:
        operands->imm = 0;
        return INSTRUCTION_ADDIW;
    case SINGLE_BEQZ:
        operands->rs2 = 0;
        return INSTRUCTION_BEQ;
    case SINGLE_BNEZ:
        operands->rs2 = 0;
        return INSTRUCTION_BNE;
    case SINGLE_BLTZ:
        operands->rs2 = 0;
        return INSTRUCTION_BLT;
    case SINGLE_BGEZ:
        operands->rs2 = 0;
        return INSTRUCTION_BGE;
    case SINGLE_BGTZ:
        operands->rs1 = 0;
        return INSTRUCTION_BLT;
    case SINGLE_BLEZ:
        operands->rs1 = 0;
        return INSTRUCTION_BGE;
    default:
        return (enum instruction_code)single;
    }
}

/* One of the rows, with operands that depend on each other in every way, also in none that the row
 * is made for. Returns how many words it has. */
static uint64_t put_sequence(struct prng *prng, uint8_t *at)
{
    const uint8_t *sequence = sequences[prng_below(prng, sizeof sequences / sizeof *sequences)];
    struct operands last = {0};
    uint64_t count = 0;
    for (; count < 3 && sequence[count] != SINGLE_NONE; count++) {
        struct operands operands = {
            .rd = (uint32_t)prng_below(prng, REGISTERS),
            .rs1 = (uint32_t)prng_below(prng, REGISTERS),
            .rs2 = (uint32_t)prng_below(prng, REGISTERS),
            .imm = 4 * (int64_t)prng_below(prng, 16),
        };
        switch (prng_below(prng, 6)) {
        case 0:
            operands.rs1 = last.rd;
            break;
        case 1:
            operands.rs2 = last.rd;
            break;
        case 2:
            operands.rs1 = last.rs1;
            break;
        case 3: /* as programs do with pointers: the address stays good */
            operands.rd = operands.rs1;
            break;
        default:
            break;
        }
        enum instruction_code code = spell_out((enum single)sequence[count], &operands);
        if (instruction_describe(code)->format == FORMAT_B)
            operands.imm -= 24;
        uint32_t word = program_word(code, operands.rd, operands.rs1, operands.rs2, operands.imm);
        memcpy(at + 4 * count, &word, sizeof word);
        last = operands;
    }
    return count;
}

static void fill(struct prng *prng, uint8_t *ram)
{
    uint64_t style = prng_below(prng, 3);
    for (uint64_t at = 0; at + 12 <= PAGES * PAGE_BYTES; at += 4) {
        uint32_t word = random_word(prng);
        uint32_t halves = (uint32_t)prng_next(prng); /* often two compressed ones */
        if (style == 0 || prng_below(prng, 3) == 0)
            at += 4 * (put_sequence(prng, ram + at) - 1);
        else
            memcpy(ram + at, prng_below(prng, 4) == 0 ? &halves : &word, 4);
    }
}

/* ---- What happens between slices, to both ---- */

/* Registers lose their addresses soon; and somewhere the program must go on after a fault. */
static void refresh(struct prng *prng)
{
    for (unsigned i = 0; i < 6; i++) {
        uint64_t rd = 1 + prng_below(prng, REGISTERS - 1);
        uint64_t value = RAM_BASE + prng_below(prng, PAGES * PAGE_BYTES);
        if (prng_below(prng, 2) == 0)
            value &= ~7ull;
        fast.hart.x[rd] = reference.hart.x[rd] = value;
    }
}

static void jump_anywhere(struct prng *prng)
{
    uint64_t pc = RAM_BASE + prng_below(prng, CODE_PAGES * PAGE_BYTES) / 4 * 4;
    fast.hart.pc = reference.hart.pc = pc;
}

static void disturb(struct prng *prng)
{
    static uint8_t page[PAGE_BYTES];
    uint64_t page_idx = prng_below(prng, PAGES);
    switch (prng_below(prng, 12)) {
    case 0: /* tracking begins: all pages are protected */
        for (struct desk *desk = &fast;; desk = &reference) {
            desk->guest.is_tracking = true;
            bitmap_clear_all(&desk->guest.dirty);
            memory_protect_all(&desk->memory);
            if (desk == &reference)
                break;
        }
        break;
    case 1:
        fast.guest.is_tracking = reference.guest.is_tracking = false;
        break;
    case 2:
        memory_drop(&fast.memory, page_idx);
        memory_drop(&reference.memory, page_idx);
        break;
    case 3: /* new contents */
        for (uint64_t at = 0; at + 12 <= PAGE_BYTES;)
            at += 4 * put_sequence(prng, page + at);
        memory_install(&fast.memory, page_idx, page);
        memory_install(&reference.memory, page_idx, page);
        break;
    default:
        break;
    }
}

/* What a world does about a stop. */
static void answer(struct desk *desk, const struct hart_result *result, const uint8_t *page)
{
    switch (result->stop) {
    case HART_MISSING:
        memory_install(&desk->memory, result->page_idx, page);
        break;
    case HART_ECALL:
        hart_finish_ecall(&desk->hart, true);
        break;
    default:
        break;
    }
}

/* ---- The comparison ---- */

static void must_agree(const char *what, uint64_t is, uint64_t should)
{
    if (is != should)
        fail_msg("seed %llu: %s is 0x%llx by slices and 0x%llx by steps, pc 0x%llx",
                 (unsigned long long)seed, what, (unsigned long long)is, (unsigned long long)should,
                 (unsigned long long)reference.hart.pc);
}

static void compare(void)
{
    char name[8];
    must_agree("pc", fast.hart.pc, reference.hart.pc);
    for (unsigned i = 0; i < HART_REGISTERS; i++) {
        snprintf(name, sizeof name, "x%u", i);
        must_agree(name, fast.hart.x[i], reference.hart.x[i]);
    }
    must_agree("instret", fast.hart.retired_instructions, reference.hart.retired_instructions);
    must_agree("cycle", fast.hart.cycles, reference.hart.cycles);
    must_agree("memory", digest_of(fast.memory.ram, PAGES * PAGE_BYTES),
               digest_of(reference.memory.ram, PAGES * PAGE_BYTES));
    for (uint64_t i = 0; i < PAGES; i++)
        must_agree("dirty", bitmap_has(&fast.guest.dirty, i),
                   bitmap_has(&reference.guest.dirty, i));
}

/* Steps as far as the slice came; the stop must be the same one. */
static void follow(uint64_t passed)
{
    for (uint64_t i = 0; i < passed; i++) {
        if (!hart_step(&reference.hart, &reference.memory, &reference.clock, &reference.result))
            must_agree("the length of a slice", passed, i);
        reference.clock.ticks++;
    }
    if (fast.result.stop == HART_BUDGET || fast.result.stop == HART_WAIT)
        return;
    must_agree("a step", false,
               hart_step(&reference.hart, &reference.memory, &reference.clock, &reference.result));
    must_agree("stop", fast.result.stop, reference.result.stop);
    must_agree("page", fast.result.page_idx, reference.result.page_idx);
    must_agree("fault", fast.result.fault, reference.result.fault);
    must_agree("value", fast.result.fault_value, reference.result.fault_value);
}

static uint64_t run_program(void)
{
    static uint8_t ram[PAGES * PAGE_BYTES];
    struct prng prng = prng_make(seed, 0);
    uint64_t total = 0;
    fill(&prng, ram);
    open_desk(&fast, ram);
    open_desk(&reference, ram);
    for (unsigned slice = 0; slice < SLICES; slice++) {
        refresh(&prng);
        disturb(&prng);
        uint64_t budget = prng_below(&prng, LONGEST);
        uint64_t passed = hart_run(&fast.hart, &fast.memory, &fast.clock, budget, &fast.result);
        assert_true(passed <= budget);
        fast.clock.ticks += passed;
        follow(passed);
        compare();
        total += passed;
        const uint8_t *page = ram + fast.result.page_idx * PAGE_BYTES;
        answer(&fast, &fast.result, page);
        answer(&reference, &fast.result, page);
        if (fast.result.stop == HART_FAULT || prng_below(&prng, 50) == 0)
            jump_anywhere(&prng);
    }
    close_desk(&fast);
    close_desk(&reference);
    return total;
}

static void slices_are_made_of_steps(void **state)
{
    (void)state;
    uint64_t total = 0;
    for (seed = 1; seed <= PROGRAMS; seed++)
        total += run_program();
    assert_true(total > 10000 * PROGRAMS / 10); /* they got somewhere */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_made_of_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
