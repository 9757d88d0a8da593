/* Sections: what is known is read whole and in order, what is not is skipped or refused by name. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "machine/sections.h"

/* A state of two numbers; B was one byte in its version 1. */
struct toy {
    uint32_t a;
    uint16_t b;
};

static void save_a(const void *state, struct bytes *to)
{
    bytes_put_u32(to, ((const struct toy *)state)->a);
}

static const char *load_a(void *state, uint16_t version, struct bytes_reader *body)
{
    assert_int_equal(version, 1);
    ((struct toy *)state)->a = bytes_get_u32(body);
    return ((struct toy *)state)->a == 666 ? "it is the number of the beast" : NULL;
}

static void save_b(const void *state, struct bytes *to)
{
    bytes_put_u16(to, ((const struct toy *)state)->b);
}

static const char *load_b(void *state, uint16_t version, struct bytes_reader *body)
{
    struct toy *toy = state;
    assert_in_range(version, 1, 2);
    toy->b = version == 1 ? bytes_get_u8(body) : bytes_get_u16(body);
    return NULL;
}

static const struct section sections[] = {{"AAAA", 1, 1, save_a, load_a},
                                          {"BBBB", 1, 2, save_b, load_b}};

static struct toy loaded;
static struct problem problem;

static enum status load(const struct bytes *state)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, state->data, state->count);
    loaded = (struct toy){0};
    problem = (struct problem){0};
    return sections_load(sections, 2, &loaded, &reader, &problem);
}

/* A state written word by word: "AAAA" version flags length-or-minus-1 body. */
struct part {
    const char *tag;
    uint16_t version, flags;
    uint32_t body_bytes;
    uint64_t body;
};

static void put_part(struct bytes *to, const struct part *part)
{
    size_t begin = to->count;
    bytes_put(to, part->tag, 4);
    bytes_put_u16(to, part->version);
    bytes_put_u16(to, part->flags);
    bytes_put_u32(to, part->body_bytes);
    for (uint32_t i = 0; i < part->body_bytes; i++)
        bytes_put_u8(to, (uint8_t)(i < 8 ? part->body >> (8 * i) : 0));
    if (strcmp(part->tag, "END ") == 0)
        begin = 0;
    bytes_put_u64(to, digest_of(to->data + begin, to->count - begin));
}

#define A                  \
    {                      \
        "AAAA", 1, 0, 4, 7 \
    }
#define B                    \
    {                        \
        "BBBB", 2, 0, 2, 300 \
    }
#define E                  \
    {                      \
        "END ", 1, 0, 0, 0 \
    }
#define NO               \
    {                    \
        NULL, 0, 0, 0, 0 \
    }

