/* A guest leaves: the half of a move at its source, what becomes of it when its phase changes, and
 * when its connection breaks. */
#include <stdio.h>
#include <string.h>

#include "base/smaller.h"
#include "base/units.h"
#include "base/utf8.h"
#include "live/host_private.h"
#include "scenario/ends.h"

/* Where nothing caps the link: more than any carries. The sizes of chunks are chosen: many pages for
 * each call of the system, and of what is pushed no more than some tens of microseconds' worth. */
#define UNCAPPED_BITS_PER_S (25 * 1000000000ull)
#define COPY_CHUNK_MAX      (4u * MESSAGE_ROW_PAGES * MESSAGE_PAGE_WIRE_BYTES)
#define PUSH_CHUNK_MAX      (1u * MESSAGE_ROW_PAGES * MESSAGE_PAGE_WIRE_BYTES)
/* An old host that passes packets on goes on for so long after it was told to end: those that were
 * under way to it have come by then. */
#define TUNNEL_REST_NS (100 * NS_PER_MS)

/* A pause waits so long for a disk that cannot be reached. */
#define DISK_NS (300 * NS_PER_MS)

/* A target's address where nobody listens for so long is that of a process that has died. */
#define DEAD_NS (3 * NS_PER_S)

/* ---- It begins ---- */

void departure_set_chunks(struct move *move)
{
    struct source_config *config = &move->source.config;
    uint64_t bits_per_s = move->host->bits_per_s;

    ends_set_chunks(config, bits_per_s != 0 ? bits_per_s : UNCAPPED_BITS_PER_S);
    config->copy_chunk_bytes = smaller(config->copy_chunk_bytes, COPY_CHUNK_MAX);
    config->push_chunk_bytes = smaller(config->push_chunk_bytes, PUSH_CHUNK_MAX);
}

/* How far auto-converge has slowed it stays. */
static void set_throttle(struct source *source, const struct throttle_config *config)
{
    uint32_t permille = source->throttle.permille;

    throttle_init(&source->throttle, config);
    if (config->is_auto_converging)
        source->throttle.permille = permille;
    if (source->phase == PHASE_COPY)
        throttle_begin(&source->throttle, uv_hrtime());
}

void departure_set_limits(struct move *move)
{
    struct source *source = &move->source;
    struct source_config config = ends_source_config(&move->scenario);

    source->config.limits = config.limits;
    set_throttle(source, &config.throttle);
    source->config.bandwidth_limit_bits_per_s = config.bandwidth_limit_bits_per_s;
    source->pacer = (struct pacer){.bits_per_s = config.bandwidth_limit_bits_per_s};
    departure_set_chunks(move);
    move_feed(move);
}

/* The guest's own pages must all be here, and the half of its last move must not need it. */
static enum status look_at_guest(struct resident *resident, uint64_t now_ns,
                                 struct problem *problem)
{
    struct guest *guest = resident->guest;

    if (resident->out != NULL && resident->out->over_ns == 0)
        return problem_set(problem, STATUS_REFUSED, "%s is being moved already", resident->name);
    if (!resident_is_here(resident))
        return problem_set(problem, STATUS_REFUSED, "%s is not at this host", resident->name);
    if (guest->present.set_count < guest->total_pages)
        return problem_set(problem, STATUS_REFUSED,
                           "%s lacks %llu pages, which are still where it came from: it can be "
                           "moved on when they are here",
                           resident->name,
                           (unsigned long long)(guest->total_pages - guest->present.set_count));
    if (resident->out != NULL)
        move_fini(resident->out); /* over, and not all of it told */
    if (resident->in != NULL)
        arrival_settle(resident->in, now_ns);
    return STATUS_OK;
}

