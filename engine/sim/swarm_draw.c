/* What a swarm draws: two tables, and how a row becomes an option. */
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "sim/swarm.h"

/* DOC: swarm-table
 *
 * Guests, with memories and arguments that keep their lives short: a world should take some
 * milliseconds of somebody's computer. What ends by itself says whether all was right, and rule
 * `transparent` compares it with one that was never moved. */
static const struct guest_row {
    const char *guest;
    const char *memories;
    const char *arguments; /* between bars; "" is one, too */
} guests[] = {
#define SMALL "4KiB 8KiB 12KiB 64KiB 256KiB 260KiB 1MiB 4MiB"
    {"model:idle", SMALL, ""},
    {"model:uniform", SMALL, ""},
    {"model:uniform", SMALL, ""},
    {"model:sequential", SMALL, ""},
    {"model:hot-cold", SMALL, ""},
    {"model:zipf", SMALL, ""},
    {"model:phases", SMALL, ""},
#undef SMALL
#define MACHINE "1MiB 1MiB 1MiB 1028KiB 2MiB 4MiB"
#define LARGER  "2MiB 2060KiB 3MiB 4MiB"
    {"hello", MACHINE, ""},
    {"counter", MACHINE, "--to 3 --every-ms 1|--to 20 --every-ms 1|--to 5 --every-ms 20"},
    {"sort", MACHINE, "--count 500|--count 2000|--count 20000"},
    {"sort", MACHINE, "--count 4000"},
    {"life", MACHINE,
     "--width 64 --height 64 --generations 5 --every 5|"
     "--width 128 --height 64 --generations 40 --every 10"},
    {"journal", MACHINE, "--records 50 --rate 20k/s|--records 300 --rate 20k/s --check-every 50"},
    {"journal", MACHINE, "--accounts 64 --records 200 --rate 5k/s --check-every 20"},
    {"database", MACHINE,
     "--keys 100 --operations 200 --rate 50k/s --check-every 100|"
     "--keys 30 --operations 100 --rate 5k/s --check-every 50"},
    {"storm", MACHINE,
     "--at 2ms --every 1ms --storms 2 --working-set 256KiB|"
     "--at 5ms --every 3ms --storms 3 --working-set 512KiB --touch read|"
     "--at 10ms --every 10ms --storms 2 --working-set 640KiB"},
    {"storm", MACHINE, "--at 8ms --every 2ms --storms 3 --working-set 384KiB"},
    {"threads", MACHINE, "--threads 4 --rounds 5|--threads 6 --rounds 20 --slice 500us"},
    {"threads", MACHINE, "--threads 8 --rounds 10"},
    {"memwalk", MACHINE, "--writes 200|--writes 2000"},
    {"kv", MACHINE, "|--preload 128KiB"},
    {"kv", MACHINE, ""},
    {"web", MACHINE, "--log 64KiB"},
    {"chat", LARGER, ""},
    {"game", LARGER, ""},
#undef LARGER
#undef MACHINE
};

/* Every other option that there is; swarm_test.c sees to that. The first rows decide what the later
 * ones may be. */
