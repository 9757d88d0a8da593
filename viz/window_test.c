/* The window, as somebody at a display meets it: the program itself under Xvfb, driven by xdotool's
 * keys and mouse. What it shows is read from Xvfb's frame buffer and from the window's name.
 * Without these two programs the tests are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "viz/theme.h"

#define SCREEN_WIDTH  1280
#define SCREEN_HEIGHT 720
#define PATIENCE_MS   20000 /* a sanitized program on a busy machine; nothing waits so long else */
#define LOOK_MS       50

static char folder[] = "/tmp/ferry_window_test_XXXXXX";
static char frame_buffer[64];
static pid_t server, program;

static bool has_program(const char *name)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}

/* Xvfb says on a pipe which display it became. It stays as it is when a window has gone. */
static bool start_server(void)
{
    int ends[2];
    char display[16] = "", variable[32], number[16];
    if (mkdtemp(folder) == NULL || pipe(ends) != 0)
        return false;
    snprintf(number, sizeof number, "%d", ends[1]);
    server = fork();
    if (server == 0) {
        char screen[32];
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 1);
        dup2(nothing, 2);
        snprintf(screen, sizeof screen, "%dx%dx24", SCREEN_WIDTH, SCREEN_HEIGHT);
        execlp("Xvfb", "Xvfb", "-displayfd", number, "-screen", "0", screen, "-fbdir", folder,
               "-nolisten", "tcp", "-noreset", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t count = read(ends[0], display, sizeof display - 1);
    close(ends[0]);
    if (count <= 0)
        return false;
    display[strcspn(display, "\n")] = '\0';
    snprintf(variable, sizeof variable, ":%.10s", display);
    setenv("DISPLAY", variable, 1);
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("SDL_VIDEODRIVER");
    setenv("LSAN_OPTIONS", "detect_leaks=0", 1); /* libdbus and X11's modules leave some behind */
    snprintf(frame_buffer, sizeof frame_buffer, "%s/Xvfb_screen0", folder);
    return true;
}

static void start_program(const char *size)
{
    program = fork();
    if (program == 0) {
        execl(BUILD_DIR "/bin/ferry", "ferry", "viz", "--guest", "model:uniform", "--memory",
              "64MiB", "--dirty-rate", "3000pages/s", "--bandwidth", "200Mbit/s", "--start-at",
              "300ms", "--size", size, (char *)NULL);
        _exit(127);
    }
}

/* ---- What is to be seen. ---- */

/* The first line that a command prints; "" where it fails. */
static const char *ask(const char *command)
{
    static char line[256];
    char whole[512];
    snprintf(whole, sizeof whole, "%s 2>/dev/null", command);
    FILE *output = popen(whole, "r");
    line[0] = '\0';
    if (fgets(line, sizeof line, output) == NULL)
        line[0] = '\0';
    pclose(output);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void press(const char *words)
{
    char command[256];
    snprintf(command, sizeof command, "xdotool %s", words);
    assert_int_equal(system(command), 0);
}

static const char *window_title(void)
{
    return ask("xdotool search --class ferry-viz getwindowname");
}

/* The world's clock in the window's name, in seconds. */
static double clock_of(const char *title)
{
    const char *text = strstr(title, ", ");
    return text == NULL ? -1 : atof(text + 2);
}

static const char *await_title(const char *words, bool is_there, int line)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
        const char *title = window_title();
        if (*title != '\0' && (strstr(title, words) != NULL) == is_there)
            return title;
        usleep(LOOK_MS * 1000);
    }
    fail_msg("line %d: \"%s\" is %s in the name \"%s\"", line, words, is_there ? "not" : "still",
             window_title());
    return NULL;
}
#define assert_named(words)     await_title(words, true, __LINE__)
#define assert_not_named(words) await_title(words, false, __LINE__)

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A pixel of the screen: the frame buffer is a file in the format of xwd, its header in big-endian
 * words: [0] the header's bytes, [12] a row's, [19] the colour map's entries of 12 bytes. */
static uint32_t pixel_at(int x, int y)
{
    uint8_t header[100], pixel[4] = {0};
    FILE *file = fopen(frame_buffer, "rb");
    assert_non_null(file);
    assert_int_equal(fread(header, 1, sizeof header, file), sizeof header);
    long begin = (long)big_endian(header) + 12L * big_endian(header + 4 * 19);
    fseek(file, begin + (long)y * big_endian(header + 4 * 12) + 4L * x, SEEK_SET);
    assert_int_equal(fread(pixel, 1, sizeof pixel, file), sizeof pixel);
    fclose(file);
    return (uint32_t)pixel[2] << 16 | (uint32_t)pixel[1] << 8 | pixel[0];
}

