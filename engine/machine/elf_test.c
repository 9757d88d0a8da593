/* Images that are broken in every way that one byte, or one missing byte, can break them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "machine/elf.h"
#include "machine/test_program.h"

#define RAM_BYTES (1ull << 20)

static uint8_t ram[RAM_BYTES];
static struct problem problem;
static uint64_t entry;

static struct bytes small_image(void)
{
    static struct program program;
    program.count = 0;
    put_number(&program, A0, 7);
    put_exit(&program);
    return program_image(&program);
}

static enum status load(const struct bytes *image)
{
    problem = (struct problem){0};
    memset(ram, 0, sizeof ram);
    return elf_load("small.elf", image->data, image->count, ram, RAM_BYTES, &entry, &problem);
}

static Elf64_Ehdr *header_of(struct bytes *image)
{
    return (Elf64_Ehdr *)(void *)image->data;
}

static Elf64_Phdr *segment_of(struct bytes *image)
{
    return (Elf64_Phdr *)(void *)(image->data + sizeof(Elf64_Ehdr));
}

static void loads_the_segment_and_gives_the_entry(void **state)
{
    (void)state;
    struct bytes image = small_image();
    assert_int_equal(load(&image), STATUS_OK);
    assert_int_equal(entry, RAM_BASE);
    size_t code_at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    assert_memory_equal(ram, image.data + code_at, image.count - code_at);
    bytes_fini(&image);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    struct bytes image = small_image();
    for (size_t count = 0; count < image.count; count++) {
        /* A copy of exactly that size, so that a read past it is seen by the sanitizer. */
        uint8_t *cut = malloc(count > 0 ? count : 1);
        memcpy(cut, image.data, count);
        problem = (struct problem){0};
        assert_int_equal(elf_load("cut.elf", cut, count, ram, RAM_BYTES, &entry, &problem),
                         STATUS_BAD_INPUT);
        assert_non_null(strstr(problem.text, "cut.elf: "));
        free(cut);
    }
    bytes_fini(&image);
}

/* Whatever a byte is changed to: either it is refused, with a line, or what it loads is in RAM. */
static void survives_every_changed_byte(void **state)
{
    (void)state;
    struct bytes image = small_image();
    for (size_t at = 0; at < sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr); at++) {
        uint8_t right = image.data[at];
        for (unsigned value = 0; value < 256; value++) {
            image.data[at] = (uint8_t)value;
            enum status status = load(&image);
            if (status == STATUS_OK)
                assert_in_range(entry, RAM_BASE, RAM_BASE + RAM_BYTES - 1);
            else
                assert_int_not_equal(problem.text[0], '\0');
        }
        image.data[at] = right;
    }
    bytes_fini(&image);
}

/* And several bytes at once, of values at which something begins or ends. */
static void survives_changes_that_lie_together(void **state)
{
    static const uint8_t bytes[] = {0, 1, 2, 7, 8, 64, 127, 128, 254, 255};
    struct prng prng = prng_make(1, 7);
    struct bytes image = small_image();
    uint64_t loaded_count = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct bytes changed = {0};
        bytes_put(&changed, image.data, image.count);
        for (uint64_t edits = 1 + prng_below(&prng, 4); edits > 0; edits--)
            changed.data[prng_below(&prng, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr))] =
                bytes[prng_below(&prng, sizeof bytes)];
        problem = (struct problem){0};
        enum status status =
            elf_load("small.elf", changed.data, changed.count, ram, RAM_BYTES, &entry, &problem);
        assert_true((status == STATUS_OK) == (problem.text[0] == '\0'));
        loaded_count += status == STATUS_OK;
        bytes_fini(&changed);
    }
    assert_in_range(loaded_count, 1000, 99000);
    bytes_fini(&image);
}

static void expect(struct bytes *image, enum status status, const char *detail)
{
    assert_int_equal(load(image), status);
    if (strstr(problem.text, detail) == NULL)
        fail_msg("%s", problem.text);
    bytes_fini(image);
    *image = small_image();
}

