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
#include "machine/csr.h"

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

/* A hart's registers beside x, in their order in the section. */
#define HART_NUMBERS(N)                                                                           \
    N(pc)                                                                                         \
    N(retired_instructions) N(cycles) N(timer_ns) N(sstatus) N(sie) N(sip) N(stvec) N(scounteren) \
        N(senvcfg) N(sscratch) N(sepc) N(scause) N(stval) N(satp)

static void save_harts(const struct machine *machine, struct bytes *to)
{
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        const struct hart *hart = &machine->harts[i];
        const struct memory_reservation *held = &machine->memory.reservations[i];
        for (unsigned r = 1; r < HART_REGISTERS; r++)
            bytes_put_u64(to, hart->x[r]);
#define SAVE_NUMBER(field) bytes_put_u64(to, hart->field);
        HART_NUMBERS(SAVE_NUMBER)
#undef SAVE_NUMBER
        bytes_put_u8(to, (uint8_t)hart->status);
        bytes_put_u8(to, hart->is_user);
        bytes_put_u32(to, held->byte_count);
        bytes_put_u64(to, held->byte_count > 0 ? held->address : 0);
    }
}

/* What no instruction could have made of the registers is refused. */
static bool is_possible(const struct hart *hart, const struct memory_reservation *held)
{
    bool is_legal = true;
#define CSR(number, name, mask) is_legal &= (hart->name & ~(uint64_t)(mask)) == 0;
#define COUNTER(number, name, bit, value)
#include "machine/csr.def"
#undef CSR
#undef COUNTER
    bool is_reservation = held->byte_count == 0 || held->byte_count == 4 || held->byte_count == 8;
    bool is_status = hart->status == HART_STARTED || hart->status == HART_STOPPED ||
                     hart->status == HART_SUSPENDED || hart->status == HART_WAITING;
    return is_legal && is_reservation && is_status && hart->pc % 2 == 0 && (hart->stvec & 3) <= 1 &&
           SENVCFG_CBIE(hart->senvcfg) != 2;
}

static bool load_harts(struct machine *machine, struct bytes_reader *from)
{
    bool are_possible = true;
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        struct hart *hart = &machine->harts[i];
        struct memory_reservation *held = &machine->memory.reservations[i];
        for (unsigned r = 1; r < HART_REGISTERS; r++)
            hart->x[r] = bytes_get_u64(from);
#define LOAD_NUMBER(field) hart->field = bytes_get_u64(from);
        HART_NUMBERS(LOAD_NUMBER)
#undef LOAD_NUMBER
        hart->status = bytes_get_u8(from);
        uint8_t is_user = bytes_get_u8(from);
        hart->is_user = is_user != 0;
        held->byte_count = bytes_get_u32(from);
        held->address = bytes_get_u64(from);
        are_possible &= is_user <= 1 && is_possible(hart, held);
    }
    return are_possible;
}

static void save_clock(const struct machine *machine, struct bytes *to)
{
    bytes_put_u32(to, machine->turn_hart_idx);
    bytes_put_u32(to, machine->turn_position);
    bytes_put_u64(to, machine->clock.ticks);
    bytes_put_u64(to, machine->clock.idle_ns);
}

/* Times beyond what a guest can live (292 years) would overflow where they are added up. */
static bool load_clock(struct machine *machine, struct bytes_reader *from)
{
    machine->turn_hart_idx = bytes_get_u32(from);
    machine->turn_position = bytes_get_u32(from);
    machine->clock.ticks = bytes_get_u64(from);
    machine->clock.idle_ns = bytes_get_u64(from);
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
    bytes_put_u32(to, machine->fault_hart_idx);
}

static bool load_end(struct machine *machine, struct bytes_reader *from)
{
    uint8_t has_ended = bytes_get_u8(from);
    uint8_t is_fault = bytes_get_u8(from);
    machine->has_ended = has_ended;
    machine->is_fault = is_fault;
    machine->exit_status = bytes_get_u64(from);
    machine->fault_value = bytes_get_u64(from);
    machine->fault_hart_idx = bytes_get_u32(from);
    return has_ended <= 1 && is_fault <= has_ended && machine->fault_hart_idx < machine->hart_count;
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
    {"SHAP", 1, save_shape, load_shape},         {"HART", 2, save_harts, load_harts},
    {"CLCK", 2, save_clock, load_clock},         {"EXIT", 2, save_end, load_end},
    {"ARGS", 1, save_arguments, load_arguments}, {"CONS", 1, save_console, load_console},
    {"MAIL", 1, save_mailbox, load_mailbox},     {"END ", 1, save_nothing, load_nothing},
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
