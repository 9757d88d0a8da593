/* Random programs, run here and by qemu-riscv64: the registers and the memory that each leaves must
 * be the same, byte by byte. Where they are not, the shortest program that still differs is shown,
 * with the command that shows it again. Skipped where qemu-user is not installed.
 *
 *     qemu_user_test           the tests
 *     qemu_user_test SEED      one program, shrunk if it differs
 *     qemu_user_test SEED N    N batches of programs from there on
 *
 * Not compared here: counters (no two machines agree on them; instruction_test.c), environment
 * calls and what only a supervisor may do (qemu_system_test.c).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/random_run.h"
#include "machine/random_step.h"
#include "machine/test_needs.h"

/* One batch is one image: all the code, then all the data. */
#define SLOTS        32
#define CODE_AT(i)   (RAM_BASE + PAGE_BYTES + (i)*CODE_BYTES)
#define DATA_START   CODE_AT(SLOTS)
#define DATA_AT(i)   (DATA_START + (i)*DATA_BYTES)
#define IMAGE_BYTES  (DATA_AT(SLOTS) - RAM_BASE)
#define RESULT_BYTES (SLOTS * DATA_BYTES)
#define MEMORY_BYTES (1ull << 20)
#define LINUX_WRITE  64 /* unknown here: it answers an error and goes on, as intended */

/* 100 million instructions, unless each of them is watched by a sanitizer. */
#ifdef __SANITIZE_ADDRESS__
#define BATCHES 16
#define PASSES  40
#else
#define BATCHES 60
#define PASSES  80
#endif
#define STEPS 640

static struct {
    struct random_program programs[SLOTS];
    bool is_there[SLOTS];
    size_t steps_at[SLOTS]; /* in its code */
    uint8_t image[IMAGE_BYTES];
    uint8_t here[RESULT_BYTES], there[RESULT_BYTES];
    char trouble[200]; /* why a machine did not come to the end, or "" */
} batch;

/* ---- One image for both ---- */

/* The programs that are there, one after the other; then all data is written out, and the end. */
static void lay_batch(void)
{
    memset(batch.image, 0, sizeof batch.image);
    uint64_t next = RAM_BASE + 4;
    for (unsigned i = SLOTS; i-- > 0;) {
        if (!batch.is_there[i])
            continue;
        const struct random_program *program = &batch.programs[i];
        struct code_writer to = {batch.image + (CODE_AT(i) - RAM_BASE), CODE_AT(i), 0};
        lay_beginning(program, &to, batch.image + (DATA_AT(i) - RAM_BASE), DATA_AT(i));
        batch.steps_at[i] = to.count;
        lay_steps(program, &to);
        lay_end(program, &to, DATA_AT(i), next);
        next = CODE_AT(i);
    }
    struct code_writer to = {batch.image, RAM_BASE, 0};
    WRITE_CODE(&to, JAL, ZERO, 0, 0, next - RAM_BASE);
    WRITE_CODE(&to, ADDI, A0, ZERO, 0, STDOUT_FILENO);
    write_address(&to, A1, DATA_START);
    write_address(&to, A2, RESULT_BYTES);
    WRITE_CODE(&to, ADDI, A7, ZERO, 0, LINUX_WRITE);
    WRITE_CODE(&to, ECALL, 0, 0, 0, 0);
    WRITE_CODE(&to, ADDI, A0, ZERO, 0, 0);
    WRITE_CODE(&to, ADDI, A7, ZERO, 0, HYPERCALL_EXIT);
    WRITE_CODE(&to, ECALL, 0, 0, 0, 0);
}

/* A kernel maps files by pages: the words begin at a whole one. */
static struct bytes batch_file(void)
{
    static const struct program nothing;
    struct bytes file = program_image(&nothing);
    memset(bytes_extend(&file, PAGE_BYTES - file.count), 0, PAGE_BYTES - file.count);
    Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(file.data + sizeof(Elf64_Ehdr));
    segment->p_offset = segment->p_align = PAGE_BYTES;
    segment->p_filesz = segment->p_memsz = IMAGE_BYTES;
    bytes_put(&file, batch.image, IMAGE_BYTES);
    return file;
}

/* ---- Here ---- */