static const struct swarm_row rows[] = {
    {"mode", 100,
     "stop-and-copy pre-copy pre-copy pre-copy continuous post-copy post-copy hybrid hybrid auto"},
    {"bandwidth", 100,
     "20Mbit/s 100Mbit/s 300Mbit/s 500Mbit/s 1Gbit/s 1Gbit/s 2Gbit/s 10Gbit/s 100Gbit/s"},
    {"latency", 90, "0ns 1ns 1us 20us 100us 500us 2ms 10ms"},
    {"start-at", 100, "0ns 1us 50us 300us 1ms 2ms 3500us 6ms 11ms 20ms"},
    {"run-for", 80, "0ns 1us 200us 1ms 4ms 20ms"},
    {"harts", 40, "2 2 3 4 4 8"},
    {"cpu-rate", 100, "1MIPS 3MIPS 3MIPS 10MIPS 10MIPS 30MIPS"},
    {"trap-cost", 20, "100ns 3us 50us"},
    {"dirty-rate", 90, "100pages/s 3kpages/s 20kpages/s 77777pages/s 200kpages/s"},
    {"working-set", 50, "4KiB 8KiB 64KiB 128KiB 512KiB 1MiB"},
    {"pattern", 60, "sequential hot-cold zipf"},
    {"downtime-limit", 50, "0ns 100us 1ms 5ms 300ms"},
    {"max-rounds", 60, "1 2 3 5 8"},
    {"total-time-limit", 20, "0ns 1us 1ms 5ms 20ms 100ms"},
    {"on-limit", 50, "abort post-copy"},
    {"bandwidth-limit", 20, "10Mbit/s 100Mbit/s 800Mbit/s 5Gbit/s"},
    {"auto-converge", 20, "on"},
    {"dirty-limit", 20, "10pages/s 500pages/s 3kpages/s 30kpages/s"},
    {"hot-last", 25, "on"},
    {"skip-rewritten", 25, "on"},
    {"switch-when", 70, "no-progress remaining deadline"},
    {"switch-after", 50, "2 3 5"},
    {"switch-below", 70, "4KiB 16KiB 256KiB"},
    {"switch-deadline", 70, "0ns 500us 3ms 20ms"},
    {"prefetch", 60, "none bubble"},
    {"push-after", 70, "0ns 1us 1ms 30ms 1s"},
    {"fault-throttle", 30, "on"},
    {"compress", 60, "zero delta lz4 zstd auto auto"},
    {"delta-cache", 50, "4KiB 16KiB 256KiB 1MiB"},
    {"free-hints", 20, "off"},
    {"dirty-tracking", 30, "hardware-log"},
    {"cache", 30, "on"},
    {"disk-at", 60, "source target"},
    {"route", 40, "tunnel tunnel none"},
    {"tunnel-for", 50, "0ns 100us 5ms"},
    {"fault", 40,
     "cut@setup+1ms cut@copy cut@copy+300us cut@3ms+2ms cut@pause cut@pause+1ms cut@hand-over "
     "cut@hand-over+3ms cut@running cut@running+4ms cut@post-copy+200us cut@post-copy+10ms "
     "cut@post-copy+2ms,cut@7ms+3ms,cut@20ms+1ms slow@copy+20ms:10x slow@4ms:3x "
     "slow-to-target@post-copy+5ms:20x delay@copy:5ms delay-to-source@2ms+9ms:700us "
     "corrupt@copy:256KiB corrupt@copy+2ms:64KiB corrupt@pause:16KiB corrupt@post-copy+5ms:16KiB "
     "corrupt-to-source@setup:64B corrupt@post-copy:64KiB,cut@12ms+1ms crash-source@copy "
     "crash-source@pause crash-source@hand-over crash-source@running crash-source@post-copy "
     "crash-target@setup crash-target@copy crash-target@pause crash-target@hand-over "
     "crash-target@running crash-target@post-copy refuse@setup:memory refuse@setup:version "
     "refuse@setup:feature refuse@setup:kind"},
    {"clients", 80, "0 1 2 3 7"},
    {"request-rate", 60, "50/s 2k/s 10k/s"},
};

enum { GUEST_COUNT = sizeof guests / sizeof guests[0], ROW_COUNT = sizeof rows / sizeof rows[0] };

uint32_t swarm_row_count(void)
{
    MUST(ROW_COUNT <= SWARM_ROWS_MAX);
    return ROW_COUNT;
}

const struct swarm_row *swarm_row(uint32_t idx)
{
    MUST(idx < ROW_COUNT);
    return &rows[idx];
}

uint32_t swarm_guest_count(void)
{
    return GUEST_COUNT;
}

const char *swarm_guest_name(uint32_t idx)
{
    MUST(idx < GUEST_COUNT);
    return guests[idx].guest;
}

/* ---- Lists in one text ---- */

static uint32_t part_count(const char *text, char between)
{
    uint32_t count = 1;
    for (; *text != '\0'; text++)
        count += *text == between;
    return count;
}

