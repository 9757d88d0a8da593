/* What may be shown, and what may not: one row for each edge of RFC 3629 and of the hidden ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void characters_are_told_from_what_is_none(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        uint32_t code;
    } rows[] = {
        {"a", 1, 'a'},
        {"~", 1, '~'},
        {"\xc2\xa0", 2, 0xa0},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xe9\xa1\xb5", 3, 0x9875}, /* a page */
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        /* controls, C1 controls, and the hidden ones */
        {"\x1b", 0, 0},
        {"\x7f", 0, 0},
        {"\xc2\x9b", 0, 0},
        {"\xe2\x80\x8b", 0, 0},
        {"\xe2\x80\xae", 0, 0},
        {"\xe2\x81\xa6", 0, 0},
        {"\xef\xbb\xbf", 0, 0},
        /* overlong, surrogates, too large, cut, begun in the middle */
        {"\xc0\x80", 0, 0},
        {"\xc1\xbf", 0, 0},
        {"\xe0\x9f\xbf", 0, 0},
        {"\xed\xa0\x80", 0, 0},
        {"\xf0\x8f\xbf\xbf", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\xff", 0, 0},
        {"\x80", 0, 0},
        {"\xe9\xa1", 0, 0},
        {"\xe9"
         "a\xb5",
         0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t code = 0;
        size_t count = utf8_shown(rows[i].text, strlen(rows[i].text), &code);
        if (count != rows[i].count || code != rows[i].code)
            fail_msg("row %zu: %zu bytes, U+%04X", i, count, code);
    }
    assert_int_equal(utf8_shown("", 0, NULL), 0);
}

static void a_text_is_made_showable_in_place(void **state)
{
    char text[] = "a\tb\x1b[2J\xe9\xa1\xb5\xe9\xa1z\xe2\x80\xae.";
    (void)state;
    utf8_make_showable(text, strlen(text), ' ');
    assert_string_equal(text, "a b?[2J\xe9\xa1\xb5??z???.");
}

static void a_text_is_cut_between_characters(void **state)
{
    static const char text[] = "a\xe9\xa1\xb5z";
    (void)state;
    assert_int_equal(utf8_cut(text, 9), 5);
    assert_int_equal(utf8_cut(text, 5), 5);
    assert_int_equal(utf8_cut(text, 4), 4);
    assert_int_equal(utf8_cut(text, 3), 1);
    assert_int_equal(utf8_cut(text, 2), 1);
    assert_int_equal(utf8_cut(text, 1), 1);
    assert_int_equal(utf8_cut(text, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_told_from_what_is_none),
        cmocka_unit_test(a_text_is_made_showable_in_place),
        cmocka_unit_test(a_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
