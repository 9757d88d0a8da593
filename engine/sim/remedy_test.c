/* What each remedy at the source does to a race that is lost without it (C7), by counts; and auto,
 * which needs none of them told. At 1 Gbit/s mu is 30,339 pages a second. */
#include "base/units.h"
#include "sim/scripted.h"
#include "wire/message.h"

#define MU 30339

/* A move with all its events. */
struct move {
    struct run run;
    struct event_list events;
};

static void move_open(struct move *move, const char *words)
{
    struct scenario scenario;
    struct problem problem = {0};
    struct image image = {0};
    char line[480];

    snprintf(line, sizeof line, "run-for=20ms %s", words);
    scenario_of(&scenario, line);
    if (!scenario_is_model(&scenario))
        image = image_read(scenario.guest);
    if (run_open(&move->run, &scenario, image.data, image.count, false, &problem) != STATUS_OK)
        fail_msg("%s: %s", words, problem.text);
    run_to_end(&move->run);
    if (!oracle_holds(world_oracle(move->run.world)))
        fail_msg("%s: %s", words, world_oracle(move->run.world)->what);

    struct world *world;
    assert_int_equal(world_open(&scenario, image.data, image.count, &world, NULL), STATUS_OK);
    move->events = (struct event_list){0};
    while (world_step(world, &move->events))
        ;
    world_close(world);
    free(image.data);
    scenario_fini(&scenario);
}

static void move_close(struct move *move)
{
    event_list_fini(&move->events);
    run_close(&move->run);
}

static const struct event *last_of(const struct move *move, enum event_kind kind)
{
    for (size_t i = move->events.count; i > 0; i--)
        if (move->events.items[i - 1].kind == kind)
            return &move->events.items[i - 1];
    return NULL;
}

static uint64_t pages_sent(const char *words)
{
    struct move move;
    move_open(&move, words);
    assert_int_equal(move.run.timeline.outcome, OUTCOME_COMPLETED);
    uint64_t pages = move.run.timeline.pages_sent;
    move_close(&move);
    return pages;
}

static void test_a_slowed_guest_lets_the_rounds_win(void **state)
{
    static const char *const cases[] = {
        "mode=pre-copy dirty-rate=45000pages/s",
        "mode=pre-copy dirty-rate=600000pages/s",
        "mode=continuous dirty-rate=45000pages/s",
        "mode=continuous dirty-rate=600000pages/s",
    };
    static const char *const remedies[] = {"auto-converge=on", "dirty-limit=2000pages/s"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[200];
        struct move move;
        snprintf(words, sizeof words, "guest=model:uniform memory=32MiB downtime-limit=5ms %s",
                 cases[i]);
        move_open(&move, words);
        assert_true(move.run.timeline.is_limit_exceeded);
        move_close(&move);
        for (size_t remedy = 0; remedy < 2; remedy++) {
            snprintf(words, sizeof words,
                     "guest=model:uniform memory=32MiB downtime-limit=5ms %s %s", cases[i],
                     remedies[remedy]);
            move_open(&move, words);
            if (move.run.timeline.is_limit_exceeded || move.run.timeline.downtime_ns > 5500000)
                fail_msg("%s: %llu ns", words, (unsigned long long)move.run.timeline.downtime_ns);
            move_close(&move);
        }
    }
}

/* Each hart by itself: what the busy ones dirty meets the limit, and no other loses anything. */
static void test_each_hart_meets_its_dirty_limit(void **state)
{
    struct move move;
    uint64_t dirtied[8] = {0}, least_permille[8], from_ns = 0, to_ns = 0;
    (void)state;
    move_open(&move, "guest=model:uniform memory=128MiB mode=pre-copy dirty-rate=90000pages/s "
                     "dirty-limit=5000pages/s");
    for (size_t i = 0; i < 8; i++)
        least_permille[i] = 1000;
    for (size_t i = 0; i < move.events.count; i++) {
        const struct event *event = &move.events.items[i];
        if (event->kind == EVENT_ROUND_STARTED && event->round_started.round_idx == 0)
            from_ns = event->at_ns;
        if (event->kind == EVENT_ROUND_ENDED && event->round_ended.round_idx == 0)
            to_ns = event->at_ns;
        if (event->kind == EVENT_PAGE_DIRTIED && to_ns == 0)
            dirtied[event->page_dirtied.hart_idx]++;
        if (event->kind == EVENT_SHARE_SET &&
            event->share_set.share_permille < least_permille[event->share_set.hart_idx])
            least_permille[event->share_set.hart_idx] = event->share_set.share_permille;
    }
    assert_in_range(dirtied[0] * NS_PER_S / (to_ns - from_ns), 4600, 5400);
    assert_in_range(least_permille[0], 40, 70); /* 5,000 of 90,000 are 55 */
    move_close(&move);
}

