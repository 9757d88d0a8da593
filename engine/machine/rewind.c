#include "machine/rewind.h"

#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"

#define SEARCH_TICKS 2000000u /* a piece of a search: a fraction of a second */

/* Behind which an instruction of a given hart must lie that is not waiting: all others' turns. */
#define STEP_WINDOW (2ull * HART_MAX * HART_TURN)

/* ---- Keeping ---- */

static void forget(struct rewind_point *point)
{
    bytes_fini(&point->state);
    free(point->page_idx);
    free(point->payloads);
    *point = (struct rewind_point){0};
}

/* Room for so many pages; there may be more already. */
static void make_room(struct rewind_point *point, uint64_t page_count)
{
    point->page_idx = realloc(point->page_idx, (page_count + 1) * sizeof *point->page_idx);
    point->payloads = realloc(point->payloads, (page_count + 1) * PAGE_BYTES);
    MUST(point->page_idx != NULL && point->payloads != NULL);
}

static void add_page(struct rewind_point *point, uint64_t page_idx, const uint8_t *payload)
{
    point->page_idx[point->page_count] = page_idx;
    memcpy(point->payloads + point->page_count++ * PAGE_BYTES, payload, PAGE_BYTES);
}

/* The guest's pages of the set, as they are, into an empty point. */
static void add_pages(struct rewind_point *point, const struct guest *guest,
                      const struct bitmap *pages)
{
    uint8_t payload[PAGE_BYTES];
    make_room(point, pages->set_count);
    for (uint64_t i = bitmap_next(pages, 0); i != BITMAP_NONE; i = bitmap_next(pages, i + 1)) {
        guest->ops->read_pages(guest, i, 1, payload);
        add_page(point, i, payload);
    }
}

static void take_state(struct rewind_point *point, const struct guest *guest)
{
    point->tick = debug_ticks(guest);
    bytes_clear(&point->state);
    guest->ops->save(guest, &point->state);
}

static void clear_log(struct guest *guest)
{
    guest->ops->fetch_dirty(guest, 0, guest->total_pages, NULL);
}

void rewind_init(struct rewind *rewind, struct guest *guest)
{
    static const uint8_t zeros[PAGE_BYTES];
    struct bitmap written;
    uint8_t payload[PAGE_BYTES];

    *rewind = (struct rewind){.guest = guest, .point_count = 1, .spacing = REWIND_SPACING};
    MUST(!guest->is_tracking && guest->present.set_count == guest->total_pages);
    bitmap_init(&written, guest->total_pages);
    for (uint64_t i = 0; i < guest->total_pages; i++) {
        guest->ops->read_pages(guest, i, 1, payload);
        if (memcmp(payload, zeros, PAGE_BYTES) != 0)
            bitmap_set(&written, i);
    }
    add_pages(&rewind->points[0], guest, &written);
    take_state(&rewind->points[0], guest);
    bitmap_fini(&written);
    clear_log(guest);
}

void rewind_fini(struct rewind *rewind)
{
    for (uint32_t i = 0; i < rewind->point_count; i++)
        forget(&rewind->points[i]);
    rewind->point_count = 0;
}

/* Two points become one: pages of both, and where both have one the later's contents. */
static void merge(struct rewind_point *earlier, struct rewind_point *later)
{
    struct rewind_point both = {
        .tick = later->tick, .is_changed = later->is_changed, .state = later->state};
    uint64_t i = 0, j = 0;

    make_room(&both, earlier->page_count + later->page_count);
    while (i < earlier->page_count || j < later->page_count) {
        bool is_later = i == earlier->page_count ||
                        (j < later->page_count && later->page_idx[j] <= earlier->page_idx[i]);
        const struct rewind_point *from = is_later ? later : earlier;
        uint64_t at = is_later ? j : i;
        i += !is_later || (i < earlier->page_count && earlier->page_idx[i] == later->page_idx[j]);
        j += is_later;
        add_page(&both, from->page_idx[at], from->payloads + at * PAGE_BYTES);
    }
    make_room(&both, both.page_count);
    later->state = (struct bytes){0};
    forget(later);
    forget(earlier);
    *later = both;
}

