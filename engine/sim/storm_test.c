/* After the switch: what the curriculum's rows C8 to C11 say of post-copy and hybrid moves,
 * measured, with the formula beside each. */
#include "base/prng.h"
#include "machine/machine.h"
#include "sim/scripted.h"
#include "wire/message_pages.h"

/* What one page costs on the link, framing included (wire/message.h), in nanoseconds. */
static double page_ns(uint64_t bits_per_s)
{
    return (double)MESSAGE_PAGE_WIRE_BYTES * 8e9 / (double)bits_per_s;
}

static void open_run(struct run *run, struct scenario *scenario, const char *words,
                     const char *args)
{
    struct image image = {0};
    struct problem problem = {0};
    scenario_of(scenario, words);
    if (args != NULL && scenario_set(scenario, "args", args, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    if (!scenario_is_model(scenario))
        image = image_read(scenario->guest);
    assert_int_equal(run_open(run, scenario, image.data, image.count, false, &problem), STATUS_OK);
    free(image.data);
}

static void close_run(struct run *run, struct scenario *scenario)
{
    run_close(run);
    scenario_fini(scenario);
}

static void run_to_the_switch(struct run *run)
{
    while (!run->timeline.has_resumed)
        if (!run_step(run))
            fail_msg("the guest was never switched over");
}

static void assert_held(const struct run *run)
{
    if (!oracle_holds(world_oracle(run->world)))
        fail_msg("%s", world_oracle(run->world)->what);
}

/* ---- C8: the downtime is the state's, whatever the size ---- */

static uint64_t downtime_of(const char *guest, const char *memory, unsigned seed)
{
    struct scenario scenario;
    struct run run;
    char words[200];
    snprintf(words, sizeof words, "guest=%s memory=%s mode=post-copy seed=%u start-at=%ums", guest,
             memory, seed, 50 + seed);
    open_run(&run, &scenario, words, NULL);
    run_to_the_switch(&run);
    uint64_t downtime_ns = run.timeline.downtime_ns;
    close_run(&run, &scenario);
    return downtime_ns;
}

static void downtime_does_not_depend_on_the_memory(void **state)
{
    static const char *const guests[] = {"model:uniform", "model:hot-cold", "memwalk", "kv"};
    (void)state;
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++)
        for (unsigned seed = 1; seed <= 3; seed++) {
            uint64_t small_ns = downtime_of(guests[i], "16MiB", seed);
            uint64_t large_ns = downtime_of(guests[i], "1GiB", seed);
            assert_in_range(large_ns, small_ns - small_ns / 100, small_ns + small_ns / 100);
        }
}

/* ---- C9: progress against its bound ---- */

/* Faults a second between the first and the last tenth of a storm, and the mean time that a hart
 * thought between two of its own. */
struct storm {
    double faults_per_s, think_ns;
    uint64_t fault_count, queue_max;
};

struct storm_sums {
    uint64_t count, from_idx, to_idx, from_ns, to_ns, think_ns, think_count;
    uint64_t resolved_ns[HART_MAX];
};

static void add_event(struct storm_sums *sums, const struct event *event)
{
    if (event->kind == EVENT_PAGE_FAULTED) {
        uint64_t since_ns = sums->resolved_ns[event->page_faulted.hart_idx];
        if (since_ns > 0 && sums->count > sums->from_idx && sums->count <= sums->to_idx) {
            sums->think_ns += event->at_ns - since_ns;
            sums->think_count++;
        }
    }
    if (event->kind != EVENT_FAULT_RESOLVED)
        return;
    sums->resolved_ns[event->fault_resolved.hart_idx] = event->at_ns;
    sums->count++;
    if (sums->count == sums->from_idx)
        sums->from_ns = event->at_ns;
    if (sums->count == sums->to_idx)
        sums->to_ns = event->at_ns;
}

static struct storm storm_of(const char *words, uint64_t work, uint64_t pages)
{
    struct storm_sums sums = {.from_idx = pages / 10, .to_idx = pages - pages / 10};
    struct scenario scenario;
    struct run run;
    char args[60];
    snprintf(args, sizeof args, "--at 120ms --work %llu --working-set %lluKiB",
             (unsigned long long)work, (unsigned long long)pages * 4);
    open_run(&run, &scenario, words, args);
    do
        for (size_t i = 0; i < run.events.count; i++)
            add_event(&sums, &run.events.items[i]);
    while (sums.count < sums.to_idx && run_step(&run));
    assert_true(sums.count >= sums.to_idx);
    assert_held(&run);
    struct storm storm = {
        .faults_per_s =
            (double)(sums.to_idx - sums.from_idx) * 1e9 / (double)(sums.to_ns - sums.from_ns),
        .think_ns = (double)sums.think_ns / (double)sums.think_count,
        .fault_count = sums.count,
        .queue_max = run.timeline.pace.waiting_harts_max,
    };
    close_run(&run, &scenario);
    return storm;
}

static const struct storm_case {
    uint64_t bits_per_s, latency_ns, cpu_rate, work;
} storm_cases[] = {
    {1000000000, 100000, 100000000, 5000},   /* 50 us of thought: the link is enough for 8 */
    {1000000000, 100000, 100000000, 20000},  /* 200 us */
    {200000000, 50000, 100000000, 20000},    /* the link is enough for 3 */
    {1000000000, 10000, 1000000000, 20000},  /* near, and hardly any thought: enough for 2 */
    {2500000000, 300000, 1000000000, 70000}, /* far: no queue at all */
};

/* Harts think for a whole number of their own instructions. But one of several whose page has come
 * goes on only at its next turn, half a round of 1,000 instructions later on average (machine.h):
 * that is what is missing where all of the cycle is short, 10 us at 100 MIPS. */
static void progress_is_near_its_bound_without_a_push(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof storm_cases / sizeof storm_cases[0]; i++)
        for (unsigned harts = 1; harts <= 8; harts *= 2) {
            const struct storm_case *c = &storm_cases[i];
            char words[300];
            snprintf(
                words, sizeof words,
                "guest=storm memory=16MiB mode=post-copy prefetch=none push-after=60s harts=%u "
                "cpu-rate=%lluMIPS bandwidth=%lluMbit/s latency=%lluns run-for=0ms",
                harts, (unsigned long long)c->cpu_rate / 1000000,
                (unsigned long long)c->bits_per_s / 1000000, (unsigned long long)c->latency_ns);
            struct storm storm = storm_of(words, c->work, 2500);
            double think_ns = (double)(c->work + 27) * 1e9 / (double)c->cpu_rate;
            double service_ns = page_ns(c->bits_per_s);
            double by_harts = harts * 1e9 / (think_ns + 2 * (double)c->latency_ns + service_ns);
            double bound = by_harts < 1e9 / service_ns ? by_harts : 1e9 / service_ns;
            if (storm.faults_per_s > bound * 1.0001 || storm.faults_per_s < bound * 0.95)
                fail_msg("case %zu, %u harts: %.0f faults/s, the bound is %.0f", i, harts,
                         storm.faults_per_s, bound);
            assert_true(storm.queue_max <= harts); /* a closed system's queue is bounded */
        }
}