static void says_what_would_be_right(void **state)
{
    (void)state;
    struct bytes image = small_image();
    image.data[1] = 'X';
    expect(&image, STATUS_BAD_INPUT, "small.elf: is not an ELF file");
    image.data[EI_CLASS] = ELFCLASS32;
    expect(&image, STATUS_BAD_INPUT, "not a 64-bit program; build it with clang --target=riscv64");
    image.data[EI_DATA] = ELFDATA2MSB;
    expect(&image, STATUS_BAD_INPUT, "not little-endian");
    image.data[EI_VERSION] = 0;
    expect(&image, STATUS_BAD_INPUT, "unknown version of ELF");
    header_of(&image)->e_version = 2;
    expect(&image, STATUS_BAD_INPUT, "unknown version of ELF");
    header_of(&image)->e_machine = EM_X86_64;
    expect(&image, STATUS_BAD_INPUT, "is for x86-64 (machine 62 of ELF), not for RISC-V");
    header_of(&image)->e_type = ET_DYN;
    expect(&image, STATUS_BAD_INPUT, "link it with -static -fno-pic");
    header_of(&image)->e_type = ET_REL;
    expect(&image, STATUS_BAD_INPUT, "is an object file; link it");
    header_of(&image)->e_type = ET_CORE;
    expect(&image, STATUS_BAD_INPUT, "not an executable");
    header_of(&image)->e_flags = EF_RISCV_FLOAT_ABI_DOUBLE | EF_RISCV_RVC;
    expect(&image, STATUS_BAD_INPUT, "-march=rv64imac -mabi=lp64");
    header_of(&image)->e_flags = EF_RISCV_FLOAT_ABI_SINGLE;
    expect(&image, STATUS_BAD_INPUT, "floating-point");
    header_of(&image)->e_entry = RAM_BASE + 4096;
    expect(&image, STATUS_BAD_INPUT, "nothing is loaded at its entry point 0x80001000");
    header_of(&image)->e_entry = RAM_BASE + 1;
    expect(&image, STATUS_BAD_INPUT, "entry point 0x80000001 is odd");
    header_of(&image)->e_entry = 0;
    expect(&image, STATUS_BAD_INPUT, "nothing is loaded at its entry point 0x0");
    segment_of(&image)->p_memsz = 4096; /* behind what is loaded there are zeros */
    header_of(&image)->e_entry = RAM_BASE + 2048;
    expect(&image, STATUS_BAD_INPUT, "nothing is loaded at its entry point 0x80000800");
    bytes_fini(&image);
}

static void says_which_segment_is_wrong(void **state)
{
    (void)state;
    struct bytes image = small_image();
    segment_of(&image)->p_paddr = 0x10000;
    expect(&image, STATUS_BAD_INPUT, "--image-base=0x80000000");
    segment_of(&image)->p_paddr = UINT64_MAX - 2;
    expect(&image, STATUS_BAD_INPUT, "0xfffffffffffffffd is outside memory");
    segment_of(&image)->p_paddr = UINT64_MAX - 2;
    segment_of(&image)->p_memsz = UINT64_MAX;
    expect(&image, STATUS_BAD_INPUT, "outside memory");
    segment_of(&image)->p_paddr = 1ull << 63;
    expect(&image, STATUS_BAD_INPUT, "ends beyond the 4GiB that a machine has at most");
    segment_of(&image)->p_filesz = UINT64_MAX;
    expect(&image, STATUS_BAD_INPUT, "truncated: the segment at 0x80000000");
    segment_of(&image)->p_offset = UINT64_MAX;
    expect(&image, STATUS_BAD_INPUT, "truncated");
    segment_of(&image)->p_offset = UINT64_MAX - 8; /* offset and size add up to a little */
    segment_of(&image)->p_filesz = segment_of(&image)->p_memsz = 16;
    expect(&image, STATUS_BAD_INPUT, "truncated");
    segment_of(&image)->p_memsz = 1;
    expect(&image, STATUS_BAD_INPUT, "larger in the file");
    segment_of(&image)->p_memsz = 0;
    expect(&image, STATUS_BAD_INPUT, "larger in the file");
    segment_of(&image)->p_memsz = UINT64_MAX;
    expect(&image, STATUS_BAD_INPUT, "outside memory");
    segment_of(&image)->p_memsz = 10ull << 30;
    expect(&image, STATUS_BAD_INPUT, "ends beyond the 4GiB");
    segment_of(&image)->p_type = PT_NOTE;
    expect(&image, STATUS_BAD_INPUT, "no segment to load");
    segment_of(&image)->p_memsz = segment_of(&image)->p_filesz = 0;
    expect(&image, STATUS_BAD_INPUT, "no segment to load");
    segment_of(&image)->p_type = PT_INTERP;
    expect(&image, STATUS_BAD_INPUT, "needs a dynamic loader, and there is none; link it with");
    segment_of(&image)->p_type = PT_DYNAMIC;
    expect(&image, STATUS_BAD_INPUT, "needs a dynamic loader");
    header_of(&image)->e_phoff = image.count - 8;
    expect(&image, STATUS_BAD_INPUT, "program headers are not in the file");
    header_of(&image)->e_phoff = UINT64_MAX - 8;
    expect(&image, STATUS_BAD_INPUT, "program headers are not in the file");
    header_of(&image)->e_phentsize = 8;
    expect(&image, STATUS_BAD_INPUT, "program headers are not in the file");
    header_of(&image)->e_phnum = 2;
    expect(&image, STATUS_BAD_INPUT, "program headers are not in the file");
    header_of(&image)->e_phnum = 0;
    expect(&image, STATUS_BAD_INPUT, "no program headers");
    header_of(&image)->e_phnum = PN_XNUM;
    expect(&image, STATUS_BAD_INPUT, "65535 program headers");
    segment_of(&image)->p_memsz = 40ull << 20;
    expect(&image, STATUS_NO_MEMORY, "1MiB of memory; --memory 40MiB");
    segment_of(&image)->p_memsz = RAM_BYTES + 1;
    expect(&image, STATUS_NO_MEMORY, "--memory 2MiB");
    segment_of(&image)->p_memsz = RAM_BYTES;
    expect(&image, STATUS_OK, "");
    bytes_fini(&image);
}

