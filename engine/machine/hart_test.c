/* Random programs, run here and by qemu-riscv64: the registers and the memory that they leave must
 * be the same, byte by byte. Skipped where qemu-user is not installed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/prng.h"
#include "machine/machine.h"
#include "machine/test_program.h"

#define PROGRAMS      25
#define STEPS         3000
#define MEMORY_BYTES  (1ull << 20)
#define SCRATCH       (RAM_BASE + 0x40000)
#define SCRATCH_BYTES (2 * PAGE_BYTES)
#define MIDDLE        (SCRATCH + PAGE_BYTES - 40) /* loads and stores around it cross a page */
#define REGISTERS     (SCRATCH + 128)             /* where they are left at the end */
#define LINUX_WRITE   64 /* unknown here: it answers an error and goes on, as intended */

/* T6 stays at MIDDLE, T5 at an aligned address for atomics. */
static bool is_free(uint64_t rd)
{
    return rd != T5 && rd != T6;
}

static uint32_t random_register(struct prng *prng)
{
    return (uint32_t)prng_below(prng, T5);
}

/* Numbers at the edges of their sizes are likelier than others. */
static uint64_t random_number(struct prng *prng)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     UINT64_MAX,
                                     1ull << 63,
                                     (1ull << 63) - 1,
                                     1ull << 31,
                                     (1ull << 31) - 1,
                                     0xffffffff,
                                     1ull << 32,
                                     0xffffffff80000000};
    if (prng_below(prng, 2) == 0)
        return edges[prng_below(prng, sizeof edges / sizeof *edges)];
    return prng_next(prng) >> prng_below(prng, 64);
}

static bool is_arithmetic(enum instruction_code code)
{
    switch (instruction_describe(code)->format) {
    case FORMAT_R:
    case FORMAT_I:
    case FORMAT_SHIFT:
    case FORMAT_SHIFTW:
    case FORMAT_U:
        return true;
    default:
        return false;
    }
}

static uint32_t random_half(struct prng *prng)
{
    for (;;) {
        struct instruction one;
        uint32_t half = (uint32_t)prng_below(prng, 65536);
        if (instruction_is_compressed(half) && instruction_decode(half, &one) &&
            is_arithmetic(one.code) && is_free(one.rd))
            return half;
    }
}

static void put_random_arithmetic(struct program *program, struct prng *prng)
{
    if (prng_below(prng, 4) == 0) {
        put_word(program, random_half(prng) | random_half(prng) << 16);
        return;
    }
    enum instruction_code code;
    do
        code = 1 + (unsigned)prng_below(prng, INSTRUCTION_COUNT - 1);
    while (!is_arithmetic(code));
    enum instruction_format format = instruction_describe(code)->format;
    int64_t imm = (int64_t)prng_next(prng);
    if (format == FORMAT_SHIFT || format == FORMAT_SHIFTW)
        imm &= format == FORMAT_SHIFT ? 63 : 31;
    put_word(program, program_word(code, random_register(prng), random_register(prng),
                                   random_register(prng), imm));
}

/* A reservation, arithmetic, its store: what lies between would matter to qemu, which compares the
 * value, and not here. */
static void put_reservation(struct program *program, struct prng *prng, bool is_double)
{
    uint32_t rd = random_register(prng), rs2 = random_register(prng);
    if (is_double)
        PUT(program, LR_D, random_register(prng), T5, 0, 0);
    else
        PUT(program, LR_W, random_register(prng), T5, 0, 0);
    put_random_arithmetic(program, prng);
    for (unsigned i = 0; i < 2; i++) { /* the second one has none, and fails */
        if (is_double)
            PUT(program, SC_D, rd, T5, rs2, 0);
        else
            PUT(program, SC_W, rd, T5, rs2, 0);
    }
}

static void put_random_step(struct program *program, struct prng *prng)
{
    enum instruction_code code = 1 + (unsigned)prng_below(prng, INSTRUCTION_COUNT - 1);
    uint32_t rd = random_register(prng), rs1 = random_register(prng), rs2 = random_register(prng);
    int64_t imm = (int64_t)prng_below(prng, 80) - 40;
    switch (instruction_describe(code)->format) {
    case FORMAT_LOAD:
    case FORMAT_S:
        put_word(program, program_word(code, rd, T6, rs2, imm));
        break;
    case FORMAT_AMO:
        if (code != INSTRUCTION_SC_W && code != INSTRUCTION_SC_D)
            put_word(program, program_word(code, rd, T5, rs2, 0));
        break;
    case FORMAT_LR:
        put_reservation(program, prng, code == INSTRUCTION_LR_D);
        break;
    case FORMAT_B:
    case FORMAT_J: /* over one step of one word */
        put_word(program, program_word(code, rd, rs1, rs2, 8));
        put_random_arithmetic(program, prng);
        break;
    case FORMAT_FENCE:
        put_word(program, program_word(code, 0, 0, 0, 0xff));
        break;
    default:
        put_random_arithmetic(program, prng);
    }
}

