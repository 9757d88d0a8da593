/* wild: a guest that does anything at all, and the same guest disturbed. Only tests and fuzzers
 * include this.
 *
 * A few bytes (a fuzzer's, or a seed's) make a program: instructions of the table with any
 * operands, words that are none, hypercalls with any arguments, stores into its own code,
 * interrupts and other harts that begin anywhere. It lives twice, from one instant to the next:
 *
 *     calm       in one go
 *     disturbed  in slices, tracked and not, its pages taken away and given back, saved and loaded
 *                into another machine in between
 *
 * At each instant both hear the same from outside (connections, packets). Whatever the program
 * does, both must be the same there, byte for byte: its state, its memory, its console.
 */
#ifndef MACHINE_WILD_H
#define MACHINE_WILD_H

#include <stdlib.h>

#include "base/digest.h"
#include "base/prng.h"
#include "machine/machine.h"
#include "machine/test_program.h"

#define WILD_PAGES      24
#define WILD_ITEMS_MAX  200
#define WILD_INSTANTS   6
#define WILD_INSTANT_NS 3000 /* at a GIPS: some turns of eight harts */
#define WILD_HANDLER    (RAM_BASE + 0x380)
#define WILD_BODY       (RAM_BASE + 0x400)
#define WILD_PORT       80

/* Decisions: the given bytes, and behind their end the numbers that they seed. */
struct wild_dice {
    const uint8_t *data;
    size_t count, at;
    struct prng prng;
};

static inline uint64_t wild_roll(struct wild_dice *dice, uint64_t bound)
{
    uint64_t value = 0;
    if (dice->at >= dice->count)
        return prng_below(&dice->prng, bound);
    for (uint64_t most = bound - 1; most > 0; most >>= 8)
        value = value << 8 | (dice->at < dice->count ? dice->data[dice->at++] : 0);
    return value % bound;
}

/* ---- The program ---- */

/* Numbers at which something begins or ends. */
static inline uint64_t wild_number(struct wild_dice *dice)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     64,
                                     255,
                                     4095,
                                     4096,
                                     65536,
                                     INT32_MAX,
                                     INT64_MAX,
                                     UINT64_MAX,
                                     UINT64_MAX - 1,
                                     RAM_BASE,
                                     RAM_BASE - 1,
                                     WILD_BODY,
                                     WILD_BODY + 2,
                                     RAM_BASE + WILD_PAGES * PAGE_BYTES,
                                     RAM_BASE + WILD_PAGES * PAGE_BYTES - 3,
                                     WILD_PORT,
                                     0x80000000u};
    switch (wild_roll(dice, 4)) {
    case 0:
        return wild_roll(dice, 16);
    case 1:
        return RAM_BASE + wild_roll(dice, WILD_PAGES * PAGE_BYTES);
    case 2:
        return wild_roll(dice, UINT64_MAX);
    default:
        return edges[wild_roll(dice, sizeof edges / sizeof edges[0])];
    }
}

static inline void wild_put_call(struct wild_dice *dice, struct program *program)
{
    static const uint64_t extensions[] = {
        HYPERCALL_BASE,    HYPERCALL_TIME,      HYPERCALL_TIME,    HYPERCALL_DBCN,
        HYPERCALL_DBCN,    HYPERCALL_MAILBOX,   HYPERCALL_MAILBOX, HYPERCALL_MAILBOX,
        HYPERCALL_MAILBOX, HYPERCALL_ARGUMENTS, HYPERCALL_IPI,     HYPERCALL_IPI,
        HYPERCALL_RFENCE,  HYPERCALL_HSM,       HYPERCALL_HSM,     HYPERCALL_HSM,
    };
    uint64_t which = wild_roll(dice, 48);
    put_number(program, A0, wild_number(dice));
    put_number(program, A1, wild_number(dice));
    put_number(program, A2, wild_roll(dice, 3) > 0 ? 0 : wild_number(dice));
    put_number(program, A6, wild_roll(dice, 7));
    put_number(program, A7,
               which <= 1   ? HYPERCALL_EXIT
               : which == 2 ? HYPERCALL_SRST
               : which == 3 ? wild_number(dice)
                            : extensions[which % (sizeof extensions / sizeof extensions[0])]);
    PUT(program, ECALL, 0, 0, 0, 0);
}

