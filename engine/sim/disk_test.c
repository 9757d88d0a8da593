/* The disk in a world (C12): who reads the guest's memory for it, and when; what a crash makes of
 * it; and the fence. Programs that are no journal: pages that change without a flush. */
#include "machine/machine.h"
#include "machine/test_program.h"
#include "sim/scripted.h"

#define PAGE_A (RAM_BASE + 20 * PAGE_BYTES) /* what is written first */
#define PAGE_P (RAM_BASE + 21 * PAGE_BYTES) /* through which blocks are copied */
#define PAGE_Q (RAM_BASE + 22 * PAGE_BYTES) /* into which they are read back */

/* Asks the disk, and waits until that is done. */
static void put_disk(struct program *program, uint32_t function, uint32_t block_reg,
                     uint32_t address_reg)
{
    put_number(program, A7, HYPERCALL_DISK);
    put_number(program, A6, function);
    PUT(program, ADDI, A0, block_reg, 0, 0);
    PUT(program, ADDI, A1, address_reg, 0, 0);
    PUT(program, ECALL, 0, 0, 0, 0);
    PUT(program, ADDI, S4, A1, 0, 0);
    put_number(program, A6, DISK_POLL);
    uint64_t again = program_here(program);
    PUT(program, ECALL, 0, 0, 0, 0);
    PUT_TO(program, BLT, 0, A1, S4, again);
}

static void put_give(struct program *program, uint32_t address_reg)
{
    put_number(program, A7, HYPERCALL_PAGES);
    put_number(program, A6, PAGES_GIVE);
    PUT(program, ADDI, A0, address_reg, 0, 0);
    put_number(program, A1, PAGE_BYTES);
    PUT(program, ECALL, 0, 0, 0, 0);
}

static void put_ends(struct program *program, uint64_t again)
{
    PUT(program, ADDI, S2, S2, 0, -1);
    PUT_TO(program, BNE, 0, S2, ZERO, again);
    put_number(program, A0, 0);
    put_exit(program);
}

/* Blocks 0 and 1 hold 1 and 2. In turn, one of them is copied to block 2 by way of P, of which no
 * line is in the cache, and block 2 is read back to Q. With `gives`, P is given away instead: block
 * 2 is zeros in every other turn. The guest ends with 1 where it reads anything else. */
static struct bytes copying_program(uint64_t turns, bool gives)
{
    static struct program program;
    struct program *p = &program;
    p->count = 0;
    put_number(p, S0, PAGE_P);
    put_number(p, S1, PAGE_Q);
    put_number(p, S5, PAGE_A);
    put_number(p, S2, turns);
    put_number(p, S6, 2); /* the block */
    for (uint32_t block = 0; block < 2; block++) {
        put_number(p, S3, block);
        put_number(p, T0, block + 1);
        PUT(p, SD, 0, S5, T0, 0);
        PUT(p, CBO_FLUSH, 0, S5, 0, 0);
        put_disk(p, DISK_WRITE, S3, S5);
    }
    uint64_t again = program_here(p);
    PUT(p, ANDI, S3, S2, 0, 1);
    PUT(p, ADDI, S7, S3, 0, 1); /* what block 2 is to hold */
    put_disk(p, DISK_READ, S3, S0);
    if (gives) {
        PUT(p, BEQ, 0, S3, ZERO, 0); /* filled in below: an even turn gives nothing */
        uint32_t branch = p->count - 1;
        put_give(p, S0);
        PUT(p, ADDI, S7, ZERO, 0, 0);
        p->words[branch] = program_word(INSTRUCTION_BEQ, 0, S3, ZERO, 4ll * (p->count - branch));
    }
    put_disk(p, DISK_WRITE, S6, S0);
    put_disk(p, DISK_READ, S6, S1);
    PUT(p, LD, T0, S1, 0, 0);
    put_number(p, A0, 1);
    PUT(p, BEQ, 0, T0, S7, 12); /* past the exit */
    put_exit(p);
    put_ends(p, again);
    return program_image(p);
}

#define FLUSHED_PAGES 60

/* Stores to 60 pages and flushes them all, `turns` times. */
static struct bytes flushing_program(uint64_t turns)
{
    static struct program program;
    struct program *p = &program;
    p->count = 0;
    put_number(p, S0, PAGE_A);
    put_number(p, S1, PAGE_A + FLUSHED_PAGES * PAGE_BYTES);
    put_number(p, S2, turns);
    put_number(p, S3, PAGE_BYTES);
    put_number(p, A7, HYPERCALL_CACHE);
    put_number(p, A6, CACHE_FLUSH_RANGE);
    uint64_t again = program_here(p);
    PUT(p, ADDI, S4, S0, 0, 0);
    uint64_t next = program_here(p);
    PUT(p, SD, 0, S4, S2, 0);
    PUT(p, ADD, S4, S4, S3, 0);
    PUT_TO(p, BLTU, 0, S4, S1, next);
    PUT(p, ADDI, A0, S0, 0, 0);
    put_number(p, A1, FLUSHED_PAGES * PAGE_BYTES);
    PUT(p, ECALL, 0, 0, 0, 0);
    put_ends(p, again);
    return program_image(p);
}

