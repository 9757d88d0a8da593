/* The disassembler against llvm-objdump: every 16-bit word there is, and many words of every row of
 * the instruction table. Where llvm is not installed these two are skipped, and say so.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/prng.h"
#include "base/status.h"
#include "machine/csr.h"
#include "machine/disassemble.h"
#include "machine/instruction.h"
#include "machine/test_needs.h"

#define WORDS_PER_ROW 200
#define HALVES        65536

static void shows_each_format_as_an_assembler_takes_it(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        const char *text;
    } rows[] = {
        {0x00a58533, "add a0, a1, a0"},
        {0xff010113, "addi sp, sp, -16"},
        {0x00113423, "sd ra, 8(sp)"},
        {0xfe0518e3, "bne a0, zero, 0x80000ff0"},
        {0x12345537, "lui a0, 74565"},
        {0x004000ef, "jal ra, 0x80001004"},
        {0x00008067, "jalr zero, 0(ra)"},
        {0x03f51513, "slli a0, a0, 63"},
        {0x01f5151b, "slliw a0, a0, 31"},
        {0x0ff0000f, "fence iorw, iorw"},
        {0x0000100f, "fence.i"},
        {0xc0102573, "csrrs a0, time, zero"},
        {0xc000d073, "csrrwi zero, cycle, 1"},
        {0x06b6252f, "amoadd.w.aqrl a0, a1, (a2)"},
        {0x1005b52f, "lr.d a0, (a1)"},
        {0x00000073, "ecall"},
        {0x10500073, "wfi"},
        {0x10200073, "sret"},
        {0x12b50073, "sfence.vma a0, a1"},
        {0x10051573, "csrrw a0, sstatus, a0"},
        {0x8330000f, "fence.tso"},
        {0xc0001073, "unimp"},
        {0x0005200f, "cbo.inval (a0)"},
        {0x0015a00f, "cbo.clean (a1)"},
        {0x002fa00f, "cbo.flush (t6)"},
        {0x0000717d, "addi sp, sp, -16"},
        {0x00008082, "jalr zero, 0(ra)"},
        {0x00000000, ".half 0x0000"},
        {0xffffffff, ".word 0xffffffff"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[DISASSEMBLE_TEXT_BYTES];
        unsigned length = disassemble(rows[i].bits, 0x80001000, text, sizeof text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(length, (rows[i].bits & 3) == 3 ? 4 : 2);
    }
}

static bool has_llvm(void)
{
    return has_program("clang", "clang") && has_program("llvm-objdump", "llvm");
}

/* Tabs become single spaces, the symbol behind a branch target goes. */
static void tidy(char *line)
{
    char *to = line;
    for (const char *from = line; *from != '\0' && *from != '<' && *from != '\n'; from++) {
        char c = *from == '\t' ? ' ' : *from;
        if (c == ' ' && (to == line || to[-1] == ' '))
            continue;
        *to++ = c;
    }
    while (to > line && to[-1] == ' ')
        to--;
    *to = '\0';
}

/* The words, assembled as data into code and shown by llvm-objdump: one line of text each, in
 * order. `lines` are freed by the caller. */
