/* The parts of the picture that decide something: where text is wrapped, what the bar of time
 * stands for, which keys there are, how many pages a particle stands for, which marks are made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tui/scripted.h"
#include "viz/axis.h"
#include "viz/flow.h"
#include "viz/heat_map.h"
#include "viz/keys.h"
#include "viz/scrub.h"
#include "viz/window.h"

#define WIDTH  640
#define HEIGHT 360

static const struct colour black = {0, 0, 0, 255}, white = {255, 255, 255, 255};

/* A black sheet; NULL where there is no font. */
static int open_sheet(void **state)
{
    static struct sheet sheet = {.theme = &theme_dark, .scale = 1};
    *state = NULL;
    if (paint_open(&sheet.paint, WIDTH, HEIGHT, NULL) != STATUS_OK) {
        printf("without the package fonts-wqy-microhei nothing is painted\n");
        return 0;
    }
    paint_clear(sheet.paint, black);
    *state = &sheet;
    return 0;
}

static int close_sheet(void **state)
{
    struct sheet *sheet = *state;
    if (sheet != NULL)
        paint_close(sheet->paint);
    return 0;
}

static uint32_t pixel(const struct sheet *sheet, int x, int y)
{
    size_t row_bytes;
    const uint32_t *pixels = paint_pixels(sheet->paint, &row_bytes);
    return pixels[(size_t)y * row_bytes / sizeof *pixels + (size_t)x] & 0xffffff;
}

/* How many pixels of an area are not black. */
static int lit(const struct sheet *sheet, struct area area)
{
    int count = 0;
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++)
            count += pixel(sheet, x, y) != 0;
    return count;
}

#define SHEET_OR_SKIP(sheet)            \
    const struct sheet *sheet = *state; \
    if (sheet == NULL)                  \
    skip()

/* ---- paint ---- */

static void what_is_painted_is_where_it_should_be(void **state)
{
    SHEET_OR_SKIP(sheet);
    struct paint *paint = sheet->paint;
    paint_rect(paint, (struct area){10, 20, 3, 2}, white);
    assert_int_equal(lit(sheet, (struct area){0, 0, WIDTH, HEIGHT}), 6);
    assert_int_equal(pixel(sheet, 12, 21), 0xffffff);
    paint_clear(paint, black);
    paint_outline(paint, (struct area){10, 10, 20, 10}, 2, white);
    assert_int_equal(lit(sheet, (struct area){0, 0, WIDTH, HEIGHT}), 20 * 10 - 16 * 6);
    paint_clear(paint, black);
    paint_line(paint, (struct point){10, 50}, (struct point){110, 50}, 4, white);
    assert_int_equal(lit(sheet, (struct area){0, 0, WIDTH, HEIGHT}), 400);
    assert_int_equal(pixel(sheet, 10, 48), 0xffffff);
    assert_int_equal(pixel(sheet, 10, 47), 0);
    assert_int_equal(pixel(sheet, 109, 51), 0xffffff);
    /* Half of a pixel is covered: half of the light. */
    paint_clear(paint, black);
    paint_line(paint, (struct point){10, 50.5}, (struct point){20, 50.5}, 2, white);
    assert_true(pixel(sheet, 15, 51) == 0xffffff || pixel(sheet, 15, 50) == 0xffffff);
    assert_in_range(pixel(sheet, 15, 49) & 255, 120, 136);
    /* Dashes leave out as much as they draw. */
    paint_clear(paint, black);
    const struct point line[] = {{0, 50}, {100, 50}, {200, 50}};
    paint_polyline(paint, line, 3, 2, 10, white);
    assert_in_range(lit(sheet, (struct area){0, 0, WIDTH, HEIGHT}), 180, 240);
    /* Nothing outside of what is clipped, or of the picture. */
    paint_clear(paint, black);
    paint_clip(paint, &(struct area){0, 0, 20, 20});
    paint_rect(paint, (struct area){-10, -10, 10000, 10000}, white);
    paint_clip(paint, NULL);
    assert_int_equal(lit(sheet, (struct area){0, 0, WIDTH, HEIGHT}), 400);
    paint_mark(paint, MARK_CIRCLE, -500, 1e6, 40, white);
    paint_text(paint, -50, HEIGHT - 3, (struct type){.size = 20, .colour = white}, "outside");
}

