/* The disk, the cache and pages given away, as a guest asks for them; and whole programs, which a
 * cache must not change. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "machine/board.h"
#include "machine/cache.h"
#include "machine/memory_cache.h"
#include "machine/test_program.h"

#define MEMORY_BYTES (2ull << 20)
#define BUFFER       (RAM_BASE + 0x8000)
#define END          (RAM_BASE + MEMORY_BYTES)
#define BLOCKS       8

static struct guest *guest;
static struct machine *machine;
static struct guest_run run;

static struct guest *open_machine(const struct program *program, bool has_cache)
{
    struct machine_config config = {.memory_bytes = MEMORY_BYTES,
                                    .cpu_rate = 1000000000,
                                    .hart_count = 1,
                                    .arguments = "",
                                    .has_cache = has_cache};
    struct bytes image = program_image(program);
    struct guest *opened;
    enum status status = machine_open(&config, "test", image.data, image.count, &opened, NULL);
    assert_int_equal(status, STATUS_OK);
    bytes_fini(&image);
    return opened;
}

static int boot(void **state)
{
    static struct program program;
    (void)state;
    program.count = 0;
    PUT(&program, ECALL, 0, 0, 0, 0);
    PUT(&program, WFI, 0, 0, 0, 0);
    guest = open_machine(&program, true);
    machine = machine_of(guest);
    machine_disk(guest)->block_count = BLOCKS;
    return 0;
}

static int close_guest(void **state)
{
    (void)state;
    guest->ops->close(guest);
    return 0;
}

static int64_t ask(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1)
{
    struct hart *hart = &machine->harts[0];
    hart->pc = RAM_BASE;
    hart->x[A7] = extension;
    hart->x[A6] = function;
    hart->x[A0] = a0;
    hart->x[A1] = a1;
    guest->ops->run(guest, guest->ops->now_ns(guest) + 1, &run);
    return hart->x[A0] != 0 ? (int64_t)hart->x[A0] : (int64_t)hart->x[A1];
}

/* As a hart does it. */
static void store(uint64_t address, uint8_t byte)
{
    while (memory_check_store(&machine->memory, address, 1).result == MEMORY_DIRTIED)
        ;
    *memory_at(&machine->memory, address) = byte;
}

static uint8_t held(uint64_t address)
{
    uint8_t byte;
    machine_dma_read(guest, address, 1, &byte);
    return byte;
}

/* ---- The disk ---- */

