/* What a guest asks and what it is told; and that a call whose buffer is not there, or protected,
 * has not happened.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "machine/board.h"
#include "machine/test_program.h"

#define MEMORY_BYTES (1ull << 20)
#define BUFFER       (RAM_BASE + 0x8000 - 4) /* its fifth byte is on the next page */
#define PORT         7
#define STREAM       3

static struct guest *guest;
static struct machine *machine;
static struct guest_run run;

static int boot(void **state)
{
    (void)state;
    static struct program program;
    static const struct machine_config config = {.memory_bytes = MEMORY_BYTES,
                                                 .cpu_rate = 1000000000,
                                                 .hart_count = 1,
                                                 .arguments = "echo\0x",
                                                 .argument_bytes = 7};
    program.count = 0;
    PUT(&program, ECALL, 0, 0, 0, 0);
    PUT(&program, WFI, 0, 0, 0, 0);
    struct bytes image = program_image(&program);
    enum status status = machine_open(&config, "echo", image.data, image.count, &guest, NULL);
    assert_int_equal(status, STATUS_OK);
    bytes_fini(&image);
    machine = machine_of(guest);
    return 0;
}

static int close_guest(void **state)
{
    (void)state;
    guest->ops->close(guest);
    return 0;
}

/* Puts the call into the registers and runs this one instruction. */
static void ask(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2)
{
    struct hart *hart = &machine->harts[0];
    hart->pc = RAM_BASE;
    hart->x[A7] = extension;
    hart->x[A6] = function;
    hart->x[A0] = a0;
    hart->x[A1] = a1;
    hart->x[A2] = a2;
    guest->ops->run(guest, guest->ops->now_ns(guest) + 1, &run);
}

static void expect(int64_t error, uint64_t value)
{
    assert_int_equal((int64_t)machine->harts[0].x[A0], error);
    if (error == 0)
        assert_int_equal(machine->harts[0].x[A1], value);
    assert_int_equal(machine->harts[0].pc, RAM_BASE + 4);
}

static void answers_what_it_is(void **state)
{
    (void)state;
    ask(HYPERCALL_BASE, 0, 0, 0, 0);
    expect(0, 0x02000000);
    ask(HYPERCALL_BASE, 3, HYPERCALL_MAILBOX, 0, 0);
    expect(0, 1);
    ask(HYPERCALL_BASE, 3, HYPERCALL_HSM, 0, 0);
    expect(0, 1);
    ask(HYPERCALL_BASE, 3, 0x504D55, 0, 0); /* performance counters: not there */
    expect(0, 0);
    ask(HYPERCALL_BASE, 4, 0, 0, 0);
    expect(0, 0);
    ask(HYPERCALL_BASE, 7, 0, 0, 0);
    expect(HYPERCALL_NOT_SUPPORTED, 0);
    ask(0x12345, 0, 0, 0, 0);
    expect(HYPERCALL_NOT_SUPPORTED, 0);
    ask(HYPERCALL_ARGUMENTS, 1, 0, 0, 0);
    expect(0, MEMORY_BYTES);
    assert_int_equal(machine->harts[0].cycles, 8);
    assert_int_equal(guest->ops->instructions(guest), 0); /* an ecall does not retire */
}

static void writes_to_the_console(void **state)
{
    (void)state;
    memcpy(memory_at(&machine->memory, BUFFER), "crossing", 8);
    ask(HYPERCALL_DBCN, 0, 8, BUFFER, 0);
    assert_int_equal(run.stop, GUEST_OUTPUT);
    expect(0, 8);
    ask(HYPERCALL_DBCN, 2, 0x121, 0, 0);
    assert_int_equal(run.stop, GUEST_OUTPUT);
    expect(0, 0);
    assert_int_equal(machine_console(guest)->count, 9);
    assert_memory_equal(machine_console(guest)->data, "crossing!", 9);
    ask(HYPERCALL_DBCN, 0, 0, BUFFER, 0);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    ask(HYPERCALL_DBCN, 0, 8, RAM_BASE + MEMORY_BYTES - 7, 0);
    expect(HYPERCALL_INVALID_PARAM, 0);
    ask(HYPERCALL_DBCN, 0, 8, BUFFER, 1);
    expect(HYPERCALL_INVALID_PARAM, 0);
    ask(HYPERCALL_DBCN, 0, MEMORY_BYTES, RAM_BASE, 0); /* a part; the guest asks again */
    expect(0, 1024);
    assert_int_equal(machine_console(guest)->count, 9 + 1024);
}