static const struct program *random_program(uint64_t seed)
{
    static struct program program;
    struct prng prng = prng_make(seed, 0);
    program.count = 0;
    for (uint32_t rd = RA; rd < T5; rd++)
        put_number(&program, rd, random_number(&prng));
    put_number(&program, T5, SCRATCH + 64);
    put_number(&program, T6, MIDDLE);
    for (unsigned i = 0; i < STEPS; i++)
        put_random_step(&program, &prng);
    put_number(&program, T6, REGISTERS);
    for (uint32_t rs2 = RA; rs2 < T5; rs2++)
        PUT(&program, SD, 0, T6, rs2, 8 * rs2);
    put_number(&program, A0, STDOUT_FILENO);
    put_number(&program, A1, SCRATCH);
    put_number(&program, A2, SCRATCH_BYTES);
    put_number(&program, A7, LINUX_WRITE);
    PUT(&program, ECALL, 0, 0, 0, 0);
    put_number(&program, A0, 0);
    put_exit(&program);
    return &program;
}

/* A kernel maps files by pages: the words begin at a whole page; the scratch is in the segment. */
static struct bytes image_for_both(const struct program *program)
{
    struct bytes small = program_image(program), image = {0};
    size_t headers = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    bytes_put(&image, small.data, headers);
    memset(bytes_extend(&image, PAGE_BYTES - headers), 0, PAGE_BYTES - headers);
    bytes_put(&image, small.data + headers, small.count - headers);
    Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(image.data + sizeof(Elf64_Ehdr));
    segment->p_offset = PAGE_BYTES;
    segment->p_align = PAGE_BYTES;
    segment->p_memsz = SCRATCH + SCRATCH_BYTES - RAM_BASE;
    bytes_fini(&small);
    return image;
}

static void run_here(const struct bytes *image, uint8_t *scratch)
{
    static const struct machine_config config = {
        .memory_bytes = MEMORY_BYTES, .cpu_rate = 1000000000, .hart_count = 1};
    struct guest *guest;
    struct guest_run run;
    struct problem problem = {0};
    enum status status =
        machine_open(&config, "random", image->data, image->count, &guest, &problem);
    assert_int_equal(status, STATUS_OK);
    guest->ops->run(guest, UINT64_MAX, &run);
    char text[100];
    machine_describe_fault(guest, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(run.stop, GUEST_ENDED);
    guest->ops->read_pages(guest, (SCRATCH - RAM_BASE) / PAGE_BYTES, SCRATCH_BYTES / PAGE_BYTES,
                           scratch);
    guest->ops->close(guest);
}

static void run_in_qemu(const struct bytes *image, uint8_t *scratch)
{
    char path[] = "/tmp/ferry-hart-XXXXXX", command[64];
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, image->data, image->count), (ssize_t)image->count);
    assert_int_equal(fchmod(file, 0700), 0);
    close(file);
    snprintf(command, sizeof command, "qemu-riscv64 %s", path);
    FILE *qemu = popen(command, "r");
    assert_non_null(qemu);
    assert_int_equal(fread(scratch, 1, SCRATCH_BYTES, qemu), SCRATCH_BYTES);
    assert_int_equal(pclose(qemu), 0);
    unlink(path);
}

static void leaves_what_qemu_leaves(void **state)
{
    (void)state;
    if (system("command -v qemu-riscv64 >/dev/null") != 0)
        skip();
    static uint8_t here[SCRATCH_BYTES], there[SCRATCH_BYTES];
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        struct bytes image = image_for_both(random_program(seed));
        run_here(&image, here);
        run_in_qemu(&image, there);
        for (size_t i = 0; i < SCRATCH_BYTES; i++)
            if (here[i] != there[i])
                fail_msg("seed %u: byte %zu (registers begin at %u, 8 bytes each)", (unsigned)seed,
                         i, (unsigned)(REGISTERS - SCRATCH));
        bytes_fini(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_what_qemu_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
