/* debugger: the door at which GDB knocks. One port, on this machine alone, one debugger at a time;
 * what it says and hears is engine/machine/gdb.h's affair, how the guest lives is its owner's.
 *
 * The owner asks debugger_next again and again, while the guest runs too: it never waits then. It
 * obeys what is returned, and lets the guest live by debug_run unless debug.is_held.
 */
#ifndef LABS_DEBUGGER_H
#define LABS_DEBUGGER_H

#include "base/status.h"
#include "machine/gdb.h"

struct debugger {
    struct debug debug;
    struct gdb gdb;
    struct lines lines;
    int listener, connection; /* -1: none */
    uint16_t port;
    bool is_searching; /* the owner goes backwards, and says here when it is done */
    uint64_t heard_bytes;
    bool can_go_back; /* for gdb.h; set them before a debugger comes */
    const char *no_way_back, *words;
};

/* Listens at the port that the word names (0: any that is free), for a guest with this image. The
 * guest is not held yet: debug_hold, to have it wait for a debugger. */
MUST_USE enum status debugger_open(struct debugger *debugger, const char *word,
                                   const uint8_t *image, size_t image_bytes,
                                   struct problem *problem);
void debugger_close(struct debugger *debugger);

static inline bool debugger_is_here(const struct debugger *debugger)
{
    return debugger->connection >= 0;
}

/* "gdb-multiarch PATH -ex 'target remote :PORT'": what a person types to come in. */
void debugger_write_invitation(const struct debugger *debugger, const char *image_path, char *text,
                               size_t text_bytes);

/* What the owner must obey now: GDB_GO_BACK, GDB_HALT (while it searches backwards), GDB_WORD,
 * GDB_CHANGED, GDB_KILL; all else is done here. GDB_NOTHING: nothing more, after at most `wait_ms`
 * (-1: as long as it takes). */
enum gdb_action debugger_next(struct debugger *debugger, struct guest *guest, int wait_ms);

/* No debugger any more, and none that holds the guest. */
void debugger_leave(struct debugger *debugger);

/* The guest has ended: the debugger is told, and goes. */
void debugger_tell_end(struct debugger *debugger, const struct guest_run *run);

#endif
