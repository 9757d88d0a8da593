/* Random programs of supervisors and their users, run here and on the board of qemu-system-riscv64:
 * registers, control registers, memory and every trap (cause, sepc, stval, sstatus) must be the
 * same. Where they are not, the shortest program that still differs is shown, with the command that
 * shows it again. Skipped where qemu-system-riscv64 is not installed.
 *
 *     qemu_system_test           the tests
 *     qemu_system_test SEED      one program, shrunk if it differs
 *     qemu_system_test SEED N    N batches of programs from there on
 *
 * There it begins in machine mode, at the first word of memory, and a few lines of our own do what
 * an SBI does (random_supervisor.h); here it begins behind that word, as a supervisor.
 *
 * Not compared, because it is QEMU's own (7.2): floating point, vectors, bit manipulation and the
 * hypervisor extension (switched off); fields of control registers that it has and we do not (see
 * put_control); what counters count; atomics that trap (an amo is told as a load, and an sc that is
 * misaligned fails there: privilege_test.c has both).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "machine/random_run.h"
#include "machine/random_supervisor.h"
#include "machine/test_needs.h"

/* One batch is one image: the beginning, the handler, machine mode's part, a page each; then all
 * the code, then data and log of each. */
#define SLOTS        16
#define ENTRY        (RAM_BASE + 4)
#define HANDLER      (RAM_BASE + PAGE_BYTES)
#define MACHINE_MODE (RAM_BASE + 2 * PAGE_BYTES)
#define CODE_AT(i)   (RAM_BASE + 3 * PAGE_BYTES + (i)*CODE_BYTES)
#define RESULTS      CODE_AT(SLOTS)
#define SLOT_BYTES   (DATA_BYTES + LOG_BYTES)
#define DATA_AT(i)   (RESULTS + (i)*SLOT_BYTES)
#define LOG_AT(i)    (DATA_AT(i) + DATA_BYTES)
#define RESULT_BYTES (SLOTS * SLOT_BYTES)
#define IMAGE_BYTES  (RESULTS + RESULT_BYTES - RAM_BASE)
#define MEMORY_BYTES (64ull << 20)
#define MEMORY_END   (RAM_BASE + MEMORY_BYTES)

#ifdef __SANITIZE_ADDRESS__
#define BATCHES 4
#else
#define BATCHES 14
#endif
#define STEPS  240
#define PASSES 4

static struct {
    struct random_program programs[SLOTS];
    unsigned first, count;  /* those of them that are run */
    size_t steps_at[SLOTS]; /* in its code */
    uint8_t image[IMAGE_BYTES];
    uint8_t here[RESULT_BYTES], there[RESULT_BYTES];
    char trouble[200]; /* why a machine did not come to the end, or "" */
} batch;

/* ---- One image for both ---- */

static struct code_writer writer_at(uint64_t address)
{
    return (struct code_writer){batch.image + (address - RAM_BASE), address, 0};
}

static void lay_slot(unsigned i, uint64_t next)
{
    const struct random_program *program = &batch.programs[i];
    struct code_writer to = writer_at(CODE_AT(i));
    lay_supervisor_beginning(&to, HANDLER, LOG_AT(i));
    lay_beginning(program, &to, batch.image + (DATA_AT(i) - RAM_BASE), DATA_AT(i));
    batch.steps_at[i] = to.count;
    lay_steps(program, &to);
    lay_supervisor_end(program, &to, DATA_AT(i));
    lay_end(program, &to, DATA_AT(i), next);
}

/* The programs that are there, one after the other, and the end. */
static void lay_batch(void)
{
    memset(batch.image, 0, sizeof batch.image);
    struct code_writer to = writer_at(RAM_BASE);
    uint64_t next = ENTRY + 4, first = next;
    for (unsigned i = batch.first + batch.count; i-- > batch.first;) {
        lay_slot(i, first);
        first = CODE_AT(i);
    }
    WRITE_CODE(&to, JAL, ZERO, 0, 0, MACHINE_MODE - RAM_BASE);
    WRITE_CODE(&to, JAL, ZERO, 0, 0, first - ENTRY);
    WRITE_CODE(&to, ADDI, A0, ZERO, 0, 0);
    WRITE_CODE(&to, ADDI, A7, ZERO, 0, HYPERCALL_EXIT);
    WRITE_CODE(&to, ECALL, 0, 0, 0, 0);
    to = writer_at(HANDLER);
    lay_handler(&to);
    to = writer_at(MACHINE_MODE);
    lay_machine_mode(&to, ENTRY, DATA_AT(batch.first), DATA_AT(batch.first + batch.count));
}

