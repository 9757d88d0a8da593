/* A move, at whichever of its ends this host is. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "live/host_private.h"

/* Events that nobody fetches: with no gateway there is nobody to tell them to. */
#define OVER_NS (1 * NS_PER_S)

struct move *move_find(struct host *host, const char *id, bool is_out)
{
    for (uint32_t i = 0; i < HOST_MOVES; i++) {
        struct move *move = &host->moves[i];
        if (move->is_used && move->is_out == is_out && strcmp(move->id, id) == 0)
            return move;
    }
    return NULL;
}

struct move *move_add(struct host *host, struct resident *resident, const char *id, bool is_out)
{
    struct move *move = NULL;

    for (uint32_t i = 0; i < HOST_MOVES && move == NULL; i++)
        if (!host->moves[i].is_used)
            move = &host->moves[i];
    if (move == NULL)
        return NULL;
    *move = (struct move){.host = host, .is_used = true, .is_out = is_out, .resident = resident};
    snprintf(move->id, sizeof move->id, "%s", id);
    move->started_ns = move->owed_ns = move->rate_at_ns = uv_hrtime();
    move->retry_at_ns = UINT64_MAX;
    return move;
}

void move_over(struct move *move, uint64_t now_ns)
{
    if (move->over_ns == 0)
        move->over_ns = now_ns;
}

void move_fini(struct move *move)
{
    move->host->trunk.dropped_events += move->events.count;
    if (move->line != NULL)
        line_finish(move->line);
    if (move->resident != NULL && move->is_out)
        move->resident->out = NULL;
    else if (move->resident != NULL)
        move->resident->in = NULL;
    if (move->is_out)
        source_fini(&move->source);
    else
        target_fini(&move->target);
    event_list_fini(&move->events);
    scenario_fini(&move->scenario);
    *move = (struct move){0};
}

void move_emit(struct move *move, uint64_t now_ns, struct event event)
{
    event.at_ns = now_ns;
    event_append(&move->events, event);
}

void move_tell_progress(struct move *move, uint64_t now_ns, enum stretch stretch)
{
    const struct guest *guest = move->resident->guest;
    move_emit(move, now_ns,
              (struct event){.kind = EVENT_PROGRESS_MADE,
                             .progress_made = {.stretch = stretch,
                                               .instructions = guest->ops->instructions(guest),
                                               .lived_ns = guest->ops->now_ns(guest)}});
}

void move_tell_end(struct move *move, enum outcome outcome, const char *reason)
{
    struct host *host = move->host;
    json_t **end = &host->ends[host->end_count++ % HOST_ENDS];

    json_decref(*end);
    *end =
        json_pack("{s:s, s:s, s:s, s:o}", "guest", host_guest_name(&move->scenario), "move",
                  move->id, "outcome", outcome_name(outcome), "reason", control_text_json(reason));
    trunk_tell(host, "migration_ended", json_incref(*end));
}

/* ---- Its connection ---- */

void move_feed(struct move *move)
{
    if (move->line != NULL && move->line->is_ready)
        line_poke(move->line);
}

void move_line_ready(struct move *move, uint64_t now_ns)
{
    move->owed_ns = now_ns;
    /* No rate is measured over a time without a connection. */
    move->rate_at_ns = now_ns;
    move->bytes_before = move->bytes_sent;
    move->retry_after_ns = move->refused_since_ns = 0;
    if (move->is_out)
        departure_ready(move, now_ns);
    move_feed(move);
}

/* An end that cannot believe what it hears has hung up: the connection is broken, and made anew. */
static void see_hang_up(struct move *move)
{
    bool has_hung_up = move->is_out ? move->source.has_hung_up : move->target.has_hung_up;
    if (has_hung_up && move->line != NULL)
        line_break(move->line, "what came over the connection could not be read");
}

void move_heard(struct move *move, uint64_t now_ns, const uint8_t *data, size_t count)
{
    move->owed_ns = now_ns;
    if (move->is_out)
        departure_heard(move, now_ns, data, count);
    else
        arrival_heard(move, now_ns, data, count);
    if (!move->is_used)
        return;
    see_hang_up(move);
    move_feed(move);
}

void move_lend(struct move *move, uint64_t now_ns, size_t backlog_bytes, struct bytes *to,
               struct lending *lending)
{
    if (move->is_out)
        departure_lend(move, now_ns, backlog_bytes, to, lending);
    else
        (void)target_send(&move->target, to);
}

void move_line_lost(struct move *move, uint64_t now_ns, enum line_end end, const char *reason,
                    size_t unsent_bytes)
{
    if (move->is_out)
        departure_line_lost(move, now_ns, end, reason, unsent_bytes);
    else
        arrival_line_lost(move, now_ns, end);
}

/* ---- Time ---- */

/* What it has to tell is told, or there is nobody: the place is free. It may be over since a little
 * after `now_ns`, which was when the host's turn began. */
static bool is_done(const struct move *move, uint64_t now_ns)
{
    return move->over_ns != 0 && move->line == NULL &&
           (move->events.count == 0 || now_ns > move->over_ns + OVER_NS);
}

void move_turn(struct move *move, uint64_t now_ns)
{
    if (move->is_out)
        departure_turn(move, now_ns);
    else
        arrival_turn(move, now_ns);
    if (move->is_used && is_done(move, now_ns) && (move->resident == NULL || move->is_out))
        move_fini(move);
}

uint64_t move_due_ns(const struct move *move)
{
    uint64_t due_ns = move->is_out ? departure_due_ns(move) : UINT64_MAX;

    if (move->over_ns != 0 && move->line == NULL && move->over_ns + OVER_NS < due_ns &&
        (move->resident == NULL || move->is_out))
        due_ns = move->over_ns + OVER_NS + 1;
    return due_ns;
}

/* ---- What is done to all of them ---- */

void move_cut(struct host *host, bool is_cut)
{
    host->is_cut = is_cut;
    for (struct line *line = is_cut ? host->lines : NULL, *next; line != NULL; line = next) {
        next = line->next;
        line_break(line, "the link was cut");
    }
    for (uint32_t i = 0; i < HOST_MOVES && !is_cut; i++)
        if (host->moves[i].is_used && host->moves[i].retry_at_ns != UINT64_MAX)
            host->moves[i].retry_at_ns = 0;
}

void move_set_rate(struct host *host, uint64_t bits_per_s)
{
    host->bits_per_s = bits_per_s;
    for (struct line *line = host->lines; line != NULL; line = line->next)
        channel_set_rate(line->channel, bits_per_s);
    for (uint32_t i = 0; i < HOST_MOVES; i++)
        if (host->moves[i].is_used && host->moves[i].is_out)
            departure_set_chunks(&host->moves[i]);
}

void move_forget(struct move *move, uint64_t now_ns, const char *reason)
{
    struct resident *resident = move->resident;

    host_say(move->host, "%s is given up: %s", resident != NULL ? resident->name : "a guest",
             reason);
    if (move->over_ns == 0) {
        move_emit(move, now_ns,
                  (struct event){.kind = EVENT_MIGRATION_ENDED,
                                 .migration_ended = {.outcome = OUTCOME_LOST}});
        move_tell_end(move, OUTCOME_LOST, reason);
    }
    move_over(move, now_ns);
    if (move->line != NULL)
        line_finish(move->line);
    if (resident == NULL)
        return;
    move->resident = NULL;
    if (move->is_out)
        resident->out = NULL;
    else
        resident->in = NULL;
    host_drop_resident(resident);
}
