/* What a swarm draws: every option, every value, the same from the same seed, and small. That its
 * worlds break no rule is seen by `ferry swarm` itself in `make check`; that it would see a rule
 * broken, by `make mutations`. */
#include "sim/scripted.h"
#include "sim/swarm.h"

#define SEEDS 4000

/* Stands for a guest's file: nothing is run here. */
static void any_images(struct swarm_image images[])
{
    for (uint32_t i = 0; i < swarm_guest_count(); i++)
        images[i] = (struct swarm_image){(const uint8_t *)"", 1};
}

static void test_every_option_can_be_drawn(void **state)
{
    /* The guest's table draws the first three, the seed is the swarm's own, an image's digest is no
     * choice, and what is left out on purpose breaks a rule on purpose. */
    static const char *const not_drawn[] = {"guest", "memory", "args",
                                            "seed",  "image",  "leave-out"};
    (void)state;

    for (uint32_t i = 0; i < scenario_option_count(); i++) {
        const char *key = scenario_option(i)->key;
        bool is_there = false;
        for (size_t j = 0; j < sizeof not_drawn / sizeof not_drawn[0]; j++)
            is_there = is_there || strcmp(not_drawn[j], key) == 0;
        for (uint32_t row = 0; row < swarm_row_count(); row++)
            is_there = is_there || strcmp(swarm_row(row)->key, key) == 0;
        if (!is_there)
            fail_msg("option %s has no row in swarm_draw.c", key);
    }
    for (uint32_t row = 0; row < swarm_row_count(); row++) {
        bool is_option = false;
        for (uint32_t i = 0; i < scenario_option_count(); i++)
            is_option = is_option || strcmp(scenario_option(i)->key, swarm_row(row)->key) == 0;
        if (!is_option)
            fail_msg("row %s is no option", swarm_row(row)->key);
    }
}

/* A value that is never drawn is misspelt, or refused beside everything else. */
static void test_every_value_is_drawn(void **state)
{
    static unsigned counts[SWARM_ROWS_MAX][64];
    struct swarm_image images[64];
    uint8_t drawn[SWARM_ROWS_MAX];
    struct scenario scenario;
    char value[200];
    (void)state;

    any_images(images);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        swarm_draw(seed, images, &scenario, NULL, drawn);
        assert_true(scenario.memory_bytes <= 4 << 20);
        for (uint32_t row = 0; row < swarm_row_count(); row++)
            if (drawn[row] != SWARM_NOT_DRAWN)
                counts[row][drawn[row]]++;
        scenario_fini(&scenario);
    }
    for (uint32_t row = 0; row < swarm_row_count(); row++)
        for (uint32_t i = 0; swarm_row_value(row, i, value, sizeof value); i++)
            if (counts[row][i] == 0)
                fail_msg("--%s %s was never drawn", swarm_row(row)->key, value);
}

static void test_a_seed_is_one_scenario(void **state)
{
    struct swarm_image images[64];
    (void)state;

    any_images(images);
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct scenario one, again, other;
        struct bytes texts[3] = {{0}};
        swarm_draw(seed, images, &one, NULL, NULL);
        swarm_draw(seed, images, &again, NULL, NULL);
        swarm_draw(seed + 1, images, &other, NULL, NULL);
        scenario_text(&one, &texts[0]);
        scenario_text(&again, &texts[1]);
        scenario_text(&other, &texts[2]);
        assert_string_equal(texts[0].data, texts[1].data);
        assert_string_not_equal(texts[0].data, texts[2].data);
        for (unsigned i = 0; i < 3; i++)
            bytes_fini(&texts[i]);
        scenario_fini(&one);
        scenario_fini(&again);
        scenario_fini(&other);
    }
}

/* Guests whose files are not there are left out: models alone make a swarm, too. */
static void test_models_alone_are_judged(void **state)
{
    static const struct swarm_image none[64];
    struct swarm_result first, again;
    (void)state;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        swarm_judge(seed, none, &first);
        swarm_judge(seed, none, &again);
        assert_memory_equal(&first, &again, sizeof first);
        assert_memory_equal(swarm_guest_name(first.guest_idx), "model:", 6);
        assert_int_equal(first.broken, RULE_COUNT);
        assert_int_equal(first.applied[RULE_ONE_RUNNER], 1);
        assert_int_equal(first.applied[RULE_DETERMINISTIC], seed % 8 == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_can_be_drawn),
        cmocka_unit_test(test_every_value_is_drawn),
        cmocka_unit_test(test_a_seed_is_one_scenario),
        cmocka_unit_test(test_models_alone_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