static void asks_that_are_wrong(void **state)
{
    static const struct {
        uint64_t block, address;
        int64_t answer;
    } rows[] = {
        {0, BUFFER, 1},
        {BLOCKS - 1, END - DISK_BLOCK_BYTES, 2},
        {BLOCKS, BUFFER, HYPERCALL_INVALID_PARAM},
        {UINT64_MAX, BUFFER, HYPERCALL_INVALID_PARAM},
        {0, BUFFER + 64, HYPERCALL_INVALID_PARAM},
        {0, END, HYPERCALL_INVALID_ADDRESS},
        {0, RAM_BASE - DISK_BLOCK_BYTES, HYPERCALL_INVALID_ADDRESS},
        {0, UINT64_MAX - DISK_BLOCK_BYTES + 1, HYPERCALL_INVALID_ADDRESS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(ask(HYPERCALL_DISK, i % 2 == 0 ? DISK_WRITE : DISK_READ, rows[i].block,
                             rows[i].address),
                         rows[i].answer);
    assert_int_equal(ask(HYPERCALL_DISK, DISK_BLOCKS, 0, 0), BLOCKS);
    assert_int_equal(ask(HYPERCALL_DISK, 4, 0, 0), HYPERCALL_NOT_SUPPORTED);
    assert_int_equal(ask(HYPERCALL_BASE, 3, HYPERCALL_DISK, 0), 1);
    machine_disk(guest)->block_count = 0;
    assert_int_equal(ask(HYPERCALL_DISK, DISK_WRITE, 0, BUFFER), HYPERCALL_INVALID_PARAM);
}

static void requests_are_done_in_their_order(void **state)
{
    (void)state;
    assert_null(disk_first(machine_disk(guest)));
    assert_true(guest->ops->is_quiet(guest));
    for (int64_t n = 1; n <= DISK_REQUESTS_MAX; n++) {
        assert_int_equal(ask(HYPERCALL_DISK, DISK_WRITE, (uint64_t)n % BLOCKS, BUFFER), n);
        assert_int_equal(run.stop, GUEST_OUTPUT);
    }
    assert_int_equal(ask(HYPERCALL_DISK, DISK_WRITE, 1, BUFFER), HYPERCALL_WOULD_BLOCK);
    assert_false(guest->ops->is_quiet(guest));
    for (int64_t n = 1; n <= DISK_REQUESTS_MAX; n++) {
        assert_int_equal(ask(HYPERCALL_DISK, DISK_POLL, 0, 0), n - 1);
        assert_int_equal(disk_first(machine_disk(guest))->block_idx, n % BLOCKS);
        disk_complete(machine_disk(guest));
    }
    assert_int_equal(ask(HYPERCALL_DISK, DISK_POLL, 0, 0), DISK_REQUESTS_MAX);
    assert_true(guest->ops->is_quiet(guest));
}

/* A page that is not there must come first: the disk has nobody to ask. */
static void the_page_must_be_there(void **state)
{
    uint8_t page[PAGE_BYTES] = {0};
    (void)state;
    guest->ops->drop_page(guest, (BUFFER - RAM_BASE) / PAGE_BYTES);
    ask(HYPERCALL_DISK, DISK_READ, 1, BUFFER);
    assert_int_equal(run.stop, GUEST_MISSING);
    assert_true(guest->ops->is_quiet(guest));
    guest->ops->install_pages(guest, (BUFFER - RAM_BASE) / PAGE_BYTES, 1, page);
    assert_int_equal(ask(HYPERCALL_DISK, DISK_READ, 1, BUFFER), 1);
}

/* What the harts stored reaches it by a flush, and by nothing else. */
static void it_reads_beneath_the_cache(void **state)
{
    (void)state;
    store(BUFFER, 5);
    store(BUFFER + 70, 6);
    assert_int_equal(held(BUFFER), 0);
    assert_int_equal(ask(HYPERCALL_CACHE, CACHE_FLUSH_RANGE, BUFFER + 1, 2), 0);
    assert_int_equal(held(BUFFER), 5);
    assert_int_equal(held(BUFFER + 70), 0);
    store(BUFFER, 8);
    assert_int_equal(ask(HYPERCALL_CACHE, CACHE_FLUSH_RANGE, BUFFER + 4, 0), 0); /* nothing */
    assert_int_equal(held(BUFFER), 5);
    assert_int_equal(ask(HYPERCALL_CACHE, CACHE_FLUSH_RANGE, BUFFER + 63, 2), 0);
    assert_int_equal(held(BUFFER + 70), 6);
    store(END - 1, 7);
    assert_int_equal(ask(HYPERCALL_CACHE, CACHE_FLUSH_RANGE, END - 1, 2),
                     HYPERCALL_INVALID_ADDRESS);
    ask(HYPERCALL_CACHE, CACHE_FLUSH_ALL, 0, 0);
    assert_int_equal(held(END - 1), 7);
    assert_int_equal(machine->memory.cache->line_count, 0);
}

/* While flushes are told: of which pages; and the hart goes on only where it is not barred. */
static void flushes_are_told(void **state)
{
    (void)state;
    guest->ops->tell_flushes(guest, true);
    ask(HYPERCALL_CACHE, CACHE_FLUSH_RANGE, BUFFER + PAGE_BYTES - 1, 2);
    assert_int_equal(run.stop, GUEST_FLUSHED);
    assert_int_equal(run.page_idx, (BUFFER - RAM_BASE) / PAGE_BYTES);
    assert_int_equal(run.page_count, 2);
    ask(HYPERCALL_CACHE, CACHE_FLUSH_ALL, 0, 0);
    assert_int_equal(run.stop, GUEST_FLUSHED);
    assert_int_equal(run.page_count, guest->total_pages);
    guest->ops->bar(guest, 0, true);
    uint64_t now_ns = guest->ops->now_ns(guest);
    guest->ops->run(guest, now_ns + 100, &run);
    assert_int_equal(run.stop, GUEST_BARRED);
    assert_int_equal(guest->ops->now_ns(guest), now_ns);
    guest->ops->bar(guest, 0, false);
    guest->ops->run(guest, now_ns + 100, &run);
    assert_int_equal(run.stop, GUEST_IDLE);
}

/* In user mode an invalidation may have been made a flush: nothing that others hid is uncovered. */
static void users_may_be_made_to_flush(void **state)
{
    static const struct {
        bool is_user;
        uint64_t senvcfg;
        uint8_t held, seen;
    } rows[] = {
        {false, 0, 0, 0},     /* inval */
        {true, 1 << 4, 9, 9}, /* CBIE 01: flush */
        {true, 3 << 4, 0, 0}, /* CBIE 11: inval */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hart *hart = &machine->harts[0];
        uint32_t word = program_word(INSTRUCTION_CBO_INVAL, 0, A0, 0, 0);
        uint64_t at = BUFFER + i * PAGE_BYTES;
        store(at, 9);
        memory_write(&machine->memory, RAM_BASE + 64, sizeof word, (const uint8_t *)&word);
        hart->pc = RAM_BASE + 64;
        hart->x[A0] = at;
        hart->is_user = rows[i].is_user;
        hart->senvcfg = rows[i].senvcfg;
        guest->ops->run(guest, guest->ops->now_ns(guest) + 1, &run);
        assert_int_equal(hart->pc, RAM_BASE + 68);
        assert_int_equal(held(at), rows[i].held);
        assert_int_equal(*memory_at(&machine->memory, at), rows[i].seen);
    }
}

/* ---- Its state ---- */

static enum status load_into(struct guest *to, const struct bytes *saved, struct problem *problem)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, saved->data, saved->count);
    return to->ops->load(to, &reader, problem);
}

