/* Functions and lines of images that this very build has made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/status.h"
#include "machine/lines.h"

static uint8_t *image;
static size_t image_bytes;

static int read_image(void **state)
{
    FILE *file = fopen(BUILD_DIR "/guests/counter", "rb");
    (void)state;
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    image_bytes = (size_t)ftell(file);
    rewind(file);
    image = malloc(image_bytes);
    assert_int_equal(fread(image, 1, image_bytes, file), image_bytes);
    fclose(file);
    return 0;
}

static int free_image(void **state)
{
    (void)state;
    free(image);
    return 0;
}

static const struct lines_function *function_of(const struct lines *lines, const char *name)
{
    for (size_t i = 0; i < lines->function_count; i++)
        if (strcmp(lines->functions[i].name, name) == 0)
            return &lines->functions[i];
    fail_msg("no function %s", name);
    return NULL;
}

/* The number of the line of a file that begins with `text`. */
static uint32_t line_of(const char *path, const char *text)
{
    char line[400];
    uint32_t number = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && ++number > 0 &&
           strncmp(line, text, strlen(text)) != 0)
        ;
    fclose(file);
    return number;
}

static void an_address_has_a_function_and_a_line(void **state)
{
    struct lines lines;
    struct lines_place place;
    (void)state;
    lines_init(&lines, image, image_bytes);
    const struct lines_function *entry = function_of(&lines, "main");
    uint32_t first = line_of("guests/counter.c", "int main(");
    assert_true(lines_find(&lines, entry->address, &place));
    assert_string_equal(place.function, "main");
    assert_string_equal(place.file, "counter.c");
    assert_in_range(place.line, first, first + 1);
    assert_true(lines_find(&lines, entry->address + entry->bytes - 2, &place));
    assert_string_equal(place.function, "main");
    /* Of another file, and of none. */
    assert_true(lines_find(&lines, function_of(&lines, "memset")->address, &place));
    assert_string_equal(place.file, "runtime.c");
    assert_false(lines_find(&lines, 0, &place));
    assert_false(lines_find(&lines, 0x7fffffff, &place));
    assert_false(lines_find(&lines, UINT64_MAX, &place));
    assert_null(place.file);
    assert_null(place.function);
    lines_fini(&lines);
}

static void without_an_image_nothing_is_known(void **state)
{
    static const uint8_t text[] = "this is no ELF file, and has no lines to tell of either";
    struct lines lines;
    struct lines_place place;
    (void)state;
    for (size_t count = 0; count < sizeof text; count += 7) {
        lines_init(&lines, text, count);
        assert_false(lines_find(&lines, 0x80000000, &place));
        lines_fini(&lines);
    }
    lines_init(&lines, image, 64); /* the head alone */
    assert_false(lines_find(&lines, 0x80000000, &place));
    lines_fini(&lines);
}

static void damage_is_survived(void **state)
{
    uint8_t *damaged = malloc(image_bytes);
    (void)state;
    for (uint64_t game = 0; game < 300; game++) {
        struct prng prng = prng_make(game, 1);
        struct lines lines;
        struct lines_place place;
        memcpy(damaged, image, image_bytes);
        for (int i = 0; i < 40; i++)
            damaged[prng_below(&prng, image_bytes)] = (uint8_t)prng_below(&prng, 256);
        lines_init(&lines, damaged, game % 3 == 0 ? prng_below(&prng, image_bytes) : image_bytes);
        for (int i = 0; i < 50; i++)
            lines_find(&lines, 0x80000000 + prng_below(&prng, 0x4000), &place);
        lines_fini(&lines);
    }
    free(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_a_function_and_a_line),
        cmocka_unit_test(without_an_image_nothing_is_known),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, read_image, free_image);
}