static void test_shares_are_whole_again_at_the_end(void **state)
{
    static const char *const ends[] = {"max-rounds=6 on-limit=abort", "max-rounds=6"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char words[200];
        struct move move;
        snprintf(words, sizeof words,
                 "guest=model:uniform memory=16MiB dirty-rate=90000pages/s downtime-limit=1ms "
                 "auto-converge=on %s",
                 ends[i]);
        move_open(&move, words);
        uint64_t at_ns = 0;
        for (size_t k = 0; k < move.events.count; k++)
            if (move.events.items[k].kind == EVENT_SHARE_SET && at_ns == 0)
                at_ns = move.events.items[k].at_ns;
        assert_true(at_ns > 0 && at_ns < move.run.timeline.ended_ns);
        const struct event *last = last_of(&move, EVENT_SHARE_SET);
        /* Wherever it is now, who looks on is told. */
        assert_int_equal(last->share_set.host, i == 0 ? HOST_SOURCE : HOST_TARGET);
        assert_int_equal(last->share_set.share_permille, 1000);
        move_close(&move);
    }
}

/* A slowed guest whose move is given up goes on at once: what it would still have stood still for
 * is given back (the oracle's rule safe looks). Cut in the middle of a period as well as at its
 * ends. */
static void test_a_slowed_guest_goes_on_at_once(void **state)
{
    static const char *const remedies[] = {"dirty-limit=500pages/s", "dirty-limit=2000pages/s",
                                           "auto-converge=on trap-cost=1us"};
    (void)state;
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        for (unsigned us = 300000; us < 300200; us += 31) {
            char words[200];
            struct move move;
            snprintf(words, sizeof words,
                     "guest=model:uniform memory=16MiB dirty-rate=50000pages/s "
                     "bandwidth=300Mbit/s downtime-limit=1ms %s fault=cut@%uus",
                     remedies[i], us + (i == 2 ? 2000000 : 0));
            move_open(&move, words); /* every rule holds, or it fails */
            assert_int_equal(move.run.timeline.outcome, OUTCOME_ABORTED);
            assert_int_equal(last_of(&move, EVENT_SHARE_SET)->share_set.share_permille, 1000);
            move_close(&move);
        }
}

static void test_what_waits_is_not_sent_twice(void **state)
{
    static const struct {
        const char *words, *remedy;
        unsigned percent_most; /* of what is sent without */
    } cases[] = {
        {"guest=model:hot-cold memory=64MiB dirty-rate=45000pages/s", "hot-last=on", 75},
        {"guest=model:zipf memory=64MiB dirty-rate=60000pages/s downtime-limit=40ms", "hot-last=on",
         80},
        {"guest=model:hot-cold memory=64MiB dirty-rate=45000pages/s mode=hybrid switch-after=3",
         "hot-last=on", 90},
        {"guest=model:uniform memory=64MiB dirty-rate=20000pages/s", "skip-rewritten=on", 80},
        {"guest=model:uniform memory=64MiB dirty-rate=20000pages/s mode=hybrid switch-after=2",
         "skip-rewritten=on", 80},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[200];
        snprintf(words, sizeof words, "%s %s", cases[i].words, cases[i].remedy);
        uint64_t without = pages_sent(cases[i].words), with = pages_sent(words);
        if (with * 100 > without * cases[i].percent_most)
            fail_msg("%s: %llu pages, %llu without", words, (unsigned long long)with,
                     (unsigned long long)without);
    }
}

