/* scripted: what the tests of this folder have in common: scenarios as words, guests' images. */
#ifndef SIM_SCRIPTED_H
#define SIM_SCRIPTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/run.h"

struct image {
    uint8_t *data; /* owned; NULL for a model */
    size_t count;
};

/* A scenario as on a command line: "key=value" words. */
static inline void scenario_of(struct scenario *scenario, const char *words)
{
    struct problem problem = {0};
    char text[512], *save = NULL;

    scenario_init(scenario);
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value++ = '\0';
        if (scenario_set(scenario, word, value, &problem) != STATUS_OK)
            fail_msg("%s", problem.text);
    }
    if (scenario_check(scenario, false, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
}

static inline struct image image_read(const char *guest)
{
    char path[1024];
    struct image image = {0};
    snprintf(path, sizeof path, BUILD_DIR "/guests/%s", guest);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    image.count = (size_t)ftell(file);
    rewind(file);
    image.data = malloc(image.count);
    assert_int_equal(fread(image.data, 1, image.count, file), image.count);
    fclose(file);
    return image;
}

#endif
