#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "machine/board.h"
#include "machine/elf.h"

#define A0 10 /* holds the hart's number at boot */

static const struct guest_ops machine_ops;

static struct machine *open_machine(const struct machine_config *config)
{
    MUST(config->memory_bytes > 0 && config->memory_bytes <= MACHINE_MEMORY_MAX);
    MUST(config->memory_bytes % PAGE_BYTES == 0);
    MUST(config->cpu_rate > 0 && config->hart_count == 1);
    MUST(config->argument_bytes <= MACHINE_ARGS_MAX);
    struct machine *machine = calloc(1, sizeof *machine);
    MUST(machine != NULL);
    struct guest *guest = &machine->guest;
    guest->ops = &machine_ops;
    guest->total_pages = config->memory_bytes / PAGE_BYTES;
    bitmap_init(&guest->present, guest->total_pages);
    bitmap_init(&guest->dirty, guest->total_pages);
    memory_init(&machine->memory, guest, config->memory_bytes);

    machine->hart_count = config->hart_count;
    for (uint32_t i = 0; i < machine->hart_count; i++)
        machine->harts[i].x[A0] = i;
    machine->clock.ticks_per_s = config->cpu_rate * config->hart_count;
    machine->timer_ns = UINT64_MAX;
    machine->stop_tick = UINT64_MAX;
    if (config->argument_bytes > 0)
        memcpy(machine->arguments, config->arguments, config->argument_bytes);
    machine->argument_bytes = config->argument_bytes;
    mailbox_init(&machine->mailbox);
    return machine;
}

static void machine_close(struct guest *guest)
{
    struct machine *machine = machine_of(guest);
    bytes_fini(&machine->console);
    memory_fini(&machine->memory);
    bitmap_fini(&guest->present);
    bitmap_fini(&guest->dirty);
    free(machine);
}

enum status machine_open(const struct machine_config *config, const char *name,
                         const uint8_t *image, size_t image_bytes, struct guest **guest,
                         struct problem *problem)
{
    struct machine *machine = open_machine(config);
    uint64_t entry = 0;
    enum status status = elf_load(name, image, image_bytes, machine->memory.ram,
                                  machine->memory.ram_bytes, &entry, problem);
    if (status != STATUS_OK) {
        machine_close(&machine->guest);
        return status;
    }
    bitmap_set_all(&machine->guest.present);
    for (uint32_t i = 0; i < machine->hart_count; i++)
        machine->harts[i].pc = entry;
    *guest = &machine->guest;
    return STATUS_OK;
}

struct guest *machine_open_empty(const struct machine_config *config)
{
    return &open_machine(config)->guest;
}

struct mailbox *machine_mailbox(struct guest *guest)
{
    return &machine_of(guest)->mailbox;
}

struct bytes *machine_console(struct guest *guest)
{
    return &machine_of(guest)->console;
}

uint64_t machine_console_total(const struct guest *guest)
{
    return machine_of_const(guest)->console_total_bytes;
}

void machine_describe_fault(const struct guest *guest, char *text, size_t text_bytes)
{
    const struct machine *machine = machine_of_const(guest);
    if (!machine->is_fault)
        snprintf(text, text_bytes, "%s", "");
    else
        snprintf(text, text_bytes, "%s 0x%08llx at 0x%08llx",
                 fault_name((enum fault)machine->exit_status),
                 (unsigned long long)machine->fault_value, (unsigned long long)machine->fault_pc);
}

/* ---- Running ---- */

/* How many more instructions finish at or before until_ns. The n-th finishes at
 * idle_ns + floor(n * 1e9 / rate), so the last is the largest n with n * 1e9 < (d + 1) * rate,
 * d being the nanoseconds that are not idle. */
static uint64_t instruction_budget(const struct hart_clock *clock, uint64_t until_ns)
{
    if (until_ns < clock->idle_ns)
        return 0;
    unsigned __int128 span_ns = (unsigned __int128)(until_ns - clock->idle_ns) + 1;
    unsigned __int128 last = (span_ns * clock->ticks_per_s - 1) / NS_PER_S;
    if (last <= clock->ticks)
        return 0;
    last -= clock->ticks;
    return last > UINT64_MAX ? UINT64_MAX : (uint64_t)last;
}

/* A hart that waits goes on when the timer is due or a mailbox has something. */
static void wake_harts(struct machine *machine)
{
    for (uint32_t i = 0; i < machine->hart_count; i++)
        if (machine->harts[i].is_waiting && (machine_now_ns(machine) >= machine->timer_ns ||
                                             mailbox_wants_attention(&machine->mailbox)))
            machine->harts[i].is_waiting = false;
}

static bool is_idle(const struct machine *machine)
{
    for (uint32_t i = 0; i < machine->hart_count; i++)
        if (!machine->harts[i].is_waiting)
            return false;
    return true;
}

/* Instructions have passed in the current hart's turn; when it is over the next hart has its. */
static void pass(struct machine *machine, uint64_t instructions)
{
    machine->clock.ticks += instructions;
    machine->turn_position += (uint32_t)instructions;
    if (machine->turn_position == HART_TURN) {
        machine->turn_position = 0;
        machine->turn_hart_idx = (machine->turn_hart_idx + 1) % machine->hart_count;
    }
}

