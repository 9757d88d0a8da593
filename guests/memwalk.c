/* memwalk: writes one word to one page at evenly spaced instants, at exactly the rate asked for, in
 * the pattern asked for: the guest to measure a migration with.
 *
 * Write k (k = 1, 2, ...) is due floor(k * 1e9 / rate) ns after the start. A machine that is too
 * slow for the rate, or was held up, does what is due in one go, and sleeps when nothing is.
 *
 * A write stores its number k. So each page knows who wrote it last, and that is checked:
 *   - always: what a write finds is an older number, or nothing;
 *   - at the end (--writes): all choices are made a second time, from the same seed. The k-th one
 *     finds a later number in its page, or k itself, and wipes it out. When all are made every page
 *     is empty: no write was lost, none was older than it should be, no page holds anything else.
 */
#include "runtime.h"

#include "base/prng.h"
#include "base/zipf.h"

#define NS_PER_S 1000000000ull

enum pattern { UNIFORM, SEQUENTIAL, HOT_COLD, ZIPF };

static const char *const patterns[] = {"uniform", "sequential", "hot-cold", "zipf", NULL};

struct chooser {
    enum pattern pattern;
    uint64_t page_count;
    uint64_t next_idx; /* of the sequential pattern */
    struct zipf zipf;
    struct prng prng;
};

static struct chooser make_chooser(enum pattern pattern, uint64_t page_count, uint64_t seed)
{
    return (struct chooser){.pattern = pattern,
                            .page_count = page_count,
                            .zipf = zipf_make(page_count),
                            .prng = prng_make(seed, 0)};
}

/* Hot-cold: 90 % of the writes go to 10 % of the pages, the first ones. Zipf: to the n-th page with
 * a probability proportional to n^-0.99. */
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
    case ZIPF:
        return zipf_next(&chooser->zipf, &chooser->prng) - 1;
    case UNIFORM:
        break;
    }
    return prng_below(&chooser->prng, chooser->page_count);
}

static volatile uint64_t *word_of(uint64_t page_idx)
{
    return (volatile uint64_t *)(__heap_start + page_idx * PAGE_BYTES);
}

_Noreturn static void fail(uint64_t page_idx, uint64_t found, const char *expected, uint64_t k)
{
    print("memwalk: page %lu holds write %lu instead of %s %lu\n", page_idx, found, expected, k);
    exit(1);
}

/* Makes the writes 1 .. last, each when it is due. */
static void write_pages(struct chooser *chooser, uint64_t rate, uint64_t last)
{
    uint64_t due_ns = time_ns(), due_rest = 0; /* due_rest / rate: the fraction of a nanosecond */

    for (uint64_t k = 1; k <= last; k++) {
        due_ns += NS_PER_S / rate;
        due_rest += NS_PER_S % rate;
        if (due_rest >= rate) {
            due_rest -= rate;
            due_ns++;
        }
        uint64_t page_idx = choose_page(chooser);
        if (time_ns() < due_ns)
            sleep_until(due_ns);
        uint64_t found = *word_of(page_idx);
        *word_of(page_idx) = k;
        if (found >= k)
            fail(page_idx, found, "one before", k);
    }
}

/* Returns how many pages were written at all. */
static uint64_t check_pages(struct chooser chooser, uint64_t last)
{
    uint64_t written_count = 0;

    for (uint64_t k = 1; k <= last; k++) {
        uint64_t page_idx = choose_page(&chooser);
        uint64_t found = *word_of(page_idx);
        if (found < k)
            fail(page_idx, found, "at least", k);
        if (found > k)
            continue;
        *word_of(page_idx) = 0;
        written_count++;
    }
    for (uint64_t page_idx = 0; page_idx < chooser.page_count; page_idx++)
        for (uint32_t i = 0; i < PAGE_BYTES / sizeof(uint64_t); i++)
            if (word_of(page_idx)[i] != 0)
                fail(page_idx, word_of(page_idx)[i], "nothing after", last);
    return written_count;
}

int main(int argc, char **argv)
{
    uint64_t free_bytes = memory_bytes() - ((uint64_t)__heap_start - RAM_BASE);
    uint64_t rate = 5000, working_set_bytes = free_bytes, pattern = UNIFORM, seed = 1;
    uint64_t last = UINT64_MAX;
    const struct option options[] = {
        {"--dirty-rate", OPTION_RATE, &rate, NULL},
        {"--working-set", OPTION_SIZE, &working_set_bytes, NULL},
        {"--pattern", OPTION_WORD, &pattern, patterns},
        {"--writes", OPTION_NUMBER, &last, NULL},
        {"--seed", OPTION_NUMBER, &seed, NULL},
    };

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (working_set_bytes < PAGE_BYTES || working_set_bytes > free_bytes) {
        print("memwalk: the working set must be between 4KiB and the %luKiB that are free\n",
              free_bytes / 1024);
        return 2;
    }
    struct chooser chooser =
        make_chooser((enum pattern)pattern, working_set_bytes / PAGE_BYTES, seed);
    print("memwalk: %lu page writes per second, %s, to %lu pages\n", rate, patterns[pattern],
          chooser.page_count);
    if (rate == 0)
        sleep_until(UINT64_MAX);
    write_pages(&chooser, rate, last);
    uint64_t written_count =
        check_pages(make_chooser(chooser.pattern, chooser.page_count, seed), last);
    print("memwalk: %lu writes to %lu pages, each holds its last one, ok\n", last, written_count);
    return 0;
}
