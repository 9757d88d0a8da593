/* The exports of worlds that were lived: all modes, given up, ended guests, keys, recordings that
 * break off. Each trace is checked from its file alone (record/trace_check.h), and says as much as
 * the timeline does. */
#include "base/units.h"
#include "record/trace.h"
#include "record/trace_check.h"
#include "sim/scripted.h"

struct tale {
    const char *words; /* of the scenario */
    const char *guest; /* its file; NULL: a model */
    const char *has;   /* what stands in the trace */
    enum outcome outcome;
    bool has_faults;
    bool has_key; /* that somebody presses while pages travel */
    enum session_command key;
};

static const struct tale tales[] = {
    {"guest=kv mode=stop-and-copy memory=2MiB bandwidth=100Mbit/s clients=3 request-rate=500/s "
     "start-at=30ms run-for=5ms",
     "kv", "\"name\":\"outage\"", OUTCOME_COMPLETED, false, false, 0},
    {"guest=kv mode=pre-copy memory=2MiB bandwidth=100Mbit/s clients=3 request-rate=500/s "
     "start-at=30ms run-for=5ms",
     "kv", "\"name\":\"paused round ", OUTCOME_COMPLETED, false, false, 0},
    {"guest=kv mode=post-copy memory=2MiB bandwidth=100Mbit/s clients=3 request-rate=500/s "
     "start-at=30ms run-for=5ms",
     "kv", "\"name\":\"waiting for a page\"", OUTCOME_COMPLETED, true, false, 0},
    {"guest=kv mode=hybrid memory=2MiB bandwidth=100Mbit/s clients=3 request-rate=2000/s "
     "start-at=30ms run-for=5ms",
     "kv", ", pushed\"", OUTCOME_COMPLETED, true, false, 0},
    {"guest=model:uniform mode=pre-copy memory=4MiB dirty-rate=90kpages/s max-rounds=3 "
     "on-limit=abort downtime-limit=1us run-for=5ms",
     NULL, "\"name\":\"limit exceeded\"", OUTCOME_ABORTED, false, false, 0},
    {"guest=sort mode=post-copy memory=16MiB start-at=10ms", "sort", "\"name\":\"the guest ended\"",
     OUTCOME_COMPLETED, true, false, 0},
};

/* The trace of the first events, NUL-terminated. */
static struct bytes trace_events(const struct session_facts *facts, const struct event_list *events,
                                 size_t count)
{
    struct trace trace;
    struct bytes text = {0};
    trace_init(&trace, facts);
    for (size_t i = 0; i < count; i++)
        trace_add(&trace, &events->items[i]);
    trace_finish(&trace);
    bytes_put(&text, trace.text.data, trace.text.count);
    bytes_put_u8(&text, 0);
    trace_fini(&trace);
    return text;
}

static void check_sound(struct check *check, const char *what, size_t cut, const struct bytes *text)
{
    if (!check_trace(check, text->data, text->count - 1))
        fail_msg("%s, cut at %zu: %s", what, cut, check->why);
}

static void check_tale(const struct tale *tale, const struct session_facts *facts,
                       const struct event_list *events, const struct timeline *timeline)
{
    struct check check;
    struct bytes text = trace_events(facts, events, events->count);
    struct bytes again = trace_events(facts, events, events->count);
    check_sound(&check, tale->words, events->count, &text);
    /* Each fault has its arrow; each run of pages its slice and its arrival. */
    assert_int_equal(check.counts['s'], timeline->faults);
    assert_int_equal(check.counts['f'], timeline->faults);
    if ((timeline->faults > 0) != tale->has_faults)
        fail_msg("%s: %zu faults", tale->words, (size_t)timeline->faults);
    assert_int_equal(timeline->outcome, tale->outcome);
    assert_true(check.counts['C'] > 10);
    if (strstr((char *)text.data, tale->has) == NULL)
        fail_msg("%s: no %s in it", tale->words, tale->has);
    assert_int_equal(text.count, again.count);
    assert_memory_equal(text.data, again.data, text.count);
    check_fini(&check);
    bytes_fini(&again);
    bytes_fini(&text);
    for (size_t cut = 0; cut < events->count; cut += events->count / 23 + 1) {
        text = trace_events(facts, events, cut);
        check_sound(&check, tale->words, cut, &text);
        check_fini(&check);
        bytes_fini(&text);
    }
}

