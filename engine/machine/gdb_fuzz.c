/* Any bytes as what a debugger says, to a guest that does what they ask. Build: clang
 * -fsanitize=fuzzer,address,undefined. Each input is taken twice: as it is, and each of its lines
 * as the payload of a sound packet, so that what lies behind the frames is reached. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "machine/debug_program.h"
#include "machine/gdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

/* A little further, if it is to run. */
static void obey(struct gdb *gdb, struct guest *guest, enum gdb_action action)
{
    struct debug *debug = gdb->debug;
    struct guest_run run;
    if (action == GDB_WORD)
        gdb_answer(gdb, gdb->word);
    if (action != GDB_GO && action != GDB_GO_BACK)
        return;
    debug_resume(debug, guest, action == GDB_GO ? gdb->acting_hart : DEBUG_NO_HART);
    debug->until_tick = debug_ticks(guest) + 100;
    debug_run(debug, guest, UINT64_MAX / 2, &run);
    bytes_clear(machine_console(guest));
    if (run.stop == GUEST_ENDED)
        gdb_tell_end(gdb, &run);
    if (!debug->is_held)
        debug_hold(debug, guest, DEBUG_ASKED);
    gdb_tell_stop(gdb, guest);
}

static void say(struct gdb *gdb, struct guest *guest, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        size_t taken = gdb_receive(gdb, bytes, count);
        enum gdb_action action;
        while ((action = gdb_next(gdb, guest)) != GDB_NOTHING)
            obey(gdb, guest, action);
        if (taken == 0)
            return; /* it has ended, and listens no more */
        bytes += taken;
        count -= taken;
        bytes_clear(gdb_output(gdb));
    }
}

static void say_as_packet(struct gdb *gdb, struct guest *guest, const uint8_t *line, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = (uint8_t)(sum + line[i]);
    const uint8_t end[] = {'#', (uint8_t)digits[sum >> 4], (uint8_t)digits[sum & 15]};
    say(gdb, guest, (const uint8_t *)"$", 1);
    say(gdb, guest, line, count);
    say(gdb, guest, end, sizeof end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    static struct debug_program program;
    struct lines lines = {0};
    for (int way = 0; way < 2; way++) {
        struct debug debug;
        struct gdb gdb;
        struct guest *guest = debug_program_boot(&program, 2);
        debug_init(&debug);
        debug_hold(&debug, guest, DEBUG_ASKED);
        gdb_init(&gdb, &debug, &lines);
        gdb.can_go_back = true;
        if (way == 0)
            say(&gdb, guest, data, count);
        for (size_t at = 0; way == 1 && at < count;) {
            const uint8_t *end = memchr(data + at, '\n', count - at);
            size_t length = end != NULL ? (size_t)(end - data) - at : count - at;
            say_as_packet(&gdb, guest, data + at, length);
            at += length + 1;
        }
        gdb_fini(&gdb);
        guest->ops->close(guest);
    }
    return 0;
}
