#include "tui/director.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"
#include "tui/scene.h"
#include "tui/translate.h"

/* How long things should be seen, in seconds of wall time. */
#define ROUND_SEEN_MIN_S  0.8
#define ROUND_SEEN_MAX_S  6.0
#define PAUSE_SEEN_S      10.0
#define TINY_PAUSE_SEEN_S 4.0 /* of less than a millisecond: there is little to see in it */
#define LONG_PAUSE_SEEN_S 6.0
#define PAUSE_PATIENCE_S  20.0 /* a pause that was thought to be shorter is hurried after this */
#define WAIT_PATIENCE_S   4.0  /* before the move, and after it */
#define PATIENCE_GROWTH_S 2.0  /* from then on the speed doubles in so many seconds */

#define ARRIVAL_SEEN_S    2.5 /* the guest runs at host B, and all of it is there */

#define LIVE_PAUSE_NS     (300 * NS_PER_US) /* real hosts have their own costs beside the bytes */
#define SHORT_PAUSE_NS    (50 * NS_PER_MS)
#define SLOWEST_IN_DEMO   1000.0 /* a short pause is slowed at least so much */

/* Post-copy: so much slower at first; then the world's time grows by a factor e in so many seconds
 * of wall time, until it is real time again. */
#define FAULTS_SLOWER_FIRST 1500.0
#define FAULTS_GROWTH_S     2.0

#define BEHIND_ALWAYS_S     0.3 /* a live world: events are late */
#define CATCH_UP_PER_S      2.0 /* so much of what is missing, in a second */

#define DOUBLINGS_MAX       20
#define SPEED_MAX           1e4
#define SPEED_MIN           1e-6

/* The world never runs further than this before the director looks again. */
#define PIECE_MIN_NS   (10 * NS_PER_US)
#define PIECE_MAX_NS   (5 * NS_PER_MS)
#define PIECE_ROUND_NS (50 * NS_PER_US) /* at real time: somebody may have switched it, unseen */
#define ROUND_END_NS   (10 * NS_PER_MS) /* so long before a round's end the shortest pieces begin */

#define STATE_BYTES    4096 /* about: what is sent of a guest that leaves its pages behind */

enum scene { SCENE_BEFORE, SCENE_ROUND, SCENE_PAUSE, SCENE_ARRIVAL, SCENE_POST_COPY, SCENE_AFTER };

static enum scene scene_of(const struct timeline *timeline)
{
    if (!timeline->has_started)
        return SCENE_BEFORE;
    if (timeline->is_paused && timeline->phase != PHASE_ABORTED)
        return SCENE_PAUSE;
    if (scene_is_arrival(timeline))
        return SCENE_ARRIVAL;
    if (timeline->has_ended)
        return SCENE_AFTER;
    return timeline->has_resumed ? SCENE_POST_COPY : SCENE_ROUND;
}

void director_init(struct director *director, bool is_demo, double fixed_speed)
{
    *director = (struct director){.is_demo = is_demo, .fixed_speed = fixed_speed};
}

void director_restart(struct director *director)
{
    int doublings = director->doublings;
    director_init(director, director->is_demo, director->fixed_speed);
    director->doublings = doublings;
}

/* The nearest of ..., 1, 1.5, 2, 3, 5, 7, 10, ... */
static double round_speed(double speed)
{
    if (speed < SPEED_MIN)
        return SPEED_MIN;
    if (speed > SPEED_MAX)
        return SPEED_MAX;
    static const double steps[] = {1, 1.5, 2, 3, 5, 7, 10};
    bool is_slower = speed < 1;
    double factor =
        is_slower ? 1 / speed : speed; /* so that it is the factor shown that is round */
    double power = pow(10, floor(log10(factor) + 1e-9)), digit = factor / power, best = 1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (fabs(log(steps[i] / digit)) < fabs(log(best / digit)))
            best = steps[i];
    return is_slower ? 1 / (best * power) : best * power;
}

/* By the link's bandwidth; where it has no limit, as fast as this move has been so far. 0: not known
 * yet. */
static double seconds_of_pages(const struct session *session, uint64_t pages)
{
    const struct session_facts *facts = &session->facts;
    const struct timeline *timeline = &session->timeline;
    double passed_s = (double)(timeline->now_ns - timeline->started_ns) / 1e9;
    if (facts->bandwidth_bits_per_s > 0)
        return (double)pages * (double)facts->page_bytes * 8 / (double)facts->bandwidth_bits_per_s;
    return timeline->pages_sent == 0 ? 0 : (double)pages / (double)timeline->pages_sent * passed_s;
}

/* A pause in which no page travels. */
static uint64_t hand_over_ns(const struct session_facts *facts)
{
    double state_s = facts->bandwidth_bits_per_s == 0
                         ? 0
                         : (double)STATE_BYTES * 8 / (double)facts->bandwidth_bits_per_s;
    return (uint64_t)(state_s * 1e9) + facts->latency_ns + PIECE_MIN_NS;
}

