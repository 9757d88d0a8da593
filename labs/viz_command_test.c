/* ferry viz as people and scripts meet it, but for the window (viz/window_test.c): pictures, and
 * lines that are refused. Where ferry-viz could not be built, or there is no font, they are
 * skipped, but that ferry itself needs no SDL is always true.
 */
#include <stdbool.h>

#include "labs/as_user.h"

#define MOVE "--guest model:uniform --memory 16MiB --dirty-rate 3000pages/s --bandwidth 200Mbit/s "

static bool has_viz(void)
{
    return access(BUILD_DIR "/bin/ferry-viz", X_OK) == 0 &&
           access("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", R_OK) == 0;
}

static long size_of(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return size;
}

static bool is_same(const char *a, const char *b)
{
    char command[256];
    snprintf(command, sizeof command, "cmp -s %s/%s %s/%s", folder, a, folder, b);
    return system(command) == 0;
}

/* Width and height as the PNG's head says them: big-endian, behind 16 bytes. */
static void assert_png(const char *name, int width, int height)
{
    unsigned char head[24] = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
    fclose(file);
    assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal(head[18] << 8 | head[19], width);
    assert_int_equal(head[22] << 8 | head[23], height);
}

static void ferry_itself_needs_no_sdl(void **state)
{
    (void)state;
    assert_int_not_equal(
        system("ldd " BUILD_DIR "/bin/ferry 2>/dev/null | grep -qi 'sdl\\|freetype\\|libpng'"), 0);
    assert_int_equal(ferry("help viz"), 0);
    assert_non_null(strstr(out, "ferry viz [SCENARIO.ini | RECORDING | --control PATH]"));
    assert_non_null(strstr(out, "--headless"));
    assert_int_equal(ferry("help"), 0);
    assert_non_null(strstr(out, "ferry viz"));
}

static void without_the_program_it_says_what_to_install(void **state)
{
    char command[512];
    (void)state;
    snprintf(command, sizeof command,
             "mkdir -p %s/bin && cp " BUILD_DIR "/bin/ferry %s/bin/ && %s/bin/ferry viz >%s/out "
             "2>%s/err; test $? -eq 2",
             folder, folder, folder, folder, folder);
    assert_int_equal(system(command), 0);
    slurp("err", err);
    assert_non_null(strstr(err, "bin/ferry-viz is not there: install libsdl2-dev"));
    assert_null(strchr(strchr(err, '\n') + 1, '\n'));
    snprintf(command, sizeof command, "rm -rf %s/bin %s/out", folder, folder);
    assert_int_equal(system(command), 0);
}

static void a_picture_is_made_without_a_display(void **state)
{
    (void)state;
    if (!has_viz())
        skip();
    assert_int_equal(ferry("viz --headless --png $D/a.png --at 150ms --size 640x360 " MOVE), 0);
    assert_string_equal(out, "");
    assert_string_equal(err, "");
    assert_png("a.png", 640, 360);
    assert_int_equal(ferry("viz --scene crossing --headless --at 150ms --png - --size 640x360 "
                           "--theme dark " MOVE " >$D/b.png"),
                     0);
    assert_true(is_same("a.png", "b.png"));
    assert_int_equal(ferry("viz --headless --png $D/b.png --at 151ms --size 640x360 " MOVE), 0);
    assert_false(is_same("a.png", "b.png"));
    assert_int_equal(
        ferry("viz --headless --png $D/b.png --at 150ms --size 640x360 --theme light " MOVE), 0);
    assert_false(is_same("a.png", "b.png"));
    assert_int_equal(
        ferry("viz --headless --png $D/b.png --at 150ms --size 640x360 --lang zh_CN " MOVE), 0);
    assert_false(is_same("a.png", "b.png"));
    /* Without an instant it is the end; without a scenario the demonstration. */
    assert_int_equal(ferry("viz --headless --png $D/a.png --size 640x360 " MOVE), 0);
    assert_int_equal(ferry("viz --headless --png $D/b.png --at 1h --size 640x360 " MOVE), 2);
    assert_int_equal(ferry("viz --headless --png $D/b.png --at 60min --size 640x360 " MOVE), 0);
    assert_true(is_same("a.png", "b.png"));
}

static void a_recording_shows_what_was_seen(void **state)
{
    (void)state;
    if (!has_viz())
        skip();
    assert_int_equal(ferry("run --quiet --record $D/r.ferry " MOVE), 0);
    assert_int_equal(ferry("viz --headless --png $D/a.png --size 640x360 $D/r.ferry"), 0);
    assert_int_equal(ferry("viz --headless --png $D/b.png --size 640x360 " MOVE), 0);
    assert_true(is_same("a.png", "b.png"));
    assert_refused("viz --headless --png $D/c.png --seed 3 $D/r.ferry",
                   "a recording is what it is");
    spill("cut.ferry", "ferryrec and no more");
    assert_refused("viz --headless --png $D/c.png $D/cut.ferry", "cut.ferry: ");
}

static void lines_that_cannot_be_are_refused(void **state)
{
    (void)state;
    if (!has_viz())
        skip();
    assert_refused("viz --headless", "--headless makes a picture: say where it goes");
    assert_refused("viz --png $D/x.png", "add --headless");
    assert_refused("viz --headless --png $D/x.png --size 1920", "write the width and the height");
    assert_refused("viz --headless --png $D/x.png --size 20x20", "160 to 8192 pixels");
    assert_refused("viz --headless --png $D/x.png --size 99999x1080", "160 to 8192 pixels");
    assert_refused("viz --headless --png $D/x.png --size -640x360", "write the width");
    assert_refused("viz --headless --png $D/x.png --theme blue", "dark or light");
    assert_refused("viz --headless --png $D/x.png --scene harbour", "write crossing");
    assert_refused("viz --headless --png $D/x.png --lang fr", "en or zh_CN");
    assert_refused("viz --headless --png $D/x.png --at 5", "--at: \"5\" has no unit");
    assert_refused("viz --headless --png $D/none/x.png", "x.png");
    assert_refused("viz --headles --png $D/x.png", "the nearest that exists is --headless");
    assert_refused("viz nothing.ini", "nothing.ini");
    assert_refused("run --theme dark", "unknown option --theme");
    assert_int_equal(size_of("x.png"), -1);
}

static void without_a_display_one_line_says_what_to_do(void **state)
{
    (void)state;
    if (!has_viz())
        skip();
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("SDL_VIDEODRIVER");
    assert_refused("viz", "there is no display to open a window on: set DISPLAY");
    setenv("DISPLAY", ":4711", 1);
    setenv("LSAN_OPTIONS", "detect_leaks=0", 1); /* libdbus leaves some behind, which SDL loads */
    assert_refused("viz", "there is no display to open a window on: set DISPLAY");
    unsetenv("DISPLAY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ferry_itself_needs_no_sdl),
        cmocka_unit_test(without_the_program_it_says_what_to_install),
        cmocka_unit_test(a_picture_is_made_without_a_display),
        cmocka_unit_test(a_recording_shows_what_was_seen),
        cmocka_unit_test(lines_that_cannot_be_are_refused),
        cmocka_unit_test(without_a_display_one_line_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
