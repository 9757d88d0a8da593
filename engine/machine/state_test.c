/* A machine's state: an old one goes on, a damaged one does no harm, and its digest is the same on
 * every host. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "machine/board.h"
#include "machine/wild_state.h"

static struct problem problem;

static enum status load(struct guest *guest, const uint8_t *state, size_t count)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, state, count);
    problem = (struct problem){0};
    return guest->ops->load(guest, &reader, &problem);
}

/* Runs to its end; what it writes is kept. */
static uint64_t end(struct guest *guest, struct bytes *console)
{
    struct guest_run run;
    do {
        guest->ops->run(guest, NS_PER_S, &run);
        bytes_put(console, machine_console(guest)->data, machine_console(guest)->count);
        bytes_clear(machine_console(guest));
        if (run.stop == GUEST_IDLE)
            guest->ops->idle_until(guest, run.wake_ns);
    } while (run.stop == GUEST_OUTPUT || run.stop == GUEST_IDLE);
    assert_int_equal(run.stop, GUEST_ENDED);
    assert_false(run.is_fault);
    return run.status;
}

/* A guest with the pages of the old one, which are the same in every machine. */
static struct guest *guest_with_old_pages(void)
{
    struct guest *guest = old_guest();
    old_live(guest);
    bytes_clear(machine_console(guest));
    return guest;
}

static void a_state_of_format_1_goes_on(void **state)
{
    struct guest *guest = guest_with_old_pages();
    struct bytes console = {0};
    struct guest_run run;
    (void)state;
    guest->ops->run(guest, guest->ops->now_ns(guest) + 10 * NS_PER_US, &run);
    assert_int_equal(load(guest, old_state, sizeof old_state), STATUS_OK);
    assert_int_equal(guest->ops->instructions(guest), 130);
    assert_int_equal(guest->ops->now_ns(guest), 130 * NS_PER_US);
    assert_int_equal(end(guest, &console), 42); /* the reservation held */
    assert_true(guest->ops->now_ns(guest) >= OLD_TIMER_NS && guest->ops->now_ns(guest) < 51000000);
    assert_int_equal(console.count, 5);
    assert_memory_equal(console.data, "world", 5);
    const struct stream *stream = &machine_mailbox(guest)->slots[0].stream;
    assert_int_equal(stream->to_send_count, 5); /* the answer, for want of an acknowledgement */
    assert_memory_equal(stream->to_send, "hello", 5);
    bytes_fini(&console);
    guest->ops->close(guest);
}

/* What a guest is, with all that moves. */
static uint64_t state_digest(struct guest *guest)
{
    struct bytes saved = {0};
    guest->ops->save(guest, &saved);
    uint64_t digest = digest_of(saved.data, saved.count) ^ guest->ops->digest(guest);
    bytes_fini(&saved);
    return digest;
}

static void a_damaged_state_is_refused_and_changes_nothing(void **state)
{
    struct guest *guest = guest_with_old_pages();
    struct guest *other = guest_with_old_pages();
    struct bytes saved = {0}, again = {0};
    struct guest_run run;
    (void)state;
    guest->ops->save(guest, &saved);
    other->ops->run(other, NS_PER_S / 100, &run); /* it has a life of its own to lose */
    uint64_t before = state_digest(other);
    for (size_t at = 0; at < saved.count; at++) {
        static const uint8_t changes[] = {0x01, 0x80, 0xff};
        for (size_t i = 0; i < sizeof changes; i++) {
            saved.data[at] ^= changes[i];
            assert_int_equal(load(other, saved.data, saved.count), STATUS_BAD_STATE);
            assert_non_null(strstr(problem.text, "the saved state"));
            saved.data[at] ^= changes[i];
        }
        uint8_t *cut = malloc(at + !at);
        memcpy(cut, saved.data, at);
        assert_int_equal(load(other, cut, at), STATUS_BAD_STATE);
        assert_non_null(strstr(problem.text, "the saved state"));
        free(cut);
    }
    assert_true(state_digest(other) == before);
    assert_int_equal(load(other, saved.data, saved.count), STATUS_OK);
    bytes_clear(&again);
    other->ops->save(other, &again);
    assert_int_equal(again.count, saved.count);
    assert_memory_equal(again.data, saved.data, saved.count);
    bytes_fini(&again);
    bytes_fini(&saved);
    guest->ops->close(guest);
    other->ops->close(other);
}

