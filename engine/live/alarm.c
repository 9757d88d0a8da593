/* alarm: a timerfd that the loop watches. */
#include "live/alarm.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/status.h"
#include "base/units.h"

struct alarm {
    uv_poll_t poll;
    int fd;
    uint64_t at_ns; /* what the timer is set to */
    void (*rang)(void *owner);
    void *owner;
};

static void set_timer(struct alarm *alarm, uint64_t at_ns)
{
    struct itimerspec spec = {
        .it_value = {.tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S)}};
    /* uv_hrtime is CLOCK_MONOTONIC. */
    MUST(timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct alarm *alarm = poll->data;
    uint64_t times;
    (void)status, (void)events;

    /* It was set anew since the loop saw it ring. */
    if (read(alarm->fd, &times, sizeof times) < 0)
        return;
    alarm->at_ns = ALARM_NEVER;
    alarm->rang(alarm->owner);
}

struct alarm *alarm_open(uv_loop_t *loop, void (*rang)(void *owner), void *owner)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct alarm *alarm = calloc(1, sizeof *alarm);
    MUST(alarm != NULL);
    *alarm = (struct alarm){.fd = fd, .at_ns = ALARM_NEVER, .rang = rang, .owner = owner};
    alarm->poll.data = alarm;
    MUST(uv_poll_init(loop, &alarm->poll, fd) == 0);
    MUST(uv_poll_start(&alarm->poll, UV_READABLE, on_readable) == 0);
    return alarm;
}

void alarm_set(struct alarm *alarm, uint64_t at_ns)
{
    if (at_ns == alarm->at_ns)
        return;
    alarm->at_ns = at_ns;
    /* To the timer, zero means never, and never nothing. */
    set_timer(alarm, at_ns == ALARM_NEVER ? 0 : at_ns == 0 ? 1 : at_ns);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void alarm_close(struct alarm *alarm)
{
    if (alarm == NULL)
        return;
    uv_close((uv_handle_t *)&alarm->poll, on_closed);
    close(alarm->fd);
}
