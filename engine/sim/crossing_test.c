/* Real guests, moved: a guest that nobody talks to must end as if it had never moved, whatever the
 * mode, the seed and the instant. */
#include "base/prng.h"
#include "machine/machine.h"
#include "scenario/guest_build.h"
#include "sim/scripted.h"
#include "sim/storage.h"

/* Pairs of seed and starting instant, for each guest and mode: the small ones are moved often. */
#define PAIRS     50
#define PAIRS_FEW 6

static void set(struct scenario *scenario, const char *key, const char *value)
{
    struct problem problem = {0};
    if (scenario_set(scenario, key, value, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
}

static void scenario_for(struct scenario *scenario, const char *guest, const char *args,
                         const char *mode, uint64_t seed, uint64_t start_at_ns)
{
    struct problem problem = {0};
    char text[32];
    scenario_init(scenario);
    set(scenario, "guest", guest);
    set(scenario, "args", args);
    set(scenario, "mode", mode);
    set(scenario, "memory", "4MiB");
    set(scenario, "clients", "0");
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    set(scenario, "seed", text);
    snprintf(text, sizeof text, "%lluns", (unsigned long long)start_at_ns);
    set(scenario, "start-at", text);
    if (scenario_check(scenario, false, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
}

/* The end of the same guest unmoved: what a move has to be compared with. */
struct ending {
    uint64_t digest, instructions, lived_ns;
    bool has_used_disk; /* how long that takes is not the guest's, nor the same in a world */
    struct bytes console;
};

static struct ending ending_of(const struct scenario *scenario, const struct image *image)
{
    struct ending ending = {0};
    struct guest *guest;
    struct guest_run stop = {0};
    struct storage storage;
    assert_int_equal(guest_build(scenario, image->data, image->count, &guest, NULL), STATUS_OK);
    storage_init(&storage, HOST_SOURCE);
    storage_attach(guest);
    do {
        guest->ops->run(guest, UINT64_MAX / 4, &stop);
        storage_serve(&storage, HOST_SOURCE, guest);
        if (stop.stop == GUEST_IDLE)
            guest->ops->idle_until(guest, stop.wake_ns);
        bytes_put(&ending.console, machine_console(guest)->data, machine_console(guest)->count);
        bytes_clear(machine_console(guest));
    } while (stop.stop != GUEST_ENDED);
    assert_int_equal(stop.status, 0);
    assert_false(stop.is_fault);
    ending.has_used_disk = machine_disk(guest)->asked > 0;
    storage_fini(&storage);
    ending.digest = guest->ops->digest(guest);
    ending.instructions = guest->ops->instructions(guest);
    ending.lived_ns = guest->ops->now_ns(guest);
    guest->ops->close(guest);
    return ending;
}

static void assert_moves_unnoticed(const char *guest, const char *args, uint64_t pairs)
{
    struct image image = image_read(guest);
    struct prng prng = prng_make(2024, strlen(guest));
    uint64_t moved_alive = 0;

    for (uint64_t seed = 1; seed <= pairs; seed++) {
        struct scenario scenario;
        scenario_for(&scenario, guest, args, "pre-copy", seed, 0);
        struct ending ending = ending_of(&scenario, &image);
        uint64_t start_at_ns = prng_below(&prng, ending.lived_ns);
        scenario_fini(&scenario);

        for (int mode = 0; mode < MODE_COUNT; mode++) {
            struct run run;
            scenario_for(&scenario, guest, args, mode_name((enum mode)mode), seed, start_at_ns);
            assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, NULL),
                             STATUS_OK);
            run_to_end(&run);
            const struct bytes *console = &world_console(run.world)->kept;
            if (!oracle_holds(world_oracle(run.world)))
                fail_msg("%s seed %llu: %s", mode_name((enum mode)mode), (unsigned long long)seed,
                         world_oracle(run.world)->what);
            assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
            assert_int_equal(run.timeline.host, HOST_TARGET);
            assert_int_equal(run.timeline.guest_status, 0);
            if (!ending.has_used_disk) {
                assert_int_equal(run.timeline.digest, ending.digest);
                assert_int_equal(run.timeline.instructions, ending.instructions);
            }
            assert_int_equal(console->count, ending.console.count);
            assert_memory_equal(console->data, ending.console.data, console->count);
            moved_alive += run.timeline.pages_resent > 0 || run.timeline.faults > 0;
            run_close(&run);
            scenario_fini(&scenario);
        }
        bytes_fini(&ending.console);
    }
    assert_true(moved_alive > pairs / 4); /* the guests were at work while they were moved */
    free(image.data);
}

static void test_sort_moves_unnoticed(void **state)
{
    (void)state;
    assert_moves_unnoticed("sort", "--count 40000", PAIRS);
}

static void test_counter_moves_unnoticed(void **state)
{
    (void)state;
    assert_moves_unnoticed("counter", "", PAIRS);
}

/* Every model, in every mode: the same writes at the same instants as unmoved, and after the move
 * the memory that it would have. */
static void test_models_move_unnoticed(void **state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < WRITES_PATTERN_COUNT; pattern++)
        for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
            const char *name = writes_pattern_name((enum writes_pattern)pattern);
            struct scenario scenario;
            struct oracle oracle;
            struct run run;
            char words[200];
            snprintf(words, sizeof words,
                     "guest=model:%s mode=%s memory=8MiB start-at=%ums run-for=%uus trap-cost=%uns "
                     "bandwidth=200Mbit/s%s",
                     name, mode_name((enum mode)mode), 400 + mode, 1000 * pattern, 7000 * mode,
                     pattern == WRITES_IDLE ? "" : " dirty-rate=4000pages/s");
            scenario_of(&scenario, words);
            assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
            run_to_end(&run);
            assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
            run_verify(&run, NULL, 0, &oracle);
            assert_true(oracle.applies[RULE_TRANSPARENT] && oracle.applies[RULE_SAME_MEMORY]);
            if (!oracle_holds(&oracle))
                fail_msg("%s: %s", words, oracle.what);
            run.timeline.digest++; /* as if the move had changed something */
            run_verify(&run, NULL, 0, &oracle);
            assert_true(oracle.is_broken[RULE_TRANSPARENT]);
            run_close(&run);
            scenario_fini(&scenario);
        }
}

