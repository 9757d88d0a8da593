/* words: numbers as people read them, for all panels, the narrator and the plain lines, so that the
 * same quantity looks the same everywhere.
 *
 * The returned text lives in the `struct words` that the caller provides.
 */
#ifndef TUI_WORDS_H
#define TUI_WORDS_H

#include <stdbool.h>
#include <stdint.h>

struct words {
    char text[48];
};

/* "16,384"; from a hundred million on "268.4 M". */
const char *words_count(struct words *words, uint64_t count);
/* "16,384", but "1.000 M" from a million on: for columns of seven. */
const char *words_short(struct words *words, uint64_t count);
/* "9,999", "16.4k", "1.05M": at most five columns up to a thousand million. */
const char *words_brief(struct words *words, uint64_t count);
/* "1 page", "16,384 pages": `one` is the noun, its plural gets an s. */
const char *words_counted(struct words *words, uint64_t count, const char *one);
/* "2.750 s", "18.42 ms", "0 ns"; "-" for UINT64_MAX, which stands for "no such time". */
const char *words_time(struct words *words, uint64_t time_ns);
/* "3.017 s", always in seconds: the running clock must not change its unit under the eye. */
const char *words_clock(struct words *words, uint64_t time_ns);
/* The same with six decimals, for the slowed clock. */
const char *words_clock_fine(struct words *words, uint64_t time_ns);
/* "6,061 pages/s"; "-" for 0, which stands for "not measured yet". */
const char *words_page_rate(struct words *words, uint64_t pages_per_s);
/* "200.0 Mbit/s"; of a real link "23.84 MiB/s", as all that is moved over it is told. */
const char *words_bandwidth(struct words *words, uint64_t bits_per_s, bool is_real);
/* "64.00 MiB" */
const char *words_size(struct words *words, uint64_t bytes);

#endif
