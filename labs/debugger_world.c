#include "labs/debugger_world.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "sim/run_session.h"

/* World time between two looks at the door. */
#define SLICE_NS (5 * NS_PER_MS)
/* A debugger asks many small questions: the next one comes within this, or there is none. */
#define CONVERSATION_MS 2

static const struct {
    const char *word;
    enum session_command command;
    const char *done, *obstacle;
} words[] = {
    {"migrate", SESSION_START, "The move begins.\n", "The move has begun already.\n"},
    {"post-copy", SESSION_POST_COPY, "It switches over to post-copy.\n",
     "There is nothing to switch to post-copy now.\n"},
    {"abort", SESSION_ABORT, "The move is given up.\n", "There is nothing to give up now.\n"},
};
#define WORD_COUNT (sizeof words / sizeof *words)

static const char help[] = "monitor world         what the world is doing\n"
                           "monitor migrate       starts the move now\n"
                           "monitor post-copy     switches over to post-copy now\n"
                           "monitor abort         gives the move up\n";

static struct guest *guest_of(struct debugger_world *world)
{
    return world->run != NULL ? world_guest(world->run->world) : run_session_guest(world->session);
}

static const struct timeline *timeline_of(const struct debugger_world *world)
{
    return world->run != NULL ? &world->run->timeline : &world->session->timeline;
}

static bool act(struct debugger_world *world, enum session_command command)
{
    struct session *session = world->session;
    return world->run != NULL ? run_act(world->run, command)
                              : session->ops->act(session, command, 0);
}

/* ---- Words ---- */

static void answer_world(struct debugger_world *world)
{
    const struct timeline *timeline = timeline_of(world);
    struct guest *guest = guest_of(world);
    char text[240], now[32];

    units_for_people(UNIT_TIME, timeline->now_ns, now, sizeof now);
    snprintf(text, sizeof text,
             "%s of world time; the move: %s%s; the guest is at host %s, where %llu of %llu pages "
             "are\n",
             now, timeline->has_started ? phase_name(timeline->phase) : "not begun",
             timeline->has_ended ? ", over" : "", timeline->has_resumed ? "B" : "A",
             (unsigned long long)guest->present.set_count, (unsigned long long)guest->total_pages);
    gdb_answer(&world->debugger.gdb, text);
}

static void answer_word(struct debugger_world *world)
{
    struct gdb *gdb = &world->debugger.gdb;

    if (strcmp(gdb->word, "world") == 0) {
        answer_world(world);
        return;
    }
    for (size_t i = 0; i < WORD_COUNT; i++)
        if (strcmp(gdb->word, words[i].word) == 0) {
            gdb_answer(gdb, act(world, words[i].command) ? words[i].done : words[i].obstacle);
            return;
        }
    gdb_answer(gdb, "There is no such word: monitor help lists them.\n");
}

/* ---- Attending ---- */

/* The guest has ended, or nothing more will happen to it: who debugs it is told, and goes. */
static void tell_end(struct debugger_world *world, bool has_run_ended)
{
    struct guest *guest = guest_of(world);
    struct guest_run run = {.stop = GUEST_TIME_REACHED};

    if (!debugger_is_here(&world->debugger) || world->debugger.debug.is_held)
        return;
    if (timeline_of(world)->has_guest_ended)
        guest->ops->run(guest, 0, &run); /* what has ended says so at every call */
    if (run.stop == GUEST_ENDED || has_run_ended)
        debugger_tell_end(&world->debugger, &run);
}

/* Does what the debugger wants, until there is nothing for wait_ms. */
static void attend(struct debugger_world *world, int wait_ms)
{
    struct debugger *debugger = &world->debugger;

    for (;;) {
        switch (debugger_next(debugger, guest_of(world), wait_ms)) {
        case GDB_CHANGED:
            world->has_changed = true;
            break;
        case GDB_WORD:
            answer_word(world);
            break;
        case GDB_KILL:
            world->is_killed = true;
            debugger_leave(debugger);
            break;
        default:
            world->guard.is_holding = debugger->debug.is_held;
            return;
        }
    }
}

static void attend_session(struct session_guard *guard, struct session *session, int wait_ms)
{
    struct debugger_world *world = (struct debugger_world *)guard;
    uint64_t heard;

    tell_end(world, session->has_ended);
    do {
        heard = world->debugger.heard_bytes;
        attend(world, guard->is_holding && wait_ms > CONVERSATION_MS ? CONVERSATION_MS : wait_ms);
    } while (guard->is_holding && world->debugger.heard_bytes != heard);
}

/* ---- Opening, and living ---- */

enum status debugger_world_open(struct debugger_world *world, const struct options *options,
                                const struct image *image, struct problem *problem)
{
    *world = (struct debugger_world){.debugger = {.listener = -1, .connection = -1}};
    if (options->gdb_port == NULL)
        return STATUS_OK;
    if (options->is_recording)
        return problem_set(problem, STATUS_USAGE,
                           "--gdb: a recording holds no guest: run the scenario to debug it");
    if (scenario_is_model(&options->scenario))
        return problem_set(problem, STATUS_USAGE,
                           "--gdb: a model has no program: write --guest NAME, such as kv");
    if (options->is_verify)
        return problem_set(problem, STATUS_USAGE,
                           "--gdb and --verify: a debugger may change the run: keep one of them");
    enum status status =
        debugger_open(&world->debugger, options->gdb_port, image->data, image->bytes, problem);
    if (status != STATUS_OK)
        return status;
    world->debugger.no_way_back = "backward is only possible in ferry guest run";
    world->debugger.words = help;
    world->guard.attend = attend_session;
    debugger_write_invitation(&world->debugger, image->path, world->invitation,
                              sizeof world->invitation);
    world->guard.invitation = world->invitation;
    return STATUS_OK;
}

void debugger_world_close(struct debugger_world *world)
{
    debugger_close(&world->debugger);
}

bool debugger_world_is_open(const struct debugger_world *world)
{
    return world->guard.attend != NULL;
}

static void wait_for_debugger(struct debugger_world *world)
{
    debug_hold(&world->debugger.debug, guest_of(world), DEBUG_ASKED);
    world->guard.is_holding = true;
    fprintf(stderr, "ferry: the guest waits at its first instruction for a debugger:\n    %s\n",
            world->invitation);
}

void debugger_world_guard(struct debugger_world *world, struct session *session, bool waits)
{
    if (!debugger_world_is_open(world))
        return;
    world->session = session;
    session->guard = &world->guard;
    run_session_debug(session, &world->debugger.debug);
    if (waits)
        wait_for_debugger(world);
}

void debugger_world_live(struct debugger_world *world, struct run *run)
{
    bool is_alive = true;

    world->run = run;
    world_debug(run->world, &world->debugger.debug);
    wait_for_debugger(world);
    while (is_alive && !world->is_killed) {
        attend(world, -1);
        if (world->guard.is_holding || world->is_killed)
            continue;
        is_alive = run_advance(run, world_now_ns(run->world) + SLICE_NS);
        tell_end(world, !is_alive);
    }
    world_debug(run->world, NULL);
}
