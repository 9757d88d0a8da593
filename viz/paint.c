#include "viz/paint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <SDL2/SDL.h>
#include <SDL2/SDL_ttf.h>

/* Where Debian and its kin put the font (package fonts-wqy-microhei): small, Latin and Chinese. */
static const char *const font_paths[] = {
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/wqy-microhei/wqy-microhei.ttc",
    "/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc",
};

#define FONTS_MAX 32 /* sizes in use at once: a picture has about ten */
/* Glyphs in a colour. A picture has some hundreds; when there are more, all are made anew. */
#define STAMPS_MAX         4096
#define STAMPS_TABLE       (2 * STAMPS_MAX) /* a power of two */
#define MARK_CODE          0x110000u        /* beyond Unicode: marks stand in the same table */
#define MARK_CIRCLE_RADIUS 0.9              /* of half its size */
#define MARK_SAMPLES       4                /* of a pixel's side: a mark's edges are smooth */

/* A glyph or a mark in its size and colour, ready to be copied. */
struct stamp {
    SDL_Texture *texture; /* NULL with is_used: nothing is to be seen of it */
    bool is_used;
    int size, width, height, left, advance;
    uint32_t code, colour;
};

struct font {
    TTF_Font *font;
    int size;
};

struct paint {
    SDL_Surface *surface;
    SDL_Renderer *renderer;
    const char *font_path;
    struct font fonts[FONTS_MAX];
    int font_count;
    struct stamp *stamps; /* owned: a table with open addressing */
    int stamp_count;
};

/* ---- Opening and closing. ---- */

static void forget_stamps(struct paint *paint)
{
    for (int i = 0; i < STAMPS_TABLE; i++)
        if (paint->stamps[i].texture != NULL)
            SDL_DestroyTexture(paint->stamps[i].texture);
    memset(paint->stamps, 0, STAMPS_TABLE * sizeof *paint->stamps);
    paint->stamp_count = 0;
}

static void forget_fonts(struct paint *paint)
{
    for (int i = 0; i < paint->font_count; i++)
        TTF_CloseFont(paint->fonts[i].font);
    paint->font_count = 0;
}

static void forget_surface(struct paint *paint)
{
    forget_stamps(paint); /* textures belong to their renderer */
    SDL_DestroyRenderer(paint->renderer);
    SDL_FreeSurface(paint->surface);
    paint->renderer = NULL;
    paint->surface = NULL;
}

static enum status check_side(int side, struct problem *problem)
{
    if (side >= PAINT_SIDE_MIN && side <= PAINT_SIDE_MAX)
        return STATUS_OK;
    return problem_set(problem, STATUS_USAGE, "a picture's side has %d to %d pixels, not %d",
                       PAINT_SIDE_MIN, PAINT_SIDE_MAX, side);
}

enum status paint_resize(struct paint *paint, int width, int height, struct problem *problem)
{
    if (check_side(width, problem) != STATUS_OK || check_side(height, problem) != STATUS_OK)
        return STATUS_USAGE;
    if (paint->surface != NULL && paint->surface->w == width && paint->surface->h == height)
        return STATUS_OK;
    if (paint->surface != NULL)
        forget_surface(paint);
    paint->surface = SDL_CreateRGBSurfaceWithFormat(0, width, height, 32, SDL_PIXELFORMAT_RGB888);
    MUST(paint->surface != NULL);
    paint->renderer = SDL_CreateSoftwareRenderer(paint->surface);
    MUST(paint->renderer != NULL);
    return STATUS_OK;
}

enum status paint_open(struct paint **opened, int width, int height, struct problem *problem)
{
    const char *font_path = NULL;
    for (size_t i = 0; i < sizeof font_paths / sizeof font_paths[0] && font_path == NULL; i++)
        if (access(font_paths[i], R_OK) == 0)
            font_path = font_paths[i];
    if (font_path == NULL)
        return problem_set(problem, STATUS_NO_FILE,
                           "there is no font at %s: install the package fonts-wqy-microhei",
                           font_paths[0]);
    if (TTF_Init() != 0)
        return problem_set(problem, STATUS_NO_FILE, "SDL_ttf does not start: %.200s",
                           TTF_GetError());
    struct paint *paint = calloc(1, sizeof *paint);
    MUST(paint != NULL);
    paint->font_path = font_path;
    paint->stamps = calloc(STAMPS_TABLE, sizeof *paint->stamps);
    MUST(paint->stamps != NULL);
    if (paint_resize(paint, width, height, problem) != STATUS_OK) {
        paint_close(paint);
        return STATUS_USAGE;
    }
    *opened = paint;
    return STATUS_OK;
}

void paint_close(struct paint *paint)
{
    if (paint->surface != NULL)
        forget_surface(paint);
    forget_fonts(paint);
    free(paint->stamps);
    free(paint);
    TTF_Quit();
}

