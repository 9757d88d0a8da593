#include "machine/lines.h"

#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

/* A program that people read has some thousand lines. libdw makes a table of all lines of a unit
 * before anybody can count them, from a byte each: so the bytes are limited, and the sum. */
#define ROWS_MAX       (1u << 19)
#define LINE_BYTES_MAX (256u << 10)
#define FUNCTIONS_MAX  16384u
#define FILES_MAX      256u
#define NAME_MAX_BYTES 256 /* what is longer is cut */

/* Makes room for one more in an array that grows by doubling. */
static void *grow(void *items, size_t count, size_t item_bytes)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return items;
    void *grown = realloc(items, (count == 0 ? 1 : count * 2) * item_bytes);
    MUST(grown != NULL);
    return grown;
}

static char *copy_text(const char *text)
{
    char *copy = strndup(text, NAME_MAX_BYTES);
    MUST(copy != NULL);
    return copy;
}

/* ---- Functions ---- */

static int compare_functions(const void *a, const void *b)
{
    const struct lines_function *first = a, *second = b;
    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    return strcmp(first->name, second->name);
}

static void add_functions(struct lines *lines, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize == 0 ? 0 : header->sh_size / header->sh_entsize;

    for (size_t i = 0; data != NULL && i < count && lines->function_count < FUNCTIONS_MAX; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            break;
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name == NULL || *name == '\0' || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
            symbol.st_shndx == SHN_UNDEF)
            continue;
        lines->functions = grow(lines->functions, lines->function_count, sizeof *lines->functions);
        lines->functions[lines->function_count++] =
            (struct lines_function){symbol.st_value, symbol.st_size, copy_text(name)};
    }
}

/* ---- Lines ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct lines_row *first = a, *second = b;
    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    /* Where one sequence ends the next may begin: its line is the one that counts. */
    if ((first->line != 0) != (second->line != 0))
        return (first->line != 0) - (second->line != 0);
    return first->order < second->order ? -1 : first->order > second->order;
}

static uint32_t file_number(struct lines *lines, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;

    for (size_t i = 0; i < lines->file_count; i++)
        if (strcmp(lines->files[i], name) == 0)
            return (uint32_t)i;
    if (lines->file_count == FILES_MAX)
        return FILES_MAX;
    lines->files = grow(lines->files, lines->file_count, sizeof *lines->files);
    lines->files[lines->file_count] = copy_text(name);
    return (uint32_t)lines->file_count++;
}

static void add_row(struct lines *lines, Dwarf_Line *line)
{
    struct lines_row row = {0};
    Dwarf_Addr address;
    int number = 0;
    bool is_end = true;
    const char *path = dwarf_linesrc(line, NULL, NULL);

    if (dwarf_lineaddr(line, &address) != 0 || lines->row_count == ROWS_MAX)
        return;
    row.address = address;
    if (dwarf_lineendsequence(line, &is_end) == 0 && !is_end && path != NULL &&
        dwarf_lineno(line, &number) == 0 && number > 0) {
        row.file_idx = file_number(lines, path);
        row.line = row.file_idx == FILES_MAX ? 0 : (uint32_t)number;
    }
    /* Line 0 is the compiler's word for what belongs to no line: it is nobody's, too. */
    row.order = (uint32_t)lines->row_count;
    lines->rows = grow(lines->rows, lines->row_count, sizeof *lines->rows);
    lines->rows[lines->row_count++] = row;
}

static void add_lines(struct lines *lines, Elf *elf)
{
    Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    size_t seen = 0; /* rows of all units: several may name the same table */
    while (dwarf != NULL && seen < ROWS_MAX &&
           dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        Dwarf_Lines *table;
        size_t count;
        seen++;
        if (dwarf_getsrclines(&die, &table, &count) != 0)
            continue;
        seen += count;
        for (size_t i = 0; i < count; i++)
            add_row(lines, dwarf_onesrcline(table, i));
    }
    dwarf_end(dwarf);
}

/* A section from which libdw would make more than is good for anybody; a packed one may be any
 * size.
 */