/* Any row of the table. The registers s2 to s5 keep pointing into memory, and most addresses are
 * made of them, so that the program lives for a while. */
static inline void wild_put_instruction(struct wild_dice *dice, struct program *program)
{
    const enum instruction_code code =
        (enum instruction_code)(1 + wild_roll(dice, INSTRUCTION_COUNT - 1));
    uint32_t rd = (uint32_t)wild_roll(dice, 32), rs1 = (uint32_t)wild_roll(dice, 32);
    int64_t imm = (int64_t)wild_roll(dice, 4096) - 2048;
    if (rd >= S2 && rd <= S5)
        rd = T0;
    if (wild_roll(dice, 4) > 0)
        rs1 = S2 + (uint32_t)wild_roll(dice, 4);
    if (wild_roll(dice, 2) > 0)
        imm &= ~7;
    put_word(program, program_word(code, rd, rs1, (uint32_t)wild_roll(dice, 32), imm));
}

static inline void wild_put_csr(struct wild_dice *dice, struct program *program)
{
    static const uint32_t numbers[] = {0x100, 0x104, 0x105, 0x106, 0x10a, 0x140, 0x141,
                                       0x142, 0x143, 0x144, 0x180, 0xc00, 0xc01, 0xc02};
    uint32_t number = numbers[wild_roll(dice, sizeof numbers / sizeof numbers[0])];
    put_number(program, T0,
               number == 0x105 || number == 0x141 ? WILD_BODY + 2 * wild_roll(dice, 400)
                                                  : wild_number(dice));
    PUT(program, CSRRW, T1, T0, 0, number);
}

static inline void wild_put_item(struct wild_dice *dice, struct program *program)
{
    uint64_t kind = wild_roll(dice, 16);
    if (kind < 8)
        wild_put_instruction(dice, program);
    else if (kind < 11)
        wild_put_call(dice, program);
    else if (kind < 13)
        wild_put_csr(dice, program);
    else if (kind == 13)
        put_word(program, (uint32_t)wild_roll(dice, UINT32_MAX));
    else if (kind == 14)
        PUT(program, WFI, 0, 0, 0, 0);
    else
        PUT(program, SRET, 0, 0, 0, 0);
}

/* Fills up with what does nothing, to an address. */
static inline void wild_put_until(struct program *program, uint64_t address)
{
    while (program_here(program) < address)
        PUT(program, ADDI, 0, 0, 0, 0);
}

/* Goes on behind what trapped, or in the body where the hart had jumped out of it. */
static inline void wild_put_handler(struct wild_dice *dice, struct program *program)
{
    wild_put_until(program, WILD_HANDLER);
    PUT(program, CSRRS, T0, 0, 0, 0x141); /* sepc */
    PUT(program, ADDI, T0, T0, 0, 4);
    PUT(program, CSRRS, T1, 0, 0, 0x142); /* scause */
    PUT(program, ADDI, T1, T1, 0, -1);    /* 1: fetch */
    uint32_t branch = program->count++;
    put_number(program, T0, WILD_BODY + 4 * wild_roll(dice, 100));
    uint64_t over = program_here(program) - (RAM_BASE + 4ull * branch);
    program->words[branch] = program_word(INSTRUCTION_BNE, 0, T1, 0, (int64_t)over);
    PUT(program, CSRRW, 0, T0, 0, 0x141);
    PUT(program, SRET, 0, 0, 0, 0);
    wild_put_until(program, WILD_BODY);
}

/* Traps go to the handler, or somewhere in the body, unless the dice leave stvec at 0; the other
 * harts begin here as well, or anywhere. */
static inline void wild_put_start(struct wild_dice *dice, struct program *program,
                                  uint32_t hart_count)
{
    for (uint32_t i = 0; i < 4; i++)
        put_number(program, S2 + i, WILD_BODY + 64 + i * (WILD_PAGES / 4 * PAGE_BYTES - 40));
    if (wild_roll(dice, 16) > 0) {
        put_number(program, T0,
                   wild_roll(dice, 8) > 0 ? WILD_HANDLER : WILD_BODY + 4 * wild_roll(dice, 100));
        PUT(program, CSRRW, 0, T0, 0, 0x105);
    }
    for (uint32_t i = 1; i < hart_count; i++) {
        put_number(program, A0, i);
        put_number(program, A1, wild_roll(dice, 16) > 0 ? RAM_BASE : wild_number(dice));
        put_number(program, A6, 0);
        put_number(program, A7, HYPERCALL_HSM);
        PUT(program, ECALL, 0, 0, 0, 0);
    }
}

