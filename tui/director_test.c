/* The director as tables: what is going on, and how fast the world's time passes then. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tui/director.h"
#include "tui/player.h"
#include "tui/scene.h"
#include "tui/scripted.h"

#define FRAME_NS (33 * NS_PER_MS)

/* Lets the session live by the director until `wall_ns` have passed or until it has ended. */
static uint64_t play(struct director *director, struct session *session, uint64_t wall_ns)
{
    uint64_t passed_ns = 0;
    while (passed_ns < wall_ns && !session->has_ended) {
        uint64_t left_ns = FRAME_NS;
        while (left_ns > 0 && !session->has_ended)
            session->ops->advance(session, director_next(director, session, &left_ns));
        passed_ns += FRAME_NS;
    }
    return passed_ns;
}

static void speeds_are_told_in_words(void **state)
{
    static const struct {
        double speed;
        const char *text;
    } rows[] = {{1, "real time"},         {0.001, "1000x slower"},  {0.0005, "2000x slower"},
                {0.5, "2x slower"},       {1 / 1.5, "1.5x slower"}, {1 / 7.0, "7x slower"},
                {2, "2x faster"},         {1.5, "1.5x faster"},     {1000, "1000x faster"},
                {1e-6, "1000000x slower"}};
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        director_describe(rows[i].speed, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

/* A live world goes on by itself: it is never run ahead of; what is short in it is looked at slowly all
 * the same, and then the view catches up. */
static void a_live_world_is_followed(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 16384, NS_PER_S);
    struct session *session = &s->session;
    struct director director;
    uint64_t most_behind_ns = 0, slow_ns = 0;
    char text[64];
    (void)state;
    director_init(&director, false, 0);
    session->is_live = true;
    for (uint64_t wall_ns = 0; wall_ns < 60 * NS_PER_S; wall_ns += FRAME_NS) {
        session->world_ns = wall_ns;
        for (uint64_t left_ns = FRAME_NS; left_ns > 0 && !session->has_ended;) {
            uint64_t until_ns = director_next(&director, session, &left_ns);
            assert_true(until_ns <= session->world_ns);
            session->ops->advance(session, until_ns);
        }
        slow_ns += session->timeline.is_paused ? FRAME_NS : 0;
        most_behind_ns = session_behind_ns(session) > most_behind_ns ? session_behind_ns(session)
                                                                     : most_behind_ns;
        if (wall_ns < NS_PER_S)
            assert_true(session_behind_ns(session) < NS_PER_S / 2);
    }
    assert_true(session->timeline.has_ended);
    assert_in_range(slow_ns, 5 * NS_PER_S, 15 * NS_PER_S); /* the pause of some ms */
    assert_true(most_behind_ns > slow_ns / 2);
    assert_true(session_behind_ns(session) < NS_PER_S || session->has_ended);
    session->world_ns = session->timeline.now_ns + 12 * NS_PER_S;
    director_describe_session(20, session, text, sizeof text);
    assert_string_equal(text, "12 s behind");
    director_describe_session(0.001, session, text, sizeof text);
    assert_string_equal(text, "1000x slower");
    session->world_ns = session->timeline.now_ns;
    director_describe_session(1, session, text, sizeof text);
    assert_string_equal(text, "live");
    scripted_close(session);
}

/* Who gives an order to a live world sees what comes of it; unless he holds the picture still. */
static void an_order_is_seen_at_once(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 16384, NS_PER_S);
    struct session *session = &s->session;
    struct player player;
    (void)state;

    player_init(&player, session, false, 0);
    session->is_live = true;
    session->world_ns = NS_PER_S / 2;
    player_stop(&player, true);
    player_act(&player, SESSION_POST_COPY, 0);
    assert_int_equal(session_behind_ns(session), NS_PER_S / 2);
    player_stop(&player, false);
    player_act(&player, SESSION_POST_COPY, 0);
    assert_int_equal(session_behind_ns(session), 0);
    scripted_close(session);
}

