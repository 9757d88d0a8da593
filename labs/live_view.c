#include "labs/live_view.h"

#include <stdio.h>

#include "labs/command.h"

int live_view_show(const char *control_path, bool is_plain)
{
    (void)is_plain;
    fprintf(stderr, "ferry: %s cannot be watched yet\n", control_path);
    return EXIT_FAILED;
}
