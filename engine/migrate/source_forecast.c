/* What the move will come to, told at the end of every round: the rounds that are still to come,
 * gone through by the rules of the strategy that decides them, with what the guest dirties within
 * their time (growth.h); then the pause, and what is left to be copied after it.
 */
#include "migrate/source_private.h"

/* More rounds than that are not gone through: it is a race that is not won. */
#define ROUNDS_AHEAD_MAX 1024

/* Of the time to come. */
struct ahead {
    struct view view; /* as it will be: `last` is the round that will be over */
    enum mode mode;
    uint64_t pages;      /* left to be sent */
    uint64_t kept_pages; /* of them, that wait for the pause */
    uint64_t ns;         /* from now to then */
    uint64_t least_pages, sent_since_least;
    uint64_t stuck_rounds; /* that left no less than they began with */
    bool leaves_rest;      /* for post-copy */
};

void source_note_growth(struct source *source, uint64_t now_ns)
{
    uint64_t ns = now_ns - source->round_started_ns;
    bool is_counting = source->is_round_open || source->is_scanning;

    if (!is_counting || source->phase != PHASE_COPY || ns < source->growth_due_ns)
        return;
    if (source->is_round_open)
        growth_note(&source->growth, ns, source->guest->dirty.set_count);
    source->growth_due_ns = 2 * ns;
    source->marks[0] = source->marks[1];
    source->marks[1] = source->current;
}

/* ---- Will it pause there? ---- */

static bool is_within_limit(const struct ahead *ahead)
{
    return view_is_within_limit(&ahead->view, ahead->pages);
}

/* As hybrid.c decides it. */
static bool is_warm(const struct ahead *ahead)
{
    const struct limits *limits = &ahead->view.limits;

    switch (limits->switch_when) {
    case SWITCH_ROUNDS:
        return ahead->view.rounds_done >= limits->switch_after;
    case SWITCH_NO_PROGRESS:
        return ahead->pages > ahead->view.last.pages - ahead->view.last.pages / 4;
    case SWITCH_REMAINING:
        return ahead->pages <= limits->switch_below_bytes / PAGE_BYTES;
    case SWITCH_DEADLINE:
        return ahead->view.now_ns + ahead->ns - ahead->view.started_ns >=
               limits->switch_deadline_ns;
    }
    return true;
}

static bool is_at_limit(const struct ahead *ahead)
{
    const struct view *view = &ahead->view;
    uint64_t lived_ns = view->now_ns + ahead->ns - view->started_ns;

    if (view->limits.total_time_ns != LIMIT_NONE &&
        lived_ns + view_downtime_ns(view, ahead->pages) >= view->limits.total_time_ns)
        return true;
    if (ahead->mode == MODE_CONTINUOUS) /* as continuous.c decides it */
        return ahead->sent_since_least > view->total_pages;
    return view->rounds_done >= view->limits.max_rounds ||
           (ahead->mode == MODE_AUTO && ahead->stuck_rounds > AUTO_REMEDY_ROUNDS);
}

static bool is_over(struct ahead *ahead)
{
    if (ahead->mode == MODE_HYBRID) {
        ahead->leaves_rest = ahead->pages > 0;
        return ahead->pages == 0 || is_warm(ahead) || is_at_limit(ahead);
    }
    if (view_is_time_to_pause(&ahead->view, ahead->pages))
        return true;
    if (!is_at_limit(ahead))
        return false;
    ahead->leaves_rest =
        !is_within_limit(ahead) &&
        (ahead->mode == MODE_AUTO || ahead->view.limits.on_limit == ON_LIMIT_POST_COPY);
    return true;
}

/* ---- The rounds to come ---- */

/* The link's time for so many pages, at the rate of the last round. */
static uint64_t sending_ns(const struct view *view, uint64_t pages)
{
    return view_downtime_ns(view, pages) - view_downtime_ns(view, 0);
}

/* A round takes longer than the link needs for its pages where --bandwidth-limit holds it back. */
static uint64_t round_ns(const struct view *view, uint64_t link_ns)
{
    const struct round *last = &view->last;

    return last->link_ns == 0 ? link_ns : units_mul_div(link_ns, last->duration_ns, last->link_ns);
}

static void go_through_round(struct ahead *ahead, const struct growth *growth)
{
    struct view *view = &ahead->view;
    uint64_t sent = ahead->pages - ahead->kept_pages, link_ns = sending_ns(view, sent);
    uint64_t duration_ns = round_ns(view, link_ns);
    uint64_t left = growth_pages(growth, duration_ns) + ahead->kept_pages;

    left = left < view->total_pages ? left : view->total_pages;
    ahead->stuck_rounds += left >= ahead->pages;
    ahead->sent_since_least += sent;
    if (left < ahead->least_pages - ahead->least_pages / 16) {
        ahead->least_pages = left;
        ahead->sent_since_least = 0;
    }
    view->last = (struct round){.pages = ahead->pages,
                                .pages_sent = sent,
                                .bytes_sent = sent * view->page_bytes,
                                .dirtied_pages = left - ahead->kept_pages,
                                .left_pages = left,
                                .duration_ns = duration_ns,
                                .link_ns = link_ns};
    view->rounds_done++;
    ahead->ns += duration_ns;
    ahead->pages = left;
}