int paint_width(const struct paint *paint)
{
    return paint->surface->w;
}

int paint_height(const struct paint *paint)
{
    return paint->surface->h;
}

void paint_versions(const struct paint *paint, char *text, size_t text_bytes)
{
    SDL_version sdl;
    const SDL_version *ttf = TTF_Linked_Version();
    int major, minor, patch;
    SDL_GetVersion(&sdl);
    TTF_GetFreeTypeVersion(&major, &minor, &patch);
    const char *name = strrchr(paint->font_path, '/') + 1;
    snprintf(text, text_bytes, "SDL %d.%d.%d, SDL_ttf %d.%d.%d, freetype %d.%d.%d, %s", sdl.major,
             sdl.minor, sdl.patch, ttf->major, ttf->minor, ttf->patch, major, minor, patch, name);
}

/* ---- Rectangles and lines. ---- */

static void set_colour(struct paint *paint, struct colour colour)
{
    SDL_SetRenderDrawBlendMode(paint->renderer,
                               colour.alpha == 255 ? SDL_BLENDMODE_NONE : SDL_BLENDMODE_BLEND);
    SDL_SetRenderDrawColor(paint->renderer, colour.red, colour.green, colour.blue, colour.alpha);
}

void paint_clear(struct paint *paint, struct colour colour)
{
    set_colour(paint, colour);
    SDL_RenderClear(paint->renderer);
}

/* struct area is SDL_Rect in other words: arrays of them are handed over as they are. */
_Static_assert(sizeof(struct area) == sizeof(SDL_Rect) &&
                   offsetof(struct area, width) == offsetof(SDL_Rect, w) &&
                   offsetof(struct area, y) == offsetof(SDL_Rect, y),
               "an area is laid out as SDL's rectangle");

void paint_rects(struct paint *paint, const struct area *areas, int count, struct colour colour)
{
    if (count <= 0)
        return;
    set_colour(paint, colour);
    SDL_RenderFillRects(paint->renderer, (const SDL_Rect *)areas, count);
}

void paint_rect(struct paint *paint, struct area area, struct colour colour)
{
    if (area.width > 0 && area.height > 0)
        paint_rects(paint, &area, 1, colour);
}

void paint_outline(struct paint *paint, struct area area, int thickness, struct colour colour)
{
    int inner = area.height - 2 * thickness;
    const struct area sides[] = {
        {area.x, area.y, area.width, thickness},
        {area.x, area.y + area.height - thickness, area.width, thickness},
        {area.x, area.y + thickness, thickness, inner},
        {area.x + area.width - thickness, area.y + thickness, thickness, inner},
    };
    if (inner < 0 || area.width < 2 * thickness)
        paint_rect(paint, area, colour);
    else
        paint_rects(paint, sides, 4, colour);
}

/* One pixel of a line's edge, covered to a share. */
static void draw_edge(struct paint *paint, int along, int across, bool is_steep, double share,
                      struct colour colour)
{
    colour.alpha = (uint8_t)lround(colour.alpha * share);
    set_colour(paint, colour);
    SDL_RenderDrawPoint(paint->renderer, is_steep ? across : along, is_steep ? along : across);
}

/* From `low` to `high` across the line, at one pixel along it. */
static void draw_slice(struct paint *paint, int along, double low, double high, bool is_steep,
                       struct colour colour)
{
    int first = (int)floor(low), last = (int)floor(high);
    if (first == last) {
        draw_edge(paint, along, first, is_steep, high - low, colour);
        return;
    }
    draw_edge(paint, along, first, is_steep, first + 1 - low, colour);
    draw_edge(paint, along, last, is_steep, high - last, colour);
    int count = last - first - 1;
    struct area core = is_steep ? (struct area){first + 1, along, count, 1}
                                : (struct area){along, first + 1, 1, count};
    paint_rect(paint, core, colour);
}

/* Slice by slice along the longer direction; the last pixel is left to the next line. */
void paint_line(struct paint *paint, struct point from, struct point to, double thickness,
                struct colour colour)
{
    bool is_steep = fabs(to.y - from.y) > fabs(to.x - from.x);
    double a = is_steep ? from.y : from.x, b = is_steep ? to.y : to.x;
    double c = is_steep ? from.x : from.y, d = is_steep ? to.x : to.y;
    if (a > b) {
        double swap = a;
        a = b, b = swap;
        swap = c, c = d, d = swap;
    }
    double slope = b > a ? (d - c) / (b - a) : 0;
    double half = thickness / 2 * sqrt(1 + slope * slope);
    int begin = (int)lround(a), end = (int)lround(b);
    for (int along = begin; along < end || along == begin; along++) {
        double at = along + 0.5 < a ? a : along + 0.5 > b ? b : along + 0.5;
        double middle = c + slope * (at - a);
        draw_slice(paint, along, middle - half, middle + half, is_steep, colour);
    }
}

