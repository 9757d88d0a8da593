/* Golden pictures: the crossing at its five moments, in both sizes and themes, is drawn as it
 * always was, to the last pixel. What is kept of a picture is its digest (viz/golden.txt); the
 * pixels depend on SDL, SDL_ttf, freetype and the font, so the file names the versions that made
 * it, and with others nothing is compared.
 *
 * A picture that has changed is left in build/golden/ for who wants to look at it, and so are all
 * of them by `make golden`, which takes the pictures as they are now for golden: look at each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "base/digest.h"
#include "tui/scripted.h"
#include "viz/png_file.h"
#include "viz/viz.h"

#define GOLDEN_FILE   "viz/golden.txt"
#define GOLDEN_FOLDER BUILD_DIR "/golden"
#define PAGES         16384
#define START_NS      NS_PER_S

enum moment { AT_BEGIN, IN_ROUND, IN_PAUSE, IN_POST_COPY, AT_END, MOMENT_COUNT };

static const char *const moments[MOMENT_COUNT] = {"begin", "round", "pause", "post-copy", "end"};
static const struct {
    int width, height;
} sizes[] = {{1280, 720}, {1920, 1080}};
static const struct theme *const themes[] = {&theme_dark, &theme_light};

#define SIZE_COUNT  (sizeof sizes / sizeof sizes[0])
#define THEME_COUNT (sizeof themes / sizeof themes[0])

/* Somebody waits for a page. */
static uint64_t fault_ns(const struct scripted *s)
{
    uint64_t from_ns = s->resumed_ns + 60 * NS_PER_MS;
    for (size_t i = 0; i < s->events.count; i++)
        if (s->events.items[i].kind == EVENT_PAGE_FAULTED && s->events.items[i].at_ns > from_ns)
            return s->events.items[i].at_ns;
    fail_msg("nobody waits for a page");
    return 0;
}