static void gives_its_arguments(void **state)
{
    (void)state;
    ask(HYPERCALL_ARGUMENTS, 0, BUFFER, 100, 0);
    expect(0, 7);
    assert_memory_equal(memory_at(&machine->memory, BUFFER), "echo\0x\0\0", 8);
    memset(memory_at(&machine->memory, BUFFER), 1, 8);
    ask(HYPERCALL_ARGUMENTS, 0, BUFFER, 3, 0);
    expect(0, 7);
    assert_memory_equal(memory_at(&machine->memory, BUFFER), "ech\1", 4);
    ask(HYPERCALL_ARGUMENTS, 0, 0, 100, 0);
    expect(HYPERCALL_INVALID_ADDRESS, 0);
}

static void says_where_it_is(void **state)
{
    (void)state;
    ask(HYPERCALL_ARGUMENTS, ARGUMENTS_HOST, BUFFER, 100, 0);
    expect(0, 0);
    machine_name_host(guest, "alpha");
    uint64_t digest = guest->ops->digest(guest);
    machine_name_host(guest, "beta");
    assert_int_equal(guest->ops->digest(guest), digest); /* no part of the guest */
    ask(HYPERCALL_ARGUMENTS, ARGUMENTS_HOST, BUFFER, 100, 0);
    expect(0, 4);
    assert_memory_equal(memory_at(&machine->memory, BUFFER), "beta\0", 5);
    memset(memory_at(&machine->memory, BUFFER), 1, 8);
    ask(HYPERCALL_ARGUMENTS, ARGUMENTS_HOST, BUFFER, 3, 0);
    expect(0, 4);
    assert_memory_equal(memory_at(&machine->memory, BUFFER), "bet\1", 4);
    ask(HYPERCALL_ARGUMENTS, ARGUMENTS_HOST, 0, 100, 0);
    expect(HYPERCALL_INVALID_ADDRESS, 0);
}

static void ends_with_its_status(void **state)
{
    (void)state;
    ask(HYPERCALL_EXIT, 9, 42, 0, 0);
    ask(HYPERCALL_BASE, 0, 0, 0, 0); /* it stays ended */
    assert_int_equal(run.stop, GUEST_ENDED);
    assert_int_equal(run.status, 42);
    assert_false(run.is_fault);
    assert_int_equal(machine->harts[0].cycles, 1);
}

static void reset_ends_it_with_0_or_1(void **state)
{
    (void)state;
    ask(HYPERCALL_SRST, 0, 3, 0, 0);
    expect(HYPERCALL_INVALID_PARAM, 0);
    ask(HYPERCALL_SRST, 0, 0, 2, 0);
    expect(HYPERCALL_INVALID_PARAM, 0);
    ask(HYPERCALL_SRST, 0, 0, 1, 0);
    guest->ops->run(guest, UINT64_MAX, &run);
    assert_int_equal(run.stop, GUEST_ENDED);
    assert_int_equal(run.status, 1);
}

/* wfi sleeps until the timer, however the sleep is cut; a timer that is due lets it pass. */
static void sleeps_until_the_timer(void **state)
{
    (void)state;
    ask(HYPERCALL_TIME, 0, 5000, 0, 0);
    expect(0, 0);
    guest->ops->run(guest, 10000, &run);
    assert_int_equal(run.stop, GUEST_IDLE);
    assert_int_equal(run.wake_ns, 5000);
    guest->ops->idle_until(guest, 2000);
    guest->ops->run(guest, 10000, &run);
    assert_int_equal(run.stop, GUEST_IDLE);
    guest->ops->idle_until(guest, 5000);
    assert_int_equal(guest->ops->now_ns(guest), 5000);
    machine->harts[0].pc = RAM_BASE + 4; /* once more */
    guest->ops->run(guest, 5001, &run);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    ask(HYPERCALL_TIME, 0, 1ull << 63, 0, 0); /* beyond every life: never */
    assert_int_equal(machine->harts[0].timer_ns, UINT64_MAX);
    ask(HYPERCALL_TIME, 0, UINT64_MAX, 0, 0);
    guest->ops->run(guest, 10000, &run);
    assert_int_equal(run.stop, GUEST_IDLE);
    assert_int_equal(run.wake_ns, UINT64_MAX);
}

