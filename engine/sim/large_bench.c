/* C3's case: what a page costs the simulator by stop-and-copy, at 1 GiB and at 64 GiB. The cost must
 * not grow with the guest: their ratio is printed, from medians of runs made in turn. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "sim/run.h"

#define RUNS 5

/* Nanoseconds for each page. */
static double cost_of(const char *memory, double pages)
{
    const char *const options[][2] = {
        {"guest", "model:idle"}, {"mode", "stop-and-copy"}, {"bandwidth", "10Gbit/s"},
        {"run-for", "0ns"},      {"memory", memory},
    };
    struct scenario scenario;
    struct run run;
    double begun = bench_seconds();

    scenario_init(&scenario);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (scenario_set(&scenario, options[i][0], options[i][1], NULL) != STATUS_OK)
            return 0;
    if (scenario_check(&scenario, false, NULL) != STATUS_OK ||
        run_open(&run, &scenario, NULL, 0, false, NULL) != STATUS_OK)
        return 0;
    run_to_end(&run);
    run_close(&run);
    scenario_fini(&scenario);
    return (bench_seconds() - begun) * 1e9 / pages;
}

int main(void)
{
    double small[RUNS], large[RUNS];

    for (int i = 0; i < RUNS; i++) { /* in turn, so that both see the same weather */
        small[i] = cost_of("1GiB", 262144);
        large[i] = cost_of("64GiB", 16777216);
    }
    qsort(small, RUNS, sizeof small[0], bench_by_size);
    qsort(large, RUNS, sizeof large[0], bench_by_size);
    printf("a page by stop-and-copy   %.1f ns of 1 GiB, %.1f ns of 64 GiB: %.2f times as much\n",
           small[RUNS / 2], large[RUNS / 2], large[RUNS / 2] / small[RUNS / 2]);
    return 0;
}