static struct paint *paint_moment(enum moment moment, int width, int height,
                                  const struct theme *theme)
{
    enum mode mode = moment == IN_POST_COPY ? MODE_POST_COPY : MODE_PRE_COPY;
    struct scripted *s = scripted_open(mode, PAGES, START_NS);
    const uint64_t at_ns[MOMENT_COUNT] = {
        [AT_BEGIN] = START_NS / 2,
        [IN_ROUND] = START_NS + 3600 * NS_PER_MS,
        [IN_PAUSE] = s->paused_ns + (s->resumed_ns - s->paused_ns) / 2,
        [IN_POST_COPY] = moment == IN_POST_COPY ? fault_ns(s) : 0,
    };
    struct viz_options options = {.scene = scene_find("crossing"),
                                  .theme = theme,
                                  .width = width,
                                  .height = height,
                                  .is_at = moment != AT_END,
                                  .at_ns = at_ns[moment]};
    struct problem problem = {STATUS_OK, ""};
    struct paint *paint;
    if (viz_paint(&s->session, &options, &paint, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    scripted_close(&s->session);
    return paint;
}

/* Of the colours: a fourth byte of each pixel means nothing. */
static uint64_t digest_picture(struct paint *paint)
{
    static uint32_t row[PAINT_SIDE_MAX];
    struct digest *digest = digest_open();
    size_t row_bytes;
    const uint32_t *pixels = paint_pixels(paint, &row_bytes);
    for (int y = 0; y < paint_height(paint); y++) {
        for (int x = 0; x < paint_width(paint); x++)
            row[x] = pixels[(size_t)y * row_bytes / sizeof *pixels + (size_t)x] & 0xffffff;
        digest_add(digest, row, (size_t)paint_width(paint) * sizeof *row);
    }
    uint64_t value = digest_value(digest);
    digest_close(digest);
    return value;
}

static void leave_picture(struct paint *paint, const char *name)
{
    char path[256];
    mkdir(GOLDEN_FOLDER, 0777);
    snprintf(path, sizeof path, GOLDEN_FOLDER "/%s.png", name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(png_write_picture(file, paint));
    fclose(file);
}

/* What the pixels depend on, in a line. */
static void describe_versions(char *text, size_t room)
{
    struct paint *paint;
    struct utsname system;
    char versions[200];
    if (paint_open(&paint, PAINT_SIDE_MIN, PAINT_SIDE_MIN, NULL) != STATUS_OK) {
        snprintf(text, room, "no font");
        return;
    }
    paint_versions(paint, versions, sizeof versions);
    paint_close(paint);
    uname(&system);
    snprintf(text, room, "%.160s, %.20s", versions, system.machine);
}

static void name_picture(char *name, size_t room, int moment, size_t size, size_t theme)
{
    snprintf(name, room, "%s-%dx%d-%s", moments[moment], sizes[size].width, sizes[size].height,
             themes[theme]->name);
}

static void pictures_are_as_they_were(void **state)
{
    char versions[256], line[256], name[64], wanted[64];
    unsigned long long digest;
    (void)state;
    FILE *golden = fopen(GOLDEN_FILE, "r");
    assert_non_null(golden);
    assert_non_null(fgets(line, sizeof line, golden));
    line[strcspn(line, "\n")] = '\0';
    describe_versions(versions, sizeof versions);
    if (strcmp(versions, line) != 0) {
        fclose(golden);
        printf("golden pictures are not compared: they were made by %s; here is %s\n", line,
               versions);
        skip();
    }
    unsigned changed = 0;
    for (int moment = 0; moment < MOMENT_COUNT; moment++)
        for (size_t i = 0; i < SIZE_COUNT * THEME_COUNT; i++) {
            size_t size = i / THEME_COUNT, theme = i % THEME_COUNT;
            name_picture(name, sizeof name, moment, size, theme);
            assert_int_equal(fscanf(golden, "%llx %63s", &digest, wanted), 2);
            assert_string_equal(wanted, name);
            struct paint *paint = paint_moment((enum moment)moment, sizes[size].width,
                                               sizes[size].height, themes[theme]);
            if (digest_picture(paint) != digest) {
                printf("%s is not as it was: look at " GOLDEN_FOLDER "/%s.png\n", name, name);
                leave_picture(paint, name);
                changed++;
            }
            paint_close(paint);
        }
    fclose(golden);
    assert_int_equal(changed, 0);
}

/* The same pixels twice, and others at another moment, in another size or theme. */
static void a_picture_is_what_it_shows(void **state)
{
    uint64_t seen[MOMENT_COUNT];
    (void)state;
    for (int moment = 0; moment < MOMENT_COUNT; moment++) {
        struct paint *once = paint_moment((enum moment)moment, 640, 360, &theme_dark);
        struct paint *again = paint_moment((enum moment)moment, 640, 360, &theme_dark);
        struct paint *light = paint_moment((enum moment)moment, 640, 360, &theme_light);
        seen[moment] = digest_picture(once);
        assert_true(seen[moment] == digest_picture(again));
        assert_true(seen[moment] != digest_picture(light));
        for (int before = 0; before < moment; before++)
            assert_true(seen[moment] != seen[before]);
        paint_close(once);
        paint_close(again);
        paint_close(light);
    }
}

/* Takes the pictures as they are for golden. */
static int make_golden(void)
{
    char versions[256], name[64];
    FILE *golden = fopen(GOLDEN_FILE, "w");
    if (golden == NULL)
        return 2;
    describe_versions(versions, sizeof versions);
    fprintf(golden, "%s\n", versions);
    for (int moment = 0; moment < MOMENT_COUNT; moment++)
        for (size_t i = 0; i < SIZE_COUNT * THEME_COUNT; i++) {
            size_t size = i / THEME_COUNT, theme = i % THEME_COUNT;
            struct paint *paint = paint_moment((enum moment)moment, sizes[size].width,
                                               sizes[size].height, themes[theme]);
            name_picture(name, sizeof name, moment, size, theme);
            fprintf(golden, "%016llx %s\n", (unsigned long long)digest_picture(paint), name);
            leave_picture(paint, name);
            paint_close(paint);
        }
    fclose(golden);
    printf("golden: " GOLDEN_FILE " is new; look at each picture in " GOLDEN_FOLDER "\n");
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_what_it_shows),
        cmocka_unit_test(pictures_are_as_they_were),
    };
    if (argc > 1 && strcmp(argv[1], "--make") == 0)
        return make_golden();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
