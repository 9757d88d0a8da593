/* A machine through struct guest: however its run is cut, saved, moved, tracked or starved of
 * pages, it must end as if nobody had touched it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "base/units.h"
#include "machine/board.h"
#include "machine/test_program.h"

#define MEMORY_BYTES (1ull << 20)
#define TOTAL_PAGES  (MEMORY_BYTES / PAGE_BYTES)
#define DATA         (RAM_BASE + 0x10000) /* where the worker writes: 512 KiB */
#define LOOPS        3000
#define SEEDS        20
#define FOREVER      UINT64_MAX

static struct machine_config config = {
    .memory_bytes = MEMORY_BYTES,
    .cpu_rate = 100000000,
    .hart_count = 1,
    .arguments = "worker\0now",
    .argument_bytes = 11,
};

static struct guest *boot(const struct program *program)
{
    struct bytes image = program_image(program);
    struct problem problem = {0};
    struct guest *guest = NULL;
    enum status status = machine_open(&config, "test", image.data, image.count, &guest, &problem);
    assert_int_equal(status, STATUS_OK);
    bytes_fini(&image);
    return guest;
}

static void put_call(struct program *program, uint64_t extension, uint64_t function)
{
    put_number(program, A7, extension);
    put_number(program, A6, function);
    PUT(program, ECALL, 0, 0, 0, 0);
}

/* S1 becomes the next random number (xorshift). */
static void put_random(struct program *program)
{
    static const int shifts[] = {13, 7, 17};
    for (unsigned i = 0; i < 3; i++) {
        if (i == 1)
            PUT(program, SRLI, T0, S1, 0, shifts[i]);
        else
            PUT(program, SLLI, T0, S1, 0, shifts[i]);
        PUT(program, XOR, S1, S1, T0, 0);
    }
}

/* Misaligned stores and loads all over DATA, atomics, division, all folded into S3. */
static void put_memory_work(struct program *program)
{
    PUT(program, SRLI, T0, S1, 0, 20);
    put_number(program, T1, 0x7ffff);
    PUT(program, AND, T0, T0, T1, 0);
    PUT(program, ADD, T0, T0, S2, 0);
    PUT(program, SD, 0, T0, S1, 0);
    PUT(program, LD, T2, T0, 0, 3);
    PUT(program, ADD, S3, S3, T2, 0);
    PUT(program, SW, 0, T0, S3, 1);
    PUT(program, ANDI, T2, T0, 0, -8);
    PUT(program, AMOADD_D, A0, T2, S1, 0);
    PUT(program, LR_D, A1, T2, 0, 0);
    PUT(program, ADD, A1, A1, S3, 0);
    PUT(program, SC_D, A2, T2, A1, 0);
    PUT(program, ADD, S3, S3, A2, 0);
    PUT(program, DIV, A3, S1, S3, 0);
    PUT(program, XOR, S3, S3, A3, 0);
}

/* An instruction that the program writes anew each time: S3 += a random immediate. */
static void put_self_modification(struct program *program)
{
    PUT(program, ANDI, A3, S1, 0, 0x7ff);
    PUT(program, SLLI, A3, A3, 0, 20);
    put_number(program, A4, program_word(INSTRUCTION_ADDI, S3, S3, 0, 0));
    PUT(program, OR, A3, A3, A4, 0);
    PUT(program, AUIPC, A4, 0, 0, 0);
    PUT(program, SW, 0, A4, A3, 8);
    PUT(program, ADDI, S3, S3, 0, 0);
}

/* Every `every` loops (a power of two) what follows is run; returns the branch to be patched. */
static uint32_t put_every(struct program *program, int64_t every)
{
    PUT(program, ANDI, T0, S0, 0, every - 1);
    put_word(program, 0);
    return program->count - 1;
}

static void end_every(struct program *program, uint32_t branch_idx)
{
    program->words[branch_idx] =
        program_word(INSTRUCTION_BNE, 0, T0, ZERO, 4 * (int64_t)(program->count - branch_idx));
}

