#include "tui/words.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "tui/translate.h"

const char *words_count(struct words *words, uint64_t count)
{
    if (count >= 100000000)
        snprintf(words->text, sizeof words->text, "%.1f M", (double)count / 1e6);
    else
        units_for_people(UNIT_COUNT, count, words->text, sizeof words->text);
    return words->text;
}

const char *words_short(struct words *words, uint64_t count)
{
    if (count < 1000000)
        return words_count(words, count);
    double millions = (double)count / 1e6;
    snprintf(words->text, sizeof words->text, "%.*f M",
             millions < 9.9995   ? 3
             : millions < 99.995 ? 2
                                 : 1,
             millions);
    return words->text;
}

const char *words_brief(struct words *words, uint64_t count)
{
    bool is_kilo = count < 999500;
    double value = (double)count / (is_kilo ? 1e3 : 1e6);
    if (count < 10000)
        return words_count(words, count);
    snprintf(words->text, sizeof words->text, "%.*f%c",
             value < 9.995   ? 2
             : value < 99.95 ? 1
                             : 0,
             value, is_kilo ? 'k' : 'M');
    return words->text;
}

const char *words_counted(struct words *words, uint64_t count, const char *one)
{
    const char *translated = gettext(one);
    words_count(words, count);
    size_t at = strlen(words->text);
    /* Only English has a plural here. */
    snprintf(words->text + at, sizeof words->text - at, " %s%s", translated,
             count == 1 || translated != one ? "" : "s");
    return words->text;
}

const char *words_time(struct words *words, uint64_t time_ns)
{
    if (time_ns == UINT64_MAX)
        snprintf(words->text, sizeof words->text, "-");
    else
        units_for_people(UNIT_TIME, time_ns, words->text, sizeof words->text);
    return words->text;
}

const char *words_clock(struct words *words, uint64_t time_ns)
{
    snprintf(words->text, sizeof words->text, "%llu.%03llu s",
             (unsigned long long)(time_ns / NS_PER_S), time_ns % NS_PER_S / NS_PER_MS);
    return words->text;
}

const char *words_clock_fine(struct words *words, uint64_t time_ns)
{
    snprintf(words->text, sizeof words->text, "%llu.%06llu s",
             (unsigned long long)(time_ns / NS_PER_S), time_ns % NS_PER_S / NS_PER_US);
    return words->text;
}

const char *words_page_rate(struct words *words, uint64_t pages_per_s)
{
    if (pages_per_s == 0) {
        snprintf(words->text, sizeof words->text, "-");
        return words->text;
    }
    words_count(words, pages_per_s);
    strcat(words->text, " pages/s");
    return words->text;
}

const char *words_bandwidth(struct words *words, uint64_t bits_per_s, bool is_real)
{
    if (bits_per_s == 0) /* a real link, as it is */
        return _("no limit");
    if (is_real)
        units_for_people(UNIT_SIZE, bits_per_s / 8, words->text, sizeof words->text);
    else
        units_for_people(UNIT_BANDWIDTH, bits_per_s, words->text, sizeof words->text);
    if (is_real)
        strcat(words->text, "/s");
    return words->text;
}

const char *words_size(struct words *words, uint64_t bytes)
{
    units_for_people(UNIT_SIZE, bytes, words->text, sizeof words->text);
    return words->text;
}
