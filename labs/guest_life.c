#include "labs/guest_life.h"

#include <stdio.h>
#include <stdlib.h>

#include "labs/command.h"
#include "labs/crash.h"
#include "machine/machine.h"
#include "machine/rewind.h"

/* Between two looks at the debugger's door: some milliseconds. */
#define SLICE_TICKS 1000000u

struct life {
    const char *name;
    struct guest *guest;
    const struct image *image;
    struct storage *storage;   /* of its disk, which is served at once */
    struct debugger *debugger; /* NULL: none */
    struct rewind *rewind;     /* owned, with a debugger */
    uint64_t printed_bytes; /* of all that it ever wrote: what is lived again is not said again */
    bool is_in_line;        /* its console's last byte ended no line */
    bool has_told_waiting;
    int status;
    const struct guest_instant *instant; /* where it is to stand still; NULL: nowhere */
    bool has_stopped;                    /* before it came there */
    struct debug stopper;                /* stops it at an instruction: no debugger's */
};

/* False: standard output is broken; main tells it. */
static bool print_console(struct life *life)
{
    struct bytes *console = machine_console(life->guest);
    if (console->count == 0)
        return true;
    uint64_t written_bytes = machine_console_total(life->guest);
    uint64_t begin = written_bytes - console->count;
    uint64_t skip = life->printed_bytes > begin ? life->printed_bytes - begin : 0;
    if (skip < console->count) {
        fwrite(console->data + skip, 1, console->count - skip, stdout);
        life->printed_bytes = written_bytes;
        life->is_in_line = console->data[console->count - 1] != '\n';
    }
    bytes_clear(console);
    return fflush(stdout) == 0;
}

/* What ferry says begins at the beginning of a line. */
static void begin_line(struct life *life)
{
    if (life->is_in_line)
        fputc('\n', stderr);
    life->is_in_line = false;
}

static int end(struct life *life, const struct guest_run *run)
{
    if (life->debugger != NULL)
        debugger_tell_end(life->debugger, run);
    if (!run->is_fault)
        return (int)(run->status & 0xff);
    begin_line(life);
    crash_tell_guest("ferry guest", life->name, life->guest, life->image);
    return EXIT_FAILED;
}

/* Nothing will ever wake it. A debugger may look at it all the same. */
static bool sleeps_for_ever(struct life *life)
{
    const char *name = life->name;
    if (!life->has_told_waiting)
        begin_line(life);
    if (!life->has_told_waiting && mailbox_is_listening(machine_mailbox(life->guest)))
        fprintf(stderr,
                "ferry guest: %s waits for somebody to talk to it: only a world has "
                "clients (ferry run --guest %s)\n",
                name, name);
    else if (!life->has_told_waiting)
        fprintf(stderr,
                "ferry guest: %s sleeps for ever: no timer is set, it listens to nobody, and no "
                "hart is awake\n",
                name);
    life->has_told_waiting = true;
    if (life->debugger == NULL || !debugger_is_here(life->debugger))
        return true;
    debug_hold(&life->debugger->debug, life->guest, DEBUG_ASKED);
    return false;
}

/* ---- Up to an instant ---- */

static bool is_there(const struct life *life)
{
    const struct guest_ops *ops = life->guest->ops;
    if (life->instant->is_instruction)
        return ops->instructions(life->guest) >= life->instant->value;
    return ops->now_ns(life->guest) >= life->instant->value;
}

/* An instruction takes a tick, and some ticks retire none (hart.h): as many ticks as instructions
 * are missing never lead too far, and are asked for again until none is missing. */
static void run_towards(struct life *life, struct guest_run *run)
{
    struct guest *guest = life->guest;
    const struct guest_instant *instant = life->instant;

    if (!instant->is_instruction) {
        guest->ops->run(guest, instant->value, run);
        return;
    }
    uint64_t missing = instant->value - guest->ops->instructions(guest);
    uint64_t now_tick = debug_ticks(guest);
    life->stopper.until_tick = missing < UINT64_MAX - now_tick ? now_tick + missing : UINT64_MAX;
    debug_run(&life->stopper, guest, UINT64_MAX / 2, run);
}

/* It does nothing before wake_ns, nor later than the instant. */
static bool idle(struct life *life, uint64_t wake_ns)
{
    struct guest *guest = life->guest;
    bool is_time = life->instant != NULL && !life->instant->is_instruction;

    if (is_time && wake_ns > life->instant->value)
        wake_ns = life->instant->value;
    if (wake_ns == UINT64_MAX)
        return !sleeps_for_ever(life);
    guest->ops->idle_until(guest, wake_ns);
    return true;
}

