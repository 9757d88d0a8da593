/* Primes by a sieve, and numbers sorted by exchange and by heap. */
#include "bench.h"

#ifndef ROUNDS
#define ROUNDS 8
#endif
#define PRIMES_BELOW (4u << 20)
#define NUMBERS      (256u << 10)

static uint8_t is_composite[PRIMES_BELOW];
static uint32_t numbers[NUMBERS];

static uint32_t sieve(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PRIMES_BELOW; i++)
        is_composite[i] = 0;
    for (uint32_t i = 2; i < PRIMES_BELOW; i++) {
        if (is_composite[i])
            continue;
        count++;
        for (uint64_t j = (uint64_t)i * i; j < PRIMES_BELOW; j += i)
            is_composite[j] = 1;
    }
    return count;
}

static void quick_sort(uint32_t *first, uint32_t *last)
{
    while (first < last) {
        uint32_t pivot = first[(last - first) / 2];
        uint32_t *left = first, *right = last;
        while (left <= right) {
            while (*left < pivot)
                left++;
            while (*right > pivot)
                right--;
            if (left > right)
                break;
            uint32_t held = *left;
            *left++ = *right;
            *right-- = held;
        }
        if (right - first < last - left) {
            quick_sort(first, right);
            first = left;
        } else {
            quick_sort(left, last);
            last = right;
        }
    }
}

static void sift(uint32_t *heap, size_t at, size_t count)
{
    uint32_t number = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && heap[child] < heap[child + 1])
            child++;
        if (heap[child] <= number)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = number;
}

static void heap_sort(uint32_t *heap, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(heap, i, count);
    while (count-- > 1) {
        uint32_t most = heap[0];
        heap[0] = heap[count];
        heap[count] = most;
        sift(heap, 0, count);
    }
}

static void fill(uint32_t seed)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        seed = seed * 1664525 + 1013904223;
        numbers[i] = seed;
    }
}

static int is_sorted(void)
{
    for (size_t i = 1; i < NUMBERS; i++)
        if (numbers[i - 1] > numbers[i])
            return 0;
    return 1;
}

int bench_main(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        if (sieve() != 295947)
            return 1;
        fill(round);
        quick_sort(numbers, numbers + NUMBERS - 1);
        if (!is_sorted())
            return 2;
        fill(round);
        heap_sort(numbers, NUMBERS);
        if (!is_sorted())
            return 3;
    }
    return 0;
}
