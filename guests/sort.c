/* sort: fills memory with random numbers, sorts them, and checks what it did. It writes widely all
 * the time, so that a page lost or torn in a move ends in a wrong order or a wrong checksum.
 *
 * Bottom-up merge sort: runs of RUN numbers are sorted in place by insertion, then merged into runs
 * of twice the length, back and forth between two arrays, until one run is left. */
#include "runtime.h"

#include "base/prng.h"

#define RUN 8

static void sort_run(uint64_t *numbers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t number = numbers[i];
        size_t hole = i;
        for (; hole > 0 && numbers[hole - 1] > number; hole--)
            numbers[hole] = numbers[hole - 1];
        numbers[hole] = number;
    }
}

static void merge(const uint64_t *left, const uint64_t *left_end, const uint64_t *right,
                  const uint64_t *right_end, uint64_t *into)
{
    while (left < left_end && right < right_end)
        *into++ = *left <= *right ? *left++ : *right++;
    while (left < left_end)
        *into++ = *left++;
    while (right < right_end)
        *into++ = *right++;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Returns the array that holds the result: `numbers` or `spare`. */
static uint64_t *merge_sort(uint64_t *numbers, uint64_t *spare, size_t count)
{
    for (size_t at = 0; at < count; at += RUN)
        sort_run(numbers + at, least(RUN, count - at));
    for (size_t run = RUN; run < count; run *= 2) {
        uint64_t *merged = spare;
        for (size_t at = 0; at < count; at += 2 * run) {
            size_t middle = least(at + run, count), end = least(at + 2 * run, count);
            merge(numbers + at, numbers + middle, numbers + middle, numbers + end, merged + at);
        }
        spare = numbers;
        numbers = merged;
    }
    return numbers;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, count = 1 << 19;
    const struct option options[] = {
        {"--seed", OPTION_NUMBER, &seed, NULL},
        {"--count", OPTION_NUMBER, &count, NULL},
    };
    uint64_t *numbers = (uint64_t *)__heap_start;
    uint64_t free_bytes = memory_bytes() - ((uint64_t)__heap_start - RAM_BASE);
    uint64_t sum_before = 0, sum_after = 0, checksum = 0;
    bool is_sorted = true;

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (count > free_bytes / (2 * sizeof *numbers)) {
        print("sort: %lu numbers need more than the %lu KiB of memory that are free\n", count,
              free_bytes / 1024);
        return 2;
    }
    struct prng prng = prng_make(seed, 0);
    for (size_t i = 0; i < count; i++)
        sum_before += numbers[i] = prng_next(&prng);
    numbers = merge_sort(numbers, numbers + count, count);
    for (size_t i = 0; i < count; i++) {
        is_sorted &= i == 0 || numbers[i - 1] <= numbers[i];
        sum_after += numbers[i];
        checksum = checksum * 31 + numbers[i]; /* depends on the order as well */
    }
    is_sorted &= sum_before == sum_after;
    print("sort: %lu number%s, seed %lu, checksum %016lx, %s\n", count, plural(count), seed,
          checksum, is_sorted ? "sorted" : "NOT SORTED");
    return is_sorted ? 0 : 1;
}
