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
#include "machine/disassemble.h"
#include "machine/instruction.h"

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
    return system("command -v clang >/dev/null && command -v llvm-objdump >/dev/null") == 0;
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
static void ask_llvm(const uint32_t *words, size_t count, bool has_aliases, char **lines)
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
             "llvm-objdump -d --mattr=+m,+a,+c %s --no-show-raw-insn words.o",
             directory, has_aliases ? "" : "-M no-aliases");
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

/* What llvm 14 says differently: other names for the same thing, and c.lui of 0, which it takes for
 * legal though the manual reserves it. */
static bool is_same_compressed(const char *name, const char *llvm, uint32_t half)
{
    static const char *const synonyms[][2] = {{"c.nop", "c.addi"},
                                              {"c.slli64", "c.slli"},
                                              {"c.srli64", "c.srli"},
                                              {"c.srai64", "c.srai"}};
    char first[32];
    sscanf(llvm, "%31s", first);
    if (is_unknown(llvm) || strcmp(first, "c.unimp") == 0 || (half & 0xf07f) == 0x6001)
        return name == NULL || (half & 0xef83) == 0x6101;
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        if (strcmp(first, synonyms[i][0]) == 0)
            snprintf(first, sizeof first, "%s", synonyms[i][1]);
    return name != NULL && strcmp(name, first) == 0;
}

static size_t all_halves(uint32_t *halves)
{
    size_t count = 0;
    for (uint32_t half = 0; half < HALVES; half++)
        if ((half & 3) != 3)
            halves[count++] = half;
    return count;
}

/* Every halfword: its name, or that it is reserved; and where llvm shows the expansion under the
 * same name, all operands. */
static void agrees_with_llvm_on_every_compressed_one(void **state)
{
    (void)state;
    if (!has_llvm())
        skip();
    static uint32_t halves[HALVES];
    static char *lines[HALVES];
    size_t count = all_halves(halves), compared = 0;
    ask_llvm(halves, count, false, lines);
    for (size_t i = 0; i < count; i++) {
        if (!is_same_compressed(disassemble_mnemonic(halves[i]), lines[i], halves[i]))
            fail_msg("0x%04x: %s", halves[i], lines[i]);
        free(lines[i]);
    }
    ask_llvm(halves, count, true, lines);
    for (size_t i = 0; i < count; i++) {
        char text[DISASSEMBLE_TEXT_BYTES];
        disassemble(halves[i], 2 * i, text, sizeof text);
        size_t name_length = strcspn(text, " ");
        if (strncmp(text, lines[i], name_length) == 0 && lines[i][name_length] == ' ' &&
            strstr(lines[i], ", ") != NULL && strncmp(text, "jal", 3) != 0 &&
            (halves[i] & 0xf07f) != 0x6001) {
            assert_string_equal(text, lines[i]);
            compared++;
        }
        if ((halves[i] & 3) == 1 && halves[i] >= 0xa000) /* c.j c.beqz c.bnez: the target */
            assert_string_equal(strrchr(text, ' '), strrchr(lines[i], ' '));
        free(lines[i]);
    }
    assert_true(compared > 25000);
}

/* Random operands, but those that text can show the same way: counters that have names, and fences
 * with something to order and no reserved bits. */
static uint32_t random_word(struct prng *prng, const struct instruction_description *description)
{
    uint32_t bits = (uint32_t)prng_next(prng);
    if (description->format == FORMAT_CSR || description->format == FORMAT_CSRI)
        bits = (bits & 0x000fffff) | (0xc00u + (uint32_t)prng_below(prng, 3)) << 20;
    if (description->format == FORMAT_FENCE)
        bits = (bits & 0x0ff00000) | 0x01100000;
    if (description->format == FORMAT_NONE)
        bits = 0;
    return (bits & ~description->mask) | description->match;
}

/* Zicbom came after llvm 14: cbo.inval, cbo.clean and cbo.flush are 0 to 2, without an rd. */
static bool is_cache_block(uint32_t word)
{
    return (word & 0x7fff) == 0x200f && word >> 20 <= 2;
}

static void agrees_with_llvm_on_every_row(void **state)
{
    (void)state;
    if (!has_llvm())
        skip();
    static uint32_t words[INSTRUCTION_COUNT * WORDS_PER_ROW];
    static char *lines[INSTRUCTION_COUNT * WORDS_PER_ROW];
    struct prng prng = prng_make(1, 0);
    size_t count = 0;
    for (unsigned code = INSTRUCTION_NONE + 1; code < INSTRUCTION_COUNT; code++)
        for (unsigned i = 0; i < WORDS_PER_ROW; i++)
            words[count++] = random_word(&prng, instruction_describe(code));
    ask_llvm(words, count, false, lines);
    for (size_t i = 0; i < count; i++) {
        char text[DISASSEMBLE_TEXT_BYTES];
        assert_int_equal(disassemble(words[i], 4 * i, text, sizeof text), 4);
        if (!is_cache_block(words[i]))
            assert_string_equal(text, lines[i]);
        free(lines[i]);
    }
}

/* llvm knows more modes, and (14, without the F extension) two moves of F. Fences it refuses where
 * reserved fields are not zero; the manual says to ignore those. */
static bool is_beyond_ferry(const char *llvm)
{
    static const char *const names[] = {"mret", "uret", "dret", "fmv."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(llvm, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Every major opcode, funct3 and funct7, rs2 being 0, 1 and 5: what is legal is legal there. */
static void refuses_what_llvm_does_not_know(void **state)
{
    (void)state;
    if (!has_llvm())
        skip();
    static uint32_t words[32 * 8 * 128 * 3];
    static char *lines[32 * 8 * 128 * 3];
    static const uint32_t sources[] = {0, 1, 5};
    size_t count = 0, legal = 0;
    for (uint32_t i = 0; i < 32 * 8 * 128 * 3; i++) {
        uint32_t opcode = i % 32, funct3 = i / 32 % 8, funct7 = i / 256 % 128;
        if (opcode != 0x1f && opcode % 8 != 7) /* those begin instructions of more than 32 bits */
            words[count++] =
                opcode << 2 | 3 | funct3 << 12 | funct7 << 25 | sources[i / 32768] << 20;
    }
    ask_llvm(words, count, false, lines);
    for (size_t i = 0; i < count; i++) {
        const char *name = disassemble_mnemonic(words[i]);
        bool is_fence = (words[i] & 0x7f) == 0x0f && (words[i] >> 12 & 7) < 2;
        bool is_known = is_fence || is_cache_block(words[i]) ||
                        (!is_unknown(lines[i]) && !is_beyond_ferry(lines[i]));
        if (is_known != (name != NULL))
            fail_msg("0x%08x: %s", words[i], lines[i]);
        legal += name != NULL;
        free(lines[i]);
    }
    assert_true(legal > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_each_format_as_an_assembler_takes_it),
        cmocka_unit_test(agrees_with_llvm_on_every_compressed_one),
        cmocka_unit_test(agrees_with_llvm_on_every_row),
        cmocka_unit_test(refuses_what_llvm_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