static inline struct bytes wild_image(struct wild_dice *dice, uint32_t hart_count)
{
    static struct program program;
    uint64_t items = 1 + wild_roll(dice, WILD_ITEMS_MAX);
    program.count = 0;
    wild_put_start(dice, &program, hart_count);
    PUT_TO(&program, JAL, 0, 0, 0, WILD_BODY);
    wild_put_handler(dice, &program);
    for (uint64_t i = 0; i < items; i++)
        wild_put_item(dice, &program);
    PUT_TO(&program, JAL, 0, 0, 0, WILD_BODY);
    return program_image(&program);
}

/* ---- Its two lives ---- */

struct wild_life {
    struct guest *guest;
    struct guest *spare; /* of the disturbed one: the machine that it moves to next */
    struct digest *console;
    uint64_t console_bytes;
    uint8_t *away; /* of the disturbed one: pages that were taken away */
};

static inline void wild_drain(struct wild_life *life)
{
    struct bytes *console = machine_console(life->guest);
    if (console->count > 0)
        digest_add(life->console, console->data, console->count);
    life->console_bytes += console->count;
    bytes_clear(console);
}

/* Up to an instant. True when the guest has ended. */
static inline bool wild_live(struct wild_life *life, uint64_t until_ns)
{
    const struct guest_ops *ops = life->guest->ops;
    for (;;) {
        struct guest_run run;
        ops->run(life->guest, until_ns, &run);
        MUST(ops->now_ns(life->guest) <= until_ns);
        wild_drain(life);
        if (run.stop == GUEST_ENDED)
            return true;
        if (run.stop == GUEST_TIME_REACHED)
            return false;
        if (run.stop == GUEST_MISSING) {
            MUST(!bitmap_has(&life->guest->present, run.page_idx));
            ops->install_pages(life->guest, run.page_idx, 1,
                               life->away + run.page_idx * PAGE_BYTES);
        }
        if (run.stop != GUEST_IDLE)
            continue;
        ops->idle_until(life->guest, run.wake_ns < until_ns ? run.wake_ns : until_ns);
        if (run.wake_ns >= until_ns)
            return false;
    }
}

static inline void wild_bring_back(struct wild_life *life)
{
    for (uint64_t i = 0; i < WILD_PAGES; i++)
        if (!bitmap_has(&life->guest->present, i))
            life->guest->ops->install_pages(life->guest, i, 1, life->away + i * PAGE_BYTES);
}

/* Saved, and loaded into the spare machine, which holds what was left there the last time; all
 * pages follow. */
static inline void wild_move(struct wild_life *life)
{
    struct guest *from = life->guest, *to = life->spare;
    struct problem problem = {STATUS_OK, ""};
    struct bytes saved = {0};
    struct bytes_reader reader;
    uint8_t page[PAGE_BYTES];

    wild_bring_back(life);
    from->ops->save(from, &saved);
    bytes_reader_init(&reader, saved.data, saved.count);
    MUST(to->ops->load(to, &reader, &problem) == STATUS_OK);
    for (uint64_t i = 0; i < WILD_PAGES; i++) {
        from->ops->read_contents(from, i, page);
        to->ops->install_pages(to, i, 1, page);
    }
    life->guest = to;
    life->spare = from;
    bytes_fini(&saved);
}

static inline void wild_take_page(struct wild_life *life, uint64_t page_idx)
{
    const struct guest_ops *ops = life->guest->ops;
    if (!bitmap_has(&life->guest->present, page_idx))
        return;
    ops->read_contents(life->guest, page_idx, life->away + page_idx * PAGE_BYTES);
    ops->drop_page(life->guest, page_idx);
}

/* With several harts a missing page changes who runs meanwhile: only a hart that is alone lives on
 * as if nothing had been. */
static inline void wild_disturb(struct wild_life *life, struct wild_dice *dice,
                                const struct machine_config *config)
{
    const struct guest_ops *ops = life->guest->ops;
    switch (wild_roll(dice, 6)) {
    case 0:
        ops->track(life->guest, wild_roll(dice, 3) > 0);
        return;
    case 1:
        ops->fetch_dirty(life->guest, 0, WILD_PAGES, NULL);
        return;
    case 2:
    case 3:
        for (uint64_t i = 0; i < 12 && config->hart_count == 1; i++)
            wild_take_page(life, wild_roll(dice, WILD_PAGES));
        return;
    case 4:
        wild_move(life);
        return;
    default:
        return;
    }
}

