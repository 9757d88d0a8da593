#include "tui/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/units.h"
#include "tui/keys.h"
#include "tui/layout.h"
#include "tui/screen.h"
#include "tui/view_private.h"

#define READER_INPUT_BYTES 64

enum {
    MARGIN = 2,
    HEAD_ROWS = 4, /* the bar, an empty row, the title, an empty row */
    KEYS_ROWS = 1,
    QUESTION_ROWS = 3,               /* what was wrong (else a rule), the question, what is typed */
    STILL_MS = 200,                  /* nothing moves: look for keys, and for a resize */
    HURRY_NS = 20 * NS_PER_MS,       /* of wall time between two pictures */
    HURRY_PIECE_NS = 10 * NS_PER_MS, /* of the world */
};

struct reader {
    struct canvas canvas, picture;
    struct view view; /* of the session that was given last */
    bool has_session;
    bool is_hurried; /* the run goes to its end as fast as it can */
    enum page_side side;
    char input[READER_INPUT_BYTES];
};

struct reader *reader_open(void)
{
    struct reader *reader;
    if (!screen_open())
        return NULL;
    reader = calloc(1, sizeof *reader);
    MUST(reader != NULL);
    canvas_init(&reader->canvas, screen_is_ascii());
    canvas_init(&reader->picture, screen_is_ascii());
    return reader;
}

void reader_close(struct reader *reader)
{
    canvas_fini(&reader->canvas);
    canvas_fini(&reader->picture);
    free(reader);
    screen_close();
}

const char *reader_input(const struct reader *reader)
{
    return reader->input;
}

void reader_watch(struct reader *reader, struct session *session)
{
    static const struct view_options options;
    view_begin(&reader->view, session, &options);
    reader->has_session = true;
    reader->is_hurried = false;
}

/* ---- Where everything stands. ---- */

static int bottom_rows(const struct page *page)
{
    return KEYS_ROWS + (page->question != NULL ? QUESTION_ROWS : 0);
}

/* The text's half where both are seen; the picture needs its 80 columns first. */
static int text_columns(const struct canvas *canvas)
{
    int columns = canvas->columns - LAYOUT_COLUMNS_MIN - 1;
    return columns < PAGE_TEXT_COLUMNS + 2 * MARGIN ? columns : PAGE_TEXT_COLUMNS + 2 * MARGIN;
}

static bool is_both(const struct reader *reader, const struct page *page)
{
    const struct canvas *canvas = &reader->canvas;
    int rows = canvas->rows - HEAD_ROWS - bottom_rows(page);
    int columns = text_columns(canvas) - 2 * MARGIN;
    return reader->has_session && canvas->columns >= READER_COLUMNS_MIN_BOTH &&
           page_rows(page->text, columns) <= rows && page_is_whole(page->text, columns);
}

static enum page_side seen_side(const struct reader *reader, const struct page *page)
{
    return is_both(reader, page) ? PAGE_BOTH : reader->has_session ? reader->side : PAGE_TEXT;
}

/* ---- Drawing. ---- */

static void draw_bar(struct canvas *canvas, int columns, const struct page *page)
{
    for (int i = 0; i < columns; i++)
        canvas_put(canvas, 0, i, STYLE_REVERSE, ' ');
    int end = columns - 1 - canvas_width(page->place);
    canvas_text(canvas, 0, 1, end - 3, STYLE_REVERSE | STYLE_BOLD, page->lab);
    canvas_text(canvas, 0, end, columns - end, STYLE_REVERSE, page->place);
}

static void draw_text(struct canvas *canvas, int columns, const struct page *page)
{
    int room = columns - 2 * MARGIN;
    room = room < PAGE_TEXT_COLUMNS ? room : PAGE_TEXT_COLUMNS;
    draw_bar(canvas, columns, page);
    canvas_text(canvas, 2, MARGIN, room, COLOUR_CLEAN | STYLE_BOLD, page->title);
    page_draw_text(
        canvas,
        (struct rect){HEAD_ROWS, MARGIN, canvas->rows - HEAD_ROWS - bottom_rows(page), room},
        page->text);
}

