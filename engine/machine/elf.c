#include "machine/elf.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "base/units.h"
#include "machine/hypercall.h"
#include "machine/machine.h"

/* Of a real program these are a handful; each is compared with every other. */
#define SEGMENTS_MAX 1024

/* What the headers are read into by memcpy: the file's byte order is the host's. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "needs a little-endian host");

struct image {
    const char *name;
    const uint8_t *bytes;
    size_t byte_count;
    Elf64_Ehdr header;
    Elf64_Phdr segments[SEGMENTS_MAX];
    size_t segment_count;
    struct problem *problem;
};

/* One line: the file, and what is the matter with it. */
#define REFUSE(image, ...) problem_set((image)->problem, STATUS_BAD_INPUT, "%s: " __VA_ARGS__)

/* ---- What kind of file it is ---- */

static enum status check_format(struct image *image)
{
    const unsigned char *ident = image->header.e_ident;

    if (image->byte_count < EI_NIDENT || memcmp(image->bytes, ELFMAG, SELFMAG) != 0)
        return REFUSE(image, "is not an ELF file", image->name);
    memcpy(image->header.e_ident, image->bytes, EI_NIDENT);
    if (ident[EI_CLASS] != ELFCLASS64)
        return REFUSE(image, "is not a 64-bit program; build it with clang --target=riscv64",
                      image->name);
    if (ident[EI_DATA] != ELFDATA2LSB)
        return REFUSE(image, "is not little-endian; build it with clang --target=riscv64",
                      image->name);
    if (image->byte_count < sizeof image->header)
        return REFUSE(image, "is truncated: its header alone is longer", image->name);
    memcpy(&image->header, image->bytes, sizeof image->header);
    if (ident[EI_VERSION] != EV_CURRENT || image->header.e_version != EV_CURRENT)
        return REFUSE(image, "is of an unknown version of ELF", image->name);
    return STATUS_OK;
}

static const char *name_of_machine(unsigned machine)
{
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_AARCH64:
        return "64-bit Arm";
    case EM_PPC64:
        return "64-bit POWER";
    case EM_MIPS:
        return "MIPS";
    default:
        return "another processor";
    }
}

static enum status check_kind(struct image *image)
{
    const Elf64_Ehdr *header = &image->header;

    if (header->e_machine != EM_RISCV)
        return REFUSE(image,
                      "is for %s (machine %u of ELF), not for RISC-V; build it with "
                      "clang --target=riscv64 -march=rv64imac",
                      image->name, name_of_machine(header->e_machine), header->e_machine);
    if (header->e_type == ET_REL)
        return REFUSE(image, "is an object file; link it with clang -static -T guests/guest.ld",
                      image->name);
    if (header->e_type != ET_EXEC)
        return REFUSE(image,
                      "is not an executable at fixed addresses (ET_EXEC); link it with "
                      "-static -fno-pic",
                      image->name);
    if ((header->e_flags & EF_RISCV_FLOAT_ABI) != EF_RISCV_FLOAT_ABI_SOFT)
        return REFUSE(image,
                      "passes floating-point numbers in registers, which this machine has not; "
                      "build it with -march=rv64imac -mabi=lp64",
                      image->name);
    return STATUS_OK;
}

/* ---- Its segments ---- */

static uint64_t headers_end(const struct image *image)
{
    return image->header.e_phoff + image->segment_count * sizeof(Elf64_Phdr);
}

static bool is_zero(const uint8_t *bytes, uint64_t count)
{
    while (count > 0 && bytes[count - 1] == 0)
        count--;
    return count == 0;
}

/* GNU ld, told only where the code begins, puts the file's own headers into a page before it, in
 * the same segment: what then lies below memory is nothing of the program, and is cut off. */
static void cut_headers(const struct image *image, Elf64_Phdr *segment)
{
    uint64_t below = RAM_BASE - segment->p_paddr, headers = headers_end(image);
    if (segment->p_type != PT_LOAD || segment->p_offset != 0 || segment->p_paddr >= RAM_BASE ||
        below >= segment->p_filesz || below < headers || segment->p_filesz > image->byte_count ||
        segment->p_memsz < segment->p_filesz || !is_zero(image->bytes + headers, below - headers))
        return;
    segment->p_paddr += below;
    segment->p_vaddr += below;
    segment->p_offset += below;
    segment->p_filesz -= below;
    segment->p_memsz -= below;
}

static enum status read_segments(struct image *image)
{
    const Elf64_Ehdr *header = &image->header;

    if (header->e_phnum == 0)
        return REFUSE(image, "has no program headers: there is nothing to load", image->name);
    if (header->e_phnum > SEGMENTS_MAX)
        return REFUSE(image, "has %u program headers: at most %u are read", image->name,
                      header->e_phnum, SEGMENTS_MAX);
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff > image->byte_count ||
        (image->byte_count - header->e_phoff) / sizeof(Elf64_Phdr) < header->e_phnum)
        return REFUSE(image, "is broken or truncated: its program headers are not in the file",
                      image->name);
    image->segment_count = header->e_phnum;
    memcpy(image->segments, image->bytes + header->e_phoff,
           image->segment_count * sizeof(Elf64_Phdr));
    for (size_t i = 0; i < image->segment_count; i++)
        if (image->segments[i].p_type == PT_INTERP || image->segments[i].p_type == PT_DYNAMIC)
            return REFUSE(image, "needs a dynamic loader, and there is none; link it with -static",
                          image->name);
    for (size_t i = 0; i < image->segment_count; i++)
        cut_headers(image, &image->segments[i]);
    return STATUS_OK;
}

