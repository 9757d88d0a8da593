#include "labs/guest_file.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

static int compare_symbols(const void *a, const void *b)
{
    const struct guest_symbol *first = a, *second = b;
    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    return strcmp(first->name, second->name);
}

static void add_symbols(struct guest_file *file, Elf *elf, Elf_Scn *section,
                        const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize == 0 ? 0 : header->sh_size / header->sh_entsize;

    if (data == NULL || count == 0 || file->symbols != NULL)
        return;
    file->symbols = calloc(count, sizeof *file->symbols);
    MUST(file->symbols != NULL);
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        const char *name;
        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            break;
        name = elf_strptr(elf, header->sh_link, symbol.st_name);
        bool is_label =
            GELF_ST_TYPE(symbol.st_info) == STT_FUNC || GELF_ST_TYPE(symbol.st_info) == STT_NOTYPE;
        /* A dollar begins marks of the assembler, ".L" its own labels. */
        if (name == NULL || !is_label || symbol.st_shndx == SHN_UNDEF ||
            symbol.st_shndx == SHN_ABS || *name == '\0' || *name == '$' || *name == '.')
            continue;
        file->symbols[file->symbol_count++] = (struct guest_symbol){symbol.st_value, name};
    }
    if (file->symbol_count > 0)
        qsort(file->symbols, file->symbol_count, sizeof *file->symbols, compare_symbols);
}

static void add_sections(struct guest_file *file, Elf *elf)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL)
            return;
        if (header.sh_type == SHT_SYMTAB)
            add_symbols(file, elf, section, &header);
        if (header.sh_type != SHT_PROGBITS || (header.sh_flags & SHF_EXECINSTR) == 0 ||
            file->code_count == GUEST_CODE_MAX)
            continue;
        Elf_Data *data = elf_rawdata(section, NULL);
        if (data != NULL && data->d_buf != NULL)
            file->codes[file->code_count++] =
                (struct guest_code){header.sh_addr, data->d_buf, data->d_size};
    }
}

/* Without sections: all that may be executed, of which some may be no instructions. */
static void add_segments(struct guest_file *file, Elf *elf, const struct image *image)
{
    size_t count = 0;

    elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count && file->code_count < GUEST_CODE_MAX; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, (int)i, &segment) != NULL && segment.p_type == PT_LOAD &&
            (segment.p_flags & PF_X) != 0 && segment.p_offset <= image->bytes &&
            segment.p_filesz <= image->bytes - segment.p_offset && segment.p_filesz > 0)
            file->codes[file->code_count++] = (struct guest_code){
                segment.p_paddr, image->data + segment.p_offset, segment.p_filesz};
    }
}

enum status guest_file_open(struct guest_file *file, const struct image *image,
                            struct problem *problem)
{
    GElf_Ehdr header;
    size_t segment_count = 0;

    memset(file, 0, sizeof *file);
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)image->data, image->bytes);
    if (elf == NULL || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == NULL ||
        header.e_machine != EM_RISCV || gelf_getclass(elf) != ELFCLASS64) {
        elf_end(elf);
        return problem_set(problem, STATUS_BAD_INPUT,
                           "%.200s: this is no ELF file for 64-bit RISC-V", image->path);
    }
    file->elf = elf;
    file->entry = header.e_entry;
    elf_getphdrnum(elf, &segment_count);
    for (size_t i = 0; i < segment_count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, (int)i, &segment) != NULL && segment.p_type == PT_LOAD &&
            segment.p_paddr + segment.p_memsz > file->memory_end)
            file->memory_end = segment.p_paddr + segment.p_memsz;
    }
    add_sections(file, elf);
    file->has_sections = file->code_count > 0;
    if (!file->has_sections)
        add_segments(file, elf, image);
    return STATUS_OK;
}

void guest_file_close(struct guest_file *file)
{
    elf_end(file->elf);
    free(file->symbols);
}

const char *guest_file_name_at(const struct guest_file *file, uint64_t address)
{
    uint64_t low = 0, high = file->symbol_count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (file->symbols[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < file->symbol_count && file->symbols[low].address == address)
        return file->symbols[low].name;
    return NULL;
}

bool guest_file_find(const struct guest_file *file, const char *name, uint64_t *address)
{
    for (uint64_t i = 0; i < file->symbol_count; i++) {
        if (strcmp(file->symbols[i].name, name) == 0) {
            *address = file->symbols[i].address;
            return true;
        }
    }
    return false;
}
