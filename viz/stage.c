#include "viz/stage.h"

#include <string.h>

static const struct scene scenes[] = {
    {"crossing", "one guest moves from host A to host B", scene_crossing},
};

int scene_count(void)
{
    return sizeof scenes / sizeof scenes[0];
}

const struct scene *scene_at(int idx)
{
    return &scenes[idx];
}

const struct scene *scene_find(const char *name)
{
    for (int i = 0; i < scene_count(); i++)
        if (strcmp(scenes[i].name, name) == 0)
            return &scenes[i];
    return NULL;
}