static struct bytes batch_file(void)
{
    static const struct program nothing;
    struct bytes file = program_image(&nothing);
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)file.data;
    Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(file.data + sizeof *header);
    header->e_entry = ENTRY;
    segment->p_filesz = segment->p_memsz = IMAGE_BYTES;
    bytes_put(&file, batch.image, IMAGE_BYTES);
    return file;
}

/* ---- Here and there ---- */

static void run_here(const struct disturbance *how, uint64_t seed)
{
    const struct random_run one = {
        .config = {.memory_bytes = MEMORY_BYTES, .cpu_rate = 1000000000, .hart_count = 1},
        .image_pages = IMAGE_BYTES / PAGE_BYTES,
        .ticks_max = 200ull * SLOTS * STEPS * PASSES,
        .how = *how,
        .seed = seed,
    };
    struct bytes file = batch_file();
    struct random_end end = run_disturbed(&one, &file, (RESULTS - RAM_BASE) / PAGE_BYTES,
                                          RESULT_BYTES / PAGE_BYTES, batch.here);
    bytes_fini(&file);
    snprintf(batch.trouble, sizeof batch.trouble, "%s", end.trouble);
}

static bool has_qemu(void)
{
    return has_program("qemu-system-riscv64", "qemu-system-misc");
}

static void run_there(void)
{
    char directory[] = "/tmp/ferry-qemu-system-XXXXXX", path[64], command[400];
    struct bytes image = batch_file();
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/image", directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(image.data, 1, image.count, file), image.count);
    fclose(file);
    bytes_fini(&image);
    snprintf(command, sizeof command,
             "cd %s && timeout 60 qemu-system-riscv64 -M virt -m 64M -bios image -nodefaults "
             "-display none -serial file:out -cpu "
             "rv64,f=off,d=off,v=off,h=off,sstc=off,zba=off,zbb=off,zbc=off,zbs=off </dev/null",
             directory);
    int status = system(command);
    snprintf(path, sizeof path, "%s/out", directory);
    file = fopen(path, "r");
    size_t wanted = batch.count * SLOT_BYTES, count = 0;
    if (file != NULL)
        count = fread(batch.there + batch.first * SLOT_BYTES, 1, wanted, file);
    if (status != 0 || count != wanted)
        fail_msg("%s: status %d, %zu bytes; kept for you", command, status, count);
    fclose(file);
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

/* ---- Comparing ---- */

static const uint8_t *data_of(const uint8_t *results, unsigned slot)
{
    return results + slot * SLOT_BYTES;
}

static const uint8_t *log_of(const uint8_t *results, unsigned slot)
{
    return data_of(results, slot) + DATA_BYTES;
}

static bool is_same(unsigned slot)
{
    return memcmp(data_of(batch.here, slot), data_of(batch.there, slot), SLOT_BYTES) == 0;
}

static const struct disturbance undisturbed = {.slice_max = AT_ONCE};

/* What shrink_program asks: the program alone, in its slot, run in one go. */
static bool differs(const struct random_program *program, struct random_program *after)
{
    unsigned slot = program->seed % SLOTS;
    batch.programs[slot] = *program;
    batch.first = slot;
    batch.count = 1;
    lay_batch();
    run_here(&undisturbed, program->seed);
    run_there();
    if (after != NULL) {
        const uint8_t *there = data_of(batch.there, slot);
        memcpy(after->x, there + LAST_AT, sizeof after->x);
        memcpy(after->data, there, DATA_BYTES);
    }
    return batch.trouble[0] != '\0' || !is_same(slot);
}

static void show_trap(const char *where, const uint8_t *entry)
{
    printf("    %-5s scause 0x%llx, sepc 0x%llx, stval 0x%llx, sstatus 0x%llx\n", where,
           (unsigned long long)number_at(entry, 0), (unsigned long long)number_at(entry, 8),
           (unsigned long long)number_at(entry, 16), (unsigned long long)number_at(entry, 24));
}

/* The first trap that is another, or is none. */
static void show_traps(unsigned slot)
{
    const uint8_t *here = log_of(batch.here, slot), *there = log_of(batch.there, slot);
    for (size_t at = LOG_FIRST; at < LOG_BYTES; at += LOG_ENTRY)
        if (memcmp(here + at, there + at, LOG_ENTRY) != 0) {
            printf("trap %zu (all 0: none):\n", (at - LOG_FIRST) / LOG_ENTRY);
            show_trap("here", here + at);
            show_trap("there", there + at);
            return;
        }
}

static void show_difference(const struct random_program *program)
{
    static const char *const names[] = {"sie",  "stvec",  "scounteren", "senvcfg", "sscratch",
                                        "sepc", "scause", "stval",      "sip",     "satp"};
    unsigned slot = program->seed % SLOTS;
    const uint8_t *here = data_of(batch.here, slot), *there = data_of(batch.there, slot);
    show_program(program, batch.image + (CODE_AT(slot) - RAM_BASE), CODE_AT(slot),
                 batch.steps_at[slot]);
    if (batch.trouble[0] != '\0')
        printf("here: %s\n", batch.trouble);
    show_traps(slot);
    for (size_t at = LAST_AT; at < DATA_BYTES; at += 8) {
        uint64_t h = number_at(here, at), t = number_at(there, at);
        if (h == t)
            continue;
        bool is_csr = at >= CSRS_AT && at < CSRS_AT + sizeof names;
        show_numbers(is_csr ? names[(at - CSRS_AT) / 8] : NULL, at, DATA_AT(slot), h, t);
    }
    printf("again: " BUILD_DIR "/test/engine/machine/qemu_system_test %llu\n",
           (unsigned long long)program->seed);
}

static bool shrink_and_show(uint64_t seed)
{
    static struct random_program program;
    make_supervisor_program(&program, seed, STEPS, PASSES, MEMORY_END);
    if (!differs(&program, NULL))
        return false;
    shrink_program(&program, differs);
    differs(&program, NULL);
    show_difference(&program);
    return true;
}

/* Runs SLOTS programs from a seed on; returns how many traps they took. */
static uint64_t compare_batch(uint64_t first, const struct disturbance *how)
{
    uint64_t traps = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        make_supervisor_program(&batch.programs[i], first + i, STEPS, PASSES, MEMORY_END);
    batch.first = 0;
    batch.count = SLOTS;
    lay_batch();
    run_here(how, first);
    char trouble[sizeof batch.trouble];
    snprintf(trouble, sizeof trouble, "%s", batch.trouble);
    run_there();
    bool is_different = trouble[0] != '\0';
    for (unsigned i = 0; i < SLOTS; i++) {
        is_different |= !is_same(i);
        traps += (number_at(log_of(batch.there, i), 24) - LOG_FIRST) / LOG_ENTRY;
    }
    if (!is_different)
        return traps;
    for (unsigned i = 0; i < SLOTS; i++)
        if (shrink_and_show(first + i))
            fail();
    fail_disturbed(how, first, first + SLOTS - 1, trouble);
    return 0;
}

/* ---- Tests ---- */

static const struct disturbance disturbances[] = {
    {.slice_max = AT_ONCE},
    {.slice_max = 1},
    {.slice_max = 7, .has_tracking = true},
    {.slice_max = 300, .has_tracking = true, .has_missing = true},
};

static struct {
    uint64_t first, batches;
} soak_seeds;

/* Which traps there were: exceptions as bits 0 to 15, interrupts that went to the handler's first
 * entry from 16 on, and to one of their own from 32 on. From user mode: 64 bits for themselves. */
static void collect_causes(uint64_t seen[2])
{
    for (unsigned i = 0; i < SLOTS; i++) {
        const uint8_t *log = log_of(batch.here, i);
        for (size_t at = LOG_FIRST; at < number_at(log, 24); at += LOG_ENTRY) {
            uint64_t cause = number_at(log, at);
            uint64_t bit = (cause & 15) + (cause >> 63) * 16 + ((cause >> 32 & 15) != 0) * 16;
            seen[(number_at(log, at + 24) & STATUS_SPP) == 0] |= 1ull << bit;
        }
    }
}

static void traps_as_qemu_traps(void **state)
{
    (void)state;
    const uint64_t interrupts = 1ull << 1 | 1ull << 5;
    const uint64_t both_ways = 0xbe /* 1 to 5, 7 */ | interrupts << 16 | interrupts << 32;
    uint64_t traps = 0, seen[2] = {0, 0};
    if (!has_qemu())
        skip();
    for (uint64_t i = 0; i < BATCHES; i++) {
        traps += compare_batch(i * SLOTS, &disturbances[i % 4]);
        collect_causes(seen);
    }
    print_message("%llu traps\n", (unsigned long long)traps);
    assert_int_equal(seen[0], both_ways);
    assert_int_equal(seen[1], both_ways | 1 << 8);
    assert_true(traps > BATCHES * SLOTS * STEPS * PASSES / 20);
}

/* As many batches as somebody has time for, of programs that no test has seen. */
static void soak(void **state)
{
    uint64_t first = soak_seeds.first;
    (void)state;
    for (uint64_t i = 0; i < soak_seeds.batches; i++, first += SLOTS)
        compare_batch(first, &disturbances[i % 4]);
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
        cmocka_unit_test(traps_as_qemu_traps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
