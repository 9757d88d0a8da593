/* How fast the machine runs programs: whole processes of `ferry guest run`, in turn with those of
 * qemu-riscv64, which translates the same files into the host's own instructions. Prints the median
 * of each in seconds of processor time, and their ratio: the figure that can be compared between
 * machines that are not equally fast. The first argument says how many rounds (3 without it).
 *
 * Without qemu-riscv64 (Debian: qemu-user) the ratios are left out. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bench.h"
#include "machine/machine.h"

#define ROUNDS_MAX 20
#define FERRY      BUILD_DIR "/bin/ferry"

static const char *const programs[] = {"core", "sieve_sort", "stores", "touch"};
#define PROGRAMS (sizeof programs / sizeof *programs)

static double seconds_of_children(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Processor time of the process, or a negative number when it cannot be started or fails. */
static double run(char *const *words)
{
    double before = seconds_of_children();
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        execvp(words[0], words);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        return -1;
    return seconds_of_children() - before;
}

static double median(double *times, int count)
{
    qsort(times, (size_t)count, sizeof *times, bench_by_size);
    return times[count / 2];
}

/* False: the machine itself could not run it. */
static bool measure(const char *name, int rounds)
{
    static double ours[ROUNDS_MAX], theirs[ROUNDS_MAX];
    char path[256];
    snprintf(path, sizeof path, BUILD_DIR "/bench/%s", name);
    char *const ferry[] = {FERRY, "guest", "run", "--memory", "128MiB", path, NULL};
    char *const qemu[] = {"qemu-riscv64", path, NULL};
    bool has_qemu = true;

    for (int i = 0; i < rounds; i++) { /* in turn, so that both see the same weather */
        ours[i] = run(ferry);
        theirs[i] = run(qemu);
        has_qemu &= theirs[i] >= 0;
        if (ours[i] < 0) {
            fprintf(stderr, "fast_bench: %s does not run %s: make bench builds both\n", FERRY,
                    path);
            return false;
        }
    }
    printf("%-12s %8.3f s", name, median(ours, rounds));
    if (has_qemu)
        printf(", %5.2f times qemu-riscv64 (%.3f s)", median(ours, rounds) / median(theirs, rounds),
               median(theirs, rounds));
    printf("\n");
    return true;
}

/* ---- Within this process: what tracking, harts and short slices add ---- */

#define GUEST_NS 3000000000ull
#define CPU_RATE 100000000ull
#define LONG_NS  100000000ull
#define SHORT_NS 10000ull /* a thousand instructions */

struct way {
    const char *name;
    uint64_t slice_ns;
    bool is_tracking;
};

static const struct way ways[] = {
    {"long slices", LONG_NS, false},
    {"tracking on", LONG_NS, true},
    {"10 us slices", SHORT_NS, false},
};
#define WAYS (sizeof ways / sizeof *ways)

/* Seconds for GUEST_NS of the program; the traps of tracking are taken, and answered with nothing.
 */
static double live(const struct way *way, const uint8_t *image, size_t image_bytes)
{
    const struct machine_config config = {
        .memory_bytes = 64 << 20, .cpu_rate = CPU_RATE, .hart_count = 1};
    struct guest *guest;
    struct guest_run run;
    if (machine_open(&config, "bench", image, image_bytes, &guest, NULL) != STATUS_OK)
        return -1;
    double begun = bench_seconds();
    if (way->is_tracking)
        guest->ops->track(guest, true);
    for (uint64_t until_ns = way->slice_ns; until_ns <= GUEST_NS; until_ns += way->slice_ns)
        do
            guest->ops->run(guest, until_ns, &run);
        while (run.stop == GUEST_DIRTIED);
    double took = bench_seconds() - begun;
    guest->ops->close(guest);
    return run.stop == GUEST_TIME_REACHED ? took : -1;
}

static bool measure_ways(int rounds)
{
    static double times[WAYS][ROUNDS_MAX];
    static uint8_t image[1 << 20];
    FILE *file = fopen(BUILD_DIR "/bench/core", "rb");
    size_t image_bytes = file != NULL ? fread(image, 1, sizeof image, file) : 0;
    if (file != NULL)
        fclose(file);
    for (int i = 0; i < rounds; i++)
        for (size_t w = 0; w < WAYS; w++)
            if ((times[w][i] = live(&ways[w], image, image_bytes)) < 0)
                return false;
    for (size_t w = 0; w < WAYS; w++) {
        double took = median(times[w], rounds);
        printf("%-12s %8.3f s, %5.3f times long slices\n", ways[w].name, took,
               took / times[0][rounds / 2]);
    }
    return true;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 3;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "fast_bench: the argument is a number of rounds from 1 to %d\n",
                ROUNDS_MAX);
        return 2;
    }
    for (size_t i = 0; i < PROGRAMS; i++)
        if (!measure(programs[i], rounds))
            return 1;
    return measure_ways(rounds) ? 0 : 1;
}
