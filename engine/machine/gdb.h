/* gdb: the stub that a debugger talks to (Debugging with GDB, appendix E, "Remote Protocol").
 *
 * Bytes in, bytes out, and what the debugger wants as data: nothing here knows a socket, or how a
 * guest is made to run. Whoever owns it repeats
 *
 *     gdb_receive      what came in
 *     gdb_next         ... until it says GDB_NOTHING; the guest is the one of this instant
 *     (obeys)          debug_resume and debug_run, backwards rewind.h; then
 *     gdb_tell_stop    when the guest is held again, gdb_tell_end when it has ended
 *     gdb_output       what is to go out
 *
 * Harts are threads, numbered from 1. While the guest is held, registers and memory are looked at
 * and changed here; while it runs, the debugger can only interrupt.
 */
#ifndef MACHINE_GDB_H
#define MACHINE_GDB_H

#include "machine/debug.h"
#include "machine/gdb_packet.h"
#include "machine/lines.h"

enum gdb_action {
    GDB_NOTHING, /* everything that came is answered */
    GDB_GO,      /* debug_resume; hart_idx: step that hart, or DEBUG_NO_HART */
    GDB_GO_BACK, /* the same backwards */
    GDB_HALT,    /* interrupted: hold it */
    GDB_WORD,    /* `monitor WORD`, which is not one of ours: gdb_answer */
    GDB_CHANGED, /* registers or memory were written */
    GDB_DETACH,  /* the guest goes on without a debugger */
    GDB_KILL,    /* it is to end here */
};

#define GDB_WORD_MAX 256

struct gdb {
    struct debug *debug;       /* borrowed */
    const struct lines *lines; /* borrowed: the guest's symbols */
    bool can_go_back;          /* what the owner can do, told to the debugger */
    const char *no_way_back;   /* or why not, for the debugger's user */
    const char *words;         /* the owner's own monitor words, lines for `monitor help` */

    struct gdb_packets packets;
    bool is_running;        /* it was told to go, and no stop was told yet */
    bool has_changed;       /* registers or memory: GDB_CHANGED comes next, */
    enum gdb_action wanted; /* and then this */
    bool is_interrupted;    /* since it was told to go: the stop is the debugger's own */
    bool has_ended;         /* that was told */
    bool knows_swbreak, knows_hwbreak;
    uint32_t chosen_hart;    /* Hg: registers are this one's */
    uint32_t step_hart;      /* Hc */
    uint32_t acting_hart;    /* of GDB_GO, GDB_GO_BACK */
    char word[GDB_WORD_MAX]; /* of GDB_WORD */
};

/* A debugger has come; `debug` is held by then. gdb_fini when it has gone. */
void gdb_init(struct gdb *gdb, struct debug *debug, const struct lines *lines);
void gdb_fini(struct gdb *gdb);

/* As of gdb_packets_receive. */
size_t gdb_receive(struct gdb *gdb, const uint8_t *bytes, size_t count);
enum gdb_action gdb_next(struct gdb *gdb, struct guest *guest);
struct bytes *gdb_output(struct gdb *gdb);

void gdb_answer(struct gdb *gdb, const char *text); /* to GDB_WORD */
void gdb_tell_stop(struct gdb *gdb, const struct guest *guest);
void gdb_tell_end(struct gdb *gdb, const struct guest_run *run);

#endif