static struct session_facts facts_of(const struct scenario *scenario, uint64_t total_pages)
{
    return (struct session_facts){.guest = scenario->guest,
                                  .mode = scenario->mode,
                                  .seed = scenario->seed,
                                  .total_pages = total_pages,
                                  .bandwidth_bits_per_s = scenario->bandwidth_bits_per_s};
}

/* The events of a whole run; the key, if there is one, is pressed once. */
static struct event_list live(const struct tale *tale, struct run *run)
{
    struct event_list events = {0}, pressed = {0};
    bool has_pressed = !tale->has_key, is_alive = true;
    while (is_alive) {
        is_alive = run_advance(run, run->timeline.now_ns + 5 * NS_PER_MS);
        for (size_t i = 0; i < run->events.count; i++)
            event_append(&events, run->events.items[i]);
        if (has_pressed || run->timeline.phase != PHASE_COPY)
            continue;
        has_pressed = true;
        event_append(&pressed, (struct event){.at_ns = world_now_ns(run->world),
                                              .kind = EVENT_INPUT_GIVEN,
                                              .input_given = {.command = tale->key}});
        assert_true(tale->key == SESSION_ABORT ? world_abort(run->world, &pressed)
                                               : world_switch_to_post_copy(run->world, &pressed));
        run_fold(&pressed, &run->timeline, &run->recorder);
        for (size_t i = 0; i < pressed.count; i++)
            event_append(&events, pressed.items[i]);
    }
    assert_true(has_pressed);
    event_list_fini(&pressed);
    return events;
}

static void test_every_tale_makes_a_sound_trace(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tales / sizeof tales[0]; i++) {
        struct image image = {0};
        struct scenario scenario;
        struct run run;
        if (tales[i].guest != NULL)
            image = image_read(tales[i].guest);
        scenario_of(&scenario, tales[i].words);
        assert_int_equal(run_open(&run, &scenario, image.data, image.count, false, NULL),
                         STATUS_OK);
        struct event_list events = live(&tales[i], &run);
        struct session_facts facts = facts_of(&scenario, run.timeline.total_pages);
        check_tale(&tales[i], &facts, &events, &run.timeline);
        event_list_fini(&events);
        run_close(&run);
        scenario_fini(&scenario);
        free(image.data);
    }
}

/* What the link carries in the trace, it carries in the world: a run's slice ends one latency
 * before its arrival, or earlier where a message travelled behind it in the same chunk. */
static void test_the_link_is_the_worlds(void **state)
{
    static uint64_t ends_ns[2000];
    struct scenario scenario;
    struct run run;
    struct trace trace;
    uint64_t sent = 0, arrived = 0, exact = 0;
    (void)state;
    scenario_of(&scenario, "guest=model:idle mode=stop-and-copy memory=4MiB bandwidth=800Mbit/s "
                           "latency=3ms run-for=5ms");
    assert_int_equal(run_open(&run, &scenario, NULL, 0, false, NULL), STATUS_OK);
    struct session_facts facts = facts_of(&scenario, run.timeline.total_pages);
    trace_init(&trace, &facts);
    for (bool is_alive = true; is_alive;) {
        is_alive = run_step(&run);
        for (size_t i = 0; i < run.events.count; i++) {
            const struct event *event = &run.events.items[i];
            trace_add(&trace, event);
            if (event->kind == EVENT_PAGES_SENT)
                ends_ns[sent++] = trace.link_free_ns;
            if (event->kind != EVENT_PAGES_INSTALLED)
                continue;
            assert_true(arrived < sent);
            assert_true(ends_ns[arrived] + scenario.latency_ns <= event->at_ns);
            exact += ends_ns[arrived++] + scenario.latency_ns == event->at_ns;
        }
    }
    assert_int_equal(arrived, sent);
    assert_true(exact + 2 >= sent && sent > 20);
    trace_fini(&trace);
    run_close(&run);
    scenario_fini(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tale_makes_a_sound_trace),
        cmocka_unit_test(test_the_link_is_the_worlds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