static bool is_full(const struct rewind *rewind)
{
    uint64_t pages = 0;
    for (uint32_t i = 1; i < rewind->point_count; i++)
        pages += rewind->points[i].page_count;
    return rewind->point_count == REWIND_POINTS_MAX ||
           (pages > REWIND_PAGES_MAX && rewind->point_count > 4);
}

/* Every second point goes, but not the opening, nor the one that the dirty log refers to, nor what
 * was changed by hand: what runs on from before the change never comes to what was lived behind it.
 */
static void thin_out(struct rewind *rewind)
{
    uint32_t kept = 0;
    bool was_merged = true; /* the one before i */
    for (uint32_t i = 0; i < rewind->point_count; i++) {
        if (!was_merged && i != rewind->at_idx && i + 1 < rewind->point_count &&
            !rewind->points[i].is_changed) {
            merge(&rewind->points[i], &rewind->points[i + 1]);
            was_merged = true;
            continue;
        }
        was_merged = false;
        if (i == rewind->at_idx)
            rewind->at_idx = kept;
        if (i != kept) {
            rewind->points[kept] = rewind->points[i];
            rewind->points[i] = (struct rewind_point){0};
        }
        kept++;
    }
    rewind->point_count = kept;
}

/* The opening goes: everything begins at the point behind it. */
static void forget_opening(struct rewind *rewind)
{
    MUST(rewind->at_idx > 0);
    merge(&rewind->points[0], &rewind->points[1]);
    memmove(&rewind->points[0], &rewind->points[1],
            (rewind->point_count - 1) * sizeof *rewind->points);
    rewind->points[--rewind->point_count] = (struct rewind_point){0};
    rewind->at_idx--;
}

static void forget_behind(struct rewind *rewind)
{
    while (rewind->point_count > rewind->at_idx + 1)
        forget(&rewind->points[--rewind->point_count]);
}

/* A point where the guest stands, behind the one at at_idx; there is room for it. */
static void keep(struct rewind *rewind)
{
    struct guest *guest = rewind->guest;
    uint32_t at = ++rewind->at_idx;
    memmove(&rewind->points[at + 1], &rewind->points[at],
            (rewind->point_count - at) * sizeof *rewind->points);
    rewind->point_count++;
    rewind->points[at] = (struct rewind_point){0};
    add_pages(&rewind->points[at], guest, &guest->dirty);
    take_state(&rewind->points[at], guest);
    clear_log(guest);
}

uint64_t rewind_due_tick(const struct rewind *rewind)
{
    uint32_t at = rewind->at_idx;
    return at + 1 < rewind->point_count ? rewind->points[at + 1].tick
                                        : rewind->points[at].tick + rewind->spacing;
}

/* Room for a point behind the newest one. Where hands have changed so much that nothing else can
 * go, the beginning does; pages alone are no reason as long as thinning out may still help. */
static void make_room_behind(struct rewind *rewind)
{
    if (is_full(rewind))
        thin_out(rewind);
    while (is_full(rewind) &&
           (rewind->point_count == REWIND_POINTS_MAX || rewind->points[1].is_changed))
        forget_opening(rewind);
}

void rewind_pass(struct rewind *rewind)
{
    uint64_t tick = debug_ticks(rewind->guest);
    if (tick < rewind_due_tick(rewind))
        return;
    if (rewind->at_idx + 1 < rewind->point_count &&
        !rewind->points[rewind->at_idx + 1].is_changed) {
        MUST(tick == rewind_due_tick(rewind)); /* lived before: it is the same again */
        rewind->at_idx++;
        clear_log(rewind->guest);
        return;
    }
    forget_behind(rewind); /* this time nobody changed anything here */
    if (is_full(rewind) && rewind->spacing < REWIND_SPACING_MAX)
        rewind->spacing *= 2;
    make_room_behind(rewind);
    keep(rewind);
}

