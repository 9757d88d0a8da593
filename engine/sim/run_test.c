/* The session: every key at any instant, in every phase. What it says it can do, it does; nothing
 * that anybody presses breaks a rule, hangs the world or turns time back. */
#include "base/prng.h"
#include "base/units.h"
#include "record/same_timeline.h"
#include "sim/scripted.h"
#include "sim/run_session.h"

#define GAMES 60 /* of random keys, for each scenario */

static void press_any_key(struct session *session, struct prng *prng)
{
    enum session_command command = (enum session_command)prng_below(prng, SESSION_COMMAND_COUNT);
    bool can = session->ops->can(session, command);
    uint64_t before_ns = session->timeline.now_ns, value = prng_below(prng, MODE_COUNT);

    if (command == SESSION_BANDWIDTH)
        value = 20000000ull << value;
    assert_int_equal(session->ops->act(session, command, value), can);
    if (command == SESSION_BACK && can)
        assert_true(session->timeline.now_ns <= before_ns);
    if (command == SESSION_REPLAY) {
        assert_int_equal(session->timeline.now_ns, 0);
        assert_null(session->verdict);
    }
}

static void play(struct session *session, struct prng *prng)
{
    for (unsigned turn = 0; turn < 3000 && !session->has_ended; turn++) {
        uint64_t before_ns = session->timeline.now_ns;
        if (prng_below(prng, 400) == 0) {
            press_any_key(session, prng);
            continue;
        }
        if (prng_below(prng, 400) == 0) {
            assert_true(session->ops->seek(session, prng_below(prng, session->lived_ns + 1)));
            continue;
        }
        if (prng_below(prng, 4) > 0)
            session->ops->step(session);
        else /* from a nanosecond to a quarter of a second */
            session->ops->advance(session, before_ns + (1ull << prng_below(prng, 29)));
        assert_true(session->timeline.now_ns >= before_ns);
    }
    while (!session->has_ended) { /* who waits for a link that was cut by hand waits for a hand */
        session->ops->act(session, SESSION_LINK_MEND, 0);
        session->ops->advance(session, session->timeline.now_ns + NS_PER_S);
    }
}

/* The link, by hand: a move on a tenth of the bandwidth takes ten times as long; one that was cut
 * after the switch waits, and goes on when the link is mended. */
static void test_the_link_obeys_a_hand(void **state)
{
    struct scenario scenario;
    struct session *session;
    (void)state;
    scenario_of(&scenario, "guest=model:uniform memory=16MiB bandwidth=1Gbit/s mode=post-copy "
                           "dirty-rate=1kpages/s start-at=10ms run-for=0ms");
    assert_int_equal(run_session_open(&session, &scenario, NULL, 0, "a test", NULL), STATUS_OK);
    assert_int_equal(session->link_bits_per_s, 1000000000);
    assert_true(session->ops->act(session, SESSION_BANDWIDTH, 100000000));
    session->ops->advance(session, 500 * NS_PER_MS);
    assert_true(session->timeline.phase == PHASE_POST_COPY);
    assert_false(session->ops->can(session, SESSION_LINK_MEND));
    assert_true(session->ops->act(session, SESSION_LINK_CUT, 0));
    uint64_t missing = session->timeline.pages_missing;
    session->ops->advance(session, 900 * NS_PER_MS);
    assert_true(session->timeline.phase == PHASE_LINK_LOST && session->timeline.trouble.is_lost);
    assert_int_equal(session->timeline.pages_missing, missing);
    assert_true(session->ops->act(session, SESSION_BANDWIDTH, 100000000));
    assert_int_equal(session->timeline.trouble.link_state, LINK_CUT); /* all the same */
    assert_true(session->ops->act(session, SESSION_LINK_MEND, 0));
    assert_int_equal(session->timeline.trouble.link_state, LINK_SLOW);
    session->ops->advance(session, 10 * NS_PER_S);
    assert_int_equal(session->timeline.outcome, OUTCOME_COMPLETED);
    assert_true(session->has_ended && !session->is_broken);
    /* 16 MiB at 100 Mbit/s are 1.35 s, and 0.4 s there was no link. */
    assert_in_range(session->timeline.ended_ns, 1700 * NS_PER_MS, 1900 * NS_PER_MS);
    session->ops->close(session);
    scenario_fini(&scenario);
}

static void assert_survives_any_key(const char *words, const struct image *image)
{
    for (uint64_t game = 0; game < GAMES; game++) {
        struct scenario scenario;
        struct session *session;
        struct prng prng = prng_make(game, 3);

        scenario_of(&scenario, words);
        scenario.mode = (enum mode)prng_below(&prng, MODE_COUNT);
        assert_int_equal(
            run_session_open(&session, &scenario, image->data, image->count, "a test", NULL),
            STATUS_OK);
        play(session, &prng);
        if (session->is_broken)
            fail_msg("%s, game %llu: %s", words, (unsigned long long)game, session->verdict);
        assert_true(session->timeline.outcome == OUTCOME_COMPLETED ||
                    session->timeline.outcome == OUTCOME_ABORTED);
        assert_int_equal(session->timeline.host, session->timeline.outcome == OUTCOME_COMPLETED
                                                     ? HOST_TARGET
                                                     : HOST_SOURCE);
        assert_non_null(session->verdict);
        for (int command = 0; command < SESSION_REPLAY; command++)
            assert_false(session->ops->act(session, (enum session_command)command, 0));
        session->ops->close(session);
        scenario_fini(&scenario);
    }
}

