/* Guests run: in slices short enough that nothing else waits, each as long as its own clock, its
 * share and what it stops for let it. */
#include "base/units.h"
#include "live/host_private.h"

/* Packets, pages that are asked for and the hand-over wait no longer than this for a guest. */
#define SLICE_NS (100 * NS_PER_US)
/* Most pages are there sooner. A guest that waits for longer than that is said to wait. */
#define STUCK_NS (100 * NS_PER_MS)
/* A guest with a rate is run up to now so often; and so much of its time may be made up for when
 * the host was busy with something else, before it is passed. */
#define PACE_NS     (100 * NS_PER_US)
#define PACE_LAG_NS (2 * NS_PER_MS)

/* ---- Where it is ---- */

static bool is_committed(const struct move *move)
{
    enum phase phase = move->source.phase;
    return phase == PHASE_HAND_OVER || phase == PHASE_POST_COPY || phase == PHASE_COMPLETED ||
           phase == PHASE_LINK_LOST || phase == PHASE_RECOVER;
}

bool resident_is_here(const struct resident *resident)
{
    if (resident->guest == NULL)
        return false;
    if (resident->in != NULL && !target_is_running(&resident->in->target))
        return false;
    return resident->out == NULL || !is_committed(resident->out);
}

static uint64_t held_until_ns(const struct resident *resident)
{
    return resident->in == NULL ? 0 : target_held_until_ns(&resident->in->target);
}

bool resident_may_run(const struct resident *resident)
{
    return resident_is_here(resident) && !resident->is_stuck && !resident->is_ended &&
           (resident->out == NULL || !source_wants_pause(&resident->out->source));
}

const char *resident_state(const struct resident *resident)
{
    if (resident->host->is_closing && !resident->is_ended)
        return "lost";
    if (!resident_is_here(resident))
        return "moving";
    if (resident->is_ended)
        return "ended";
    if (resident->out != NULL && source_wants_pause(&resident->out->source))
        return "paused";
    return resident->is_stuck ? "waiting" : "running";
}

uint32_t resident_host_idx(const struct resident *resident)
{
    return resident->in != NULL && resident->out == NULL ? HOST_TARGET : HOST_SOURCE;
}

void resident_emit(struct resident *resident, uint64_t now_ns, struct event event)
{
    struct move *move = resident->out != NULL ? resident->out : resident->in;

    if (move == NULL || move->over_ns != 0)
        return;
    event.at_ns = now_ns;
    event_append(&move->events, event);
}

/* ---- Its time ---- */

static uint64_t lived_ns(const struct resident *resident)
{
    return resident->guest->ops->now_ns(resident->guest);
}

/* What its clock says at that instant; it is never behind what the guest has lived. */
static uint64_t guest_ns(const struct resident *resident, uint64_t now_ns)
{
    uint64_t lived = lived_ns(resident);
    int64_t behind = (int64_t)(now_ns - resident->offset_ns - lived);
    return behind > 0 ? lived + (uint64_t)behind : lived;
}

/* When its clock will say so, which is later than what it has lived; UINT64_MAX: never. */
static uint64_t real_ns(const struct resident *resident, uint64_t at_ns)
{
    uint64_t lived = lived_ns(resident), lived_at_ns = lived + resident->offset_ns;
    return at_ns - lived < UINT64_MAX - lived_at_ns ? lived_at_ns + (at_ns - lived) : UINT64_MAX;
}

uint64_t resident_now_ns(const struct resident *resident)
{
    bool stands_still = !resident_may_run(resident);
    return stands_still ? lived_ns(resident) : guest_ns(resident, uv_hrtime());
}

void resident_goes_on(struct resident *resident, uint64_t now_ns)
{
    resident->offset_ns = now_ns - lived_ns(resident);
    resident->due_ns = 0;
}

void resident_sleep_on(struct resident *resident, uint64_t now_ns)
{
    if (resident->is_asleep && resident->due_ns > now_ns && resident_may_run(resident))
        resident->guest->ops->idle_until(resident->guest, guest_ns(resident, now_ns));
}

/* It has slept until now, whenever it runs: it may be paused before. */
void resident_wake(struct resident *resident)
{
    resident_sleep_on(resident, uv_hrtime());
    resident->due_ns = 0;
}

static void pass_until(struct resident *resident, uint64_t until_ns)
{
    const struct guest_ops *ops = resident->guest->ops;
    uint64_t slice_end_ns = resident->share.slice_end_ns;

    if (ops->pass_until != NULL)
        ops->pass_until(resident->guest, until_ns < slice_end_ns ? until_ns : slice_end_ns);
}

