/* A guest arrives: the half of a move at its target, and what is still known of those that are
 * over. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "live/host_private.h"
#include "scenario/guest_build.h"

/* ---- Moves that are over ---- */

static struct bygone *find_bygone(struct host *host, const char *id)
{
    for (uint32_t i = 0; i < HOST_BYGONES; i++)
        if (strcmp(host->bygones[i].id, id) == 0)
            return &host->bygones[i];
    return NULL;
}

static void remember(const struct move *move, bool has_run, const char *reason)
{
    struct host *host = move->host;
    struct bygone *bygone = &host->bygones[host->bygone_count++ % HOST_BYGONES];

    *bygone = (struct bygone){.has_run = has_run,
                              .total_pages = move->scenario.memory_bytes / PAGE_BYTES};
    snprintf(bygone->id, sizeof bygone->id, "%s", move->id);
    snprintf(bygone->reason, sizeof bygone->reason, "%s", reason);
}

/* Its source does not know how it ended: the word it waits for is said once more, as the target
 * would have. */
static void answer_for(const struct bygone *bygone, struct line *line)
{
    struct bytes frames = {0};
    struct bitmap present;

    line_put_ready(line);
    if (bygone->has_run) {
        bitmap_init(&present, bygone->total_pages);
        bitmap_set_all(&present);
        for (uint64_t idx = 0; idx < bygone->total_pages; idx += MESSAGE_STALE_BITS)
            message_put_bitmap(&frames, &present, idx);
        bitmap_fini(&present);
        message_put_text(&frames, FRAME_RUNNING, "");
        message_put_text(&frames, FRAME_COMPLETE, "");
    } else {
        message_put_text(&frames, FRAME_REFUSED, bygone->reason);
    }
    channel_send(line->channel, frames.data, frames.count);
    bytes_fini(&frames);
    line_finish(line);
}

void arrival_settle(struct move *move, uint64_t now_ns)
{
    remember(move, true, "");
    move_over(move, now_ns);
    if (move->resident != NULL)
        move->resident->in = NULL;
    move->resident = NULL;
    if (move->line != NULL)
        line_finish(move->line);
}

/* It is the source's again, or never stopped to be. */
static void refused(struct move *move, uint64_t now_ns)
{
    struct resident *resident = move->resident;

    host_say(move->host, "%s does not come after all: %s", resident->name, move->target.reason);
    remember(move, false, move->target.reason);
    move_over(move, now_ns);
    move->resident = NULL;
    resident->in = NULL;
    host_drop_resident(resident);
    host_changed(move->host);
}

/* ---- It begins ---- */

