/* How fast the simulator lives: the demonstration, headless, as often as the first argument says.
 * Prints the median in seconds, and its ratio to the time that XXH3 takes for 4 GiB in the same
 * run: a figure that can be compared between machines that are not equally fast. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "base/digest.h"
#include "sim/run.h"

static double hash_4_gib(void)
{
    size_t count = 64 << 20;
    uint8_t *data = calloc(1, count);
    uint64_t sum = 0;
    double begun = bench_seconds();
    for (int i = 0; i < 64; i++)
        sum += digest_of(data, count);
    double took = bench_seconds() - begun;
    free(data);
    return sum == 0 ? took + 1e-9 : took;
}

static double demonstrate(const uint8_t *image, size_t image_bytes)
{
    static const char *const options[][2] = {
        {"guest", "kv"},    {"args", "--preload 48MiB"}, {"bandwidth", "200Mbit/s"},
        {"start-at", "3s"}, {"request-rate", "2000/s"},  {"run-for", "1s"},
    };
    struct scenario scenario;
    struct run run;
    double begun = bench_seconds();

    scenario_init(&scenario);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (scenario_set(&scenario, options[i][0], options[i][1], NULL) != STATUS_OK)
            return 0;
    if (scenario_check(&scenario, false, NULL) != STATUS_OK ||
        run_open(&run, &scenario, image, image_bytes, false, NULL) != STATUS_OK)
        return 0;
    run_to_end(&run);
    run_close(&run);
    scenario_fini(&scenario);
    return bench_seconds() - begun;
}

int main(int argc, char **argv)
{
    static uint8_t image[1 << 20];
    static double runs[100], hashes[100];
    int count = argc > 1 ? atoi(argv[1]) : 5;
    FILE *file = fopen(BUILD_DIR "/guests/kv", "rb");
    if (file == NULL || count < 1 || count > 100) {
        fprintf(stderr, "demo_bench: build/guests/kv and a count from 1 to 100 are needed\n");
        return 2;
    }
    size_t image_bytes = fread(image, 1, sizeof image, file);
    fclose(file);
    for (int i = 0; i < count; i++) { /* in turn, so that both see the same weather */
        runs[i] = demonstrate(image, image_bytes);
        hashes[i] = hash_4_gib();
    }
    qsort(runs, (size_t)count, sizeof runs[0], bench_by_size);
    qsort(hashes, (size_t)count, sizeof hashes[0], bench_by_size);
    printf("demonstration, headless   median %.3f s of %d runs, %.2f times XXH3 of 4 GiB\n",
           runs[count / 2], count, runs[count / 2] / hashes[count / 2]);
    return 0;
}