/* ---- Mailboxes, with a client's stream at the other end ---- */

static struct stream client;

static void settle(void)
{
    static struct stream_packet packet;
    uint32_t stream_idx;
    for (bool has_moved = true; has_moved;) {
        uint64_t now_ns = guest->ops->now_ns(guest);
        has_moved = false;
        while (stream_next_packet(&client, now_ns, &packet)) {
            mailbox_deliver(machine_mailbox(guest), now_ns, STREAM, &packet);
            has_moved = true;
        }
        while (mailbox_packet(machine_mailbox(guest), now_ns, &stream_idx, &packet)) {
            assert_int_equal(stream_idx, STREAM);
            assert_true(stream_receive(&client, now_ns, &packet));
            has_moved = true;
        }
    }
}

static void connect(void)
{
    stream_init(&client);
    ask(HYPERCALL_MAILBOX, MAILBOX_LISTEN, PORT, 0, 0);
    expect(0, 0);
    assert_true(mailbox_connect(machine_mailbox(guest), STREAM, PORT));
    ask(HYPERCALL_MAILBOX, MAILBOX_ACCEPT, 0, 0, 0);
    assert_int_equal(run.stop, GUEST_OUTPUT);
    expect(0, STREAM);
}

static void talks_through_its_mailbox(void **state)
{
    (void)state;
    char answer[8];
    ask(HYPERCALL_MAILBOX, MAILBOX_ACCEPT, 0, 0, 0);
    expect(HYPERCALL_WOULD_BLOCK, 0);
    connect();
    ask(HYPERCALL_MAILBOX, MAILBOX_RECEIVE, STREAM, BUFFER, 100);
    assert_int_equal(run.stop, GUEST_TIME_REACHED);
    expect(HYPERCALL_WOULD_BLOCK, 0);
    stream_write(&client, "question", 8);
    settle();
    ask(HYPERCALL_MAILBOX, MAILBOX_POLL, BUFFER, 4, 0);
    expect(0, 1);
    assert_memory_equal(memory_at(&machine->memory, BUFFER), "\3\0\0\0", 4);
    ask(HYPERCALL_MAILBOX, MAILBOX_RECEIVE, STREAM, BUFFER, 5);
    assert_int_equal(run.stop, GUEST_OUTPUT);
    expect(0, 5);
    ask(HYPERCALL_MAILBOX, MAILBOX_RECEIVE, STREAM, BUFFER + 5, 100);
    expect(0, 3);
    ask(HYPERCALL_MAILBOX, MAILBOX_SEND, STREAM, BUFFER, 8);
    assert_int_equal(run.stop, GUEST_OUTPUT);
    expect(0, 8);
    settle();
    assert_int_equal(stream_read(&client, answer, sizeof answer), 8);
    assert_memory_equal(answer, "question", 8);
    stream_close(&client);
    settle();
    ask(HYPERCALL_MAILBOX, MAILBOX_RECEIVE, STREAM, BUFFER, 100);
    expect(0, 0);
    ask(HYPERCALL_MAILBOX, MAILBOX_CLOSE, STREAM, 0, 0);
    assert_int_equal(run.stop, GUEST_OUTPUT);
    expect(0, 0);
}

/* Each of these needs both pages of BUFFER: first they are missing, then, where it writes, they
 * are protected. Nothing of the call happens before the last of them is there. */
