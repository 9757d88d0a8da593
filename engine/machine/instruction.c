#include "machine/instruction.h"

#include <stddef.h>

#include "base/status.h"

static const struct instruction_description descriptions[INSTRUCTION_COUNT] = {
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) \
    [INSTRUCTION_##code] = {mnemonic, FORMAT_##format, match, mask},
#include "machine/instruction.def"
#undef INSTRUCTION
};

const struct instruction_description *instruction_describe(enum instruction_code code)
{
    MUST(code > INSTRUCTION_NONE && code < INSTRUCTION_COUNT);
    return &descriptions[code];
}

/* Bits high..low of `bits`, moved to bit `to`. */
static int64_t bits_at(uint32_t bits, unsigned high, unsigned low, unsigned to)
{
    return (int64_t)(bits >> low & ((2u << (high - low)) - 1)) << to;
}

/* Bit `at` of `bits`, as the sign of a number whose uppermost bit is `to`. */
static int64_t sign_at(uint32_t bits, unsigned at, unsigned to)
{
    return -(int64_t)(bits >> at & 1) * ((int64_t)1 << to);
}

#define BITS(high, low, to) bits_at(bits, high, low, to)
#define SIGN(at, to)        sign_at(bits, at, to)

static int64_t immediate(enum instruction_format format, uint32_t bits)
{
    switch (format) {
    case FORMAT_I:
    case FORMAT_LOAD:
    case FORMAT_JALR:
        return SIGN(31, 11) | BITS(30, 20, 0);
    case FORMAT_SHIFT:
        return BITS(25, 20, 0);
    case FORMAT_SHIFTW:
        return BITS(24, 20, 0);
    case FORMAT_CSR:
    case FORMAT_CSRI:
    case FORMAT_FENCE:
        return BITS(31, 20, 0);
    case FORMAT_S:
        return SIGN(31, 11) | BITS(30, 25, 5) | BITS(11, 7, 0);
    case FORMAT_B:
        return SIGN(31, 12) | BITS(7, 7, 11) | BITS(30, 25, 5) | BITS(11, 8, 1);
    case FORMAT_U:
        return SIGN(31, 31) | BITS(30, 12, 12);
    case FORMAT_J:
        return SIGN(31, 20) | BITS(19, 12, 12) | BITS(20, 20, 11) | BITS(30, 21, 1);
    case FORMAT_R:
    case FORMAT_AMO:
    case FORMAT_LR:
    case FORMAT_VMA:
    case FORMAT_CBO:
    case FORMAT_NONE:
        return 0;
    }
    return 0;
}

/* The first row with these major opcode bits, so that the search need not begin at the top: rows of
 * the same opcode come after it, not before. */
static enum instruction_code first_row(uint32_t bits)
{
    switch (bits >> 2 & 31) {
    case 0x00:
        return INSTRUCTION_LB;
    case 0x03:
        return INSTRUCTION_FENCE;
    case 0x04:
        return INSTRUCTION_ADDI;
    case 0x05:
        return INSTRUCTION_AUIPC;
    case 0x06:
        return INSTRUCTION_ADDIW;
    case 0x08:
        return INSTRUCTION_SB;
    case 0x0b:
        return INSTRUCTION_LR_W;
    case 0x0c:
        return INSTRUCTION_ADD;
    case 0x0e:
        return INSTRUCTION_ADDW;
    case 0x18:
        return INSTRUCTION_BEQ;
    case 0x19:
        return INSTRUCTION_JALR;
    case 0x1b:
        return INSTRUCTION_JAL;
    case 0x1c:
        return INSTRUCTION_ECALL;
    default: /* LUI, and what is in no row */
        return INSTRUCTION_LUI;
    }
}

static bool decode_word(uint32_t bits, struct instruction *instruction)
{
    for (unsigned code = first_row(bits); code < INSTRUCTION_COUNT; code++) {
        const struct instruction_description *description = &descriptions[code];
        if ((bits & description->mask) != description->match)
            continue;
        bool is_atomic = description->format == FORMAT_AMO || description->format == FORMAT_LR;
        *instruction = (struct instruction){
            .code = (uint16_t)code,
            .halves = 2,
            .rd = (uint8_t)BITS(11, 7, 0),
            .rs1 = (uint8_t)BITS(19, 15, 0),
            .rs2 = (uint8_t)BITS(24, 20, 0),
            .ordering = is_atomic ? (uint8_t)BITS(26, 25, 0) : 0,
            .imm = immediate(description->format, bits),
        };
        return true;
    }
    return false;
}

#define RD5   BITS(11, 7, 0)
#define RS2_5 BITS(6, 2, 0)
#define HIGH3 (8 + BITS(9, 7, 0))
#define LOW3  (8 + BITS(4, 2, 0))

/* The expansion of one row: its fields are the table's expressions over `bits`. */
static bool decode_half(uint32_t bits, struct instruction *instruction)
{
#define COMPRESSED(mnemonic, match, mask, is_legal, expansion, rd_, rs1_, rs2_, immediate_) \
    if ((bits & (mask)) == (match)) {                                                       \
        *instruction = (struct instruction){                                                \
            .code = INSTRUCTION_##expansion,                                                \
            .halves = 1,                                                                    \
            .rd = (uint8_t)(rd_),                                                           \
            .rs1 = (uint8_t)(rs1_),                                                         \
            .rs2 = (uint8_t)(rs2_),                                                         \
            .imm = (immediate_),                                                            \
        };                                                                                  \
        return is_legal;                                                                    \
    }
#include "machine/compressed.def"
#undef COMPRESSED
    return false;
}

const char *instruction_compressed_mnemonic(uint32_t bits)
{
#define COMPRESSED(mnemonic, match, mask, is_legal, expansion, rd, rs1, rs2, immediate) \
    if ((bits & (mask)) == (match))                                                     \
        return mnemonic;
#include "machine/compressed.def"
#undef COMPRESSED
    return NULL;
}

bool instruction_decode(uint32_t bits, struct instruction *instruction)
{
    return instruction_is_compressed(bits) ? decode_half(bits & 0xffff, instruction)
                                           : decode_word(bits, instruction);
}
