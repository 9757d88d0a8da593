/* instruction: the words of a program taken apart.
 *
 * instruction.def holds every instruction once (bits, mnemonic, format, semantics), compressed.def
 * every 16-bit form of one. From these two tables come the enumeration and the decoder (here), the
 * dispatchers (hart.c, fast.c) and the disassembler (disassemble.c). An instruction that is added
 * to the table exists everywhere.
 *
 * The formats, which say where the operands are:
 *
 *   31      25 24  20 19  15 14  12 11       7 6      0
 *  +----------+------+------+------+----------+--------+
 *  |  funct7  |  rs2 |  rs1 |funct3|    rd    | opcode |  R, LR; AMO: funct7 ends in aq, rl
 *  +----------+------+------+------+----------+--------+
 *  |    imm[11:0]    |  rs1 |funct3|    rd    | opcode |  I, LOAD, JALR; CSR: imm is its number
 *  +----------+------+------+------+----------+--------+
 *  |funct6|   shamt  |  rs1 |funct3|    rd    | opcode |  SHIFT: 6 bits of shamt;  SHIFTW: 5 bits
 *  +----------+------+------+------+----------+--------+
 *  |   csr number    | uimm |funct3|    rd    | opcode |  CSRI
 *  +----------+------+------+------+----------+--------+
 *  |imm[11:5] |  rs2 |  rs1 |funct3| imm[4:0] | opcode |  S
 *  +----------+------+------+------+----------+--------+
 *  |imm[12|10:5]| rs2|  rs1 |funct3|imm[4:1|11]|opcode |  B
 *  +----------+------+------+------+----------+--------+
 *  |            imm[31:12]         |    rd    | opcode |  U
 *  +----------+------+------+------+----------+--------+
 *  |    imm[20|10:1|11|19:12]      |    rd    | opcode |  J
 *  +----------+------+------+------+----------+--------+
 *  |fm|pred|succ     |   -  |funct3|     -    | opcode |  FENCE: pred and succ stand in imm[7:0]
 *  +----------+------+------+------+----------+--------+
 */
#ifndef MACHINE_INSTRUCTION_H
#define MACHINE_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

enum instruction_format {
    FORMAT_NONE,
    FORMAT_R,
    FORMAT_AMO,
    FORMAT_LR,
    FORMAT_I,
    FORMAT_LOAD,
    FORMAT_JALR,
    FORMAT_SHIFT,
    FORMAT_SHIFTW,
    FORMAT_CSR,
    FORMAT_CSRI,
    FORMAT_S,
    FORMAT_B,
    FORMAT_U,
    FORMAT_J,
    FORMAT_FENCE,
    FORMAT_VMA, /* rs1 and rs2 where R has them */
    FORMAT_CBO, /* rs1, the address of a cache block */
};

enum instruction_code {
    INSTRUCTION_NONE, /* what a zeroed struct instruction says */
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics) INSTRUCTION_##code,
#include "machine/instruction.def"
#undef INSTRUCTION
    INSTRUCTION_COUNT
};

struct instruction {
    uint16_t code;  /* enum instruction_code */
    uint8_t halves; /* its length in halfwords: 1 or 2 */
    uint8_t rd, rs1, rs2;
    uint8_t ordering; /* the aq and rl bits of an atomic: 2 and 1 */
    int64_t imm;      /* sign-extended */
};

struct instruction_description {
    const char *mnemonic;
    enum instruction_format format;
    uint32_t match, mask;
};

const struct instruction_description *instruction_describe(enum instruction_code code);

static inline bool instruction_is_compressed(uint32_t bits)
{
    return (bits & 3) != 3;
}

/* Takes `bits` apart; of a compressed one, only the low half is looked at. False for what is
 * reserved or belongs to an extension that is not there: an illegal instruction. */
bool instruction_decode(uint32_t bits, struct instruction *instruction);

/* The name of a compressed form ("c.addi"), NULL where no row of compressed.def matches. */
const char *instruction_compressed_mnemonic(uint32_t bits);

#endif
