/* The machine's answers to environment calls; hypercall.h says what a guest may ask.
 *
 * A call that reads or writes guest memory first asks for all of it. Where a page is missing or
 * protected nothing of the call has happened, and the guest makes it again: so the world sees traps
 * by hypercalls exactly as those by loads and stores.
 */
#include "machine/board.h"

#include "base/bytes.h"
#include "machine/memory_cache.h"

#define SBI_VERSION        0x02000000 /* 2.0: major number from bit 24 on */
#define SBI_IMPLEMENTATION 0x66657272 /* none of the registered ones */

#define A0                 10
#define A1                 11
#define A2                 12
#define A6                 16
#define A7                 17

/* A console write takes at most this much; the guest writes the rest with its next call. So a guest
 * that floods its console cannot make one instruction cost more than a few hundred others. */
#define CONSOLE_WRITE_MAX 1024

/* So much is given away with one call. A page costs its zeros once: given again before it is used,
 * it is passed over. */
#define PAGES_GIVE_MAX (4ull << 20)

/* A poll reports every stream at most once, and new connections. */
#define POLL_MAX (MAILBOX_STREAMS + 1)

struct call {
    struct machine *machine;
    struct hart *hart; /* that makes it */
    uint64_t a0, a1, a2;
    int64_t error;  /* into a0 */
    uint64_t value; /* into a1 */
    enum hypercall_result result;
    struct memory_trouble *trouble;
};

/* May the buffer be used now? Otherwise the call has its answer already, or is tried again. */
static bool is_usable(struct call *call, struct memory_trouble trouble, bool is_write,
                      uint64_t address, uint64_t count)
{
    if (trouble.result == MEMORY_OK) {
        call->machine->touched.is_write = is_write;
        call->machine->touched.address = address;
        call->machine->touched.byte_count = count;
        return true;
    }
    if (trouble.result == MEMORY_OUTSIDE) {
        call->error = HYPERCALL_INVALID_ADDRESS;
        return false;
    }
    *call->trouble = trouble;
    call->result = HYPERCALL_TROUBLE;
    return false;
}

static bool may_read(struct call *call, uint64_t address, uint64_t count)
{
    struct memory_trouble trouble = memory_check_load(&call->machine->memory, address, count);
    return is_usable(call, trouble, false, address, count);
}

static bool may_write(struct call *call, uint64_t address, uint64_t count)
{
    struct memory_trouble trouble = memory_check_store(&call->machine->memory, address, count);
    return is_usable(call, trouble, true, address, count);
}

/* Mailbox functions return a count, or an error. */
static void answer(struct call *call, int64_t result)
{
    call->error = result < 0 ? result : 0;
    call->value = result < 0 ? 0 : (uint64_t)result;
}

static void write_to_console(struct call *call, const void *data, uint64_t count)
{
    bytes_put(&call->machine->console, data, count);
    call->machine->console_total_bytes += count;
    call->value = count;
    if (count > 0)
        call->result = HYPERCALL_OUTPUT;
}

static void base_version(struct call *call)
{
    call->value = SBI_VERSION;
}

static void base_implementation(struct call *call)
{
    call->value = SBI_IMPLEMENTATION;
}

/* Vendor, architecture, implementation, and the version of the last: 0 says "not told". */
static void base_zero(struct call *call)
{
    call->value = 0;
}

static void base_probe(struct call *call);

/* A time beyond what a guest can live (292 years) is never: idling until then would bring the clock
 * to where it overflows. */
static void time_set(struct call *call)
{
    call->hart->timer_ns = call->a0 <= INT64_MAX ? call->a0 : UINT64_MAX;
}

/* ---- Harts: SBI's chapters "Inter-Processor Interrupt", "Remote Fence", "Hart State Management"
 * ---- */

/* The harts that a mask names, as bits by their numbers: bit i of `mask` is hart `base` + i; a base
 * of all ones names every hart. False: there is none of that number. */
