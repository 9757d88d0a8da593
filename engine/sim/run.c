#include "sim/run.h"

#include <string.h>

#include "base/units.h"
#include "machine/machine.h"
#include "scenario/guest_build.h"
#include "sim/storage.h"

void run_fold(const struct event_list *events, struct timeline *timeline, struct recorder *recorder)
{
    for (size_t i = 0; i < events->count; i++) {
        timeline_add(timeline, &events->items[i]);
        recorder_add(recorder, &events->items[i]);
    }
}

void run_begin_recording(struct recorder *recorder, const struct scenario *scenario, bool is_kept)
{
    struct bytes text = {0};
    scenario_text(scenario, &text);
    recorder_init(recorder, (const char *)text.data, is_kept);
    bytes_fini(&text);
}

enum status run_open(struct run *run, const struct scenario *scenario, const uint8_t *image,
                     size_t image_bytes, bool is_kept, struct problem *problem)
{
    *run = (struct run){0};
    enum status status = world_open(scenario, image, image_bytes, &run->world, problem);
    if (status != STATUS_OK)
        return status;
    scenario_copy(&run->scenario, scenario);
    scenario_name_image(&run->scenario, image, image_bytes);
    timeline_init(&run->timeline, world_total_pages(run->world));
    run_begin_recording(&run->recorder, &run->scenario, is_kept);
    return STATUS_OK;
}

bool run_advance(struct run *run, uint64_t until_ns)
{
    run->events.count = 0;
    bool is_alive = world_advance(run->world, until_ns, &run->events);
    run_fold(&run->events, &run->timeline, &run->recorder);
    if (is_alive)
        timeline_advance(&run->timeline, world_now_ns(run->world));
    return is_alive;
}

bool run_step(struct run *run)
{
    run->events.count = 0;
    bool is_alive = world_step(run->world, &run->events);
    run_fold(&run->events, &run->timeline, &run->recorder);
    return is_alive;
}

bool run_act(struct run *run, enum session_command command)
{
    bool has_obeyed = false;

    run->events.count = 0;
    event_append(&run->events, (struct event){.at_ns = world_now_ns(run->world),
                                              .kind = EVENT_INPUT_GIVEN,
                                              .input_given = {.command = command}});
    if (command == SESSION_START)
        has_obeyed = world_start(run->world, &run->events);
    else if (command == SESSION_POST_COPY)
        has_obeyed = world_switch_to_post_copy(run->world, &run->events);
    else if (command == SESSION_ABORT)
        has_obeyed = world_abort(run->world, &run->events);
    if (has_obeyed)
        run_fold(&run->events, &run->timeline, &run->recorder);
    return has_obeyed;
}

void run_to_end(struct run *run)
{
    /* In slices, so that the list of events stays short. */
    uint64_t until_ns = world_now_ns(run->world);
    while (run_advance(run, until_ns))
        until_ns += 100 * NS_PER_MS;
}

void run_close(struct run *run)
{
    world_close(run->world);
    timeline_fini(&run->timeline);
    recorder_fini(&run->recorder);
    event_list_fini(&run->events);
    scenario_fini(&run->scenario);
}

/* ---- Rules that need a second run ---- */

void run_verify_deterministic(const struct run *run, const uint8_t *image, size_t image_bytes,
                              struct oracle *oracle)
{
    struct run again;
    enum status status = run_open(&again, &run->scenario, image, image_bytes, false, NULL);
    MUST(status == STATUS_OK);
    run_to_end(&again);
    oracle->applies[RULE_DETERMINISTIC] = true;
    if (recorder_digest(&again.recorder) != recorder_digest(&run->recorder))
        oracle_break(oracle, RULE_DETERMINISTIC, 0, "the same run again made another recording");
    run_close(&again);
}

