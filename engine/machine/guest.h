/* guest: whatever can be migrated. Pages, a dirty log, run, save, load: the migration engine and
 * the worlds know no more than this of what they carry.
 *
 * Two kinds implement it: the RISC-V machine (machine.h), and the model guest (model.h), a
 * page-write pattern without instructions, so that 64 GiB can be carried at full size.
 *
 * Time is guest time: nanoseconds that the guest has lived, running or idle. It stands still while
 * the guest is paused or none of its harts can go on without a page; the world keeps the
 * difference.
 *
 * Page contents on the wire are `payload_bytes` per page: 4096 for a machine; for a model page 8,
 * the version, and the link is charged the full page all the same. read_contents gives the 4096
 * bytes of either, for whoever looks.
 *
 * A page is *present* or *missing*. While tracking is on, a page is *protected* until its first
 * write since the last fetch: that write stops the run with GUEST_DIRTIED (one trap per page per
 * round), and the page stands in the dirty log. While tracking is off, writes are logged as well,
 * but nothing traps.
 */
#ifndef MACHINE_GUEST_H
#define MACHINE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bitmap.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/status.h"
#include "machine/hypercall.h"

enum guest_stop {
    GUEST_TIME_REACHED, /* ran until the instant asked for; the next instruction would pass it */
    GUEST_IDLE,         /* nothing to do until wake_ns (UINT64_MAX: until something arrives) */
    GUEST_DIRTIED, /* a write to a protected page trapped: page_idx; it is writable now, and the
                           write happens when the guest is run again */
    GUEST_MISSING, /* hart_idx needs page_idx, which is not there; nothing of the instruction
                           has happened. Other harts go on when the guest is run again, and the
                           hart itself once the page is there; is_stuck: until then none can */
    GUEST_FLUSHED, /* hart_idx has flushed lines of page_count pages from page_idx; while
                           tell_flushes is on. It goes on unless the world bars it: bar */
    GUEST_BARRED,  /* no hart can go on before one is not barred any more */
    GUEST_OUTPUT,  /* the console, a mailbox or the disk has something for the world, just now */
    GUEST_HELD,    /* a debugger has stopped it (debug.h) */
    GUEST_ENDED,   /* exited with `status`, or (is_fault) cannot go on; says so at every call */
};

#define GUEST_SHARE_WHOLE 1000u

struct guest_run {
    enum guest_stop stop;
    uint32_t hart_idx;
    uint64_t page_idx;
    uint64_t page_count; /* of GUEST_FLUSHED */
    uint64_t pc;         /* of GUEST_DIRTIED and GUEST_MISSING: where the hart stands; 0: a model */
    uint64_t wake_ns;
    uint64_t status;
    bool is_fault;
    bool is_stuck;
};

struct guest;

/* What went from a cache to memory: lines, and the pages that were not dirty before. */
struct guest_written {
    uint64_t lines, pages;
};

struct guest_ops {
    const char *kind;        /* "machine", "model": named in HELLO, both ends must agree */
    uint32_t payload_bytes;  /* of one page on the wire */
    bool is_charged_in_full; /* the payload stands for PAGE_BYTES on the link */

    /* Runs until guest time `until_ns` at the latest, or until something stops it earlier. */
    void (*run)(struct guest *guest, uint64_t until_ns, struct guest_run *run);
    uint64_t (*now_ns)(const struct guest *guest);
    /* Guest time passes without instructions; only after GUEST_IDLE, and not beyond wake_ns. */
    void (*idle_until)(struct guest *guest, uint64_t until_ns);
    /* The same although there are instructions to run: on a real host, which is slower than the
     * guest's clock, or was busy with something else. No simulated world does this. NULL: time
     * passes by running alone. */
    void (*pass_until)(struct guest *guest, uint64_t until_ns);
    /* From now on that hart takes only so many of its turns, in thousandths (1 to
     * GUEST_SHARE_WHOLE), evenly spread; guest time goes on meanwhile, and the other harts with it.
     * A matter of this host: it is not saved, and a guest begins with whole shares. A guest of one
     * hart takes no notice: how much of the time it runs is up to who runs it. */
    void (*set_share)(struct guest *guest, uint32_t hart_idx, uint32_t permille);

    /* Both act on `count` pages from `first_idx`: payloads of all of them, one after the other.
     * A read page must be present. An installed page is present, protected and not in the log.
     * What is read is what memory holds, which a cache may hide from the harts: see write_back. */
    void (*read_pages)(const struct guest *guest, uint64_t first_idx, uint64_t count,
                       uint8_t *payloads);
    /* Where the payloads of `count` present pages lie, as read_pages reads them, until the guest
     * runs again or anything is done to them. NULL: they are to be read; so always, where a guest
     * has no such function. */
    const uint8_t *(*lend_pages)(const struct guest *guest, uint64_t first_idx, uint64_t count);
    void (*install_pages)(struct guest *guest, uint64_t first_idx, uint64_t count,
                          const uint8_t *payloads);
    /* Where the bytes of `count` pages lie that are all missing. Whatever is written there is seen
     * by nobody until install_pages is called with this very place for payloads, and may be written
     * over until then. NULL: pages are installed from elsewhere only; so always, where a guest has
     * no such function. */
    uint8_t *(*place_pages)(struct guest *guest, uint64_t first_idx, uint64_t count);
    void (*drop_page)(struct guest *guest, uint64_t page_idx); /* missing from now on */
    void (*read_contents)(const struct guest *guest, uint64_t page_idx,
                          uint8_t page[PAGE_BYTES]); /* present; as harts see it */

    void (*track)(struct guest *guest, bool is_on); /* on: protects every page, empties the log */
    /* Adds the logged pages among [first_idx, first_idx + count) to `into` (NULL: forgets them),
     * protects them again, returns how many they were. */
    uint64_t (*fetch_dirty)(struct guest *guest, uint64_t first_idx, uint64_t count,
                            struct bitmap *into);

    /* The consistent cut (the guest stands still): all that a cache holds goes to memory, without a
     * trap; its pages are in the log. */
    struct guest_written (*write_back)(struct guest *guest);
    /* No device has a request under way. The cut waits for that: no request travels. */
    bool (*is_quiet)(const struct guest *guest);
    /* Flushes by harts stop the run with GUEST_FLUSHED, or do so no more. */
    void (*tell_flushes)(struct guest *guest, bool is_on);
    /* The hart does not run, as if it waited for a page, until it is not barred any more. */
    void (*bar)(struct guest *guest, uint32_t hart_idx, bool is_barred);

    /* Everything but the pages: registers, devices, mailboxes, clock; see sections.h. load reads
     * all that there is, or refuses with STATUS_BAD_STATE and leaves the guest as it was. */
    void (*save)(const struct guest *guest, struct bytes *to);
    enum status (*load)(struct guest *guest, struct bytes_reader *from, struct problem *problem);

    /* Of state and memory; every page must be present. The same before and after a move. */
    uint64_t (*digest)(const struct guest *guest);
    uint64_t (*instructions)(const struct guest *guest);
    void (*close)(struct guest *guest);
};

struct guest {
    const struct guest_ops *ops;
    uint64_t total_pages;
    struct bitmap present; /* pages that are there */
    struct bitmap dirty;   /* the dirty log */
    struct bitmap free;    /* pages that the guest gave away: zeros, until its next store */
    bool is_tracking;
};

#endif