static bool name_harts(struct call *call, uint64_t mask, uint64_t base, uint32_t *harts)
{
    uint32_t all = (1u << call->machine->hart_count) - 1;
    *harts = all;
    if (base == UINT64_MAX)
        return true;
    bool is_known = base < call->machine->hart_count && (mask & ~(uint64_t)(all >> base)) == 0;
    *harts = is_known ? (uint32_t)(mask << base) : 0;
    if (!is_known && mask != 0)
        call->error = HYPERCALL_INVALID_PARAM;
    return is_known;
}

static void ipi_send(struct call *call)
{
    uint32_t harts;
    if (!name_harts(call, call->a0, call->a1, &harts))
        return;
    for (uint32_t i = 0; i < call->machine->hart_count; i++)
        if (harts >> i & 1)
            call->machine->harts[i].sip |= INTERRUPT_SOFTWARE;
}

/* All harts always see what one has stored, and decoded code follows: nothing is left to be done.
 */
static void fence_remote(struct call *call)
{
    uint32_t harts;
    name_harts(call, call->a0, call->a1, &harts);
}

static struct hart *hart_named(struct call *call)
{
    if (call->a0 < call->machine->hart_count)
        return &call->machine->harts[call->a0];
    call->error = HYPERCALL_INVALID_PARAM;
    return NULL;
}

static bool is_code(struct call *call, uint64_t address)
{
    bool is_in_memory =
        memory_check_load(&call->machine->memory, address, 2).result != MEMORY_OUTSIDE;
    if (!is_in_memory || address % 2 != 0)
        call->error = HYPERCALL_INVALID_ADDRESS;
    return call->error == 0;
}

static void hart_call_start(struct call *call)
{
    struct hart *hart = hart_named(call);
    if (hart == NULL || !is_code(call, call->a1))
        return;
    if (hart->status != HART_STOPPED)
        call->error = HYPERCALL_ALREADY_AVAILABLE;
    else
        hart_start(hart, call->a1, call->a0, call->a2);
}

/* The last one that is not stopped stays: nobody could ever start another. */
static void hart_call_stop(struct call *call)
{
    uint32_t others = 0;
    for (uint32_t i = 0; i < call->machine->hart_count; i++)
        others += &call->machine->harts[i] != call->hart &&
                  call->machine->harts[i].status != HART_STOPPED;
    if (others == 0) {
        call->error = HYPERCALL_FAILED;
        return;
    }
    call->hart->status = HART_STOPPED;
    call->result = HYPERCALL_LEFT;
}

/* A hart that was woken and had no turn since is not suspended any more. */
static void hart_call_status(struct call *call)
{
    const struct hart *hart = hart_named(call);
    if (hart == NULL)
        return;
    bool is_woken = hart_pending(hart, machine_now_ns(call->machine)) != 0;
    if (hart->status == HART_STOPPED || (hart->status == HART_SUSPENDED && !is_woken))
        call->value = hart->status;
    else
        call->value = HART_STARTED;
}

/* Type 0 goes on behind the call, as from wfi; 0x80000000 at an address, as when started. What is
 * pending stays so. The type has 32 bits, however they were extended. */
static void hart_call_suspend(struct call *call)
{
    uint32_t type = (uint32_t)call->a0;
    bool is_retentive = type == SUSPEND_RETENTIVE;
    if (!is_retentive && type != SUSPEND_NON_RETENTIVE) {
        call->error = HYPERCALL_INVALID_PARAM;
        return;
    }
    if (!is_retentive) {
        if (!is_code(call, call->a1))
            return;
        uint64_t timer_ns = call->hart->timer_ns, sip = call->hart->sip;
        hart_start(call->hart, call->a1, call->hart->hart_idx, call->a2);
        call->hart->timer_ns = timer_ns;
        call->hart->sip = sip;
        call->result = HYPERCALL_LEFT;
    }
    call->hart->status = HART_SUSPENDED;
}