/* Each mark has a form of its own: they differ by more than their colour. */
static void marks_are_told_apart_by_their_form(void **state)
{
    SHEET_OR_SKIP(sheet);
    enum { SIZE = 24 };
    for (int mark = 0; mark < MARK_COUNT; mark++)
        paint_mark(sheet->paint, (enum mark)mark, 20 + 30 * mark, 20, SIZE, white);
    for (int a = 0; a < MARK_COUNT; a++)
        for (int b = 0; b < a; b++) {
            int differ = 0;
            for (int y = 8; y < 32; y++)
                for (int x = 8; x < 32; x++)
                    differ += pixel(sheet, x + 30 * a, y) != pixel(sheet, x + 30 * b, y);
            assert_true(differ > SIZE * SIZE / 12);
        }
}

static void the_same_is_true_of_pages(void **state)
{
    SHEET_OR_SKIP(sheet);
    enum { SIZE = 12 };
    for (int s = 0; s < PAGE_STATE_COUNT; s++) {
        paint_rect(sheet->paint, (struct area){20 * s, 0, 20, 20}, sheet->theme->panel);
        heat_map_sample(sheet, (enum page_state)s, 20 * s, 0, SIZE);
    }
    uint32_t ground = pixel(sheet, 19, 19);
    for (int a = 0; a < PAGE_STATE_COUNT; a++)
        for (int b = 0; b < a; b++) {
            int differ = 0;
            for (int i = 0; i < SIZE * SIZE; i++)
                differ += (pixel(sheet, 20 * a + i % SIZE, i / SIZE) == ground) !=
                          (pixel(sheet, 20 * b + i % SIZE, i / SIZE) == ground);
            assert_true(differ > SIZE);
        }
}

/* ---- Text. ---- */

static void text_is_measured_wrapped_and_cut(void **state)
{
    SHEET_OR_SKIP(sheet);
    struct type type = {.size = 20, .colour = white};
    int line = paint_line_height(sheet->paint, type);
    assert_int_equal(paint_text_width(sheet->paint, type, ""), 0);
    int one = paint_text_width(sheet->paint, type, "m");
    assert_int_equal(paint_text_width(sheet->paint, type, "mmm"), 3 * one);
    assert_int_equal(paint_text(sheet->paint, 0, 0, type, "mmm"), 3 * one);
    /* What is no UTF-8 is shown as something, and nothing is read past its end. */
    assert_true(paint_text_width(sheet->paint, type, "\xe5\x81") > 0);
    assert_true(paint_text_width(sheet->paint, type, "\xff\xc0\x80") > 0);
    /* Chinese is there, and not the box of what is missing. */
    assert_int_equal(paint_text_width(sheet->paint, type, "\u505c\u673a"), 40);

    paint_clear(sheet->paint, black);
    struct area area = {0, 0, 10 * one, HEIGHT};
    assert_int_equal(sheet_wrap(sheet, area, type, "mmm mmm"), line);
    assert_int_equal(sheet_wrap(sheet, area, type, "mmmm mmmm mmmm"), 2 * line);
    assert_int_equal(sheet_wrap(sheet, area, type, "mmmmmmmmmmmmmmm"), 2 * line);
    area.height = line;
    assert_int_equal(sheet_wrap(sheet, area, type, "mmmm mmmm mmmm"), line);
    /* A letter that stands alone stays with the word before it. */
    paint_clear(sheet->paint, black);
    area = (struct area){0, 0, paint_text_width(sheet->paint, type, "mmmm host"), 2 * line};
    sheet_wrap(sheet, area, type, "mmmm host A mm");
    int alone = paint_text_width(sheet->paint, type, "host A");
    assert_true(lit(sheet, (struct area){alone - one, line, one, line}) > 0);

    /* Whatever can be made to fit is not cut. */
    struct type huge = sheet_bold(sheet, LETTERS_HUGE, white);
    int whole = paint_text_width(sheet->paint, huge, "post-copy");
    for (int room = whole / 2; room < whole + 10; room++) {
        int fitted = sheet_fit(sheet, 0, 0, room, huge, "post-copy");
        assert_in_range(fitted, (room < whole ? room : whole) * 9 / 10, room);
    }
    paint_clear(sheet->paint, black);
    struct type large = sheet_bold(sheet, LETTERS_HUGE, white);
    assert_true(sheet_fit(sheet, 0, 0, 60, large, "much too long for this") <= 60);
    assert_int_equal(lit(sheet, (struct area){64, 0, WIDTH - 64, HEIGHT}), 0);
}