/* The code, and beside it a second segment of memory alone: it may touch the first, not more. */
static void segments_may_touch_and_not_overlap(void **state)
{
    (void)state;
    struct bytes small = small_image();
    uint64_t end = segment_of(&small)->p_paddr + segment_of(&small)->p_memsz;
    static const struct {
        int64_t from_end;
        uint64_t memsz;
        enum status status;
    } rows[] = {
        {0, 4096, STATUS_OK},      {-1, 4096, STATUS_BAD_INPUT},
        {-1, 1, STATUS_BAD_INPUT}, {1, 4096, STATUS_OK},
        {0, 0, STATUS_OK},         {-4, 4, STATUS_BAD_INPUT},
        {100, 1 << 19, STATUS_OK}, {-4, 0, STATUS_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes image = {0};
        Elf64_Phdr second = {.p_type = PT_LOAD,
                             .p_paddr = end + (uint64_t)rows[i].from_end,
                             .p_memsz = rows[i].memsz};
        bytes_put(&image, small.data, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr));
        bytes_put(&image, &second, sizeof second);
        bytes_put(&image, small.data + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
                  small.count - sizeof(Elf64_Ehdr) - sizeof(Elf64_Phdr));
        header_of(&image)->e_phnum = 2;
        segment_of(&image)->p_offset += sizeof second;
        assert_int_equal(load(&image), rows[i].status);
        if (rows[i].status != STATUS_OK)
            assert_non_null(strstr(problem.text, "overlap"));
        bytes_fini(&image);
    }
    bytes_fini(&small);
}

/* As lld lays it out without a script: a segment for the file's headers at 0x10000, then the code.
 */
static void a_segment_of_headers_alone_is_nothing_to_load(void **state)
{
    (void)state;
    struct bytes small = small_image(), image = {0};
    size_t headers_end = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
    Elf64_Phdr headers = {.p_type = PT_LOAD,
                          .p_flags = PF_R,
                          .p_vaddr = 0x10000,
                          .p_paddr = 0x10000,
                          .p_filesz = headers_end,
                          .p_memsz = headers_end};
    header_of(&small)->e_phnum = 2;
    segment_of(&small)->p_offset += sizeof(Elf64_Phdr);
    bytes_put(&image, small.data, sizeof(Elf64_Ehdr));
    bytes_put(&image, &headers, sizeof headers);
    bytes_put(&image, small.data + sizeof(Elf64_Ehdr), small.count - sizeof(Elf64_Ehdr));
    assert_int_equal(load(&image), STATUS_OK);
    assert_memory_equal(ram, image.data + headers_end, image.count - headers_end);

    segment_of(&image)->p_filesz = segment_of(&image)->p_memsz =
        headers_end + 8; /* and some data */
    expect(&image, STATUS_BAD_INPUT, "outside memory");
    bytes_fini(&small);
    bytes_fini(&image);
}

/* As GNU ld lays it out with -Ttext alone: the headers in a page before the code, in its segment.
 */
static void headers_before_the_code_are_cut_off(void **state)
{
    (void)state;
    struct bytes small = small_image(), image = {0};
    const size_t headers = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    const uint8_t zeros[PAGE_BYTES] = {0};
    const size_t code_bytes = small.count - headers;
    bytes_put(&image, small.data, headers);
    bytes_put(&image, zeros, PAGE_BYTES - headers);
    bytes_put(&image, small.data + headers, code_bytes);
    Elf64_Phdr *segment = segment_of(&image);
    segment->p_offset = 0;
    segment->p_vaddr = segment->p_paddr = RAM_BASE - PAGE_BYTES;
    segment->p_filesz = segment->p_memsz = PAGE_BYTES + code_bytes;
    assert_int_equal(load(&image), STATUS_OK);
    assert_int_equal(entry, RAM_BASE);
    assert_memory_equal(ram, small.data + headers, code_bytes);

    image.data[headers + 100] = 1; /* something of the program stands there */
    expect(&image, STATUS_BAD_INPUT, "outside memory");
    bytes_fini(&small);
    bytes_fini(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_the_segment_and_gives_the_entry),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_changed_byte),
        cmocka_unit_test(survives_changes_that_lie_together),
        cmocka_unit_test(says_what_would_be_right),
        cmocka_unit_test(says_which_segment_is_wrong),
        cmocka_unit_test(segments_may_touch_and_not_overlap),
        cmocka_unit_test(a_segment_of_headers_alone_is_nothing_to_load),
        cmocka_unit_test(headers_before_the_code_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