/* A piece of its life; false: that was all, and life->status says how it ended. */
static bool live_on(struct life *life)
{
    struct guest *guest = life->guest;
    struct guest_run run = {.stop = GUEST_TIME_REACHED};

    if (life->instant != NULL) {
        run_towards(life, &run);
    } else if (life->debugger == NULL) {
        guest->ops->run(guest, UINT64_MAX / 2, &run);
    } else {
        uint64_t slice_tick = debug_ticks(guest) + SLICE_TICKS;
        uint64_t due_tick = rewind_due_tick(life->rewind);
        life->debugger->debug.until_tick = slice_tick < due_tick ? slice_tick : due_tick;
        debug_run(&life->debugger->debug, guest, UINT64_MAX / 2, &run);
        rewind_pass(life->rewind);
    }
    storage_serve(life->storage, HOST_SOURCE, guest);
    life->status = EXIT_USAGE; /* of a standard output that takes no more */
    if (!print_console(life))
        return false;
    life->status = EXIT_FAILED;
    if (run.stop == GUEST_IDLE)
        return idle(life, run.wake_ns);
    if (run.stop == GUEST_ENDED)
        life->status = end(life, &run);
    return run.stop != GUEST_ENDED;
}

/* ---- With a debugger ---- */

static void go_back(struct life *life)
{
    struct debugger *debugger = life->debugger;
    rewind_begin(life->rewind, &debugger->debug, debugger->gdb.acting_hart);
    while (debugger->is_searching) {
        if (rewind_search(life->rewind, &debugger->debug))
            debugger->is_searching = false;
        else if (debugger_next(debugger, life->guest, 0) == GDB_HALT ||
                 !debugger_is_here(debugger)) {
            rewind_give_up(life->rewind, &debugger->debug);
            debugger->is_searching = false;
        }
    }
    if (!debugger_is_here(debugger))
        debug_leave(&debugger->debug);
}

/* Everything that the debugger wants now. False: the guest is to end here. */
static bool attend(struct life *life)
{
    struct debugger *debugger = life->debugger;
    for (;;) {
        switch (debugger_next(debugger, life->guest, -1)) {
        case GDB_GO_BACK:
            go_back(life);
            continue;
        case GDB_CHANGED:
            rewind_changed(life->rewind);
            life->printed_bytes = machine_console_total(life->guest);
            continue;
        case GDB_WORD:
            gdb_answer(&debugger->gdb, "There is no such word: monitor help lists them.\n");
            continue;
        case GDB_KILL:
            fprintf(stderr, "ferry guest: %s was ended by the debugger\n", life->name);
            return false;
        default:
            if (!debugger->debug.is_held)
                return true;
        }
    }
}

static void begin(struct life *life)
{
    char invitation[4200];
    struct debugger *debugger = life->debugger;
    life->rewind = malloc(sizeof *life->rewind);
    MUST(life->rewind != NULL);
    rewind_init(life->rewind, life->guest);
    debugger->can_go_back = true;
    debug_hold(&debugger->debug, life->guest, DEBUG_ASKED);
    debugger_write_invitation(debugger, life->image->path, invitation, sizeof invitation);
    fprintf(stderr, "ferry guest: %s waits at its first instruction for a debugger:\n    %s\n",
            life->name, invitation);
}

int guest_life_until(const char *name, struct guest *guest, const struct image *image,
                     struct storage *storage, const struct guest_instant *instant, bool *has_come)
{
    struct life life = {.name = name,
                        .guest = guest,
                        .image = image,
                        .storage = storage,
                        .instant = instant,
                        .status = EXIT_DONE};

    debug_init(&life.stopper);
    debug_leave(&life.stopper);
    while (!life.has_stopped && !is_there(&life))
        life.has_stopped = !live_on(&life);
    *has_come = !life.has_stopped;
    begin_line(&life);
    return life.has_stopped ? life.status : EXIT_DONE;
}

int guest_life(const char *name, struct guest *guest, const struct image *image,
               struct storage *storage, struct debugger *debugger)
{
    struct life life = {.name = name,
                        .guest = guest,
                        .image = image,
                        .storage = storage,
                        .debugger = debugger,
                        .status = EXIT_FAILED};

    if (debugger != NULL)
        begin(&life);
    while ((debugger == NULL || attend(&life)) && live_on(&life))
        ;
    if (debugger != NULL) {
        rewind_fini(life.rewind);
        free(life.rewind);
    }
    return life.status;
}
