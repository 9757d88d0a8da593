/* The controller against a link that is a queue: harts that fault as soon as they may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/guest.h"
#include "migrate/fault_throttle.h"

#define HARTS 8

/* A link of one page after the other. Every hart that has its page thinks, and asks for the next; a
 * push fills what is left. Requests and pages take half_rtt_ns each way. */
struct plant {
    struct fault_throttle throttle;
    uint64_t page_ns, half_rtt_ns, think_ns;
    uint64_t now_ns, free_ns; /* free: when the link can take the next page */
    uint64_t asked_ns[HARTS], due_ns[HARTS], ready_ns[HARTS];
    bool is_waiting[HARTS];
    uint64_t fault_count, late_count; /* late: longer than the set point */
    uint64_t wait_max_ns;
};

static uint32_t waiting(const struct plant *plant)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < HARTS; i++)
        count += plant->is_waiting[i];
    return count;
}

static void resolve(struct plant *plant, unsigned i)
{
    uint64_t wait_ns = plant->due_ns[i] - plant->asked_ns[i];
    uint64_t set_point_ns = fault_throttle_set_point_ns(&plant->throttle);
    plant->is_waiting[i] = false;
    fault_throttle_resolved(&plant->throttle, plant->due_ns[i], wait_ns);
    fault_throttle_arrived(&plant->throttle, plant->due_ns[i], 1, 4096, false, waiting(plant));
    plant->ready_ns[i] =
        plant->due_ns[i] + plant->think_ns * GUEST_SHARE_WHOLE / plant->throttle.share_permille;
    plant->fault_count++;
    /* All begin at once, and nothing is known of the link then. */
    plant->late_count += plant->fault_count > 4 * HARTS && wait_ns > set_point_ns;
    if (plant->fault_count > 500 && wait_ns > plant->wait_max_ns)
        plant->wait_max_ns = wait_ns;
}

static void ask(struct plant *plant, unsigned i, uint64_t at_ns)
{
    uint64_t reaches_ns = at_ns + plant->half_rtt_ns;
    uint64_t begins_ns = reaches_ns > plant->free_ns ? reaches_ns : plant->free_ns;
    plant->is_waiting[i] = true;
    plant->asked_ns[i] = at_ns;
    plant->free_ns = begins_ns + plant->page_ns;
    plant->due_ns[i] = plant->free_ns + plant->half_rtt_ns;
    fault_throttle_faulted(&plant->throttle, at_ns);
}

/* In steps of a tenth of a page's time. */
static void run(struct plant *plant, uint64_t until_ns)
{
    for (; plant->now_ns < until_ns; plant->now_ns += plant->page_ns / 10) {
        for (unsigned i = 0; i < HARTS; i++)
            if (plant->is_waiting[i] && plant->due_ns[i] <= plant->now_ns)
                resolve(plant, i);
        fault_throttle_tick(&plant->throttle, plant->now_ns);
        for (unsigned i = 0; i < HARTS; i++)
            if (!plant->is_waiting[i] && plant->ready_ns[i] <= plant->now_ns &&
                fault_throttle_held_until_ns(&plant->throttle) <= plant->now_ns)
                ask(plant, i, plant->now_ns);
    }
}

static void open_plant(struct plant *plant, bool is_on, uint64_t page_ns, uint64_t half_rtt_ns,
                       uint64_t think_ns)
{
    *plant = (struct plant){.page_ns = page_ns, .half_rtt_ns = half_rtt_ns, .think_ns = think_ns};
    fault_throttle_init(&plant->throttle, is_on);
}

/* Links slow and fast, near and far; guests that think and guests that do not. */
static void waits_stay_within_the_set_point(void **state)
{
    static const uint64_t page_ns[] = {1650000, 165000, 33000, 3300};
    static const uint64_t half_rtt_ns[] = {1000, 50000, 500000};
    static const uint64_t think_ns[] = {100, 20000, 300000};
    (void)state;
    for (unsigned p = 0; p < 4; p++)
        for (unsigned r = 0; r < 3; r++)
            for (unsigned t = 0; t < 3; t++) {
                struct plant plant;
                open_plant(&plant, true, page_ns[p], half_rtt_ns[r], think_ns[t]);
                run(&plant, 3000 * page_ns[p]);
                if (plant.late_count * 100 > plant.fault_count)
                    fail_msg("page %llu, way %llu, think %llu: %llu of %llu were late",
                             (unsigned long long)page_ns[p], (unsigned long long)half_rtt_ns[r],
                             (unsigned long long)think_ns[t], (unsigned long long)plant.late_count,
                             (unsigned long long)plant.fault_count);
            }
}

