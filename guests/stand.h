/* stand: a stand for testing guests: one machine that a guest is booted in, and the far ends of its
 * connections, joined to it by a network without delay or loss.
 *
 * Included by the tests of guests alone. */
#ifndef GUESTS_STAND_H
#define GUESTS_STAND_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "machine/machine.h"

#define STAND_CPU_RATE 100000000ull /* one instruction in 10 ns */

struct stand {
    struct guest *guest;
    struct guest_run run; /* how the guest stopped last */
    struct stream clients[MAILBOX_STREAMS];
    bool is_client[MAILBOX_STREAMS];
    struct bytes console; /* all that the guest has written, with a NUL behind the end */
};

static inline struct bytes stand_image(const char *guest_name)
{
    struct bytes image = {0};
    char path[256];
    FILE *file;
    uint8_t chunk[4096];
    size_t count;

    snprintf(path, sizeof path, "%s/guests/%s", BUILD_DIR, guest_name);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is not there: make builds it", path);
    while ((count = fread(chunk, 1, sizeof chunk, file)) > 0)
        bytes_put(&image, chunk, count);
    fclose(file);
    return image;
}

/* `command` is the guest's name and arguments, with single spaces between. */
static inline void stand_open_as(struct stand *stand, const char *command, uint64_t memory_bytes,
                                 uint64_t cpu_rate, uint32_t harts)
{
    char arguments[256], name[64];
    uint32_t argument_bytes = (uint32_t)snprintf(arguments, sizeof arguments, "%s", command) + 1;
    struct problem problem = {0};

    snprintf(name, sizeof name, "%.*s", (int)strcspn(command, " "), command);
    for (char *at = arguments; *at != '\0'; at++)
        if (*at == ' ')
            *at = '\0';
    struct machine_config config = {.memory_bytes = memory_bytes,
                                    .cpu_rate = cpu_rate,
                                    .hart_count = harts,
                                    .arguments = arguments,
                                    .argument_bytes = argument_bytes};
    struct bytes image = stand_image(name);
    memset(stand, 0, sizeof *stand);
    if (machine_open(&config, name, image.data, image.count, &stand->guest, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    bytes_fini(&image);
}

static inline void stand_open(struct stand *stand, const char *command, uint64_t memory_bytes)
{
    stand_open_as(stand, command, memory_bytes, STAND_CPU_RATE, 1);
}

static inline void stand_close(struct stand *stand)
{
    stand->guest->ops->close(stand->guest);
    bytes_fini(&stand->console);
}

static inline uint64_t stand_now_ns(const struct stand *stand)
{
    return stand->guest->ops->now_ns(stand->guest);
}

static inline uint64_t stand_instructions(const struct stand *stand)
{
    return stand->guest->ops->instructions(stand->guest);
}

static inline const char *stand_console(struct stand *stand)
{
    struct bytes *fresh = machine_console(stand->guest);
    bytes_put(&stand->console, fresh->data, fresh->count);
    bytes_clear(fresh);
    bytes_put_u8(&stand->console, 0);
    stand->console.count--;
    return (const char *)stand->console.data;
}

/* Carries every packet that anybody has; true when there was one. */
static inline bool stand_carry(struct stand *stand)
{
    static struct stream_packet packet;
    struct mailbox *mailbox = machine_mailbox(stand->guest);
    uint64_t now_ns = stand_now_ns(stand);
    bool was_any = false;
    uint32_t idx;

    for (uint32_t i = 0; i < MAILBOX_STREAMS; i++)
        while (stand->is_client[i] && stream_next_packet(&stand->clients[i], now_ns, &packet)) {
            mailbox_deliver(mailbox, now_ns, i, &packet);
            was_any = true;
        }
    while (mailbox_packet(mailbox, now_ns, &idx, &packet)) {
        assert_true(stream_receive(&stand->clients[idx], now_ns, &packet));
        was_any = true;
    }
    return was_any;
}

/* Runs until guest time `until_ns` or the guest's end, sleeping where the guest sleeps. */
static inline void stand_run(struct stand *stand, uint64_t until_ns)
{
    const struct guest_ops *ops = stand->guest->ops;
    do {
        stand_carry(stand);
        ops->run(stand->guest, until_ns, &stand->run);
        if (stand->run.stop == GUEST_IDLE)
            ops->idle_until(stand->guest,
                            stand->run.wake_ns < until_ns ? stand->run.wake_ns : until_ns);
    } while (stand->run.stop != GUEST_ENDED && stand->run.stop != GUEST_TIME_REACHED &&
             stand_now_ns(stand) < until_ns);
}

/* Runs until the guest sleeps and nothing is on its way, for `limit_ns` at most. */
static inline void stand_settle(struct stand *stand, uint64_t limit_ns)
{
    uint64_t until_ns = stand_now_ns(stand) + limit_ns;
    bool was_any;
    do {
        was_any = stand_carry(stand);
        stand->guest->ops->run(stand->guest, until_ns, &stand->run);
    } while (stand->run.stop != GUEST_ENDED && stand->run.stop != GUEST_TIME_REACHED &&
             (stand->run.stop != GUEST_IDLE || was_any));
}

static inline void stand_connect(struct stand *stand, uint32_t idx, uint16_t port)
{
    assert_true(mailbox_connect(machine_mailbox(stand->guest), idx, port));
    stream_init(&stand->clients[idx]);
    stand->is_client[idx] = true;
}

#endif
