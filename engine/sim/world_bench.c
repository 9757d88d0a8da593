/* How many pages a second, and how many events, the simulator lives through: moves of models at
 * full size, where nearly all of its time goes to pages, and one of a machine at work. Medians; the
 * time of a page is also told as that of copying its 4096 bytes, measured in turn with it.
 *
 * The first line is also the curriculum's stop-and-copy of 64 GiB (C3); that the time of a page is
 * the same from 1 GiB on is what the last column of the first two lines shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bench.h"
#include "sim/run.h"

#define ROUNDS     3
#define COPY_BYTES (64u << 20)

static const struct row {
    const char *what, *image;
    const char *options; /* key=value words */
} rows[] = {
    {"idle, 64 GiB", NULL,
     "guest=model:idle memory=64GiB bandwidth=10Gbit/s mode=stop-and-copy run-for=1ms"},
    {"idle, 1 GiB", NULL,
     "guest=model:idle memory=1GiB bandwidth=10Gbit/s mode=stop-and-copy run-for=1ms"},
    {"uniform, 4 GiB, pre-copy", NULL,
     "guest=model:uniform memory=4GiB bandwidth=10Gbit/s dirty-rate=200000pages/s run-for=1ms"},
    {"hot-cold, 1 GiB, post-copy", NULL,
     "guest=model:hot-cold memory=1GiB bandwidth=10Gbit/s dirty-rate=50000pages/s mode=post-copy "
     "run-for=1ms"},
    {"uniform, 1 GiB, zero forms", NULL,
     "guest=model:uniform memory=1GiB bandwidth=10Gbit/s dirty-rate=100000pages/s compress=zero "
     "run-for=1ms start-at=2s"},
    {"uniform, 512 MiB, auto forms", NULL,
     "guest=model:uniform memory=512MiB bandwidth=1Gbit/s dirty-rate=20000pages/s compress=auto "
     "run-for=1ms start-at=2s"},
    {"kv and 4 clients, 256 MiB", BUILD_DIR "/guests/kv", "guest=kv memory=256MiB run-for=100ms"},
};

struct lived {
    double seconds;
    uint64_t pages, events;
};

static bool live(const char *words, const uint8_t *image, size_t image_bytes, struct lived *lived)
{
    struct scenario scenario;
    struct run run;
    char text[400], *save = NULL;

    scenario_init(&scenario);
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value++ = '\0';
        if (scenario_set(&scenario, word, value, NULL) != STATUS_OK)
            return false;
    }
    if (scenario_check(&scenario, false, NULL) != STATUS_OK)
        return false;
    double begun = bench_seconds();
    if (run_open(&run, &scenario, image, image_bytes, false, NULL) != STATUS_OK)
        return false;
    run_to_end(&run);
    *lived = (struct lived){.seconds = bench_seconds() - begun,
                            .pages = run.timeline.pages_sent,
                            .events = run.timeline.event_count};
    run_close(&run);
    scenario_fini(&scenario);
    return true;
}

/* Seconds for 4096 bytes. */
static double copy_a_page(void)
{
    static uint8_t from[COPY_BYTES], to[COPY_BYTES];
    double begun = bench_seconds();
    from[1]++;
    memcpy(to, from, sizeof to);
    __asm__ volatile("" ::"r"(to) : "memory"); /* somebody may look at it */
    return (bench_seconds() - begun) / (COPY_BYTES / 4096);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, bench_by_size);
    return times[ROUNDS / 2];
}

static bool measure(const struct row *row)
{
    static uint8_t image[1 << 20];
    double seconds[ROUNDS], copies[ROUNDS];
    size_t image_bytes = 0;
    struct lived lived;

    if (row->image != NULL) {
        FILE *file = fopen(row->image, "rb");
        if (file == NULL)
            return false;
        image_bytes = fread(image, 1, sizeof image, file);
        fclose(file);
    }
    copy_a_page(); /* the memory is there then */
    for (unsigned round = 0; round < ROUNDS; round++) {
        copies[round] = copy_a_page();
        if (!live(row->options, image, image_bytes, &lived))
            return false;
        seconds[round] = lived.seconds;
    }
    double time = median(seconds), copy = median(copies);
    printf("%-30s %7.3f s %12.0f pages/s %12.0f events/s %8.3f copies of a page each\n", row->what,
           time, (double)lived.pages / time, (double)lived.events / time,
           time / (double)lived.pages / copy);
    return true;
}

int main(void)
{
    printf("the simulator, medians of %d\n", ROUNDS);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!measure(&rows[i])) {
            fprintf(stderr, "world_bench: \"%s\" cannot be run: make builds its guest\n",
                    rows[i].what);
            return 1;
        }
    return 0;
}
