/* A share, by example: 250 of 1,000 are 25 us of guest time in each 100 us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "migrate/share.h"

/* World time that has passed when the guest has lived until `guest_ns`. */
static uint64_t world_ns_of(struct share *share, uint64_t guest_ns)
{
    uint64_t offset_ns = 0;
    while (share->slice_end_ns <= guest_ns)
        offset_ns += share_pass(share);
    return guest_ns + offset_ns;
}

static void a_guest_lives_for_its_share_of_the_time(void **state)
{
    static const struct {
        uint32_t permille;
        uint64_t guest_ns, world_ns;
    } rows[] = {
        {1000, 5000000, 5000000},   {250, 1000000, 4000000},
        {999, 99900000, 100000000}, {500, 40000, 40000}, /* not at the end of its first slice yet */
        {500, 50000, 100000},       {1, 1000, 1000000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct share share = SHARE_WHOLE;
        share_set(&share, 0, rows[i].permille);
        assert_int_equal(world_ns_of(&share, rows[i].guest_ns), rows[i].world_ns);
    }
}

/* The slice goes on where it was, unless the share is another one. */
static void the_same_share_again_changes_nothing(void **state)
{
    struct share share = SHARE_WHOLE;
    (void)state;
    share_set(&share, 7000, 300);
    assert_int_equal(share.slice_end_ns, 37000);
    share_set(&share, 20000, 300);
    assert_int_equal(share.slice_end_ns, 37000);
    share_set(&share, 20000, 100);
    assert_int_equal(share.slice_end_ns, 30000);
    share_set(&share, 25000, GUEST_SHARE_WHOLE);
    assert_int_equal(share.slice_end_ns, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_lives_for_its_share_of_the_time),
        cmocka_unit_test(the_same_share_again_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
