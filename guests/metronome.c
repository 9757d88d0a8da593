/* metronome: a tick every millisecond, told to whoever listens on port 7100, and memory that is
 * filled and written to at a rate: the guest to measure a pause with, by a clock outside.
 *
 *      tick 4711 4711000123
 *
 * is a tick's number and the guest's own time in nanoseconds. A tick is complete when the writes
 * that belong to it are made; then it is told. One that comes late is not made up for, nor are its
 * writes (a guest that is held up should fall silent and go on, not trip over what it has missed):
 * the next one is due a whole interval later.
 *
 * Writes go once to each page of the working set, and then again, in an order that is even and yet
 * scattered: a stride that has no factor in common with the number of pages. So write k finds what
 * write k - pages left there, and nothing else: it checks that. A page is
 *
 *      word 0        the number of the write that made it; 0: it was filled at the start
 *      words 1..511  a sequence that depends on the page and, with --touch page, on that number:
 *                    no page looks like another or like what it was, and none can be packed
 *
 * At its end (--ticks, or a client that says "end") it looks at every word of every page. */
#include "serve.h"

#include "base/prng.h"

#define PORT       7100
#define NS_PER_S   1000000000ull
#define ANSWER_MAX 64
#define SILENCE_NS (30 * NS_PER_S)
#define LINGER_NS  100000000ull /* a machine that has ended sends nothing that was lost again */
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))

enum touch { TOUCH_WORD, TOUCH_PAGE };

static struct {
    uint64_t filled_pages, written_pages; /* the first ones of the filled are written to */
    uint64_t stride, next_idx;
    uint64_t touch;
    uint64_t count; /* of writes that were made */
} walk;

static uint64_t tick, last = UINT64_MAX; /* the tick to end with */

static uint64_t *page_at(uint64_t page_idx)
{
    return (uint64_t *)(__heap_start + page_idx * PAGE_BYTES);
}

/* ---- Pages ---- */

static uint64_t first_word(uint64_t page_idx, uint64_t write)
{
    struct prng prng = {page_idx << 40 ^ write};
    return prng_next(&prng);
}

/* Steps by an odd constant: as cheap as a sequence can be that no codec makes shorter. */
static void make_page(uint64_t page_idx, uint64_t write)
{
    uint64_t *words = page_at(page_idx), word = first_word(page_idx, write);

    words[0] = write;
    for (uint32_t i = 1; i < PAGE_WORDS; i++)
        words[i] = word += PRNG_STEP;
}

_Noreturn static void fail(uint64_t page_idx, uint32_t word_idx, uint64_t expected)
{
    print("metronome: tick %lu: page %lu, word %u is %lx and not %lx\n", tick, page_idx, word_idx,
          page_at(page_idx)[word_idx], expected);
    exit(1);
}

static void check_word(uint64_t page_idx, uint32_t word_idx, uint64_t write)
{
    uint64_t made_by = walk.touch == TOUCH_PAGE ? write : 0;
    uint64_t expected =
        word_idx == 0 ? write : first_word(page_idx, made_by) + word_idx * PRNG_STEP;

    if (page_at(page_idx)[word_idx] != expected)
        fail(page_idx, word_idx, expected);
}

static void check_page(uint64_t page_idx, uint64_t write)
{
    for (uint32_t i = 0; i < PAGE_WORDS; i++)
        check_word(page_idx, i, write);
}

static uint64_t take_next_idx(void)
{
    uint64_t page_idx = walk.next_idx;

    walk.next_idx += walk.stride;
    if (walk.next_idx >= walk.written_pages)
        walk.next_idx -= walk.written_pages;
    return page_idx;
}

static void write_next(void)
{
    uint64_t page_idx = take_next_idx();
    uint64_t found = walk.count >= walk.written_pages ? walk.count + 1 - walk.written_pages : 0;

    check_word(page_idx, 0, found);
    check_word(page_idx, 1 + (uint32_t)(walk.count % (PAGE_WORDS - 1)), found);
    walk.count++;
    if (walk.touch == TOUCH_PAGE)
        make_page(page_idx, walk.count);
    else
        page_at(page_idx)[0] = walk.count;
}

/* The next write finds the oldest one; from there on once around, and then what was never written.
 */
static void check_all(void)
{
    for (uint64_t i = 0; i < walk.written_pages; i++) {
        uint64_t write = walk.count + 1 + i;
        check_page(take_next_idx(), write > walk.written_pages ? write - walk.written_pages : 0);
    }
    for (uint64_t i = walk.written_pages; i < walk.filled_pages; i++)
        check_page(i, 0);
}

