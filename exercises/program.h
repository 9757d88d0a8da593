/* program: a student's C, compiled for the machine that seat.h runs it in.
 *
 * The compiler is the one thing here that runs on the computer itself, and it reads what a stranger
 * wrote. So it is confined by bubblewrap: it sees the system's /usr read-only, a folder of its own
 * with the one file that was handed in, and ferry's support files; no network, no other process, no
 * device, no environment; and its time, memory and output are limited.
 */
#ifndef EXERCISES_PROGRAM_H
#define EXERCISES_PROGRAM_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

#define PROGRAM_NAME_MAX     64
#define PROGRAM_SOURCE_MAX   (256u << 10) /* a strategy has some dozen lines */
#define PROGRAM_MESSAGES_MAX (8u << 10)   /* of the compiler; the first are the ones that help */
#define PROGRAM_IMAGE_MAX    (8u << 20)
#define PROGRAM_SECONDS      20           /* of wall time, on a slow and busy computer */
#define PROGRAM_MEMORY_MAX   (2ull << 30) /* of address space: clang and lld use a tenth */

struct program {
    char name[PROGRAM_NAME_MAX]; /* "stop_and_copy.c": the file, without its folder */
    struct bytes source;         /* its text, NUL-terminated */
    struct bytes image;          /* the ELF file; empty when it could not be built */
    bool is_built;
    struct bytes messages; /* the compiler's, as a person reads them, NUL-terminated */
};

/* Compiles the file at `path`. `support` is the folder with student.h and seat_guest.c.
 * STATUS_OK also where the compiler refused the program: then !is_built, and the messages say why.
 * Any other status: it was not tried (no such file, no compiler; STATUS_REFUSED: bubblewrap cannot
 * confine it here). `is_confined` false: without bubblewrap, for a file of one's own. A signal that
 * ends ferry meanwhile leaves nothing behind. program_fini in every case. */
MUST_USE enum status program_build(struct program *program, const char *path, const char *support,
                                   bool is_confined, struct problem *problem);
void program_fini(struct program *program);

#endif