/* Does some of everything, LOOPS times; talks, sleeps, and ends with a status made of all. */
static const struct program *worker(void)
{
    static struct program program;
    program.count = 0;
    put_number(&program, A0, DATA);
    put_number(&program, A1, 64);
    put_call(&program, HYPERCALL_ARGUMENTS, 0);
    put_number(&program, S0, LOOPS);
    put_number(&program, S1, 0x9e3779b97f4a7c15);
    put_number(&program, S2, DATA);
    uint64_t loop = program_here(&program);
    put_random(&program);
    put_memory_work(&program);
    put_self_modification(&program);
    uint32_t talk = put_every(&program, 64);
    PUT(&program, ANDI, A0, S3, 0, 15);
    PUT(&program, ADDI, A0, A0, 0, 'a');
    put_call(&program, HYPERCALL_DBCN, 2);
    end_every(&program, talk);
    uint32_t sleep = put_every(&program, 128);
    PUT(&program, CSRRS, A0, ZERO, 0, 0xc01);
    PUT(&program, ADDI, A0, A0, 0, 1999);
    put_call(&program, HYPERCALL_TIME, 0);
    PUT(&program, WFI, 0, 0, 0, 0);
    end_every(&program, sleep);
    PUT(&program, CSRRS, T0, ZERO, 0, 0xc01);
    PUT(&program, ADD, S3, S3, T0, 0);
    PUT(&program, CSRRS, T0, ZERO, 0, 0xc02);
    PUT(&program, XOR, S3, S3, T0, 0);
    PUT(&program, ADDI, S0, S0, 0, -1);
    PUT_TO(&program, BNE, 0, S0, ZERO, loop);
    PUT(&program, ANDI, A0, S3, 0, 127);
    put_exit(&program);
    return &program;
}

/* ---- A world that only passes time ---- */

struct world {
    struct guest *guest;
    uint64_t now_ns;
    struct bytes console;
    uint64_t traps[TOTAL_PAGES]; /* since the last fetch */
    uint64_t misses[TOTAL_PAGES];
    struct guest *owner; /* has the pages that are missing; or NULL */
    struct guest_run last;
};

static void fetch_page(struct world *world, uint64_t page_idx)
{
    uint8_t payload[PAGE_BYTES];
    world->owner->ops->read_pages(world->owner, page_idx, 1, payload);
    world->guest->ops->install_pages(world->guest, page_idx, 1, payload);
}

/* Until `until_ns`; true when the guest has ended. */
static bool live(struct world *world, uint64_t until_ns)
{
    struct guest *guest = world->guest;
    for (;;) {
        struct guest_run run;
        guest->ops->run(guest, until_ns, &run);
        world->last = run;
        assert_true(guest->ops->now_ns(guest) <= until_ns);
        switch (run.stop) {
        case GUEST_TIME_REACHED:
            return false;
        case GUEST_IDLE:
            if (run.wake_ns >= until_ns) {
                assert_int_not_equal(until_ns, FOREVER);
                guest->ops->idle_until(guest, until_ns);
                return false;
            }
            guest->ops->idle_until(guest, run.wake_ns);
            break;
        case GUEST_DIRTIED:
            assert_true(guest->is_tracking);
            assert_true(bitmap_has(&guest->dirty, run.page_idx));
            world->traps[run.page_idx]++;
            break;
        case GUEST_MISSING:
            assert_false(bitmap_has(&guest->present, run.page_idx));
            world->misses[run.page_idx]++;
            fetch_page(world, run.page_idx);
            break;
        case GUEST_OUTPUT:
            bytes_put(&world->console, machine_console(guest)->data, machine_console(guest)->count);
            bytes_clear(machine_console(guest));
            break;
        case GUEST_FLUSHED: /* nobody wants to be told, */
        case GUEST_BARRED:
        case GUEST_HELD: /* and nobody debugs it */
            assert_true(false);
            break;
        case GUEST_ENDED:
            return true;
        }
    }
}

static struct {
    uint64_t digest, instructions, status, now_ns;
    struct bytes console;
} undisturbed;

static int run_undisturbed(void **state)
{
    (void)state;
    struct world world = {.guest = boot(worker())};
    assert_true(live(&world, FOREVER));
    assert_false(world.last.is_fault);
    undisturbed.digest = world.guest->ops->digest(world.guest);
    undisturbed.instructions = world.guest->ops->instructions(world.guest);
    undisturbed.status = world.last.status;
    undisturbed.now_ns = world.guest->ops->now_ns(world.guest);
    undisturbed.console = world.console;
    world.guest->ops->close(world.guest);
    return undisturbed.instructions > 100000 && undisturbed.console.count == LOOPS / 64 ? 0 : -1;
}

