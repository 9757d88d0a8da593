#include "machine/disk.h"

#include "base/status.h"

int64_t disk_ask(struct disk *disk, const struct disk_request *request)
{
    if (request->block_idx >= disk->block_count || request->address % DISK_BLOCK_BYTES != 0)
        return HYPERCALL_INVALID_PARAM;
    if (disk->asked - disk->done == DISK_REQUESTS_MAX)
        return HYPERCALL_WOULD_BLOCK;
    disk->asked++;
    disk->requests[disk->asked % DISK_REQUESTS_MAX] = *request;
    return (int64_t)disk->asked;
}

const struct disk_request *disk_first(const struct disk *disk)
{
    return disk->done < disk->asked ? &disk->requests[(disk->done + 1) % DISK_REQUESTS_MAX] : NULL;
}

void disk_complete(struct disk *disk)
{
    MUST(disk->done < disk->asked);
    disk->done++;
}

void disk_save(const struct disk *disk, struct bytes *to)
{
    bytes_put_u64(to, disk->asked);
    bytes_put_u64(to, disk->done);
}

/* A guest cannot ask for so many that a number would not fit into an answer: one that begins with
 * half of them never gets there. */
bool disk_load(struct disk *disk, struct bytes_reader *from)
{
    disk->asked = bytes_get_u64(from);
    disk->done = bytes_get_u64(from);
    return disk->asked == disk->done && disk->done <= INT64_MAX / 2;
}