/* Before it runs: a guest as fast as the host lives up to now. One with a rate, or a share of the
 * time, runs up to now; what it lags behind too far it does not get any more. */
static void catch_up(struct resident *resident, uint64_t now_ns)
{
    bool is_whole = resident->share.permille == GUEST_SHARE_WHOLE;
    uint64_t to_ns = guest_ns(resident, now_ns), lag_ns = to_ns - lived_ns(resident);

    if (is_whole && !resident->is_paced)
        pass_until(resident, to_ns);
    else if (lag_ns > PACE_LAG_NS && is_whole && resident->guest->ops->pass_until != NULL)
        pass_until(resident, to_ns - PACE_LAG_NS);
    else if (lag_ns > PACE_LAG_NS)
        resident->offset_ns += lag_ns - PACE_LAG_NS;
}

/* ---- Shares: what migrate/share.h means here ---- */

static uint32_t hart_count(const struct resident *resident)
{
    return scenario_is_model(&resident->scenario) ? 1 : (uint32_t)resident->scenario.hart_count;
}

static uint32_t wanted(const struct resident *resident, uint32_t hart_idx)
{
    if (resident->out != NULL && resident->out->source.phase != PHASE_ABORTED)
        return source_share(&resident->out->source, hart_idx);
    return resident->in != NULL ? target_share(&resident->in->target, hart_idx) : GUEST_SHARE_WHOLE;
}

static void tell_share(struct resident *resident, uint64_t now_ns, uint32_t hart_idx,
                       uint32_t share)
{
    if (share == resident->told_shares[hart_idx])
        return;
    resident->told_shares[hart_idx] = share;
    resident_emit(resident, now_ns,
                  (struct event){.kind = EVENT_SHARE_SET,
                                 .share_set = {.host = resident_host_idx(resident),
                                               .hart_idx = hart_idx,
                                               .share_permille = share}});
}

/* What the harts have in common by the guest's time standing still, what one has less than the
 * others by turns that it lets pass. */
static void set_shares(struct resident *resident, uint64_t now_ns)
{
    uint32_t shares[HART_MAX], most = 0;
    bool is_changed = false;

    for (uint32_t i = 0; i < hart_count(resident); i++) {
        shares[i] = wanted(resident, i);
        most = shares[i] > most ? shares[i] : most;
        is_changed |= shares[i] != resident->shares[i];
        resident->shares[i] = shares[i];
        tell_share(resident, now_ns, i, shares[i]);
    }
    if (most == GUEST_SHARE_WHOLE && resident->share.permille < GUEST_SHARE_WHOLE &&
        lived_ns(resident) + resident->offset_ns > now_ns)
        resident->offset_ns = now_ns - lived_ns(resident); /* it would stand still: not any more */
    share_set(&resident->share, guest_ns(resident, now_ns), most);
    for (uint32_t i = 0; is_changed && i < hart_count(resident); i++)
        resident->guest->ops->set_share(resident->guest, i,
                                        (shares[i] * GUEST_SHARE_WHOLE + most / 2) / most);
}

/* It has had its part of the period. */
static void end_slice(struct resident *resident, uint64_t now_ns)
{
    resident->offset_ns += share_pass(&resident->share);
    if (resident->in != NULL && target_is_running(&resident->in->target))
        target_tick(&resident->in->target, now_ns);
    set_shares(resident, now_ns);
}

/* ---- What it stops for ---- */

static void page_dirtied(struct resident *resident, uint64_t now_ns, const struct guest_run *run)
{
    if (resident->out != NULL)
        source_dirtied(&resident->out->source, run->hart_idx);
    resident_emit(resident, now_ns,
                  (struct event){.kind = EVENT_PAGE_DIRTIED,
                                 .page_dirtied = {.page_idx = run->page_idx,
                                                  .host = resident_host_idx(resident),
                                                  .hart_idx = run->hart_idx,
                                                  .pc = run->pc}});
}

static void set_stuck(struct resident *resident, uint64_t now_ns, bool is_stuck)
{
    if (is_stuck && !resident->is_stuck)
        resident->stuck_ns = now_ns;
    resident->is_stuck = is_stuck;
}

uint64_t resident_stuck_due_ns(const struct resident *resident)
{
    if (!resident->is_stuck)
        return resident->is_stuck_told ? 0 : UINT64_MAX;
    return resident->is_stuck_told ? UINT64_MAX : resident->stuck_ns + STUCK_NS;
}

