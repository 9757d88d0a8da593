#include "machine/debug.h"

#include "machine/board.h"
#include "machine/instruction.h"

/* What the next instruction does to memory, as far as it can be known before. */
struct access {
    bool is_read, is_write;
    bool is_conditional; /* it writes only where rd becomes 0 */
    bool is_call;        /* what it touches is known afterwards: machine->touched */
    uint64_t address, byte_count;
    uint8_t rd;
};

void debug_init(struct debug *debug)
{
    *debug = (struct debug){.is_held = true,
                            .step_hart_idx = DEBUG_NO_HART,
                            .left_tick = UINT64_MAX,
                            .until_tick = UINT64_MAX};
}

static uint32_t find_point(const struct debug *debug, const struct debug_point *point)
{
    uint32_t i = 0;
    while (i < debug->point_count &&
           (debug->points[i].kind != point->kind || debug->points[i].address != point->address ||
            (!debug_is_break(point) && debug->points[i].byte_count != point->byte_count)))
        i++;
    return i;
}

bool debug_add(struct debug *debug, const struct debug_point *point)
{
    uint32_t at = find_point(debug, point);
    if (at == DEBUG_POINTS_MAX)
        return false;
    debug->points[at] = *point;
    debug->point_count += at == debug->point_count;
    return true;
}

bool debug_remove(struct debug *debug, const struct debug_point *point)
{
    uint32_t at = find_point(debug, point);
    if (at == debug->point_count)
        return false;
    debug->points[at] = debug->points[--debug->point_count];
    return true;
}

void debug_resume(struct debug *debug, const struct guest *guest, uint32_t step_hart_idx)
{
    debug->is_held = false;
    debug->step_hart_idx = step_hart_idx;
    debug->left_tick = debug->is_moved ? UINT64_MAX : debug_ticks(guest);
    debug->is_moved = false;
}

static void hold(struct debug *debug, const struct debug_stop *stop)
{
    debug->is_held = true;
    debug->is_moved = false;
    debug->stop = *stop;
    debug->step_hart_idx = DEBUG_NO_HART;
}

void debug_hold(struct debug *debug, const struct guest *guest, enum debug_reason reason)
{
    hold(debug, &(struct debug_stop){.reason = reason,
                                     .hart_idx = machine_of_const(guest)->turn_hart_idx});
}

void debug_leave(struct debug *debug)
{
    debug_init(debug);
    debug->is_held = false;
    debug->has_told_crash = true; /* nobody wants to know */
}

/* ---- Before and behind one tick ---- */

/* The hart that would run the instruction at its pc now; NULL where its turn passes with waiting,
 * or an interrupt comes first. */
static const struct hart *hart_to_run(const struct machine *machine)
{
    const struct hart *hart = &machine->harts[machine->turn_hart_idx];
    bool is_ready = hart->status == HART_STARTED &&
                    machine->awaited_idx[machine->turn_hart_idx] == NO_PAGE &&
                    hart_interrupt(hart, machine_now_ns(machine)) == 0;
    return is_ready ? hart : NULL;
}

static bool is_at_breakpoint(struct debug *debug, const struct machine *machine)
{
    const struct hart *hart = hart_to_run(machine);
    if (hart == NULL || machine->clock.ticks == debug->left_tick)
        return false;
    for (uint32_t i = 0; i < debug->point_count; i++) {
        if (!debug_is_break(&debug->points[i]) || debug->points[i].address != hart->pc)
            continue;
        hold(debug, &(struct debug_stop){.reason = DEBUG_POINT,
                                         .hart_idx = machine->turn_hart_idx,
                                         .point = debug->points[i],
                                         .address = hart->pc});
        return true;
    }
    return false;
}