/* Pushed pages stand before those that are asked for: one push at most, for answers overtake the
 * others; and a hart alone still waits behind it. */
static void a_push_is_what_a_fault_stands_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof storm_cases / sizeof storm_cases[0]; i++) {
        const struct storm_case *c = &storm_cases[i];
        double waits_ns[2], service_ns = page_ns(c->bits_per_s);
        for (unsigned with = 0; with < 2; with++) {
            struct scenario scenario;
            struct run run;
            char words[300];
            snprintf(words, sizeof words,
                     "guest=storm memory=64MiB mode=post-copy %s harts=1 "
                     "bandwidth=%lluMbit/s latency=%lluns run-for=0ms",
                     with ? "prefetch=sequential" : "prefetch=none push-after=60s",
                     (unsigned long long)c->bits_per_s / 1000000,
                     (unsigned long long)c->latency_ns);
            open_run(&run, &scenario, words, "--at 101ms");
            while (timeline_fault_wait(&run.timeline).count < 200 && run_step(&run))
                ;
            waits_ns[with] = (double)timeline_fault_wait(&run.timeline).max;
            close_run(&run, &scenario);
        }
        double alone_ns = 2 * (double)c->latency_ns + service_ns;
        double push_ns = service_ns > 50000 ? service_ns : 50000; /* of PUSH_CHUNK_NS */
        assert_true(waits_ns[0] >= alone_ns && waits_ns[0] < alone_ns * 1.02 + 1000);
        assert_true(waits_ns[1] > alone_ns + push_ns / 4);
        assert_true(waits_ns[1] <= alone_ns * 1.02 + push_ns + service_ns);
    }
}