static void end_guest(struct call *call, uint64_t status)
{
    call->machine->has_ended = true;
    call->machine->exit_status = status;
    call->result = HYPERCALL_ENDED;
}

/* Shutdown and both reboots, because nothing happened or something failed. */
static void system_reset(struct call *call)
{
    uint32_t type = (uint32_t)call->a0, reason = (uint32_t)call->a1;
    if (type > RESET_TYPE_MAX || reason > RESET_REASON_MAX)
        call->error = HYPERCALL_INVALID_PARAM;
    else
        end_guest(call, reason == 0 ? 0 : 1);
}

static void console_write(struct call *call)
{
    uint64_t count = smaller(call->a0, CONSOLE_WRITE_MAX);
    if (call->a2 != 0)
        call->error = HYPERCALL_INVALID_PARAM;
    else if (may_read(call, call->a1, count))
        write_to_console(call, memory_at(&call->machine->memory, call->a1), count);
    else if (call->error == HYPERCALL_INVALID_ADDRESS)
        call->error = HYPERCALL_INVALID_PARAM; /* as SBI says for the console */
}

static void console_write_byte(struct call *call)
{
    uint8_t byte = (uint8_t)call->a0;
    write_to_console(call, &byte, 1);
    call->value = 0;
}

/* Nobody types: there is never anything to read. */
static void console_read(struct call *call)
{
    call->value = 0;
}

static void arguments_get(struct call *call)
{
    const struct machine *machine = call->machine;
    uint64_t count = smaller(call->a1, machine->argument_bytes);
    if (!may_write(call, call->a0, count))
        return;
    memcpy(memory_at(&machine->memory, call->a0), machine->arguments, count);
    call->value = machine->argument_bytes;
}

static void arguments_memory(struct call *call)
{
    call->value = call->machine->memory.ram_bytes;
}

static void arguments_host(struct call *call)
{
    const struct machine *machine = call->machine;
    uint64_t bytes = strlen(machine->host_name), count = smaller(call->a1, bytes);
    if (!may_write(call, call->a0, count))
        return;
    memcpy(memory_at(&machine->memory, call->a0), machine->host_name, count);
    call->value = bytes;
}

static void mailbox_call_listen(struct call *call)
{
    answer(call, mailbox_listen(&call->machine->mailbox, call->a0));
    if (call->error == 0)
        call->result = HYPERCALL_OUTPUT;
}

static void mailbox_call_accept(struct call *call)
{
    answer(call, mailbox_accept(&call->machine->mailbox));
    if (call->error == 0)
        call->result = HYPERCALL_OUTPUT;
}

/* Only pages that bytes really go to are asked for: looking in vain dirties nothing. */
static void mailbox_call_receive(struct call *call)
{
    struct mailbox *mailbox = &call->machine->mailbox;
    uint8_t received[STREAM_WINDOW_BYTES];
    uint64_t capacity = smaller(call->a2, sizeof received);
    uint64_t waiting = 0;
    if (call->a0 < MAILBOX_STREAMS && mailbox->slots[call->a0].state == MAILBOX_ACCEPTED)
        waiting = mailbox->slots[call->a0].stream.to_read_count;
    waiting = smaller(waiting, capacity);
    if (!may_write(call, call->a1, waiting))
        return;
    answer(call, mailbox_receive(mailbox, call->a0, received, (uint32_t)capacity));
    MUST(call->value <= waiting);
    memcpy(memory_at(&call->machine->memory, call->a1), received, call->value);
    if (call->value > 0)
        call->result = HYPERCALL_OUTPUT;
}

/* More than a window is never taken, so no more is looked at; but the mailbox is told of all that
 * was offered, to know that the guest has more to send. */
