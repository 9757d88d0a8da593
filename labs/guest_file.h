/* guest_file: an ELF image looked at from outside, for `ferry guest info` and `disassemble`. To
 * boot an image is engine/machine/elf.h's affair; nothing here decides what a machine runs.
 */
#ifndef LABS_GUEST_FILE_H
#define LABS_GUEST_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "labs/image.h"

struct guest_symbol {
    uint64_t address;
    const char *name; /* borrowed from the image */
};

struct guest_code {
    uint64_t address;
    const uint8_t *bytes; /* borrowed from the image */
    uint64_t byte_count;
};

#define GUEST_CODE_MAX 16

struct guest_file {
    void *elf; /* libelf's */
    uint64_t entry;
    uint64_t memory_end;                     /* behind the last byte that the image needs */
    struct guest_code codes[GUEST_CODE_MAX]; /* what holds instructions */
    uint32_t code_count;
    bool has_sections;            /* false: the codes are its executable segments */
    struct guest_symbol *symbols; /* owned; functions and labels, by address */
    uint64_t symbol_count;
};

/* The image must outlive the file. STATUS_BAD_INPUT with what would be right. */
MUST_USE enum status guest_file_open(struct guest_file *file, const struct image *image,
                                     struct problem *problem);
void guest_file_close(struct guest_file *file);

/* The symbol at exactly that address, NULL: none. The address of a name; false: there is none. */
const char *guest_file_name_at(const struct guest_file *file, uint64_t address);
bool guest_file_find(const struct guest_file *file, const char *name, uint64_t *address);

#endif