/* With a push, too, progress never exceeds the bound: what is asked for counts. */
static void progress_never_exceeds_its_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof storm_cases / sizeof storm_cases[0]; i++)
        for (unsigned harts = 1; harts <= 8; harts *= 2) {
            const struct storm_case *c = &storm_cases[i];
            struct scenario scenario;
            struct run run;
            char words[300];
            snprintf(words, sizeof words,
                     "guest=storm memory=64MiB mode=post-copy harts=%u cpu-rate=%lluMIPS "
                     "bandwidth=%lluMbit/s latency=%lluns run-for=0ms",
                     harts, (unsigned long long)c->cpu_rate / 1000000,
                     (unsigned long long)c->bits_per_s / 1000000,
                     (unsigned long long)c->latency_ns);
            open_run(&run, &scenario, words, "--at 101ms");
            run_to_the_switch(&run);
            run_advance(&run, 101 * NS_PER_MS);
            uint64_t before = run.timeline.sent_by_why[WHY_FAULT], from_ns = run.timeline.now_ns;
            while (run.timeline.sent_by_why[WHY_FAULT] < before + 1000 &&
                   run.timeline.pages_left > 0 && run_step(&run))
                ;
            double rate = (double)(run.timeline.sent_by_why[WHY_FAULT] - before) * 1e9 /
                          (double)(run.timeline.now_ns - from_ns);
            double service_ns = page_ns(c->bits_per_s);
            double by_harts = harts * 1e9 / (2 * (double)c->latency_ns + service_ns);
            double bound = by_harts < 1e9 / service_ns ? by_harts : 1e9 / service_ns;
            /* The requests of all harts that were on their way at the beginning count as well. */
            if (rate > bound * 1.02)
                fail_msg("case %zu, %u harts: %.0f faults/s, the bound is %.0f", i, harts, rate,
                         bound);
            close_run(&run, &scenario);
        }
}

/* ---- C10: hybrid against post-copy ---- */

/* Guest time lived within the first second after the switch: what a model writes, and what a
 * program does, follows it. */
static uint64_t first_second(const char *mode, const char *words, unsigned seed)
{
    struct scenario scenario;
    struct run run;
    char all[300];
    snprintf(all, sizeof all, "mode=%s seed=%u run-for=2s %s", mode, seed, words);
    open_run(&run, &scenario, all, NULL);
    run_to_the_switch(&run);
    uint64_t lived_ns = world_lived_ns(run.world);
    run_advance(&run, run.timeline.resumed_at_ns + NS_PER_S);
    lived_ns = world_lived_ns(run.world) - lived_ns;
    assert_held(&run);
    close_run(&run, &scenario);
    return lived_ns;
}

