/* The disk of the guests here: a file of blocks that every host reaches by itself. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live/host_private.h"

/* As many as the simulated hosts' (sim/storage.h): a guest finds the same disk in both. */
#define BLOCKS 4096u

enum status host_disk_open(struct host *host, struct problem *problem)
{
    const char *path = host->config->disk_path;

    host->disk = -1;
    if (path == NULL)
        return STATUS_OK;
    host->disk = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat stat_of;
    if (host->disk >= 0 && (fstat(host->disk, &stat_of) != 0 || !S_ISREG(stat_of.st_mode))) {
        close(host->disk);
        host->disk = -1;
        errno = EINVAL;
    }
    if (host->disk < 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "--disk %.200s: %s: name a file that all hosts can read and write", path,
                           strerror(errno));
    return STATUS_OK;
}

void host_disk_close(struct host *host)
{
    if (host->disk >= 0)
        close(host->disk);
    host->disk = -1;
}

void host_disk_attach(struct resident *resident)
{
    if (resident->host->disk >= 0 && !scenario_is_model(&resident->scenario))
        machine_disk(resident->guest)->block_count = BLOCKS;
}

/* All of it, whatever a signal interrupts; what was never written reads as zeros. */
static bool transfer(int file, bool is_write, uint8_t *block, uint64_t offset)
{
    size_t done = 0;

    while (done < DISK_BLOCK_BYTES) {
        off_t at = (off_t)(offset + done);
        ssize_t count = is_write ? pwrite(file, block + done, DISK_BLOCK_BYTES - done, at)
                                 : pread(file, block + done, DISK_BLOCK_BYTES - done, at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || (count == 0 && is_write))
            return false;
        if (count == 0)
            memset(block + done, 0, DISK_BLOCK_BYTES - done);
        done = count == 0 ? DISK_BLOCK_BYTES : done + (size_t)count;
    }
    return true;
}

/* Both hosts reach the one file by themselves (--disk-at shared), and each request is done before
 * the guest runs on: none is ever under way when it is moved. */
void host_disk_serve(struct resident *resident)
{
    struct host *host = resident->host;
    const struct disk_request *request;
    uint8_t block[DISK_BLOCK_BYTES];

    if (host->disk < 0 || scenario_is_model(&resident->scenario))
        return;
    while ((request = disk_first(machine_disk(resident->guest))) != NULL) {
        bool is_write = request->is_write;
        if (is_write)
            machine_dma_read(resident->guest, request->address, sizeof block, block);
        if (!transfer(host->disk, is_write, block, request->block_idx * DISK_BLOCK_BYTES)) {
            host_say(host, "the disk's file cannot be %s: %s: the guest's request waits",
                     is_write ? "written" : "read", strerror(errno));
            return;
        }
        if (!is_write)
            machine_dma_write(resident->guest, request->address, sizeof block, block);
        else
            resident_emit(
                resident, uv_hrtime(),
                (struct event){.kind = EVENT_DISK_WRITTEN,
                               .disk_written = {.block_idx = request->block_idx,
                                                .bytes = DISK_BLOCK_BYTES,
                                                .served_at = resident_host_idx(resident),
                                                .from_host = resident_host_idx(resident)}});
        disk_complete(machine_disk(resident->guest));
    }
}