enum status departure_begin(struct resident *resident, const struct scenario *scenario,
                            const char *id, const char *to, const char *address,
                            struct problem *problem)
{
    struct host *host = resident->host;
    uint64_t now_ns = uv_hrtime();
    enum status status = host->is_cut
                             ? problem_set(problem, STATUS_REFUSED, "the link is cut: mend it")
                             : look_at_guest(resident, now_ns, problem);
    if (status != STATUS_OK)
        return status;
    struct move *move = move_add(host, resident, id, true);
    if (move == NULL)
        return problem_set(problem, STATUS_REFUSED,
                           "%u moves go on at this host: wait until one of them is over",
                           HOST_MOVES);
    snprintf(move->to, sizeof move->to, "%s", to);
    snprintf(move->address, sizeof move->address, "%s", address);
    scenario_copy(&move->scenario, scenario);
    move->scenario.bandwidth_bits_per_s =
        host->bits_per_s != 0 ? host->bits_per_s : UNCAPPED_BITS_PER_S;
    struct source_config config = ends_source_config(&move->scenario);
    resident->out = move;
    move->moves = resident->moves;
    move_tell_progress(move, now_ns, STRETCH_BEFORE);
    move->source.config = config;
    departure_set_chunks(move);
    config = move->source.config;
    config.is_lending = true;
    source_init(&move->source, &config, resident->guest, &move->events);
    source_start(&move->source, now_ns);
    host_say(host, "%s leaves for %s by %s", resident->name, to, mode_name(scenario->mode));
    host_changed(host);
    line_open(move);
    return STATUS_OK;
}

void departure_put_text(struct move *move, struct bytes *to)
{
    struct move_text text = {.scenario = move->scenario, .is_recovery = move->is_recovering};

    snprintf(text.id, sizeof text.id, "%s", move->id);
    text.moves = move->moves;
    if (move->resident != NULL && !scenario_is_model(&move->scenario))
        text.uses_disk = machine_disk(move->resident->guest)->asked > 0;
    if (move->resident != NULL)
        snprintf(text.gateway, sizeof text.gateway, "%s", move->resident->instance);
    move_text_put(to, &text);
}

/* ---- What a change of the phase means ---- */

static void tell_end(struct move *move, uint64_t now_ns, enum outcome outcome)
{
    move_over(move, now_ns);
    host_say(move->host, "the move to %s: %s: %s", move->to, outcome_name(outcome),
             move->source.reason);
    move_tell_end(move, outcome, move->source.reason);
    host_changed(move->host);
}

static void aborted(struct move *move, uint64_t now_ns, bool was_paused)
{
    struct resident *resident = move->resident;

    move_tell_progress(move, now_ns, was_paused ? STRETCH_PAUSED : STRETCH_COPYING);
    if (was_paused) {
        resident_goes_on(resident, now_ns);
        mail_rehome(resident, now_ns);
    }
    move->retry_at_ns = UINT64_MAX;
    tell_end(move, now_ns, OUTCOME_ABORTED);
}

/* All of it is at the target: what was kept here is given up. */
static void completed(struct move *move, uint64_t now_ns)
{
    struct resident *resident = move->resident;

    tell_end(move, now_ns, OUTCOME_COMPLETED);
    resident->out = NULL;
    move->resident = NULL;
    host_drop_resident(resident);
    if (move->scenario.route != ROUTE_TUNNEL && move->line != NULL)
        line_finish(move->line);
}

static void reap(struct move *move, enum phase before, uint64_t now_ns)
{
    struct source *source = &move->source;
    enum phase after = source->phase;
    bool was_paused = before != PHASE_SETUP && before != PHASE_COPY;

    if (move->resident == NULL)
        return;
    resident_unbar(move->resident, now_ns);
    if (after == before)
        return;
    if (source_wants_pause(source) && !was_paused) {
        move->paused_ns = now_ns;
        move_tell_progress(move, now_ns, STRETCH_COPYING);
    }
    if (after == PHASE_HAND_OVER && !move->is_recovering)
        mail_leaves(move);
    if (after == PHASE_HAND_OVER)
        move->committed_ns = move->owed_ns = now_ns;
    if (after == PHASE_ABORTED)
        aborted(move, now_ns, was_paused);
    if (after == PHASE_COMPLETED)
        completed(move, now_ns);
    if (after == PHASE_PAUSE || after == PHASE_HAND_OVER || after == PHASE_LINK_LOST ||
        after == PHASE_POST_COPY)
        host_changed(move->host);
}

/* ---- Its connection ---- */

void departure_ready(struct move *move, uint64_t now_ns)
{
    enum phase before = move->source.phase;

    source_connected(&move->source, now_ns);
    reap(move, before, now_ns);
}

void departure_heard(struct move *move, uint64_t now_ns, const uint8_t *data, size_t count)
{
    enum phase before = move->source.phase;

    source_receive(&move->source, now_ns, data, count);
    reap(move, before, now_ns);
}

