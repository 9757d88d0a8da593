#include "tui/layout.h"

enum {
    TITLE_ROWS = 1,
    SENTENCE_ROWS = 2,
    HOSTS_FRAME_ROWS = 2, /* heading and legend, around the map */
    MAP_ROWS_MIN = 6,
    ROUNDS_ROWS_MIN = 7, /* heading and six */
    ROUNDS_ROWS_MAX = 18,
    CLIENTS_ROWS_MIN = 5, /* heading, three of strip, axis */
    CLIENTS_ROWS_MAX = 8,
    CLOSING_ROWS = 7, /* heading, two of verdict, replays, three of advice */
    KEYS_ROWS = 1,
    MEASURES_COLUMNS_MIN = 28,
    MEASURES_COLUMNS_MAX = 44,
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

bool layout_make_beside(int rows, int columns, struct layout *layout)
{
    int missing = LAYOUT_ROWS_MIN - KEYS_ROWS - rows;
    if (rows < LAYOUT_ROWS_MIN_BESIDE || columns < LAYOUT_COLUMNS_MIN)
        return false;
    /* As in a window that is large enough, and what it has too much is taken from the maps. */
    bool is_made =
        layout_make(missing > 0 ? LAYOUT_ROWS_MIN : rows + KEYS_ROWS, columns, false, layout);
    if (missing > 0) {
        layout->hosts.rows -= missing;
        layout->rounds.row -= missing;
        layout->measures.row -= missing;
        layout->clients.row -= missing;
    }
    return is_made;
}

bool layout_make(int rows, int columns, bool has_ended, struct layout *layout)
{
    if (rows < LAYOUT_ROWS_MIN || columns < LAYOUT_COLUMNS_MIN)
        return false;
    /* What is beyond 24 rows: a half to the maps, a third to the rounds, the rest to the clients.
     */
    int spare = rows - LAYOUT_ROWS_MIN;
    int rounds_rows = smaller(ROUNDS_ROWS_MIN + spare / 3, ROUNDS_ROWS_MAX);
    int clients_rows = smaller(CLIENTS_ROWS_MIN + spare / 6, CLIENTS_ROWS_MAX);
    int hosts_rows = rows - TITLE_ROWS - SENTENCE_ROWS - rounds_rows - clients_rows - KEYS_ROWS;
    int closing_rows = has_ended ? CLOSING_ROWS : 0;
    int measures_columns =
        smaller(MEASURES_COLUMNS_MIN + (columns - LAYOUT_COLUMNS_MIN) / 3, MEASURES_COLUMNS_MAX);

    /* In a small window the advice for what to do next takes the place of the clients' strip, for
     * the verdict says what they felt; the maps and what was measured stay. */
    hosts_rows -= closing_rows;
    if (hosts_rows < HOSTS_FRAME_ROWS + MAP_ROWS_MIN && closing_rows > 0) {
        hosts_rows += clients_rows;
        clients_rows = 0;
    }
    int row = 0;
    layout->title = (struct rect){row, 0, TITLE_ROWS, columns};
    row += TITLE_ROWS;
    layout->sentence = (struct rect){row, 1, SENTENCE_ROWS, columns - 2};
    row += SENTENCE_ROWS;
    layout->hosts = (struct rect){row, 0, hosts_rows, columns};
    row += hosts_rows;
    layout->closing = (struct rect){row, 0, closing_rows, columns};
    row += closing_rows;
    layout->rounds = (struct rect){row, 0, rounds_rows, columns - measures_columns};
    layout->measures =
        (struct rect){row, columns - measures_columns, rounds_rows, measures_columns};
    row += rounds_rows;
    layout->clients = (struct rect){row, 0, clients_rows, columns};
    row += clients_rows;
    layout->keys = (struct rect){row, 0, KEYS_ROWS, columns};
    return true;
}
