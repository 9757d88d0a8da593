#include "runtime.h"

#include <stdarg.h>

#define ARGUMENT_BYTES 4096 /* as many as a machine takes */
#define ARGUMENTS_MAX  64

int main(int argc, char **argv);
int runtime_main(void); /* called by start.S */

int runtime_main(void)
{
    static char block[ARGUMENT_BYTES + 1];
    static char *argv[ARGUMENTS_MAX + 1];
    int argc = 0;
    struct hypercall_result result =
        hypercall(HYPERCALL_ARGUMENTS, 0, (uint64_t)block, ARGUMENT_BYTES, 0);
    size_t count = result.value < ARGUMENT_BYTES ? result.value : ARGUMENT_BYTES;

    for (size_t at = 0; at < count && argc < ARGUMENTS_MAX; at += strlen(block + at) + 1)
        argv[argc++] = block + at;
    return main(argc, argv);
}

void sleep_until(uint64_t at_ns)
{
    set_timer(at_ns);
    while (time_ns() < at_ns)
        wait_for_something();
    set_timer(UINT64_MAX);
}

/* ---- Memory ---- */

typedef uint64_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    for (; count >= 32; count -= 32, t += 32, f += 32) {
        word a = ((const word *)f)[0], b = ((const word *)f)[1];
        word c = ((const word *)f)[2], d = ((const word *)f)[3];
        ((word *)t)[0] = a, ((word *)t)[1] = b;
        ((word *)t)[2] = c, ((word *)t)[3] = d;
    }
    for (; count >= 8; count -= 8, t += 8, f += 8)
        *(word *)t = *(const word *)f;
    while (count-- > 0)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (t <= f || t >= f + count) {
        /* Forwards, word by word: what a store overwrites has been loaded before. */
        for (; count >= 8; count -= 8, t += 8, f += 8)
            *(word *)t = *(const word *)f;
        while (count-- > 0)
            *t++ = *f++;
        return to;
    }
    for (; count >= 8; count -= 8)
        *(word *)(t + count - 8) = *(const word *)(f + count - 8);
    while (count-- > 0)
        t[count] = f[count];
    return to;
}

void *memset(void *to, int byte, size_t count)
{
    uint8_t *t = to;
    word pattern = (uint8_t)byte * 0x0101010101010101ull;

    for (; count >= 32; count -= 32, t += 32) {
        ((word *)t)[0] = pattern, ((word *)t)[1] = pattern;
        ((word *)t)[2] = pattern, ((word *)t)[3] = pattern;
    }
    for (; count >= 8; count -= 8, t += 8)
        *(word *)t = pattern;
    while (count-- > 0)
        *t++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *x = a, *y = b;

    for (; count >= 8 && *(const word *)x == *(const word *)y; count -= 8)
        x += 8, y += 8;
    for (; count > 0; count--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

uint64_t checksum(const void *bytes, size_t count, uint64_t before)
{
    const uint8_t *at = bytes;
    uint64_t sum = before + count;

    for (; count >= 8; count -= 8, at += 8) {
        sum = (sum ^ *(const word *)at) * 0x9e3779b97f4a7c15ull;
        sum ^= sum >> 32;
    }
    for (; count > 0; count--, at++)
        sum = (sum ^ *at) * 0x9e3779b97f4a7c15ull;
    return sum ^ sum >> 29;
}

size_t strlen(const char *text)
{
    size_t count = 0;
    while (text[count] != '\0')
        count++;
    return count;
}

int strcmp(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++)
        b++;
    return (uint8_t)*a - (uint8_t)*b;
}

/* ---- Console ---- */

void write_console(const char *text, size_t count)
{
    while (count > 0) {
        struct hypercall_result result = hypercall(HYPERCALL_DBCN, 0, count, (uint64_t)text, 0);
        if (result.error < 0)
            return;
        text += result.value;
        count -= result.value;
    }
}

struct writer {
    char *text;
    size_t count, capacity;
};

static void put(struct writer *writer, char c)
{
    if (writer->count < writer->capacity)
        writer->text[writer->count++] = c;
}

/* What stands between % and its letter. */
struct field {
    unsigned width;
    bool is_left, is_zero, is_long;
};

static const char *read_field(const char *format, struct field *field)
{
    *field = (struct field){0};
    for (; *format == '-' || *format == '0'; format++) {
        field->is_left |= *format == '-';
        field->is_zero |= *format == '0';
    }
    for (; *format >= '0' && *format <= '9'; format++)
        field->width = field->width * 10 + (unsigned)(*format - '0');
    for (; *format == 'l' || *format == 'z'; format++)
        field->is_long = true;
    return format;
}

static void put_field(struct writer *writer, const struct field *field, const char *text,
                      size_t count)
{
    for (size_t i = count; i < field->width && !field->is_left; i++)
        put(writer, ' ');
    for (size_t i = 0; i < count; i++)
        put(writer, text[i]);
    for (size_t i = count; i < field->width && field->is_left; i++)
        put(writer, ' ');
}

static void put_number(struct writer *writer, struct field field, const char *sign, uint64_t value,
                       const char *digits, unsigned base)
{
    char text[64], *at = text + sizeof text;
    size_t sign_count = strlen(sign);

    do {
        *--at = digits[value % base];
        value /= base;
    } while (value > 0);
    size_t count = (size_t)(text + sizeof text - at);
    if (field.is_zero && !field.is_left) { /* zeros stand behind the sign */
        for (size_t i = 0; i < sign_count; i++)
            put(writer, sign[i]);
        for (size_t i = sign_count + count; i < field.width; i++)
            put(writer, '0');
        field.width = 0;
    } else {
        at -= sign_count;
        count += sign_count;
        memcpy(at, sign, sign_count);
    }
    put_field(writer, &field, at, count);
}

static void put_format(struct writer *writer, const char *format, va_list arguments)
{
    static const char digits[] = "0123456789abcdef";

    for (; *format != '\0'; format++) {
        const char *begin = format;
        struct field field;
        if (*format != '%') {
            put(writer, *format);
            continue;
        }
        format = read_field(format + 1, &field);
        if (*format == 's') {
            const char *text = va_arg(arguments, const char *);
            put_field(writer, &field, text, strlen(text));
        } else if (*format == 'c') {
            char c = (char)va_arg(arguments, int);
            put_field(writer, &field, &c, 1);
        } else if (*format == 'd' || *format == 'i') {
            int64_t value = field.is_long ? va_arg(arguments, long) : va_arg(arguments, int);
            put_number(writer, field, value < 0 ? "-" : "",
                       value < 0 ? -(uint64_t)value : (uint64_t)value, digits, 10);
        } else if (*format == 'u' || *format == 'x' || *format == 'X') {
            uint64_t value =
                field.is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);
            put_number(writer, field, "", value, *format == 'X' ? "0123456789ABCDEF" : digits,
                       *format == 'u' ? 10 : 16);
        } else if (*format == 'p') {
            put_number(writer, field, "0x", (uint64_t)va_arg(arguments, void *), digits, 16);
        } else if (*format == '%') {
            put(writer, '%');
        } else {
            /* Up to its letter, which may stand behind signs that are not known here. */
            while (*format != '\0' && (*format < 'A' || *format > 'z'))
                format++;
            for (; begin <= format && *begin != '\0'; begin++)
                put(writer, *begin);
            if (*format == '\0')
                return;
            (void)va_arg(arguments, uint64_t);
        }
    }
}

