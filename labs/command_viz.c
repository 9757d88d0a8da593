/* ferry viz: the graphical view is a program of its own beside this one, so that ferry needs no
 * SDL.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "labs/beside.h"
#include "labs/command.h"

int command_viz(const struct command *command, int word_count, char **words)
{
    struct problem problem = {STATUS_OK, ""};
    char path[BESIDE_PATH_MAX];
    char **line = calloc((size_t)word_count + 2, sizeof *line);

    if (!beside_path("bin/ferry-viz", path, sizeof path))
        problem_set(&problem, STATUS_NO_FILE, "ferry cannot find its own folder");
    else if (line != NULL) {
        line[0] = path;
        memcpy(line + 1, words, (size_t)word_count * sizeof *line);
        execv(path, line);
        if (errno == ENOENT)
            problem_set(&problem, STATUS_NO_FILE,
                        "%.150s is not there: install libsdl2-dev, libsdl2-ttf-dev, libpng-dev and "
                        "fonts-wqy-microhei, then make",
                        path);
        else
            problem_set(&problem, STATUS_NO_FILE, "%.150s: %s", path, strerror(errno));
    }
    free(line);
    return command_refuse(command, &problem);
}
