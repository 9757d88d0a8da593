/* test_program: small guests for tests, written as calls. Only tests include this.
 *
 * Words are put together from the same table that takes them apart; instruction_test.c and
 * disassemble_test.c see to it that the table itself is right.
 */
#ifndef MACHINE_TEST_PROGRAM_H
#define MACHINE_TEST_PROGRAM_H

#include <elf.h>
#include <string.h>

#include "base/bytes.h"
#include "base/status.h"
#include "machine/hypercall.h"
#include "machine/instruction.h"

enum {
    ZERO, RA, SP, GP, TP, T0, T1, T2, S0, S1, A0, A1, A2, A3, A4, A5, A6, A7,
    S2, S3, S4, S5, S6, S7, S8, S9, S10, S11, T3, T4, T5, T6,
};

#define PROGRAM_WORDS_MAX 16384

struct program {
    uint32_t words[PROGRAM_WORDS_MAX];
    uint32_t count;
};

/* The bits of one instruction; operands that its format has no place for are ignored. */
static inline uint32_t program_word(enum instruction_code code, uint32_t rd, uint32_t rs1,
                                    uint32_t rs2, int64_t imm)
{
    const struct instruction_description *row = instruction_describe(code);
    uint32_t v = (uint32_t)imm;
    uint32_t word = row->match;
    switch (row->format) {
    case FORMAT_R:
    case FORMAT_AMO:
        return word | rd << 7 | rs1 << 15 | rs2 << 20;
    case FORMAT_LR:
        return word | rd << 7 | rs1 << 15;
    case FORMAT_VMA:
        return word | rs1 << 15 | rs2 << 20;
    case FORMAT_CBO:
        return word | rs1 << 15;
    case FORMAT_I:
    case FORMAT_LOAD:
    case FORMAT_JALR:
    case FORMAT_SHIFT:
    case FORMAT_SHIFTW:
    case FORMAT_CSR:
    case FORMAT_CSRI:
        return word | rd << 7 | rs1 << 15 | v << 20;
    case FORMAT_S:
        return word | (v & 31) << 7 | rs1 << 15 | rs2 << 20 | (v >> 5 & 127) << 25;
    case FORMAT_B:
        return word | (v >> 11 & 1) << 7 | (v >> 1 & 15) << 8 | rs1 << 15 | rs2 << 20 |
               (v >> 5 & 63) << 25 | (v >> 12 & 1) << 31;
    case FORMAT_U:
        return word | rd << 7 | (v & 0xfffff000);
    case FORMAT_J:
        return word | rd << 7 | (v >> 12 & 255) << 12 | (v >> 11 & 1) << 20 |
               (v >> 1 & 1023) << 21 | (v >> 20 & 1) << 31;
    case FORMAT_FENCE:
        return word | v << 20;
    case FORMAT_NONE:
        return word;
    }
    return word;
}

static inline uint64_t program_here(const struct program *program)
{
    return RAM_BASE + 4ull * program->count;
}

static inline void put_word(struct program *program, uint32_t word)
{
    MUST(program->count < PROGRAM_WORDS_MAX);
    program->words[program->count++] = word;
}

#define PUT(program, code, rd, rs1, rs2, imm)                                                      \
    put_word(program, program_word(INSTRUCTION_##code, rd, rs1, rs2, (int64_t)(imm)))

/* A branch or jump whose target is an address that is known already. */
#define PUT_TO(program, code, rd, rs1, rs2, target)                                                \
    PUT(program, code, rd, rs1, rs2, (target) - program_here(program))

/* Any number into a register: 12 bits at a time, from the top. */
static inline void put_number(struct program *program, uint32_t rd, uint64_t value)
{
    int64_t low = (int64_t)(value << 52) >> 52;
    if ((uint64_t)low == value) {
        PUT(program, ADDI, rd, ZERO, 0, low);
        return;
    }
    put_number(program, rd, (uint64_t)((int64_t)(value - (uint64_t)low) >> 12));
    PUT(program, SLLI, rd, rd, 0, 12);
    PUT(program, ADDI, rd, rd, 0, low);
}

static inline void put_exit(struct program *program)
{
    put_number(program, A7, HYPERCALL_EXIT);
    PUT(program, ECALL, 0, 0, 0, 0);
}

/* The smallest ELF file that holds the program: a header, one segment, the words. */
static inline struct bytes program_image(const struct program *program)
{
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_RISCV,
        .e_version = EV_CURRENT,
        .e_entry = RAM_BASE,
        .e_phoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    const Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_W | PF_X,
        .p_offset = sizeof header + sizeof segment,
        .p_vaddr = RAM_BASE,
        .p_paddr = RAM_BASE,
        .p_filesz = 4ull * program->count,
        .p_memsz = 4ull * program->count,
    };
    struct bytes image = {0};
    bytes_put(&image, &header, sizeof header);
    bytes_put(&image, &segment, sizeof segment);
    bytes_put(&image, program->words, 4ull * program->count);
    return image;
}

#endif
