/* The consistent cut (C12), as a whole: a guest that journals through a write-back cache onto a
 * disk, in every mode, wherever the disk is; what becomes of it when a part of the cut is left out;
 * and pages that a guest gave away. */
#include "machine/machine.h"
#include "sim/scripted.h"

#define JOURNAL "guest=journal memory=2MiB bandwidth=200Mbit/s start-at=11ms "

static struct image images[4];
static const char *const image_names[] = {"journal", "threads", "database", "storm"};

static const struct image *image_of(const char *name)
{
    for (unsigned i = 0; i < sizeof image_names / sizeof *image_names; i++)
        if (strcmp(image_names[i], name) == 0) {
            if (images[i].data == NULL)
                images[i] = image_read(name);
            return &images[i];
        }
    fail_msg("no image is named %s", name);
    return NULL;
}

static void put_words(struct bytes *arguments, const char *words)
{
    for (const char *at = words; *at != '\0';
         at += strcspn(at, " ") + (at[strcspn(at, " ")] == ' ')) {
        bytes_put(arguments, at, strcspn(at, " "));
        bytes_put_u8(arguments, 0);
    }
}

/* `words` as on a command line, `args` the guest's own. */
static void open_run(struct run *run, const char *words, const char *args)
{
    struct scenario scenario;
    scenario_of(&scenario, words);
    put_words(&scenario.arguments, args);
    const struct image *image = image_of(scenario.guest);
    assert_int_equal(run_open(run, &scenario, image->data, image->count, false, NULL), STATUS_OK);
    scenario_fini(&scenario);
}

static void assert_fine(const struct run *run, const char *words)
{
    if (!oracle_holds(world_oracle(run->world)))
        fail_msg("%s: %s", words, world_oracle(run->world)->what);
    if (!run->timeline.has_guest_ended || run->timeline.guest_status != 0)
        fail_msg("%s: the guest did not end well: %.*s", words,
                 (int)world_console(run->world)->kept.count,
                 (const char *)world_console(run->world)->kept.data);
}

#define JOURNAL_ARGS "--records 600 --rate 10k/s --check-every 150"

static void the_journal_arrives_in_every_mode(void **state)
{
    static const char *const disks[] = {"shared", "source", "target"};
    uint64_t barriers = 0;
    (void)state;
    for (unsigned disk = 0; disk < 3; disk++)
        for (unsigned mode = 0; mode < MODE_COUNT; mode++)
            for (unsigned cache = 0; cache < 2; cache++) {
                struct run run;
                char words[300], args[100];
                snprintf(words, sizeof words, JOURNAL "cache=%s disk-at=%s mode=%s latency=%uus",
                         cache ? "on" : "off", disks[disk], mode_name((enum mode)mode),
                         20 + 60 * ((mode + disk) % 3));
                snprintf(args, sizeof args, JOURNAL_ARGS " --seed %u", 1 + mode + disk);
                open_run(&run, words, args);
                run_to_end(&run);
                assert_fine(&run, words);
                assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
                assert_true(run.timeline.cut.disk_blocks_written == 600);
                assert_true(world_oracle(run.world)->applies[RULE_ONE_INSTANT]);
                if (!cache)
                    assert_int_equal(run.timeline.cut.barriers_sent, 0);
                barriers += run.timeline.cut.barriers_sent;
                run_close(&run);
            }
    assert_true(barriers > 100);
}