static void requests_are_counted_on(void **state)
{
    static struct program program;
    struct problem problem = {STATUS_OK, ""};
    struct bytes before = {0}, saved = {0};
    (void)state;
    guest->ops->save(guest, &before); /* nothing was asked for: no section, as in old states */
    assert_null(memmem(before.data, before.count, "DISK", 4));
    ask(HYPERCALL_DISK, DISK_WRITE, 1, BUFFER);
    guest->ops->save(guest, &saved);
    program.count = 0;
    PUT(&program, WFI, 0, 0, 0, 0);
    struct guest *other = open_machine(&program, true);
    assert_int_equal(load_into(other, &saved, &problem), STATUS_BAD_STATE); /* it is under way */
    assert_non_null(strstr(problem.text, "DISK"));
    disk_complete(machine_disk(guest));
    bytes_clear(&saved);
    guest->ops->save(guest, &saved);
    assert_int_equal(load_into(other, &saved, &problem), STATUS_OK);
    assert_int_equal(machine_disk(other)->asked, 1);
    assert_int_equal(machine_disk(other)->done, 1);
    assert_int_equal(load_into(other, &before, &problem), STATUS_OK);
    assert_int_equal(machine_disk(other)->asked, 0);
    other->ops->close(other);
    bytes_fini(&before);
    bytes_fini(&saved);
}

/* A state may say that many have been asked for; never so many that the next number is an error. */
static void counts_leave_room(void **state)
{
    static const struct {
        uint64_t asked, done;
        bool is_fine;
    } rows[] = {
        {0, 0, true},
        {INT64_MAX / 2, INT64_MAX / 2, true},
        {INT64_MAX / 2 + 1, INT64_MAX / 2 + 1, false},
        {INT64_MAX, INT64_MAX, false},
        {UINT64_MAX, UINT64_MAX, false},
        {5, 4, false},
        {4, 5, false},
    };
    const struct disk_request request = {.block_idx = 1, .address = BUFFER};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct disk disk = {.block_count = BLOCKS};
        struct bytes body = {0};
        struct bytes_reader reader;
        bytes_put_u64(&body, rows[i].asked);
        bytes_put_u64(&body, rows[i].done);
        bytes_reader_init(&reader, body.data, body.count);
        assert_int_equal(disk_load(&disk, &reader), rows[i].is_fine);
        if (rows[i].is_fine)
            assert_int_equal(disk_ask(&disk, &request), (int64_t)rows[i].done + 1);
        bytes_fini(&body);
    }
}

/* ---- Pages given away ---- */

/* Of a free page the cache holds no line: it is used from the first store on, and given again it is
 * zeros for the harts as well. */
static void a_page_in_the_cache_is_used(void **state)
{
    uint64_t page_idx = (BUFFER - RAM_BASE) / PAGE_BYTES;
    (void)state;
    store(BUFFER, 5);
    for (unsigned turn = 0; turn < 3; turn++) {
        ask(HYPERCALL_PAGES, PAGES_GIVE, BUFFER, 2 * PAGE_BYTES);
        assert_int_equal(guest->free.set_count, 2);
        assert_int_equal(machine->memory.cache->line_count, 0);
        store(BUFFER + 100, 7);
        assert_false(bitmap_has(&guest->free, page_idx));
        assert_int_equal(held(BUFFER + 100), 0);
        ask(HYPERCALL_PAGES, PAGES_GIVE, BUFFER, PAGE_BYTES);
        assert_int_equal(*memory_at(&machine->memory, BUFFER + 100), 0);
    }
    /* What is free already is passed over. */
    store(END - 1, 1);
    *memory_at(&machine->memory, BUFFER + 3) = 9; /* no hart did it, so nobody may notice */
    ask(HYPERCALL_PAGES, PAGES_GIVE, BUFFER, PAGE_BYTES);
    assert_int_equal(*memory_at(&machine->memory, BUFFER + 3), 9);
}