static struct point between(struct point from, struct point to, double share)
{
    return (struct point){from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share};
}

void paint_polyline(struct paint *paint, const struct point *points, int count, double thickness,
                    double dash, struct colour colour)
{
    double walked = 0;
    for (int i = 0; i + 1 < count; i++) {
        double length = hypot(points[i + 1].x - points[i].x, points[i + 1].y - points[i].y);
        if (dash <= 0) {
            paint_line(paint, points[i], points[i + 1], thickness, colour);
            /* Round, so that no notch is seen where the line bends. */
            paint_mark(paint, MARK_CIRCLE, points[i + 1].x, points[i + 1].y, (int)thickness,
                       colour);
            continue;
        }
        for (double at = 0; at < length;) {
            double left = dash - fmod(walked, dash), piece = fmin(left, length - at);
            if (fmod(floor(walked / dash + 1e-9), 2) < 0.5)
                paint_line(paint, between(points[i], points[i + 1], at / length),
                           between(points[i], points[i + 1], (at + piece) / length), thickness,
                           colour);
            at += piece + 1e-6;
            walked += piece + 1e-6;
        }
    }
}

void paint_clip(struct paint *paint, const struct area *area)
{
    SDL_RenderSetClipRect(paint->renderer, (const SDL_Rect *)area);
}

/* ---- Stamps: glyphs and marks. ---- */

static uint32_t pack(struct colour colour)
{
    return (uint32_t)colour.alpha << 24 | (uint32_t)colour.red << 16 | (uint32_t)colour.green << 8 |
           colour.blue;
}

static TTF_Font *font_of(struct paint *paint, int size)
{
    for (int i = 0; i < paint->font_count; i++)
        if (paint->fonts[i].size == size)
            return paint->fonts[i].font;
    if (paint->font_count == FONTS_MAX)
        forget_fonts(paint);
    TTF_Font *font = TTF_OpenFont(paint->font_path, size);
    MUST(font != NULL);
    TTF_SetFontHinting(font, TTF_HINTING_LIGHT);
    TTF_SetFontKerning(font, 0);
    paint->fonts[paint->font_count++] = (struct font){font, size};
    return font;
}

static void make_glyph(struct paint *paint, struct stamp *stamp, struct colour colour)
{
    TTF_Font *font = font_of(paint, stamp->size);
    int left = 0;
    if (TTF_GlyphMetrics32(font, stamp->code, &left, NULL, NULL, NULL, &stamp->advance) != 0)
        return;
    stamp->left = left < 0 ? left : 0; /* what reaches further left is not cut by SDL_ttf */
    SDL_Surface *surface = TTF_RenderGlyph32_Blended(
        font, stamp->code, (SDL_Color){colour.red, colour.green, colour.blue, colour.alpha});
    if (surface == NULL)
        return; /* a space */
    stamp->width = surface->w;
    stamp->height = surface->h;
    stamp->texture = SDL_CreateTextureFromSurface(paint->renderer, surface);
    SDL_FreeSurface(surface);
}

/* Whether the point lies on the mark; both coordinates from -1 to 1. */
static bool is_on_mark(enum mark mark, double x, double y)
{
    double radius = hypot(x, y);
    switch (mark) {
    case MARK_SQUARE:
        return fmax(fabs(x), fabs(y)) < 0.8;
    case MARK_TRIANGLE:
        return x > -0.85 && fabs(y) < (0.95 - x) * 0.55;
    case MARK_DIAMOND:
        return fabs(x) + fabs(y) < 1;
    case MARK_CIRCLE:
        return radius < MARK_CIRCLE_RADIUS;
    case MARK_RING:
        return radius < 0.95 && radius > 0.62;
    case MARK_CROSS:
        return fabs(fabs(x) - fabs(y)) < 0.35 && fmax(fabs(x), fabs(y)) < 0.9;
    case MARK_LEFT:
        return x < 0.85 && fabs(y) < (x + 0.95) * 0.55;
    case MARK_COUNT:
        break;
    }
    return false;
}

/* Sixteen samples a pixel say how much of it is covered. */
static uint32_t mark_pixel(enum mark mark, int size, int column, int row, struct colour colour)
{
    int covered = 0;
    for (int i = 0; i < MARK_SAMPLES * MARK_SAMPLES; i++) {
        double x = column + (i % MARK_SAMPLES + 0.5) / MARK_SAMPLES;
        double y = row + (i / MARK_SAMPLES + 0.5) / MARK_SAMPLES;
        covered += is_on_mark(mark, x * 2 / size - 1, y * 2 / size - 1);
    }
    colour.alpha = (uint8_t)(colour.alpha * covered / (MARK_SAMPLES * MARK_SAMPLES));
    return pack(colour);
}

