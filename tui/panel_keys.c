/* The line of keys, the help that is made of the same table, and the advice at the end. */
#include "tui/panel.h"

#include <stdio.h>
#include <string.h>

#include "tui/keys.h"
#include "tui/words.h"
#include "tui/translate.h"

/* Of a recording only one replay is possible: any of the keys stands for all of them in the line.
 */
static bool is_possible_in_line(const struct key *key, const struct session *session)
{
    if (key->action == KEY_REPLAY && !session->is_live)
        return session->ops->can(session, SESSION_REPLAY);
    return key_obstacle(key, session) == NULL;
}

/* As long as the key's own, so that the others keep their places. */
static const char *text_in_line(const struct key *key, const struct picture *picture)
{
    static const char *const watch_again[MODE_COUNT] = {
        [MODE_STOP_AND_COPY] = "1 replay", [MODE_PRE_COPY] = "2 replay",
        [MODE_POST_COPY] = "3 replay",     [MODE_HYBRID] = "4 replay",
        [MODE_CONTINUOUS] = "replay",      [MODE_AUTO] = "replay"};
    if (key->action == KEY_PLAY && picture->is_stopped && !picture->session->has_ended)
        return "space play";
    if (key->action == KEY_REPLAY && picture->session->is_live)
        return "1-4 move  ";
    if (key->action == KEY_REPLAY && key_is_recording(picture->session))
        return watch_again[picture->session->facts.mode];
    return key->bar;
}

void panel_keys(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    int column = rect.column, end = rect.column + rect.columns;
    int left = 0;
    for (int i = 0; i < key_count(); i++)
        left += key_at(i)->bar == NULL ? 0 : (int)strlen(key_at(i)->bar) + 2;
    for (int i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        if (key->bar == NULL)
            continue;
        /* Replaying is in the help and on the last screen: it makes room for the others first. */
        if (key->action == KEY_REPLAY && left > end - rect.column) {
            left -= (int)strlen(key->bar) + 2;
            continue;
        }
        const char *bar = text_in_line(key, picture);
        bool is_possible = is_possible_in_line(key, picture->session);
        int name_columns = (int)(strchr(bar, ' ') - bar);
        canvas_put(canvas, rect.row, column, COLOUR_FAINT, is_possible ? ' ' : '(');
        canvas_text(canvas, rect.row, column + 1, end - column - 1, COLOUR_FAINT, bar);
        if (is_possible)
            canvas_text(canvas, rect.row, column + 1, name_columns, STYLE_BOLD, bar);
        column += 1 + (int)strlen(key->bar);
        canvas_put(canvas, rect.row, column++, COLOUR_FAINT, is_possible ? ' ' : ')');
    }
}

static void draw_frame(struct canvas *canvas, struct rect rect)
{
    int bottom = rect.row + rect.rows - 1, right = rect.column + rect.columns - 1;
    canvas_blank(canvas, rect);
    for (int column = rect.column; column <= right; column++) {
        canvas_put(canvas, rect.row, column, COLOUR_FAINT, 0x2500);
        canvas_put(canvas, bottom, column, COLOUR_FAINT, 0x2500);
    }
    for (int row = rect.row; row <= bottom; row++) {
        canvas_put(canvas, row, rect.column, COLOUR_FAINT, 0x2502);
        canvas_put(canvas, row, right, COLOUR_FAINT, 0x2502);
    }
    canvas_put(canvas, rect.row, rect.column, COLOUR_FAINT, 0x250c);
    canvas_put(canvas, rect.row, right, COLOUR_FAINT, 0x2510);
    canvas_put(canvas, bottom, rect.column, COLOUR_FAINT, 0x2514);
    canvas_put(canvas, bottom, right, COLOUR_FAINT, 0x2518);
}

/* What no legend explains. */
static const char *const signs[] = {
    N_("»» pages for host B  «? host B asks for a page  ‖ guest paused"),
    N_("CLIENTS: the height is the longest latency, × nobody was answered"),
};
enum { SIGN_COUNT = sizeof signs / sizeof signs[0] };

