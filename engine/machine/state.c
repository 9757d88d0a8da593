/* A machine's state on its way: everything but the pages, in sections that describe themselves.
 *
 *       4 bytes     2          4         `length` bytes
 *     +---------+---------+---------+---------------------+
 *     |   tag   | version | length  |  the section's own  |   ... and so on, in the order of the
 *     +---------+---------+---------+---------------------+   table below; the last is END
 *
 * Numbers are little-endian. Who does not know a section, or finds it shorter or longer than it
 * reads, refuses all of it: a guest with half its state is worse than none.
 */
#include "machine/board.h"

struct section {
    char tag[5];
    uint16_t version;
    void (*save)(const struct machine *machine, struct bytes *to);
    bool (*load)(struct machine *machine, struct bytes_reader *from);
};

/* ---- What the machine is: must be the same at both ends ---- */

static void save_shape(const struct machine *machine, struct bytes *to)
{
    bytes_put_u64(to, machine->memory.ram_bytes);
    bytes_put_u64(to, machine->clock.ticks_per_s);
    bytes_put_u32(to, machine->hart_count);
}

static bool load_shape(struct machine *machine, struct bytes_reader *from)
{
    bool is_same = bytes_get_u64(from) == machine->memory.ram_bytes;
    is_same &= bytes_get_u64(from) == machine->clock.ticks_per_s;
    is_same &= bytes_get_u32(from) == machine->hart_count;
    return is_same;
}

/* ---- Harts, whose turn it is, and time ---- */

static void save_harts(const struct machine *machine, struct bytes *to)
{
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

static bool load_harts(struct machine *machine, struct bytes_reader *from)
{
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
    return is_possible;
}

static void save_clock(const struct machine *machine, struct bytes *to)
{
    bytes_put_u32(to, machine->turn_hart_idx);
    bytes_put_u32(to, machine->turn_position);
    bytes_put_u64(to, machine->clock.ticks);
    bytes_put_u64(to, machine->clock.idle_ns);
    bytes_put_u64(to, machine->timer_ns);
}

/* Times beyond what a guest can live (292 years) would overflow where they are added up. */
static bool load_clock(struct machine *machine, struct bytes_reader *from)
{
    machine->turn_hart_idx = bytes_get_u32(from);
    machine->turn_position = bytes_get_u32(from);
    machine->clock.ticks = bytes_get_u64(from);
    machine->clock.idle_ns = bytes_get_u64(from);
    machine->timer_ns = bytes_get_u64(from);
    unsigned __int128 running_ns =
        (unsigned __int128)machine->clock.ticks * 1000000000u / machine->clock.ticks_per_s;
    return machine->turn_hart_idx < machine->hart_count && machine->turn_position < HART_TURN &&
           machine->clock.idle_ns <= INT64_MAX && running_ns <= INT64_MAX;
}

/* ---- How it ended, its arguments, its console, its mailbox ---- */

static void save_end(const struct machine *machine, struct bytes *to)
{
    bytes_put_u8(to, machine->has_ended);
    bytes_put_u8(to, machine->is_fault);
    bytes_put_u64(to, machine->exit_status);
    bytes_put_u64(to, machine->fault_value);
    bytes_put_u64(to, machine->fault_pc);
}

static bool load_end(struct machine *machine, struct bytes_reader *from)
{
    uint8_t has_ended = bytes_get_u8(from);
    uint8_t is_fault = bytes_get_u8(from);
    machine->has_ended = has_ended;
    machine->is_fault = is_fault;
    machine->exit_status = bytes_get_u64(from);
    machine->fault_value = bytes_get_u64(from);
    machine->fault_pc = bytes_get_u64(from);
    return has_ended <= 1 && is_fault <= has_ended;
}

static void save_arguments(const struct machine *machine, struct bytes *to)
{
    bytes_put(to, machine->arguments, machine->argument_bytes);
}

static bool load_arguments(struct machine *machine, struct bytes_reader *from)
{
    size_t count = bytes_left(from);
    if (count > MACHINE_ARGS_MAX)
        return false;
    memcpy(machine->arguments, bytes_get(from, count), count);
    machine->argument_bytes = (uint32_t)count;
    return true;
}

static void save_console(const struct machine *machine, struct bytes *to)
{
    bytes_put_u64(to, machine->console_total_bytes);
}

static bool load_console(struct machine *machine, struct bytes_reader *from)
{
    machine->console_total_bytes = bytes_get_u64(from);
    return true;
}

static void save_mailbox(const struct machine *machine, struct bytes *to)
{
    mailbox_save(&machine->mailbox, to);
}

static bool load_mailbox(struct machine *machine, struct bytes_reader *from)
{
    return mailbox_load(&machine->mailbox, from);
}

static void save_nothing(const struct machine *machine, struct bytes *to)
{
    (void)machine;
    (void)to;
}

static bool load_nothing(struct machine *machine, struct bytes_reader *from)
{
    (void)machine;
    (void)from;
    return true;
}

static const struct section sections[] = {
    {"SHAP", 1, save_shape, load_shape},
    {"HART", 1, save_harts, load_harts},
    {"CLCK", 1, save_clock, load_clock},
    {"EXIT", 1, save_end, load_end},
    {"ARGS", 1, save_arguments, load_arguments},
    {"CONS", 1, save_console, load_console},
    {"MAIL", 1, save_mailbox, load_mailbox},
    {"END ", 1, save_nothing, load_nothing},
};
#define SECTION_COUNT (sizeof sections / sizeof *sections)

void machine_save(const struct guest *guest, struct bytes *to)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct bytes body = {0};
        sections[i].save(machine_of_const(guest), &body);
        bytes_put(to, sections[i].tag, 4);
        bytes_put_u16(to, sections[i].version);
        bytes_put_u32(to, (uint32_t)body.count);
        bytes_put(to, body.data, body.count);
        bytes_fini(&body);
    }
}

static bool load_section(struct machine *machine, const struct section *section,
                         struct bytes_reader *from)
{
    const uint8_t *tag = bytes_get(from, 4);
    uint16_t version = bytes_get_u16(from);
    uint32_t length = bytes_get_u32(from);
    const uint8_t *data = bytes_get(from, length);
    if (from->has_failed || memcmp(tag, section->tag, 4) != 0 || version != section->version)
        return false;
    struct bytes_reader body;
    bytes_reader_init(&body, data, length);
    return section->load(machine, &body) && bytes_is_done(&body);
}

enum status machine_load(struct guest *guest, struct bytes_reader *from)
{
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (!load_section(machine_of(guest), &sections[i], from))
            return STATUS_BAD_STATE;
    return STATUS_OK;
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
