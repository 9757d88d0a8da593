#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "machine/board.h"
#include "machine/elf.h"
#include "machine/memory_cache.h"

#define SP 2

static const struct guest_ops machine_ops;

static struct machine *open_machine(const struct machine_config *config)
{
    MUST(config->memory_bytes > 0 && config->memory_bytes <= MACHINE_MEMORY_MAX);
    MUST(config->memory_bytes % PAGE_BYTES == 0);
    MUST(config->cpu_rate > 0 && config->hart_count >= 1 && config->hart_count <= HART_MAX);
    MUST(config->argument_bytes <= MACHINE_ARGS_MAX);
    struct machine *machine = calloc(1, sizeof *machine);
    MUST(machine != NULL);
    struct guest *guest = &machine->guest;
    guest->ops = &machine_ops;
    guest->total_pages = config->memory_bytes / PAGE_BYTES;
    bitmap_init(&guest->present, guest->total_pages);
    bitmap_init(&guest->dirty, guest->total_pages);
    bitmap_init(&guest->free, guest->total_pages);
    memory_init(&machine->memory, guest, config->memory_bytes);
    if (config->has_cache)
        memory_add_cache(&machine->memory);

    machine->hart_count = config->hart_count;
    for (uint32_t i = 0; i < HART_MAX; i++) {
        machine->harts[i].hart_idx = i;
        machine->harts[i].status = HART_STOPPED;
        machine->harts[i].timer_ns = UINT64_MAX;
        machine->awaited_idx[i] = NO_PAGE;
        machine->shares[i].permille = GUEST_SHARE_WHOLE;
    }
    machine->clock.ticks_per_s = config->cpu_rate * config->hart_count;
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
    bitmap_fini(&guest->free);
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
    hart_start(&machine->harts[0], entry, 0, 0); /* the others are started by it: SBI's HSM */
    machine->harts[0].x[SP] = RAM_BASE + machine->memory.ram_bytes;
    *guest = &machine->guest;
    return STATUS_OK;
}

struct guest *machine_open_empty(const struct machine_config *config)
{
    return &open_machine(config)->guest;
}

void machine_name_host(struct guest *guest, const char *name)
{
    struct machine *machine = machine_of(guest);
    snprintf(machine->host_name, sizeof machine->host_name, "%s", name);
}

void machine_use_huge_pages(struct guest *guest)
{
    memory_use_huge_pages(&machine_of(guest)->memory);
}

struct mailbox *machine_mailbox(struct guest *guest)
{
    return &machine_of(guest)->mailbox;
}

struct disk *machine_disk(struct guest *guest)
{
    return &machine_of(guest)->disk;
}

struct bytes *machine_console(struct guest *guest)
{
    return &machine_of(guest)->console;
}

uint64_t machine_console_total(const struct guest *guest)
{
    return machine_of_const(guest)->console_total_bytes;
}

void machine_describe_cause(const struct guest *guest, char *text, size_t text_bytes)
{
    const struct machine *machine = machine_of_const(guest);
    enum fault fault = (enum fault)machine->exit_status;
    bool is_about_bits = fault == FAULT_ILLEGAL;
    if (!machine->is_fault)
        snprintf(text, text_bytes, "%s", "");
    else if (!fault_has_value(fault))
        snprintf(text, text_bytes, "%s", fault_name(fault));
    else
        snprintf(text, text_bytes, "%s: %s 0x%0*llx", fault_name(fault),
                 is_about_bits ? "its bits are" : "address", is_about_bits ? 8 : 16,
                 (unsigned long long)machine->fault_value);
}

void machine_describe_fault(const struct guest *guest, char *text, size_t text_bytes)
{
    const struct machine *machine = machine_of_const(guest);
    machine_describe_cause(guest, text, text_bytes);
    size_t count = strlen(text);
    if (machine->is_fault)
        snprintf(text + count, text_bytes - count, ", at 0x%08llx",
                 (unsigned long long)machine->harts[machine->fault_hart_idx].pc);
}

/* ---- Running ---- */

static bool is_asleep(const struct hart *hart)
{
    return hart->status == HART_WAITING || hart->status == HART_SUSPENDED;
}

/* Mail comes between runs, and is fetched by hypercalls: nothing else
 * changes what is seen here. */
static void look_for_mail(struct machine *machine)
{
    bool has_mail = mailbox_wants_attention(&machine->mailbox);
    for (uint32_t i = 0; i < machine->hart_count; i++)
        machine->harts[i].has_mail = has_mail;
}