static void draw_picture(struct reader *reader, const struct page *page, int column,
                         uint64_t now_ns)
{
    struct picture picture;
    view_picture(&reader->view, now_ns, &picture);
    canvas_resize(&reader->picture, reader->canvas.rows - bottom_rows(page),
                  reader->canvas.columns - column);
    panel_beside(&reader->picture, &picture);
    canvas_copy(&reader->canvas, 0, column, &reader->picture);
    if (reader->view.has_help)
        panel_help(&reader->canvas,
                   (struct rect){0, 0, reader->canvas.rows, reader->canvas.columns}, &picture);
}

/* The question, and what is typed with a block for the cursor. */
static void draw_question(struct reader *reader, const struct page *page)
{
    struct canvas *canvas = &reader->canvas;
    int row = canvas->rows - KEYS_ROWS - QUESTION_ROWS, room = canvas->columns - 2 * MARGIN;
    if (*page->notice != '\0')
        canvas_text(canvas, row, MARGIN, room, COLOUR_WAITED_FOR | STYLE_BOLD, page->notice);
    else
        for (int i = 0; i < canvas->columns; i++)
            canvas_put(canvas, row, i, COLOUR_FAINT, 0x2500);
    canvas_text(canvas, row + 1, MARGIN, room, STYLE_BOLD, page->question);
    int column = canvas_text(canvas, row + 2, MARGIN, room, COLOUR_PLAIN, page->prompt);
    column = canvas_text(canvas, row + 2, column, canvas->columns - column - 1, STYLE_BOLD,
                         reader->input);
    canvas_put(canvas, row + 2, column, STYLE_REVERSE, ' ');
}

/* An empty canvas of the window's size: where things are seen depends on that. */
static void follow_size(struct reader *reader)
{
    int rows, columns;
    screen_size(&rows, &columns);
    canvas_resize(&reader->canvas, rows, columns);
}

static void draw(struct reader *reader, const struct page *page, uint64_t now_ns)
{
    struct canvas *canvas = &reader->canvas;
    int rows = canvas->rows, columns = canvas->columns;
    struct rect everything = {0, 0, rows, columns};
    if (rows < LAYOUT_ROWS_MIN || columns < LAYOUT_COLUMNS_MIN) {
        canvas_wrap(canvas, everything, COLOUR_PLAIN, page->too_small);
        screen_show(canvas);
        return;
    }
    enum page_side side = seen_side(reader, page);
    int text_end = side == PAGE_BOTH ? text_columns(canvas) : columns;
    if (side != PAGE_PICTURE)
        draw_text(canvas, text_end, page);
    for (int row = 0; side == PAGE_BOTH && row < rows - bottom_rows(page); row++)
        canvas_put(canvas, row, text_end, COLOUR_FAINT, 0x2502);
    if (page->question != NULL)
        draw_question(reader, page);
    canvas_text(canvas, rows - 1, 1, columns - 2, COLOUR_FAINT, page->keys[side]);
    if (side != PAGE_TEXT)
        draw_picture(reader, page, side == PAGE_BOTH ? text_end + 1 : 0, now_ns);
    screen_show(canvas);
}

/* ---- Keys. ---- */

static void type_character(struct reader *reader, int code)
{
    char utf8[5] = "";
    if (code < 0x80)
        utf8[0] = (char)code;
    else if (code < 0x800)
        utf8[0] = (char)(0xc0 | code >> 6), utf8[1] = (char)(0x80 | (code & 0x3f));
    else if (code < 0x10000)
        utf8[0] = (char)(0xe0 | code >> 12), utf8[1] = (char)(0x80 | (code >> 6 & 0x3f)),
        utf8[2] = (char)(0x80 | (code & 0x3f));
    if (strlen(reader->input) + strlen(utf8) < sizeof reader->input)
        strcat(reader->input, utf8);
}

static void take_character_back(struct reader *reader)
{
    size_t end = strlen(reader->input);
    while (end > 0 && ((unsigned char)reader->input[end - 1] & 0xc0) == 0x80)
        end--;
    reader->input[end > 0 ? end - 1 : 0] = '\0';
}

/* Whether the page is over, and how. */
struct result {
    bool is_over;
    enum reader_end end;
};
static const struct result stay = {false, READER_LEFT};