/* Bytes that the system could still give to a guest. */
static uint64_t free_memory_bytes(const struct host *host)
{
    FILE *file = host->config->memory_max_bytes == 0 ? fopen("/proc/meminfo", "re") : NULL;
    unsigned long long kib = 0;
    char line[128];

    if (file == NULL)
        return host->config->memory_max_bytes == 0 ? UINT64_MAX : host->config->memory_max_bytes;
    while (kib == 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
            kib = 0;
    fclose(file);
    return kib == 0 ? UINT64_MAX : (uint64_t)kib << 10;
}

static enum status look_at_room(struct host *host, const struct move_text *text,
                                struct problem *problem)
{
    const char *name = host_guest_name(&text->scenario);
    /* A model has no contents: a number for each page. */
    uint64_t bytes = text->scenario.memory_bytes / (scenario_is_model(&text->scenario) ? 512 : 1);
    uint64_t free_bytes = free_memory_bytes(host);
    unsigned used = 0;

    enum status status = host_check_name(name, problem);
    if (status != STATUS_OK)
        return status;
    if (text->stream_idx != 0)
        return problem_set(problem, STATUS_REFUSED, "stream %u of a move comes before its stream 0",
                           text->stream_idx);
    for (uint32_t i = 0; i < HOST_GUESTS; i++) {
        struct resident *resident = &host->residents[i];
        used += resident->guest != NULL;
        if (resident->guest != NULL && strcmp(resident->name, name) == 0 &&
            (resident_is_here(resident) || resident->in != NULL))
            return problem_set(problem, STATUS_REFUSED,
                               "a guest with the name %s is at this host already", name);
    }
    if (used == HOST_GUESTS)
        return problem_set(problem, STATUS_REFUSED, "%u guests are at this host: it takes no more",
                           used);
    if (text->uses_disk && host_disk_look(host, name, problem) != STATUS_OK)
        return STATUS_REFUSED;
    if (bytes > free_bytes)
        return problem_set(problem, STATUS_REFUSED,
                           "%s has %llu MiB of memory, and the target has room for %llu MiB", name,
                           (unsigned long long)(bytes >> 20),
                           (unsigned long long)(free_bytes >> 20));
    return STATUS_OK;
}

static enum status begin(struct line *line, const struct move_text *text, struct problem *problem)
{
    struct host *host = line->host;
    enum status status = look_at_room(host, text, problem);
    struct move *move;

    if (status == STATUS_OK && find_bygone(host, text->id) != NULL)
        status = problem_set(problem, STATUS_REFUSED, "that move is over");
    if (status == STATUS_OK && move_find(host, text->id, false) != NULL)
        status = problem_set(problem, STATUS_REFUSED, "that move goes on already");
    if (status != STATUS_OK)
        return status;
    move = move_add(host, NULL, text->id, false);
    if (move == NULL)
        return problem_set(problem, STATUS_REFUSED, "%u moves go on at this host", HOST_MOVES);
    scenario_copy(&move->scenario, &text->scenario);
    struct resident *resident =
        host_add_resident(host, &text->scenario, guest_build_empty(&text->scenario));
    snprintf(resident->instance, sizeof resident->instance, "%s", text->gateway);
    resident->moves = text->moves;
    resident->in = move;
    move->resident = resident;
    target_init(&move->target, resident->guest, &move->events);
    if (text->scenario.fault_throttle)
        target_throttle_faults(&move->target);
    move->line = line;
    line->move = move;
    host_say(host, "%s comes from %s", resident->name, channel_peer(line->channel));
    host_changed(host);
    return STATUS_OK;
}

static enum status recover(struct line *line, const struct move_text *text, struct problem *problem)
{
    struct host *host = line->host;
    struct move *move = move_find(host, text->id, false);
    const struct bygone *bygone = find_bygone(host, text->id);

    if (move != NULL && move->over_ns == 0) {
        if (move->line != NULL)
            line_break(move->line, "its source has made another connection");
        /* A half that was still receiving has forgotten the guest by that. */
        bygone = find_bygone(host, text->id);
    }
    if (bygone != NULL) {
        answer_for(bygone, line);
        return STATUS_OK;
    }
    if (move == NULL || move->resident == NULL)
        return problem_set(problem, STATUS_BAD_STATE,
                           "nothing is known here of a move to be recovered");
    move->line = line;
    line->move = move;
    target_connected(&move->target);
    host_say(host, "the rest of %s comes on a new connection", move->resident->name);
    return STATUS_OK;
}

enum status arrival_begin(struct line *line, const struct move_text *text, uint64_t now_ns,
                          struct problem *problem)
{
    (void)now_ns;
    if (line->host->is_cut)
        return problem_set(problem, STATUS_REFUSED, "the link is cut");
    return text->is_recovery ? recover(line, text, problem) : begin(line, text, problem);
}

/* ---- What comes ---- */

static void took_over(struct move *move, uint64_t now_ns)
{
    struct resident *resident = move->resident;

    resident->moves++;
    resident_goes_on(resident, now_ns);
    move_tell_progress(move, now_ns, STRETCH_PAUSED);
    mail_rehome(resident, now_ns);
    uint64_t missing = resident->guest->total_pages - resident->guest->present.set_count;
    if (missing > 0)
        host_say(move->host, "%s runs here now; %llu of its pages are still to come",
                 resident->name, (unsigned long long)missing);
    else
        host_say(move->host, "%s runs here now", resident->name);
    move->is_in_parts = missing > 0;
    host_changed(move->host);
}

static void take_forwards(struct move *move, uint64_t now_ns)
{
    struct message_forward forward;
    struct stream_packet packet;

    while (target_next_forward(&move->target, &forward)) {
        if (forward.stream_idx >= MAILBOX_STREAMS || forward.bytes > sizeof packet.data ||
            move->resident == NULL)
            continue;
        packet = (struct stream_packet){.sequence = forward.sequence,
                                        .ack = forward.ack,
                                        .bytes = forward.bytes,
                                        .is_fin = forward.is_fin,
                                        .is_rehome = forward.is_rehome};
        memcpy(packet.data, forward.data, forward.bytes);
        mail_deliver(move->resident, now_ns, forward.stream_idx, &packet);
    }
}

size_t arrival_place(struct move *move, struct span *spans, size_t most)
{
    return move->resident == NULL ? 0 : target_place(&move->target, spans, most);
}

void arrival_heard(struct move *move, uint64_t now_ns, const uint8_t *data, size_t count)
{
    struct target *target = &move->target;
    struct resident *resident = move->resident;
    bool was_running = target_is_running(target), was_complete = target->is_complete;
    uint32_t were_waiting = target_waiting_harts(target);

    if (resident == NULL)
        return;
    if (data != NULL)
        target_receive(target, now_ns, data, count);
    else
        target_placed(target, now_ns, count);
    if (!was_running && target_is_running(target))
        took_over(move, now_ns);
    if (target_waiting_harts(target) < were_waiting) {
        bool was_stuck = resident->is_stuck;
        resident->is_stuck = false;
        if (was_stuck)
            resident_goes_on(resident, now_ns);
        resident_wake(resident);
    }
    if (!was_complete && target->is_complete) {
        move_tell_progress(move, now_ns, STRETCH_SWITCHED);
        if (move->is_in_parts)
            host_say(move->host, "%s is here as a whole", resident->name);
        host_changed(move->host);
    }
    take_forwards(move, now_ns);
}

void arrival_line_lost(struct move *move, uint64_t now_ns, enum line_end end)
{
    if (move->resident == NULL)
        return;
    if (target_is_running(&move->target) && move->target.is_complete && end == LINE_IN_ORDER) {
        arrival_settle(move, now_ns);
        return;
    }
    if (target_is_running(&move->target) && !move->target.is_complete)
        host_say(move->host, "the connection from the source of %s broke; pages are still there",
                 move->resident->name);
    target_disconnected(&move->target);
    if (move->target.phase == TARGET_WAITING) { /* nothing was said yet */
        snprintf(move->target.reason, sizeof move->target.reason, "the source went away");
        move->target.phase = TARGET_REFUSED;
    }
    if (move->target.phase == TARGET_REFUSED)
        refused(move, now_ns);
}

void arrival_turn(struct move *move, uint64_t now_ns)
{
    if (move->target.phase != TARGET_REFUSED)
        return;
    if (move->resident != NULL)
        refused(move, now_ns);
    if (move->line != NULL && move->target.out.count == 0)
        line_finish(move->line);
}
