#include "sim/instant.h"

#include <stdio.h>
#include <string.h>

#include "machine/board.h"

struct comparison {
    char *what;
    size_t what_bytes;
    bool is_same;
};

static void compare(struct comparison *comparison, const char *name, unsigned idx, uint64_t ours,
                    uint64_t theirs)
{
    if (ours == theirs || !comparison->is_same)
        return;
    comparison->is_same = false;
    snprintf(comparison->what, comparison->what_bytes,
             "%s %u is 0x%llx at the target and was 0x%llx at the cut", name, idx,
             (unsigned long long)theirs, (unsigned long long)ours);
}

static void compare_harts(struct comparison *comparison, const struct machine *source,
                          const struct machine *target)
{
    for (uint32_t i = 0; i < source->hart_count; i++) {
        const struct hart *ours = &source->harts[i], *theirs = &target->harts[i];
#define SAME(field) compare(comparison, "hart's " #field ", hart", i, ours->field, theirs->field);
        SAME(pc)
        SAME(status)
        SAME(is_user)
        SAME(retired_instructions)
        SAME(cycles)
        SAME(timer_ns)
        SAME(sstatus)
        SAME(sie)
        SAME(sip)
        SAME(stvec)
        SAME(scounteren)
        SAME(senvcfg)
        SAME(sscratch)
        SAME(sepc)
        SAME(scause)
        SAME(stval)
        SAME(satp)
#undef SAME
        for (unsigned x = 1; x < HART_REGISTERS; x++)
            compare(comparison, "register x", x, ours->x[x], theirs->x[x]);
        const struct memory_reservation *held = &source->memory.reservations[i];
        const struct memory_reservation *kept = &target->memory.reservations[i];
        compare(comparison, "reservation of hart", i, held->byte_count, kept->byte_count);
        if (held->byte_count > 0)
            compare(comparison, "reserved address of hart", i, held->address, kept->address);
    }
}

static void compare_board(struct comparison *comparison, const struct machine *source,
                          const struct machine *target)
{
#define SAME(field, name) compare(comparison, name, 0, source->field, target->field);
    SAME(hart_count, "count of harts")
    SAME(turn_hart_idx, "the turn's hart")
    SAME(turn_position, "the position in the turn")
    SAME(clock.ticks, "clock")
    SAME(clock.ticks_per_s, "rate of the clock")
    SAME(clock.idle_ns, "time spent idle")
    SAME(has_ended, "whether it has ended")
    SAME(is_fault, "whether by a fault")
    SAME(exit_status, "exit status")
    SAME(fault_value, "fault's value")
    SAME(fault_hart_idx, "fault's hart")
    SAME(argument_bytes, "length of the arguments")
    SAME(console_total_bytes, "console's count")
#undef SAME
    if (comparison->is_same &&
        memcmp(source->arguments, target->arguments, source->argument_bytes) != 0)
        compare(comparison, "arguments", 0, 0, 1);
}

static void compare_stream(struct comparison *comparison, unsigned idx, const struct stream *ours,
                           const struct stream *theirs)
{
#define SAME(field) \
    compare(comparison, "stream's " #field ", stream", idx, ours->field, theirs->field);
    SAME(una)
    SAME(next)
    SAME(expected)
    SAME(retry_at_ns)
    SAME(retry_after_ns)
    SAME(to_send_count)
    SAME(to_read_count)
    SAME(is_closing)
    SAME(fin_sent)
    SAME(fin_acked)
    SAME(fin_received)
    SAME(owes_ack)
    SAME(owes_again)
    SAME(was_short)
    SAME(owes_rehome)
#undef SAME
}

static void compare_mailboxes(struct comparison *comparison, const struct mailbox *ours,
                              const struct mailbox *theirs)
{
    for (unsigned i = 0; i < MAILBOX_PORTS; i++)
        compare(comparison, "port", i, ours->ports[i], theirs->ports[i]);
    compare(comparison, "where polls begin", 0, ours->next_poll_idx, theirs->next_poll_idx);
    for (unsigned i = 0; i < MAILBOX_STREAMS; i++) {
        compare(comparison, "state of stream", i, ours->slots[i].state, theirs->slots[i].state);
        if (ours->slots[i].state != MAILBOX_FREE)
            compare_stream(comparison, i, &ours->slots[i].stream, &theirs->slots[i].stream);
    }
}

bool instant_is_one(const struct guest *source, const struct guest *target, char *what,
                    size_t what_bytes)
{
    struct comparison comparison = {what, what_bytes, true};

    compare(&comparison, "guest time", 0, source->ops->now_ns(source), target->ops->now_ns(target));
    compare(&comparison, "count of instructions", 0, source->ops->instructions(source),
            target->ops->instructions(target));
    if (strcmp(source->ops->kind, "machine") != 0)
        return comparison.is_same;
    const struct machine *ours = machine_of_const(source), *theirs = machine_of_const(target);
    compare_board(&comparison, ours, theirs);
    compare_harts(&comparison, ours, theirs);
    compare_mailboxes(&comparison, &ours->mailbox, &theirs->mailbox);
    return comparison.is_same;
}