static void pages_are_given_in_pieces(void **state)
{
    (void)state;
    store(BUFFER, 5);
    store(END - 1, 5);
    guest->ops->write_back(guest);
    assert_int_equal(ask(HYPERCALL_PAGES, PAGES_GIVE, BUFFER - 1, END - BUFFER + 1),
                     END - BUFFER + 1);
    assert_int_equal(guest->free.set_count, (END - BUFFER) / PAGE_BYTES);
    assert_int_equal(held(BUFFER), 0);
    assert_int_equal(*memory_at(&machine->memory, END - 1), 0);
    assert_int_equal(ask(HYPERCALL_PAGES, PAGES_GIVE, BUFFER, END), HYPERCALL_INVALID_ADDRESS);
    assert_int_equal(ask(HYPERCALL_PAGES, PAGES_GIVE, 0, 0), HYPERCALL_INVALID_ADDRESS);
    assert_int_equal(ask(HYPERCALL_PAGES, PAGES_GIVE, BUFFER, 0), 0);
    store(BUFFER, 1);
    guest->ops->write_back(guest);
    assert_int_equal(guest->free.set_count, (END - BUFFER) / PAGE_BYTES - 1);
}

/* A store that has its quick way into a page takes it no more once the page was given away: the
 * page is used from then on, as any other. */
static void a_given_page_is_seen_to_be_used(void **state)
{
    static struct program program;
    struct program *p = &program;
    (void)state;
    p->count = 0;
    put_number(p, S0, BUFFER);
    put_number(p, S1, 64);
    uint64_t again = program_here(p);
    PUT(p, SD, 0, S0, S1, 0);
    PUT(p, ADDI, S1, S1, 0, -1);
    PUT_TO(p, BNE, 0, S1, ZERO, again);
    put_number(p, A7, HYPERCALL_PAGES);
    put_number(p, A6, PAGES_GIVE);
    put_number(p, A0, BUFFER);
    put_number(p, A1, PAGE_BYTES);
    PUT(p, ECALL, 0, 0, 0, 0);
    PUT(p, SD, 0, S0, S0, 8);
    put_number(p, A0, 0);
    put_exit(p);
    struct guest *one = open_machine(p, false);
    do
        one->ops->run(one, one->ops->now_ns(one) + 100000, &run);
    while (run.stop != GUEST_ENDED);
    assert_int_equal(run.status, 0);
    assert_int_equal(one->free.set_count, 0);
    assert_true(bitmap_has(&one->dirty, (BUFFER - RAM_BASE) / PAGE_BYTES));
    one->ops->close(one);
}

/* Instructions that were decoded are the ones that a device has written since. */
static void a_device_may_write_instructions(void **state)
{
    (void)state;
    for (int64_t number = 1; number <= 4; number++) {
        uint32_t words[3];
        for (unsigned i = 0; i < 3; i++)
            words[i] = program_word(INSTRUCTION_ADDI, A3, ZERO, 0, number);
        machine_dma_write(guest, BUFFER, sizeof words, (const uint8_t *)words);
        machine->harts[0].pc = BUFFER;
        guest->ops->run(guest, guest->ops->now_ns(guest) + 3, &run);
        assert_int_equal(machine->harts[0].pc, BUFFER + 12);
        assert_int_equal(machine->harts[0].x[A3], number);
    }
}

/* ---- Whole programs ---- */

#define ROUNDS_AT 4000

/* Stores, loads, atomics and flushes at random places of 1 MiB, 16 lines to each set, so that lines
 * go all the time; what is loaded decides what is stored. */