/* Each of the others that speaks with nobody, or that lives also where nobody speaks with it; each
 * ends by itself, and ends with 0 only when it found nothing wrong with its memory. */
static void test_all_others_move_unnoticed(void **state)
{
    static const struct {
        const char *guest, *args;
    } rows[] = {
        {"database", "--keys 3000 --operations 6000 --rate 40k/s --check-every 1500"},
        {"game", "--ticks 12"},
        {"journal", "--records 1000 --rate 10k/s --check-every 100"},
        {"life", "--width 256 --height 128 --generations 100"},
        {"memwalk", "--writes 800"},
        {"memwalk", "--writes 800 --pattern zipf"},
        {"storm", "--working-set 2MiB --storms 4 --at 20ms --every 30ms"},
        {"threads", "--rounds 20"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_moves_unnoticed(rows[i].guest, rows[i].args, PAIRS_FEW);
}

/* Several harts may take other turns while one waits for a page, so memory may rightly end
 * otherwise; what they say may not, and ending with 0 is their own check. */
static void test_several_harts_say_the_same(void **state)
{
    static const struct {
        const char *guest, *args, *harts;
    } rows[] = {
        {"storm", "--working-set 2MiB --storms 4 --at 20ms --every 30ms", "8"},
        {"threads", "--rounds 30", "4"},
        {"threads", "--rounds 20 --threads 3", "2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct image image = image_read(rows[i].guest);
        struct prng prng = prng_make(7, i);
        for (int turn = 0; turn < 3 * MODE_COUNT; turn++) {
            struct scenario scenario;
            struct run run;
            struct oracle oracle;
            scenario_for(&scenario, rows[i].guest, rows[i].args,
                         mode_name((enum mode)(turn % MODE_COUNT)), 1,
                         prng_below(&prng, 80 * NS_PER_MS));
            set(&scenario, "harts", rows[i].harts);
            assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, NULL),
                             STATUS_OK);
            run_to_end(&run);
            assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
            assert_int_equal(run.timeline.guest_status, 0);
            run_verify(&run, image.data, image.count, &oracle);
            if (!oracle_holds(&oracle))
                fail_msg("%s on %s harts: %s", rows[i].guest, rows[i].harts, oracle.what);
            run_close(&run);
            scenario_fini(&scenario);
        }
        free(image.data);
    }
}

/* An independent look at rules 6 and 7, through the same door as `ferry run --verify`. */
static void test_verification_sees_what_is_there(void **state)
{
    struct image image = image_read("counter");
    struct scenario scenario;
    struct run run;
    struct oracle oracle;
    (void)state;

    scenario_for(&scenario, "counter", "", "hybrid", 3, 200000000);
    assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, NULL), STATUS_OK);
    run_to_end(&run);
    run_verify(&run, image.data, image.count, &oracle);
    assert_true(oracle.applies[RULE_TRANSPARENT] && oracle.applies[RULE_DETERMINISTIC]);
    assert_true(oracle_holds(&oracle));

    run.timeline.digest++; /* as if the move had changed something */
    run_verify(&run, image.data, image.count, &oracle);
    assert_true(oracle.is_broken[RULE_TRANSPARENT]);
    assert_false(oracle.is_broken[RULE_DETERMINISTIC]);
    run_close(&run);
    scenario_fini(&scenario);
    free(image.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_moves_unnoticed),
        cmocka_unit_test(test_sort_moves_unnoticed),
        cmocka_unit_test(test_all_others_move_unnoticed),
        cmocka_unit_test(test_several_harts_say_the_same),
        cmocka_unit_test(test_models_move_unnoticed),
        cmocka_unit_test(test_verification_sees_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
