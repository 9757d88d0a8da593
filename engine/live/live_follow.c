#include "live/live_follow.h"

#include <string.h>

static void recording_begin(struct live_recording *recording, uint64_t id)
{
    *recording = (struct live_recording){.id = id};
    reading_feed_init(&recording->ahead);
    reading_feed_init(&recording->behind);
}

static void recording_end(struct live_recording *recording)
{
    if (recording->id == 0)
        return;
    reading_feed_fini(&recording->ahead);
    reading_feed_fini(&recording->behind);
    *recording = (struct live_recording){.id = 0};
}

void live_follow_init(struct live_follow *follow)
{
    *follow = (struct live_follow){.now = {.id = 0}};
}

void live_follow_fini(struct live_follow *follow)
{
    recording_end(&follow->now);
    recording_end(&follow->later);
}

/* ---- What comes ---- */

/* Which of the two it belongs to; NULL: to neither any more. */
static struct live_recording *recording_of(struct live_follow *follow, uint64_t id)
{
    struct live_recording *later = &follow->later;

    if (id == follow->now.id)
        return &follow->now;
    if (id < follow->now.id || id < later->id)
        return NULL;
    if (id != later->id) {
        recording_end(later);
        recording_begin(later, id);
    }
    return later;
}

/* Reads all that is there, and keeps none of it: what follows behind will find it sound. */
static void read_ahead(struct live_recording *recording)
{
    struct event event;
    bool is_there = true;

    while (is_there && recording->broken.status == STATUS_OK) {
        if (reading_feed_next(&recording->ahead, &event, &is_there, &recording->broken) !=
            STATUS_OK)
            return;
        if (is_there)
            recording->last_ns = event.at_ns;
    }
}

/* Its clock runs as ours does; an event comes late, never early. So the greatest difference that was
 * seen is the nearest to the truth. */
static void compare_clocks(struct live_recording *recording, uint64_t wall_ns)
{
    int64_t offset_ns = (int64_t)(recording->last_ns - wall_ns);

    if (!recording->has_wall_offset || offset_ns > recording->wall_offset_ns)
        recording->wall_offset_ns = offset_ns;
    recording->has_wall_offset = true;
}

/* What was wrong with the piece that came last, if anything was. */
static void judge(struct live_recording *recording, bool is_end)
{
    struct problem *broken = &recording->broken;

    if (broken->status == STATUS_OK && is_end && !recording->ahead.feed.is_whole)
        problem_set(broken, STATUS_BAD_INPUT,
                    "the recording breaks off at byte %llu: it has no end",
                    (unsigned long long)recording->ahead.feed.position);
    if (broken->status == STATUS_OK && recording->behind.feed.bytes.count > LIVE_BEHIND_MAX)
        problem_set(broken, STATUS_BAD_INPUT,
                    "the recording is too large to be kept until it is looked at");
}

enum status live_follow_put(struct live_follow *follow, uint64_t id, const void *data, size_t count,
                            bool is_end, uint64_t wall_ns, struct problem *problem)
{
    struct live_recording *recording = id == 0 ? NULL : recording_of(follow, id);

    if (recording == NULL || recording->is_over)
        return STATUS_OK;
    recording_feed_put(&recording->ahead.feed, data, count);
    recording_feed_put(&recording->behind.feed, data, count);
    read_ahead(recording);
    compare_clocks(recording, wall_ns);
    judge(recording, is_end);
    recording->is_over = is_end || recording->broken.status != STATUS_OK;
    if (recording->broken.status == STATUS_OK)
        return STATUS_OK;
    problem_set(problem, recording->broken.status, "%s", recording->broken.text);
    if (!recording->ahead.is_open) /* there is nothing to look at */
        recording_end(recording);
    return STATUS_BAD_INPUT;
}

void live_follow_close(struct live_follow *follow)
{
    follow->now.is_over = follow->later.is_over = true;
}

/* ---- What is looked at ---- */

const struct event *live_follow_peek(struct live_follow *follow)
{
    struct live_recording *now = &follow->now;

    /* What breaks it is found here again, at the same byte. */
    if (now->id != 0 && !now->has_next && !now->has_failed)
        now->has_failed =
            reading_feed_next(&now->behind, &now->next, &now->has_next, NULL) != STATUS_OK;
    return now->has_next && !now->has_failed ? &now->next : NULL;
}

void live_follow_take(struct live_follow *follow)
{
    follow->now.has_next = false;
}

bool live_follow_is_done(struct live_follow *follow)
{
    return follow->now.id == 0 || (follow->now.is_over && live_follow_peek(follow) == NULL);
}

bool live_follow_next(struct live_follow *follow)
{
    if (follow->later.id == 0 || !follow->later.ahead.is_open)
        return false;
    recording_end(&follow->now);
    follow->now = follow->later;
    follow->later = (struct live_recording){.id = 0};
    return true;
}

uint64_t live_follow_world_ns(const struct live_follow *follow, uint64_t wall_ns)
{
    const struct live_recording *now = &follow->now;
    uint64_t world_ns = wall_ns + (uint64_t)now->wall_offset_ns;

    if (now->is_over || !now->has_wall_offset || (int64_t)(world_ns - now->last_ns) < 0)
        return now->last_ns;
    return world_ns;
}