/* Whatever the program: with a cache it does what it does without. */
static void several_harts_share_one_cache(void **state)
{
    static const struct {
        const char *words, *args;
    } rows[] = {
        {"guest=threads harts=2 ", "--rounds 20"},
        {"guest=threads harts=4 ", "--rounds 20"},
        {"guest=storm harts=3 ", "--working-set 1MiB --storms 3 --at 15ms --every 20ms"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
            struct run run;
            char words[300];
            snprintf(words, sizeof words,
                     "%smemory=2MiB bandwidth=200Mbit/s start-at=%ums cache=on mode=%s",
                     rows[i].words, 5 + 3 * mode, mode_name((enum mode)mode));
            open_run(&run, words, rows[i].args);
            run_to_end(&run);
            assert_fine(&run, words);
            run_close(&run);
        }
}

/* What is left out is found, by rule 4 and by the guest, where it matters, and nowhere else. */
static void what_is_left_out_is_found(void **state)
{
    static const struct {
        const char *words;
        bool is_found, is_found_by_guest;
    } rows[] = {
        {"leave-out=write-back mode=stop-and-copy", true, true},
        {"leave-out=write-back mode=pre-copy", true, true},
        {"leave-out=write-back mode=post-copy", true, true},
        {"leave-out=write-back mode=hybrid disk-at=source", true, true},
        {"leave-out=write-back mode=continuous disk-at=target", true, true},
        {"leave-out=barrier mode=pre-copy disk-at=target", true, true},
        {"leave-out=barrier mode=hybrid disk-at=target", true, true},
        {"leave-out=barrier mode=continuous disk-at=target", true, false},
        {"leave-out=barrier mode=pre-copy disk-at=source", false, false},
        {"leave-out=barrier mode=hybrid disk-at=source", false, false},
        {"leave-out=barrier mode=pre-copy disk-at=shared", false, false},
        /* The guest stands still while its pages travel: no flush has to wait for any. */
        {"leave-out=barrier mode=stop-and-copy disk-at=target", false, false},
        {"leave-out=barrier mode=post-copy disk-at=target", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned seed = 1; seed <= 3; seed++) {
            struct run run;
            char words[300], args[100];
            snprintf(words, sizeof words, JOURNAL "cache=on %s latency=%uus", rows[i].words,
                     40 * seed);
            snprintf(args, sizeof args, JOURNAL_ARGS " --seed %u", seed);
            open_run(&run, words, args);
            run_to_end(&run);
            const struct oracle *oracle = world_oracle(run.world);
            if (oracle->is_broken[RULE_ONE_INSTANT] != rows[i].is_found)
                fail_msg("%s: one_instant is %s", words, rows[i].is_found ? "held" : oracle->what);
            if (rows[i].is_found)
                assert_non_null(strstr(oracle->what, "one_instant broken"));
            bool is_well = run.timeline.has_guest_ended && run.timeline.guest_status == 0 &&
                           !run.timeline.is_guest_fault;
            if (rows[i].is_found_by_guest && is_well)
                fail_msg("%s: the guest noticed nothing", words);
            if (!rows[i].is_found)
                assert_fine(&run, words);
            run_close(&run);
        }
}

/* With the disk at the source the barrier is a matter of time alone. */
static void the_barrier_costs_time(void **state)
{
    uint64_t ended_ns[2];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct run run;
        open_run(&run,
                 i == 0 ? JOURNAL "cache=on disk-at=source"
                        : JOURNAL "cache=on disk-at=source leave-out=barrier",
                 JOURNAL_ARGS);
        run_to_end(&run);
        assert_fine(&run, "barrier");
        assert_true((run.timeline.cut.barriers_sent > 0) == (i == 0));
        assert_true(run.timeline.cut.barrier_wait_max_ns >= (i == 0 ? 2 * 100000 : 0));
        assert_true(run.timeline.cut.barriers_acknowledged + 1 >= run.timeline.cut.barriers_sent);
        ended_ns[i] = run.timeline.guest_ended_ns;
        run_close(&run);
    }
    assert_true(ended_ns[0] > ended_ns[1]);
}

/* Given up at any time, with a barrier out or a doorbell on its way: the guest goes on. */
static void a_move_given_up_releases_everybody(void **state)
{
    static const char *const disks[] = {"shared", "source", "target"};
    uint64_t barriers = 0;
    (void)state;
    for (uint64_t turn = 0; turn < 24; turn++) {
        struct run run;
        char words[300];
        snprintf(words, sizeof words, JOURNAL "cache=on latency=1ms disk-at=%s", disks[turn % 3]);
        open_run(&run, words, JOURNAL_ARGS);
        run_advance(&run, 14300000 + turn * turn * 60000);
        assert_true(run_act(&run, SESSION_ABORT));
        run_to_end(&run);
        assert_int_equal(run.timeline.outcome, OUTCOME_ABORTED);
        assert_fine(&run, words);
        barriers += run.timeline.cut.barriers_sent - run.timeline.cut.barriers_acknowledged;
        run_close(&run);
    }
    assert_true(barriers > 5); /* they were out */
}

/* And where the link or the target goes: before COMMIT nothing is lost. */
static void a_fault_releases_everybody(void **state)
{
    static const char *const faults[] = {"cut@20ms", "cut@20ms+5ms", "crash-target@25ms",
                                         "slow@15ms+20ms:1Mbit/s"};
    (void)state;
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
        for (unsigned disk = 0; disk < 2; disk++) {
            struct run run;
            char words[300];
            snprintf(words, sizeof words, JOURNAL "cache=on disk-at=%s fault=%s",
                     disk == 0 ? "source" : "target", faults[i]);
            open_run(&run, words, JOURNAL_ARGS);
            run_to_end(&run);
            assert_fine(&run, words);
            run_close(&run);
        }
}

/* ---- Pages that the guest gave away ---- */

static void free_pages_are_not_sent_until_they_are_used(void **state)
{
    static const char *const options[] = {"free-hints=off", "free-hints=on",
                                          "free-hints=on bandwidth=5Mbit/s"};
    uint64_t digests[3], sent[3], used_pages = 0;
    (void)state;
    for (unsigned hints = 0; hints < 3; hints++) {
        struct run run;
        uint8_t page[PAGE_BYTES];
        static const uint8_t zeros[PAGE_BYTES];
        char words[200];
        snprintf(words, sizeof words, "guest=database memory=8MiB start-at=40ms %s",
                 options[hints]);
        open_run(&run, words, "--keys 6000 --operations 3000 --rate 20k/s --check-every 1000");
        run_to_end(&run);
        assert_fine(&run, words);
        struct guest *guest = world_guest(run.world);
        for (uint64_t i = used_pages = 0; i < guest->total_pages; i++) {
            guest->ops->read_contents(guest, i, page);
            used_pages += memcmp(page, zeros, sizeof page) != 0;
        }
        digests[hints] = run.timeline.digest;
        sent[hints] = run.timeline.pages_sent - run.timeline.pages_resent;
        uint64_t told = run.timeline.pages_by_form[PAGE_FORM_FREE];
        assert_true(hints ? told > 1500 : told == 0);
        run_close(&run);
    }
    assert_int_equal(digests[0], digests[1]);
    assert_int_equal(sent[0], 8 * 256);
    assert_int_equal(digests[0], digests[2]);
    /* Those in use when the move began, and those that were used while it lasted. */
    assert_in_range(sent[1], used_pages / 3, used_pages);
    assert_in_range(sent[2], sent[1] + 10, used_pages + 16);
}

static int forget_images(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        free(images[i].data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_journal_arrives_in_every_mode),
        cmocka_unit_test(several_harts_share_one_cache),
        cmocka_unit_test(what_is_left_out_is_found),
        cmocka_unit_test(the_barrier_costs_time),
        cmocka_unit_test(a_move_given_up_releases_everybody),
        cmocka_unit_test(a_fault_releases_everybody),
        cmocka_unit_test(free_pages_are_not_sent_until_they_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, forget_images);
}