/* How long the coming (or present) pause is thought to be. */
static uint64_t expected_pause_ns(const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    const struct timeline_round *round = timeline_round(timeline);
    if (round != NULL && round->is_paused && round->pages > 0)
        return (uint64_t)(seconds_of_pages(session, round->pages) * 1e9) +
               session->facts.latency_ns + NS_PER_MS;
    /* The forecasts are of pauses in which pages travel; only that of post-copy is of this one. */
    if (timeline->is_paused && scene_leaves_pages(timeline) && timeline->mode != MODE_POST_COPY)
        return hand_over_ns(&session->facts);
    if (timeline->round_count > 0 && timeline->forecast_downtime_ns > 0 &&
        timeline->forecast_downtime_ns != UINT64_MAX)
        return timeline->forecast_downtime_ns;
    if (session->facts.forecast_downtime_ns > 0 &&
        session->facts.forecast_downtime_ns != UINT64_MAX)
        return session->facts.forecast_downtime_ns;
    return 10 * NS_PER_MS;
}

/* Nobody likes to wait: the speed grows once something has been watched for long. */
static double hurried(double speed, double seen_s, double patience_s)
{
    return seen_s <= patience_s ? speed : speed * pow(2, (seen_s - patience_s) / PATIENCE_GROWTH_S);
}

static double speed_before(const struct session *session, double seen_s)
{
    uint64_t start_ns = session->facts.start_at_ns, now_ns = session->timeline.now_ns;
    if (start_ns == UINT64_MAX || start_ns <= now_ns)
        return 1; /* it waits for the user, who should not have to hurry */
    double left_s = (double)(start_ns - now_ns) / 1e9;
    return fmax(1, fmin(hurried(1, seen_s, WAIT_PATIENCE_S), left_s));
}

static double speed_of_round(const struct session *session)
{
    const struct timeline_round *round = timeline_round(&session->timeline);
    double real_s = round == NULL ? 0 : seconds_of_pages(session, round->pages);
    if (real_s <= 0)
        return 1;
    return real_s / fmin(fmax(real_s, ROUND_SEEN_MIN_S), ROUND_SEEN_MAX_S);
}

static double speed_of_pause(const struct director *director, const struct session *session,
                             double seen_s)
{
    uint64_t pause_ns = expected_pause_ns(session);
    if (session->is_live && pause_ns < LIVE_PAUSE_NS)
        pause_ns = LIVE_PAUSE_NS;
    double pause_s = (double)pause_ns / 1e9, speed;
    if (pause_ns < SHORT_PAUSE_NS) {
        speed = pause_s / (pause_ns < NS_PER_MS ? TINY_PAUSE_SEEN_S : PAUSE_SEEN_S);
        if (director->is_demo)
            speed = fmin(speed, 1 / SLOWEST_IN_DEMO);
        return round_speed(hurried(speed, seen_s, PAUSE_PATIENCE_S));
    }
    return hurried(pause_s / LONG_PAUSE_SEEN_S, seen_s, PAUSE_PATIENCE_S);
}

static double speed_of_post_copy(const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    double since_s = (double)(timeline->now_ns - timeline->resumed_at_ns) / 1e9;
    return fmin(1, fmax(1 / FAULTS_SLOWER_FIRST, since_s / FAULTS_GROWTH_S));
}

static double speed_by_phase(const struct director *director, const struct session *session)
{
    enum scene scene = scene_of(&session->timeline);
    double seen_s =
        scene == (enum scene)director->scene ? (double)director->scene_wall_ns / 1e9 : 0;
    switch (scene) {
    case SCENE_BEFORE:
        return speed_before(session, seen_s);
    case SCENE_ROUND:
        return speed_of_round(session);
    case SCENE_PAUSE:
        return speed_of_pause(director, session, seen_s);
    case SCENE_ARRIVAL:
        return (double)SCENE_ARRIVAL_NS / 1e9 / ARRIVAL_SEEN_S;
    case SCENE_POST_COPY:
        return hurried(speed_of_post_copy(session), seen_s, 2 * PAUSE_PATIENCE_S);
    case SCENE_AFTER:
        return hurried(1, seen_s, WAIT_PATIENCE_S);
    }
    return 1;
}

/* A live world goes on while something is looked at slowly. Where nothing is worth that, the view
 * catches up: the farther behind, the faster. */
static double speed_of_live(const struct director *director, const struct session *session)
{
    double speed = speed_by_phase(director, session);
    double behind_s = (double)session_behind_ns(session) / 1e9 - BEHIND_ALWAYS_S;
    return speed < 0.9 ? speed : behind_s > 0 ? 1 + behind_s * CATCH_UP_PER_S : 1;
}