static struct access access_of(const struct guest *guest, const struct hart *hart)
{
    struct instruction instruction;
    uint32_t bits = 0;
    if (debug_read(guest, hart->pc, &bits, sizeof bits) < 2 ||
        !instruction_decode(bits, &instruction))
        return (struct access){.byte_count = 0};
    const struct instruction_description *row = instruction_describe(instruction.code);
    struct access access = {.address = hart->x[instruction.rs1],
                            .byte_count = 1ull << (row->match >> 12 & 3), /* funct3 */
                            .rd = instruction.rd};
    switch (row->format) {
    case FORMAT_LOAD:
        access.address += (uint64_t)instruction.imm;
        access.is_read = true;
        break;
    case FORMAT_S:
        access.address += (uint64_t)instruction.imm;
        access.is_write = true;
        break;
    case FORMAT_LR:
        access.is_read = true;
        break;
    case FORMAT_AMO:
        access.is_conditional =
            instruction.code == INSTRUCTION_SC_W || instruction.code == INSTRUCTION_SC_D;
        access.is_read = !access.is_conditional;
        access.is_write = true;
        break;
    default:
        access.is_call = instruction.code == INSTRUCTION_ECALL;
        break;
    }
    return access;
}

static bool is_watched(const struct debug_point *point, const struct access *access,
                       uint64_t *address)
{
    bool is_ours = (access->is_read && point->kind != DEBUG_WRITE) ||
                   (access->is_write && point->kind != DEBUG_READ);
    if (!is_ours || debug_is_break(point) || access->byte_count == 0)
        return false;
    /* As distances, for either may lie at the end of all addresses. */
    uint64_t behind = access->address - point->address, before = point->address - access->address;
    *address = behind < point->byte_count ? access->address : point->address;
    return behind < point->byte_count || before < access->byte_count;
}

/* The hart's instruction has run: was it one to stop behind? */
static void look_behind(struct debug *debug, const struct machine *machine, uint32_t hart_idx,
                        struct access *access)
{
    const struct hart *hart = &machine->harts[hart_idx];
    struct debug_stop stop = {.reason = DEBUG_POINT, .hart_idx = hart_idx};
    if (access->is_call) {
        access->is_write = machine->touched.is_write;
        access->is_read = !access->is_write;
        access->address = machine->touched.address;
        access->byte_count = machine->touched.byte_count;
    }
    if (access->is_conditional && access->rd != 0 && hart->x[access->rd] != 0)
        access->is_write = false;
    for (uint32_t i = 0; i < debug->point_count; i++) {
        if (!is_watched(&debug->points[i], access, &stop.address))
            continue;
        stop.point = debug->points[i];
        hold(debug, &stop);
        return;
    }
    if (debug->step_hart_idx == hart_idx)
        hold(debug, &(struct debug_stop){.reason = DEBUG_STEPPED, .hart_idx = hart_idx});
}

/* ---- Running ---- */

static bool has_watchpoint(const struct debug *debug)
{
    for (uint32_t i = 0; i < debug->point_count; i++)
        if (!debug_is_break(&debug->points[i]))
            return true;
    return false;
}

/* One tick, if it comes to that before until_ns; false: `run` says why there is no next one. */
static bool run_tick(struct debug *debug, struct guest *guest, uint64_t until_ns,
                     struct guest_run *run)
{
    struct machine *machine = machine_of(guest);
    uint32_t hart_idx = machine->turn_hart_idx;
    const struct hart *hart = hart_to_run(machine);
    uint64_t tick = machine->clock.ticks;
    const struct hart *turn = &machine->harts[hart_idx];
    const uint64_t cycles = turn->cycles, retired = turn->retired_instructions;
    struct access access = {.byte_count = 0};

    if (hart != NULL && has_watchpoint(debug))
        access = access_of(guest, hart);
    machine->touched.byte_count = 0;
    machine->stop_tick = tick + 1;
    guest->ops->run(guest, until_ns, run);
    /* A tick that retired nothing was a trap: the access has not happened. */
    if (turn->cycles > cycles) {
        if (turn->retired_instructions == retired && !access.is_call)
            access.is_read = access.is_write = false;
        look_behind(debug, machine, hart_idx, &access);
    }
    return run->stop == GUEST_HELD;
}

/* The machine is told where we want to look, if it does not know: another one does not, after a
 * switch-over, nor that it is nowhere any more. */
