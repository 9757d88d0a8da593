/* A machine's state on its way: everything but the pages, in sections that describe themselves
 * (sections.h). A guest with half its state is worse than none: what does not fit is refused whole.
 */
#include <stdlib.h>

#include "machine/board.h"
#include "machine/sections.h"

/* ---- What the machine is: must be the same at both ends ---- */

static void save_shape(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    bytes_put_u64(to, machine->memory.ram_bytes);
    bytes_put_u64(to, machine->clock.ticks_per_s);
    bytes_put_u32(to, machine->hart_count);
}

/* Both ends were made from one scenario: nothing is taken over, all is compared. */
static const char *load_shape(void *state, uint16_t version, struct bytes_reader *from)
{
    const struct machine *machine = state;
    (void)version;
    bool is_same = bytes_get_u64(from) == machine->memory.ram_bytes;
    is_same &= bytes_get_u64(from) == machine->clock.ticks_per_s;
    is_same &= bytes_get_u32(from) == machine->hart_count;
    return is_same ? NULL : "it is of a machine with another size, rate or number of harts";
}

/* ---- Harts, whose turn it is, and time ---- */

static void save_harts(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        const struct hart *hart = &machine->harts[i];
        for (unsigned r = 1; r < HART_REGISTERS; r++)
            bytes_put_u64(to, hart->x[r]);
        bytes_put_u64(to, hart->pc);
        bytes_put_u64(to, hart->retired_instructions);
        bytes_put_u8(to, hart->is_waiting);
        bytes_put_u8(to, hart->has_reservation);
        bytes_put_u64(to, hart->has_reservation ? hart->reserved_address : 0);
        bytes_put_u64(to, hart->has_reservation ? hart->reserved_bytes : 0);
    }
}

static const char *load_harts(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    (void)version;
    bool is_possible = true;
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        struct hart *hart = &machine->harts[i];
        for (unsigned r = 1; r < HART_REGISTERS; r++)
            hart->x[r] = bytes_get_u64(from);
        hart->pc = bytes_get_u64(from);
        hart->retired_instructions = bytes_get_u64(from);
        uint8_t is_waiting = bytes_get_u8(from);
        uint8_t has_reservation = bytes_get_u8(from);
        hart->is_waiting = is_waiting;
        hart->has_reservation = has_reservation;
        hart->reserved_address = bytes_get_u64(from);
        hart->reserved_bytes = bytes_get_u64(from);
        is_possible &= hart->pc % 2 == 0 && is_waiting <= 1 && has_reservation <= 1;
    }
    return is_possible ? NULL : "a hart stands where none can";
}

static void save_clock(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    bytes_put_u32(to, machine->turn_hart_idx);
    bytes_put_u32(to, machine->turn_position);
    bytes_put_u64(to, machine->clock.ticks);
    bytes_put_u64(to, machine->clock.idle_ns);
    bytes_put_u64(to, machine->timer_ns);
}

/* Times beyond what a guest can live (292 years) would overflow where they are added up. */
static const char *load_clock(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    (void)version;
    machine->turn_hart_idx = bytes_get_u32(from);
    machine->turn_position = bytes_get_u32(from);
    machine->clock.ticks = bytes_get_u64(from);
    machine->clock.idle_ns = bytes_get_u64(from);
    machine->timer_ns = bytes_get_u64(from);
    unsigned __int128 running_ns =
        (unsigned __int128)machine->clock.ticks * 1000000000u / machine->clock.ticks_per_s;
    if (machine->turn_hart_idx >= machine->hart_count || machine->turn_position >= HART_TURN)
        return "it is the turn of a hart that there is not";
    return machine->clock.idle_ns <= INT64_MAX && running_ns <= INT64_MAX
               ? NULL
               : "it has lived for longer than a guest can";
}

/* ---- How it ended, its arguments, its console, its mailbox ---- */

static void save_end(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    bytes_put_u8(to, machine->has_ended);
    bytes_put_u8(to, machine->is_fault);
    bytes_put_u64(to, machine->exit_status);
    bytes_put_u64(to, machine->fault_value);
    bytes_put_u64(to, machine->fault_pc);
}

static const char *load_end(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    (void)version;
    uint8_t has_ended = bytes_get_u8(from);
    uint8_t is_fault = bytes_get_u8(from);
    machine->has_ended = has_ended;
    machine->is_fault = is_fault;
    machine->exit_status = bytes_get_u64(from);
    machine->fault_value = bytes_get_u64(from);
    machine->fault_pc = bytes_get_u64(from);
    return has_ended <= 1 && is_fault <= has_ended ? NULL : "it ended in a way that there is not";
}

static void save_arguments(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    bytes_put(to, machine->arguments, machine->argument_bytes);
}

static const char *load_arguments(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    size_t count = bytes_left(from);
    (void)version;
    if (count > MACHINE_ARGS_MAX)
        return "it has more arguments than a machine takes";
    memcpy(machine->arguments, bytes_get(from, count), count);
    machine->argument_bytes = (uint32_t)count;
    return NULL;
}

static void save_console(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    bytes_put_u64(to, machine->console_total_bytes);
}

static const char *load_console(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    (void)version;
    machine->console_total_bytes = bytes_get_u64(from);
    return NULL;
}

static void save_mailbox(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    mailbox_save(&machine->mailbox, to);
}

static const char *load_mailbox(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    (void)version;
    return mailbox_load(&machine->mailbox, from) ? NULL : "its streams hold impossible numbers";
}

static const struct section sections[] = {
    {"SHAP", 1, 1, save_shape, load_shape},         {"HART", 1, 1, save_harts, load_harts},
    {"CLCK", 1, 1, save_clock, load_clock},         {"EXIT", 1, 1, save_end, load_end},
    {"ARGS", 1, 1, save_arguments, load_arguments}, {"CONS", 1, 1, save_console, load_console},
    {"MAIL", 1, 1, save_mailbox, load_mailbox},
};
#define SECTION_COUNT (sizeof sections / sizeof *sections)

void machine_save(const struct guest *guest, struct bytes *to)
{
    sections_save(sections, SECTION_COUNT, machine_of_const(guest), to);
}

/* Into a copy, which takes the machine's place when all of it is there. Memory is the same in
 * both, and is not touched. */
enum status machine_load(struct guest *guest, struct bytes_reader *from, struct problem *problem)
{
    struct machine *machine = machine_of(guest);
    struct machine *loaded = malloc(sizeof *loaded);

    MUST(loaded != NULL);
    memcpy(loaded, machine, sizeof *loaded);
    enum status status = sections_load(sections, SECTION_COUNT, loaded, from, problem);
    if (status == STATUS_OK)
        memcpy(machine, loaded, sizeof *loaded);
    free(loaded);
    return status;
}

/* Of what moves, and nothing else: not of the dirty log, caches, or output to drain. */
uint64_t machine_digest(const struct guest *guest)
{
    const struct machine *machine = machine_of_const(guest);
    MUST(guest->present.set_count == guest->total_pages);
    struct bytes state = {0};
    machine_save(guest, &state);
    struct digest *digest = digest_open();
    digest_add(digest, state.data, state.count);
    digest_add(digest, machine->memory.ram, machine->memory.ram_bytes);
    uint64_t value = digest_value(digest);
    digest_close(digest);
    bytes_fini(&state);
    return value;
}