/* A hart that waits goes on when an interrupt is pending, enabled or not. */
static void wake_harts(struct machine *machine)
{
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        struct hart *hart = &machine->harts[i];
        if (is_asleep(hart) && hart_pending(hart, machine_now_ns(machine)) != 0)
            hart->status = HART_STARTED;
    }
}

/* Does the hart have a page to wait for, still? */
static bool is_waiting_for_page(struct machine *machine, uint32_t hart_idx)
{
    uint64_t page_idx = machine->awaited_idx[hart_idx];
    if (page_idx == NO_PAGE || !bitmap_has(&machine->guest.present, page_idx))
        return page_idx != NO_PAGE;
    machine->awaited_idx[hart_idx] = NO_PAGE;
    return false;
}

/* Sets of harts, as bits. */
struct readiness {
    uint32_t ready;  /* could run now, */
    uint32_t stuck;  /* could if a page were there, */
    uint32_t barred; /* or a barrier acknowledged, */
    uint32_t asleep; /* will when woken */
};

static struct readiness readiness(struct machine *machine)
{
    struct readiness sets = {0, 0, 0, 0};
    for (uint32_t i = 0; i < machine->hart_count; i++) {
        const struct hart *hart = &machine->harts[i];
        uint32_t bit = 1u << i;
        if (is_asleep(hart))
            sets.asleep |= bit;
        else if (hart->status == HART_STARTED && is_waiting_for_page(machine, i))
            sets.stuck |= bit;
        else if (hart->status == HART_STARTED && (machine->barred & bit) != 0)
            sets.barred |= bit;
        else if (hart->status == HART_STARTED)
            sets.ready |= bit;
    }
    return sets;
}

static bool is_stuck(const struct readiness *sets)
{
    return sets->ready == 0 && sets->asleep == 0 && sets->barred == 0 && sets->stuck != 0;
}

/* When the first of the sleeping harts is woken by its timer. */
static uint64_t next_timer_ns(const struct machine *machine)
{
    uint64_t earliest_ns = UINT64_MAX;
    for (uint32_t i = 0; i < machine->hart_count; i++)
        if (is_asleep(&machine->harts[i]) && machine->harts[i].timer_ns < earliest_ns)
            earliest_ns = machine->harts[i].timer_ns;
    return earliest_ns;
}

/* A turn begins: does its hart take it, or has it no share of it? */
static void begin_turn(struct machine *machine)
{
    struct hart_share *share = &machine->shares[machine->turn_hart_idx];
    share->saved += share->permille;
    machine->is_turn_held_back = share->saved < GUEST_SHARE_WHOLE;
    if (!machine->is_turn_held_back)
        share->saved -= GUEST_SHARE_WHOLE;
}

/* Ticks have passed in the current hart's turn; when it is over the next hart has its. */
static void pass(struct machine *machine, uint64_t ticks)
{
    uint64_t position = machine->turn_position + ticks;
    uint64_t turns = position / HART_TURN;
    machine->clock.ticks += ticks;
    machine->turn_position = (uint32_t)(position % HART_TURN);
    machine->turn_hart_idx = (uint32_t)((machine->turn_hart_idx + turns) % machine->hart_count);
    if (turns > 0 && machine->hart_count > 1)
        begin_turn(machine);
}

/* The rest of the current hart's turn; a hart that is alone has no others to make way for. */
static uint64_t rest_of_turn(const struct machine *machine)
{
    return machine->hart_count == 1 ? UINT64_MAX - HART_TURN : HART_TURN - machine->turn_position;
}

static void end_by_fault(struct machine *machine, uint32_t hart_idx,
                         const struct hart_result *result)
{
    machine->has_ended = true;
    machine->is_fault = true;
    machine->exit_status = result->fault;
    machine->fault_value = result->fault_value;
    machine->fault_hart_idx = hart_idx;
}

