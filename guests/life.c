/* life: Conway's game of life on a torus. A cell lives on with two or three living neighbours of
 * its eight, and comes to life with three; all cells at once, generation by generation.
 *
 * A cell is a bit, 64 of them a word, and a word's cells are computed together: the eight
 * neighbours are eight words, shifted so that each cell has its neighbour at its own place, and
 * added up by adders made of logic, bit by bit, as in hardware.
 *
 * It checks itself in two ways. In each generation one row is computed once more, cell by cell, as
 * the rule is written above. And the last generation has a digest: that of the default field is
 * known, from a program that went cell by cell. */
#include "runtime.h"

#include "base/prng.h"

#define CELLS      64 /* of a word */
#define WIDTH_MAX  (1u << 20)
#define HEIGHT_MAX (1u << 20)

static uint64_t width_words, height;

/* ---- 64 cells at a time ---- */

/* The cells to the left and to the right of the 64 of a word, each at the place of its neighbour.
 * Bit 0 is the leftmost cell of a word. */
static uint64_t left_of(const uint64_t *row, uint64_t x)
{
    return row[x] << 1 | row[x == 0 ? width_words - 1 : x - 1] >> 63;
}

static uint64_t right_of(const uint64_t *row, uint64_t x)
{
    return row[x] >> 1 | row[x == width_words - 1 ? 0 : x + 1] << 63;
}

/* Three words added, place by place: `sum` has weight 1, `carry` weight 2. */
struct added {
    uint64_t sum, carry;
};

static struct added add(uint64_t a, uint64_t b, uint64_t c)
{
    return (struct added){a ^ b ^ c, (a & b) | (c & (a ^ b))};
}

static uint64_t next_word(const uint64_t *above, const uint64_t *row, const uint64_t *below,
                          uint64_t x)
{
    struct added upper = add(left_of(above, x), above[x], right_of(above, x));
    struct added lower = add(left_of(below, x), below[x], right_of(below, x));
    struct added ones = add(upper.sum, lower.sum, left_of(row, x) ^ right_of(row, x));
    struct added twos = add(upper.carry, lower.carry, left_of(row, x) & right_of(row, x));
    /* The count is ones.sum + 2 (ones.carry + twos.sum) + 4 twos.carry: two or three where exactly
     * one two is there, and no four. Two fours are eight, and then twos.sum is 0. */
    uint64_t is_two_or_three = (ones.carry ^ twos.sum) & ~twos.carry;
    return is_two_or_three & (ones.sum | row[x]);
}

static const uint64_t *row_of(const uint64_t *field, uint64_t y)
{
    return field + y * width_words;
}

static void next_generation(const uint64_t *now, uint64_t *then)
{
    for (uint64_t y = 0; y < height; y++) {
        const uint64_t *above = row_of(now, y == 0 ? height - 1 : y - 1);
        const uint64_t *below = row_of(now, y == height - 1 ? 0 : y + 1);
        for (uint64_t x = 0; x < width_words; x++)
            then[y * width_words + x] = next_word(above, row_of(now, y), below, x);
    }
}

/* ---- Cell by cell, to check ---- */

static unsigned cell_at(const uint64_t *row, uint64_t x)
{
    return row[x / CELLS] >> x % CELLS & 1;
}

static bool is_row_right(const uint64_t *now, const uint64_t *then, uint64_t y)
{
    const uint64_t *rows[] = {row_of(now, (y + height - 1) % height), row_of(now, y),
                              row_of(now, (y + 1) % height)};
    uint64_t width = width_words * CELLS;

    for (uint64_t x = 0; x < width; x++) {
        uint64_t left = x == 0 ? width - 1 : x - 1, right = x == width - 1 ? 0 : x + 1;
        unsigned count = 0;
        for (unsigned i = 0; i < 3; i++)
            count += cell_at(rows[i], left) + cell_at(rows[i], x) + cell_at(rows[i], right);
        unsigned is_alive = cell_at(rows[1], x);
        count -= is_alive;
        if (cell_at(row_of(then, y), x) != (count == 3 || (count == 2 && is_alive)))
            return false;
    }
    return true;
}

static uint64_t population_of(const uint64_t *field)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < height * width_words; i++)
        for (uint64_t rest = field[i]; rest != 0; rest &= rest - 1)
            count++;
    return count;
}

/* What is known of the default field, 1024 cells wide and high, seed 1. */
static const struct {
    uint64_t generation, digest;
} known[] = {
    {0, 0x2a36d52c2d64fce5},    {10, 0x61f31c3946bf64d6},  {50, 0x0bfd80561b294912},
    {100, 0xf3c952f2803c2842},  {200, 0xe64d6109d67f7097}, {500, 0x7a1b4daae5cf61c0},
    {1000, 0xe0027e0ea34764a5},
};

static const char *word_for(uint64_t side, uint64_t seed, uint64_t generation, uint64_t digest)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (side == 1024 && seed == 1 && known[i].generation == generation)
            return known[i].digest == digest ? "as it must be, ok" : NULL;
    return "each row that was checked is right, ok";
}

static int play(uint64_t seed, uint64_t generations, uint64_t every)
{
    uint64_t *now = (uint64_t *)__heap_start, *then = now + height * width_words;
    struct prng prng = prng_make(seed, 0);

    for (uint64_t i = 0; i < height * width_words; i++)
        now[i] = prng_next(&prng) & prng_next(&prng); /* a quarter is alive */
    for (uint64_t generation = 1; generation <= generations; generation++) {
        uint64_t *spare = now;
        next_generation(now, then);
        if (!is_row_right(now, then, generation % height)) {
            print("life: row %lu of generation %lu is wrong\n", generation % height, generation);
            return 1;
        }
        now = then;
        then = spare;
        if (generation % every == 0)
            print("life: generation %lu, %lu cells alive\n", generation, population_of(now));
    }
    uint64_t digest = checksum(now, height * width_words * sizeof *now, 0);
    const char *word =
        word_for(height == width_words * CELLS ? height : 0, seed, generations, digest);
    print("life: %lu generation%s, digest %016lx, %s\n", generations, plural(generations), digest,
          word == NULL ? "which is NOT as it must be" : word);
    return word == NULL;
}

int main(int argc, char **argv)
{
    uint64_t width = 1024, generations = 200, every = 50, seed = 1;
    const struct option options[] = {
        {"--width", OPTION_NUMBER, &width, NULL},
        {"--height", OPTION_NUMBER, &height, NULL},
        {"--generations", OPTION_NUMBER, &generations, NULL},
        {"--every", OPTION_NUMBER, &every, NULL},
        {"--seed", OPTION_NUMBER, &seed, NULL},
    };

    height = 1024;
    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (width == 0 || width % CELLS != 0 || width > WIDTH_MAX) {
        print("life: --width needs a multiple of %u from %u to %u, not %lu\n", CELLS, CELLS,
              WIDTH_MAX, width);
        return 2;
    }
    if (height == 0 || height > HEIGHT_MAX) {
        print("life: --height needs 1 to %u, not %lu\n", HEIGHT_MAX, height);
        return 2;
    }
    if (every == 0) {
        print("life: --every needs 1 generation or more\n");
        return 2;
    }
    width_words = width / CELLS;
    if (2 * height * width_words * sizeof(uint64_t) > heap_bytes()) {
        print("life: two fields of %lu x %lu cells need more than the %lu KiB of memory that are "
              "free\n",
              width, height, heap_bytes() / 1024);
        return 2;
    }
    return play(seed, generations, every);
}