/* DOC: fair-share
 * One thread runs the guest and sends its pages. A guest that is busy has its slice after each
 * chunk. And of what is pushed after the switch there is one chunk in a turn of the loop, so that a
 * request that comes meanwhile waits for that one alone. */
static bool is_put_off(const struct move *move)
{
    const struct source *source = &move->source;
    bool is_urgent =
        source->request_count > 0 || source->out.count > 0 || source->forwards.count > 0;
    bool is_busy = move->resident != NULL && move->resident->is_busy;
    bool is_sharing = source->phase == PHASE_POST_COPY || source->phase == PHASE_HAND_OVER ||
                      (source->phase == PHASE_COPY && is_busy);

    return is_sharing && !is_urgent && move->fed_turn == move->host->turn;
}

/* A chunk: pages that are scattered come one by one, and the system is called for many at once. */
static void put_chunk(struct move *move, uint64_t now_ns, size_t backlog_bytes, struct bytes *to,
                      struct lending *lending)
{
    struct source *source = &move->source;
    uint64_t charged = 0, charge = 1;
    enum phase before = source->phase;

    while (charge > 0 && source->phase == before) {
        bool is_after_switch = before == PHASE_POST_COPY || before == PHASE_HAND_OVER;
        charge = source_send_lending(source, now_ns, backlog_bytes + charged, to, lending);
        charged += charge;
        if (charged + MESSAGE_PAGE_WIRE_BYTES >
            (is_after_switch ? source->config.push_chunk_bytes : source->config.copy_chunk_bytes))
            return;
    }
}

void departure_lend(struct move *move, uint64_t now_ns, size_t backlog_bytes, struct bytes *to,
                    struct lending *lending)
{
    enum phase before = move->source.phase;

    move->is_commit_last = false; /* all that was given before has left */
    move->is_put_off = is_put_off(move);
    if (move->is_put_off)
        return;
    move->fed_turn = move->host->turn;
    if (move->resident != NULL)
        resident_sleep_on(move->resident, now_ns); /* it may be paused now */
    put_chunk(move, now_ns, backlog_bytes, to, lending);
    move->is_commit_last = before != PHASE_HAND_OVER && move->source.phase == PHASE_HAND_OVER;
    reap(move, before, now_ns);
}

/* Nobody listens there any more, and not because the link is cut: the process is gone, and has not
 * come back in time. What is here is older than what the guest's clients have seen. */
static bool see_whether_dead(struct move *move, uint64_t now_ns, enum line_end end)
{
    if (end != LINE_REFUSED)
        move->refused_since_ns = 0;
    else if (move->refused_since_ns == 0)
        move->refused_since_ns = now_ns;
    if (move->refused_since_ns == 0 || now_ns - move->refused_since_ns < DEAD_NS)
        return false;
    departure_unknown(move, now_ns, "nobody listens there any more");
    return true;
}

/* Only what this process still has of COMMIT says that the target does not have it: the kernel's
 * word that nothing was acknowledged would not, as acknowledgements are lost, too. */
static bool has_kept_commit(const struct move *move, size_t unsent_bytes)
{
    return move->source.phase == PHASE_HAND_OVER && !move->source.was_running &&
           (move->source.is_commit_pending || (move->is_commit_last && unsent_bytes > 0));
}

void departure_line_lost(struct move *move, uint64_t now_ns, enum line_end end, const char *reason,
                         size_t unsent_bytes)
{
    enum phase before = move->source.phase;
    char why[MESSAGE_REASON_MAX];

    move->is_put_off = false;
    if (move->over_ns != 0)
        return;
    snprintf(why, sizeof why, "%.*s%s", (int)utf8_cut(reason, 100), reason,
             before == PHASE_SETUP ? "" : ": the guest goes on at the source");
    if (has_kept_commit(move, unsent_bytes))
        source_take_back(&move->source, now_ns, why);
    source_disconnected(&move->source, now_ns, why);
    reap(move, before, now_ns);
    if (move->source.phase != PHASE_LINK_LOST)
        return;
    if (before != PHASE_LINK_LOST)
        host_say(move->host, "the connection to %s broke after COMMIT: %s; it is tried again",
                 move->to, reason);
    move->is_recovering = true;
    if (see_whether_dead(move, now_ns, end))
        return;
    move->retry_after_ns = move->retry_after_ns == 0
                               ? HOST_RETRY_NS
                               : smaller(2 * move->retry_after_ns, HOST_RETRY_MAX_NS);
    move->retry_at_ns = now_ns + move->retry_after_ns;
}

