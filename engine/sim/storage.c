#include "sim/storage.h"

#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"

void storage_init(struct storage *storage, uint32_t writer)
{
    *storage = (struct storage){.writer = writer};
    storage->blocks = calloc(STORAGE_BLOCKS, DISK_BLOCK_BYTES);
    MUST(storage->blocks != NULL);
}

void storage_fini(struct storage *storage)
{
    free(storage->blocks);
    storage->blocks = NULL;
}

void storage_attach(struct guest *guest)
{
    machine_disk(guest)->block_count = STORAGE_BLOCKS;
}

bool storage_write(struct storage *storage, uint32_t from_host, uint64_t block_idx,
                   const uint8_t block[DISK_BLOCK_BYTES])
{
    MUST(block_idx < STORAGE_BLOCKS);
    if (from_host != storage->writer)
        return false;
    memcpy(storage->blocks + block_idx * DISK_BLOCK_BYTES, block, DISK_BLOCK_BYTES);
    return true;
}

void storage_read(const struct storage *storage, uint64_t block_idx,
                  uint8_t block[DISK_BLOCK_BYTES])
{
    MUST(block_idx < STORAGE_BLOCKS);
    memcpy(block, storage->blocks + block_idx * DISK_BLOCK_BYTES, DISK_BLOCK_BYTES);
}

void storage_serve(struct storage *storage, uint32_t host, struct guest *guest)
{
    struct disk *disk = machine_disk(guest);
    const struct disk_request *request;
    uint8_t block[DISK_BLOCK_BYTES];

    while ((request = disk_first(disk)) != NULL) {
        if (request->is_write) {
            machine_dma_read(guest, request->address, sizeof block, block);
            bool may_write = storage_write(storage, host, request->block_idx, block);
            MUST(may_write);
        } else {
            storage_read(storage, request->block_idx, block);
            machine_dma_write(guest, request->address, sizeof block, block);
        }
        disk_complete(disk);
    }
}