static struct result key_of_question(struct reader *reader, int code)
{
    if (code == SCREEN_KEY_ESCAPE && *reader->input == '\0')
        return (struct result){true, READER_LEFT};
    if (code == SCREEN_KEY_ESCAPE)
        reader->input[0] = '\0';
    else if (code == SCREEN_KEY_BACKSPACE)
        take_character_back(reader);
    else if (code >= ' ' && code < 0x10000 && (code < 0x7f || code >= 0xa0))
        type_character(reader, code);
    return stay;
}

/* Of a run Enter goes first to its picture, then to its end, then on. */
static struct result enter(struct reader *reader, const struct page *page)
{
    bool is_run = page->is_run && !reader->view.session->has_ended;
    reader->view.has_help = false; /* what Enter does is to be seen */
    if (!is_run)
        return (struct result){true, READER_ANSWERED};
    if (seen_side(reader, page) == PAGE_TEXT) {
        reader->side = PAGE_PICTURE;
        return stay;
    }
    reader->is_hurried = true;
    reader->view.player.step_text[0] = '\0'; /* of a step that is left behind now */
    return stay;
}

static struct result key_of_run(struct reader *reader, const struct page *page, int code)
{
    struct view *view = &reader->view;
    bool is_seen = page->is_run && seen_side(reader, page) != PAGE_TEXT;
    bool is_closing_help = code == SCREEN_KEY_ESCAPE && is_seen && view->has_help;
    if (code == 'q' || (code == SCREEN_KEY_ESCAPE && !is_closing_help))
        return (struct result){true, READER_LEFT};
    if (is_seen) {
        if (key_find(code) != NULL)
            reader->is_hurried = false; /* who steers wants to see what comes of it */
        view_key(view, code);
    }
    return stay;
}

static struct result take_key(struct reader *reader, const struct page *page, int code)
{
    enum { CONTROL_L = 12 };
    if (code == SCREEN_KEY_CLOSED)
        return (struct result){true, READER_CLOSED};
    if (code == CONTROL_L)
        screen_redraw();
    if (code == SCREEN_KEY_ENTER)
        return enter(reader, page);
    if (code == SCREEN_KEY_TAB)
        reader->side = reader->side == PAGE_TEXT ? PAGE_PICTURE : PAGE_TEXT;
    else if (page->question != NULL)
        return key_of_question(reader, code);
    else
        return key_of_run(reader, page, code);
    return stay;
}

/* ---- The loop. ---- */

/* Whether the world goes on now: its run is this page, it has not ended, and it is seen. */
static bool is_living(const struct reader *reader, const struct page *page)
{
    return page->is_run && !reader->view.session->has_ended && seen_side(reader, page) != PAGE_TEXT;
}

static void live(struct reader *reader, const struct page *page, uint64_t wall_ns, uint64_t now_ns)
{
    struct session *session = reader->view.session;
    if (!is_living(reader, page))
        return;
    if (!reader->is_hurried) {
        view_live(&reader->view, wall_ns, now_ns);
        return;
    }
    while (!session->has_ended && player_wall_ns() - now_ns < HURRY_NS)
        session->ops->advance(session, session->timeline.now_ns + HURRY_PIECE_NS);
}

static int wait_ms(const struct reader *reader, const struct page *page)
{
    if (!is_living(reader, page))
        return STILL_MS;
    return reader->is_hurried ? 0 : view_wait_ms(&reader->view);
}

enum reader_end reader_show(struct reader *reader, const struct page *page)
{
    uint64_t last_ns = player_wall_ns();
    if (*page->notice == '\0') /* else it is the same page once more */
        reader->side = PAGE_TEXT;
    reader->view.has_help = false; /* its keys are those of a run: they do nothing on other pages */
    snprintf(reader->input, sizeof reader->input, "%s", page->question != NULL ? page->typed : "");
    for (;;) {
        uint64_t now_ns = player_wall_ns();
        follow_size(reader);
        live(reader, page, now_ns - last_ns, now_ns);
        last_ns = now_ns;
        draw(reader, page, now_ns);

        int code = screen_key(wait_ms(reader, page));
        for (; code != SCREEN_KEY_NONE; code = screen_key(0)) {
            struct result result = take_key(reader, page, code);
            if (result.is_over)
                return result.end;
        }
    }
}