/* Deals with why a hart came back; true when the world has to know. */
static bool stops(struct machine *machine, const struct hart_result *result, struct guest_run *run)
{
    struct hart *hart = &machine->harts[run->hart_idx];
    struct memory_trouble trouble = {MEMORY_OK, result->page_idx};
    enum hypercall_result answer = HYPERCALL_DONE;
    switch (result->stop) {
    case HART_BUDGET:
        return false;
    case HART_WAIT:
        hart->is_waiting = true;
        return false;
    case HART_ECALL:
        answer = hypercall_answer(machine, hart, &trouble);
        break;
    case HART_MISSING:
        trouble.result = MEMORY_MISSING;
        break;
    case HART_DIRTIED:
        trouble.result = MEMORY_DIRTIED;
        break;
    case HART_FAULT:
        machine->has_ended = true;
        machine->is_fault = true;
        machine->exit_status = result->fault;
        machine->fault_value = result->fault_value;
        machine->fault_pc = hart->pc;
        return false;
    }
    if (trouble.result != MEMORY_OK) {
        run->stop = trouble.result == MEMORY_MISSING ? GUEST_MISSING : GUEST_DIRTIED;
        run->page_idx = trouble.page_idx;
        return true;
    }
    hart_finish_ecall(hart);
    pass(machine, 1);
    run->stop = GUEST_OUTPUT;
    return answer == HYPERCALL_OUTPUT;
}

static void machine_run(struct guest *guest, uint64_t until_ns, struct guest_run *run)
{
    struct machine *machine = machine_of(guest);
    struct hart_result result;
    for (;;) {
        wake_harts(machine);
        *run = (struct guest_run){.hart_idx = machine->turn_hart_idx, .wake_ns = UINT64_MAX};
        if (machine->has_ended) {
            run->stop = GUEST_ENDED;
            run->status = machine->exit_status;
            run->is_fault = machine->is_fault;
            return;
        }
        if (machine->clock.ticks >= machine->stop_tick) {
            run->stop = GUEST_HELD;
            return;
        }
        if (is_idle(machine)) {
            run->stop = GUEST_IDLE;
            run->wake_ns = machine->timer_ns;
            return;
        }
        uint64_t budget = instruction_budget(&machine->clock, until_ns);
        if (budget == 0) {
            run->stop = GUEST_TIME_REACHED;
            return;
        }
        if (budget > machine->stop_tick - machine->clock.ticks)
            budget = machine->stop_tick - machine->clock.ticks;
        uint64_t turn = HART_TURN - machine->turn_position;
        uint64_t passed = budget < turn ? budget : turn;
        struct hart *hart = &machine->harts[run->hart_idx];
        result.stop = HART_BUDGET; /* a hart that waits lets its turn pass */
        if (!hart->is_waiting)
            passed = hart_run(hart, &machine->memory, &machine->clock, passed, &result);
        pass(machine, passed);
        if (stops(machine, &result, run))
            return;
    }
}

static uint64_t machine_time_ns(const struct guest *guest)
{
    return machine_now_ns(machine_of_const(guest));
}

static void machine_idle_until(struct guest *guest, uint64_t until_ns)
{
    struct machine *machine = machine_of(guest);
    uint64_t now_ns = machine_now_ns(machine);
    MUST(is_idle(machine) && until_ns <= machine->timer_ns);
    if (until_ns > now_ns)
        machine->clock.idle_ns += until_ns - now_ns;
}

static uint64_t machine_instructions(const struct guest *guest)
{
    const struct machine *machine = machine_of_const(guest);
    uint64_t total = 0;
    for (uint32_t i = 0; i < machine->hart_count; i++)
        total += machine->harts[i].retired_instructions;
    return total;
}

/* ---- Pages ---- */

static void machine_read_pages(const struct guest *guest, uint64_t first_idx, uint64_t count,
                               uint8_t *payloads)
{
    const struct memory *memory = &machine_of_const(guest)->memory;
    MUST(bitmap_run(&guest->present, first_idx, count) == count);
    memcpy(payloads, memory->ram + first_idx * PAGE_BYTES, count * PAGE_BYTES);
}

static void machine_install_pages(struct guest *guest, uint64_t first_idx, uint64_t count,
                                  const uint8_t *payloads)
{
    MUST(first_idx <= guest->total_pages && count <= guest->total_pages - first_idx);
    for (uint64_t i = 0; i < count; i++)
        memory_install(&machine_of(guest)->memory, first_idx + i, payloads + i * PAGE_BYTES);
}

static void machine_drop_page(struct guest *guest, uint64_t page_idx)
{
    MUST(page_idx < guest->total_pages);
    memory_drop(&machine_of(guest)->memory, page_idx);
}

static void machine_track(struct guest *guest, bool is_on)
{
    guest->is_tracking = is_on;
    if (is_on) {
        bitmap_clear_all(&guest->dirty);
        memory_protect_all(&machine_of(guest)->memory);
    }
}

static uint64_t machine_fetch_dirty(struct guest *guest, uint64_t first_idx, uint64_t count,
                                    struct bitmap *into)
{
    uint64_t fetched = 0;
    uint64_t page_idx = bitmap_next(&guest->dirty, first_idx);
    for (; page_idx != BITMAP_NONE && page_idx - first_idx < count; fetched++) {
        bitmap_clear(&guest->dirty, page_idx);
        if (into != NULL)
            bitmap_set(into, page_idx);
        page_idx = bitmap_next(&guest->dirty, page_idx + 1);
    }
    if (fetched > 0)
        memory_protect_all(&machine_of(guest)->memory);
    return fetched;
}

static const struct guest_ops machine_ops = {
    .kind = "machine",
    .payload_bytes = PAGE_BYTES,
    .is_charged_in_full = false,
    .run = machine_run,
    .now_ns = machine_time_ns,
    .idle_until = machine_idle_until,
    .read_pages = machine_read_pages,
    .install_pages = machine_install_pages,
    .drop_page = machine_drop_page,
    .track = machine_track,
    .fetch_dirty = machine_fetch_dirty,
    .save = machine_save,
    .load = machine_load,
    .digest = machine_digest,
    .instructions = machine_instructions,
    .close = machine_close,
};
