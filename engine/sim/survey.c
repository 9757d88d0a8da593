#include "sim/survey.h"

#include <string.h>

#include "sim/world_private.h"

#define NEVER_NS (3600 * NS_PER_S) /* of a move: long after the survey is over */

/* Lives until then; false when the guest has ended by then. */
static bool live_until(struct world *world, uint64_t until_ns)
{
    struct event_list events = {0};
    bool is_alive = world_advance(world, until_ns, &events);
    event_list_fini(&events);
    return is_alive && !world->has_guest_ended;
}

/* Pages that hold something. What a model's pages hold is generated: there it is those written. */
static uint64_t count_memory(const struct guest *guest, const struct bitmap *written)
{
    static const uint8_t nothing[PAGE_BYTES];
    uint8_t page[PAGE_BYTES];
    uint64_t count = 0;

    if (guest->ops->payload_bytes != PAGE_BYTES)
        return written->set_count;
    for (uint64_t i = 0; i < guest->total_pages; i++) {
        guest->ops->read_pages(guest, i, 1, page);
        count += memcmp(page, nothing, PAGE_BYTES) != 0;
    }
    return count;
}

static void look(struct world *world, struct survey *survey)
{
    struct guest *guest = world->hosts[HOST_SOURCE].guest;
    uint64_t written_sum = 0;
    unsigned windows = 0;
    struct bitmap written;

    bitmap_init(&written, guest->total_pages);
    survey->has_ended = !live_until(world, SURVEY_WINDOW_NS);
    guest->ops->fetch_dirty(guest, 0, guest->total_pages, NULL);
    while (!survey->has_ended && windows < SURVEY_WINDOWS) {
        survey->has_ended = !live_until(world, (windows + 2) * SURVEY_WINDOW_NS);
        written_sum += guest->ops->fetch_dirty(guest, 0, guest->total_pages, &written);
        windows++;
    }
    survey->lived_ns = guest->ops->now_ns(guest);
    survey->working_set_pages = written.set_count;
    if (windows > 0)
        survey->dirty_rate = written_sum * (NS_PER_S / SURVEY_WINDOW_NS) / windows;
    survey->memory_pages = count_memory(guest, &written);
    bitmap_fini(&written);
}

enum status survey_make(const struct scenario *scenario, const uint8_t *image, size_t image_bytes,
                        struct survey *survey, struct problem *problem)
{
    struct scenario unmoved;
    struct world *world;

    *survey = (struct survey){.client_count = scenario->client_count};
    scenario_copy(&unmoved, scenario);
    unmoved.start_at_ns = NEVER_NS;
    enum status status = world_open(&unmoved, image, image_bytes, &world, problem);
    scenario_fini(&unmoved);
    if (status != STATUS_OK)
        return status;
    look(world, survey);
    world_close(world);
    return STATUS_OK;
}