/* And it does not do so by stopping the guest: the link is used as far as the set utilisation says,
 * where there is enough to ask for. (A little further: a page's time is taken for an eighth less
 * when no two of them came behind each other for a while.) */
static void the_link_is_used(void **state)
{
    struct plant plant;
    (void)state;
    open_plant(&plant, true, 165000, 10000, 100);
    run(&plant, 3000 * plant.page_ns);
    assert_in_range(plant.fault_count * 1000 / 3000, FAULT_THROTTLE_UTILISATION_PERMILLE - 50,
                    FAULT_THROTTLE_UTILISATION_PERMILLE * 8 / 7);
    assert_true(plant.throttle.share_permille < 100);
    assert_in_range(fault_throttle_page_ns(&plant.throttle), 165000 * 7 / 8, 165000);
}

static void switched_off_it_does_nothing(void **state)
{
    struct plant plant;
    (void)state;
    open_plant(&plant, false, 165000, 10000, 100);
    run(&plant, 3000 * plant.page_ns);
    assert_int_equal(plant.throttle.share_permille, GUEST_SHARE_WHOLE);
    assert_int_equal(fault_throttle_held_until_ns(&plant.throttle), 0);
    assert_true(plant.wait_max_ns > (HARTS - 1) * plant.page_ns); /* the queue is full */
}

/* When the storm is over the guest gets its time back, whole. */
static void the_share_is_given_back(void **state)
{
    struct plant plant;
    (void)state;
    open_plant(&plant, true, 165000, 10000, 100);
    run(&plant, 1000 * plant.page_ns);
    assert_true(plant.throttle.share_permille < GUEST_SHARE_WHOLE / 2);
    plant.think_ns = 100000000;
    run(&plant, plant.now_ns + 300 * plant.page_ns);
    assert_int_equal(plant.throttle.share_permille, GUEST_SHARE_WHOLE);
}

/* One hart never stands in line behind itself: there is nothing to slow. */
static void a_guest_that_leaves_the_link_idle_is_let_alone(void **state)
{
    struct plant plant;
    (void)state;
    open_plant(&plant, true, 33000, 100000, 1000);
    for (unsigned i = 1; i < HARTS; i++)
        plant.ready_ns[i] = UINT64_MAX;
    run(&plant, 3000 * plant.page_ns);
    assert_true(plant.fault_count > 100);
    assert_int_equal(plant.throttle.share_permille, GUEST_SHARE_WHOLE);
}

/* A wait of seconds says that the link was down, not that so many stand in line. */
static void an_outage_is_no_line(void **state)
{
    struct plant plant;
    (void)state;
    open_plant(&plant, true, 165000, 10000, 100);
    run(&plant, 300 * plant.page_ns);
    fault_throttle_resolved(&plant.throttle, plant.now_ns, 5000000000ull);
    uint64_t held_until_ns = fault_throttle_held_until_ns(&plant.throttle);
    assert_in_range(held_until_ns, plant.now_ns + plant.page_ns,
                    plant.now_ns + 2 * HARTS * plant.page_ns);
}

/* Pages that are a few bytes in the stream say nothing of how long the others take. */
static void small_pages_do_not_make_the_link_fast(void **state)
{
    struct fault_throttle throttle;
    (void)state;
    fault_throttle_init(&throttle, true);
    uint64_t now_ns = 0;
    for (unsigned i = 0; i < 300; i++) { /* at 41.5 ns a byte, and every tenth is whole */
        uint64_t bytes = i % 10 == 0 ? 4120 : 24;
        now_ns += bytes * 83 / 2;
        fault_throttle_arrived(&throttle, now_ns, 1, bytes, false, 1);
        fault_throttle_resolved(&throttle, now_ns, 400000);
    }
    assert_in_range(fault_throttle_page_ns(&throttle), 4120 * 83 / 2 / 2, 4120 * 83 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_stay_within_the_set_point),
        cmocka_unit_test(the_link_is_used),
        cmocka_unit_test(switched_off_it_does_nothing),
        cmocka_unit_test(the_share_is_given_back),
        cmocka_unit_test(a_guest_that_leaves_the_link_idle_is_let_alone),
        cmocka_unit_test(an_outage_is_no_line),
        cmocka_unit_test(small_pages_do_not_make_the_link_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
