/* A few hundred of the streams that `make proof PROOF=hostile` says by the hundred thousand: each harms
 * the process, which ends it, or nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "live/hostile_attack.h"

#define STREAMS 400u

static void attack_all(const struct channel_key *key)
{
    uint64_t told = 0;

    hostile = (struct hostile){0};
    hostile_open(1, key, &told);
    for (uint64_t first = 0; first < STREAMS; first += BATCH)
        attack(first, BATCH);
    for (unsigned i = 0; i < SURFACES; i++)
        assert_int_equal(hostile.said[i], STREAMS / SURFACES);
    /* And they are near enough to the truth for some to be taken for it. */
    assert_true(hostile.brought > 0 && hostile.taken > 0);
    assert_true(gateway_guest_named(hostile.house.gateway, GUEST)->move_count > 0);
    assert_true(hostile.third_counted >= STREAMS / SURFACES * 2 / HONEST_EVERY);
    hostile_close();
}

static void nobody_is_harmed(void **state)
{
    (void)state;
    attack_all(NULL);
}

static void nor_where_all_is_sealed(void **state)
{
    static const struct channel_key key = {{7}};
    (void)state;
    attack_all(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_harmed),
        cmocka_unit_test(nor_where_all_is_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
