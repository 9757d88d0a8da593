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
    return 0;
}