static void miss(struct machine *machine, struct guest_run *run)
{
    machine->awaited_idx[run->hart_idx] = run->page_idx;
    struct readiness sets = readiness(machine);
    run->is_stuck = is_stuck(&sets);
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
        hart->status = HART_WAITING;
        return false;
    case HART_ECALL:
        answer = hypercall_answer(machine, hart, &trouble);
        look_for_mail(machine);
        break;
    case HART_FLUSHED:
        run->stop = GUEST_FLUSHED;
        run->page_idx = result->page_idx;
        run->page_count = 1;
        return true;
    case HART_HELD:
        run->stop = GUEST_HELD;
        return true;
    case HART_MISSING:
        trouble.result = MEMORY_MISSING;
        break;
    case HART_DIRTIED:
        trouble.result = MEMORY_DIRTIED;
        break;
    case HART_FAULT:
        end_by_fault(machine, run->hart_idx, result);
        return false;
    }
    if (trouble.result != MEMORY_OK) {
        run->stop = trouble.result == MEMORY_MISSING ? GUEST_MISSING : GUEST_DIRTIED;
        run->page_idx = trouble.page_idx;
        run->pc = hart->pc;
        if (trouble.result == MEMORY_MISSING)
            miss(machine, run);
        return true;
    }
    hart_finish_ecall(hart, answer != HYPERCALL_LEFT);
    pass(machine, 1);
    run->stop = answer == HYPERCALL_FLUSHED ? GUEST_FLUSHED : GUEST_OUTPUT;
    run->page_idx = machine->flushed.first_idx;
    run->page_count = machine->flushed.count;
    return answer == HYPERCALL_OUTPUT || answer == HYPERCALL_FLUSHED;
}

/* How long the current hart can let time pass without missing its timer. */
static uint64_t ticks_to_wake(const struct machine *machine)
{
    const struct hart *hart = &machine->harts[machine->turn_hart_idx];
    if (!is_asleep(hart) || hart->timer_ns == UINT64_MAX)
        return UINT64_MAX;
    return hart_clock_ticks_to(&machine->clock, hart->timer_ns);
}

/* Lets the hart whose turn it is run, or its turn pass. True when the world has to know. */
static bool run_turn(struct machine *machine, uint64_t budget, bool is_ready, struct guest_run *run)
{
    struct hart_result result = {.stop = HART_BUDGET};
    uint64_t passed = smaller(budget, rest_of_turn(machine));

    if (is_ready) {
        memory_turn(&machine->memory, run->hart_idx);
        passed = hart_run(&machine->harts[run->hart_idx], &machine->memory, &machine->clock, passed,
                          &result);
    } else {
        passed = smaller(passed, ticks_to_wake(machine));
    }
    pass(machine, passed);
    return stops(machine, &result, run);
}

/* Is there a reason not to run at all? `run` says which. */
static bool stands_still(struct machine *machine, const struct readiness *sets,
                         struct guest_run *run)
{
    if (machine->has_ended) {
        run->stop = GUEST_ENDED;
        run->status = machine->exit_status;
        run->is_fault = machine->is_fault;
        return true;
    }
    if (machine->clock.ticks >= machine->stop_tick) {
        run->stop = GUEST_HELD;
        return true;
    }
    if (is_stuck(sets)) {
        run->stop = GUEST_MISSING;
        run->is_stuck = true;
        run->hart_idx = (uint32_t)__builtin_ctz(sets->stuck);
        run->page_idx = machine->awaited_idx[run->hart_idx];
        return true;
    }
    if (sets->ready == 0 && sets->asleep == 0 && sets->barred != 0) {
        run->stop = GUEST_BARRED;
        return true;
    }
    if (sets->ready == 0) {
        run->stop = GUEST_IDLE;
        run->wake_ns = next_timer_ns(machine);
        return true;
    }
    return false;
}

