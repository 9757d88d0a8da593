/* hostile plain|sealed COUNT [SEED [FIRST]]: so many mutated and truncated streams against a gateway,
 * hosts and a control door (hostile_attack.h), from stream FIRST on, and prints
 *
 *      hostile streams N left_out N processor_ms N answers N brought N taken N moved N quits N
 *      descriptors begin N tenth N end N
 *      memory_kib begin N tenth N end N
 *
 * Status 1, with seed and number of the stream, where something is harmed, dies, or stands still. */
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "live/hostile_attack.h"

/* A stream takes milliseconds. */
#define STANDS_STILL_S 180
#define LOOK_MS        100

struct used {
    unsigned descriptors;
    uint64_t memory_kib;
};

static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    MUST(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 3; /* with . and .. and the folder itself */
}

static uint64_t memory_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long all = 0, resident = 0;

    MUST(file != NULL && fscanf(file, "%lu %lu", &all, &resident) == 2);
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* Behind a check of both guests, when what was closed is let go. */
static struct used look(void)
{
    see_that_third_is_well();
    for (unsigned i = 0; i < 20; i++)
        turn();
    see_that_third_is_well();
    return (struct used){count_descriptors(), memory_kib()};
}

static uint64_t processor_ms(void)
{
    struct rusage used;
    MUST(getrusage(RUSAGE_SELF, &used) == 0);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static int run(const char *how, uint64_t count, uint64_t seed, uint64_t first,
               volatile uint64_t *told)
{
    static const struct channel_key key = {{7}};
    uint64_t end = first + count;
    struct used begin, tenth;

    hostile_open(seed, strcmp(how, "sealed") == 0 ? &key : NULL, told);
    begin = tenth = look();
    for (uint64_t n = first - first % BATCH; n < end; n += BATCH) {
        attack(n, BATCH);
        if (n < first + count / 10 && n + BATCH >= first + count / 10)
            tenth = look();
    }
    struct used now = look();
    printf("hostile streams %" PRIu64 " left_out %" PRIu64 " processor_ms %" PRIu64
           " answers %" PRIu64 " brought %" PRIu64 " taken %" PRIu64 " moved %" PRIu64
           " quits %" PRIu64 "\n",
           count, hostile.left_out, processor_ms(), hostile.counted + hostile.third_counted,
           hostile.brought, hostile.taken,
           gateway_guest_named(hostile.house.gateway, GUEST)->move_count, hostile.quits);
    printf("descriptors begin %u tenth %u end %u\n", begin.descriptors, tenth.descriptors,
           now.descriptors);
    printf("memory_kib begin %" PRIu64 " tenth %" PRIu64 " end %" PRIu64 "\n", begin.memory_kib,
           tenth.memory_kib, now.memory_kib);
    hostile_close();
    return 0;
}

/* Who dies cannot say of what: the other process does. */
static int watch(pid_t child, uint64_t seed, const volatile uint64_t *told)
{
    uint64_t last = UINT64_MAX;
    unsigned still = 0;
    int status;

    while (waitpid(child, &status, WNOHANG) == 0) {
        still = *told == last ? still + 1 : 0;
        last = *told;
        if (still > STANDS_STILL_S * 1000 / LOOK_MS)
            kill(child, SIGKILL);
        usleep(LOOK_MS * 1000);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
        return WEXITSTATUS(status);
    fprintf(stderr, "hostile: SEED=%" PRIu64 ", stream %" PRIu64 ": the process %s\n", seed, *told,
            still > STANDS_STILL_S * 1000 / LOOK_MS ? "stood still" : "has died");
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 5 || (strcmp(argv[1], "plain") != 0 && strcmp(argv[1], "sealed") != 0)) {
        fprintf(stderr, "usage: hostile plain|sealed COUNT [SEED [FIRST]]\n");
        return 2;
    }
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    uint64_t first = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
    volatile uint64_t *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(told != MAP_FAILED);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
        return run(argv[1], strtoull(argv[2], NULL, 0), seed, first, told);
    return watch(child, seed, told);
}
