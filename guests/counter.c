/* counter: writes a number every so often, and sleeps between. Whatever goes wrong in a move (a
 * timer forgotten, a line lost or written twice) stands in its output for everybody to see.
 *
 * It watches itself: it must not wake before its time, and the number is kept twice, once as it is
 * and once with all bits turned, in pages of their own that nothing else is in. */
#include "runtime.h"

static int wrong(const char *what, uint64_t number)
{
    print("counter: %s at number %lu\n", what, number);
    return 1;
}

int main(int argc, char **argv)
{
    uint64_t last = 20, every_ms = 50;
    const struct option options[] = {
        {"--to", OPTION_NUMBER, &last, NULL},
        {"--every-ms", OPTION_NUMBER, &every_ms, NULL},
    };
    volatile uint64_t *number = (volatile uint64_t *)__heap_start;
    volatile uint64_t *turned = (volatile uint64_t *)(__heap_start + PAGE_BYTES);
    uint64_t start_ns;

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    start_ns = time_ns();
    *turned = ~*number;
    for (uint64_t i = 1; i <= last; i++) {
        uint64_t due_ns = start_ns + i * every_ms * 1000000;
        sleep_until(due_ns);
        if (time_ns() < due_ns)
            return wrong("it woke too early", i);
        if (*number != ~*turned || *number != i - 1)
            return wrong("the count was changed by somebody else", i);
        *number = i;
        *turned = ~i;
        print("counter: %lu\n", i);
    }
    print("counter: %lu number%s, none too early, none missed, ok\n", last, plural(last));
    return 0;
}
