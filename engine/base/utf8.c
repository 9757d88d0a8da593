#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff;
}

/* Of a character's first byte; 0: no character begins with it. */
static size_t length_of(uint8_t first)
{
    return first < 0x80   ? 1
           : first < 0xc2 ? 0
           : first < 0xe0 ? 2
           : first < 0xf0 ? 3
           : first < 0xf5 ? 4
                          : 0;
}

size_t utf8_shown(const char *text, size_t room, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *bytes = (const uint8_t *)text;
    size_t count = room > 0 ? length_of(bytes[0]) : 0;

    if (count == 0 || count > room)
        return 0;
    uint32_t value = count == 1 ? bytes[0] : bytes[0] & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    bool is_there =
        value >= least[count] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    if (!is_there || is_hidden(value))
        return 0;
    if (code != NULL)
        *code = value;
    return count;
}

void utf8_make_showable(char *text, size_t count, char tab)
{
    for (size_t i = 0; i < count;) {
        size_t shown = utf8_shown(text + i, count - i, NULL);
        if (shown == 0)
            text[i] = text[i] == '\t' ? tab : '?';
        i += shown == 0 ? 1 : shown;
    }
}

size_t utf8_cut(const char *text, size_t room)
{
    size_t count = strnlen(text, room + 1);

    if (count <= room)
        return count;
    for (count = room; count > 0 && ((uint8_t)text[count] & 0xc0) == 0x80;)
        count--;
    return count;
}
