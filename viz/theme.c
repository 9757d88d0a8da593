#include "viz/theme.h"

#include <string.h>

#define RGB(code)                                              \
    {                                                          \
        (code) >> 16 & 255, (code) >> 8 & 255, (code)&255, 255 \
    }

const struct theme theme_dark = {
    .name = "dark",
    .paper = RGB(0x0b0e14),
    .panel = RGB(0x151a23),
    .ink = RGB(0xf5f5f5),
    .faint = RGB(0xa9b1bd),
    .line = RGB(0x4a5464),
    .clean = RGB(0x009e73),
    .dirty = RGB(0xe69f00),
    .in_flight = RGB(0x56b4e9),
    .missing = RGB(0xcc79a7),
    .waited_for = RGB(0xff6f1a),
    .forecast = RGB(0xcc79a7),
    .alarm = RGB(0xff6f1a),
    .raised = RGB(0xff6f1a),
    .why = {RGB(0x56b4e9), RGB(0xe69f00), RGB(0xff6f1a), RGB(0x2fc79a)},
};

const struct theme theme_light = {
    .name = "light",
    .paper = RGB(0xffffff),
    .panel = RGB(0xf1f3f6),
    .ink = RGB(0x000000),
    .faint = RGB(0x4a5058),
    .line = RGB(0x9aa3ae),
    .clean = RGB(0x009e73),
    .dirty = RGB(0xbf7300),
    .in_flight = RGB(0x0072b2),
    .missing = RGB(0xb0508a),
    .waited_for = RGB(0xd55e00),
    .forecast = RGB(0xb0508a),
    .alarm = RGB(0xc24e00),
    .raised = RGB(0xffb870),
    .why = {RGB(0x0072b2), RGB(0xbf7300), RGB(0xc24e00), RGB(0x00805c)},
};

const struct theme *theme_find(const char *name)
{
    const struct theme *const themes[] = {&theme_dark, &theme_light};
    for (size_t i = 0; i < sizeof themes / sizeof themes[0]; i++)
        if (strcmp(themes[i]->name, name) == 0)
            return themes[i];
    return NULL;
}

enum mark theme_mark(enum why why)
{
    static const enum mark marks[WHY_COUNT] = {
        [WHY_FIRST] = MARK_SQUARE,
        [WHY_RESENT] = MARK_TRIANGLE,
        [WHY_FAULT] = MARK_DIAMOND,
        [WHY_PUSHED] = MARK_CIRCLE,
    };
    return marks[why];
}
