#include "machine/disassemble.h"

#include <stdio.h>

#include "base/status.h"
#include "machine/csr.h"
#include "machine/instruction.h"

const char *disassemble_register(unsigned number)
{
    /* The calling convention's names: RISC-V ABIs Specification, "Integer Register Convention". */
    static const char *const names[] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                        "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                        "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                        "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    MUST(number < sizeof names / sizeof *names);
    return names[number];
}

const char *disassemble_mnemonic(uint32_t bits)
{
    struct instruction instruction;
    if (!instruction_decode(bits, &instruction))
        return NULL;
    return instruction_is_compressed(bits) ? instruction_compressed_mnemonic(bits)
                                           : instruction_describe(instruction.code)->mnemonic;
}

static void put_csr(uint64_t number, char *text, size_t text_bytes)
{
    const char *name = csr_name(number);
    if (name != NULL)
        snprintf(text, text_bytes, "%s", name);
    else
        snprintf(text, text_bytes, "%llu", (unsigned long long)number);
}

/* Which kinds of access a fence orders: "iorw" as four bits. */
static void put_fence_set(uint64_t set, char *text)
{
    for (unsigned i = 0; i < 4; i++)
        if (set & 8u >> i)
            *text++ = "iorw"[i];
    *text = '\0';
}

static void put_operands(const struct instruction *instruction, enum instruction_format format,
                         uint64_t pc, char *text, size_t text_bytes)
{
    const char *rd = disassemble_register(instruction->rd);
    const char *rs1 = disassemble_register(instruction->rs1);
    const char *rs2 = disassemble_register(instruction->rs2);
    long long imm = instruction->imm;
    unsigned long long target = pc + (uint64_t)instruction->imm;
    char csr[16], before[8], after[8];

    put_csr((uint64_t)instruction->imm & 0xfff, csr, sizeof csr);
    put_fence_set(instruction->imm >> 4 & 15, before);
    put_fence_set(instruction->imm & 15, after);
    switch (format) {
    case FORMAT_NONE:
        text[0] = '\0';
        break;
    case FORMAT_R:
        snprintf(text, text_bytes, " %s, %s, %s", rd, rs1, rs2);
        break;
    case FORMAT_AMO:
        snprintf(text, text_bytes, " %s, %s, (%s)", rd, rs2, rs1);
        break;
    case FORMAT_LR:
        snprintf(text, text_bytes, " %s, (%s)", rd, rs1);
        break;
    case FORMAT_I:
    case FORMAT_SHIFT:
    case FORMAT_SHIFTW:
        snprintf(text, text_bytes, " %s, %s, %lld", rd, rs1, imm);
        break;
    case FORMAT_LOAD:
    case FORMAT_JALR:
        snprintf(text, text_bytes, " %s, %lld(%s)", rd, imm, rs1);
        break;
    case FORMAT_CSR:
        snprintf(text, text_bytes, " %s, %s, %s", rd, csr, rs1);
        break;
    case FORMAT_CSRI:
        snprintf(text, text_bytes, " %s, %s, %u", rd, csr, instruction->rs1);
        break;
    case FORMAT_S:
        snprintf(text, text_bytes, " %s, %lld(%s)", rs2, imm, rs1);
        break;
    case FORMAT_B:
        snprintf(text, text_bytes, " %s, %s, 0x%llx", rs1, rs2, target);
        break;
    case FORMAT_U:
        snprintf(text, text_bytes, " %s, %llu", rd, (unsigned long long)imm >> 12 & 0xfffff);
        break;
    case FORMAT_J:
        snprintf(text, text_bytes, " %s, 0x%llx", rd, target);
        break;
    case FORMAT_VMA:
        snprintf(text, text_bytes, " %s, %s", rs1, rs2);
        break;
    case FORMAT_CBO:
        snprintf(text, text_bytes, " (%s)", rs1);
        break;
    case FORMAT_FENCE:
        snprintf(text, text_bytes, " %s, %s", before[0] ? before : "0", after[0] ? after : "0");
        break;
    }
}

/* Words that have a name of their own, which says what they are for. */
static const char *name_of_word(uint32_t bits)
{
    switch (bits) {
    case 0x8330000f: /* fence rw, rw, but for stores before loads (Volume I, 2.7) */
        return "fence.tso";
    case 0xc0001073: /* csrrw zero, cycle, zero: illegal everywhere, as assemblers write it */
        return "unimp";
    }
    return NULL;
}

unsigned disassemble(uint32_t bits, uint64_t pc, char *text, size_t text_bytes)
{
    static const char *const orderings[] = {"", ".rl", ".aq", ".aqrl"};
    struct instruction instruction;
    unsigned length = instruction_is_compressed(bits) ? 2 : 4;
    if (!instruction_decode(bits, &instruction)) {
        if (length == 2)
            snprintf(text, text_bytes, ".half 0x%04x", bits & 0xffff);
        else
            snprintf(text, text_bytes, ".word 0x%08x", bits);
        return length;
    }
    if (name_of_word(bits) != NULL) {
        snprintf(text, text_bytes, "%s", name_of_word(bits));
        return length;
    }
    const struct instruction_description *description = instruction_describe(instruction.code);
    char operands[DISASSEMBLE_TEXT_BYTES];
    put_operands(&instruction, description->format, pc, operands, sizeof operands);
    snprintf(text, text_bytes, "%s%s%s", description->mnemonic, orderings[instruction.ordering],
             operands);
    return length;
}
