/* Guests that do anything at all harm nothing but themselves, and do it the same way however they
 * are cut, tracked, starved of pages, saved and loaded. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "machine/wild.h"

#define SEEDS 250

static void whatever_it_does_it_does_it_again(void **state)
{
    uint64_t ended = 0, faults = 0, instructions = 0, console_bytes = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct wild_report report = wild_run((struct wild_dice){.prng = prng_make(seed, 1)});
        if (!report.is_same)
            fail_msg("seed %d: the disturbed guest is not what the calm one is", (int)seed);
        ended += report.has_ended;
        faults += report.is_fault;
        instructions += report.instructions;
        console_bytes += report.console_bytes;
    }
    printf("%d guests: %d ended, %d of them by a fault; %d instructions each, %d bytes written\n",
           SEEDS, (int)ended, (int)faults, (int)(instructions / SEEDS), (int)console_bytes);
    /* They were no guests that lay down at once. */
    assert_in_range(ended, SEEDS / 20, SEEDS - SEEDS / 20);
    assert_in_range(faults, 1, ended - 1);
    assert_true(instructions > SEEDS * 2000 && console_bytes > SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_it_does_it_does_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