static void what_is_there_is_read_or_refused_by_its_name(void **state)
{
    static const struct {
        struct part parts[5];
        const char *detail; /* NULL: loads */
    } rows[] = {
        {{A, B, E, NO}, NULL},
        {{A, {"BBBB", 1, 0, 1, 200}, E, NO}, NULL},
        {{{"NEWS", 9, 1, 12, 1}, A, B, E, NO}, NULL},
        {{A, {"NEWS", 9, 1, 0, 1}, B, {"MORE", 1, 1, 3, 1}, E}, NULL},
        {{A, {"NEWS", 9, 0, 12, 1}, B, E, NO}, "section NEWS is not known here"},
        {{A, {"NEWS", 9, 2, 12, 1}, B, E, NO}, "section NEWS is not known here"},
        {{A, {"N\x01WS", 9, 0, 12, 1}, B, E, NO}, "section N?WS is not known"},
        {{A, {"BBBB", 3, 0, 2, 1}, E, NO}, "section BBBB has version 3: this program reads 1 to 2"},
        {{A, {"BBBB", 0, 0, 2, 1}, E, NO}, "section BBBB has version 0"},
        {{A, {"BBBB", 3, 1, 2, 1}, E, NO}, "section BBBB has version 3"}, /* though optional */
        {{A, A, B, E, NO}, "section AAAA comes twice"},
        {{A, B, B, E, NO}, "section BBBB comes twice"},
        {{B, A, E, NO}, "section AAAA is missing, or not in its place"},
        {{A, E, NO}, "section BBBB is missing"},
        {{E, NO}, "section AAAA is missing"},
        {{A, {"BBBB", 2, 0, 3, 1}, E, NO}, "section BBBB does not fit: it is too long"},
        {{A, {"BBBB", 2, 0, 1, 1}, E, NO}, "section BBBB does not fit: it is too short"},
        {{A, {"BBBB", 2, 0, 0, 1}, E, NO}, "section BBBB does not fit: it is too short"},
        {{{"AAAA", 1, 0, 4, 666}, B, E, NO}, "section AAAA does not fit: it is the number"},
        {{A, B, {"END ", 2, 0, 0, 0}, NO}, "section END  is not an end"},
        {{A, B, {"END ", 1, 0, 1, 0}, NO}, "section END  is not an end"},
        {{A, B, NO}, "cut off at byte 54: it has no end"},
        {{A, B, E, A, NO}, "24 bytes stand behind its end"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = {0};
        bytes_put(&bytes, "FRST\2\0\0\0", 8);
        for (size_t k = 0; k < 5 && rows[i].parts[k].tag != NULL; k++)
            put_part(&bytes, &rows[i].parts[k]);
        enum status status = load(&bytes);
        if (status != (rows[i].detail == NULL ? STATUS_OK : STATUS_BAD_STATE) ||
            (rows[i].detail != NULL && strstr(problem.text, rows[i].detail) == NULL))
            fail_msg("row %zu: status %d, \"%s\"", i, status, problem.text);
        if (rows[i].detail == NULL)
            assert_true(loaded.a == 7 && (loaded.b == 300 || loaded.b == 200));
        bytes_fini(&bytes);
    }
}

static void what_is_saved_is_what_was_drawn(void **state)
{
    struct toy toy = {7, 300};
    const struct part parts[] = {A, B, E};
    struct bytes saved = {0}, drawn = {0};
    (void)state;
    bytes_put(&drawn, "FRST\2\0\0\0", 8);
    for (size_t i = 0; i < 3; i++)
        put_part(&drawn, &parts[i]);
    sections_save(sections, 2, &toy, &saved);
    assert_int_equal(saved.count, drawn.count);
    assert_memory_equal(saved.data, drawn.data, drawn.count);
    bytes_fini(&saved);
    bytes_fini(&drawn);
}

/* A reader may stand in the middle of something larger; a state may be appended to something. */
static void a_state_stands_anywhere(void **state)
{
    struct toy toy = {7, 300};
    struct bytes saved = {0};
    struct bytes_reader reader;
    (void)state;
    bytes_put(&saved, "before", 6);
    sections_save(sections, 2, &toy, &saved);
    bytes_reader_init(&reader, saved.data, saved.count);
    bytes_get(&reader, 6);
    assert_int_equal(sections_load(sections, 2, &loaded, &reader, NULL), STATUS_OK);
    assert_int_equal(bytes_left(&reader), 0);
    bytes_fini(&saved);
}

static void no_byte_can_be_changed_or_left_out(void **state)
{
    struct toy toy = {7, 300};
    struct bytes saved = {0};
    (void)state;
    sections_save(sections, 2, &toy, &saved);
    for (size_t at = 0; at < saved.count; at++)
        for (unsigned change = 1; change < 256; change++) {
            saved.data[at] ^= (uint8_t)change;
            assert_int_equal(load(&saved), STATUS_BAD_STATE);
            assert_int_not_equal(problem.text[0], '\0');
            saved.data[at] ^= (uint8_t)change;
        }
    for (size_t count = 0; count < saved.count; count++) {
        struct bytes cut = {0}; /* of exactly that size, so that a sanitizer sees a read past it */
        cut.data = malloc(count + !count);
        memcpy(cut.data, saved.data, count);
        cut.count = count;
        assert_int_equal(load(&cut), STATUS_BAD_STATE);
        assert_int_not_equal(problem.text[0], '\0');
        bytes_fini(&cut);
    }
    assert_int_equal(load(&saved), STATUS_OK);
    bytes_fini(&saved);
}

/* Format 1: tag, version, length, body; no checksums. */
static void the_format_before_is_read(void **state)
{
    static const char whole[] = "AAAA\1\0\4\0\0\0\7\0\0\0BBBB\1\0\1\0\0\0\310END \1\0\0\0\0\0";
    static const char other[] = "AAAA\1\0\4\0\0\0\7\0\0\0XBBB\1\0\1\0\0\0\310END \1\0\0\0\0\0";
    struct bytes bytes = {(uint8_t *)(uintptr_t)whole, sizeof whole - 1, 0};
    (void)state;
    assert_int_equal(load(&bytes), STATUS_OK);
    assert_true(loaded.a == 7 && loaded.b == 200);
    for (bytes.count = 0; bytes.count < sizeof whole - 1; bytes.count++)
        assert_int_equal(load(&bytes), STATUS_BAD_STATE);
    bytes = (struct bytes){(uint8_t *)(uintptr_t)other, sizeof other - 1, 0};
    assert_int_equal(load(&bytes), STATUS_BAD_STATE);
    assert_non_null(strstr(problem.text, "section XBBB is not known here"));
    bytes = (struct bytes){(uint8_t *)(uintptr_t) "FRST\3\0\0\0", 8, 0};
    assert_int_equal(load(&bytes), STATUS_BAD_STATE);
    assert_non_null(strstr(problem.text, "format 3: this program reads 1 and 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_read_or_refused_by_its_name),
        cmocka_unit_test(what_is_saved_is_what_was_drawn),
        cmocka_unit_test(a_state_stands_anywhere),
        cmocka_unit_test(no_byte_can_be_changed_or_left_out),
        cmocka_unit_test(the_format_before_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