static uint32_t of_colour(struct colour colour)
{
    return (uint32_t)colour.red << 16 | (uint32_t)colour.green << 8 | colour.blue;
}

static void await_pixel(int x, int y, uint32_t colour, int line)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
        if (pixel_at(x, y) == colour)
            return;
        usleep(LOOK_MS * 1000);
    }
    fail_msg("line %d: the pixel at %d, %d is %06x, not %06x", line, x, y, pixel_at(x, y), colour);
}
#define assert_pixel(x, y, colour) await_pixel(x, y, colour, __LINE__)

static void assert_ended(int status)
{
    int ended;
    for (int waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
        if (waitpid(program, &ended, WNOHANG) == program) {
            program = 0;
            assert_true(WIFEXITED(ended));
            assert_int_equal(WEXITSTATUS(ended), status);
            return;
        }
        usleep(LOOK_MS * 1000);
    }
    fail_msg("the program has not ended");
}

/* ---- The tests. ---- */

static void keys_and_mouse_drive_it(void **state)
{
    (void)state;
    if (server == 0)
        skip();
    start_program("1280x720");
    assert_named("model:uniform by pre-copy");
    assert_pixel(2, 2, of_colour(theme_dark.paper));
    press("mousemove 640 300"); /* without a window manager the keys go where the mouse is */

    press("key space");
    double clock = clock_of(assert_named("stopped"));
    press("key space");
    assert_named("playing");
    press("key Next");
    assert_named("stopped");
    assert_true(clock_of(window_title()) >= clock);
    press("key Next Next Next");
    press("key r");
    for (int i = 0; i < 3; i++) { /* until the guest was moved and more */
        press("key Right");
        usleep(LOOK_MS * 1000);
    }
    clock = clock_of(assert_named("stopped"));
    assert_true(clock > 0.3);
    press("key Left");
    for (int waited = 0; clock_of(window_title()) >= clock && waited < PATIENCE_MS;
         waited += LOOK_MS)
        usleep(LOOK_MS * 1000);
    assert_true(clock_of(window_title()) < clock);

    /* The bar of time: to its beginning, and dragged on from there. */
    press("mousemove 15 699 mousedown 1");
    assert_named(", 0.000 s");
    press("mousemove 600 600 mouseup 1");
    assert_not_named(", 0.000 s");
    press("mousemove 640 300");

    press("key d");
    assert_pixel(2, 2, of_colour(theme_light.paper));
    press("key period");
    assert_pixel(2, 2, 0);
    press("key period");
    assert_pixel(2, 2, of_colour(theme_light.paper));
    press("key question");
    uint32_t ink = of_colour(theme_light.ink);
    /* The help has a frame, a bold line left of the middle. */
    bool has_frame = false;
    for (int waited = 0; !has_frame && waited < PATIENCE_MS; waited += LOOK_MS) {
        for (int x = 10; x < 40; x++)
            has_frame = has_frame || (pixel_at(x, 360) == ink && pixel_at(x, 300) == ink &&
                                      pixel_at(x, 420) == ink);
        usleep(LOOK_MS * 1000);
    }
    assert_true(has_frame);
    press("key Escape plus plus minus Home");
    assert_named(", 0.000 s");
    press("key q");
    assert_ended(0);
}

static void it_follows_its_size_and_is_closed(void **state)
{
    (void)state;
    if (server == 0)
        skip();
    start_program("640x360");
    assert_named("by pre-copy");
    /* Wherever the window is: it grows over the whole screen, and so does the picture. */
    press("search --class ferry-viz windowmove 0 0 windowsize 1200 700");
    assert_pixel(1198, 698, of_colour(theme_dark.paper));
    assert_string_equal(
        ask("xdotool search --class ferry-viz getwindowgeometry --shell | grep WIDTH"),
        "WIDTH=1200");
    press("search --class ferry-viz windowsize 500 400");
    assert_pixel(1198, 698, 0);
    assert_pixel(498, 398, of_colour(theme_dark.paper));
    assert_int_equal(kill(program, SIGTERM), 0);
    assert_ended(0);
}

static int set_up(void **state)
{
    (void)state;
    if (!has_program("Xvfb") || !has_program("xdotool")) {
        printf("a window is not tested: Xvfb and xdotool are not installed\n");
        return 0;
    }
    return start_server() ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[96];
    (void)state;
    if (program > 0)
        kill(program, SIGKILL);
    if (server > 0) {
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_mouse_drive_it),
        cmocka_unit_test(it_follows_its_size_and_is_closed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
