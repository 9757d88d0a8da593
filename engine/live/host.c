#include "live/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/smaller.h"
#include "base/utf8.h"
#include "live/host_private.h"
#include "scenario/guest_build.h"

void host_say(struct host *host, const char *format, ...)
{
    char line[400];
    va_list arguments;

    if (host->calls->said == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    utf8_make_showable(line, strlen(line), ' '); /* strangers' words are in it */
    host->calls->said(host->owner, line);
}

void host_changed(struct host *host)
{
    host->is_changed = true;
}

/* ---- Its guests ---- */

const char *host_guest_name(const struct scenario *scenario)
{
    const char *slash = strrchr(scenario->guest, '/');
    return slash == NULL ? scenario->guest : slash + 1;
}

struct resident *host_add_resident(struct host *host, const struct scenario *scenario,
                                   struct guest *guest)
{
    struct resident *resident = NULL;

    for (uint32_t i = 0; i < HOST_GUESTS && resident == NULL; i++)
        if (host->residents[i].guest == NULL)
            resident = &host->residents[i];
    MUST(resident != NULL);
    *resident = (struct resident){.host = host, .guest = guest, .share = SHARE_WHOLE};
    snprintf(resident->name, sizeof resident->name, "%.*s", (int)sizeof resident->name - 1,
             host_guest_name(scenario));
    scenario_copy(&resident->scenario, scenario);
    if (!scenario_is_model(scenario)) {
        machine_name_host(guest, host->config->name);
    }
    for (uint32_t i = 0; i < HART_MAX; i++)
        resident->shares[i] = resident->told_shares[i] = GUEST_SHARE_WHOLE;
    resident->ratio_permille = 100;
    resident->mail_due_ns = UINT64_MAX;
    /* Whoever set no rate has the highest. */
    resident->is_paced = resident->guest->ops->pass_until == NULL;
    uint64_t fastest;
    enum status status = units_parse(UNIT_CPU_RATE, HOST_CPU_RATE, &fastest, NULL);
    MUST(status == STATUS_OK);
    resident->is_paced |= scenario->cpu_rate < fastest;
    host_disk_attach(resident);
    host_changed(host);
    return resident;
}

void host_drop_resident(struct resident *resident)
{
    struct host *host = resident->host;

    host_disk_detach(resident);
    resident->guest->ops->close(resident->guest);
    scenario_fini(&resident->scenario);
    *resident = (struct resident){0};
    host_changed(host);
}

/* The one that is here, before one that is on its way; `name` NULL: the only guest. */
struct resident *host_find_resident(struct host *host, const char *name)
{
    struct resident *found = NULL;
    unsigned count = 0;

    for (uint32_t i = 0; i < HOST_GUESTS; i++) {
        struct resident *resident = &host->residents[i];
        if (resident->guest == NULL || (name != NULL && strcmp(resident->name, name) != 0))
            continue;
        count++;
        if (found == NULL || resident_is_here(resident))
            found = resident;
    }
    return name == NULL && count > 1 ? NULL : found;
}

struct guest *host_find_guest(const struct host *host, const char *name)
{
    struct resident *resident = host_find_resident((struct host *)host, name);
    return resident != NULL && resident_is_here(resident) ? resident->guest : NULL;
}

enum status host_check_name(const char *name, struct problem *problem)
{
    if (trunk_is_name(name))
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE,
                       "a guest's name is that of its file: 1 to %d letters, digits and ._-+: are "
                       "wanted: call the file by another name",
                       TRUNK_NAME_MAX - 1);
}

enum status host_can(const struct scenario *scenario, struct problem *problem)
{
    if (scenario->disk_at != DISK_SHARED && !scenario_is_model(scenario))
        return problem_set(problem, STATUS_USAGE,
                           "disk-at: hosts share the disk's file: leave it out, or write shared");
    if (scenario->dirty_tracking != TRACKING_TRAP)
        return problem_set(problem, STATUS_USAGE,
                           "dirty-tracking: no processor logs for a real host: leave it out, or "
                           "write trap");
    if (scenario->route == ROUTE_NONE)
        return problem_set(problem, STATUS_USAGE,
                           "route: the gateway always knows where a guest is: write announce or "
                           "tunnel");
    return STATUS_OK;
}

enum status host_add_guest(struct host *host, const struct scenario *scenario, const uint8_t *image,
                           size_t image_bytes, struct problem *problem)
{
    struct guest *guest;
    unsigned used = 0;

    for (uint32_t i = 0; i < HOST_GUESTS; i++)
        used += host->residents[i].guest != NULL;
    if (used == HOST_GUESTS)
        return problem_set(problem, STATUS_REFUSED, "a host has at most %u guests", HOST_GUESTS);
    enum status status = host_check_name(host_guest_name(scenario), problem);
    if (status == STATUS_OK)
        status = host_can(scenario, problem);
    if (status == STATUS_OK)
        status = guest_build(scenario, image, image_bytes, &guest, problem);
    if (status != STATUS_OK)
        return status;
    struct resident *resident = host_add_resident(host, scenario, guest);
    if (!scenario_is_model(scenario)) {
        machine_use_huge_pages(guest);
        scenario_name_image(&resident->scenario, image, image_bytes);
    }
    resident_goes_on(resident, uv_hrtime());
    return STATUS_OK;
}

/* ---- Its turns ---- */