/* The process that had the target's half is no more, and whatever of the guest was there. What is
 * here is older than what its clients have seen. */
void departure_unknown(struct move *move, uint64_t now_ns, const char *reason)
{
    char why[MESSAGE_REASON_MAX];

    snprintf(why, sizeof why, "the target has died after COMMIT, and the guest with it: %.*s",
             (int)utf8_cut(reason, 70), reason);
    snprintf(move->source.reason, sizeof move->source.reason, "%s", why);
    move_forget(move, now_ns, why);
}

/* ---- Time ---- */

/* A word is owed that is said at once. */
static bool is_owed(const struct move *move)
{
    enum phase phase = move->source.phase;
    return phase == PHASE_SETUP || phase == PHASE_HAND_OVER || phase == PHASE_RECOVER;
}

/* What it answers is behind all that was to be sent before, which a slow link takes long for. */
static bool is_asked(const struct move *move)
{
    return move->source.out.count == 0 && channel_backlog(move->line->channel) == 0;
}

static uint64_t tunnel_end_ns(const struct move *move)
{
    uint64_t tunnel_for_ns = move->scenario.tunnel_for_ns;
    if (move->source.phase != PHASE_COMPLETED || tunnel_for_ns == SCENARIO_NONE)
        return UINT64_MAX;
    return move->committed_ns + tunnel_for_ns + TUNNEL_REST_NS;
}

static void end_tunnel(struct move *move, uint64_t now_ns)
{
    move_emit(
        move, now_ns,
        (struct event){.kind = EVENT_TUNNEL_ENDED, .tunnel_ended = {.packets = move->forwarded}});
    line_finish(move->line);
}

/* When the guest has stood still for its disk as long as it may. */
static uint64_t disk_end_ns(const struct move *move)
{
    const struct source *source = &move->source;
    bool is_waiting = source->is_draining && !source->guest->ops->is_quiet(source->guest);
    return is_waiting ? move->paused_ns + DISK_NS : UINT64_MAX;
}

uint64_t departure_due_ns(const struct move *move)
{
    uint64_t due_ns = UINT64_MAX;

    if (move->over_ns != 0)
        return move->line == NULL ? UINT64_MAX : tunnel_end_ns(move);
    if (move->line == NULL)
        return move->host->is_cut ? UINT64_MAX : move->retry_at_ns;
    if (move->line->is_ready && is_owed(move))
        due_ns = move->owed_ns + HOST_ANSWER_NS;
    if (move->line->is_ready)
        due_ns = smaller(due_ns, smaller(source_deadline_ns(&move->source), disk_end_ns(move)));
    if (move->is_put_off)
        due_ns = 0;
    return due_ns;
}

void departure_turn(struct move *move, uint64_t now_ns)
{
    struct source *source = &move->source;

    if (move->line == NULL) {
        if (move->over_ns == 0 && move->retry_at_ns <= now_ns && !move->host->is_cut) {
            move->retry_at_ns = UINT64_MAX;
            line_open(move);
        }
        return;
    }
    if (source->phase == PHASE_ABORTED && (!move->line->is_ready || source->out.count == 0)) {
        line_finish(move->line);
        return;
    }
    if (tunnel_end_ns(move) <= now_ns) {
        end_tunnel(move, now_ns);
        return;
    }
    if (!move->line->is_ready || move->over_ns != 0)
        return;
    if (!is_asked(move))
        move->owed_ns = now_ns;
    if (is_owed(move) && move->owed_ns + HOST_ANSWER_NS <= now_ns)
        line_break(move->line, "the target does not answer");
    else if (disk_end_ns(move) <= now_ns)
        (void)departure_abort(move, "the disk does not answer: the guest goes on at the source");
    else if (move->is_put_off || source_deadline_ns(source) <= now_ns)
        move_feed(move);
}

/* ---- What people may ask for ---- */

bool departure_abort(struct move *move, const char *reason)
{
    uint64_t now_ns = uv_hrtime();
    enum phase before = move->source.phase;

    if (move->over_ns != 0 || !source_abort(&move->source, now_ns, reason))
        return false;
    reap(move, before, now_ns);
    move_feed(move);
    return true;
}

bool departure_switch(struct move *move)
{
    if (move->over_ns != 0 || !source_switch_to_post_copy(&move->source))
        return false;
    move_feed(move);
    return true;
}