static void mailbox_call_send(struct call *call)
{
    struct machine *machine = call->machine;
    uint64_t count = smaller(call->a2, UINT32_MAX);
    if (!may_read(call, call->a1, smaller(count, STREAM_WINDOW_BYTES)))
        return;
    const uint8_t *data = memory_at(&machine->memory, call->a1);
    answer(call, mailbox_send(&machine->mailbox, call->a0, data, (uint32_t)count));
    if (call->value > 0)
        call->result = HYPERCALL_OUTPUT;
}

static void mailbox_call_close(struct call *call)
{
    answer(call, mailbox_close(&call->machine->mailbox, call->a0));
    if (call->error == 0)
        call->result = HYPERCALL_OUTPUT;
}

static void mailbox_call_poll(struct call *call)
{
    struct machine *machine = call->machine;
    uint32_t streams[POLL_MAX];
    uint64_t wanting = mailbox_poll(&machine->mailbox, NULL, 0); /* this reports none yet */
    uint64_t count = smaller(call->a1, wanting);
    if (!may_write(call, call->a0, count * sizeof *streams))
        return;
    call->value = mailbox_poll(&machine->mailbox, streams, (uint32_t)count);
    memcpy(memory_at(&machine->memory, call->a0), streams, count * sizeof *streams);
}

/* ---- The cache, the disk, free pages ---- */

/* Flushes lines. While a move goes on the hart waits until its pages have arrived:
 * HYPERCALL_FLUSHED. */
static void flush_cache(struct call *call, uint64_t address, uint64_t count)
{
    struct memory *memory = &call->machine->memory;
    if (count == 0)
        return;
    struct memory_trouble trouble = memory_cache_flush(memory, address, count);
    if (!is_usable(call, trouble, false, address, 0) || !memory->tells_flushes)
        return;
    uint64_t first_idx = memory_page_idx(address);
    call->machine->flushed.first_idx = first_idx;
    call->machine->flushed.count = memory_page_idx(address + count - 1) - first_idx + 1;
    call->result = HYPERCALL_FLUSHED;
}

static void cache_flush_all(struct call *call)
{
    flush_cache(call, RAM_BASE, call->machine->memory.ram_bytes);
}

static void cache_flush_range(struct call *call)
{
    if (may_read(call, call->a0, call->a1))
        flush_cache(call, call->a0, call->a1);
}

/* The page must be there: whoever serves the request has no one to wait for. */
static void ask_disk(struct call *call, bool is_write)
{
    struct disk_request request = {
        .is_write = is_write, .block_idx = call->a0, .address = call->a1};
    if (!may_read(call, call->a1, DISK_BLOCK_BYTES))
        return;
    answer(call, disk_ask(&call->machine->disk, &request));
    if (call->error == 0)
        call->result = HYPERCALL_OUTPUT;
}

static void disk_call_write(struct call *call)
{
    ask_disk(call, true);
}

static void disk_call_read(struct call *call)
{
    ask_disk(call, false);
}

static void disk_call_poll(struct call *call)
{
    call->value = call->machine->disk.done;
}

static void disk_call_blocks(struct call *call)
{
    call->value = call->machine->disk.block_count;
}

/* As much at once as ends with a page, so that none is cut in two by it. */
static void pages_give(struct call *call)
{
    struct memory *memory = &call->machine->memory;
    uint64_t count = call->a1;
    if (count > PAGES_GIVE_MAX)
        count = PAGES_GIVE_MAX - call->a0 % PAGE_BYTES;
    struct memory_trouble trouble = memory_check_give(memory, call->a0, count);
    if (!is_usable(call, trouble, true, call->a0, count))
        return;
    memory_give(memory, call->a0, count);
    call->value = count;
}

