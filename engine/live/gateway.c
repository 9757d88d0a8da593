/* The gateway's life, and the turns of its loop. Whatever happens in a turn (packets, bytes, words)
 * is worked off before the loop waits again: so what belongs together leaves together. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/units.h"
#include "live/gateway_private.h"

#define WATCH_MS 100 /* how late it may be noticed that a host's process has ended */

void gateway_happen(struct gateway *gateway, struct event event)
{
    if (gateway->calls->happened != NULL && !gateway->is_closing)
        event_append(&gateway->happened, event);
}

void gateway_tell(struct gateway *gateway, unsigned host, const char *event, json_t *data)
{
    if (gateway->calls->told != NULL && !gateway->is_closing)
        gateway->calls->told(gateway->owner, host, event, data);
    json_decref(data);
}

/* ---- Turns ---- */

/* Something may be due because it was not acknowledged in time; or this process was not given any, and
 * the acknowledgement lies in its socket. So what is there is heard first. */
static void hurry(uv_idle_t *idle)
{
    (void)idle; /* the loop does not wait while there is one */
}

static void alarm_rang(uv_timer_t *timer)
{
    struct gateway *gateway = timer->data;
    uv_idle_start(&gateway->hurry, hurry);
}

static void all_is_heard(uv_check_t *check)
{
    struct gateway *gateway = check->data;

    if (!uv_is_active((uv_handle_t *)&gateway->hurry))
        return;
    uv_idle_stop(&gateway->hurry);
    gateway->alarm_ns = UINT64_MAX;
    gateway_guests_due(gateway, gateway_now_ns());
}

void gateway_set_alarm(struct gateway *gateway, uint64_t at_ns)
{
    uint64_t now_ns = gateway_now_ns();

    if (at_ns >= gateway->alarm_ns)
        return;
    gateway->alarm_ns = at_ns;
    uint64_t wait_ms = at_ns <= now_ns ? 0 : (at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    uv_update_time(gateway->loop);
    uv_timer_start(&gateway->alarm, alarm_rang, wait_ms, 0);
}

static void turn_ends(uv_prepare_t *prepare)
{
    struct gateway *gateway = prepare->data;

    for (unsigned i = 0; i < gateway->guest_count; i++)
        gateway_clients_turn(&gateway->guests[i]);
    gateway_trunks_turn(gateway);
    if (gateway->happened.count > 0)
        gateway->calls->happened(gateway->owner, 0, NULL, gateway->happened.items,
                                 gateway->happened.count);
    gateway->happened.count = 0;
}

static void watch_rang(uv_timer_t *timer)
{
    struct gateway *gateway = timer->data;

    gateway->are_files_used_up = false;
    gateway_listeners_watch(gateway);
    gateway_hosts_watch(gateway);
}

/* ---- Life ---- */

static uint64_t new_instance(void)
{
    uint64_t instance;
    MUST(getrandom(&instance, sizeof instance, 0) == sizeof instance);
    return instance;
}

enum status gateway_open(uv_loop_t *loop, const char *hosts_address, const struct channel_key *key,
                         const struct gateway_owner *calls, void *owner, struct gateway **made,
                         struct problem *problem)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);

    MUST(gateway != NULL);
    *gateway = (struct gateway){.loop = loop,
                                .key = key,
                                .calls = calls,
                                .owner = owner,
                                .instance = new_instance(),
                                .alarm_ns = UINT64_MAX};
    gateway->guests = calloc(GATEWAY_GUESTS, sizeof *gateway->guests);
    MUST(gateway->guests != NULL);
    gateway_guests_init(gateway);
    gateway_hosts_init(gateway);
    enum status status = gateway_trunks_open(gateway, hosts_address, problem);
    if (status != STATUS_OK) {
        free(gateway->guests);
        free(gateway);
        return status;
    }
    uv_prepare_init(loop, &gateway->turn);
    uv_timer_init(loop, &gateway->alarm);
    uv_timer_init(loop, &gateway->watch);
    uv_check_init(loop, &gateway->after);
    uv_idle_init(loop, &gateway->hurry);
    gateway->open_handles = 5;
    gateway->turn.data = gateway->alarm.data = gateway->watch.data = gateway;
    gateway->after.data = gateway->hurry.data = gateway;
    uv_check_start(&gateway->after, all_is_heard);
    uv_prepare_start(&gateway->turn, turn_ends);
    uv_timer_start(&gateway->watch, watch_rang, WATCH_MS, WATCH_MS);
    *made = gateway;
    return STATUS_OK;
}

static void free_gateway(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_HOSTS; i++)
        bytes_fini(&gateway->hosts[i].out);
    event_list_fini(&gateway->happened);
    free(gateway->guests);
    free(gateway);
}

void gateway_let_go(struct gateway *gateway)
{
    if (--gateway->open_handles == 0)
        free_gateway(gateway);
}

static void handle_closed(uv_handle_t *handle)
{
    gateway_let_go(handle->data);
}

void gateway_close(struct gateway *gateway)
{
    gateway->is_closing = true;
    for (unsigned i = 0; i < gateway->guest_count; i++)
        gateway_clients_hang_up(&gateway->guests[i]);
    gateway_listeners_close(gateway);
    gateway_trunks_turn(gateway);
    gateway_trunks_close(gateway);
    gateway_hosts_fini(gateway);
    uv_close((uv_handle_t *)&gateway->turn, handle_closed);
    uv_close((uv_handle_t *)&gateway->alarm, handle_closed);
    uv_close((uv_handle_t *)&gateway->watch, handle_closed);
    uv_close((uv_handle_t *)&gateway->after, handle_closed);
    uv_close((uv_handle_t *)&gateway->hurry, handle_closed);
}

/* ---- What people ask ---- */

const char *gateway_hosts_address(const struct gateway *gateway)
{
    return channel_listener_address(gateway->hosts_listener);
}

const char *gateway_clients_address(const struct gateway *gateway, unsigned listener_idx)
{
    return listener_idx < gateway->listener_count ? gateway->listeners[listener_idx].address : NULL;
}

json_t *gateway_status(const struct gateway *gateway)
{
    json_t *addresses = json_array();
    unsigned talking = 0, calling = 0;
    bool is_full = false;

    for (unsigned i = 0; i < gateway->listener_count; i++) {
        json_array_append_new(addresses, json_string(gateway->listeners[i].address));
        is_full |= !gateway->listeners[i].is_watched;
    }
    for (unsigned i = 0; i < gateway->guest_count; i++) {
        talking += gateway_clients_count(&gateway->guests[i], false);
        calling += gateway_clients_count(&gateway->guests[i], true);
    }
    const char *first = gateway_clients_address(gateway, 0);
    json_t *own = json_pack(
        "{s:s, s:o, s:s, s:i, s:i, s:b, s:I, s:I, s:I, s:I}", "address", first != NULL ? first : "",
        "addresses", addresses, "hosts_address", gateway_hosts_address(gateway), "clients",
        (int)talking, "clients_calling", (int)calling, "is_full", is_full, "clients_accepted",
        (json_int_t)gateway->clients_accepted, "clients_refused",
        (json_int_t)gateway->clients_refused, "clients_dropped",
        (json_int_t)gateway->clients_dropped, "packets_again", (json_int_t)gateway->packets_again);
    return json_pack("{s:o, s:o, s:o}", "gateway", own, "hosts", gateway_hosts_status(gateway),
                     "lost", gateway_guests_lost(gateway));
}
