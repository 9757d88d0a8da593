/* Large models in little memory: a world's real memory, as the operating system counts it, against
 * bounds. Each world lives in a process of its own.
 *
 * For each page of the guest, in bytes: 3/4 for six sets of pages (present and dirty at both hosts,
 * to send, sent), 1/8 for the timeline's blocks; and where pages are written all over, 1 at each
 * host for the versions and 1 for the timeline. So 1 TiB takes 240 MiB, or 1 GiB at most until its
 * pages have been written 256 times. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/scripted.h"

#ifdef __SANITIZE_ADDRESS__ /* memory is counted otherwise there, and time is short */
#define IS_COUNTED false
#define LARGEST    "memory=64GiB"
#else
#define IS_COUNTED true
#define LARGEST    "memory=1TiB"
#endif

static void live(const char *words)
{
    struct scenario scenario;
    struct run run;
    scenario_of(&scenario, words);
    if (run_open(&run, &scenario, NULL, 0, false, NULL) != STATUS_OK)
        _exit(2);
    run_to_end(&run);
    bool is_well =
        run.timeline.outcome == OUTCOME_COMPLETED && oracle_holds(world_oracle(run.world));
    run_close(&run);
    _exit(is_well ? 0 : 1);
}

static uint64_t mib_of(const char *words)
{
    struct rusage usage;
    int status;
    pid_t child = fork();
    if (child == 0)
        live(words);
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: status %d", words, status);
    return (uint64_t)usage.ru_maxrss / 1024;
}

static void test_a_terabyte_is_small(void **state)
{
    static const struct {
        const char *words;
        uint64_t mib_max;
    } rows[] = {
        {"guest=model:idle mode=stop-and-copy bandwidth=100Gbit/s run-for=0ms " LARGEST, 512},
        {"guest=model:uniform dirty-rate=20kpages/s bandwidth=100Gbit/s run-for=0ms memory=128GiB",
         160},
        {"guest=model:zipf dirty-rate=50kpages/s mode=hybrid bandwidth=100Gbit/s run-for=0ms "
         "memory=64GiB",
         100},
        {"guest=model:phases dirty-rate=50kpages/s mode=post-copy bandwidth=100Gbit/s run-for=0ms "
         "memory=64GiB",
         100},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t mib = mib_of(rows[i].words);
        if (IS_COUNTED && mib > rows[i].mib_max)
            fail_msg("%s: %d MiB", rows[i].words, (int)mib);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_terabyte_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