/* What comes from outside at an instant, the same for both: a connection, or a packet. */
static inline void wild_hear(struct wild_life *life, struct wild_dice dice, uint64_t now_ns)
{
    static struct stream_packet packet;
    struct mailbox *mailbox = machine_mailbox(life->guest);
    uint32_t stream_idx = (uint32_t)wild_roll(&dice, 3);

    mailbox_connect(mailbox, stream_idx, WILD_PORT);
    packet = (struct stream_packet){.sequence = wild_roll(&dice, 8),
                                    .ack = wild_roll(&dice, 4),
                                    .bytes = (uint32_t)wild_roll(&dice, 64),
                                    .is_fin = wild_roll(&dice, 8) == 0,
                                    .is_rehome = wild_roll(&dice, 8) == 0};
    mailbox_deliver(mailbox, now_ns, stream_idx, &packet);
    while (mailbox_packet(mailbox, now_ns, &stream_idx, &packet))
        digest_add(life->console, &packet.sequence, sizeof packet.sequence);
}

static inline bool wild_is_same(struct wild_life *a, struct wild_life *b)
{
    return a->guest->ops->digest(a->guest) == b->guest->ops->digest(b->guest) &&
           digest_value(a->console) == digest_value(b->console);
}

/* How a program's life went, for who wants to know whether it was one. */
struct wild_report {
    bool is_same;
    bool has_ended, is_fault;
    uint64_t instructions, console_bytes;
};

static inline struct wild_life wild_open(const struct machine_config *config,
                                         const struct bytes *image)
{
    struct wild_life life = {.console = digest_open(), .away = calloc(WILD_PAGES, PAGE_BYTES)};
    enum status status =
        machine_open(config, "wild.elf", image->data, image->count, &life.guest, NULL);
    MUST(status == STATUS_OK && life.away != NULL);
    life.spare = machine_open_empty(config);
    return life;
}

static inline void wild_close(struct wild_life *life)
{
    life->guest->ops->close(life->guest);
    life->spare->ops->close(life->spare);
    digest_close(life->console);
    free(life->away);
}

static inline struct wild_report wild_run(struct wild_dice dice)
{
    uint32_t hart_count = wild_roll(&dice, 2) == 0 ? 1 : 2 + (uint32_t)wild_roll(&dice, 7);
    const struct machine_config config = {.memory_bytes = WILD_PAGES * PAGE_BYTES,
                                          .cpu_rate = 1000000000,
                                          .hart_count = hart_count,
                                          .arguments = "wild\0--ness",
                                          .argument_bytes = 12};
    struct bytes image = wild_image(&dice, config.hart_count);
    struct wild_life calm = wild_open(&config, &image), disturbed = wild_open(&config, &image);
    struct wild_report report = {.is_same = true};
    struct guest_run run = {0};

    for (uint64_t i = 1; i <= WILD_INSTANTS && report.is_same; i++) {
        uint64_t until_ns = i * WILD_INSTANT_NS, at_ns = until_ns - WILD_INSTANT_NS;
        bool has_ended = wild_live(&calm, until_ns), has_other_ended = false;
        while (at_ns < until_ns) {
            uint64_t left_ns = until_ns - at_ns;
            wild_disturb(&disturbed, &dice, &config);
            at_ns += 1 + wild_roll(&dice, left_ns > 1500 ? 1500 : left_ns);
            has_other_ended = wild_live(&disturbed, at_ns);
        }
        wild_bring_back(&disturbed);
        report.is_same = has_ended == has_other_ended && wild_is_same(&calm, &disturbed);
        wild_hear(&calm, dice, until_ns);
        wild_hear(&disturbed, dice, until_ns);
    }
    calm.guest->ops->run(calm.guest, 0, &run);
    report.has_ended = run.stop == GUEST_ENDED;
    report.is_fault = run.is_fault;
    report.instructions = calm.guest->ops->instructions(calm.guest);
    report.console_bytes = calm.console_bytes;
    wild_close(&calm);
    wild_close(&disturbed);
    bytes_fini(&image);
    return report;
}

#endif