static int forget_undisturbed(void **state)
{
    (void)state;
    bytes_fini(&undisturbed.console);
    return 0;
}

static void must_be_as_undisturbed(struct world *world)
{
    struct guest *guest = world->guest;
    assert_false(world->last.is_fault);
    assert_int_equal(world->last.status, undisturbed.status);
    assert_int_equal(guest->ops->instructions(guest), undisturbed.instructions);
    assert_int_equal(guest->ops->now_ns(guest), undisturbed.now_ns);
    assert_int_equal(world->console.count, undisturbed.console.count);
    assert_memory_equal(world->console.data, undisturbed.console.data, undisturbed.console.count);
    assert_int_equal(guest->ops->digest(guest), undisturbed.digest);
    guest->ops->close(guest);
    bytes_fini(&world->console);
}

static void cutting_its_time_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct prng prng = prng_make(seed, 1);
        struct world world = {.guest = boot(worker())};
        while (!live(&world, world.now_ns))
            world.now_ns += prng_below(&prng, seed < 3 ? 15 : 20000);
        must_be_as_undisturbed(&world);
    }
}

/* The n-th tick ends at floor(n * 1e9 / rate): a run until t ends with the last that
 * finishes at or before t. */
static void stops_at_its_exact_instruction(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 7, 999999937, 1000000000, 3000000000, 100000000};
    uint64_t rate_before = config.cpu_rate;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        config.cpu_rate = rates[i];
        struct world world = {.guest = boot(worker())};
        uint64_t step_ns = rates[i] < 1000 ? NS_PER_S / 3 : 1;
        for (uint64_t now_ns = 0; now_ns < 300 * step_ns; now_ns += step_ns) {
            struct guest_run run;
            world.guest->ops->run(world.guest, now_ns, &run);
            uint64_t n = machine_of(world.guest)->clock.ticks;
            assert_int_equal(run.stop, GUEST_TIME_REACHED);
            assert_true(units_mul_div(n, NS_PER_S, rates[i]) <= now_ns);
            assert_true(units_mul_div(n + 1, NS_PER_S, rates[i]) > now_ns);
            assert_int_equal(world.guest->ops->now_ns(world.guest),
                             units_mul_div(n, NS_PER_S, rates[i]));
        }
        world.guest->ops->close(world.guest);
    }
    config.cpu_rate = rate_before;
}

/* ---- Moving ---- */

static struct guest *copy_state(struct guest *guest)
{
    struct bytes saved = {0};
    guest->ops->save(guest, &saved);
    struct guest *copy = machine_open_empty(&config);
    assert_int_equal(copy->present.set_count, 0);
    struct bytes_reader reader;
    bytes_reader_init(&reader, saved.data, saved.count);
    assert_int_equal(copy->ops->load(copy, &reader, NULL), STATUS_OK);
    assert_int_equal(bytes_left(&reader), 0);
    bytes_fini(&saved);
    return copy;
}

static void copy_pages(struct guest *from, struct guest *to)
{
    uint8_t *payloads = malloc(MEMORY_BYTES);
    from->ops->read_pages(from, 0, TOTAL_PAGES, payloads);
    to->ops->install_pages(to, 0, TOTAL_PAGES, payloads);
    free(payloads);
}

static void saving_and_loading_anywhere_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct prng prng = prng_make(seed, 2);
        struct world world = {.guest = boot(worker())};
        for (unsigned moves = 0; !live(&world, world.now_ns); moves++) {
            /* The first one moves between any two instructions of a whole loop. */
            world.now_ns +=
                seed == 0 && moves < 150 ? 10 : prng_below(&prng, undisturbed.now_ns / 4);
            struct guest *target = copy_state(world.guest);
            copy_pages(world.guest, target);
            assert_int_equal(target->ops->digest(target), world.guest->ops->digest(world.guest));
            world.guest->ops->close(world.guest);
            world.guest = target;
        }
        must_be_as_undisturbed(&world);
    }
}

static void a_machine_without_pages_fetches_each_once(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct prng prng = prng_make(seed, 3);
        struct world source = {.guest = boot(worker())};
        live(&source, prng_below(&prng, undisturbed.now_ns));
        struct world world = {
            .guest = copy_state(source.guest), .owner = source.guest, .console = source.console};
        assert_true(live(&world, FOREVER));
        for (uint64_t page_idx = 0; page_idx < TOTAL_PAGES; page_idx++) {
            assert_true(world.misses[page_idx] <= 1);
            if (!bitmap_has(&world.guest->present, page_idx))
                fetch_page(&world, page_idx);
        }
        source.guest->ops->close(source.guest);
        must_be_as_undisturbed(&world);
    }
}

