/* What a run costs in real memory: a guest of 64 MiB on two hosts stays below 200 MiB in all, in
 * every mode. Counted in bytes, by the system, at the end of the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/event.h"

#define MOST_KIB (200 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1 /* its shadow is real memory too */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

static long peak_kib(enum mode mode)
{
    struct rusage usage;
    int status;
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDOUT_FILENO);
        execl(BUILD_DIR "/bin/ferry", "ferry", "demo", "--plain", "--mode", mode_name(mode), NULL);
        _exit(127);
    }
    assert_true(child > 0);
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return usage.ru_maxrss;
}

static void a_guest_of_64_mib_runs_in_less_than_200_mib(void **state)
{
    (void)state;
#ifdef IS_SANITIZED
    skip();
#endif
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        long kib = peak_kib((enum mode)mode);
        assert_true(kib > 64 * 1024); /* the guest itself is real */
        if (kib >= MOST_KIB)
            fail_msg("%s: %ld KiB at its peak", mode_name((enum mode)mode), kib);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_of_64_mib_runs_in_less_than_200_mib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
