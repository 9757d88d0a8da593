/* `link` with a latency: what comes from the other host is heard so much later, in its order. A
 * lecture can show a long way with two processes on one table.
 *
 * What waits is bounded: beyond LATE_MAX the channel is not read, and the other end notices by its
 * window, as on a long way whose buffers are full. */
#include <stdlib.h>
#include <string.h>

#include "live/host_private.h"

#define LATE_MAX    (64u << 20)
#define PIECES_MAX  65536u
#define RESUME_PART 2u /* of these it is read again */

struct late_piece {
    uint64_t at_ns;
    size_t count;
};

/* A queue: bytes in a buffer, and when which of them are heard. */
struct latency {
    struct bytes bytes;
    size_t taken; /* of them */
    struct late_piece *pieces;
    size_t first, piece_count, capacity;
    bool is_full;
};

static void put_piece(struct latency *late, uint64_t at_ns, size_t count)
{
    if (late->first > 0 && late->piece_count == late->capacity) {
        late->piece_count -= late->first;
        memmove(late->pieces, late->pieces + late->first, late->piece_count * sizeof *late->pieces);
        late->first = 0;
    }
    if (late->piece_count == late->capacity) {
        late->capacity = late->capacity == 0 ? 64 : 2 * late->capacity;
        late->pieces = realloc(late->pieces, late->capacity * sizeof *late->pieces);
        MUST(late->pieces != NULL);
    }
    late->pieces[late->piece_count++] = (struct late_piece){at_ns, count};
}

bool latency_keeps(const struct line *line)
{
    return line->host->latency_ns > 0 || line->late != NULL;
}

void latency_put(struct line *line, uint64_t now_ns, const uint8_t *data, size_t count)
{
    if (line->late == NULL) {
        line->late = calloc(1, sizeof *line->late);
        MUST(line->late != NULL);
    }
    struct latency *late = line->late;
    bytes_put(&late->bytes, data, count);
    put_piece(late, now_ns + line->host->latency_ns, count);
    late->is_full = late->bytes.count - late->taken >= LATE_MAX ||
                    late->piece_count - late->first >= PIECES_MAX;
    if (late->is_full)
        channel_read(line->channel, false);
}

uint64_t latency_due_ns(const struct line *line)
{
    const struct latency *late = line->late;
    return late == NULL || late->first == late->piece_count ? UINT64_MAX
                                                            : late->pieces[late->first].at_ns;
}

size_t latency_take(struct line *line, uint64_t now_ns, struct bytes *to)
{
    struct latency *late = line->late;
    size_t count = 0;

    while (late != NULL && late->first < late->piece_count &&
           late->pieces[late->first].at_ns <= now_ns)
        count += late->pieces[late->first++].count;
    if (count == 0)
        return 0;
    bytes_put(to, late->bytes.data + late->taken, count);
    late->taken += count;
    if (2 * late->taken > late->bytes.count) {
        bytes_drop_front(&late->bytes, late->taken);
        late->taken = 0;
    }
    if (late->is_full && late->bytes.count - late->taken < LATE_MAX / RESUME_PART) {
        late->is_full = false;
        channel_read(line->channel, true);
    }
    return count;
}

void latency_fini(struct line *line)
{
    if (line->late == NULL)
        return;
    bytes_fini(&line->late->bytes);
    free(line->late->pieces);
    free(line->late);
    line->late = NULL;
}