/* The downtime of a switch-over that leaves pages: they do not travel in it, but the bitmap of those
 * of which an old copy is there does. */
static uint64_t switch_downtime_ns(const struct view *view)
{
    struct view empty = *view;
    empty.state_bytes += view->total_pages / 8;
    return view_downtime_ns(&empty, 0);
}

static void look_ahead(const struct source *source, struct ahead *ahead)
{
    uint64_t last_kept = source->last.left_pages > source->last.dirtied_pages
                             ? source->last.left_pages - source->last.dirtied_pages
                             : 0;

    ahead->kept_pages = last_kept < ahead->pages ? last_kept : ahead->pages;
    ahead->least_pages = ahead->pages;
    for (unsigned i = 0; i < ROUNDS_AHEAD_MAX && !is_over(ahead); i++)
        go_through_round(ahead, &source->growth);
}

void source_forecast(struct source *source, uint64_t now_ns)
{
    struct ahead ahead = {.view = source_view(source, now_ns, true),
                          .mode = source->config.strategy->mode};
    uint64_t left_pages = view_left_pages(&ahead.view);
    uint64_t if_now_ns = view_downtime_ns(&ahead.view, left_pages);

    ahead.pages = left_pages;
    if (source->is_switching)
        ahead.leaves_rest = left_pages > 0;
    else
        look_ahead(source, &ahead);
    uint64_t rest_ns = view_downtime_ns(&ahead.view, ahead.pages);
    source->forecast.at_ns = now_ns;
    source->forecast.left_ns = ahead.ns + rest_ns;
    source->forecast.pause_ns = ahead.leaves_rest ? switch_downtime_ns(&ahead.view) : rest_ns;
    source_emit(source, (struct event){.at_ns = now_ns,
                                       .kind = EVENT_DOWNTIME_FORECAST,
                                       .downtime_forecast = {.now_ns = if_now_ns,
                                                             .pause_ns = source->forecast.pause_ns,
                                                             .left_ns = source->forecast.left_ns,
                                                             .pages_left = left_pages}});
}

/* As fast as it has gone since the switch, or since the connection was made anew. */
static bool push_left_ns(const struct source *source, uint64_t now_ns, uint64_t *left_ns)
{
    uint64_t left_pages = source->to_send.set_count;
    uint64_t sent_pages = source->push_from_pages - left_pages;

    if (left_pages > 0 && left_pages >= source->push_from_pages) /* nothing went yet, or was lost */
        return false;
    *left_ns = left_pages == 0
                   ? source->half_rtt_ns
                   : units_mul_div(left_pages, now_ns - source->push_from_ns, sent_pages);
    return true;
}

/* What was forecast when the last round ended, less what has passed since. Late: nobody knows by how
 * much. */
static uint64_t forecast_left_ns(const struct source *source, uint64_t now_ns)
{
    uint64_t gone_ns = now_ns - source->forecast.at_ns;

    return source->forecast.left_ns > gone_ns ? source->forecast.left_ns - gone_ns : 0;
}

/* Of pages that are copied while the guest runs no more goes than its limit lets. */
static uint64_t paced_ns(const struct source *source, const struct view *view)
{
    uint64_t bits_per_s = source->config.bandwidth_limit_bits_per_s;
    return source->phase != PHASE_COPY || bits_per_s == 0
               ? 0
               : units_mul_div(view_left_pages(view) * view->page_bytes * 8, NS_PER_S, bits_per_s);
}

bool source_left_ns(const struct source *source, uint64_t now_ns, uint64_t *left_ns)
{
    bool is_measured = source->last.link_ns > 0 || source->current.link_ns > 0;

    *left_ns = 0;
    switch (source->phase) {
    case PHASE_COPY:
        if (source->forecast.at_ns != 0) {
            *left_ns = forecast_left_ns(source, now_ns);
            return true;
        }
        break;
    case PHASE_PAUSE:
        break;
    case PHASE_HAND_OVER:
    case PHASE_POST_COPY:
        return push_left_ns(source, now_ns, left_ns);
    case PHASE_COMPLETED:
    case PHASE_ABORTED:
        return true;
    default:
        return false;
    }
    if (is_measured) {
        const struct view view = source_view(source, now_ns, true);
        uint64_t pause_ns = view_downtime_ns(&view, view_left_pages(&view));
        uint64_t copy_ns = paced_ns(source, &view);
        *left_ns = pause_ns > copy_ns ? pause_ns : copy_ns;
    }
    return is_measured;
}