/* Where a cold page costs a post-copied guest about as much as it has between two of them. */
static void hybrid_serves_twice_as_much_in_its_first_second(void **state)
{
    static const char *const guests[] = {
        "guest=model:hot-cold memory=256MiB dirty-rate=5kpages/s latency=2ms",
        "guest=model:hot-cold memory=256MiB dirty-rate=10kpages/s latency=1ms",
        "guest=model:hot-cold memory=256MiB dirty-rate=20kpages/s latency=500us",
        "guest=model:hot-cold memory=512MiB dirty-rate=10kpages/s latency=1ms prefetch=bubble",
        "guest=memwalk pattern=hot-cold memory=256MiB dirty-rate=10kpages/s latency=1ms",
    };
    (void)state;
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++)
        for (unsigned seed = 1; seed <= 2; seed++) {
            uint64_t post_copy_ns = first_second("post-copy", guests[i], seed);
            uint64_t hybrid_ns = first_second("hybrid", guests[i], seed);
            if (hybrid_ns < 2 * post_copy_ns)
                fail_msg("%s, seed %u: %llu ns of the first second, and %llu by post-copy",
                         guests[i], seed, (unsigned long long)hybrid_ns,
                         (unsigned long long)post_copy_ns);
        }
}

/* ---- C11: pre-paging ---- */

static uint64_t network_faults(const char *prefetch, const char *words, unsigned seed)
{
    struct scenario scenario;
    struct run run;
    char all[300];
    snprintf(all, sizeof all, "mode=post-copy prefetch=%s seed=%u run-for=0ms memory=32MiB %s",
             prefetch, seed, words);
    open_run(&run, &scenario, all, NULL);
    run_to_end(&run);
    uint64_t faults = run.timeline.pace.network_faults;
    assert_held(&run);
    assert_int_equal(run.timeline.pages_sent, 8192); /* each once */
    close_run(&run, &scenario);
    return faults;
}