/* A page that is taken away is missed again: its decoded code and TLB entries went with it. */
static void dropped_pages_are_missed_again(void **state)
{
    (void)state;
    struct prng prng = prng_make(4, 0);
    struct world world = {.guest = boot(worker()), .owner = machine_open_empty(&config)};
    while (!live(&world, world.now_ns)) {
        copy_pages(world.guest, world.owner);
        for (unsigned i = 0; i < 20; i++)
            world.guest->ops->drop_page(world.guest, prng_below(&prng, TOTAL_PAGES));
        world.guest->ops->drop_page(world.guest, 0); /* the code */
        world.now_ns += prng_below(&prng, 40000);
        assert_true(world.guest->present.set_count < TOTAL_PAGES);
        bool has_ended = live(&world, world.now_ns);
        for (uint64_t page_idx = 0; page_idx < TOTAL_PAGES; page_idx++)
            if (!bitmap_has(&world.guest->present, page_idx))
                fetch_page(&world, page_idx);
        assert_true(has_ended || world.misses[0] > 0);
    }
    world.owner->ops->close(world.owner);
    must_be_as_undisturbed(&world);
}

/* ---- The dirty log ---- */

/* Since the last fetch: pages whose bytes changed are in the log, and while tracking is on every
 * page in the log has trapped exactly once. */
static void check_log(struct world *world, const uint8_t *before)
{
    struct guest *guest = world->guest;
    for (uint64_t page_idx = 0; page_idx < TOTAL_PAGES; page_idx++) {
        uint8_t now[PAGE_BYTES];
        guest->ops->read_pages(guest, page_idx, 1, now);
        bool is_dirty = bitmap_has(&guest->dirty, page_idx);
        if (memcmp(now, before + page_idx * PAGE_BYTES, PAGE_BYTES) != 0)
            assert_true(is_dirty);
        if (guest->is_tracking)
            assert_int_equal(world->traps[page_idx], is_dirty);
        else
            assert_int_equal(world->traps[page_idx], 0);
    }
}

static void each_page_traps_once_between_fetches(void **state)
{
    (void)state;
    uint8_t *before = malloc(MEMORY_BYTES);
    struct bitmap fetched;
    bitmap_init(&fetched, TOTAL_PAGES);
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct prng prng = prng_make(seed, 5);
        struct world world = {.guest = boot(worker())};
        struct guest *guest = world.guest;
        bool is_tracking = seed % 2 == 0, has_ended = false;
        guest->ops->track(guest, is_tracking);
        while (!has_ended) {
            guest->ops->read_pages(guest, 0, TOTAL_PAGES, before);
            world.now_ns += prng_below(&prng, undisturbed.now_ns / 30);
            has_ended = live(&world, world.now_ns);
            check_log(&world, before);
            /* In two parts, the second one forgotten by the caller. */
            uint64_t first_part = prng_below(&prng, TOTAL_PAGES), logged = guest->dirty.set_count;
            bitmap_clear_all(&fetched);
            uint64_t count = guest->ops->fetch_dirty(guest, 0, first_part, &fetched);
            assert_int_equal(count, fetched.set_count);
            assert_true(bitmap_next(&fetched, first_part) == BITMAP_NONE);
            count += guest->ops->fetch_dirty(guest, first_part, TOTAL_PAGES, NULL);
            assert_int_equal(count, logged);
            assert_int_equal(guest->dirty.set_count, 0);
            memset(world.traps, 0, sizeof world.traps);
        }
        must_be_as_undisturbed(&world);
    }
    bitmap_fini(&fetched);
    free(before);
}

