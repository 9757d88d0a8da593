/* The public riscv-tests programs (github.com/riscv-software-src/riscv-tests), where RISCV_TESTS
 * names a directory of built ones: rv64ui, rv64um, rv64ua and rv64uc are run, each on one hart, and
 * must end with `ecall`, a7 = 93 and a0 = 0. In any of its forms: DIR/rv64ui-add,
 * DIR/rv64ui-u-add, DIR/isa/rv64ui/add.
 *
 * They are to be built for a user-level environment (nothing of machine mode) and linked at
 * 0x80000000. A failure puts the number of its case, shifted left and with the lowest bit set, into
 * a0, as their TEST_PASSFAIL does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/machine.h"
#include "machine/test_program.h"

#define MEMORY_BYTES (64ull << 20)
#define TICKS_MAX    20000000 /* the longest of them takes some thousands */
#define FILE_MAX     (16u << 20)
#define DEPTH_MAX    4

struct summary {
    unsigned passed, failed;
    char report[8192]; /* a line for each that failed */
};

static void note(struct summary *summary, const char *path, const char *what)
{
    size_t used = strlen(summary->report);
    summary->failed++;
    snprintf(summary->report + used, sizeof summary->report - used, "%s: %s\n", path, what);
}

/* ---- One program ---- */

static void judge(struct guest *guest, const struct guest_run *run, const char *path,
                  struct summary *summary)
{
    char text[200];
    if (run->stop != GUEST_ENDED)
        note(summary, path, run->stop == GUEST_IDLE ? "waits for ever" : "does not end");
    else if (run->is_fault) {
        machine_describe_fault(guest, text, sizeof text);
        note(summary, path, text);
    } else if (run->status != 0) {
        snprintf(text, sizeof text, "test case %llu", (unsigned long long)run->status >> 1);
        note(summary, path, text);
    } else
        summary->passed++;
}

static void run_image(const char *path, const uint8_t *image, size_t image_bytes,
                      struct summary *summary)
{
    static const struct machine_config config = {
        .memory_bytes = MEMORY_BYTES, .cpu_rate = 1000000000, .hart_count = 1};
    struct guest *guest;
    struct guest_run run;
    struct problem problem = {0};
    if (machine_open(&config, path, image, image_bytes, &guest, &problem) != STATUS_OK) {
        note(summary, path, problem.text + strlen(path) + 2); /* it begins with the name */
        return;
    }
    do
        guest->ops->run(guest, TICKS_MAX, &run);
    while (run.stop == GUEST_OUTPUT || run.stop == GUEST_DIRTIED);
    judge(guest, &run, path, summary);
    guest->ops->close(guest);
}

/* ---- A directory of them ---- */

static bool is_ours(const char *name)
{
    static const char *const prefixes[] = {"rv64ui", "rv64um", "rv64ua", "rv64uc"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0 &&
            (name[6] == '-' || name[6] == '\0'))
            return true;
    return false;
}

/* What is no executable (dumps, objects, sources) lies beside them and is passed over. */
static void run_file(const char *path, struct summary *summary)
{
    static uint8_t image[FILE_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return;
    size_t count = fread(image, 1, sizeof image, file);
    fclose(file);
    const Elf64_Ehdr *header = (const void *)image;
    if (count < sizeof *header || memcmp(image, ELFMAG, SELFMAG) != 0 || header->e_type == ET_REL)
        return;
    run_image(path, image, count, summary);
}

/* Files in a folder of ours are ours, whatever they are called. */
static void run_directory(const char *path, bool is_in_ours, unsigned depth,
                          struct summary *summary)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char inner[1024];
        struct stat status;
        bool ours = is_in_ours || is_ours(entries[i]->d_name);
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && stat(inner, &status) == 0) {
            if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
                run_directory(inner, ours, depth + 1, summary);
            else if (S_ISREG(status.st_mode) && ours)
                run_file(inner, summary);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* ---- Tests ---- */

static void put_end(struct program *program, uint64_t a0)
{
    put_number(program, A0, a0);
    put_exit(program);
}

static void write_program(const char *folder, const char *name, const struct program *program)
{
    char path[512];
    struct bytes image = program_image(program);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image.data, 1, image.count, file), image.count);
    fclose(file);
    bytes_fini(&image);
}

/* Programs of that form: what passes, and each way to fail, by name and with its reason. */
static void tells_what_passes_and_what_does_not(void **state)
{
    (void)state;
    static struct program pass, fail, crash, endless;
    static struct summary summary;
    char folder[] = "/tmp/ferry-riscv-tests-XXXXXX", inner[64], command[96];
    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof inner, "%s/rv64ua", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    put_end(&pass, 0);
    put_end(&fail, 17 << 1 | 1);
    put_word(&crash, 0xf1402573); /* csrr a0, mhartid: of machine mode */
    PUT(&endless, JAL, ZERO, 0, 0, 0);
    write_program(folder, "rv64ui-u-add", &pass);
    write_program(folder, "rv64uc-rvc", &pass);
    write_program(folder, "rv64um-mul", &fail);
    write_program(folder, "rv64ui-p-sub", &crash);
    write_program(folder, "rv64uf-fadd", &crash); /* not asked for */
    write_program(inner, "lrsc", &endless);
    write_program(inner, "amoadd_w", &pass);
    run_directory(folder, false, 0, &summary);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(summary.passed, 3);
    assert_int_equal(summary.failed, 3);
    assert_non_null(strstr(summary.report, "/rv64um-mul: test case 17\n"));
    assert_non_null(strstr(summary.report, "/rv64ua/lrsc: does not end\n"));
    assert_non_null(
        strstr(summary.report,
               "/rv64ui-p-sub: illegal instruction: its bits are 0xf1402573, at 0x80000000\n"));
}

static void the_public_tests_pass(void **state)
{
    (void)state;
    static struct summary summary;
    const char *folder = getenv("RISCV_TESTS");
    if (folder == NULL) {
        print_message("skipped: no RISCV_TESTS=DIR names built riscv-tests programs\n");
        skip();
    }
    run_directory(folder, false, 0, &summary);
    print_message("%s: %u passed, %u failed\n", folder, summary.passed, summary.failed);
    if (summary.passed + summary.failed == 0)
        fail_msg("RISCV_TESTS=%s has no rv64ui, rv64um, rv64ua or rv64uc program", folder);
    if (summary.failed > 0)
        fail_msg("\n%s", summary.report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_passes_and_what_does_not),
        cmocka_unit_test(the_public_tests_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
