/* Pages in every form, in whole worlds: whatever --compress, what arrives is what was there, it
 * took fewer bytes, and it happens again in the same way. */
#include "sim/scripted.h"
#include "wire/message_pages.h"

static const char *const compressions[] = {"none", "zero", "delta", "lz4", "zstd", "auto"};
#define COMPRESSIONS (sizeof compressions / sizeof *compressions)

static void open_run(struct run *run, const char *words, const char *compress,
                     const struct image *image)
{
    struct scenario scenario;
    struct problem problem = {0};
    char text[400];

    snprintf(text, sizeof text, "%s compress=%s", words, compress);
    scenario_of(&scenario, text);
    if (run_open(run, &scenario, image->data, image->count, false, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    scenario_fini(&scenario);
}

static uint64_t sum(const uint64_t *counts)
{
    uint64_t all = 0;
    for (int form = 0; form < PAGE_FORM_COUNT; form++)
        all += counts[form];
    return all;
}

/* What is told by form adds up to what is told of the whole. */
static void assert_forms_add_up(const struct timeline *timeline)
{
    uint64_t rounds = 0;
    assert_int_equal(sum(timeline->pages_by_form),
                     timeline->pages_sent + timeline->pages_by_form[PAGE_FORM_FREE]);
    for (uint32_t i = 0; i < timeline->round_count; i++)
        rounds += timeline->rounds[i].pages_sent;
    assert_true(rounds <= timeline->pages_sent);
    assert_true(sum(timeline->bytes_by_form) < timeline->bytes_on_wire);
    assert_int_equal(timeline->bytes_by_form[PAGE_FORM_PLAIN],
                     timeline->pages_by_form[PAGE_FORM_PLAIN] * MESSAGE_PAGE_WIRE_BYTES);
}

static void run_and_verify(struct run *run, const char *words, const char *compress,
                           const struct image *image)
{
    struct oracle oracle;

    open_run(run, words, compress, image);
    run_to_end(run);
    oracle = *world_oracle(run->world);
    run_verify(run, image->data, image->count, &oracle);
    if (!oracle_holds(&oracle))
        fail_msg("%s compress=%s: %s", words, compress, oracle.what);
    assert_true(oracle.applies[RULE_SAME_MEMORY] && oracle.applies[RULE_DETERMINISTIC]);
    assert_int_equal(run->timeline.outcome, OUTCOME_COMPLETED);
    assert_forms_add_up(&run->timeline);
}

/* Which forms may appear, by --compress. */
static void assert_only_its_forms(const struct timeline *timeline, enum compress compress)
{
    for (int form = 0; form < PAGE_FORM_COUNT; form++)
        if ((page_forms_of(compress) >> form & 1) == 0 && form != PAGE_FORM_FREE)
            assert_int_equal(timeline->pages_by_form[form], 0);
}

static void test_every_guest_under_every_compression(void **state)
{
    static const char *const words[] = {
        "guest=sort memory=8MiB mode=pre-copy start-at=20ms bandwidth=200Mbit/s",
        "guest=sort memory=8MiB mode=post-copy start-at=200ms",
        "guest=kv memory=8MiB mode=pre-copy clients=3",
        "guest=kv memory=8MiB mode=hybrid clients=2 start-at=50ms bandwidth=100Mbit/s",
        "guest=database memory=4MiB mode=pre-copy",
        "guest=storm memory=4MiB mode=hybrid start-at=40ms harts=2",
        "guest=model:hot-cold memory=16MiB dirty-rate=20000pages/s mode=pre-copy",
        "guest=model:uniform memory=16MiB dirty-rate=20000pages/s mode=hybrid start-at=1s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char guest[32];
        struct image image = {0};
        uint64_t none_bytes = 0;
        sscanf(words[i], "guest=%31s", guest);
        if (strncmp(guest, "model:", 6) != 0)
            image = image_read(guest);
        for (size_t c = 0; c < COMPRESSIONS; c++) {
            struct run run;
            run_and_verify(&run, words[i], compressions[c], &image);
            assert_only_its_forms(&run.timeline, (enum compress)c);
            if (c == COMPRESS_NONE)
                none_bytes = run.timeline.bytes_on_wire;
            else if (run.timeline.bytes_on_wire >= none_bytes)
                fail_msg("%s: %s took %llu bytes, none %llu", words[i], compressions[c],
                         (unsigned long long)run.timeline.bytes_on_wire,
                         (unsigned long long)none_bytes);
            run_close(&run);
        }
        free(image.data);
    }
}

/* C7's remedy: a guest that writes faster than plain pages can be copied is overtaken when pages
 * are told by what has changed. */
static void test_deltas_win_a_race_that_cannot_be_won(void **state)
{
    static const char words[] = "guest=model:uniform memory=32MiB working-set=24MiB "
                                "dirty-rate=40000pages/s bandwidth=1Gbit/s start-at=1s "
                                "max-rounds=20";
    struct image none = {0};
    struct run plain, delta;
    (void)state;
    run_and_verify(&plain, words, "none", &none);
    run_and_verify(&delta, words, "delta delta-cache=32MiB", &none);
    assert_true(plain.timeline.is_limit_exceeded);
    assert_false(delta.timeline.is_limit_exceeded);
    assert_true(delta.timeline.downtime_ns <= 30000000);
    assert_true(delta.timeline.delta_hits > 1000);
    run_close(&plain);
    run_close(&delta);
}

/* The downtime that was forecast when the pause was decided is the downtime that comes, although
 * pages cost something else in each round. */
static void test_the_forecast_counts_what_pages_cost(void **state)
{
    static const char *const words[] = {
        "guest=model:hot-cold memory=64MiB dirty-rate=10000pages/s start-at=500ms",
        "guest=memwalk memory=32MiB dirty-rate=4000pages/s bandwidth=500Mbit/s start-at=500ms",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct image image = {0};
        if (i == 1)
            image = image_read("memwalk");
        for (size_t c = 0; c < COMPRESSIONS; c++) {
            struct run run;
            open_run(&run, words[i], compressions[c], &image);
            run_to_end(&run);
            double forecast = (double)run.timeline.forecast_downtime_ns;
            double measured = (double)run.timeline.downtime_ns;
            if (measured > forecast * 1.25 + 200000 || measured < forecast * 0.75 - 200000)
                fail_msg("%s %s: forecast %.0f us, measured %.0f us", words[i], compressions[c],
                         forecast / 1000, measured / 1000);
            run_close(&run);
        }
        free(image.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_guest_under_every_compression),
        cmocka_unit_test(test_deltas_win_a_race_that_cannot_be_won),
        cmocka_unit_test(test_the_forecast_counts_what_pages_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