static void ask_llvm(const uint32_t *words, size_t count, char **lines)
{
    char directory[] = "/tmp/ferry-disassemble-XXXXXX", path[96], command[512], line[256];
    size_t seen = 0;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/words.s", directory);
    FILE *source = fopen(path, "w");
    assert_non_null(source);
    for (size_t i = 0; i < count; i++)
        fprintf(source, (words[i] & 3) == 3 ? ".4byte 0x%08x\n" : ".2byte 0x%04x\n", words[i]);
    fclose(source);
    snprintf(command, sizeof command,
             "cd %s && clang --target=riscv64 -march=rv64imac -c words.s -o words.o && "
             "llvm-objdump -d --mattr=+m,+a,+c -M no-aliases --no-show-raw-insn words.o",
             directory);
    FILE *objdump = popen(command, "r");
    assert_non_null(objdump);
    while (fgets(line, sizeof line, objdump) != NULL) {
        char *at = strchr(line, ':');
        if (line[0] != ' ' || at == NULL)
            continue;
        assert_true(seen < count);
        lines[seen] = strdup(at + 1);
        tidy(lines[seen++]);
    }
    assert_int_equal(pclose(objdump), 0);
    assert_int_equal(seen, count);
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

static bool is_unknown(const char *line)
{
    return line[0] == '\0'; /* "<unknown>", tidied */
}

/* The 16-bit forms as llvm names them, and the instruction that the manual says each stands for
 * (Volume I, version 20191213, tables 16.5 to 16.7): $1 and $2 are llvm's operands. */
static const char *const expansions[][2] = {
    {"c.addi4spn", "addi $1, $2, $3"},
    {"c.lw", "lw $1, $2"},
    {"c.ld", "ld $1, $2"},
    {"c.sw", "sw $1, $2"},
    {"c.sd", "sd $1, $2"},
    {"c.nop", "addi zero, zero, $1"},
    {"c.addi", "addi $1, $1, $2"},
    {"c.addiw", "addiw $1, $1, $2"},
    {"c.li", "addi $1, zero, $2"},
    {"c.addi16sp", "addi $1, $1, $2"},
    {"c.lui", "lui $1, $2"},
    {"c.srli", "srli $1, $1, $2"},
    {"c.srai", "srai $1, $1, $2"},
    {"c.andi", "andi $1, $1, $2"},
    {"c.sub", "sub $1, $1, $2"},
    {"c.xor", "xor $1, $1, $2"},
    {"c.or", "or $1, $1, $2"},
    {"c.and", "and $1, $1, $2"},
    {"c.subw", "subw $1, $1, $2"},
    {"c.addw", "addw $1, $1, $2"},
    {"c.j", "jal zero, $1"},
    {"c.beqz", "beq $1, zero, $2"},
    {"c.bnez", "bne $1, zero, $2"},
    {"c.slli", "slli $1, $1, $2"},
    {"c.slli64", "slli $1, $1, 0"},
    {"c.srli64", "srli $1, $1, 0"},
    {"c.srai64", "srai $1, $1, 0"},
    {"c.lwsp", "lw $1, $2"},
    {"c.ldsp", "ld $1, $2"},
    {"c.jr", "jalr zero, 0($1)"},
    {"c.mv", "add $1, zero, $2"},
    {"c.ebreak", "ebreak"},
    {"c.jalr", "jalr ra, 0($1)"},
    {"c.add", "add $1, $1, $2"},
    {"c.swsp", "sw $1, $2"},
    {"c.sdsp", "sd $1, $2"},
};

/* Cuts "c.addi a0, 1" into its parts: `parts` point into `line`. */
static void cut(char *line, const char *parts[4])
{
    static const char none[] = "0"; /* "c.nop" adds nothing */
    for (unsigned i = 0; i < 4; i++)
        parts[i] = none;
    for (unsigned i = 0; i < 4 && *line != '\0'; i++) {
        parts[i] = line;
        line += strcspn(line, ", ");
        while (*line == ',' || *line == ' ')
            *line++ = '\0';
    }
}

/* "" for what llvm does not know, or does not name. It shows the immediate of c.lui into x0, which
 * is a hint, with its sign, and that of others without. */
static void expand(char *line, char *text, size_t text_bytes)
{
    const char *parts[4];
    char upper[16];
    size_t count = 0;
    cut(line, parts);
    if (strcmp(parts[0], "c.lui") == 0) {
        snprintf(upper, sizeof upper, "%u", (unsigned)atoi(parts[2]) & 0xfffff);
        parts[2] = upper;
    }
    text[0] = '\0';
    for (size_t i = 0; i < sizeof expansions / sizeof *expansions; i++) {
        if (strcmp(parts[0], expansions[i][0]) != 0)
            continue;
        for (const char *at = expansions[i][1]; *at != '\0'; at++) {
            const char *part = at[0] == '$' ? parts[*++at - '0'] : NULL;
            count += (size_t)snprintf(text + count, text_bytes - count, "%.*s",
                                      part != NULL ? 100 : 1, part != NULL ? part : at);
        }
    }
}

static size_t all_halves(uint32_t *halves)
{
    size_t count = 0;
    for (uint32_t half = 0; half < HALVES; half++)
        if ((half & 3) != 3)
            halves[count++] = half;
    return count;
}

/* Every halfword: that it is reserved, or what it stands for. llvm 14 takes c.lui of 0 for legal,
 * which the manual reserves (16.5: "the code points with nzimm=0 are reserved"). */
static void agrees_with_llvm_on_every_compressed_one(void **state)
{
    (void)state;
    if (!has_llvm())
        skip();
    static uint32_t halves[HALVES];
    static char *lines[HALVES];
    size_t count = all_halves(halves);
    ask_llvm(halves, count, lines);
    for (size_t i = 0; i < count; i++) {
        char text[DISASSEMBLE_TEXT_BYTES], expected[DISASSEMBLE_TEXT_BYTES];
        expand(lines[i], expected, sizeof expected);
        bool is_lui_of_0 = (halves[i] & 0xf07f) == 0x6001 && (halves[i] & 0xf80) != 0x100;
        if (expected[0] == '\0' || is_lui_of_0)
            snprintf(expected, sizeof expected, ".half 0x%04x", halves[i]);
        disassemble(halves[i], 2 * i, text, sizeof text);
        assert_string_equal(text, expected);
        free(lines[i]);
    }
}

/* Random operands, but those that text can show the same way: control registers that are there, and
 * fences with something to order and no reserved bits. */
static uint32_t random_word(struct prng *prng, const struct instruction_description *description)
{
    uint32_t bits = (uint32_t)prng_next(prng);
    if (description->format == FORMAT_CSR || description->format == FORMAT_CSRI)
        bits = (bits & 0x000fffff) | csr_number((uint32_t)prng_below(prng, csr_count())) << 20;
    if (description->format == FORMAT_FENCE)
        bits = (bits & 0x0ff00000) | 0x01100000;
    if (description->format == FORMAT_NONE)
        bits = 0;
    return (bits & ~description->mask) | description->match;
}

static void agrees_with_llvm_on_every_row(void **state)
{
    (void)state;
    if (!has_llvm())
        skip();
    static uint32_t words[2 + INSTRUCTION_COUNT * WORDS_PER_ROW];
    static char *lines[2 + INSTRUCTION_COUNT * WORDS_PER_ROW];
    struct prng prng = prng_make(1, 0);
    size_t count = 0;
    words[count++] = 0x8330000f; /* these two have names of their own */
    words[count++] = 0xc0001073;
    for (unsigned code = INSTRUCTION_NONE + 1; code < INSTRUCTION_COUNT; code++)
        for (unsigned i = 0; i < WORDS_PER_ROW; i++)
            words[count++] = random_word(&prng, instruction_describe(code));
    ask_llvm(words, count, lines);
    for (size_t i = 0; i < count; i++) {
        char text[DISASSEMBLE_TEXT_BYTES];
        assert_int_equal(disassemble(words[i], 4 * i, text, sizeof text), 4);
        if (!is_unknown(lines[i])) /* cbo.*, which came after llvm 14: below */
            assert_string_equal(text, lines[i]);
        else
            assert_memory_equal(text, "cbo.", 4);
        free(lines[i]);
    }
}

/* What llvm knows and this machine rightly refuses. */
static bool is_beyond_ferry(const char *llvm)
{
    static const struct {
        const char *name, *reason;
    } rows[] = {
        {"mret", "there is no machine mode: guests run above it, as under an SBI"},
        {"uret", "of the N extension, which was never ratified"},
        {"dret", "of debug mode, which is outside the instruction set"},
        {"fmv.", "of the F extension; llvm 14 knows two of its moves without it"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(llvm, rows[i].name, strlen(rows[i].name)) == 0)
            return true;
    return false;
}

/* What is legal and llvm 14 does not know. */
static bool is_beyond_llvm(uint32_t word)
{
    static const struct {
        uint32_t match, mask;
        const char *reason;
    } rows[] = {
        {0x0000000f, 0x0000707f, "fence: what is reserved in its fields is ignored (2.7)"},
        {0x0000100f, 0x0000707f, "fence.i: its imm, rs1 and rd are ignored (3.1)"},
        {0x0000200f, 0xfff07fff, "cbo.inval: Zicbom came later"},
        {0x0010200f, 0xfff07fff, "cbo.clean"},
        {0x0020200f, 0xfff07fff, "cbo.flush"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((word & rows[i].mask) == rows[i].match)
            return true;
    return false;
}

/* Every word of 32 bits with these fields: what is legal there is legal here, and nothing else. */
static void compare_words(const uint32_t *words, size_t count)
{
    char **lines = calloc(count, sizeof *lines);
    assert_non_null(lines);
    ask_llvm(words, count, lines);
    for (size_t i = 0; i < count; i++) {
        bool is_legal = disassemble_mnemonic(words[i]) != NULL;
        bool is_known = !is_unknown(lines[i]) && !is_beyond_ferry(lines[i]);
        if (is_legal != (is_known || is_beyond_llvm(words[i])))
            fail_msg("0x%08x: %s", words[i], is_legal ? "legal here, not there" : lines[i]);
        free(lines[i]);
    }
    free(lines);
}

/* Every major opcode, funct3 and funct7, with registers of all kinds, x0 among them. Opcodes that
 * end in 111 begin instructions of more than 32 bits: below. */
static void refuses_what_llvm_does_not_know(void **state)
{
    (void)state;
    if (!has_llvm())
        skip();
    static const uint32_t fields[][3] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0},  {0, 0, 1},
                                         {0, 0, 2}, {0, 0, 5}, {10, 2, 8}, {31, 31, 31}};
    static uint32_t words[28 * 8 * 128 * 8];
    size_t count = 0;
    for (uint32_t i = 0; i < 32 * 8 * 128 * 8; i++) {
        uint32_t opcode = i % 32, funct3 = i / 32 % 8, funct7 = i / 256 % 128;
        const uint32_t *field = fields[i / 32768];
        if (opcode % 8 != 7)
            words[count++] = opcode << 2 | 3 | funct3 << 12 | funct7 << 25 | field[0] << 7 |
                             field[1] << 15 | field[2] << 20;
    }
    assert_int_equal(count, sizeof words / sizeof *words);
    compare_words(words, count);
}

/* The opcodes whose upper twelve bits choose the instruction, in full: fences and cache blocks, the
 * system, atomics. */
static void refuses_what_llvm_does_not_know_of_the_system(void **state)
{
    (void)state;
    if (!has_llvm())
        skip();
    static const uint32_t opcodes[] = {0x0f, 0x73, 0x2f};
    static uint32_t words[3 * 8 * 4096 * 4];
    size_t count = 0;
    for (uint32_t i = 0; i < 3 * 8 * 4096 * 4; i++)
        words[count++] = opcodes[i / 131072] | (i / 32768 % 4 & 1) << 7 |
                         (i / 32768 % 4 >> 1) << 15 | i / 4096 % 8 << 12 | (i % 4096) << 20;
    compare_words(words, count);
}

/* The beginnings of what is longer than 32 bits (Volume I, 1.5): no such instruction is defined. */
static void refuses_what_is_longer(void **state)
{
    (void)state;
    struct prng prng = prng_make(9, 0);
    for (unsigned i = 0; i < 100000; i++)
        assert_null(disassemble_mnemonic((uint32_t)prng_next(&prng) | 0x1f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_each_format_as_an_assembler_takes_it),
        cmocka_unit_test(agrees_with_llvm_on_every_compressed_one),
        cmocka_unit_test(agrees_with_llvm_on_every_row),
        cmocka_unit_test(refuses_what_llvm_does_not_know),
        cmocka_unit_test(refuses_what_llvm_does_not_know_of_the_system),
        cmocka_unit_test(refuses_what_is_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