void rewind_changed(struct rewind *rewind)
{
    forget_behind(rewind);
    make_room_behind(rewind);
    struct rewind_point *point = &rewind->points[rewind->at_idx];
    bool is_same_tick = point->tick == debug_ticks(rewind->guest);
    keep(rewind);
    rewind->points[rewind->at_idx].is_changed = true;
    if (!is_same_tick)
        return;
    uint32_t at = rewind->at_idx--;
    merge(&rewind->points[at - 1], &rewind->points[at]);
    rewind->points[at - 1] = rewind->points[at];
    rewind->points[at] = (struct rewind_point){0};
    rewind->point_count--;
}

/* ---- Going there ---- */

/* The page's contents as of a point; NULL: zeros, as memory is before anything is written. */
static const uint8_t *page_at(const struct rewind *rewind, uint32_t point_idx, uint64_t page_idx)
{
    for (uint32_t i = point_idx + 1; i-- > 0;) {
        const struct rewind_point *point = &rewind->points[i];
        uint64_t low = 0, high = point->page_count;
        while (low < high) {
            uint64_t middle = low + (high - low) / 2;
            if (point->page_idx[middle] < page_idx)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < point->page_count && point->page_idx[low] == page_idx)
            return point->payloads + low * PAGE_BYTES;
    }
    return NULL;
}

static void restore(struct rewind *rewind, uint32_t point_idx)
{
    static const uint8_t zeros[PAGE_BYTES];
    struct guest *guest = rewind->guest;
    struct bitmap changed;
    struct bytes_reader reader;

    bitmap_init(&changed, guest->total_pages);
    guest->ops->fetch_dirty(guest, 0, guest->total_pages, &changed);
    /* Of all points between here and there, in whichever direction that is, and of those behind. */
    uint32_t first_idx = point_idx < rewind->at_idx ? point_idx : rewind->at_idx;
    for (uint32_t i = first_idx + 1; i < rewind->point_count; i++)
        for (uint64_t k = 0; k < rewind->points[i].page_count; k++)
            bitmap_set(&changed, rewind->points[i].page_idx[k]);
    for (uint64_t i = bitmap_next(&changed, 0); i != BITMAP_NONE;
         i = bitmap_next(&changed, i + 1)) {
        const uint8_t *payload = page_at(rewind, point_idx, i);
        guest->ops->install_pages(guest, i, 1, payload != NULL ? payload : zeros);
    }
    bitmap_fini(&changed);
    const struct bytes *state = &rewind->points[point_idx].state;
    bytes_reader_init(&reader, state->data, state->count);
    enum status status = guest->ops->load(guest, &reader, NULL);
    MUST(status == STATUS_OK); /* it was saved by this very machine */
    clear_log(guest);
    rewind->at_idx = point_idx;
}

/* Lives what was lived before, up to until_tick or to where `debug` holds; nobody hears of it. */
static void live_again(struct rewind *rewind, struct debug *debug, uint64_t until_tick)
{
    struct guest *guest = rewind->guest;
    struct guest_run run = {.stop = GUEST_TIME_REACHED};

    debug->until_tick = until_tick;
    while (debug_ticks(guest) < until_tick && !debug->is_held) {
        debug_run(debug, guest, UINT64_MAX / 2, &run);
        bytes_clear(machine_console(guest));
        MUST(run.stop != GUEST_ENDED);
        if (run.stop == GUEST_IDLE && debug_ticks(guest) < until_tick) {
            MUST(run.wake_ns != UINT64_MAX); /* it did come to until_tick */
            guest->ops->idle_until(guest, run.wake_ns);
        }
    }
}

/* From the point at at_idx, where it has just been restored. */
static void go_to(struct rewind *rewind, uint64_t tick)
{
    struct debug plain;
    debug_init(&plain);
    debug_leave(&plain);
    if (tick - rewind->points[rewind->at_idx].tick > 2 * REWIND_NEAR) {
        live_again(rewind, &plain, tick - REWIND_NEAR);
        if (is_full(rewind))
            thin_out(rewind);
        if (!is_full(rewind)) /* without it, it only takes longer */
            keep(rewind);
    }
    live_again(rewind, &plain, tick);
}

static uint32_t point_before(const struct rewind *rewind, uint64_t tick)
{
    uint32_t i = rewind->point_count - 1;
    while (i > 0 && rewind->points[i].tick >= tick)
        i--;
    return i;
}