/* Whoever may run has a slice, each in his turn first; then what waits is sent. */
static void take_turn(uv_check_t *check)
{
    struct host *host = check->data;
    uint64_t now_ns = uv_hrtime();

    if (host->is_closing)
        return;
    for (uint32_t i = 0; i < HOST_GUESTS; i++) {
        struct resident *resident = &host->residents[(host->turn_idx + i) % HOST_GUESTS];
        if (resident->guest == NULL)
            continue;
        if (resident->disk_due_ns != 0)
            host_disk_serve(resident, now_ns);
        resident_run(resident, uv_hrtime());
        if (resident->guest != NULL)
            resident_tell_stuck(resident, uv_hrtime());
        if (resident->guest != NULL)
            mail_flush(resident, uv_hrtime());
    }
    host->turn_idx = (host->turn_idx + 1) % HOST_GUESTS;
    host->turn++;
    now_ns = uv_hrtime();
    for (uint32_t i = 0; i < HOST_MOVES; i++) {
        if (host->moves[i].is_used)
            progress_turn(&host->moves[i], now_ns);
        if (host->moves[i].is_used)
            move_turn(&host->moves[i], now_ns);
    }
    line_turn(host, now_ns);
    trunk_turn(host, now_ns);
}

static uint64_t due_ns(struct host *host)
{
    uint64_t due_ns = smaller(trunk_due_ns(host), line_due_ns(host));

    for (uint32_t i = 0; i < HOST_GUESTS; i++) {
        const struct resident *resident = &host->residents[i];
        if (resident->guest == NULL)
            continue;
        if (resident_may_run(resident))
            due_ns = smaller(due_ns, resident->due_ns);
        if (resident->has_output)
            due_ns = 0;
        due_ns = smaller(due_ns, smaller(resident->mail_due_ns, resident_stuck_due_ns(resident)));
        if (resident->disk_due_ns != 0)
            due_ns = smaller(due_ns, resident->disk_due_ns);
    }
    for (uint32_t i = 0; i < HOST_MOVES; i++)
        if (host->moves[i].is_used)
            due_ns = smaller(
                due_ns, smaller(move_due_ns(&host->moves[i]), progress_due_ns(&host->moves[i])));
    return host->is_changed && host->trunk.is_open ? 0 : due_ns;
}

static void nothing(uv_idle_t *idle)
{
    (void)idle;
}

/* Before the loop waits: not at all while there is something to run, else until something is due. */
static void plan(uv_prepare_t *prepare)
{
    struct host *host = prepare->data;
    uint64_t at_ns = host->is_closing ? UINT64_MAX : due_ns(host);

    if (at_ns <= uv_hrtime()) {
        uv_idle_start(&host->idle, nothing); /* the loop polls, and goes on */
        return;
    }
    uv_idle_stop(&host->idle);
    if (!host->is_closing)
        alarm_set(host->alarm, at_ns);
}

static void rang(void *owner)
{
    (void)owner; /* the loop has woken up: take_turn comes next */
}

/* ---- Its life ---- */

static void begin_turns(struct host *host)
{
    uv_idle_init(host->loop, &host->idle);
    uv_prepare_init(host->loop, &host->prepare);
    uv_check_init(host->loop, &host->check);
    host->prepare.data = host->check.data = host->idle.data = host;
    uv_prepare_start(&host->prepare, plan);
    uv_check_start(&host->check, take_turn);
    host->open_handles = 3;
}

enum status host_open(uv_loop_t *loop, const struct host_config *config,
                      const struct host_owner *calls, void *owner, struct host **opened,
                      struct problem *problem)
{
    struct host *host = calloc(1, sizeof *host);
    MUST(host != NULL);
    *host = (struct host){.loop = loop, .config = config, .calls = calls, .owner = owner};
    host->link = json_object();
    enum status status = trunk_find(host, problem);

    if (status == STATUS_OK)
        status = host_disk_check(host, problem);
    if (status == STATUS_OK)
        status = line_listen(host, problem);
    if (status == STATUS_OK && (host->alarm = alarm_open(loop, rang, host)) == NULL) {
        channel_listener_close(host->listener);
        status = problem_set(problem, STATUS_NO_FILE, "this process has no file descriptor left");
    }
    if (status != STATUS_OK) {
        json_decref(host->link);
        free(host);
        return status;
    }
    begin_turns(host);
    trunk_open(host, uv_hrtime());
    *opened = host;
    return STATUS_OK;
}

const char *host_address(const struct host *host)
{
    return channel_listener_address(host->listener);
}

static void handle_closed(uv_handle_t *handle)
{
    struct host *host = handle->data;
    host->open_handles--;
    host_freed(host);
}

void host_freed(struct host *host)
{
    if (host->is_closing && host->open_handles == 0 && host->lines == NULL &&
        host->trunk.channel == NULL) {
        bytes_fini(&host->trunk.in);
        bytes_fini(&host->trunk.out);
        for (uint32_t i = 0; i < HOST_ENDS; i++)
            json_decref(host->ends[i]);
        json_decref(host->link);
        free(host);
    }
}

void host_close(struct host *host)
{
    host->is_closing = true;
    trunk_tell(host, "guests", host_claims(host)); /* they end with it: nobody need wait for them */
    channel_listener_close(host->listener);
    for (uint32_t i = 0; i < HOST_MOVES; i++)
        if (host->moves[i].is_used)
            move_fini(&host->moves[i]);
    for (struct line *line = host->lines; line != NULL; line = line->next)
        channel_close(line->channel, "", true);
    for (uint32_t i = 0; i < HOST_GUESTS; i++)
        if (host->residents[i].guest != NULL)
            host_drop_resident(&host->residents[i]);
    trunk_close(host);
    alarm_close(host->alarm);
    uv_close((uv_handle_t *)&host->idle, handle_closed);
    uv_close((uv_handle_t *)&host->prepare, handle_closed);
    uv_close((uv_handle_t *)&host->check, handle_closed);
}
