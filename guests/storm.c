/* storm: quiet, until at one instant all harts touch all pages, as fast as they can: the worst that
 * can happen to a post-copy move, whose pages are all still at the other host.
 *
 *      0             --at                  --every later, --storms times in all
 *      | fills pages | . . . . quiet . . . | storm | . . quiet . . | storm |
 *
 * When is "after the switch"? A guest cannot know: no time passes for it while it is moved, and
 * nothing that it can look at changes. That is what moving unnoticed means, and a guest that was
 * told would be another one. So the instant is told by who starts the guest, on its own clock: --at
 * 150ms lies behind the switch of a post-copy move that starts at 100 ms, as ferry's do.
 *
 * Each page begins with a word made of its own number and of how many storms it has seen. A storm
 * reads it, checks it, and (--touch write) writes the next; pages are taken in an order that
 * guessing the neighbour does not help against. Harts share the pages among them. --work N lets a hart
 * run N instructions before each page: the think time between two faults, to the instruction. */
#include "harts.h"

enum touch { READ, WRITE };

static struct {
    uint64_t page_count, step, work;
    enum touch touch;
    uint64_t harts;
    struct meeting meeting;
    volatile uint64_t at_ns, storm_idx;
} storm = {.touch = WRITE};

static volatile uint64_t *word_of(uint64_t page_idx)
{
    return (volatile uint64_t *)(__heap_start + page_idx * PAGE_BYTES);
}

static uint64_t seal_of(uint64_t page_idx, uint64_t storms)
{
    return (page_idx + 1) * 0x9e3779b97f4a7c15ull + (storm.touch == WRITE ? storms : 0);
}

static void touch_page(uint64_t page_idx)
{
    uint64_t found = *word_of(page_idx);

    if (found != seal_of(page_idx, storm.storm_idx)) {
        print("storm: page %lu holds %016lx after %lu storm%s, not %016lx\n", page_idx, found,
              storm.storm_idx, plural(storm.storm_idx), seal_of(page_idx, storm.storm_idx));
        exit(1);
    }
    if (storm.touch == WRITE)
        *word_of(page_idx) = seal_of(page_idx, storm.storm_idx + 1);
}

/* Two instructions each time round. */
static void work(void)
{
    uint64_t left = storm.work / 2;
    if (left > 0)
        __asm__ volatile("1: addi %0, %0, -1\n   bnez %0, 1b" : "+r"(left));
}

/* One hart's share: every so-manieth page of the walk. */
static void rage(void)
{
    sleep_until(storm.at_ns);
    for (uint64_t i = hart_idx(); i < storm.page_count; i += storm.harts) {
        work();
        touch_page(i * storm.step % storm.page_count);
    }
    meet(&storm.meeting, storm.harts);
}

static void rage_for_ever(void *argument)
{
    (void)argument;
    for (;;) {
        meet(&storm.meeting, storm.harts); /* until the next instant is known */
        rage();
    }
}

/* A step that visits every page once: it shares no factor with their number. */
static uint64_t make_step(uint64_t page_count)
{
    for (uint64_t step = page_count / 3 * 2 + 1;; step++) {
        uint64_t a = step, b = page_count;
        while (b != 0) {
            uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1)
            return step;
    }
}

static void play(uint64_t at_ns, uint64_t every_ns, uint64_t storms)
{
    for (uint32_t i = 1; i < storm.harts; i++)
        hart_start(i, rage_for_ever, NULL);
    for (uint64_t i = 0; i < storms; i++) {
        storm.at_ns = at_ns + i * every_ns;
        storm.storm_idx = i;
        meet(&storm.meeting, storm.harts);
        rage();
    }
}

int main(int argc, char **argv)
{
    static const char *const touches[] = {"read", "write", NULL};
    uint64_t at_ns = 150000000, every_ns = 100000000, storms = 1, touch = WRITE;
    uint64_t working_set_bytes = heap_bytes();
    const struct option options[] = {
        {"--at", OPTION_TIME, &at_ns, NULL},
        {"--every", OPTION_TIME, &every_ns, NULL},
        {"--storms", OPTION_NUMBER, &storms, NULL},
        {"--touch", OPTION_WORD, &touch, touches},
        {"--work", OPTION_NUMBER, &storm.work, NULL},
        {"--working-set", OPTION_SIZE, &working_set_bytes, NULL},
    };

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (working_set_bytes < PAGE_BYTES || working_set_bytes > heap_bytes()) {
        print("storm: the working set must be between 4KiB and the %luKiB that are free\n",
              heap_bytes() / 1024);
        return 2;
    }
    storm.page_count = working_set_bytes / PAGE_BYTES;
    storm.step = make_step(storm.page_count);
    storm.touch = (enum touch)touch;
    storm.harts = hart_count();
    for (uint64_t i = 0; i < storm.page_count; i++)
        *word_of(i) = seal_of(i, 0);
    print("storm: %lu page%s filled, %lu storm%s to come\n", storm.page_count,
          plural(storm.page_count), storms, plural(storms));
    play(at_ns, every_ns, storms);
    print("storm: %lu storm%s over %lu page%s on %lu hart%s, each page as it was left, ok\n",
          storms, plural(storms), storm.page_count, plural(storm.page_count), storm.harts,
          plural(storm.harts));
    return 0;
}
