/* counter: writes a number every so often, and sleeps between. Whatever goes wrong in a move (a
 * timer forgotten, a line lost or written twice) stands in its output for everybody to see. */
#include "runtime.h"

int main(int argc, char **argv)
{
    uint64_t last = 20, every_ms = 50;
    const struct option options[] = {
        {"--to", OPTION_NUMBER, &last, NULL},
        {"--every-ms", OPTION_NUMBER, &every_ms, NULL},
    };
    uint64_t start_ns;

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    start_ns = time_ns();
    for (uint64_t number = 1; number <= last; number++) {
        sleep_until(start_ns + number * every_ms * 1000000);
        print("counter: %lu\n", number);
    }
    return 0;
}