/* While the guest runs here the move has a part of the link; after that all of it. */
static void test_a_bandwidth_limit_ends_with_the_pause(void **state)
{
    static const char *const modes[] = {"pre-copy downtime-limit=20ms",
                                        "continuous downtime-limit=20ms", "hybrid", "auto"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char words[200];
        struct move move;
        snprintf(
            words, sizeof words,
            "guest=model:uniform memory=32MiB dirty-rate=6000pages/s bandwidth-limit=300Mbit/s "
            "mode=%s",
            modes[i]);
        move_open(&move, words);
        uint64_t sent = 0, from_ns = 0, chunk = 0, paused_ns = move.run.timeline.paused_at_ns;
        for (size_t k = 0; k < move.events.count; k++) {
            const struct event *event = &move.events.items[k];
            if (event->kind != EVENT_PAGES_SENT || event->at_ns >= paused_ns)
                continue;
            from_ns = from_ns == 0 ? event->at_ns : from_ns;
            sent += event->pages_sent.bytes;
            chunk = event->pages_sent.bytes > chunk ? event->pages_sent.bytes : chunk;
            if (sent > (event->at_ns - from_ns) * 300 / 8 / 1000 + chunk + 1)
                fail_msg("%s: %llu bytes too early", words, (unsigned long long)sent);
        }
        assert_in_range(sent * 8000 / (paused_ns - from_ns), 295, 305); /* Mbit/s */
        uint64_t rest = move.run.timeline.rounds[move.run.timeline.round_count - 1].bytes_sent;
        if (i < 2) /* at 1 Gbit/s, not at 300 Mbit/s */
            assert_in_range(move.run.timeline.downtime_ns, rest * 8, rest * 8 + 110000);
        assert_false(move.run.timeline.is_limit_exceeded);
        move_close(&move);
    }
}

/* Every pattern, rates from nothing to what no link can follow, slow links and small guests: auto
 * ends the move within its limit, or with a downtime that no mode could make shorter. */
static void test_auto_ends_well_by_itself(void **state)
{
    static const char *const guests[] = {"model:idle",     "model:uniform", "model:sequential",
                                         "model:hot-cold", "model:zipf",    "model:phases"};
    static const uint64_t rates[] = {1, 3000, 20000, 29000, 90000, 2000000};
    static const char *const links[] = {"bandwidth=1Gbit/s", "bandwidth=40Mbit/s latency=20ms"};
    (void)state;
    for (size_t guest = 0; guest < 6; guest++)
        for (size_t rate = 0; rate < (guest == 0 ? 1 : 6); rate++)
            for (size_t link = 0; link < 2; link++) {
                char words[240], dirty[40];
                struct move move;
                snprintf(dirty, sizeof dirty, "dirty-rate=%llupages/s",
                         (unsigned long long)rates[rate]);
                snprintf(words, sizeof words, "guest=%s memory=8MiB mode=auto %s %s seed=%zu",
                         guests[guest], links[link], guest == 0 ? "" : dirty, 1 + rate);
                move_open(&move, words);
                const struct timeline *timeline = &move.run.timeline;
                uint64_t least_ns = link == 0 ? 200000 : 21000000; /* the state, and the way */
                if (timeline->outcome != OUTCOME_COMPLETED || timeline->is_limit_exceeded ||
                    timeline->downtime_ns > (link == 0 ? 31000000 : 33000000))
                    fail_msg("%s: downtime %llu", words, (unsigned long long)timeline->downtime_ns);
                const struct event *decided = last_of(&move, EVENT_DECIDED);
                bool has_left = decided != NULL && decided->decided.decision == DECISION_POST_COPY;
                if (has_left && timeline->downtime_ns > least_ns)
                    fail_msg("%s: %llu after the switch", words,
                             (unsigned long long)timeline->downtime_ns);
                if (has_left !=
                    (timeline->sent_by_why[WHY_FAULT] + timeline->sent_by_why[WHY_PUSHED] > 0))
                    fail_msg("%s: post-copy and not decided, or the other way", words);
                if (timeline->pages_sent > 7 * timeline->total_pages)
                    fail_msg("%s: %llu pages", words, (unsigned long long)timeline->pages_sent);
                move_close(&move);
            }
}