/* A row for each key that has a name: those without one it speaks for. Returns the next row. */
static int draw_keys(struct canvas *canvas, struct rect box, const struct session *session)
{
    int row = box.row + 1;
    for (int i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        bool is_possible = key_obstacle(key, session) == NULL;
        if (key->name == NULL)
            continue;
        for (int k = i + 1; k < key_count() && key_at(k)->name == NULL; k++)
            is_possible |= key_obstacle(key_at(k), session) == NULL;
        canvas_format(canvas, row, box.column + 3, 10, is_possible ? STYLE_BOLD : COLOUR_FAINT,
                      is_possible ? "%s" : "(%s)", key->name);
        canvas_text(canvas, row++, box.column + 13, box.columns - 15,
                    is_possible ? COLOUR_PLAIN : COLOUR_FAINT, key_says(key, session));
    }
    return row;
}

void panel_help(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    /* The title row stays: the clock, the round and the downtime are always in sight. */
    int rows = SIGN_COUNT + 4;
    for (int i = 0; i < key_count(); i++)
        rows += key_at(i)->name != NULL;
    struct rect box = {rect.row + (rect.rows - rows) / 2, rect.column + (rect.columns - 72) / 2,
                       rows, 72};
    if (box.row < rect.row + 1)
        box.row = rect.row + 1;
    draw_frame(canvas, box);
    canvas_text(canvas, box.row, box.column + 2, 68, STYLE_BOLD,
                _(" KEYS (the time stands still while this help is open) "));
    int row = draw_keys(canvas, box, picture->session) + 1;
    for (int i = 0; i < SIGN_COUNT; i++, row++)
        canvas_text(canvas, row, box.column + 3, box.columns - 5, COLOUR_PLAIN, _(signs[i]));
    canvas_text(canvas, box.row + box.rows - 2, box.column + 3, box.columns - 5, COLOUR_FAINT,
                _("(in brackets: not possible now)   Escape closes this help"));
}

void panel_closing(struct canvas *canvas, struct rect rect, const struct picture *picture)
{
    const struct session *session = picture->session;
    int row = rect.row, room = rect.columns - 4;
    canvas_heading(canvas, rect, session->is_broken ? "WHAT WENT WRONG" : "WHAT THIS SHOWED");
    row++;
    if (session->verdict != NULL)
        row += canvas_wrap(
            canvas, (struct rect){row, rect.column + 2, session->is_broken ? 4 : 2, room},
            (session->is_broken ? COLOUR_WAITED_FOR : COLOUR_CLEAN) | STYLE_BOLD, session->verdict);
    bool is_again = session->ops->can(session, session->is_live ? SESSION_START : SESSION_REPLAY);
    if (is_again) {
        int column = canvas_text(canvas, row, rect.column + 2, room, COLOUR_PLAIN,
                                 session->is_live            ? "Move it again:"
                                 : key_is_recording(session) ? "Watch it again:"
                                                             : "The same seed again:");
        for (int i = 0; i < key_count(); i++)
            if (key_at(i)->action == KEY_REPLAY && key_obstacle(key_at(i), session) == NULL) {
                column = canvas_format(canvas, row, column + 2, room, STYLE_BOLD, "%c",
                                       *key_at(i)->codes);
                column = canvas_text(canvas, row, column + 1, room, COLOUR_PLAIN,
                                     mode_name((enum mode)key_at(i)->value));
            }
        row++;
    }
    for (int i = 0; i < 3 && picture->next_commands != NULL; i++) {
        if (picture->next_commands[i] == NULL || row >= rect.row + rect.rows)
            continue;
        canvas_text(canvas, row, rect.column + 2, 5, COLOUR_PLAIN, i == 0 ? "Next:" : "");
        canvas_text(canvas, row++, rect.column + 8, room - 6, STYLE_BOLD,
                    picture->next_commands[i]);
    }
}