/* A segment to be loaded. One that a linker made for the file's own headers alone, below memory
 * (lld does, where no script tells it otherwise), holds nothing of the program and is not. */
static bool is_loaded(const struct image *image, const Elf64_Phdr *segment)
{
    bool is_headers_only = segment->p_offset == 0 && segment->p_filesz <= headers_end(image) &&
                           segment->p_memsz == segment->p_filesz && segment->p_flags == PF_R &&
                           segment->p_paddr < RAM_BASE;
    return segment->p_type == PT_LOAD && !is_headers_only &&
           (segment->p_memsz > 0 || segment->p_filesz > 0);
}

static enum status check_segment(const struct image *image, const Elf64_Phdr *segment)
{
    unsigned long long address = segment->p_paddr;
    char text[32];

    if (segment->p_offset > image->byte_count ||
        segment->p_filesz > image->byte_count - segment->p_offset)
        return REFUSE(image, "is truncated: the segment at 0x%llx is not wholly in the file",
                      image->name, address);
    if (segment->p_filesz > segment->p_memsz)
        return REFUSE(image,
                      "is broken: the segment at 0x%llx is larger in the file than in memory",
                      image->name, address);
    if (address < RAM_BASE || segment->p_memsz > UINT64_MAX - address)
        return REFUSE(image,
                      "the segment at 0x%llx is outside memory, which begins at 0x%x; "
                      "link it with -Wl,--image-base=0x%x or -T guests/guest.ld",
                      image->name, address, RAM_BASE, RAM_BASE);
    units_format(UNIT_SIZE, MACHINE_MEMORY_MAX, text, sizeof text);
    if (address - RAM_BASE > MACHINE_MEMORY_MAX ||
        segment->p_memsz > MACHINE_MEMORY_MAX - (address - RAM_BASE))
        return REFUSE(image, "the segment at 0x%llx ends beyond the %s that a machine has at most",
                      image->name, address, text);
    return STATUS_OK;
}

static enum status check_overlap(const struct image *image, const Elf64_Phdr *segment)
{
    for (const Elf64_Phdr *other = image->segments; other < segment; other++)
        if (is_loaded(image, other) && segment->p_paddr < other->p_paddr + other->p_memsz &&
            other->p_paddr < segment->p_paddr + segment->p_memsz)
            return REFUSE(image, "is broken: the segments at 0x%llx and 0x%llx overlap",
                          image->name, (unsigned long long)other->p_paddr,
                          (unsigned long long)segment->p_paddr);
    return STATUS_OK;
}

static enum status check_segments(const struct image *image, uint64_t *end)
{
    *end = 0;
    for (size_t i = 0; i < image->segment_count; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (!is_loaded(image, segment))
            continue;
        enum status status = check_segment(image, segment);
        if (status == STATUS_OK)
            status = check_overlap(image, segment);
        if (status != STATUS_OK)
            return status;
        if (segment->p_paddr + segment->p_memsz > *end)
            *end = segment->p_paddr + segment->p_memsz;
    }
    return *end > 0 ? STATUS_OK : REFUSE(image, "has no segment to load", image->name);
}

static enum status check_entry(const struct image *image)
{
    uint64_t entry = image->header.e_entry;
    bool has_entry = false;

    for (size_t i = 0; i < image->segment_count; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        has_entry |= is_loaded(image, segment) && entry >= segment->p_paddr &&
                     entry - segment->p_paddr < segment->p_filesz;
    }
    if (!has_entry)
        return REFUSE(image, "nothing is loaded at its entry point 0x%llx", image->name,
                      (unsigned long long)entry);
    if (entry % 2 != 0)
        return REFUSE(image, "its entry point 0x%llx is odd, where no instruction can be",
                      image->name, (unsigned long long)entry);
    return STATUS_OK;
}

static enum status check_size(const struct image *image, uint64_t end, uint64_t ram_bytes)
{
    const uint64_t mib = 1ull << 20;
    uint64_t needed_bytes = (end - RAM_BASE + mib - 1) / mib * mib;
    char needed[32], given[32];
    if (end - RAM_BASE <= ram_bytes)
        return STATUS_OK;
    units_format(UNIT_SIZE, needed_bytes, needed, sizeof needed);
    units_format(UNIT_SIZE, ram_bytes, given, sizeof given);
    return problem_set(image->problem, STATUS_NO_MEMORY,
                       "%s: does not fit into %s of memory; --memory %s would do for the image "
                       "(its stack and data come on top)",
                       image->name, given, needed);
}

static void place(const struct image *image, uint8_t *ram)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (is_loaded(image, segment) && segment->p_filesz > 0)
            memcpy(ram + (segment->p_paddr - RAM_BASE), image->bytes + segment->p_offset,
                   segment->p_filesz);
    }
}

enum status elf_load(const char *name, const uint8_t *image_bytes, size_t image_byte_count,
                     uint8_t *ram, uint64_t ram_bytes, uint64_t *entry, struct problem *problem)
{
    struct image image = {
        .name = name, .bytes = image_bytes, .byte_count = image_byte_count, .problem = problem};
    uint64_t end = 0;
    enum status status = check_format(&image);

    if (status == STATUS_OK)
        status = check_kind(&image);
    if (status == STATUS_OK)
        status = read_segments(&image);
    if (status == STATUS_OK)
        status = check_segments(&image, &end);
    if (status == STATUS_OK)
        status = check_entry(&image);
    if (status == STATUS_OK)
        status = check_size(&image, end, ram_bytes);
    if (status != STATUS_OK)
        return status;
    place(&image, ram);
    *entry = image.header.e_entry;
    return STATUS_OK;
}