static void open_program(struct run *run, const char *words, struct bytes *image)
{
    struct scenario scenario;
    char text[400];
    snprintf(text, sizeof text, "guest=journal memory=2MiB cpu-rate=10MIPS cache=on %s", words);
    scenario_of(&scenario, text);
    assert_int_equal(run_open(run, &scenario, image->data, image->count, false, NULL), STATUS_OK);
    scenario_fini(&scenario);
    bytes_fini(image);
}

static void assert_went_well(const struct run *run, const char *words)
{
    if (!oracle_holds(world_oracle(run->world)))
        fail_msg("%s: %s", words, world_oracle(run->world)->what);
    if (!run->timeline.has_guest_ended || run->timeline.guest_status != 0 ||
        run->timeline.is_guest_fault)
        fail_msg("%s: the guest read something else than was written", words);
}

/* Memory that a device wrote, or that was given away, is at the target only when it was sent. */
static void what_changed_without_a_flush_is_carried(void **state)
{
    static const char *const modes[] = {"pre-copy", "hybrid", "continuous", "auto"};
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct run run;
        char words[200];
        struct bytes image = copying_program(400, i / 8 == 1);
        snprintf(words, sizeof words, "disk-at=target bandwidth=%uMbit/s latency=%uus mode=%s",
                 30 + 40 * (i % 2), 20 + 90 * (i / 4 % 2), modes[i % 4]);
        open_program(&run, words, &image);
        run_to_end(&run);
        assert_went_well(&run, words);
        assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
        run_close(&run);
    }
}

/* A guest that does nothing but flush: its rounds end, and the limits are kept. And what flushes
 * took out of the log counts as dirtied, each page once in a round. */
static void a_guest_that_always_flushes_is_moved(void **state)
{
    static const char *const modes[] = {
        "mode=pre-copy max-rounds=5",
        "mode=hybrid switch-after=2",
        "mode=continuous", /* which has no rounds but the first pages it sends */
        "mode=auto",
        "mode=pre-copy hot-last=on max-rounds=5",
        "mode=pre-copy skip-rewritten=on max-rounds=5",
        "mode=pre-copy dirty-tracking=hardware-log max-rounds=5"};
    (void)state;
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct run run;
        uint64_t rounds = 0;
        bool goes_on = true;
        char words[200];
        struct bytes image = flushing_program(20000);
        snprintf(words, sizeof words, "disk-at=target start-at=4ms bandwidth=20Mbit/s %s",
                 modes[i]);
        open_program(&run, words, &image);
        while (goes_on) {
            goes_on = run_step(&run);
            for (size_t k = 0; k < run.events.count; k++) {
                const struct event *event = &run.events.items[k];
                if (event->kind != EVENT_ROUND_ENDED)
                    continue;
                rounds++;
                if (event->round_ended.pages_sent > 2 * 512 + 2 * FLUSHED_PAGES)
                    fail_msg("%s: a round of %llu pages", words,
                             (unsigned long long)event->round_ended.pages_sent);
                uint64_t dirtied = event->round_ended.dirtied_pages;
                if (i != 2 && event->round_ended.round_idx == 0 &&
                    (dirtied < FLUSHED_PAGES || dirtied > FLUSHED_PAGES + 2))
                    fail_msg("%s: %llu pages dirtied", words, (unsigned long long)dirtied);
            }
        }
        assert_went_well(&run, words);
        assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
        assert_in_range(rounds, i == 2 ? 0 : 2, 8);
        run_close(&run);
    }
}

/* A disk goes on when the host it is served at crashes: the guest's host serves it, at once. */
static void a_crashed_host_serves_nothing(void **state)
{
    static const struct {
        const char *words;
        uint32_t crashed;
    } rows[] = {
        {"disk-at=source bandwidth=1Gbit/s fault=crash-source@400ms", HOST_SOURCE},
        {"disk-at=source bandwidth=1Gbit/s cache=off fault=crash-source@400200us", HOST_SOURCE},
        {"disk-at=target bandwidth=30Mbit/s fault=crash-target@40ms", HOST_TARGET},
        {"disk-at=target bandwidth=30Mbit/s latency=1ms fault=crash-target@300ms", HOST_TARGET},
        {"disk-at=target bandwidth=30Mbit/s latency=1ms fault=crash-target@300700us", HOST_TARGET},
        {"disk-at=target bandwidth=30Mbit/s latency=1ms fault=crash-target@301300us", HOST_TARGET},
        {"disk-at=target mode=stop-and-copy start-at=1s fault=crash-target@20ms", HOST_TARGET},
    };
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct run run;
        uint64_t before = 0, after = 0;
        bool has_crashed = false, goes_on = true;
        struct bytes image = copying_program(1500, false);
        open_program(&run, rows[row].words, &image);
        while (goes_on) {
            goes_on = run_step(&run);
            for (size_t i = 0; i < run.events.count; i++) {
                const struct event *event = &run.events.items[i];
                has_crashed |= event->kind == EVENT_HOST_CRASHED;
                if (event->kind != EVENT_DISK_WRITTEN)
                    continue;
                *(has_crashed ? &after : &before) += 1;
                if (has_crashed && event->disk_written.served_at == rows[row].crashed)
                    fail_msg("%s: served by the host that crashed", rows[row].words);
            }
        }
        assert_went_well(&run, rows[row].words);
        assert_true(before > 10 && after > 10);
        run_close(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_without_a_flush_is_carried),
        cmocka_unit_test(a_guest_that_always_flushes_is_moved),
        cmocka_unit_test(a_crashed_host_serves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