void resident_tell_stuck(struct resident *resident, uint64_t now_ns)
{
    if (resident_stuck_due_ns(resident) > now_ns)
        return;
    resident->is_stuck_told = resident->is_stuck;
    host_changed(resident->host);
}

/* A page is not there: it is asked for at once. */
static bool page_missing(struct resident *resident, uint64_t now_ns, const struct guest_run *run)
{
    struct target *target;

    MUST(resident->in != NULL);
    target = &resident->in->target;
    if (!target_is_waiting(target, run->hart_idx))
        target_fault(target, now_ns, run->hart_idx, run->page_idx);
    set_stuck(resident, now_ns, run->is_stuck);
    move_feed(resident->in);
    resident->is_held = held_until_ns(resident) > now_ns;
    return !run->is_stuck && !resident->is_held;
}

static void flushed(struct resident *resident, uint64_t now_ns, const struct guest_run *run)
{
    struct move *move = resident->out;

    if (move == NULL ||
        !source_flushed(&move->source, now_ns, run->hart_idx, run->page_idx, run->page_count))
        return;
    resident->barred_harts |= 1u << run->hart_idx;
    resident->guest->ops->bar(resident->guest, run->hart_idx, true);
    move_feed(move);
}

void resident_unbar(struct resident *resident, uint64_t now_ns)
{
    uint32_t barred = resident->out == NULL ? 0 : source_barred_harts(&resident->out->source);
    uint32_t freed = resident->barred_harts & ~barred;

    for (uint32_t i = 0; i < HART_MAX; i++)
        if ((freed >> i & 1) != 0)
            resident->guest->ops->bar(resident->guest, i, false);
    resident->barred_harts &= ~freed;
    if (freed == 0)
        return;
    if (resident->is_stuck && (resident->in == NULL || resident->in->target.is_complete)) {
        resident->is_stuck = false;
        resident_goes_on(resident, now_ns);
    }
    resident_wake(resident);
}

/* What it cannot go on for; "": it has ended in order. */
static const char *describe_end(const struct resident *resident, char *text, size_t text_bytes)
{
    *text = '\0';
    if (resident->is_end_fault)
        machine_describe_fault(resident->guest, text, text_bytes);
    return text;
}

void resident_tell_end(struct resident *resident)
{
    char cause[120];

    if (!resident->is_ended || resident->is_end_told || !resident->host->trunk.is_open)
        return;
    resident->is_end_told = true;
    trunk_tell(resident->host, "guest_ended",
               json_pack("{s:s, s:I, s:b, s:s, s:s}", "guest", resident->name, "status",
                         (json_int_t)resident->end_status, "is_fault", resident->is_end_fault,
                         "cause", describe_end(resident, cause, sizeof cause), "last_line",
                         resident->last_line));
}

static void ended(struct resident *resident, uint64_t now_ns, const struct guest_run *run)
{
    char cause[120];

    resident->is_ended = true;
    resident->end_status = run->status;
    resident->is_end_fault = run->is_fault;
    resident->has_output = true;
    mail_flush(resident, now_ns);
    resident_emit(resident, now_ns,
                  (struct event){.kind = EVENT_GUEST_ENDED,
                                 .guest_ended = {.host = resident_host_idx(resident),
                                                 .status = run->status,
                                                 .is_fault = run->is_fault}});
    resident_tell_end(resident);
    if (run->is_fault)
        host_say(resident->host, "%s cannot go on: %s", resident->name,
                 describe_end(resident, cause, sizeof cause));
    else
        host_say(resident->host, "%s has ended with status %llu", resident->name,
                 (unsigned long long)run->status);
    host_changed(resident->host);
}

/* It sleeps, up to now or until it is to be woken, which may be at once. */
static bool idled(struct resident *resident, uint64_t now_ns, uint64_t wake_ns)
{
    uint64_t slice_end_ns = resident->share.slice_end_ns;
    uint64_t end_ns = wake_ns < slice_end_ns ? wake_ns : slice_end_ns;
    uint64_t to_ns = guest_ns(resident, now_ns);

    if (to_ns < end_ns) {
        resident->guest->ops->idle_until(resident->guest, to_ns);
        resident->due_ns = real_ns(resident, end_ns);
        resident->is_asleep = true;
        return false;
    }
    resident->guest->ops->idle_until(resident->guest, end_ns);
    return true;
}

