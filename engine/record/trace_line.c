#include "record/trace_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

#define TEXT_MAX 320 /* of one piece: longer than any name here */

void trace_text(struct bytes *text, const char *format, ...)
{
    char piece[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    MUST(count >= 0 && (size_t)count < sizeof piece);
    bytes_put(text, piece, (size_t)count);
}

/* The key of the next member, with a comma where one stands before it. */
static void put_key(struct bytes *text, const char *key)
{
    bool is_first = text->data[text->count - 1] == '{';
    trace_text(text, "%s\"%s\":", is_first ? "" : ",", key);
}

void trace_line_begin(struct bytes *text, char phase, uint32_t pid)
{
    trace_text(text, "{\"ph\":\"%c\",\"pid\":%u", phase, pid);
}

void trace_line_time(struct bytes *text, const char *key, uint64_t ns)
{
    put_key(text, key);
    trace_text(text, "%llu", (unsigned long long)(ns / 1000));
    unsigned left = (unsigned)(ns % 1000), digits = 3;
    for (; left > 0 && left % 10 == 0; digits--)
        left /= 10;
    if (left > 0)
        trace_text(text, ".%0*u", (int)digits, left);
}

void trace_line_number(struct bytes *text, const char *key, uint64_t value)
{
    bool is_exact = value <= TRACE_NUMBER_MAX;
    put_key(text, key);
    trace_text(text, is_exact ? "%llu" : "\"%llu\"", (unsigned long long)value);
}

void trace_line_text(struct bytes *text, const char *key, const char *value)
{
    put_key(text, key);
    bytes_put_u8(text, '"');
    for (; *value != '\0'; value++) {
        bool is_plain = *value >= ' ' && *value < 0x7f && *value != '"' && *value != '\\';
        bytes_put_u8(text, is_plain ? (uint8_t)*value : '?');
    }
    bytes_put_u8(text, '"');
}

void trace_line_args(struct bytes *text)
{
    trace_text(text, ",\"args\":{");
}

void trace_line_end(struct bytes *text, bool has_args)
{
    trace_text(text, has_args ? "}}" : "}");
}