/* From the last row of a hall: see sheet.h. Digits are as high as they are painted. */
static void letters_are_large_enough(void **state)
{
    SHEET_OR_SKIP(sheet);
    static const int sizes[][2] = {{1280, 720}, {1920, 1080}, {1024, 768}};
    for (int i = 0; i < 3; i++) {
        struct sheet other = *sheet;
        assert_int_equal(paint_resize(other.paint, sizes[i][0], sizes[i][1], NULL), STATUS_OK);
        int height = sizes[i][0] * 9 / 16 < sizes[i][1] ? sizes[i][0] * 9 / 16 : sizes[i][1];
        paint_clear(other.paint, black);
        paint_text(other.paint, 10, 0, sheet_bold(&other, LETTERS_HUGE, white), "1");
        int rows = 0;
        for (int y = 0; y < height; y++)
            rows += lit(&other, (struct area){0, y, 200, 1}) > 0;
        assert_true(rows * 15 >= height);
        other.scale = SHEET_SCALE_MIN;
        assert_true(sheet_size(&other, LETTERS_SMALL) * 45 >= height);
    }
}

/* ---- Axis, flow, bar of time. ---- */

static void axes_have_round_steps(void **state)
{
    static const struct {
        double value, step;
    } rows[] = {{16384, 5000}, {4, 1}, {5.6e9, 2e9}, {1, 0.5}, {999, 500}, {40, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double step = axis_step(rows[i].value, 4);
        assert_true(step * 4 >= rows[i].value * 0.999);
        assert_true(step > rows[i].step * 0.49 && step < rows[i].step * 1.01);
    }
}

static void a_particle_stands_for_what_can_be_seen(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, NS_PER_S);
    (void)state;
    /* 200 Mbit/s: 163,840 ns a page. Slowed a thousandfold each page is seen where it is. */
    assert_int_equal(flow_window_ns(&s->session, 0.001), 1600000);
    assert_int_equal(flow_stride(&s->session, 0.001, WHY_FIRST), 1);
    assert_int_equal(flow_window_ns(&s->session, 1), 1600000000);
    assert_int_equal(flow_stride(&s->session, 1, WHY_FIRST), 200);
    /* A page is not shown faster than it is. */
    assert_int_equal(flow_window_ns(&s->session, 1e-6), 163840 + 100000);
    uint64_t last = 1;
    for (double speed = 0.01; speed < 1e4; speed *= 2) {
        uint64_t stride = flow_stride(&s->session, speed, WHY_PUSHED);
        assert_true(stride >= last && stride >= flow_stride(&s->session, speed, WHY_FAULT) / 4);
        last = stride;
    }
    scripted_close(&s->session);
}

/* The link is neither empty nor a solid bar, whatever the speed, and however much of what it shows
 * is older than the runs that are known. */
static void the_link_is_never_crowded(void **state)
{
    SHEET_OR_SKIP(sheet);
    struct scripted *s = scripted_open(MODE_PRE_COPY, 65536, NS_PER_S);
    struct area area = {0, 0, 400, 100};
    s->session.ops->advance(&s->session, 9 * NS_PER_S);
    for (double speed = 0.001; speed < 100; speed *= 3) {
        paint_clear(sheet->paint, black);
        flow_draw(sheet, area, &s->session, speed);
        uint32_t ground = pixel(sheet, 1, 10);
        int covered = 0;
        for (int i = 0; i < area.width * 80; i++)
            covered += pixel(sheet, i % area.width, 10 + i / area.width) != ground;
        assert_in_range(covered * 100 / (area.width * 80), 2, 50);
    }
    scripted_close(&s->session);
}