/* Format 1 has no checksums: a changed byte is refused, or is the state of some other guest that
 * can be run. */
static void a_changed_state_without_checksums_harms_nobody(void **state)
{
    uint8_t changed[sizeof old_state];
    (void)state;
    for (size_t at = 0; at < sizeof old_state; at++) {
        struct guest *guest = guest_with_old_pages();
        struct guest_run run;
        uint64_t before = state_digest(guest);
        memcpy(changed, old_state, sizeof changed);
        changed[at] ^= 0xff;
        if (load(guest, changed, sizeof changed) != STATUS_OK)
            assert_true(state_digest(guest) == before);
        else
            guest->ops->run(guest, guest->ops->now_ns(guest) + NS_PER_MS, &run);
        guest->ops->close(guest);
    }
}

/* Behind checksums that fit, numbers that no machine can have: refused without harm, or a guest
 * that can be run. */
static void a_forged_state_harms_nobody(void **state)
{
    static const uint8_t bytes[] = {0, 1, 2, 16, 127, 128, 254, 255};
    struct prng prng = prng_make(5, 2);
    struct guest *guest = guest_with_old_pages();
    struct bytes saved = {0}, forged = {0};
    uint64_t loaded_count = 0;
    (void)state;
    guest->ops->save(guest, &saved);
    for (int i = 0; i < 800; i++) {
        bytes_clear(&forged);
        bytes_put(&forged, saved.data, saved.count);
        for (uint64_t edits = 1 + prng_below(&prng, 3); edits > 0; edits--)
            forged.data[prng_below(&prng, forged.count)] = bytes[prng_below(&prng, sizeof bytes)];
        wild_seal(&forged);
        wild_load(&forged, &loaded_count);
    }
    assert_in_range(loaded_count, 80, 720);
    bytes_fini(&saved);
    bytes_fini(&forged);
    guest->ops->close(guest);
}

/* What no instruction can bring about, sealed as it should be: refused by the section it is in. */
static void impossible_numbers_are_refused(void **state)
{
    static const char *const sections[] = {"HART", "HART", "HART", "HART", "CLCK"};
    (void)state;
    for (unsigned i = 0; i < sizeof sections / sizeof *sections; i++) {
        struct guest *guest = guest_with_old_pages();
        struct machine *machine = machine_of(guest);
        struct bytes saved = {0};
        struct bytes_reader reader;
        uint64_t before = guest->ops->digest(guest);
        problem = (struct problem){STATUS_OK, ""};
        guest->ops->save(guest, &saved); /* as it is: loads */
        bytes_reader_init(&reader, saved.data, saved.count);
        assert_int_equal(guest->ops->load(guest, &reader, &problem), STATUS_OK);
        bytes_clear(&saved);
        struct machine was = *machine;
        machine->harts[0].timer_ns = i == 0 ? UINT64_MAX - 1 : machine->harts[0].timer_ns;
        machine->harts[0].sie |= i == 1 ? 1 : 0;
        machine->harts[0].pc |= i == 2 ? 1 : 0;
        if (i == 3)
            machine->memory.reservations[0] = (struct memory_reservation){RAM_BASE + 5, 8};
        machine->clock.idle_ns = i == 4 ? INT64_MAX : machine->clock.idle_ns;
        guest->ops->save(guest, &saved);
        *machine = was;
        bytes_reader_init(&reader, saved.data, saved.count);
        assert_int_equal(guest->ops->load(guest, &reader, &problem), STATUS_BAD_STATE);
        assert_non_null(strstr(problem.text, sections[i]));
        assert_int_equal(guest->ops->digest(guest), before);
        bytes_fini(&saved);
        guest->ops->close(guest);
    }
}

/* One constant for all compilers, hosts and optimizations. It changes with the layout of the state,
 * and with nothing else. */
static void the_digest_is_the_same_everywhere(void **state)
{
    struct guest *guest = guest_with_old_pages();
    (void)state;
    assert_int_equal(guest->ops->digest(guest), 0x47168e0afd8affa5);
    guest->ops->close(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_of_format_1_goes_on),
        cmocka_unit_test(a_damaged_state_is_refused_and_changes_nothing),
        cmocka_unit_test(a_changed_state_without_checksums_harms_nobody),
        cmocka_unit_test(a_forged_state_harms_nobody),
        cmocka_unit_test(impossible_numbers_are_refused),
        cmocka_unit_test(the_digest_is_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