static bool is_too_large(Elf *elf, const GElf_Shdr *header)
{
    size_t names;
    const char *name =
        elf_getshdrstrndx(elf, &names) == 0 ? elf_strptr(elf, names, header->sh_name) : NULL;

    if (name == NULL || strncmp(name, ".debug", 6) != 0)
        return name != NULL && strncmp(name, ".zdebug", 7) == 0;
    return (header->sh_flags & SHF_COMPRESSED) != 0 ||
           (strcmp(name, ".debug_line") == 0 && header->sh_size > LINE_BYTES_MAX);
}

void lines_init(struct lines *lines, const uint8_t *image, size_t image_bytes)
{
    /* libelf asks for writable memory, and may convert in place: it gets a copy of its own. */
    uint8_t *copy = malloc(image_bytes > 0 ? image_bytes : 1);
    MUST(copy != NULL && elf_version(EV_CURRENT) != EV_NONE);
    if (image_bytes > 0) /* a model has no image */
        memcpy(copy, image, image_bytes);
    *lines = (struct lines){0};

    Elf *elf = elf_memory((char *)copy, image_bytes);
    if (elf != NULL && elf_kind(elf) == ELF_K_ELF) {
        bool has_lines = true;
        for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
            GElf_Shdr header;
            if (gelf_getshdr(section, &header) == NULL)
                continue;
            if (header.sh_type == SHT_SYMTAB)
                add_functions(lines, elf, section, &header);
            has_lines &= !is_too_large(elf, &header);
        }
        if (has_lines)
            add_lines(lines, elf);
    }
    elf_end(elf);
    free(copy);
    if (lines->function_count > 0)
        qsort(lines->functions, lines->function_count, sizeof *lines->functions, compare_functions);
    if (lines->row_count > 0)
        qsort(lines->rows, lines->row_count, sizeof *lines->rows, compare_rows);
}

void lines_fini(struct lines *lines)
{
    for (size_t i = 0; i < lines->function_count; i++)
        free(lines->functions[i].name);
    for (size_t i = 0; i < lines->file_count; i++)
        free(lines->files[i]);
    free(lines->functions);
    free(lines->files);
    free(lines->rows);
    *lines = (struct lines){0};
}

/* How many items of a sorted array begin at the address or below. */
static size_t count_below(const void *items, size_t count, size_t item_bytes, uint64_t address)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t begin; /* the address is the first member of either kind of item */
        memcpy(&begin, (const char *)items + middle * item_bytes, sizeof begin);
        if (begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool lines_find(const struct lines *lines, uint64_t address, struct lines_place *place)
{
    size_t row = count_below(lines->rows, lines->row_count, sizeof *lines->rows, address);
    size_t function =
        count_below(lines->functions, lines->function_count, sizeof *lines->functions, address);

    *place = (struct lines_place){0};
    if (row > 0 && lines->rows[row - 1].line != 0) {
        place->file = lines->files[lines->rows[row - 1].file_idx];
        place->line = lines->rows[row - 1].line;
    }
    if (function > 0 &&
        address - lines->functions[function - 1].address < lines->functions[function - 1].bytes) {
        place->function = lines->functions[function - 1].name;
        place->begin = lines->functions[function - 1].address;
    }
    return place->file != NULL || place->function != NULL;
}

void lines_write_place(const struct lines *lines, uint64_t address, char *text, size_t text_bytes)
{
    struct lines_place place;
    char function[96] = "", line[96] = "";

    if (!lines_find(lines, address, &place)) {
        snprintf(text, text_bytes, "?");
        return;
    }
    if (place.function != NULL && address != place.begin)
        snprintf(function, sizeof function, "%.64s+0x%llx", place.function,
                 (unsigned long long)(address - place.begin));
    else if (place.function != NULL)
        snprintf(function, sizeof function, "%.64s", place.function);
    if (place.file != NULL)
        snprintf(line, sizeof line, "%s%s%.64s:%u%s", function[0] != '\0' ? " " : "",
                 function[0] != '\0' ? "(" : "", place.file, place.line,
                 function[0] != '\0' ? ")" : "");
    snprintf(text, text_bytes, "%s%s", function, line);
}