static void put_random_accesses(struct program *program, struct prng *prng)
{
    static const enum instruction_code codes[] = {INSTRUCTION_SD, INSTRUCTION_SB, INSTRUCTION_SW,
                                                  INSTRUCTION_LD, INSTRUCTION_LBU};
    program->count = 0;
    put_number(program, S0, RAM_BASE + (1 << 20) - 8);
    put_number(program, S1, 0xffff8);
    put_number(program, S2, prng_next(prng));
    put_number(program, S3, 6364136223846793005ull);
    put_number(program, S4, ROUNDS_AT);
    uint64_t again = program_here(program);
    for (int i = 0; i < 24; i++) {
        uint64_t choice = prng_below(prng, 12);
        PUT(program, MUL, S2, S2, S3, 0);
        PUT(program, ADDI, S2, S2, 0, (int64_t)prng_below(prng, 2000));
        PUT(program, SRLI, T0, S2, 0, (int64_t)(8 + prng_below(prng, 30)));
        PUT(program, AND, T0, T0, S1, 0);
        if (prng_below(prng, 3) == 0) /* lines of few sets */
            PUT(program, ANDI, T1, T0, 0, 0x1f8), PUT(program, SRLI, T0, T0, 0, 16),
                PUT(program, SLLI, T0, T0, 0, 16), PUT(program, OR, T0, T0, T1, 0);
        PUT(program, ADD, T0, T0, S0, 0);
        if (choice < 10) {
            enum instruction_code code = codes[choice % 5];
            put_word(program, program_word(code, T2, T0, S2, (int64_t)prng_below(prng, 8)));
        } else if (choice == 10) {
            PUT(program, AMOADD_D, T2, T0, S2, 0);
        } else if (prng_below(prng, 2) == 0) {
            PUT(program, CBO_FLUSH, 0, T0, 0, 0);
        } else {
            PUT(program, CBO_CLEAN, 0, T0, 0, 0);
        }
        PUT(program, ADD, S2, S2, T2, 0);
    }
    PUT(program, ADDI, S4, S4, 0, -1);
    PUT(program, BEQ, 0, S4, ZERO, 8);
    PUT_TO(program, JAL, 0, 0, 0, again);
    PUT(program, ADDI, A0, ZERO, 0, 0);
    put_exit(program);
}

/* To its end, in slices; the log goes on and off, pages go and come. */
static uint64_t end_of(const struct program *program, bool has_cache, struct prng *prng,
                       uint64_t *traps)
{
    static uint8_t away[PAGE_BYTES];
    struct guest *one = open_machine(program, has_cache);
    struct guest_run stop = {.stop = GUEST_TIME_REACHED};
    uint64_t page_idx = 0;
    while (stop.stop != GUEST_ENDED) {
        one->ops->run(one,
                      one->ops->now_ns(one) + 1 + (has_cache ? prng_below(prng, 50000) : 9999999),
                      &stop);
        *traps += stop.stop == GUEST_DIRTIED;
        if (!has_cache || stop.stop == GUEST_DIRTIED || stop.stop == GUEST_ENDED)
            continue;
        if (stop.stop == GUEST_MISSING || !bitmap_has(&one->present, page_idx)) {
            one->ops->install_pages(one, page_idx, 1, away);
        } else if (prng_below(prng, 2) == 0) {
            page_idx = 256 + prng_below(prng, 200);
            one->ops->read_pages(one, page_idx, 1, away);
            one->ops->drop_page(one, page_idx);
        }
        if (prng_below(prng, 3) == 0)
            one->ops->track(one, prng_below(prng, 2) == 0);
        if (one->present.set_count == one->total_pages && prng_below(prng, 9) == 0)
            one->ops->write_back(one);
    }
    if (!bitmap_has(&one->present, page_idx))
        one->ops->install_pages(one, page_idx, 1, away);
    uint64_t digest = one->ops->digest(one);
    assert_int_equal(stop.status, 0);
    assert_false(stop.is_fault);
    one->ops->close(one);
    return digest;
}

static void a_cache_changes_no_program(void **state)
{
    static struct program program;
    struct prng prng = prng_make(12, 3);
    uint64_t traps = 0;
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        put_random_accesses(&program, &prng);
        uint64_t without = end_of(&program, false, &prng, &traps);
        if (end_of(&program, true, &prng, &traps) != without)
            fail_msg("program %u ends otherwise with a cache", i);
    }
    assert_true(traps > 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, boot, close_guest)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_that_are_wrong),
        TEST(requests_are_done_in_their_order),
        TEST(the_page_must_be_there),
        TEST(it_reads_beneath_the_cache),
        TEST(flushes_are_told),
        TEST(users_may_be_made_to_flush),
        TEST(requests_are_counted_on),
        TEST(counts_leave_room),
        TEST(a_page_in_the_cache_is_used),
        TEST(pages_are_given_in_pieces),
        TEST(a_device_may_write_instructions),
        cmocka_unit_test(a_given_page_is_seen_to_be_used),
        cmocka_unit_test(a_cache_changes_no_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
