#include "sim/console.h"

void console_init(struct console *console)
{
    *console = (struct console){.digest = digest_open()};
}

void console_fini(struct console *console)
{
    bytes_fini(&console->kept);
    digest_close(console->digest);
}

uint64_t console_take(struct console *console, struct bytes *written)
{
    uint64_t count = written->count;

    if (count == 0)
        return 0;
    digest_add(console->digest, written->data, count);
    bytes_put(&console->kept, written->data, count);
    if (console->kept.count > 2 * CONSOLE_KEPT_BYTES)
        bytes_drop_front(&console->kept, console->kept.count - CONSOLE_KEPT_BYTES);
    console->total_bytes += count;
    bytes_clear(written);
    return count;
}

bool console_is_same(const struct console *a, const struct console *b)
{
    return a->total_bytes == b->total_bytes && digest_value(a->digest) == digest_value(b->digest);
}