static void test_any_key_at_any_instant_of_a_model(void **state)
{
    const struct image none = {0};
    (void)state;
    assert_survives_any_key("guest=model:uniform memory=1MiB bandwidth=100Mbit/s latency=2ms "
                            "dirty-rate=2000pages/s start-at=30ms run-for=5ms",
                            &none);
}

static void test_any_key_at_any_instant_of_a_service(void **state)
{
    struct image image = image_read("kv");
    (void)state;
    assert_survives_any_key("guest=kv memory=1MiB bandwidth=100Mbit/s latency=2ms clients=2 "
                            "request-rate=200/s start-at=30ms run-for=5ms",
                            &image);
    free(image.data);
}

/* The same seed in another mode is another run; in the same mode it is the same one. */
static void test_a_replay_is_the_same_run_again(void **state)
{
    struct scenario scenario;
    struct session *session;
    uint64_t digest, pages_sent, ended_ns;
    (void)state;

    scenario_of(&scenario, "guest=model:uniform memory=1MiB dirty-rate=2000pages/s run-for=5ms");
    assert_int_equal(run_session_open(&session, &scenario, NULL, 0, "a test", NULL), STATUS_OK);
    session->ops->advance(session, NS_PER_S);
    assert_true(session->has_ended);
    digest = session->timeline.digest;
    pages_sent = session->timeline.pages_sent;
    ended_ns = session->timeline.ended_ns;

    assert_true(session->ops->act(session, SESSION_REPLAY, MODE_POST_COPY));
    session->ops->advance(session, NS_PER_S);
    assert_int_equal(session->facts.mode, MODE_POST_COPY);
    assert_true(session->timeline.pages_sent < pages_sent);

    assert_true(session->ops->act(session, SESSION_REPLAY, MODE_PRE_COPY));
    session->ops->advance(session, NS_PER_S);
    assert_int_equal(session->timeline.digest, digest);
    assert_int_equal(session->timeline.pages_sent, pages_sent);
    assert_int_equal(session->timeline.ended_ns, ended_ns);
    assert_false(session->ops->act(session, SESSION_REPLAY, MODE_COUNT));
    session->ops->close(session);
    scenario_fini(&scenario);
}

struct instant {
    uint64_t now_ns, event_count, pages_sent, missing, answers, phase; /* no gaps: compared whole */
};

static struct instant instant_of(const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    return (struct instant){timeline->now_ns,     timeline->event_count,
                            timeline->pages_sent, timeline->pages_missing,
                            timeline->answers,    (uint64_t)timeline->phase};
}

/* Forward by steps, with a key in the middle, and back again: every instant is met a second time,
 * and forward from there the run goes on as it did. */
static void test_back_is_the_way_that_was_come(void **state)
{
    struct image image = image_read("kv");
    struct scenario scenario;
    struct session *session;
    struct instant instants[400];
    uint64_t digest;
    int count = 0;
    (void)state;

    scenario_of(&scenario, "guest=kv memory=1MiB bandwidth=100Mbit/s latency=2ms clients=2 "
                           "request-rate=200/s start-at=30ms run-for=5ms");
    assert_int_equal(run_session_open(&session, &scenario, image.data, image.count, "a test", NULL),
                     STATUS_OK);
    assert_false(session->ops->can(session, SESSION_BACK));
    while (session->timeline.phase != PHASE_COPY)
        session->ops->step(session);
    session->ops->advance(session, session->timeline.now_ns + 3 * NS_PER_MS);
    assert_true(session->ops->act(session, SESSION_POST_COPY, 0));
    for (; count < 400; count++) {
        instants[count] = instant_of(session);
        session->ops->step(session);
    }
    while (count-- > 0) {
        struct instant now;
        assert_true(session->ops->act(session, SESSION_BACK, 0));
        now = instant_of(session);
        assert_memory_equal(&now, &instants[count], sizeof now);
    }
    session->ops->advance(session, NS_PER_S);
    assert_true(session->has_ended);
    digest = session->timeline.digest;
    assert_true(session->ops->act(session, SESSION_BACK, 0));
    assert_false(session->has_ended);
    session->ops->advance(session, NS_PER_S);
    assert_int_equal(session->timeline.digest, digest);
    assert_true(session->timeline.faults > 0); /* the key was pressed each time */
    session->ops->close(session);
    scenario_fini(&scenario);
    free(image.data);
}