/* Runs to the end, or says in batch.trouble why not. Returns the instructions that it took. */
static uint64_t run_here(const struct disturbance *how, uint64_t seed)
{
    const struct random_run one = {
        .config = {.memory_bytes = MEMORY_BYTES, .cpu_rate = 1000000000, .hart_count = 1},
        .image_pages = IMAGE_BYTES / PAGE_BYTES,
        .ticks_max = 20ull * SLOTS * STEPS * PASSES,
        .how = *how,
        .seed = seed,
    };
    struct bytes file = batch_file();
    struct random_end end = run_disturbed(&one, &file, (DATA_START - RAM_BASE) / PAGE_BYTES,
                                          RESULT_BYTES / PAGE_BYTES, batch.here);
    bytes_fini(&file);
    snprintf(batch.trouble, sizeof batch.trouble, "%s", end.trouble);
    return end.instructions;
}

/* ---- There ---- */

static bool has_qemu(void)
{
    return has_program("qemu-riscv64", "qemu-user");
}

static void run_there(void)
{
    char path[] = "/tmp/ferry-qemu-user-XXXXXX", command[64];
    struct bytes image = batch_file();
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, image.data, image.count), (ssize_t)image.count);
    assert_int_equal(fchmod(file, 0700), 0);
    close(file);
    bytes_fini(&image);
    snprintf(command, sizeof command, "timeout 60 qemu-riscv64 %s", path);
    FILE *qemu = popen(command, "r");
    assert_non_null(qemu);
    size_t count = fread(batch.there, 1, RESULT_BYTES, qemu);
    if (pclose(qemu) != 0 || count != RESULT_BYTES)
        fail_msg("%s does not end there: kept for you", command);
    unlink(path);
}

/* ---- Comparing ---- */

static bool is_same(unsigned slot)
{
    return memcmp(batch.here + slot * DATA_BYTES, batch.there + slot * DATA_BYTES, DATA_BYTES) == 0;
}

/* What shrink_program asks: the program alone, in its slot, run in one go. */
static bool differs(const struct random_program *program, struct random_program *after)
{
    static const struct disturbance none = {.slice_max = AT_ONCE};
    unsigned slot = program->seed % SLOTS;
    memset(batch.is_there, 0, sizeof batch.is_there);
    batch.programs[slot] = *program;
    batch.is_there[slot] = true;
    lay_batch();
    run_here(&none, program->seed);
    run_there();
    if (after != NULL) {
        const uint8_t *there = batch.there + slot * DATA_BYTES;
        memcpy(after->x, there + LAST_AT, sizeof after->x);
        memcpy(after->data, there, DATA_BYTES);
    }
    return batch.trouble[0] != '\0' || !is_same(slot);
}

static void show_difference(const struct random_program *program)
{
    unsigned slot = program->seed % SLOTS;
    const uint8_t *here = batch.here + slot * DATA_BYTES, *there = batch.there + slot * DATA_BYTES;
    show_program(program, batch.image + (CODE_AT(slot) - RAM_BASE), CODE_AT(slot),
                 batch.steps_at[slot]);
    if (batch.trouble[0] != '\0')
        printf("here: %s\n", batch.trouble);
    for (size_t at = LAST_AT; at < DATA_BYTES; at += 8) {
        uint64_t h = number_at(here, at), t = number_at(there, at);
        if (h != t)
            show_numbers(NULL, at, DATA_AT(slot), h, t);
    }
    printf("again: " BUILD_DIR "/test/engine/machine/qemu_user_test %llu\n",
           (unsigned long long)program->seed);
}

static bool shrink_and_show(uint64_t seed)
{
    static struct random_program program;
    make_user_program(&program, seed, STEPS, PASSES);
    if (!differs(&program, NULL))
        return false;
    shrink_program(&program, differs);
    differs(&program, NULL);
    show_difference(&program);
    return true;
}

/* Runs SLOTS programs from a seed on, disturbed or not. */
static uint64_t compare_batch(uint64_t first, uint32_t passes, const struct disturbance *how)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        make_user_program(&batch.programs[i], first + i, STEPS, passes);
        batch.is_there[i] = true;
    }
    lay_batch();
    uint64_t instructions = run_here(how, first);
    char trouble[sizeof batch.trouble];
    snprintf(trouble, sizeof trouble, "%s", batch.trouble);
    run_there();
    bool is_different = trouble[0] != '\0';
    for (unsigned i = 0; i < SLOTS && !is_different; i++)
        is_different = !is_same(i);
    if (!is_different)
        return instructions;
    for (unsigned i = 0; i < SLOTS; i++)
        if (shrink_and_show(first + i))
            fail();
    fail_disturbed(how, first, first + SLOTS - 1, trouble);
    return 0;
}

/* ---- Tests ---- */