static uint64_t common_factor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void prepare(uint64_t fill_bytes, uint64_t working_set_bytes)
{
    walk.filled_pages = fill_bytes / PAGE_BYTES;
    walk.written_pages = working_set_bytes / PAGE_BYTES;
    walk.stride = walk.written_pages * 618 / 1000 + 1; /* the golden section scatters best */
    while (common_factor(walk.stride, walk.written_pages) != 1)
        walk.stride++;
    for (uint64_t i = 0; i < walk.filled_pages; i++)
        make_page(i, 0);
}

/* ---- Ticks ---- */

static void play_tick(uint64_t rate, uint64_t every_ns)
{
    static uint64_t rest; /* in write-nanoseconds: what is left over of a write */
    char line[ANSWER_MAX];

    for (rest += rate * every_ns; rest >= NS_PER_S; rest -= NS_PER_S)
        write_next();
    tick++;
    if (client_count() == 0)
        return;
    uint32_t count = (uint32_t)format_text(line, sizeof line, "tick %lu %lu\n", tick, time_ns());
    for (uint32_t i = 0; i < SERVE_CLIENTS; i++)
        if (clients[i].is_open && !clients[i].is_closing)
            say(&clients[i], line, count); /* who does not listen misses some */
}

/* ---- Clients ---- */

static void opened(struct client *client)
{
    (void)client;
}

static void left(struct client *client)
{
    (void)client;
}

static uint32_t take(struct client *client, const uint8_t *bytes, uint32_t count)
{
    uint32_t line_end = 0;

    while (line_end < count && bytes[line_end] != '\n')
        line_end++;
    if (line_end == count && count < ANSWER_MAX)
        return 0;
    if (line_end == 3 && memcmp(bytes, "end", 3) == 0) {
        last = tick;
        return line_end + 1;
    }
    say(client, "what? write end, and I end\n", 27);
    client->is_closing = true;
    return count;
}

static bool is_right(uint64_t fill_bytes, uint64_t working_set_bytes, uint64_t rate,
                     uint64_t every_ns)
{
    if (fill_bytes > heap_bytes() || fill_bytes % PAGE_BYTES != 0)
        print("metronome: --fill needs whole pages of the %lu KiB that are free\n",
              heap_bytes() / 1024);
    else if (working_set_bytes > fill_bytes || working_set_bytes % PAGE_BYTES != 0)
        print("metronome: --working-set needs whole pages of the %lu KiB of --fill\n",
              fill_bytes / 1024);
    else if (rate > 0 && working_set_bytes == 0)
        print("metronome: --dirty-rate needs a --working-set to write to\n");
    else if (rate > NS_PER_S || every_ns == 0 || every_ns > NS_PER_S)
        print("metronome: --every needs 1ns to 1s, and --dirty-rate one write a nanosecond at "
              "most\n");
    else
        return true;
    return false;
}

int main(int argc, char **argv)
{
    static const struct service service = {PORT, ANSWER_MAX, SILENCE_NS, opened, take, left};
    static const char *const touches[] = {"word", "page", NULL};
    uint64_t every_ns = 1000000, fill_bytes = 1 << 20, working_set_bytes = UINT64_MAX, rate = 1000;
    const struct option options[] = {
        {"--every", OPTION_TIME, &every_ns, NULL},
        {"--fill", OPTION_SIZE, &fill_bytes, NULL},
        {"--dirty-rate", OPTION_RATE, &rate, NULL},
        {"--working-set", OPTION_SIZE, &working_set_bytes, NULL},
        {"--touch", OPTION_WORD, &walk.touch, touches},
        {"--ticks", OPTION_NUMBER, &last, NULL},
    };

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (working_set_bytes == UINT64_MAX)
        working_set_bytes = fill_bytes;
    if (!is_right(fill_bytes, working_set_bytes, rate, every_ns))
        return 2;
    prepare(fill_bytes, working_set_bytes);
    mailbox_listen(PORT);
    print("metronome: %lu pages filled, %lu writes a second to %lu of them, listening on port %u\n",
          walk.filled_pages, rate, walk.written_pages, PORT);
    for (uint64_t due_ns = time_ns() + every_ns; tick < last;) {
        bool was_any = serve(&service); /* also when ticks are late: nobody is forgotten */
        uint64_t now_ns = time_ns();
        if (now_ns >= due_ns) {
            play_tick(rate, every_ns);
            due_ns = now_ns - due_ns < every_ns ? due_ns + every_ns : now_ns + every_ns;
            serve_send(&service);
        } else if (!was_any) {
            serve_wait(&service, due_ns);
        }
    }
    sleep_until(time_ns() + LINGER_NS);
    check_all();
    print("metronome: %lu tick%s, %lu write%s, %lu pages checked, ok\n", tick, plural(tick),
          walk.count, plural(walk.count), walk.filled_pages);
    return 0;
}
