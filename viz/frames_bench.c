/* How many pictures a second: the crossing of a guest of 256 MiB at 1920x1080, drawn by the
 * software renderer while the world lives on at real time, as the window does it. Prints the
 * medians of a picture alone and of a picture with its piece of the world, and the ratio of the
 * first to copying the picture's bytes once, in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bench.h"
#include "base/units.h"
#include "sim/run_session.h"
#include "viz/show.h"

#define FRAMES_MAX 4000
#define FRAME_NS   (NS_PER_S / 60)

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, bench_by_size);
    return values[count / 2];
}

static bool open_session(struct session **session, const char *mode)
{
    static uint8_t image[1 << 20];
    const char *const options[][2] = {
        {"guest", "kv"},  {"args", "--preload 192MiB"}, {"memory", "256MiB"},
        {"mode", mode},   {"bandwidth", "1Gbit/s"},     {"start-at", "500ms"},
        {"clients", "4"}, {"request-rate", "4000/s"},   {"run-for", "1s"},
    };
    struct scenario scenario;
    FILE *file = fopen(BUILD_DIR "/guests/kv", "rb");
    if (file == NULL)
        return false;
    size_t image_bytes = fread(image, 1, sizeof image, file);
    fclose(file);
    scenario_init(&scenario);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (scenario_set(&scenario, options[i][0], options[i][1], NULL) != STATUS_OK)
            return false;
    bool is_open =
        scenario_check(&scenario, false, NULL) == STATUS_OK &&
        run_session_open(session, &scenario, image, image_bytes, "bench", NULL) == STATUS_OK;
    scenario_fini(&scenario);
    return is_open;
}

static void draw(const struct sheet *sheet, const struct session *session, struct scrub *scrub,
                 struct timeline_spread latency)
{
    struct stage stage = {.session = session,
                          .sentence = "Round 4 sends only the 1,451 pages written during round 3. "
                                      "A shorter round leaves less time for new writes.",
                          .speed = 1,
                          .latency = latency};
    size_t row_bytes;
    scrub_follow(scrub, session);
    show_draw(sheet, scene_at(0), &stage, scrub);
    paint_pixels(sheet->paint, &row_bytes); /* all of it is drawn now */
}

static double copy_picture(struct paint *paint, uint8_t *copy)
{
    size_t row_bytes;
    const uint32_t *pixels = paint_pixels(paint, &row_bytes);
    double begun = bench_seconds();
    memcpy(copy, pixels, row_bytes * (size_t)paint_height(paint));
    return bench_seconds() - begun;
}

static bool measure(const char *mode)
{
    static double pictures[FRAMES_MAX], frames[FRAMES_MAX], copies[FRAMES_MAX];
    struct sheet sheet = {.theme = &theme_dark, .scale = 1};
    struct scrub scrub = {.count = 0};
    struct timeline_spread latency = {0};
    struct session *session;
    struct problem problem = {STATUS_OK, ""};
    int count = 0;
    if (!open_session(&session, mode))
        return false;
    if (paint_open(&sheet.paint, 1920, 1080, &problem) != STATUS_OK) {
        fprintf(stderr, "frames_bench: %s\n", problem.text);
        return false;
    }
    uint8_t *copy = malloc(1920 * 1080 * sizeof(uint32_t) + (1 << 20));
    copy_picture(sheet.paint, copy);
    for (; !session->has_ended && count < FRAMES_MAX; count++) {
        double begun = bench_seconds();
        session->ops->advance(session, session->timeline.now_ns + FRAME_NS);
        if (count % 15 == 0)
            latency = timeline_latency(&session->timeline);
        double lived = bench_seconds();
        draw(&sheet, session, &scrub, latency);
        double drawn = bench_seconds();
        pictures[count] = drawn - lived;
        frames[count] = drawn - begun;
        copies[count] = copy_picture(sheet.paint, copy);
    }
    double picture = median(pictures, count), frame = median(frames, count);
    printf("%-10s 1920x1080, 256 MiB: a picture %5.2f ms (1 in 100 over %5.2f), with the world "
           "%5.2f ms: %3.0f frames/s; %4.1f times copying it (%d frames)\n",
           mode, picture * 1e3, pictures[count * 99 / 100] * 1e3, frame * 1e3, 1 / frame,
           picture / median(copies, count), count);
    free(copy);
    paint_close(sheet.paint);
    session->ops->close(session);
    return true;
}

int main(void)
{
    if (measure("pre-copy") && measure("post-copy"))
        return 0;
    fprintf(stderr, "frames_bench: it needs build/guests/kv and a font\n");
    return 2;
}
