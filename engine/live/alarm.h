/* alarm: wakes a libuv loop at an instant of its own clock (uv_hrtime), to some tens of microseconds:
 * libuv's timers know milliseconds alone, in which a link of 100 MiB/s carries 25 pages, and a guest
 * that ticks every millisecond is a tick late. One descriptor each: whoever can wait takes a timer.
 */
#ifndef LIVE_ALARM_H
#define LIVE_ALARM_H

#include <stdint.h>
#include <uv.h>

struct alarm;

#define ALARM_NEVER UINT64_MAX

/* It calls from the loop, once for each alarm_set; it may be set anew and closed from there. NULL
 * where the process has no descriptor left. */
struct alarm *alarm_open(uv_loop_t *loop, void (*rang)(void *owner), void *owner);
/* At that instant, instead of any that was set before; one that is past: at once, from the loop. */
void alarm_set(struct alarm *alarm, uint64_t at_ns);
/* It rings no more, and is freed when the loop comes round. NULL: nothing. */
void alarm_close(struct alarm *alarm);

#endif