static void the_bubble_leaves_a_quarter_of_the_faults(void **state)
{
    static const char *const guests[] = {
        "guest=model:sequential dirty-rate=2kpages/s",
        "guest=model:sequential dirty-rate=100kpages/s bandwidth=200Mbit/s",
        "guest=model:sequential dirty-rate=100kpages/s latency=1us",
        "guest=memwalk pattern=sequential dirty-rate=20kpages/s latency=1ms",
        "guest=model:hot-cold dirty-rate=5kpages/s",
        "guest=model:hot-cold dirty-rate=20kpages/s bandwidth=200Mbit/s",
        "guest=memwalk pattern=hot-cold dirty-rate=10kpages/s",
        "guest=model:zipf dirty-rate=5kpages/s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++)
        for (unsigned seed = 1; seed <= 3; seed++) {
            uint64_t none = network_faults("none", guests[i], seed);
            uint64_t bubble = network_faults("bubble", guests[i], seed);
            if (bubble * 4 > none)
                fail_msg("%s, seed %u: %llu faults are left of %llu", guests[i], seed,
                         (unsigned long long)bubble, (unsigned long long)none);
        }
}

/* A guest that goes through its memory in order meets the bubble's edge once or twice, where a push
 * from the first page on is far from it. */
static void the_bubble_goes_along_with_a_sequential_guest(void **state)
{
    static const char *const guests[] = {
        "guest=model:sequential dirty-rate=20kpages/s",
        "guest=model:sequential dirty-rate=100kpages/s bandwidth=200Mbit/s latency=1us",
        "guest=memwalk pattern=sequential dirty-rate=20kpages/s bandwidth=200Mbit/s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++)
        for (unsigned seed = 1; seed <= 2; seed++) {
            char words[200];
            snprintf(words, sizeof words, "%s start-at=%ums", guests[i], 150 + 20 * seed);
            uint64_t bubble = network_faults("bubble", words, seed);
            uint64_t in_order = network_faults("sequential", words, seed);
            if (bubble > 5 || in_order < 20 * bubble)
                fail_msg("%s: %llu faults, and %llu without the bubble", words,
                         (unsigned long long)bubble, (unsigned long long)in_order);
        }
}

/* Nothing but answers travels before the time, and all the rest after it. */
static void without_prefetch_nothing_is_pushed_before_its_time(void **state)
{
    struct scenario scenario;
    struct run run;
    (void)state;
    open_run(&run, &scenario,
             "guest=model:uniform memory=16MiB mode=post-copy prefetch=none push-after=300ms "
             "dirty-rate=1kpages/s",
             NULL);
    run_to_the_switch(&run);
    run_advance(&run, run.timeline.resumed_at_ns + 299 * NS_PER_MS);
    assert_int_equal(run.timeline.sent_by_why[WHY_PUSHED], 0);
    assert_true(run.timeline.sent_by_why[WHY_FAULT] > 200);
    run_advance(&run, run.timeline.resumed_at_ns + 301 * NS_PER_MS);
    assert_true(run.timeline.sent_by_why[WHY_PUSHED] > 0);
    run_to_end(&run);
    assert_int_equal(run.timeline.outcome, OUTCOME_COMPLETED);
    assert_int_equal(run.timeline.pages_sent, 4096);
    close_run(&run, &scenario);
}

/* ---- C11: the fault throttle ---- */

struct waits {
    uint64_t p99, set_point_ns, share_least, count;
};

static struct waits waits_of(const char *words, const char *args, bool is_throttled)
{
    struct scenario scenario;
    struct run run;
    char all[300];
    snprintf(all, sizeof all,
             "guest=storm mode=post-copy harts=8 memory=16MiB fault-throttle=%s %s",
             is_throttled ? "on" : "off", words);
    open_run(&run, &scenario, all, args);
    run_to_end(&run);
    struct timeline_spread spread = timeline_fault_wait(&run.timeline);
    struct waits waits = {spread.p99, run.timeline.pace.set_point_ns,
                          run.timeline.pace.share_least_permille, spread.count};
    assert_held(&run);
    close_run(&run, &scenario);
    return waits;
}

static void the_throttle_keeps_waits_within_its_set_point(void **state)
{
    static const char *const links[] = {
        "bandwidth=20Mbit/s latency=20us",
        "bandwidth=200Mbit/s latency=1us",
        "bandwidth=200Mbit/s latency=50us",
        "bandwidth=300Mbit/s latency=20us cpu-rate=1GIPS",
        "bandwidth=1Gbit/s latency=1us",
        "bandwidth=1Gbit/s latency=20us prefetch=bubble",
        "bandwidth=200Mbit/s latency=20us compress=zero",
    };
    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        for (unsigned work = 0; work <= 2000; work += 1000) {
            char args[40];
            snprintf(args, sizeof args, "--at 101ms --work %u", work);
            struct waits with = waits_of(links[i], args, true);
            struct waits without = waits_of(links[i], args, false);
            assert_true(with.set_point_ns > 0 && with.count > 500);
            if (with.p99 > with.set_point_ns)
                fail_msg("%s, work %u: p99 is %llu ns, the set point %llu", links[i], work,
                         (unsigned long long)with.p99, (unsigned long long)with.set_point_ns);
            if (without.p99 <= with.set_point_ns) /* the queue is full */
                fail_msg("%s, work %u: without it p99 is %llu ns, within %llu", links[i], work,
                         (unsigned long long)without.p99, (unsigned long long)with.set_point_ns);
            assert_true(with.share_least < 500);
        }
}

/* Where the link serves everybody at once nobody is slowed. */
static void a_link_that_is_fast_enough_throttles_nobody(void **state)
{
    (void)state;
    struct waits with = waits_of("bandwidth=10Gbit/s latency=200us", "--at 101ms", true);
    struct waits without = waits_of("bandwidth=10Gbit/s latency=200us", "--at 101ms", false);
    assert_int_equal(with.count, without.count);
    assert_int_equal(with.p99, without.p99);
}

/* ---- Shares ---- */

/* A guest that is slowed ends as if it had never been, and cuts of the world's time change nothing.
 */
static void a_slowed_guest_notices_nothing(void **state)
{
    static const char *const words[] = {
        "guest=sort mode=post-copy fault-throttle=on bandwidth=50Mbit/s latency=1us memory=4MiB "
        "start-at=3ms",
        "guest=model:uniform mode=post-copy fault-throttle=on bandwidth=50Mbit/s latency=1us "
        "memory=8MiB dirty-rate=200kpages/s",
        "guest=model:zipf mode=hybrid fault-throttle=on bandwidth=50Mbit/s latency=1us "
        "memory=8MiB dirty-rate=200kpages/s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct prng prng = prng_make(i, 3);
        struct scenario scenario;
        struct run whole, cut;
        struct oracle oracle;
        const char *args = i == 0 ? "--count 60000" : NULL;
        open_run(&whole, &scenario, words[i], args);
        run_to_end(&whole);
        struct image image =
            scenario_is_model(&scenario) ? (struct image){0} : image_read(scenario.guest);
        run_verify(&whole, image.data, image.count, &oracle);
        if (!oracle_holds(&oracle))
            fail_msg("%s: %s", words[i], oracle.what);
        assert_true(oracle.applies[RULE_TRANSPARENT]);
        scenario_fini(&scenario);
        open_run(&cut, &scenario, words[i], args);
        for (uint64_t at_ns = 0; run_advance(&cut, at_ns);)
            at_ns += 1 + prng_below(&prng, 300 * NS_PER_US);
        assert_int_equal(recorder_digest(&cut.recorder), recorder_digest(&whole.recorder));
        run_close(&whole);
        close_run(&cut, &scenario);
        free(image.data);
    }
}

/* ---- C6: the hardware's log ---- */

static void a_hardware_log_exits_once_for_512_pages(void **state)
{
    for (unsigned is_logged = 0; is_logged < 2; is_logged++) {
        struct scenario scenario;
        struct run run;
        char words[200];
        uint64_t dirtied = 0;
        snprintf(words, sizeof words,
                 "guest=model:uniform memory=64MiB dirty-rate=10kpages/s trap-cost=20us "
                 "bandwidth=300Mbit/s dirty-tracking=%s",
                 is_logged ? "hardware-log" : "trap");
        open_run(&run, &scenario, words, NULL);
        run_to_end(&run);
        assert_held(&run);
        uint64_t drains = run.timeline.pace.log_drains, least = 0;
        for (uint32_t i = 0; i < run.timeline.round_count; i++) {
            dirtied += run.timeline.rounds[i].dirtied_pages;
            least += (run.timeline.rounds[i].dirtied_pages + 511) / 512;
        }
        assert_true(dirtied > 5000);
        assert_int_equal(run.timeline.dirty_traps, is_logged ? 0 : dirtied);
        assert_int_equal(drains, is_logged ? least : 0);
        /* What the guest has lived less than the world is the exits' cost, and the downtime. */
        uint64_t exits = is_logged ? drains : dirtied;
        uint64_t stood_ns = run.timeline.now_ns - world_lived_ns(run.world);
        /* What the last two cost, the trap before the pause and the fetch in it, the pause hides.
         */
        assert_in_range(stood_ns, run.timeline.downtime_ns + (exits - 2) * 20 * NS_PER_US,
                        run.timeline.downtime_ns + exits * 20 * NS_PER_US);
        close_run(&run, &scenario);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(downtime_does_not_depend_on_the_memory),
        cmocka_unit_test(progress_is_near_its_bound_without_a_push),
        cmocka_unit_test(a_push_is_what_a_fault_stands_behind),
        cmocka_unit_test(progress_never_exceeds_its_bound),
        cmocka_unit_test(hybrid_serves_twice_as_much_in_its_first_second),
        cmocka_unit_test(the_bubble_leaves_a_quarter_of_the_faults),
        cmocka_unit_test(the_bubble_goes_along_with_a_sequential_guest),
        cmocka_unit_test(without_prefetch_nothing_is_pushed_before_its_time),
        cmocka_unit_test(the_throttle_keeps_waits_within_its_set_point),
        cmocka_unit_test(a_link_that_is_fast_enough_throttles_nobody),
        cmocka_unit_test(a_slowed_guest_notices_nothing),
        cmocka_unit_test(a_hardware_log_exits_once_for_512_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