static bool part_copy(const char *text, char between, uint32_t idx, char *to, size_t to_bytes)
{
    const char ends[] = {between, '\0'};

    for (; idx > 0; idx--) {
        text = strchr(text, between);
        if (text == NULL)
            return false;
        text++;
    }
    snprintf(to, to_bytes, "%.*s", (int)strcspn(text, ends), text);
    return true;
}

bool swarm_row_value(uint32_t row_idx, uint32_t value_idx, char *text, size_t text_bytes)
{
    return part_copy(swarm_row(row_idx)->values, ' ', value_idx, text, text_bytes);
}

/* ---- One seed ---- */

static uint32_t option_find(const char *key)
{
    for (uint32_t i = 0; i < scenario_option_count(); i++)
        if (strcmp(scenario_option(i)->key, key) == 0)
            return i;
    return scenario_option_count();
}

static bool is_whole(const struct scenario *scenario)
{
    struct scenario filled;
    scenario_copy(&filled, scenario);
    enum status status = scenario_check(&filled, false, NULL);
    scenario_fini(&filled);
    return status == STATUS_OK;
}

static void must_set(struct scenario *scenario, const char *key, const char *value)
{
    struct problem problem = {STATUS_OK, ""};
    enum status status = scenario_set(scenario, key, value, &problem);
    MUST(status == STATUS_OK);
}

/* Sets it unless it is wrong by itself or beside what is drawn already. */
static bool try_set(struct scenario *scenario, const char *key, const char *value)
{
    char before[1024];
    uint32_t idx = option_find(key);

    if (idx == scenario_option_count())
        return false;
    scenario_get(scenario, idx, before, sizeof before);
    if (scenario_set(scenario, key, value, NULL) != STATUS_OK)
        return false;
    if (is_whole(scenario))
        return true;
    must_set(scenario, key, before);
    return false;
}

static uint32_t draw_guest(struct prng *prng, const struct swarm_image *images,
                           struct scenario *scenario)
{
    char text[200];
    uint32_t idx;

    do
        idx = (uint32_t)prng_below(prng, GUEST_COUNT);
    while (images[idx].data == NULL && strncmp(guests[idx].guest, "model:", 6) != 0);
    const struct guest_row *row = &guests[idx];
    must_set(scenario, "guest", row->guest);
    part_copy(row->memories, ' ', (uint32_t)prng_below(prng, part_count(row->memories, ' ')), text,
              sizeof text);
    must_set(scenario, "memory", text);
    part_copy(row->arguments, '|', (uint32_t)prng_below(prng, part_count(row->arguments, '|')),
              text, sizeof text);
    must_set(scenario, "args", text);
    return idx;
}

void swarm_draw(uint64_t seed, const struct swarm_image *images, struct scenario *scenario,
                uint32_t *guest_idx, uint8_t drawn[SWARM_ROWS_MAX])
{
    struct prng of_guest = prng_make(seed, 0x5a), prng;
    char text[200];

    scenario_init(scenario);
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    must_set(scenario, "seed", text);
    uint32_t idx = draw_guest(&of_guest, images, scenario);
    if (guest_idx != NULL)
        *guest_idx = idx;
    for (uint32_t row = 0; row < ROW_COUNT; row++) {
        /* A stream for each row, by its name: a new row changes no other one's draw. */
        uint64_t purpose = 0;
        for (const char *at = rows[row].key; *at != '\0'; at++)
            purpose = purpose * 131 + (uint8_t)*at;
        prng = prng_make(seed, purpose);
        bool is_tried = prng_below(&prng, 100) < rows[row].percent;
        uint32_t value = (uint32_t)prng_below(&prng, part_count(rows[row].values, ' '));
        part_copy(rows[row].values, ' ', value, text, sizeof text);
        bool is_set = is_tried && try_set(scenario, rows[row].key, text);
        if (drawn != NULL)
            drawn[row] = is_set ? (uint8_t)value : SWARM_NOT_DRAWN;
    }
    enum status status = scenario_check(scenario, false, NULL);
    MUST(status == STATUS_OK);
}
