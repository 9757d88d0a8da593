/* storage: the blocks of the guest's disk, in a box of their own that both hosts can reach.
 *
 * Who serves it (--disk-at) reads and writes the guest's memory on its behalf; the fence says whose
 * guest may change a block: the source's until COMMIT is out, the target's once it runs there,
 * nobody's between. So there are never two writers, whatever is still on its way from the old host.
 */
#ifndef SIM_STORAGE_H
#define SIM_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/guest.h"

#define STORAGE_BLOCKS 4096 /* 2 MiB */
#define STORAGE_NOBODY UINT32_MAX

struct storage {
    uint8_t *blocks; /* owned; zeros that become real when they are written */
    uint32_t writer; /* the host whose guest may write, or STORAGE_NOBODY */
};

void storage_init(struct storage *storage, uint32_t writer);
void storage_fini(struct storage *storage);

/* The machine has a disk from now on. */
void storage_attach(struct guest *guest);

/* False, and nothing is written: that host's guest is fenced off. */
bool storage_write(struct storage *storage, uint32_t from_host, uint64_t block_idx,
                   const uint8_t block[DISK_BLOCK_BYTES]);
void storage_read(const struct storage *storage, uint64_t block_idx,
                  uint8_t block[DISK_BLOCK_BYTES]);

/* Serves at once whatever the machine has asked for: for one that lives in no world. */
void storage_serve(struct storage *storage, uint32_t host, struct guest *guest);

#endif