/* ---- Backwards ---- */

/* What lies before end_tick: from the last point on, or only as much as a step needs. */
static void begin_interval(struct rewind *rewind, uint64_t end_tick)
{
    struct debug *debug = &rewind->search.debug;
    bool is_step = rewind->search.step_hart_idx != DEBUG_NO_HART;

    restore(rewind, point_before(rewind, end_tick));
    if (is_step && end_tick - debug_ticks(rewind->guest) > STEP_WINDOW)
        go_to(rewind, end_tick - STEP_WINDOW);
    rewind->search.point_idx = rewind->at_idx;
    rewind->search.begin_tick = debug_ticks(rewind->guest);
    rewind->search.end_tick = end_tick;
    debug_resume(debug, rewind->guest, rewind->search.step_hart_idx);
    debug->left_tick = UINT64_MAX; /* a breakpoint where it begins counts */
}

void rewind_begin(struct rewind *rewind, const struct debug *debug, uint32_t step_hart_idx)
{
    uint64_t now_tick = debug_ticks(rewind->guest);
    debug_init(&rewind->search.debug);
    memcpy(rewind->search.debug.points, debug->points, sizeof debug->points);
    rewind->search.debug.point_count = debug->point_count;
    rewind->search.debug.has_told_crash = true;
    rewind->search.step_hart_idx = step_hart_idx;
    rewind->search.now_tick = now_tick;
    rewind->search.has_found = false;
    if (now_tick > rewind->points[0].tick)
        begin_interval(rewind, now_tick);
}

/* It was held while living again: where would that be, seen from behind? */
static void note(struct rewind *rewind)
{
    struct debug *debug = &rewind->search.debug;
    const struct debug_stop *stop = &debug->stop;
    bool is_before = stop->reason == DEBUG_POINT && debug_is_break(&stop->point);
    bool is_step = rewind->search.step_hart_idx != DEBUG_NO_HART;
    uint64_t tick = debug_ticks(rewind->guest) - (is_before ? 0 : 1);

    /* A step is one, whatever it passes. */
    if (!is_step || stop->hart_idx == rewind->search.step_hart_idx) {
        rewind->search.has_found = true;
        rewind->search.found_tick = tick;
        rewind->search.found = *stop;
    }
    debug_resume(debug, rewind->guest, rewind->search.step_hart_idx);
}

static bool arrive(struct rewind *rewind, struct debug *debug, uint32_t point_idx, uint64_t tick)
{
    restore(rewind, point_idx);
    go_to(rewind, tick);
    debug_hold(debug, rewind->guest, DEBUG_BEGIN);
    if (rewind->search.has_found)
        debug->stop = rewind->search.found;
    debug->has_told_crash = false;
    return true;
}

bool rewind_search(struct rewind *rewind, struct debug *debug)
{
    uint64_t first_tick = rewind->points[0].tick;
    uint64_t end_tick = rewind->search.end_tick;

    if (rewind->search.now_tick == first_tick)
        return arrive(rewind, debug, 0, first_tick);
    uint64_t piece_tick = debug_ticks(rewind->guest) + SEARCH_TICKS;
    uint64_t until_tick = piece_tick < end_tick ? piece_tick : end_tick;
    while (debug_ticks(rewind->guest) < until_tick) {
        live_again(rewind, &rewind->search.debug, until_tick);
        if (rewind->search.debug.is_held)
            note(rewind);
    }
    if (until_tick < end_tick)
        return false;
    if (rewind->search.has_found)
        return arrive(rewind, debug, rewind->search.point_idx, rewind->search.found_tick);
    if (rewind->search.begin_tick == first_tick)
        return arrive(rewind, debug, 0, first_tick);
    begin_interval(rewind, rewind->search.begin_tick);
    return false;
}

void rewind_give_up(struct rewind *rewind, struct debug *debug)
{
    uint64_t now_tick = rewind->search.now_tick;
    rewind->search.has_found = false;
    /* What was changed there just now is changed: from a point at this very tick, if there is one.
     */
    arrive(rewind, debug, point_before(rewind, now_tick + 1), now_tick);
    debug->stop.reason = DEBUG_ASKED;
}