/* The guest alone, for as long as it lived in the world. */
static void run_unmoved(struct guest *guest, struct console *console, bool *has_ended)
{
    struct storage storage;

    storage_init(&storage, HOST_SOURCE);
    storage_attach(guest);
    for (;;) {
        struct guest_run stop = {0};
        guest->ops->run(guest, UINT64_MAX / 2, &stop);
        console_take(console, machine_console(guest));
        storage_serve(&storage, HOST_SOURCE, guest);
        if (stop.stop == GUEST_IDLE && stop.wake_ns != UINT64_MAX)
            guest->ops->idle_until(guest, stop.wake_ns);
        else if (stop.stop != GUEST_OUTPUT && stop.stop != GUEST_DIRTIED) {
            *has_ended = stop.stop == GUEST_ENDED;
            break;
        }
    }
    storage_fini(&storage);
}

static void verify_machine(const struct run *run, const uint8_t *image, size_t image_bytes,
                           struct oracle *oracle)
{
    struct guest *guest;
    struct console console;
    bool has_ended = false;
    enum status status = guest_build(&run->scenario, image, image_bytes, &guest, NULL);
    MUST(status == STATUS_OK);

    console_init(&console);
    run_unmoved(guest, &console, &has_ended);
    /* How long a disk takes is outside input. */
    bool has_input = machine_disk(guest)->asked > 0;
    oracle->applies[RULE_TRANSPARENT] = true;
    /* Several harts see each other's waiting for pages, and may rightly leave another memory
     * behind: then it is what the guest says that counts, its own check of itself included. */
    bool is_alike = run->scenario.hart_count > 1 || has_input ||
                    guest->ops->digest(guest) == run->timeline.digest;
    if (!has_ended || !is_alike)
        oracle_break(oracle, RULE_TRANSPARENT, run->timeline.now_ns,
                     "the guest did not end with the digest that it has unmoved");
    if (!console_is_same(&console, world_console(run->world)))
        oracle_break(oracle, RULE_TRANSPARENT, run->timeline.now_ns,
                     "the guest did not write to its console what it writes unmoved");
    console_fini(&console);
    guest->ops->close(guest);
}

static void live_until(struct guest *guest, uint64_t until_ns, struct guest_run *stop)
{
    guest->ops->run(guest, until_ns, stop);
    if (stop->stop == GUEST_IDLE)
        guest->ops->idle_until(guest, until_ns);
}

/* A model never ends: after the same life it must be what it is unmoved. Where the run has left it
 * in front of a write, the write of that instant is still to come: then the other stands there,
 * too. */
static void verify_model(const struct run *run, struct oracle *oracle)
{
    uint64_t lived_ns = world_lived_ns(run->world);
    struct guest_run stop;
    struct guest *guest;
    bool is_same;
    enum status status = guest_build(&run->scenario, NULL, 0, &guest, NULL);
    MUST(status == STATUS_OK);

    if (lived_ns > 0)
        live_until(guest, lived_ns - 1, &stop);
    guest->ops->track(guest, true);
    live_until(guest, lived_ns, &stop);
    is_same = guest->ops->digest(guest) == run->timeline.digest;
    if (!is_same && stop.stop == GUEST_DIRTIED) {
        live_until(guest, lived_ns, &stop);
        is_same = guest->ops->digest(guest) == run->timeline.digest;
    }
    oracle->applies[RULE_TRANSPARENT] = true;
    if (!is_same)
        oracle_break(oracle, RULE_TRANSPARENT, run->timeline.now_ns,
                     "the model is not what it is unmoved");
    guest->ops->close(guest);
}

void run_verify_transparent(const struct run *run, const uint8_t *image, size_t image_bytes,
                            struct oracle *oracle)
{
    const struct timeline *timeline = &run->timeline;

    if (timeline->has_ended &&
        (timeline->outcome == OUTCOME_PAUSED || timeline->outcome == OUTCOME_LOST))
        return; /* it did not live on */
    if (scenario_is_model(&run->scenario))
        verify_model(run, oracle);
    else if (run->scenario.client_count == 0 && run->timeline.has_guest_ended)
        verify_machine(run, image, image_bytes, oracle);
}

void run_verify(const struct run *run, const uint8_t *image, size_t image_bytes,
                struct oracle *oracle)
{
    *oracle = *world_oracle(run->world);
    run_verify_deterministic(run, image, image_bytes, oracle);
    run_verify_transparent(run, image, image_bytes, oracle);
}
