#include "labs/recording_file.h"

#include <stdio.h>

/* A recording of an hour has some hundred MiB; what is larger was not made by ferry. */
#define RECORDING_BYTES_MAX (2ull << 30)

enum status recording_file_read(const char *path, struct bytes *bytes, struct problem *problem)
{
    static const size_t piece_bytes = 1 << 20;
    FILE *file = fopen(path, "rb");
    size_t count = piece_bytes;

    if (file == NULL)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: it cannot be opened", path);
    while (count == piece_bytes && bytes->count <= RECORDING_BYTES_MAX) {
        uint8_t *piece = bytes_extend(bytes, piece_bytes);
        count = fread(piece, 1, piece_bytes, file);
        bytes->count -= piece_bytes - count;
    }
    bool is_broken = ferror(file) != 0;
    fclose(file);
    if (is_broken)
        return problem_set(problem, STATUS_NO_FILE, "%.200s: it cannot be read", path);
    if (bytes->count > RECORDING_BYTES_MAX)
        return problem_set(problem, STATUS_BAD_INPUT, "%.200s: it is too large for a recording",
                           path);
    return STATUS_OK;
}