static void machine_run(struct guest *guest, uint64_t until_ns, struct guest_run *run)
{
    struct machine *machine = machine_of(guest);
    const uint64_t now_tick = machine->clock.ticks;
    const uint64_t end_tick = now_tick + smaller(hart_clock_ticks_until(&machine->clock, until_ns),
                                                 UINT64_MAX - now_tick);

    look_for_mail(machine);
    for (;;) {
        wake_harts(machine);
        struct readiness sets = readiness(machine);
        *run = (struct guest_run){.hart_idx = machine->turn_hart_idx, .wake_ns = UINT64_MAX};
        if (stands_still(machine, &sets, run))
            return;
        if (machine->clock.ticks == end_tick) {
            run->stop = GUEST_TIME_REACHED;
            return;
        }
        if (run_turn(machine, smaller(end_tick, machine->stop_tick) - machine->clock.ticks,
                     (sets.ready >> run->hart_idx & 1) != 0 && !machine->is_turn_held_back, run))
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
    MUST(readiness(machine).ready == 0 && until_ns <= next_timer_ns(machine));
    if (until_ns > now_ns)
        machine->clock.idle_ns += until_ns - now_ns;
}

/* A timer that falls into it is pending afterwards: late, as on any machine that was busy. */
static void machine_pass_until(struct guest *guest, uint64_t until_ns)
{
    struct machine *machine = machine_of(guest);
    uint64_t now_ns = machine_now_ns(machine);
    if (until_ns > now_ns)
        machine->clock.idle_ns += until_ns - now_ns;
}

static void machine_set_share(struct guest *guest, uint32_t hart_idx, uint32_t permille)
{
    struct machine *machine = machine_of(guest);
    MUST(hart_idx < HART_MAX && permille >= 1 && permille <= GUEST_SHARE_WHOLE);
    machine->shares[hart_idx].permille = permille; /* what it has saved up stays its own */
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
    memory_read(memory, RAM_BASE + first_idx * PAGE_BYTES, count * PAGE_BYTES, payloads);
}

/* What a cache holds of a page is not what memory holds. */
static const uint8_t *machine_lend_pages(const struct guest *guest, uint64_t first_idx,
                                         uint64_t count)
{
    const struct memory *memory = &machine_of_const(guest)->memory;
    MUST(bitmap_run(&guest->present, first_idx, count) == count);
    return memory->cache == NULL ? memory->ram + first_idx * PAGE_BYTES : NULL;
}

static void machine_install_pages(struct guest *guest, uint64_t first_idx, uint64_t count,
                                  const uint8_t *payloads)
{
    MUST(first_idx <= guest->total_pages && count <= guest->total_pages - first_idx);
    for (uint64_t i = 0; i < count; i++)
        memory_install(&machine_of(guest)->memory, first_idx + i, payloads + i * PAGE_BYTES);
}

static uint8_t *machine_place_pages(struct guest *guest, uint64_t first_idx, uint64_t count)
{
    return memory_place(&machine_of(guest)->memory, first_idx, count);
}

static void machine_read_contents(const struct guest *guest, uint64_t page_idx,
                                  uint8_t page[PAGE_BYTES])
{
    const struct memory *memory = &machine_of_const(guest)->memory;
    MUST(bitmap_has(&guest->present, page_idx));
    memcpy(page, memory->ram + page_idx * PAGE_BYTES, PAGE_BYTES);
}

void machine_dma_read(const struct guest *guest, uint64_t address, uint64_t count, uint8_t *bytes)
{
    const struct memory *memory = &machine_of_const(guest)->memory;
    MUST(memory_check_load(memory, address, count).result == MEMORY_OK);
    memory_read(memory, address, count, bytes);
}

void machine_dma_write(struct guest *guest, uint64_t address, uint64_t count, const uint8_t *bytes)
{
    struct memory *memory = &machine_of(guest)->memory;
    MUST(memory_check_load(memory, address, count).result == MEMORY_OK);
    memory_write(memory, address, count, bytes);
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

/* ---- The consistent cut ---- */

static struct guest_written machine_write_back(struct guest *guest)
{
    return memory_write_back(&machine_of(guest)->memory);
}

static bool machine_is_quiet(const struct guest *guest)
{
    return disk_first(&machine_of_const(guest)->disk) == NULL;
}

/* Without a cache a flush says nothing that the world could wait for. */
static void machine_tell_flushes(struct guest *guest, bool is_on)
{
    struct memory *memory = &machine_of(guest)->memory;
    memory->tells_flushes = is_on && memory->cache != NULL;
}

static void machine_bar(struct guest *guest, uint32_t hart_idx, bool is_barred)
{
    struct machine *machine = machine_of(guest);
    MUST(hart_idx < HART_MAX);
    machine->barred &= ~(1u << hart_idx);
    machine->barred |= (uint32_t)is_barred << hart_idx;
}

static const struct guest_ops machine_ops = {
    .kind = "machine",
    .payload_bytes = PAGE_BYTES,
    .is_charged_in_full = false,
    .run = machine_run,
    .now_ns = machine_time_ns,
    .idle_until = machine_idle_until,
    .pass_until = machine_pass_until,
    .set_share = machine_set_share,
    .read_pages = machine_read_pages,
    .lend_pages = machine_lend_pages,
    .install_pages = machine_install_pages,
    .place_pages = machine_place_pages,
    .drop_page = machine_drop_page,
    .read_contents = machine_read_contents,
    .track = machine_track,
    .fetch_dirty = machine_fetch_dirty,
    .write_back = machine_write_back,
    .is_quiet = machine_is_quiet,
    .tell_flushes = machine_tell_flushes,
    .bar = machine_bar,
    .save = machine_save,
    .load = machine_load,
    .digest = machine_digest,
    .instructions = machine_instructions,
    .close = machine_close,
};
