#include "viz/sheet.h"

#include <stdio.h>
#include <string.h>

/* Parts of the picture's height, or of what its width is worth where it is narrow. */
static const double parts[LETTERS_COUNT] = {
    [LETTERS_SMALL] = 1.0 / 38,
    [LETTERS_PLAIN] = 1.0 / 32,
    [LETTERS_LARGE] = 1.0 / 28,
    [LETTERS_HUGE] = 1.0 / 10.4, /* digits are seven tenths as high: a fifteenth */
};

static double reference_height(const struct sheet *sheet)
{
    double height = paint_height(sheet->paint), width = paint_width(sheet->paint) * 9.0 / 16;
    return height < width ? height : width;
}

int sheet_size(const struct sheet *sheet, enum letters letters)
{
    double size = reference_height(sheet) * parts[letters] * sheet->scale;
    return size < 8 ? 8 : (int)(size + 0.5);
}

int sheet_gap(const struct sheet *sheet)
{
    return sheet_size(sheet, LETTERS_SMALL) / 2;
}

struct type sheet_type(const struct sheet *sheet, enum letters letters, struct colour colour)
{
    return (struct type){.size = sheet_size(sheet, letters), .colour = colour};
}

struct type sheet_bold(const struct sheet *sheet, enum letters letters, struct colour colour)
{
    return (struct type){.size = sheet_size(sheet, letters), .is_bold = true, .colour = colour};
}

struct type type_right(struct type type)
{
    type.align = ALIGN_RIGHT;
    return type;
}

struct type type_centre(struct type type)
{
    type.align = ALIGN_CENTRE;
    return type;
}

/* Without the last characters; a character of UTF-8 is cut as a whole. */
static void cut_text(const struct sheet *sheet, struct type type, int room, char *text)
{
    size_t count = strlen(text);
    while (count > 0 && paint_text_width(sheet->paint, type, text) > room) {
        while (count > 0 && ((unsigned char)text[count - 1] & 0xc0) == 0x80)
            count--;
        text[count > 0 ? --count : 0] = '\0';
    }
}

int sheet_fit(const struct sheet *sheet, int x, int y, int room, struct type type, const char *text)
{
    int smallest = sheet_size(sheet, LETTERS_SMALL), wanted = type.size;
    char cut[256];
    int width = paint_text_width(sheet->paint, type, text);
    if (width > room && type.size > smallest) /* near it at first, then pixel by pixel */
        type.size = (int)((long)type.size * (room > 0 ? room : 0) / width) + 1;
    while (type.size > smallest && paint_text_width(sheet->paint, type, text) > room)
        type.size--;
    if (type.size < smallest && wanted >= smallest)
        type.size = smallest;
    snprintf(cut, sizeof cut, "%s", text);
    cut_text(sheet, type, room, cut);
    /* Smaller letters stand on the same line. */
    return paint_text(sheet->paint, x, y + (wanted - type.size) * 7 / 8, type, cut);
}

/* " A ", as in "host A": it stays with the word before it. */
static bool is_letter_alone(const char *text)
{
    return text[0] == ' ' && text[1] != '\0' && text[1] != ' ' && strchr(" .,;:", text[2]) != NULL;
}

/* The end of the line that begins at `text`: behind its last word that fits, or, without a blank
 * (Chinese has none), behind the last character. */
static size_t line_end(const struct sheet *sheet, struct type type, int room, const char *text)
{
    size_t best = 0, count = 0;
    int width = 0;
    while (text[count] != '\0') {
        char character[8] = "";
        size_t next = count + 1;
        while (((unsigned char)text[next] & 0xc0) == 0x80)
            next++;
        snprintf(character, sizeof character, "%.*s", (int)(next - count), text + count);
        width += paint_text_width(sheet->paint, type, character);
        if (width > room && count > 0)
            return best > 0 ? best : count;
        bool is_wide = (unsigned char)text[count] >= 0xe3; /* from U+3000 on: ideographs */
        if ((text[next] == ' ' && !is_letter_alone(text + next)) || text[next] == '\0' || is_wide)
            best = next;
        count = next;
    }
    return count;
}

static int count_lines(const struct sheet *sheet, struct type type, int room, const char *text)
{
    int count = 0;
    for (; *text != '\0'; count++) {
        text += line_end(sheet, type, room, text);
        text += strspn(text, " ");
    }
    return count;
}

/* Narrower, but not by much, as long as there are not more lines: no word stands alone in the last
 * one. */
static int balanced_width(const struct sheet *sheet, struct type type, int room, const char *text)
{
    int lines = count_lines(sheet, type, room, text);
    int low = lines > 1 ? room * 2 / 3 : room, high = room;
    while (high - low > type.size) {
        int middle = (low + high) / 2;
        if (count_lines(sheet, type, middle, text) > lines)
            low = middle;
        else
            high = middle;
    }
    return high;
}

int sheet_wrap(const struct sheet *sheet, struct area area, struct type type, const char *text)
{
    int line_height = paint_line_height(sheet->paint, type), y = area.y;
    int width = balanced_width(sheet, type, area.width, text);
    while (*text != '\0' && y + line_height <= area.y + area.height) {
        char line[512];
        size_t count = line_end(sheet, type, width, text);
        snprintf(line, sizeof line, "%.*s", (int)count, text);
        paint_text(sheet->paint, area.x, y, type, line);
        text += count;
        text += strspn(text, " ");
        y += line_height;
    }
    return y - area.y;
}

struct area area_inset(struct area area, int by)
{
    return (struct area){area.x + by, area.y + by, area.width - 2 * by, area.height - 2 * by};
}