/* False: it does not go on in this slice. */
static bool stopped(struct resident *resident, const struct guest_run *run, uint64_t now_ns)
{
    switch (run->stop) {
    case GUEST_TIME_REACHED:
    case GUEST_HELD:
        return true;
    case GUEST_IDLE:
        return idled(resident, now_ns, run->wake_ns);
    case GUEST_DIRTIED:
        page_dirtied(resident, now_ns, run);
        return true;
    case GUEST_MISSING:
        return page_missing(resident, now_ns, run);
    case GUEST_FLUSHED:
        flushed(resident, now_ns, run);
        return true;
    case GUEST_BARRED:
        set_stuck(resident, now_ns, true);
        return false;
    case GUEST_OUTPUT:
        resident->has_output = true;
        host_disk_serve(resident, now_ns);
        return true;
    case GUEST_ENDED:
        ended(resident, now_ns, run);
        return false;
    }
    return false;
}

/* ---- A slice ---- */

/* Guest time up to which it may run now, when the slice has so much real time left. */
static uint64_t run_until(const struct resident *resident, uint64_t now_ns, uint64_t left_ns)
{
    uint64_t lived = lived_ns(resident), to_ns = guest_ns(resident, now_ns);
    uint64_t until_ns = lived + 1 + left_ns * resident->ratio_permille / 1000;

    if (resident->is_paced && until_ns > to_ns)
        until_ns = to_ns;
    return until_ns < resident->share.slice_end_ns ? until_ns : resident->share.slice_end_ns;
}

/* How much guest time running takes, smoothed: it decides where the next run ends. */
static void learn_ratio(struct resident *resident, uint64_t lived, uint64_t took_ns)
{
    uint64_t ratio;

    if (took_ns < 5 * NS_PER_US)
        return; /* a trap, and no measure */
    ratio = lived * 1000 / took_ns;
    resident->ratio_permille = (resident->ratio_permille * 7 + ratio + 7) / 8;
    if (resident->ratio_permille < 1)
        resident->ratio_permille = 1;
}

/* Runs it once. False: not again in this slice. */
static bool run_once(struct resident *resident, uint64_t now_ns, uint64_t left_ns)
{
    const struct guest_ops *ops = resident->guest->ops;
    uint64_t before_ns = lived_ns(resident), until_ns = run_until(resident, now_ns, left_ns);
    struct guest_run run = {0};

    ops->run(resident->guest, until_ns, &run);
    uint64_t after_ns = uv_hrtime(), took_ns = after_ns - now_ns;
    learn_ratio(resident, lived_ns(resident) - before_ns, took_ns);
    if (!resident->is_paced && run.stop != GUEST_MISSING)
        pass_until(resident, before_ns + took_ns);
    if (!stopped(resident, &run, after_ns))
        return false;
    if (lived_ns(resident) >= resident->share.slice_end_ns)
        end_slice(resident, after_ns);
    return true;
}

/* It has lived up to now, and there is nothing to run before so much time has passed. */
static bool is_ahead(struct resident *resident, uint64_t now_ns)
{
    uint64_t due_ns = lived_ns(resident) + resident->offset_ns;
    bool is_behind_share = resident->share.permille < GUEST_SHARE_WHOLE;

    if (resident->is_paced)
        due_ns += PACE_NS; /* then there is something to run again */
    if (due_ns < now_ns || (due_ns == now_ns && !is_behind_share))
        return false;
    resident->due_ns = due_ns;
    return true;
}

void resident_run(struct resident *resident, uint64_t now_ns)
{
    uint64_t end_ns = now_ns + SLICE_NS;
    uint64_t held_ns = held_until_ns(resident);

    resident->is_busy = false;
    if (!resident_may_run(resident) || resident->due_ns > now_ns)
        return;
    if (held_ns > now_ns) {
        resident->is_held = true;
        resident->due_ns = held_ns;
        return;
    }
    if (resident->is_held)
        resident_goes_on(resident, now_ns);
    resident->is_held = resident->is_asleep = false;
    resident->due_ns = 0;
    set_shares(resident, now_ns);
    for (; now_ns < end_ns; now_ns = uv_hrtime()) {
        catch_up(resident, now_ns);
        if (is_ahead(resident, now_ns) || !run_once(resident, now_ns, end_ns - now_ns) ||
            !resident_may_run(resident))
            break;
    }
    resident->is_busy = now_ns >= end_ns;
    mail_flush(resident, uv_hrtime());
}