/* A store across a page boundary is wholly in memory or not at all, whatever is in its way. */
static void a_store_across_pages_asks_for_both(void **state)
{
    (void)state;
    static struct program program;
    program.count = 0;
    put_number(&program, A1, RAM_BASE + 8 * PAGE_BYTES - 4);
    PUT(&program, SD, 0, A1, A1, 0);
    put_exit(&program);
    struct guest *guest = boot(&program);
    struct guest_run run;
    uint8_t page[PAGE_BYTES], zeros[PAGE_BYTES] = {0};
    guest->ops->track(guest, true);
    guest->ops->drop_page(guest, 8);
    guest->ops->run(guest, FOREVER, &run);
    assert_int_equal(run.stop, GUEST_MISSING);
    assert_int_equal(run.page_idx, 8);
    assert_int_equal(guest->dirty.set_count, 0);
    guest->ops->install_pages(guest, 8, 1, zeros);
    uint64_t instructions = guest->ops->instructions(guest);
    for (uint64_t page_idx = 7; page_idx <= 8; page_idx++) {
        guest->ops->run(guest, FOREVER, &run);
        assert_int_equal(run.stop, GUEST_DIRTIED);
        assert_int_equal(run.page_idx, page_idx);
        guest->ops->read_pages(guest, 7, 1, page);
        assert_memory_equal(page, zeros, PAGE_BYTES);
        assert_int_equal(guest->ops->instructions(guest), instructions);
    }
    guest->ops->run(guest, FOREVER, &run);
    assert_int_equal(run.stop, GUEST_ENDED);
    guest->ops->read_pages(guest, 7, 1, page);
    assert_memory_not_equal(page, zeros, PAGE_BYTES);
    guest->ops->close(guest);
}

/* What is read into its place is not there before somebody says so. */
static void a_page_is_put_in_place_and_is_missing_until_it_is_installed(void **state)
{
    static struct program program;
    program.count = 0;
    put_exit(&program);
    (void)state;

    struct guest *guest = boot(&program);
    uint8_t page[PAGE_BYTES];
    machine_use_huge_pages(guest); /* changes nothing that can be seen */
    guest->ops->drop_page(guest, 9);
    guest->ops->drop_page(guest, 10);
    uint8_t *place = guest->ops->place_pages(guest, 9, 2);
    memset(place, 0x5a, 2 * PAGE_BYTES);
    assert_false(bitmap_has(&guest->present, 9));
    guest->ops->install_pages(guest, 10, 1, place + PAGE_BYTES);
    assert_false(bitmap_has(&guest->present, 9));
    guest->ops->read_pages(guest, 10, 1, page);
    assert_memory_equal(page, place, PAGE_BYTES);
    memset(page, 0, PAGE_BYTES); /* what brings it writes over what was put there */
    guest->ops->install_pages(guest, 9, 1, page);
    guest->ops->read_pages(guest, 9, 1, page);
    for (unsigned i = 0; i < PAGE_BYTES; i++)
        assert_int_equal(page[i], 0);
    guest->ops->close(guest);
}

/* ---- What may be refused ---- */

static void a_saved_state_is_whole_or_refused(void **state)
{
    (void)state;
    struct world world = {.guest = boot(worker())};
    live(&world, undisturbed.now_ns / 2);
    struct bytes saved = {0};
    world.guest->ops->save(world.guest, &saved);
    for (size_t count = 0; count < saved.count; count++) {
        struct guest *target = machine_open_empty(&config);
        uint8_t *cut = malloc(count > 0 ? count : 1);
        memcpy(cut, saved.data, count);
        struct bytes_reader reader;
        bytes_reader_init(&reader, cut, count);
        assert_int_equal(target->ops->load(target, &reader, NULL), STATUS_BAD_STATE);
        target->ops->close(target);
        free(cut);
    }
    /* A changed byte is refused, or is a state that can be run: never more than a wrong guest. */
    for (size_t at = 0; at < saved.count; at++) {
        struct guest *target = machine_open_empty(&config);
        struct bytes_reader reader;
        struct guest_run run;
        saved.data[at] ^= 0x81;
        bytes_reader_init(&reader, saved.data, saved.count);
        if (target->ops->load(target, &reader, NULL) == STATUS_OK)
            target->ops->run(target, target->ops->now_ns(target) + 1000, &run);
        else
            assert_true(at < saved.count);
        saved.data[at] ^= 0x81;
        target->ops->close(target);
    }
    saved.data[0] ^= 1; /* an unknown section */
    struct bytes_reader reader;
    struct guest *target = machine_open_empty(&config);
    bytes_reader_init(&reader, saved.data, saved.count);
    assert_int_equal(target->ops->load(target, &reader, NULL), STATUS_BAD_STATE);
    target->ops->close(target);
    world.guest->ops->close(world.guest);
    bytes_fini(&world.console);
    bytes_fini(&saved);
}

