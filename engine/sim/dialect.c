#include "sim/dialect.h"

#include <stddef.h>
#include <string.h>

const struct dialect *dialect_find(const char *guest)
{
    static const struct dialect *const dialects[] = {&dialect_kv, &dialect_web, &dialect_chat,
                                                     &dialect_game};
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
        if (strcmp(dialects[i]->guest, guest) == 0)
            return dialects[i];
    return NULL;
}