/* The demonstration of half a minute, and what is said of each part of it. */
static void the_demonstration_lasts_about_half_a_minute(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 16384, 3 * NS_PER_S);
    const struct timeline *timeline = &s->session.timeline;
    struct director director;
    uint64_t wall_in_pause_ns = 0, wall_ns = 0, wall_before_ns = 0, world_ns = 0;
    (void)state;
    director_init(&director, true, 0);
    while (!s->session.has_ended) {
        uint64_t left_ns = FRAME_NS;
        while (left_ns > 0 && !s->session.has_ended) {
            uint64_t before_ns = left_ns;
            uint64_t until_ns = director_next(&director, &s->session, &left_ns);
            assert_true(until_ns >= world_ns); /* never back */
            world_ns = until_ns;
            if (timeline->is_paused) {
                wall_in_pause_ns += before_ns - left_ns;
                assert_true(director_speed(&director, &s->session) <= 0.001);
            }
            wall_before_ns += timeline->has_started ? 0 : before_ns - left_ns;
            wall_ns += before_ns - left_ns;
            s->session.ops->advance(&s->session, until_ns);
        }
    }
    assert_in_range(wall_ns, 20 * NS_PER_S, 40 * NS_PER_S);
    assert_in_range(wall_before_ns, 2900 * NS_PER_MS, 3100 * NS_PER_MS);
    assert_in_range(wall_in_pause_ns, 6 * NS_PER_S, 16 * NS_PER_S);
    scripted_close(&s->session);
}

static void every_mode_ends_in_reasonable_time(void **state)
{
    static const struct {
        enum mode mode;
        uint64_t pages, start_ns;
        bool is_demo;
    } rows[] = {{MODE_STOP_AND_COPY, 16384, 3 * NS_PER_S, true},
                {MODE_POST_COPY, 16384, 3 * NS_PER_S, true},
                {MODE_HYBRID, 16384, 3 * NS_PER_S, true},
                {MODE_PRE_COPY, 64, 100 * NS_PER_MS, false},
                {MODE_PRE_COPY, 262144, 100 * NS_PER_MS, false},
                {MODE_STOP_AND_COPY, 262144, 40 * NS_PER_S, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scripted *s = scripted_open(rows[i].mode, rows[i].pages, rows[i].start_ns);
        struct director director;
        director_init(&director, rows[i].is_demo, 0);
        uint64_t wall_ns = play(&director, &s->session, 300 * NS_PER_S);
        assert_true(s->session.has_ended);
        assert_in_range(wall_ns, NS_PER_S, 60 * NS_PER_S);
        scripted_close(&s->session);
    }
}

/* What a pause is slowed to: it follows from how long it is thought to be, and from nothing else.
 */
static void a_pause_is_slowed_to_what_can_be_followed(void **state)
{
    static const struct {
        uint64_t forecast_ns;
        bool is_demo;
        double speed;
    } rows[] = {
        {500 * NS_PER_US, true, 1 / 7000.0}, {5 * NS_PER_MS, true, 1 / 2000.0},
        {5 * NS_PER_MS, false, 1 / 2000.0},  {30 * NS_PER_MS, true, 1 / 1000.0},
        {30 * NS_PER_MS, false, 1 / 300.0},  {600 * NS_PER_MS, true, 1 / 10.0},
        {2700 * NS_PER_MS, true, 1 / 2.0},   {60 * NS_PER_S, true, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scripted *s = scripted_open(MODE_POST_COPY, 64, NS_PER_MS);
        struct director director;
        s->session.facts.forecast_downtime_ns = rows[i].forecast_ns;
        s->session.ops->advance(&s->session, s->paused_ns);
        assert_true(s->session.timeline.is_paused);
        director_init(&director, rows[i].is_demo, 0);
        double speed = director_speed(&director, &s->session);
        assert_true(speed > rows[i].speed * 0.999 && speed < rows[i].speed * 1.001);
        scripted_close(&s->session);
    }
}

/* However fast the world goes, the first look at the pause is at its beginning. */
static void no_pause_is_passed_unseen(void **state)
{
    (void)state;
    for (int speed = 1; speed <= 1000; speed *= 10) {
        struct scripted *s = scripted_open(MODE_PRE_COPY, 16384, NS_PER_S);
        struct director director;
        uint64_t left_ns = 1000 * NS_PER_S;
        director_init(&director, true, speed);
        while (!s->session.timeline.is_paused && left_ns > 0 && !s->session.has_ended)
            s->session.ops->advance(&s->session, director_next(&director, &s->session, &left_ns));
        assert_true(s->session.timeline.is_paused);
        assert_true(s->session.timeline.downtime_ns < NS_PER_MS);
        scripted_close(&s->session);
    }
}

/* The pause of a hybrid move is short, and it is not announced by a forecast: it is seen for
 * seconds, from its beginning. The same for a switch that the user asks for, amid a round. */
static void a_hand_over_without_pages_is_seen(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool is_switched = i == 1, was_paused = false;
        struct scripted *s =
            scripted_open(is_switched ? MODE_PRE_COPY : MODE_HYBRID, 4096, NS_PER_S);
        struct director director;
        uint64_t seen_ns = 0;
        s->session.facts.forecast_downtime_ns = UINT64_MAX;
        director_init(&director, false, 0);
        if (is_switched) {
            s->session.ops->advance(&s->session, NS_PER_S + 100 * NS_PER_MS);
            director_watch(&director, &s->session);
            assert_true(s->session.ops->act(&s->session, SESSION_POST_COPY, 0));
        }
        while (!s->session.timeline.has_resumed) {
            uint64_t left_ns = FRAME_NS;
            while (left_ns > 0 && !s->session.timeline.has_resumed) {
                uint64_t before_ns = left_ns;
                uint64_t until_ns = director_next(&director, &s->session, &left_ns);
                seen_ns += s->session.timeline.is_paused ? before_ns - left_ns : 0;
                s->session.ops->advance(&s->session, until_ns);
                if (s->session.timeline.is_paused && !was_paused)
                    assert_true(s->session.timeline.downtime_ns <= 10 * NS_PER_US);
                was_paused = s->session.timeline.is_paused;
            }
        }
        assert_in_range(seen_ns, 3 * NS_PER_S, 15 * NS_PER_S);
        scripted_close(&s->session);
    }
}

/* All came, and the guest runs at host B: the sentence that says so is there for two seconds. */
static void the_arrival_is_seen(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 1024, NS_PER_S);
    struct director director;
    uint64_t seen_ns = 0;
    (void)state;
    director_init(&director, true, 0);
    while (!s->session.has_ended) {
        uint64_t left_ns = FRAME_NS, before_ns;
        for (; left_ns > 0 && !s->session.has_ended;) {
            before_ns = left_ns;
            uint64_t until_ns = director_next(&director, &s->session, &left_ns);
            seen_ns += scene_is_arrival(&s->session.timeline) ? before_ns - left_ns : 0;
            s->session.ops->advance(&s->session, until_ns);
        }
    }
    assert_in_range(seen_ns, 2 * NS_PER_S, 4 * NS_PER_S);
    scripted_close(&s->session);
}