double director_speed(const struct director *director, const struct session *session)
{
    double speed = director->fixed_speed > 0 ? director->fixed_speed
                   : session->is_live        ? round_speed(speed_of_live(director, session))
                                             : round_speed(speed_by_phase(director, session));
    speed *= pow(2, director->doublings);
    return fmin(fmax(speed, SPEED_MIN), SPEED_MAX);
}

/* To be read, not to be calculated with: 1.5, 3, 24. */
static double round_factor(double factor)
{
    return factor < 9.95 ? factor : floor(factor + 0.5);
}

void director_describe(double speed, char *text, size_t text_bytes)
{
    if (speed > 0.99 && speed < 1.01)
        snprintf(text, text_bytes, "%s", _("real time"));
    else if (speed < 1)
        snprintf(text, text_bytes, _("%.*gx slower"), 1 / speed < 9.95 ? 2 : 7,
                 round_factor(1 / speed));
    else
        snprintf(text, text_bytes, _("%.*gx faster"), speed < 9.95 ? 2 : 7, round_factor(speed));
}

void director_describe_session(double speed, const struct session *session, char *text,
                               size_t text_bytes)
{
    uint64_t behind_ns = session_behind_ns(session);
    if (!session->is_live || speed < 0.9)
        director_describe(speed, text, text_bytes);
    else if (behind_ns < NS_PER_S)
        snprintf(text, text_bytes, "%s", _("live"));
    else
        snprintf(text, text_bytes, _("%llu s behind"), (unsigned long long)(behind_ns / NS_PER_S));
}

/* The guest may be paused any moment now. */
static bool is_pause_near(const struct director *director, const struct session *session)
{
    const struct timeline *timeline = &session->timeline;
    const struct timeline_round *round = timeline_round(timeline);
    if (timeline->phase == PHASE_SETUP || director->is_watchful)
        return true;
    if (round == NULL)
        return false;
    if (session->facts.bandwidth_bits_per_s == 0)
        return session->is_live;
    uint64_t left = round->pages > round->pages_sent ? round->pages - round->pages_sent : 0;
    return seconds_of_pages(session, left) * 1e9 < (double)ROUND_END_NS;
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t piece_ns(const struct director *director, const struct session *session,
                         double speed)
{
    const struct timeline *timeline = &session->timeline;
    uint64_t piece = shorter(expected_pause_ns(session) / 64, PIECE_MAX_NS);
    if (scene_of(timeline) == SCENE_ROUND)
        piece = is_pause_near(director, session)
                    ? PIECE_MIN_NS
                    : shorter(piece, (uint64_t)((double)PIECE_ROUND_NS * fmax(1, speed)));
    piece = piece < PIECE_MIN_NS ? PIECE_MIN_NS : piece;
    /* Not past the beginning: what follows it may be a pause. */
    uint64_t start_ns = session->facts.start_at_ns;
    if (!timeline->has_started && start_ns > director->reached_ns)
        return shorter(piece, start_ns - director->reached_ns);
    return piece;
}

uint64_t director_next(struct director *director, const struct session *session, uint64_t *wall_ns)
{
    enum scene scene = scene_of(&session->timeline);
    if (director->scene != (int)scene) {
        director->scene = scene;
        director->scene_wall_ns = 0;
    }
    if (director->is_watchful && session->timeline.phase != director->watched_phase)
        director->is_watchful = false;
    /* The user may have stepped on by himself meanwhile. */
    if (director->reached_ns < session->timeline.now_ns)
        director->reached_ns = session->timeline.now_ns;

    double speed = director_speed(director, session);
    double world_ns = (double)*wall_ns * speed + director->fraction_ns;
    uint64_t taken_ns = *wall_ns, most_ns = piece_ns(director, session, speed);
    if (world_ns > (double)most_ns) {
        world_ns = (double)most_ns;
        taken_ns = (uint64_t)(world_ns / speed);
        if (taken_ns > *wall_ns)
            taken_ns = *wall_ns;
    }
    uint64_t whole_ns = (uint64_t)world_ns;
    director->fraction_ns = world_ns - (double)whole_ns;
    director->reached_ns += whole_ns;
    if (session->is_live && director->reached_ns > session->world_ns) {
        director->reached_ns = session->world_ns; /* nobody hurries it */
        taken_ns = *wall_ns;
    }
    director->scene_wall_ns += taken_ns;
    *wall_ns -= taken_ns;
    return director->reached_ns;
}

void director_watch(struct director *director, const struct session *session)
{
    director->is_watchful = true;
    director->watched_phase = session->timeline.phase;
}

void director_faster(struct director *director)
{
    if (director->doublings < DOUBLINGS_MAX)
        director->doublings++;
}

void director_slower(struct director *director)
{
    if (director->doublings > -DOUBLINGS_MAX)
        director->doublings--;
}

void director_automatic(struct director *director)
{
    director->doublings = 0;
}
