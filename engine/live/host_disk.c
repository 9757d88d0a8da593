/* The disks of the guests here: files of blocks that every host reaches by itself. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "live/host_private.h"

/* As many as the simulated hosts' (sim/storage.h): a guest finds the same disk in both. */
#define BLOCKS   4096u
#define RETRY_NS (1 * NS_PER_S)

/* A file for each guest: a block of one is none of another's, wherever they are. */
static void put_path(const struct host *host, const char *guest, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s.%s", host->config->disk_path, guest);
}

enum status host_disk_check(const struct host *host, struct problem *problem)
{
    const char *path = host->config->disk_path;
    char folder[PATH_MAX];

    if (path == NULL)
        return STATUS_OK;
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    snprintf(folder, sizeof folder, "%.*s.", (int)(name - path), path);
    if (*name == '\0')
        errno = EISDIR;
    else if (strlen(path) > PATH_MAX - TRUNK_NAME_MAX - 1)
        errno = ENAMETOOLONG;
    else if (access(folder, R_OK | W_OK | X_OK) == 0)
        return STATUS_OK;
    return problem_set(problem, STATUS_NO_FILE,
                       "--disk %.200s: %s: write FILE so that all hosts can make, read and write "
                       "FILE.GUEST for each guest",
                       path, strerror(errno));
}

enum status host_disk_look(const struct host *host, const char *guest, struct problem *problem)
{
    char path[PATH_MAX];

    if (host->config->disk_path == NULL)
        return problem_set(problem, STATUS_REFUSED,
                           "%s uses its disk, and the target has none: start it with --disk FILE",
                           guest);
    put_path(host, guest, path);
    if (access(path, R_OK | W_OK) == 0)
        return STATUS_OK;
    return problem_set(problem, STATUS_REFUSED,
                       "%s uses its disk, and the target does not reach it: %.200s: %s", guest,
                       path, strerror(errno));
}

void host_disk_attach(struct resident *resident)
{
    resident->disk = -1;
    if (resident->host->config->disk_path != NULL && !scenario_is_model(&resident->scenario))
        machine_disk(resident->guest)->block_count = BLOCKS;
}

void host_disk_detach(struct resident *resident)
{
    if (resident->disk >= 0)
        close(resident->disk);
    resident->disk = -1;
}

/* Most guests never ask for a block: nothing is made for them. */
static bool is_open(struct resident *resident)
{
    char path[PATH_MAX];

    if (resident->disk < 0) {
        put_path(resident->host, resident->name, path);
        resident->disk = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    return resident->disk >= 0;
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

static bool serve(struct resident *resident, const struct disk_request *request)
{
    uint64_t offset = request->block_idx * DISK_BLOCK_BYTES;
    uint8_t block[DISK_BLOCK_BYTES];

    if (request->is_write)
        machine_dma_read(resident->guest, request->address, sizeof block, block);
    if (!is_open(resident) || !transfer(resident->disk, request->is_write, block, offset))
        return false;
    if (!request->is_write)
        machine_dma_write(resident->guest, request->address, sizeof block, block);
    else
        resident_emit(resident, uv_hrtime(),
                      (struct event){.kind = EVENT_DISK_WRITTEN,
                                     .disk_written = {.block_idx = request->block_idx,
                                                      .bytes = DISK_BLOCK_BYTES,
                                                      .served_at = resident_host_idx(resident),
                                                      .from_host = resident_host_idx(resident)}});
    return true;
}

/* Both hosts reach the same file by themselves (--disk-at shared), and each request is done at once.
 * One that cannot be is tried again whether the guest runs or not: a move waits for it, too. */
void host_disk_serve(struct resident *resident, uint64_t now_ns)
{
    struct host *host = resident->host;
    bool has_waited = resident->disk_due_ns != 0;
    const struct disk_request *request;

    if (host->config->disk_path == NULL || scenario_is_model(&resident->scenario) ||
        resident->disk_due_ns > now_ns)
        return;
    while ((request = disk_first(machine_disk(resident->guest))) != NULL) {
        if (!serve(resident, request)) {
            if (!has_waited)
                host_say(host, "the disk of %s cannot be %s: %s: it is tried again every second",
                         resident->name, request->is_write ? "written" : "read", strerror(errno));
            resident->disk_due_ns = now_ns + RETRY_NS;
            return;
        }
        disk_complete(machine_disk(resident->guest));
    }
    resident->disk_due_ns = 0;
    if (!has_waited)
        return;
    host_say(host, "the disk of %s answers again", resident->name);
    if (resident->out != NULL)
        move_feed(resident->out);
}