/* Where rounds win they are all it does; where they do not, each remedy comes before the next. */
static void test_auto_takes_the_mildest_remedy(void **state)
{
    static const struct {
        const char *words;
        enum decision decisions[4];
        size_t count;
    } cases[] = {
        {"dirty-rate=10000pages/s guest=model:uniform", {DECISION_ROUNDS}, 1},
        {"dirty-rate=45000pages/s guest=model:hot-cold",
         {DECISION_ROUNDS, DECISION_HOT_LAST, DECISION_ROUNDS},
         3},
        {"dirty-rate=45000pages/s guest=model:uniform max-rounds=1", {DECISION_POST_COPY}, 1},
        {"dirty-rate=32000pages/s guest=model:uniform", /* so close that the rounds tell */
         {DECISION_ROUNDS, DECISION_HOT_LAST, DECISION_ROUNDS, DECISION_POST_COPY},
         4},
        {"dirty-rate=90000pages/s guest=model:uniform", {DECISION_POST_COPY}, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[200];
        struct move move;
        size_t count = 0;
        snprintf(words, sizeof words, "mode=auto %s", cases[i].words);
        move_open(&move, words);
        for (size_t k = 0; k < move.events.count; k++) {
            if (move.events.items[k].kind != EVENT_DECIDED)
                continue;
            if (count == cases[i].count ||
                move.events.items[k].decided.decision != cases[i].decisions[count])
                fail_msg("%s: decision %zu is %s", words, count,
                         decision_sentence((enum decision)move.events.items[k].decided.decision));
            count++;
        }
        assert_int_equal(count, cases[i].count);
        move_close(&move);
    }
    struct move slowed; /* the user allowed it: then the guest is slowed rather than switched */
    move_open(&slowed, "mode=auto dirty-rate=90000pages/s guest=model:uniform auto-converge=on");
    assert_int_equal(slowed.run.timeline.sent_by_why[WHY_FAULT], 0);
    assert_non_null(last_of(&slowed, EVENT_SHARE_SET));
    move_close(&slowed);
}

/* That no round will ever win is seen before a quarter of memory was sent, which may be sent twice. */
static void test_auto_sees_early_that_it_is_outrun(void **state)
{
    static const char *const cases[] = {
        "guest=model:uniform dirty-rate=40000pages/s",
        "guest=model:uniform dirty-rate=500000pages/s",
        "guest=model:sequential dirty-rate=36000pages/s working-set=32MiB",
        "guest=model:uniform memory=512MiB working-set=256MiB dirty-rate=30720pages/s "
        "bandwidth=100MiB/s"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[200];
        struct move move;
        snprintf(words, sizeof words, "mode=auto %s", cases[i]);
        move_open(&move, words);
        uint64_t pages = move.run.timeline.total_pages;
        if (move.run.timeline.pages_sent > pages + pages / 4 + pages / 64)
            fail_msg("%s: %llu pages", words, (unsigned long long)move.run.timeline.pages_sent);
        assert_true(move.run.timeline.round_count < 3);
        move_close(&move);
    }
}

static void test_auto_carries_real_guests(void **state)
{
    static const char *const cases[] = {
        "guest=kv memory=8MiB clients=2", "guest=database memory=8MiB bandwidth=20Mbit/s",
        "guest=sort memory=8MiB bandwidth=100Mbit/s start-at=20ms",
        "guest=memwalk memory=16MiB dirty-rate=60000pages/s pattern=hot-cold"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[200];
        struct move move;
        snprintf(words, sizeof words, "mode=auto %s", cases[i]);
        move_open(&move, words);
        if (move.run.timeline.outcome != OUTCOME_COMPLETED ||
            move.run.timeline.downtime_ns > 31000000)
            fail_msg("%s: %llu", words, (unsigned long long)move.run.timeline.downtime_ns);
        assert_int_equal(move.run.timeline.errors, 0);
        move_close(&move);
    }
}

/* Pages that were given away count as passed: the scan of a guest that has given nearly all of its
 * memory away is short, and the rule of the pause can hold after it. */
static void test_a_scan_passes_free_pages(void **state)
{
    (void)state;
    assert_in_range(pages_sent("guest=database mode=continuous bandwidth=200Mbit/s memory=24MiB "
                               "seed=8"),
                    64, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_scan_passes_free_pages),
        cmocka_unit_test(test_a_slowed_guest_lets_the_rounds_win),
        cmocka_unit_test(test_each_hart_meets_its_dirty_limit),
        cmocka_unit_test(test_shares_are_whole_again_at_the_end),
        cmocka_unit_test(test_a_slowed_guest_goes_on_at_once),
        cmocka_unit_test(test_what_waits_is_not_sent_twice),
        cmocka_unit_test(test_a_bandwidth_limit_ends_with_the_pause),
        cmocka_unit_test(test_auto_ends_well_by_itself),
        cmocka_unit_test(test_auto_takes_the_mildest_remedy),
        cmocka_unit_test(test_auto_sees_early_that_it_is_outrun),
        cmocka_unit_test(test_auto_carries_real_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