static void tell_holds(const struct debug *debug, struct machine *machine)
{
    struct holds holds;
    memset(&holds, 0, sizeof holds); /* all of it is compared */
    for (uint32_t i = 0; i < debug->point_count; i++) {
        const struct debug_point *point = &debug->points[i];
        uint64_t last = point->address + (point->byte_count > 0 ? point->byte_count - 1 : 0);
        if (last < point->address)
            last = UINT64_MAX;
        if (debug_is_break(point)) {
            holds.stops[holds.stop_count++] = point->address;
            continue;
        }
        holds.watched[holds.watched_count].first_page = point->address / PAGE_BYTES;
        holds.watched[holds.watched_count++].last_page = last / PAGE_BYTES;
    }
    if (memcmp(&holds, &machine->memory.holds, sizeof holds) != 0)
        memory_set_holds(&machine->memory, &holds);
}

/* As far as nothing is to be looked at. Behind it the next tick is looked at, whatever it is. */
static void run_on(struct debug *debug, struct guest *guest, uint64_t until_ns,
                   struct guest_run *run)
{
    struct machine *machine = machine_of(guest);
    machine->stop_tick = debug->until_tick;
    machine->memory.holds.is_on = true;
    guest->ops->run(guest, until_ns, run);
    machine->memory.holds.is_on = false;
}

static void run_looking(struct debug *debug, struct guest *guest, uint64_t until_ns,
                        struct guest_run *run)
{
    struct machine *machine = machine_of(guest);

    machine->stop_tick = machine->clock.ticks; /* nothing runs, but harts that should wake do */
    guest->ops->run(guest, until_ns, run);
    while (run->stop == GUEST_HELD && !debug->is_held && machine->clock.ticks < debug->until_tick) {
        if (is_at_breakpoint(debug, machine) || !run_tick(debug, guest, until_ns, run))
            return;
        if (!debug->is_held && debug->step_hart_idx == DEBUG_NO_HART)
            run_on(debug, guest, until_ns, run);
    }
}

void debug_run(struct debug *debug, struct guest *guest, uint64_t until_ns, struct guest_run *run)
{
    struct machine *machine = machine_of(guest);
    bool is_stepping = debug->point_count > 0 || debug->step_hart_idx != DEBUG_NO_HART;

    *run = (struct guest_run){.stop = GUEST_HELD, .wake_ns = UINT64_MAX};
    if (debug->is_held)
        return;
    tell_holds(debug, machine);
    if (is_stepping) {
        run_looking(debug, guest, until_ns, run);
    } else {
        machine->stop_tick = debug->until_tick;
        guest->ops->run(guest, until_ns, run);
    }
    machine->stop_tick = UINT64_MAX;
    if (run->stop == GUEST_ENDED && run->is_fault && !debug->has_told_crash) {
        debug->has_told_crash = true;
        debug_hold(debug, guest, DEBUG_CRASHED);
        run->stop = GUEST_HELD;
    }
}

/* ---- Looking ---- */

uint64_t debug_ticks(const struct guest *guest)
{
    return machine_of_const(guest)->clock.ticks;
}

uint32_t debug_hart_count(const struct guest *guest)
{
    return machine_of_const(guest)->hart_count;
}

uint64_t debug_read(const struct guest *guest, uint64_t address, void *to, uint64_t count)
{
    const struct memory *memory = &machine_of_const(guest)->memory;
    uint64_t done = 0;
    while (done < count) {
        uint64_t at = address + done, piece = PAGE_BYTES - at % PAGE_BYTES;
        if (piece > count - done)
            piece = count - done;
        if (memory_check_load(memory, at, piece).result != MEMORY_OK)
            break;
        memcpy((uint8_t *)to + done, memory_at(memory, at), piece);
        done += piece;
    }
    return done;
}

bool debug_write(struct guest *guest, uint64_t address, const void *from, uint64_t count)
{
    struct memory *memory = &machine_of(guest)->memory;
    struct memory_trouble trouble;
    do {
        trouble = memory_check_store(memory, address, count);
    } while (trouble.result == MEMORY_DIRTIED); /* each page once */
    if (trouble.result != MEMORY_OK)
        return false;
    memory_end_reservations(memory, address, count); /* none of the harts has written this */
    memcpy(memory_at(memory, address), from, count);
    return true;
}