static const char service[] = "guest=kv memory=1MiB bandwidth=100Mbit/s latency=2ms clients=2 "
                              "request-rate=200/s start-at=30ms run-for=5ms";

/* What a session shows that was led to an instant straight away. */
static void assert_as_lived(const struct session *session, const struct scenario *scenario,
                            const struct image *image, uint64_t at_ns)
{
    struct session *straight;
    assert_int_equal(
        run_session_open(&straight, scenario, image->data, image->count, "a test", NULL),
        STATUS_OK);
    straight->ops->advance(straight, at_ns);
    assert_same_timeline(&session->timeline, &straight->timeline);
    assert_int_equal(session->has_ended, straight->has_ended);
    assert_int_equal(session->is_broken, straight->is_broken);
    assert_int_equal(session->verdict != NULL, straight->verdict != NULL);
    if (session->verdict != NULL)
        assert_string_equal(session->verdict, straight->verdict);
    straight->ops->close(straight);
}

/* The past can be looked at and not be changed; the world waits, and lives on where it was. */
static void test_a_seek_changes_nothing_that_was_lived(void **state)
{
    struct image image = image_read("kv");
    struct scenario scenario;
    struct session *session;
    struct prng prng = prng_make(5, 5);
    (void)state;

    scenario_of(&scenario, service);
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        scenario.mode = (enum mode)mode;
        assert_int_equal(
            run_session_open(&session, &scenario, image.data, image.count, "a test", NULL),
            STATUS_OK);
        assert_false(session_is_past(session));
        for (uint64_t piece = 0; !session->has_ended; piece++) {
            session->ops->advance(session, session->lived_ns + prng_below(&prng, 20 * NS_PER_MS));
            uint64_t lived_ns = session->lived_ns, at_ns = prng_below(&prng, lived_ns + 1);
            assert_true(session->ops->seek(session, at_ns));
            assert_int_equal(session->lived_ns, lived_ns);
            assert_as_lived(session, &scenario, &image, at_ns);
            if (session_is_past(session))
                for (int command = 0; command < SESSION_REPLAY; command++)
                    assert_false(session->ops->act(session, (enum session_command)command, 0));
            uint64_t begin_ns = session->timeline.now_ns;
            if (piece % 3 == 0)
                while (session_is_past(session) && session->timeline.now_ns < begin_ns + NS_PER_MS)
                    session->ops->step(session);
            else if (piece % 3 == 1)
                session->ops->advance(session, at_ns + prng_below(&prng, 40 * NS_PER_MS));
            else
                session->ops->seek(session, UINT64_MAX);
        }
        assert_as_lived(session, &scenario, &image, NS_PER_S);
        assert_true(session->ops->seek(session, 0));
        assert_false(session->has_ended);
        assert_true(session->ops->seek(session, session->lived_ns));
        assert_as_lived(session, &scenario, &image, NS_PER_S);
        session->ops->close(session);
    }
    scenario_fini(&scenario);
    free(image.data);
}

/* Backward is by one event in the past, which undoes nothing; the last step that the world made is
 * undone at the newest instant alone. */
static void test_back_in_the_past_undoes_nothing(void **state)
{
    struct image image = image_read("kv");
    struct scenario scenario;
    struct session *session;
    (void)state;

    scenario_of(&scenario, service);
    assert_int_equal(run_session_open(&session, &scenario, image.data, image.count, "a test", NULL),
                     STATUS_OK);
    session->ops->advance(session, 40 * NS_PER_MS);
    assert_true(session->ops->act(session, SESSION_POST_COPY, 0));
    session->ops->advance(session, 50 * NS_PER_MS);
    uint64_t events = session->lived_events;

    assert_true(session->ops->seek(session, 45 * NS_PER_MS));
    for (uint64_t left = session->timeline.event_count; left > 0; left--) {
        assert_true(session->ops->act(session, SESSION_BACK, 0));
        assert_int_equal(session->timeline.event_count, left - 1);
    }
    assert_false(session->ops->can(session, SESSION_BACK));
    assert_int_equal(session->lived_events, events);
    assert_int_equal(session->lived_ns, 50 * NS_PER_MS);

    session->ops->advance(session, 50 * NS_PER_MS);
    assert_false(session_is_past(session));
    assert_true(session->ops->act(session, SESSION_BACK, 0));
    assert_true(session->lived_events < events);
    assert_false(session_is_past(session));
    session->ops->advance(session, 50 * NS_PER_MS);
    assert_int_equal(session->lived_events, events); /* the key was pressed again */
    session->ops->close(session);
    scenario_fini(&scenario);
    free(image.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_key_at_any_instant_of_a_model),
        cmocka_unit_test(test_the_link_obeys_a_hand),
        cmocka_unit_test(test_any_key_at_any_instant_of_a_service),
        cmocka_unit_test(test_a_replay_is_the_same_run_again),
        cmocka_unit_test(test_back_is_the_way_that_was_come),
        cmocka_unit_test(test_a_seek_changes_nothing_that_was_lived),
        cmocka_unit_test(test_back_in_the_past_undoes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