static void asks_for_all_pages_first(void **state)
{
    (void)state;
    static const struct {
        uint64_t extension, function, a0, a1, a2, value;
        bool writes;
    } rows[] = {
        {HYPERCALL_DBCN, 0, 8, BUFFER, 0, 8, false},
        {HYPERCALL_ARGUMENTS, 0, BUFFER, 100, 0, 7, true},
        {HYPERCALL_MAILBOX, MAILBOX_POLL, BUFFER + 2, 2, 0, 1, true},
        {HYPERCALL_MAILBOX, MAILBOX_SEND, STREAM, BUFFER, 8, 8, false},
        {HYPERCALL_MAILBOX, MAILBOX_RECEIVE, STREAM, BUFFER, 100, 8, true},
    };
    uint8_t page[PAGE_BYTES] = {0};
    connect();
    stream_write(&client, "question", 8);
    settle();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        guest->ops->track(guest, true);
        guest->ops->drop_page(guest, 7);
        guest->ops->drop_page(guest, 8);
        uint64_t instructions = guest->ops->instructions(guest);
        for (unsigned attempt = 0; attempt < (rows[i].writes ? 4 : 2); attempt++) {
            ask(rows[i].extension, rows[i].function, rows[i].a0, rows[i].a1, rows[i].a2);
            assert_int_equal(run.stop, attempt < 2 ? GUEST_MISSING : GUEST_DIRTIED);
            assert_int_equal(run.page_idx, 7 + attempt % 2);
            assert_int_equal(machine->harts[0].pc, RAM_BASE);
            assert_int_equal(machine->harts[0].x[A0], rows[i].a0);
            assert_int_equal(guest->ops->instructions(guest), instructions);
            if (attempt < 2)
                guest->ops->install_pages(guest, 7 + attempt, 1, page);
        }
        ask(rows[i].extension, rows[i].function, rows[i].a0, rows[i].a1, rows[i].a2);
        expect(0, rows[i].value);
    }
}

static void looking_in_vain_dirties_nothing(void **state)
{
    (void)state;
    connect();
    guest->ops->track(guest, true);
    ask(HYPERCALL_MAILBOX, MAILBOX_RECEIVE, STREAM, BUFFER, 100);
    expect(HYPERCALL_WOULD_BLOCK, 0);
    ask(HYPERCALL_MAILBOX, MAILBOX_POLL, BUFFER, 4, 0);
    expect(0, 0);
    assert_int_equal(guest->dirty.set_count, 0);
}

/* Of a large buffer only that much is written as there are streams to report: what lies behind is
 * neither asked for nor dirtied, and no debugger that watches it is told. */
static void a_poll_writes_what_it_reports(void **state)
{
    (void)state;
    connect();
    stream_write(&client, "question", 8);
    settle();
    guest->ops->track(guest, true);
    guest->ops->drop_page(guest, 8);
    ask(HYPERCALL_MAILBOX, MAILBOX_POLL, BUFFER, 64, 0);
    assert_int_equal(run.stop, GUEST_DIRTIED);
    assert_int_equal(run.page_idx, 7);
    ask(HYPERCALL_MAILBOX, MAILBOX_POLL, BUFFER, 64, 0);
    expect(0, 1);
    assert_int_equal(guest->dirty.set_count, 1);
    assert_true(machine->touched.is_write);
    assert_int_equal(machine->touched.address, BUFFER);
    assert_int_equal(machine->touched.byte_count, 4);
    ask(HYPERCALL_MAILBOX, MAILBOX_POLL, BUFFER, 0, 0); /* how many, and nothing is written */
    expect(0, 1);
    assert_int_equal(machine->touched.byte_count, 0);
}

static void bad_buffers_and_streams_are_refused(void **state)
{
    (void)state;
    connect();
    stream_write(&client, "question", 8);
    settle();
    ask(HYPERCALL_MAILBOX, MAILBOX_RECEIVE, STREAM, 0, 100);
    expect(HYPERCALL_INVALID_ADDRESS, 0);
    ask(HYPERCALL_MAILBOX, MAILBOX_POLL, UINT64_MAX - 1, 4, 0);
    expect(HYPERCALL_INVALID_ADDRESS, 0);
    ask(HYPERCALL_MAILBOX, MAILBOX_SEND, STREAM, UINT64_MAX, UINT64_MAX);
    expect(HYPERCALL_INVALID_ADDRESS, 0);
    static const uint64_t strangers[] = {STREAM + 1, MAILBOX_STREAMS, UINT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        for (uint64_t function = MAILBOX_RECEIVE; function <= MAILBOX_CLOSE; function++) {
            ask(HYPERCALL_MAILBOX, function, strangers[i], BUFFER, 8);
            assert_true((int64_t)machine->harts[0].x[A0] < 0);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, boot, close_guest)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_what_it_is),
        TEST(writes_to_the_console),
        TEST(gives_its_arguments),
        TEST(says_where_it_is),
        TEST(ends_with_its_status),
        TEST(reset_ends_it_with_0_or_1),
        TEST(sleeps_until_the_timer),
        TEST(talks_through_its_mailbox),
        TEST(asks_for_all_pages_first),
        TEST(looking_in_vain_dirties_nothing),
        TEST(a_poll_writes_what_it_reports),
        TEST(bad_buffers_and_streams_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
