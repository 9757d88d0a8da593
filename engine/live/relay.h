/* relay: an enemy on the way, for tests: it passes on what two ends of a TCP connection say to each
 * other, writes it down, and does to it what it is told. */
#ifndef LIVE_RELAY_H
#define LIVE_RELAY_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/status.h"

/* Towards whoever is called, and back. */
enum relay_way { RELAY_THERE, RELAY_BACK, RELAY_WAYS };

struct relay {
    uv_tcp_t listener, ends[RELAY_WAYS]; /* who called, and who is called */
    struct sockaddr_in to;
    char address[32];
    struct bytes heard[RELAY_WAYS];
    /* What is done to it, at most one of each: the byte at that offset is changed; from that offset
     * on nothing is passed on, and both ends see the connection end in order. UINT64_MAX: nothing */
    uint64_t change_at[RELAY_WAYS], cut_at[RELAY_WAYS];
    bool is_connected, is_cut;
    uint8_t buffer[64 << 10];
};

static inline void relay_forget_write(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

/* The data behind the request: freed with it. */
static inline void relay_pass(uv_tcp_t *to, const uint8_t *data, size_t count)
{
    uv_write_t *write = malloc(sizeof *write + count);
    MUST(write != NULL);
    memcpy(write + 1, data, count);
    uv_buf_t buffer = uv_buf_init((char *)(write + 1), (unsigned)count);
    if (uv_write(write, (uv_stream_t *)to, &buffer, 1, relay_forget_write) != 0)
        free(write);
}

static inline void relay_shut_end(uv_tcp_t *end)
{
    if (!uv_is_closing((uv_handle_t *)end))
        uv_close((uv_handle_t *)end, NULL);
}

static inline void relay_on_shut(uv_shutdown_t *request, int status)
{
    (void)status;
    free(request);
}

/* What was passed on still gets there: each end is closed when it has closed too. */
static inline void relay_cut(struct relay *relay)
{
    if (relay->is_cut)
        return;
    relay->is_cut = true;
    for (int way = 0; way < RELAY_WAYS; way++) {
        uv_shutdown_t *request = malloc(sizeof *request);
        if (uv_shutdown(request, (uv_stream_t *)&relay->ends[way], relay_on_shut) != 0) {
            free(request);
            relay_shut_end(&relay->ends[way]);
        }
    }
}

static inline void relay_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    struct relay *relay = handle->data;
    (void)wanted;
    *buffer = uv_buf_init((char *)relay->buffer, sizeof relay->buffer);
}

static inline void relay_on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct relay *relay = stream->data;
    enum relay_way way = stream == (uv_stream_t *)&relay->ends[0] ? RELAY_THERE : RELAY_BACK;
    uint64_t at = relay->heard[way].count;
    uint8_t *data = (uint8_t *)buffer->base;

    if (count <= 0) {
        if (count < 0) {
            relay_cut(relay);
            relay_shut_end((uv_tcp_t *)stream);
        }
        return;
    }
    size_t passed = (size_t)count;
    bytes_put(&relay->heard[way], data, passed);
    if (relay->change_at[way] >= at && relay->change_at[way] < at + passed)
        data[relay->change_at[way] - at] ^= 0x10;
    bool is_cut_here = relay->cut_at[way] < at + passed;
    if (is_cut_here)
        passed = relay->cut_at[way] <= at ? 0 : relay->cut_at[way] - at;
    if (!relay->is_cut && passed > 0)
        relay_pass(&relay->ends[1 - way], data, passed);
    if (is_cut_here)
        relay_cut(relay);
}

static inline void relay_on_connected(uv_connect_t *request, int status)
{
    struct relay *relay = request->handle->data;
    free(request);
    if (status != 0) {
        relay_cut(relay);
        return;
    }
    for (int way = 0; way < RELAY_WAYS; way++)
        uv_read_start((uv_stream_t *)&relay->ends[way], relay_alloc, relay_on_read);
}

/* One connection; those that come later are not answered. */
static inline void relay_on_call(uv_stream_t *listener, int status)
{
    struct relay *relay = listener->data;
    uv_connect_t *request;

    if (status != 0 || relay->is_connected)
        return;
    relay->is_connected = true;
    for (int way = 0; way < RELAY_WAYS; way++) {
        uv_tcp_init(listener->loop, &relay->ends[way]);
        relay->ends[way].data = relay;
    }
    MUST(uv_accept(listener, (uv_stream_t *)&relay->ends[0]) == 0);
    MUST((request = malloc(sizeof *request)) != NULL);
    MUST(uv_tcp_connect(request, &relay->ends[1], (struct sockaddr *)&relay->to,
                        relay_on_connected) == 0);
}

/* On the way to `to`, "127.0.0.1:PORT": whoever means to call there calls relay->address. */
static inline void relay_init(struct relay *relay, uv_loop_t *loop, const char *to)
{
    struct sockaddr_in here;
    int bytes = sizeof here;

    memset(relay, 0, sizeof *relay);
    for (int way = 0; way < RELAY_WAYS; way++)
        relay->change_at[way] = relay->cut_at[way] = UINT64_MAX;
    MUST(uv_ip4_addr("127.0.0.1", atoi(strchr(to, ':') + 1), &relay->to) == 0);
    MUST(uv_ip4_addr("127.0.0.1", 0, &here) == 0);
    uv_tcp_init(loop, &relay->listener);
    relay->listener.data = relay;
    MUST(uv_tcp_bind(&relay->listener, (struct sockaddr *)&here, 0) == 0);
    MUST(uv_listen((uv_stream_t *)&relay->listener, 1, relay_on_call) == 0);
    MUST(uv_tcp_getsockname(&relay->listener, (struct sockaddr *)&here, &bytes) == 0);
    snprintf(relay->address, sizeof relay->address, "127.0.0.1:%u", ntohs(here.sin_port));
}

/* Behind it the loop must come round once more. */
static inline void relay_close(struct relay *relay)
{
    uv_close((uv_handle_t *)&relay->listener, NULL);
    for (int way = 0; way < RELAY_WAYS && relay->is_connected; way++)
        relay_shut_end(&relay->ends[way]);
}

static inline void relay_fini(struct relay *relay)
{
    for (int way = 0; way < RELAY_WAYS; way++)
        bytes_fini(&relay->heard[way]);
}

#endif