static void the_bar_stands_for_the_whole_run(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, NS_PER_S);
    struct session *session = &s->session;
    struct scrub scrub = {.count = 0};
    struct area area = {100, 0, 1000, 20};
    (void)state;
    uint64_t expected_ns = NS_PER_S + 7 * NS_PER_S + NS_PER_S;
    assert_int_equal(scrub_span_ns(session), expected_ns);
    assert_int_equal(scrub_at(area, session, 100), 0);
    assert_int_equal(scrub_at(area, session, 50), 0);
    assert_int_equal(scrub_at(area, session, 600), expected_ns / 2);
    assert_int_equal(scrub_at(area, session, 5000), expected_ns);

    while (!session->has_ended)
        session->ops->advance(session, session->timeline.now_ns + 10 * NS_PER_MS);
    scrub_follow(&scrub, session);
    assert_int_equal(scrub_span_ns(session), session->lived_ns);
    int count = scrub.count;
    assert_true(count > 5);
    assert_int_equal(scrub.instants[0].mark, SCENE_MARK_BEGIN);
    assert_int_equal(scrub.instants[1].at_ns, NS_PER_S);
    assert_int_equal(scrub.instants[count - 1].mark, SCENE_MARK_END);
    for (int i = 1; i < count; i++)
        assert_true(scrub.instants[i].at_ns >= scrub.instants[i - 1].at_ns);
    /* In the past it still knows what came. */
    assert_true(session->ops->seek(session, NS_PER_S / 2));
    scrub_follow(&scrub, session);
    assert_int_equal(scrub.count, count);
    scripted_close(session);
}

/* ---- Keys. ---- */

static void each_key_has_one_meaning(void **state)
{
    (void)state;
    for (int i = 0; i < viz_key_count(); i++) {
        const struct viz_key *key = viz_key_at(i);
        assert_true(key->codes[0] != 0 && *key->name != '\0' && *key->help != '\0');
        for (int k = 0; k < VIZ_CODES_MAX; k++)
            if (key->codes[k] != 0)
                assert_ptr_equal(viz_key_find(key->codes[k]), key);
    }
    /* What presenters' remotes send. */
    assert_int_equal(viz_key_find(WINDOW_KEY_PAGE_DOWN)->action, VIZ_NEXT);
    assert_int_equal(viz_key_find(WINDOW_KEY_PAGE_UP)->action, VIZ_PREVIOUS);
    assert_int_equal(viz_key_find('.')->action, VIZ_BLANK);
    assert_int_equal(viz_key_find(WINDOW_KEY_F5)->action, VIZ_PLAY);
    assert_int_equal(viz_key_find(WINDOW_KEY_ESCAPE)->action, VIZ_LEAVE);
    assert_null(viz_key_find('y'));
    assert_null(viz_key_find(0));
}

static void obstacles_are_said(void **state)
{
    struct scripted *s = scripted_open(MODE_PRE_COPY, 4096, NS_PER_S);
    struct session *session = &s->session;
    (void)state;
    assert_null(viz_key_obstacle(viz_key_find('m'), session));
    assert_non_null(viz_key_obstacle(viz_key_find('a'), session));
    assert_non_null(viz_key_obstacle(viz_key_find(WINDOW_KEY_LEFT), session));
    session->ops->advance(session, 2 * NS_PER_S);
    assert_null(viz_key_obstacle(viz_key_find(WINDOW_KEY_LEFT), session));
    assert_null(viz_key_obstacle(viz_key_find('p'), session));
    assert_non_null(viz_key_obstacle(viz_key_find('m'), session));
    /* What is past cannot be changed, only seen. */
    assert_true(session->ops->seek(session, NS_PER_S + NS_PER_MS));
    assert_non_null(viz_key_obstacle(viz_key_find('p'), session));
    assert_null(viz_key_obstacle(viz_key_find(' '), session));
    scripted_close(session);
}

int main(void)
{
#define WITH_SHEET(test) cmocka_unit_test_setup_teardown(test, open_sheet, close_sheet)
    const struct CMUnitTest tests[] = {
        WITH_SHEET(what_is_painted_is_where_it_should_be),
        WITH_SHEET(marks_are_told_apart_by_their_form),
        WITH_SHEET(the_same_is_true_of_pages),
        WITH_SHEET(text_is_measured_wrapped_and_cut),
        WITH_SHEET(letters_are_large_enough),
        cmocka_unit_test(axes_have_round_steps),
        cmocka_unit_test(a_particle_stands_for_what_can_be_seen),
        WITH_SHEET(the_link_is_never_crowded),
        cmocka_unit_test(the_bar_stands_for_the_whole_run),
        cmocka_unit_test(each_key_has_one_meaning),
        cmocka_unit_test(obstacles_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
