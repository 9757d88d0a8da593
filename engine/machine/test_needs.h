/* test_needs: other people's programs that a test compares with. Only tests include this.
 *
 * Where one is missing the test is skipped, and says so in a line that .ci/test shows.
 */
#ifndef MACHINE_TEST_NEEDS_H
#define MACHINE_TEST_NEEDS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline bool has_program(const char *name, const char *package)
{
    char command[100];
    snprintf(command, sizeof command, "command -v %s >/dev/null", name);
    if (system(command) == 0)
        return true;
    printf("skipped: there is no %s here (Debian's package %s)\n", name, package);
    fflush(stdout);
    return false;
}

#endif
