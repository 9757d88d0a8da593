/* Characters that are two columns wide: counted, never torn, and broken into lines as people do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tui/canvas.h"
#include "tui/page.h"

static void widths_are_counted_in_columns(void **state)
{
    static const struct {
        const char *text;
        int width;
    } rows[] = {{"", 0},    {"abc", 3},  {"停机时间", 8}, {"停 a", 4}, {"，。", 4},      {"×μδ", 3},
                {"─■░", 3}, {"\xff", 1}, {"ｆ", 2},       {"한글", 4}, {"\U00020000", 2}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (canvas_width(rows[i].text) != rows[i].width)
            fail_msg("\"%s\": %d", rows[i].text, canvas_width(rows[i].text));
}

/* A row as text, a tail as "-". */
static const char *row_of(const struct canvas *canvas, int row)
{
    static char text[256];
    size_t at = 0;
    for (int i = 0; i < canvas->columns; i++) {
        uint32_t code = canvas->cells[row * canvas->columns + i].code;
        if (code == CANVAS_TAIL)
            text[at++] = '-';
        else if (code < 0x80)
            text[at++] = (char)code;
        else
            at += (size_t)snprintf(text + at, sizeof text - at, "%c%c%c", (char)(0xe0 | code >> 12),
                                   (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f)));
    }
    text[at] = '\0';
    return text;
}

static void a_pair_of_cells_is_never_torn(void **state)
{
    struct canvas canvas;
    (void)state;
    canvas_init(&canvas, false);
    canvas_resize(&canvas, 1, 6);
    canvas_text(&canvas, 0, 0, 6, 0, "中文字");
    assert_string_equal(row_of(&canvas, 0), "中-文-字-");
    canvas_put(&canvas, 0, 2, 0, 'x'); /* over a head: its tail goes */
    assert_string_equal(row_of(&canvas, 0), "中-x 字-");
    canvas_put(&canvas, 0, 5, 0, 'y'); /* over a tail: its head goes */
    assert_string_equal(row_of(&canvas, 0), "中-x  y");
    canvas_put(&canvas, 0, 1, 0, U'文'); /* over both */
    assert_string_equal(row_of(&canvas, 0), " 文-  y");
    canvas_put(&canvas, 0, 5, 0, U'文'); /* half of it would stand outside */
    assert_string_equal(row_of(&canvas, 0), " 文-   ");
    canvas_put(&canvas, 0, -1, 0, U'文');
    assert_string_equal(row_of(&canvas, 0), " 文-   ");
    canvas_put(&canvas, 0, 2, 0, U'字'); /* from a tail on */
    assert_string_equal(row_of(&canvas, 0), "  字-  ");
    canvas_blank(&canvas, (struct rect){0, 0, 1, 6});
    assert_int_equal(canvas_text(&canvas, 0, 0, 3, 0, "中文"), 3); /* room for one and a half */
    assert_string_equal(row_of(&canvas, 0), "中-    ");
    canvas_fini(&canvas);
    canvas_init(&canvas, true);
    canvas_resize(&canvas, 1, 4);
    canvas_text(&canvas, 0, 0, 4, 0, "中×");
    assert_string_equal(row_of(&canvas, 0), "~ x ");
    canvas_fini(&canvas);
}

static void a_picture_is_copied_into_another(void **state)
{
    struct canvas large, small;
    (void)state;
    canvas_init(&large, false);
    canvas_init(&small, false);
    canvas_resize(&large, 2, 6);
    canvas_resize(&small, 1, 3);
    canvas_text(&small, 0, 0, 3, STYLE_BOLD, "a文");
    canvas_copy(&large, 1, 2, &small);
    assert_string_equal(row_of(&large, 1), "  a文- ");
    assert_string_equal(row_of(&large, 0), "      ");
    canvas_copy(&large, 0, 4, &small); /* what reaches over the edge is left out */
    assert_string_equal(row_of(&large, 0), "    a ");
    canvas_fini(&large);
    canvas_fini(&small);
}

/* Each row is the lines that a text is broken into, with a bar between them. */
static void lines_are_broken_where_people_break_them(void **state)
{
    static const struct {
        const char *text;
        int columns;
        const char *lines;
    } rows[] = {
        {"one two three", 7, "one two|three"},
        {"one two three", 8, "one two|three"},
        {"one two", 3, "one|two"},
        {"onetwothree", 4, "onet|woth|ree"},
        {"one  two", 4, "one|two"},
        {"停机时间很短", 6, "停机时|间很短"},
        {"停机时间很短", 7, "停机时|间很短"},
        {"停机时间，很短", 8, "停机时|间，很短"},  /* no line begins with a comma */
        {"他说（停机）了", 6, "他说|（停|机）了"}, /* none ends with an opening bracket */
        {"用 ferry 搬家", 8, "用 ferry|搬家"},
        {"需要2.7秒", 7, "需要2.7|秒"},
        {"中", 1, "中"}, /* it must go on even where nothing fits */
        {"a\n\nb", 5, "a||b"},
        {"    an indented line", 15, "    an indented|    line"},
        {"", 5, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char lines[256] = "";
        const char *at = rows[i].text;
        struct page_row row = {0};
        for (int count = 0; page_next_row(&at, rows[i].columns, &row) && count < 20; count++)
            snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s%*s%.*s",
                     count > 0 ? "|" : "", row.bytes > 0 ? row.indent : 0, "", row.bytes, row.text);
        if (strcmp(lines, rows[i].lines) != 0)
            fail_msg("\"%s\" in %d columns: \"%s\"", rows[i].text, rows[i].columns, lines);
    }
}

static void a_table_is_whole_or_not(void **state)
{
    static const char text[] = "a paragraph may be broken\n\n    a row  of a table\n"
                               "    a) a choice, which may be broken\nthe end of it\n";
    (void)state;
    assert_true(page_is_whole(text, 21));
    assert_false(page_is_whole(text, 20));
    assert_int_equal(page_rows(text, 25), 6);
    assert_int_equal(page_rows(text, 24), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_are_counted_in_columns),
        cmocka_unit_test(a_pair_of_cells_is_never_torn),
        cmocka_unit_test(a_picture_is_copied_into_another),
        cmocka_unit_test(a_table_is_whole_or_not),
        cmocka_unit_test(lines_are_broken_where_people_break_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