static const struct disturbance disturbances[] = {
    {.slice_max = AT_ONCE},
    {.slice_max = 100000},
    {.slice_max = 3000, .has_tracking = true},
    {.slice_max = 10000, .has_missing = true, .has_tracking = true},
};

static struct {
    uint64_t first, batches;
} soak_seeds;

static void leaves_what_qemu_leaves(void **state)
{
    (void)state;
    uint64_t instructions = 0;
    if (!has_qemu())
        skip();
    for (uint64_t i = 0; i < BATCHES; i++)
        instructions += compare_batch(i * SLOTS, PASSES, &disturbances[i % 4]);
    print_message("%llu instructions\n", (unsigned long long)instructions);
#ifndef __SANITIZE_ADDRESS__
    assert_true(instructions >= 100000000);
#endif
}

static void leaves_the_same_instruction_by_instruction(void **state)
{
    (void)state;
    static const struct disturbance single_steps = {.slice_max = 1}, whole = {.slice_max = AT_ONCE};
    static const struct disturbance few = {
        .slice_max = 5, .has_missing = true, .has_tracking = true};
    if (!has_qemu())
        skip();
    uint64_t instructions = compare_batch(1000000, 2, &single_steps);
    assert_int_equal(compare_batch(1000000, 2, &few), instructions);
    assert_int_equal(compare_batch(1000000, 2, &whole), instructions);
}

/* Every instruction of the table that a user needs nobody for, and every 16-bit form, stands in the
 * programs of one batch. */
#define OFTEN 10

static void nothing_is_left_out(void **state)
{
    (void)state;
    static const enum instruction_code left_out[] = {
#define INSTRUCTION(code, mnemonic, format, match, mask, semantics)
#define SYSTEM(code, mnemonic, format, match, mask, semantics) INSTRUCTION_##code,
#include "machine/instruction.def"
#undef INSTRUCTION
#undef SYSTEM
    };
    static uint64_t words[INSTRUCTION_COUNT], halves[65536];
    for (uint64_t seed = 0; seed < SLOTS; seed++) {
        struct random_program *program = &batch.programs[0];
        make_user_program(program, seed, STEPS, 1);
        for (uint32_t i = 0; i < program->step_count; i++)
            for (unsigned at = 0; at < program->steps[i].count;) {
                const struct step *step = &program->steps[i];
                struct instruction one;
                uint32_t bits = step->halves[at];
                if (!instruction_is_compressed(bits))
                    bits |= (uint32_t)step->halves[at + 1] << 16;
                assert_true(instruction_decode(bits, &one));
                *(one.halves == 2 ? &words[one.code] : &halves[bits & 0xffff]) += 1;
                at += one.halves;
            }
    }
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        words[left_out[i]] = OFTEN;
    for (unsigned code = INSTRUCTION_NONE + 1; code < INSTRUCTION_COUNT; code++)
        if (words[code] < OFTEN)
            fail_msg("%s: %u times", instruction_describe(code)->mnemonic, (unsigned)words[code]);
#define COMPRESSED(mnemonic, match, mask, is_legal, code, rd, rs1, rs2, imm) \
    {                                                                        \
        uint64_t count = 0;                                                  \
        for (uint32_t bits = 0; bits < 65536; bits++)                        \
            count += (bits & (mask)) == (match) ? halves[bits] : 0;          \
        if (count < OFTEN && INSTRUCTION_##code != INSTRUCTION_EBREAK)       \
            fail_msg("%s: %u times", mnemonic, (unsigned)count);             \
    }
#include "machine/compressed.def"
#undef COMPRESSED
}

/* As many batches as somebody has time for, of programs that no test has seen. */
static void soak(void **state)
{
    uint64_t first = soak_seeds.first;
    (void)state;
    for (uint64_t i = 0; i < soak_seeds.batches; i++, first += SLOTS)
        compare_batch(first, PASSES, &disturbances[i % 4]);
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        bool is_different = shrink_and_show(strtoull(argv[1], NULL, 0));
        if (!is_different)
            printf("no difference\n");
        return is_different;
    }
    if (argc == 3) {
        const struct CMUnitTest soaking[] = {cmocka_unit_test(soak)};
        soak_seeds.first = strtoull(argv[1], NULL, 0);
        soak_seeds.batches = strtoull(argv[2], NULL, 0);
        return cmocka_run_group_tests(soaking, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_out),
        cmocka_unit_test(leaves_the_same_instruction_by_instruction),
        cmocka_unit_test(leaves_what_qemu_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
