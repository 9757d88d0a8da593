/* The bits of instructions: every row of the table both ways, what is reserved, hints. What an
 * independent table says of all encodings is compared in disassemble_test.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "machine/hart_stand.h"

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
        assert_int_equal(stand.result.fault, FAULT_ILLEGAL);
    }
}

/* Hints change nothing but pc: results into x0, additions of 0, shifts by 0 (Volume I, 2.9, 16.7).
 */
static void hints_do_nothing(void **state)
{
    (void)state;
    unsigned hints = 0;
    for (uint32_t half = 0; half < 65536; half++) {
        struct instruction one;
        if (!instruction_is_compressed(half) || !instruction_decode(half, &one))
            continue;
        enum instruction_format format = instruction_describe(one.code)->format;
        bool computes = format == FORMAT_I || format == FORMAT_R || format == FORMAT_SHIFT ||
                        format == FORMAT_U;
        bool adds_0 = (half & 0xf07f) == 0x0001; /* c.addi rd, 0 */
        bool shifts_by_0 = (half & 0xf07f) == 0x0002 /* c.slli rd, 0 */ ||
                           (half & 0xf87f) == 0x8001 /* c.srli, c.srai rd, 0 */;
        if (!(computes && one.rd == ZERO) && !adds_0 && !shifts_by_0)
            continue;
        for (uint32_t i = RA; i < 32; i++)
            stand.hart.x[i] = 0x123456789abcdef0 + i;
        assert_int_equal(run_word(half), 1);
        assert_int_equal(stand.hart.pc, RAM_BASE + 2);
        for (uint32_t i = 0; i < 32; i++)
            assert_int_equal(stand.hart.x[i], i == 0 ? 0 : 0x123456789abcdef0 + i);
        hints++;
    }
    /* c.nop 64; c.addi 31; c.li 64; c.lui 63, as 0 is reserved; c.slli x0 64, others 31; c.srli and
     * c.srai 16; c.mv and c.add 31 each. */
    assert_int_equal(hints, 64 + 31 + 64 + 63 + 64 + 31 + 16 + 31 + 31);
    static const uint32_t words[] = {
        0x00000013, 0x00100013, 0x00000037, 0x00001017, 0x00006013, /* into x0 */
        0x0100000f, 0x0010000f, 0x0000000f, 0x8330000f, /* fences of nothing, fence.tso */
        0x1330000f, 0x0ff0808f, 0x0010100f, 0x0000908f, /* with reserved fields, to be ignored */
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(run_word(words[i]), 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAND_TEST(every_row_comes_back_from_its_bits),
        STAND_TEST(what_is_reserved_is_refused),
        STAND_TEST(hints_do_nothing),
        STAND_TEST(compressed_ones_expand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
