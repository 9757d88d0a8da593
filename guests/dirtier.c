/* dirtier: writes one word to one page at evenly spaced instants, at exactly the rate asked for:
 * the guest to measure a migration with. It never ends.
 *
 * Write k (k = 1, 2, ...) is due floor(k * 1e9 / rate) ns after the start. A machine that is too
 * slow for the rate, or was held up, does what is due in one go, and sleeps when nothing is. */
#include "runtime.h"

#include "base/prng.h"

#define NS_PER_S 1000000000ull

enum pattern { UNIFORM, SEQUENTIAL, HOT_COLD };

struct chooser {
    enum pattern pattern;
    uint64_t page_count;
    uint64_t next_idx; /* of the sequential pattern */
    struct prng prng;
};

/* Hot-cold: 90 % of the writes go to 10 % of the pages, the first ones. */
static uint64_t choose_page(struct chooser *chooser)
{
    uint64_t hot_count = chooser->page_count / 10;
    uint64_t page_idx;

    switch (chooser->pattern) {
    case SEQUENTIAL:
        page_idx = chooser->next_idx;
        chooser->next_idx = page_idx + 1 < chooser->page_count ? page_idx + 1 : 0;
        return page_idx;
    case HOT_COLD:
        if (hot_count == 0)
            break;
        if (prng_below(&chooser->prng, 10) < 9)
            return prng_below(&chooser->prng, hot_count);
        return hot_count + prng_below(&chooser->prng, chooser->page_count - hot_count);
    case UNIFORM:
        break;
    }
    return prng_below(&chooser->prng, chooser->page_count);
}

_Noreturn static void write_for_ever(struct chooser *chooser, uint64_t rate)
{
    uint64_t due_ns = time_ns(), due_rest = 0; /* due_rest / rate: the fraction of a nanosecond */

    for (uint64_t k = 1;; k++) {
        due_ns += NS_PER_S / rate;
        due_rest += NS_PER_S % rate;
        if (due_rest >= rate) {
            due_rest -= rate;
            due_ns++;
        }
        if (time_ns() < due_ns)
            sleep_until(due_ns);
        *(volatile uint64_t *)(__heap_start + choose_page(chooser) * PAGE_BYTES) = k;
    }
}

int main(int argc, char **argv)
{
    static const char *const patterns[] = {"uniform", "sequential", "hot-cold", NULL};
    uint64_t free_bytes = memory_bytes() - ((uint64_t)__heap_start - RAM_BASE);
    uint64_t rate = 5000, working_set_bytes = free_bytes, pattern = UNIFORM, seed = 1;
    const struct option options[] = {
        {"--dirty-rate", OPTION_RATE, &rate, NULL},
        {"--working-set", OPTION_SIZE, &working_set_bytes, NULL},
        {"--pattern", OPTION_WORD, &pattern, patterns},
        {"--seed", OPTION_NUMBER, &seed, NULL},
    };

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (working_set_bytes < PAGE_BYTES || working_set_bytes > free_bytes) {
        print("dirtier: the working set must be between 4KiB and the %luKiB that are free\n",
              free_bytes / 1024);
        return 2;
    }
    struct chooser chooser = {(enum pattern)pattern, working_set_bytes / PAGE_BYTES, 0,
                              prng_make(seed, 0)};
    print("dirtier: %lu page writes per second, %s, to %lu pages\n", rate, patterns[pattern],
          chooser.page_count);
    if (rate == 0)
        sleep_until(UINT64_MAX);
    write_for_ever(&chooser, rate);
}
