#include "machine/elf.h"

#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "machine/hypercall.h"

/* A segment that ends beyond this would not fit into the largest machine: the file is broken. */
#define ELF_END_MAX (RAM_BASE + (4ull << 30))

struct image {
    const char *name;
    const uint8_t *bytes;
    size_t byte_count;
    Elf *elf;
    const Elf64_Ehdr *header;
    const Elf64_Phdr *segments;
    size_t segment_count;
    struct problem *problem;
};

static enum status check_kind(struct image *image)
{
    const Elf64_Ehdr *header = image->header;
    const unsigned char *ident = image->bytes;
    if (image->byte_count < sizeof(Elf64_Ehdr) || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return problem_set(image->problem, STATUS_BAD_INPUT, "%s: is not an ELF file", image->name);
    if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: is not a 64-bit little-endian ELF file", image->name);
    if (header == NULL)
        return problem_set(image->problem, STATUS_BAD_INPUT, "%s: broken ELF header", image->name);
    if (header->e_machine != EM_RISCV)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: is for machine %u, not for RISC-V (%u); build it with "
                           "clang --target=riscv64 -march=rv64imac",
                           image->name, header->e_machine, EM_RISCV);
    if (header->e_type != ET_EXEC)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: is not an executable at fixed addresses (ET_EXEC); link it with "
                           "-static -fno-pic",
                           image->name);
    return STATUS_OK;
}

/* The table must lie in the file, as whole words: libelf would answer NULL or, if not, be trusted
 * with it. */
static enum status find_segments(struct image *image)
{
    const Elf64_Ehdr *header = image->header;
    if (header->e_phnum == 0 || header->e_phnum == PN_XNUM ||
        header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff > image->byte_count ||
        (image->byte_count - header->e_phoff) / sizeof(Elf64_Phdr) < header->e_phnum ||
        header->e_phoff % _Alignof(Elf64_Phdr) != 0)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: broken or truncated: its program headers are not in the file",
                           image->name);
    image->segments = elf64_getphdr(image->elf);
    image->segment_count = header->e_phnum;
    if (image->segments == NULL)
        return problem_set(image->problem, STATUS_BAD_INPUT, "%s: broken program headers",
                           image->name);
    return STATUS_OK;
}

static enum status check_segment(const struct image *image, const Elf64_Phdr *segment)
{
    unsigned long long address = segment->p_paddr;
    if (segment->p_offset > image->byte_count ||
        segment->p_filesz > image->byte_count - segment->p_offset)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: truncated: the segment at 0x%llx is not wholly in the file",
                           image->name, address);
    if (segment->p_filesz > segment->p_memsz)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: broken: the segment at 0x%llx is larger in the file than in memory",
                           image->name, address);
    if (address < RAM_BASE || address > ELF_END_MAX || segment->p_memsz > ELF_END_MAX - address)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: the segment at 0x%llx is outside memory, which begins at 0x%x; "
                           "link it with -Wl,--image-base=0x%x or -T guests/guest.ld",
                           image->name, address, RAM_BASE, RAM_BASE);
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

/* A segment to be loaded. One that a linker made for the file's own headers alone, below memory
 * (lld does, where no script tells it otherwise), holds nothing of the program and is not. */
static bool is_loaded(const struct image *image, const Elf64_Phdr *segment)
{
    uint64_t headers_end = image->header->e_phoff + image->segment_count * sizeof *segment;
    bool is_headers_only = segment->p_offset == 0 && segment->p_filesz <= headers_end &&
                           segment->p_memsz == segment->p_filesz && segment->p_flags == PF_R &&
                           segment->p_paddr < RAM_BASE;
    return segment->p_type == PT_LOAD && !is_headers_only &&
           (segment->p_memsz > 0 || segment->p_filesz > 0);
}

static enum status place(const struct image *image, uint8_t *ram, uint64_t ram_bytes)
{
    uint64_t end = RAM_BASE, entry = image->header->e_entry;
    bool has_entry = false;
    for (size_t i = 0; i < image->segment_count; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (!is_loaded(image, segment))
            continue;
        enum status status = check_segment(image, segment);
        if (status != STATUS_OK)
            return status;
        if (segment->p_paddr + segment->p_memsz > end)
            end = segment->p_paddr + segment->p_memsz;
        has_entry |= entry >= segment->p_paddr && entry - segment->p_paddr < segment->p_memsz;
    }
    if (!has_entry || entry % 2 != 0)
        return problem_set(image->problem, STATUS_BAD_INPUT,
                           "%s: its entry point 0x%llx is in none of its loaded segments",
                           image->name, (unsigned long long)entry);
    enum status status = check_size(image, end, ram_bytes);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < image->segment_count; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (is_loaded(image, segment) && segment->p_filesz > 0)
            memcpy(ram + (segment->p_paddr - RAM_BASE), image->bytes + segment->p_offset,
                   segment->p_filesz);
    }
    return STATUS_OK;
}

static enum status load(struct image *image, uint8_t *ram, uint64_t ram_bytes, uint64_t *entry)
{
    enum status status = check_kind(image);
    if (status == STATUS_OK)
        status = find_segments(image);
    if (status == STATUS_OK)
        status = place(image, ram, ram_bytes);
    if (status == STATUS_OK)
        *entry = image->header->e_entry;
    return status;
}

enum status elf_load(const char *name, const uint8_t *image_bytes, size_t image_byte_count,
                     uint8_t *ram, uint64_t ram_bytes, uint64_t *entry, struct problem *problem)
{
    /* libelf asks for writable memory, and may convert in place: it gets a copy of its own. */
    uint8_t *copy = malloc(image_byte_count > 0 ? image_byte_count : 1);
    MUST(copy != NULL && elf_version(EV_CURRENT) != EV_NONE);
    memcpy(copy, image_bytes, image_byte_count);
    struct image image = {
        .name = name, .bytes = copy, .byte_count = image_byte_count, .problem = problem};
    image.elf = elf_memory((char *)copy, image_byte_count);
    if (image.elf != NULL && elf_kind(image.elf) == ELF_K_ELF)
        image.header = elf64_getehdr(image.elf);
    enum status status = load(&image, ram, ram_bytes, entry);
    if (image.elf != NULL)
        elf_end(image.elf);
    free(copy);
    return status;
}