void print(const char *format, ...)
{
    char text[256];
    struct writer writer = {text, 0, sizeof text};
    va_list arguments;

    va_start(arguments, format);
    put_format(&writer, format, arguments);
    va_end(arguments);
    write_console(text, writer.count);
}

size_t format_text(char *text, size_t capacity, const char *format, ...)
{
    struct writer writer = {text, 0, capacity};
    va_list arguments;

    va_start(arguments, format);
    put_format(&writer, format, arguments);
    va_end(arguments);
    return writer.count;
}

/* ---- Options ---- */

static bool parse_factor(enum option_kind kind, const char *unit, uint64_t *factor)
{
    static const struct {
        enum option_kind kind;
        const char *name;
        uint64_t factor;
    } units[] = {
        {OPTION_SIZE, "B", 1},
        {OPTION_SIZE, "KiB", 1ull << 10},
        {OPTION_SIZE, "MiB", 1ull << 20},
        {OPTION_SIZE, "GiB", 1ull << 30},
        {OPTION_SIZE, "kB", 1000},
        {OPTION_SIZE, "MB", 1000000},
        {OPTION_SIZE, "GB", 1000000000},
        {OPTION_RATE, "pages/s", 1},
        {OPTION_RATE, "kpages/s", 1000},
        {OPTION_RATE, "Mpages/s", 1000000},
        {OPTION_FREQUENCY, "/s", 1},
        {OPTION_FREQUENCY, "k/s", 1000},
        {OPTION_FREQUENCY, "M/s", 1000000},
        {OPTION_TIME, "ns", 1},
        {OPTION_TIME, "us", 1000},
        {OPTION_TIME, "ms", 1000000},
        {OPTION_TIME, "s", 1000000000},
    };

    *factor = 1;
    if (*unit == '\0')
        return kind != OPTION_TIME; /* 20 could be anything */
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].kind != kind || strcmp(units[i].name, unit) != 0)
            continue;
        *factor = units[i].factor;
        return true;
    }
    return false;
}

static bool parse_number(enum option_kind kind, const char *text, uint64_t *value)
{
    uint64_t number = 0, factor;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    return at > text && parse_factor(kind, at, &factor) &&
           !__builtin_mul_overflow(number, factor, value);
}

static bool parse_value(const struct option *option, const char *text)
{
    if (option->kind != OPTION_WORD)
        return parse_number(option->kind, text, option->value);
    for (uint64_t i = 0; option->words[i] != NULL; i++) {
        if (strcmp(option->words[i], text) != 0)
            continue;
        *option->value = i;
        return true;
    }
    return false;
}

void read_options(int argc, char **argv, const struct option *options, size_t option_count)
{
    static const char *const examples[] = {
        [OPTION_NUMBER] = "a number such as 20",      [OPTION_SIZE] = "a size such as 16MiB",
        [OPTION_RATE] = "a rate such as 5000pages/s", [OPTION_FREQUENCY] = "a rate such as 500/s",
        [OPTION_TIME] = "a time such as 20ms",        [OPTION_WORD] = "one of its words",
    };
    const char *program = argc > 0 ? argv[0] : "guest";

    for (int i = 1; i < argc; i += 2) {
        const struct option *option = options;
        while (option < options + option_count && strcmp(option->name, argv[i]) != 0)
            option++;
        if (option == options + option_count) {
            print("%s: unknown option %s", program, argv[i]);
            for (option = options; option < options + option_count; option++)
                print("%s %s", option == options ? "; known are" : ",", option->name);
            print("\n");
            exit(2);
        }
        if (i + 1 == argc || !parse_value(option, argv[i + 1])) {
            print("%s: %s needs %s", program, argv[i], examples[option->kind]);
            for (size_t w = 0; option->kind == OPTION_WORD && option->words[w] != NULL; w++)
                print("%s %s", w == 0 ? ":" : ",", option->words[w]);
            print("%s%s\n", i + 1 == argc ? "" : ", not ", i + 1 == argc ? "" : argv[i + 1]);
            exit(2);
        }
    }
}