static const struct {
    uint64_t extension, function;
    void (*run)(struct call *call);
} calls[] = {
    {HYPERCALL_BASE, 0, base_version},
    {HYPERCALL_BASE, 1, base_implementation},
    {HYPERCALL_BASE, 2, base_zero},
    {HYPERCALL_BASE, 3, base_probe},
    {HYPERCALL_BASE, 4, base_zero},
    {HYPERCALL_BASE, 5, base_zero},
    {HYPERCALL_BASE, 6, base_zero},
    {HYPERCALL_TIME, 0, time_set},
    {HYPERCALL_SRST, 0, system_reset},
    {HYPERCALL_IPI, 0, ipi_send},
    {HYPERCALL_RFENCE, RFENCE_FENCE_I, fence_remote},
    {HYPERCALL_RFENCE, RFENCE_SFENCE_VMA, fence_remote},
    {HYPERCALL_RFENCE, RFENCE_SFENCE_VMA_ASID, fence_remote},
    {HYPERCALL_HSM, HSM_START, hart_call_start},
    {HYPERCALL_HSM, HSM_STOP, hart_call_stop},
    {HYPERCALL_HSM, HSM_STATUS, hart_call_status},
    {HYPERCALL_HSM, HSM_SUSPEND, hart_call_suspend},
    {HYPERCALL_DBCN, 0, console_write},
    {HYPERCALL_DBCN, 1, console_read},
    {HYPERCALL_DBCN, 2, console_write_byte},
    {HYPERCALL_ARGUMENTS, ARGUMENTS_GET, arguments_get},
    {HYPERCALL_ARGUMENTS, ARGUMENTS_MEMORY, arguments_memory},
    {HYPERCALL_ARGUMENTS, ARGUMENTS_HOST, arguments_host},
    {HYPERCALL_MAILBOX, MAILBOX_LISTEN, mailbox_call_listen},
    {HYPERCALL_MAILBOX, MAILBOX_ACCEPT, mailbox_call_accept},
    {HYPERCALL_MAILBOX, MAILBOX_RECEIVE, mailbox_call_receive},
    {HYPERCALL_MAILBOX, MAILBOX_SEND, mailbox_call_send},
    {HYPERCALL_MAILBOX, MAILBOX_CLOSE, mailbox_call_close},
    {HYPERCALL_MAILBOX, MAILBOX_POLL, mailbox_call_poll},
    {HYPERCALL_CACHE, CACHE_FLUSH_ALL, cache_flush_all},
    {HYPERCALL_CACHE, CACHE_FLUSH_RANGE, cache_flush_range},
    {HYPERCALL_DISK, DISK_WRITE, disk_call_write},
    {HYPERCALL_DISK, DISK_READ, disk_call_read},
    {HYPERCALL_DISK, DISK_POLL, disk_call_poll},
    {HYPERCALL_DISK, DISK_BLOCKS, disk_call_blocks},
    {HYPERCALL_PAGES, PAGES_GIVE, pages_give},
};
#define CALL_COUNT (sizeof calls / sizeof *calls)

static void base_probe(struct call *call)
{
    for (size_t i = 0; i < CALL_COUNT; i++)
        if (calls[i].extension == call->a0)
            call->value = 1;
}

enum hypercall_result hypercall_answer(struct machine *machine, struct hart *hart,
                                       struct memory_trouble *trouble)
{
    struct call call = {
        .machine = machine,
        .hart = hart,
        .a0 = hart->x[A0],
        .a1 = hart->x[A1],
        .a2 = hart->x[A2],
        .error = HYPERCALL_NOT_SUPPORTED,
        .result = HYPERCALL_DONE,
        .trouble = trouble,
    };
    if (hart->x[A7] == HYPERCALL_EXIT) {
        end_guest(&call, call.a0);
        return call.result;
    }
    for (size_t i = 0; i < CALL_COUNT; i++) {
        if (calls[i].extension == hart->x[A7] && calls[i].function == hart->x[A6]) {
            call.error = 0;
            calls[i].run(&call);
            break;
        }
    }
    if (call.result != HYPERCALL_TROUBLE && call.result != HYPERCALL_ENDED &&
        call.result != HYPERCALL_LEFT) {
        hart->x[A0] = (uint64_t)call.error;
        hart->x[A1] = call.value;
    }
    return call.result;
}