static void make_mark(struct paint *paint, struct stamp *stamp, struct colour colour)
{
    int size = stamp->size;
    SDL_Surface *surface =
        SDL_CreateRGBSurfaceWithFormat(0, size, size, 32, SDL_PIXELFORMAT_ARGB8888);
    MUST(surface != NULL);
    for (int row = 0; row < size; row++) {
        uint32_t *pixels = (uint32_t *)((uint8_t *)surface->pixels + (size_t)row * surface->pitch);
        for (int column = 0; column < size; column++)
            pixels[column] =
                mark_pixel((enum mark)(stamp->code - MARK_CODE), size, column, row, colour);
    }
    stamp->width = stamp->height = size;
    stamp->texture = SDL_CreateTextureFromSurface(paint->renderer, surface);
    SDL_FreeSurface(surface);
}

static const struct stamp *stamp_of(struct paint *paint, uint32_t code, int size,
                                    struct colour colour)
{
    uint32_t packed = pack(colour);
    uint32_t slot = (code * 2654435761u ^ packed * 40503u ^ (uint32_t)size * 97u);
    struct stamp *stamp;
    for (slot ^= slot >> 15;; slot++) {
        stamp = &paint->stamps[slot % STAMPS_TABLE];
        if (!stamp->is_used)
            break;
        if (stamp->code == code && stamp->colour == packed && stamp->size == size)
            return stamp;
    }
    if (paint->stamp_count == STAMPS_MAX) {
        SDL_RenderFlush(paint->renderer); /* what is drawn already may still need them */
        forget_stamps(paint);
        stamp = &paint->stamps[slot % STAMPS_TABLE];
    }
    *stamp = (struct stamp){.is_used = true, .size = size, .code = code, .colour = packed};
    paint->stamp_count++;
    if (code >= MARK_CODE)
        make_mark(paint, stamp, colour);
    else
        make_glyph(paint, stamp, colour);
    return stamp;
}

static void put_stamp(struct paint *paint, const struct stamp *stamp, int x, int y)
{
    SDL_Rect place = {x, y, stamp->width, stamp->height};
    if (stamp->texture != NULL)
        SDL_RenderCopy(paint->renderer, stamp->texture, NULL, &place);
}

void paint_mark(struct paint *paint, enum mark mark, double x, double y, int size,
                struct colour colour)
{
    const struct stamp *stamp = stamp_of(paint, MARK_CODE + mark, size < 3 ? 3 : size, colour);
    put_stamp(paint, stamp, (int)lround(x - stamp->width / 2.0),
              (int)lround(y - stamp->height / 2.0));
}

/* ---- Text. ---- */

/* The next character; what is no UTF-8 is shown as U+FFFD, byte by byte. */
static uint32_t next_code(const char **text)
{
    const uint8_t *at = (const uint8_t *)*text;
    int more = at[0] < 0x80 ? 0 : at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc2 ? 1 : -1;
    uint32_t code = more <= 0 ? at[0] : at[0] & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80)
            more = -1;
        else
            code = code << 6 | (at[i] & 0x3f);
    }
    *text += more < 0 ? 1 : more + 1;
    return more < 0 || code >= MARK_CODE ? 0xfffd : code;
}

/* The font has one weight: bold letters are drawn twice, so far apart. */
static int boldness(struct type type)
{
    return type.is_bold ? 1 + type.size / 36 : 0;
}

int paint_text_width(struct paint *paint, struct type type, const char *text)
{
    int width = 0;
    while (*text != '\0')
        width +=
            stamp_of(paint, next_code(&text), type.size, type.colour)->advance + boldness(type);
    return width;
}

int paint_line_height(struct paint *paint, struct type type)
{
    return TTF_FontHeight(font_of(paint, type.size));
}

int paint_text(struct paint *paint, int x, int y, struct type type, const char *text)
{
    int width = type.align == ALIGN_LEFT ? 0 : paint_text_width(paint, type, text);
    int pen = type.align == ALIGN_LEFT ? x : type.align == ALIGN_RIGHT ? x - width : x - width / 2;
    int begin = pen;
    while (*text != '\0') {
        const struct stamp *stamp = stamp_of(paint, next_code(&text), type.size, type.colour);
        for (int i = 0; i <= boldness(type); i++)
            put_stamp(paint, stamp, pen + stamp->left + i, y);
        pen += stamp->advance + boldness(type);
    }
    return pen - begin;
}

const uint32_t *paint_pixels(struct paint *paint, size_t *row_bytes)
{
    SDL_RenderFlush(paint->renderer);
    *row_bytes = (size_t)paint->surface->pitch;
    return paint->surface->pixels;
}