static void a_state_for_another_machine_is_refused(void **state)
{
    (void)state;
    struct guest *guest = boot(worker());
    struct bytes saved = {0};
    guest->ops->save(guest, &saved);
    struct machine_config others[] = {config, config};
    others[0].memory_bytes *= 2;
    others[1].cpu_rate += 1;
    for (size_t i = 0; i < 2; i++) {
        struct guest *target = machine_open_empty(&others[i]);
        struct bytes_reader reader;
        bytes_reader_init(&reader, saved.data, saved.count);
        assert_int_equal(target->ops->load(target, &reader, NULL), STATUS_BAD_STATE);
        target->ops->close(target);
    }
    guest->ops->close(guest);
    bytes_fini(&saved);
}

static void a_fault_ends_the_guest_and_says_where(void **state)
{
    (void)state;
    static struct program program;
    char text[100];
    program.count = 0;
    PUT(&program, ADDI, A0, ZERO, 0, 1);
    put_word(&program, 0);
    struct world world = {.guest = boot(&program)};
    machine_describe_fault(world.guest, text, sizeof text);
    assert_string_equal(text, "");
    assert_true(live(&world, FOREVER));
    assert_true(world.last.is_fault);
    assert_int_equal(world.last.status, 2);
    machine_describe_fault(world.guest, text, sizeof text);
    assert_string_equal(text, "illegal instruction: its bits are 0x00000000, at 0x80000004");
    assert_int_equal(world.guest->ops->instructions(world.guest), 1);
    struct guest *copy = copy_state(world.guest);
    machine_describe_fault(copy, text, sizeof text);
    assert_string_equal(text, "illegal instruction: its bits are 0x00000000, at 0x80000004");
    copy->ops->close(copy);
    world.guest->ops->close(world.guest);
}

/* An instruction whose halves lie on two pages follows changes of either half. */
static void code_across_pages_follows_what_is_stored(void **state)
{
    (void)state;
    static struct program program;
    uint64_t crossing = RAM_BASE + PAGE_BYTES - 2;
    uint32_t addi = program_word(INSTRUCTION_ADDI, A0, A0, 0, 1);
    program.count = 0;
    put_number(&program, A1, crossing);
    put_number(&program, A2, addi & 0xffff);
    PUT(&program, SH, 0, A1, A2, 0);
    put_number(&program, A2, addi >> 16);
    PUT(&program, SH, 0, A1, A2, 2);
    put_number(&program, A2, 0x8082); /* c.jr ra */
    PUT(&program, SH, 0, A1, A2, 4);
    PUT(&program, JALR, RA, A1, 0, 0);             /* a0 = 1 */
    put_number(&program, A2, (addi >> 16) + 0x20); /* its immediate becomes 3 */
    PUT(&program, SH, 0, A1, A2, 2);
    PUT(&program, JALR, RA, A1, 0, 0); /* a0 = 4 */
    put_number(&program, A2, program_word(INSTRUCTION_XORI, A0, A0, 0, 3) & 0xffff);
    PUT(&program, SH, 0, A1, A2, 0);
    PUT(&program, JALR, RA, A1, 0, 0); /* a0 = 7 */
    put_exit(&program);
    struct world world = {.guest = boot(&program)};
    assert_true(live(&world, FOREVER));
    assert_false(world.last.is_fault);
    assert_int_equal(world.last.status, 7);
    world.guest->ops->close(world.guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cutting_its_time_changes_nothing),
        cmocka_unit_test(stops_at_its_exact_instruction),
        cmocka_unit_test(saving_and_loading_anywhere_changes_nothing),
        cmocka_unit_test(a_machine_without_pages_fetches_each_once),
        cmocka_unit_test(dropped_pages_are_missed_again),
        cmocka_unit_test(each_page_traps_once_between_fetches),
        cmocka_unit_test(a_store_across_pages_asks_for_both),
        cmocka_unit_test(a_page_is_put_in_place_and_is_missing_until_it_is_installed),
        cmocka_unit_test(a_saved_state_is_whole_or_refused),
        cmocka_unit_test(a_state_for_another_machine_is_refused),
        cmocka_unit_test(a_fault_ends_the_guest_and_says_where),
        cmocka_unit_test(code_across_pages_follows_what_is_stored),
    };
    return cmocka_run_group_tests(tests, run_undisturbed, forget_undisturbed);
}
