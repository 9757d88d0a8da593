/* A machine's state on its way: everything but the pages, in sections that describe themselves
 * (sections.h). A guest with half its state is worse than none: what does not fit is refused whole.
 */
#include <stdlib.h>

#include "base/units.h"
#include "machine/board.h"
#include "machine/csr.h"
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

/* A hart's registers beside x, in their order in the section. */
/* clang-format off */
#define HART_NUMBERS(N)                                                             \
    N(pc) N(retired_instructions) N(cycles) N(timer_ns)                             \
    N(sstatus) N(sie) N(sip) N(stvec) N(scounteren) N(senvcfg)                      \
    N(sscratch) N(sepc) N(scause) N(stval) N(satp)
/* clang-format on */

static void save_harts(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
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
    bool is_reservation =
        held->byte_count == 0 ||
        ((held->byte_count == 4 || held->byte_count == 8) && held->address % held->byte_count == 0);
    bool is_time = hart->timer_ns <= INT64_MAX || hart->timer_ns == UINT64_MAX;
    bool is_status = hart->status == HART_STARTED || hart->status == HART_STOPPED ||
                     hart->status == HART_SUSPENDED || hart->status == HART_WAITING;
    return is_legal && is_reservation && is_time && is_status && hart->pc % 2 == 0 &&
           (hart->stvec & 3) <= 1 && SENVCFG_CBIE(hart->senvcfg) != 2;
}

static bool load_hart(struct hart *hart, struct memory_reservation *held, struct bytes_reader *from)
{
#define LOAD_NUMBER(field) hart->field = bytes_get_u64(from);
    HART_NUMBERS(LOAD_NUMBER)
#undef LOAD_NUMBER
    hart->status = bytes_get_u8(from);
    uint8_t is_user = bytes_get_u8(from);
    hart->is_user = is_user != 0;
    held->byte_count = bytes_get_u32(from);
    held->address = bytes_get_u64(from);
    return is_user <= 1;
}

/* Version 1: no supervisor registers, no other harts; the timer stood in the clock's section. */
static bool load_first_hart(struct hart *hart, struct memory_reservation *held,
                            struct bytes_reader *from)
{
    struct hart plain = {.hart_idx = hart->hart_idx, .timer_ns = UINT64_MAX};
    memcpy(plain.x, hart->x, sizeof plain.x);
    plain.pc = bytes_get_u64(from);
    plain.retired_instructions = plain.cycles = bytes_get_u64(from);
    uint8_t is_waiting = bytes_get_u8(from);
    uint8_t has_reservation = bytes_get_u8(from);
    plain.status = is_waiting ? HART_WAITING : HART_STARTED;
    held->address = bytes_get_u64(from);
    uint64_t byte_count = bytes_get_u64(from);
    held->byte_count = has_reservation ? (uint32_t)byte_count : 0;
    *hart = plain;
    return is_waiting <= 1 && has_reservation <= 1 && byte_count <= 8;
}

static const char *load_harts(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    bool are_possible = true;
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        struct hart *hart = &machine->harts[i];
        struct memory_reservation *held = &machine->memory.reservations[i];
        for (unsigned r = 1; r < HART_REGISTERS; r++)
            hart->x[r] = bytes_get_u64(from);
        are_possible &=
            version == 1 ? load_first_hart(hart, held, from) : load_hart(hart, held, from);
        are_possible &= is_possible(hart, held);
    }
    return are_possible ? NULL : "a hart is as none can be";
}

static void save_clock(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    bytes_put_u32(to, machine->turn_hart_idx);
    bytes_put_u32(to, machine->turn_position);
    bytes_put_u64(to, machine->clock.ticks);
    bytes_put_u64(to, machine->clock.idle_ns);
}

/* Times beyond what a guest can live (292 years) would overflow where they are added up. */
static const char *load_clock(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    machine->turn_hart_idx = bytes_get_u32(from);
    machine->turn_position = bytes_get_u32(from);
    machine->clock.ticks = bytes_get_u64(from);
    machine->clock.idle_ns = bytes_get_u64(from);
    if (version == 1)
        machine->harts[0].timer_ns = bytes_get_u64(from);
    unsigned __int128 lived_ns = machine->clock.idle_ns + (unsigned __int128)machine->clock.ticks *
                                                              NS_PER_S / machine->clock.ticks_per_s;
    if (machine->turn_hart_idx >= machine->hart_count || machine->turn_position >= HART_TURN)
        return "it is the turn of a hart that there is not";
    return lived_ns <= INT64_MAX ? NULL : "it has lived for longer than a guest can";
}

/* ---- How it ended, its arguments, its console, its mailbox ---- */

static void save_end(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    bytes_put_u8(to, machine->has_ended);
    bytes_put_u8(to, machine->is_fault);
    bytes_put_u64(to, machine->exit_status);
    bytes_put_u64(to, machine->fault_value);
    bytes_put_u32(to, machine->fault_hart_idx);
}

static const char *load_end(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    uint8_t has_ended = bytes_get_u8(from);
    uint8_t is_fault = bytes_get_u8(from);
    machine->has_ended = has_ended;
    machine->is_fault = is_fault;
    machine->exit_status = bytes_get_u64(from);
    machine->fault_value = bytes_get_u64(from);
    if (version == 1)
        bytes_get_u64(from); /* the address, where hart 0 stands */
    machine->fault_hart_idx = version == 1 ? 0 : bytes_get_u32(from);
    if (has_ended > 1 || is_fault > has_ended || machine->fault_hart_idx >= machine->hart_count)
        return "it ended in a way that there is not";
    return NULL;
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

static void save_disk(const void *state, struct bytes *to)
{
    const struct machine *machine = state;
    if (machine->disk.asked > 0)
        disk_save(&machine->disk, to);
}

/* Absent: nothing was ever asked of it, as in states from before there was one. */
static const char *load_disk(void *state, uint16_t version, struct bytes_reader *from)
{
    struct machine *machine = state;
    machine->disk.asked = machine->disk.done = 0;
    if (version == 0)
        return NULL;
    return disk_load(&machine->disk, from) ? NULL : "its disk has requests under way";
}

static const struct section sections[] = {
    {"SHAP", 1, 1, save_shape, load_shape},         {"HART", 1, 2, save_harts, load_harts},
    {"CLCK", 1, 2, save_clock, load_clock},         {"EXIT", 1, 2, save_end, load_end},
    {"ARGS", 1, 1, save_arguments, load_arguments}, {"CONS", 1, 1, save_console, load_console},
    {"MAIL", 1, 1, save_mailbox, load_mailbox},     {"DISK", 0, 1, save_disk, load_disk},
};
#define SECTION_COUNT (sizeof sections / sizeof *sections)

void machine_save(const struct guest *guest, struct bytes *to)
{
    sections_save(sections, SECTION_COUNT, machine_of_const(guest), to);
}

/* What the host knew of the guest's harts is not theirs any more: pages that they were to get, and
 * where their stores need no look, which the reservations decide as well. */
static void forget_host(struct machine *machine)
{
    for (uint32_t i = 0; i < HART_MAX; i++)
        machine->awaited_idx[i] = NO_PAGE;
    machine->barred = 0;
    memory_protect_all(&machine->memory);
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
    if (status == STATUS_OK) {
        memcpy(machine, loaded, sizeof *loaded);
        forget_host(machine);
    }
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