static void a_given_speed_is_kept_and_keys_double_it(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 1024, NS_PER_S);
    struct director director;
    (void)state;
    director_init(&director, false, 0.25);
    play(&director, &s->session, 2 * NS_PER_S);
    assert_in_range(s->session.timeline.now_ns, 490 * NS_PER_MS, 520 * NS_PER_MS);
    director_faster(&director);
    assert_true(director_speed(&director, &s->session) == 0.5);
    director_slower(&director);
    director_slower(&director);
    assert_true(director_speed(&director, &s->session) == 0.125);
    director_automatic(&director);
    assert_true(director_speed(&director, &s->session) == 0.25);
    for (int i = 0; i < 100; i++)
        director_faster(&director);
    assert_true(director_speed(&director, &s->session) <= 1e4); /* it stays a speed */
    scripted_close(&s->session);
}

/* Who stepped by himself is not sent back, and does not wait for the director to catch up. */
static void steps_are_never_taken_back(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 1024, 5 * NS_PER_S);
    struct director director;
    uint64_t left_ns = FRAME_NS;
    (void)state;
    director_init(&director, false, 0);
    s->session.ops->advance(&s->session, 2 * NS_PER_S);
    assert_true(director_next(&director, &s->session, &left_ns) >= 2 * NS_PER_S);
    director_restart(&director);
    assert_int_equal(director.reached_ns, 0);
    scripted_close(&s->session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speeds_are_told_in_words),
        cmocka_unit_test(a_live_world_is_followed),
        cmocka_unit_test(an_order_is_seen_at_once),
        cmocka_unit_test(the_demonstration_lasts_about_half_a_minute),
        cmocka_unit_test(every_mode_ends_in_reasonable_time),
        cmocka_unit_test(a_pause_is_slowed_to_what_can_be_followed),
        cmocka_unit_test(no_pause_is_passed_unseen),
        cmocka_unit_test(a_hand_over_without_pages_is_seen),
        cmocka_unit_test(the_arrival_is_seen),
        cmocka_unit_test(a_given_speed_is_kept_and_keys_double_it),
        cmocka_unit_test(steps_are_never_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
