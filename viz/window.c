#include "viz/window.h"

#include <stdlib.h>

#include <SDL2/SDL.h>

struct window {
    SDL_Window *window;
    bool is_full, is_held;
};

static enum status refuse(struct problem *problem)
{
    return problem_set(
        problem, STATUS_USAGE,
        "there is no display to open a window on: set DISPLAY or WAYLAND_DISPLAY, or "
        "make a picture with --headless --png FILE");
}

/* The drivers of displays that are there. SDL would try others, which nobody sees or which complain
 * on stderr; who wants one of them says so by SDL_VIDEODRIVER. NULL: there is no display. */
static const char *drivers(void)
{
    const char *x11 = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    bool has_x11 = x11 != NULL && *x11 != '\0';
    bool has_wayland = wayland != NULL && *wayland != '\0';
    if (getenv("SDL_VIDEODRIVER") != NULL)
        return getenv("SDL_VIDEODRIVER");
    return has_x11 && has_wayland ? "x11,wayland"
           : has_x11              ? "x11"
           : has_wayland          ? "wayland"
                                  : NULL;
}

enum status window_open(struct window **opened, const char *title, int width, int height,
                        struct problem *problem)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "0"); /* an interrupt closes the window */
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "0");
    if (drivers() == NULL)
        return refuse(problem);
    SDL_SetHint(SDL_HINT_VIDEODRIVER, drivers());
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        return refuse(problem);
    struct window *window = calloc(1, sizeof *window);
    MUST(window != NULL);
    window->window = SDL_CreateWindow(title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, width,
                                      height, SDL_WINDOW_RESIZABLE);
    if (window->window == NULL) {
        free(window);
        enum status status =
            problem_set(problem, STATUS_USAGE, "no window can be opened: %.200s", SDL_GetError());
        SDL_Quit();
        return status;
    }
    SDL_SetWindowMinimumSize(window->window, 2 * PAINT_SIDE_MIN, PAINT_SIDE_MIN);
    SDL_StartTextInput();
    *opened = window;
    return STATUS_OK;
}

void window_close(struct window *window)
{
    SDL_DestroyWindow(window->window);
    free(window);
    SDL_Quit();
}

void window_name(struct window *window, const char *title)
{
    SDL_SetWindowTitle(window->window, title);
}

static int within(int side)
{
    return side < PAINT_SIDE_MIN ? PAINT_SIDE_MIN : side > PAINT_SIDE_MAX ? PAINT_SIDE_MAX : side;
}

void window_size(struct window *window, int *width, int *height)
{
    SDL_GetWindowSize(window->window, width, height);
    *width = within(*width);
    *height = within(*height);
}

void window_turn_full(struct window *window, bool is_full)
{
    if (SDL_SetWindowFullscreen(window->window, is_full ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) == 0)
        window->is_full = is_full;
    SDL_ShowCursor(window->is_full ? SDL_DISABLE : SDL_ENABLE);
}

bool window_is_full(const struct window *window)
{
    return window->is_full;
}

void window_show(struct window *window, struct paint *paint)
{
    size_t row_bytes;
    const uint32_t *pixels = paint_pixels(paint, &row_bytes);
    SDL_Surface *glass = SDL_GetWindowSurface(window->window);
    SDL_Surface *picture =
        SDL_CreateRGBSurfaceWithFormatFrom((void *)pixels, paint_width(paint), paint_height(paint),
                                           32, (int)row_bytes, SDL_PIXELFORMAT_RGB888);
    if (glass != NULL && picture != NULL) {
        SDL_BlitSurface(picture, NULL, glass, NULL);
        SDL_UpdateWindowSurface(window->window);
    }
    SDL_FreeSurface(picture);
}

/* ---- What happens to it. ---- */

static int special_key(SDL_Keycode key)
{
    static const struct {
        SDL_Keycode key;
        int code;
    } keys[] = {
        {SDLK_ESCAPE, WINDOW_KEY_ESCAPE},
        {SDLK_LEFT, WINDOW_KEY_LEFT},
        {SDLK_RIGHT, WINDOW_KEY_RIGHT},
        {SDLK_UP, WINDOW_KEY_UP},
        {SDLK_DOWN, WINDOW_KEY_DOWN},
        {SDLK_PAGEUP, WINDOW_KEY_PAGE_UP},
        {SDLK_PAGEDOWN, WINDOW_KEY_PAGE_DOWN},
        {SDLK_HOME, WINDOW_KEY_HOME},
        {SDLK_F5, WINDOW_KEY_F5},
        {SDLK_F11, WINDOW_KEY_F11},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].key == key)
            return keys[i].code;
    return 0;
}

/* Characters come as text: so the keyboard's layout has decided what was meant. */
static struct window_event of_key(int code)
{
    if (code == 0)
        return (struct window_event){.kind = WINDOW_NOTHING};
    return (struct window_event){.kind = WINDOW_KEY, .code = code};
}

static struct window_event translate(struct window *window, const SDL_Event *event)
{
    struct window_event told = {.kind = WINDOW_NOTHING};
    switch (event->type) {
    case SDL_QUIT:
        told.kind = WINDOW_CLOSED;
        break;
    case SDL_KEYDOWN:
        return of_key(special_key(event->key.keysym.sym));
    case SDL_TEXTINPUT:
        return of_key((unsigned char)event->text.text[0] < 0x80 ? event->text.text[0] : 0);
    case SDL_WINDOWEVENT:
        if (event->window.event == SDL_WINDOWEVENT_SIZE_CHANGED ||
            event->window.event == SDL_WINDOWEVENT_EXPOSED)
            told.kind = WINDOW_CHANGED;
        break;
    case SDL_MOUSEBUTTONDOWN:
        if (event->button.button == SDL_BUTTON_LEFT) {
            window->is_held = true;
            told = (struct window_event){
                .kind = WINDOW_POINTED, .x = event->button.x, .y = event->button.y};
        }
        break;
    case SDL_MOUSEMOTION:
        if (window->is_held)
            told = (struct window_event){.kind = WINDOW_POINTED,
                                         .is_held = true,
                                         .x = event->motion.x,
                                         .y = event->motion.y};
        break;
    case SDL_MOUSEBUTTONUP:
        if (event->button.button == SDL_BUTTON_LEFT) {
            window->is_held = false;
            told.kind = WINDOW_RELEASED;
        }
        break;
    default:
        break;
    }
    return told;
}

struct window_event window_wait(struct window *window, int timeout_ms)
{
    uint32_t begun = SDL_GetTicks();
    for (;;) {
        uint32_t gone = SDL_GetTicks() - begun;
        int left = gone < (uint32_t)timeout_ms ? timeout_ms - (int)gone : 0;
        SDL_Event event;
        bool has_event =
            left > 0 ? SDL_WaitEventTimeout(&event, left) != 0 : SDL_PollEvent(&event) != 0;
        if (!has_event)
            return (struct window_event){.kind = WINDOW_NOTHING};
        struct window_event told = translate(window, &event);
        if (told.kind != WINDOW_NOTHING)
            return told;
    }
}
