/* reader: a lab's page in the terminal, beside the picture of what is moved. From 120 columns on
 * both are seen, the text to the left; in a smaller window, and for a text that is too long for its
 * half, Tab changes between them, and what is asked stays at the bottom of both. While the text
 * alone is seen a run stands still: who reads misses nothing.
 *
 * While a question is open what is typed goes into its line; else the keys are those of the view.
 */
#ifndef TUI_READER_H
#define TUI_READER_H

#include "record/session.h"
#include "tui/page.h"

#define READER_COLUMNS_MIN_BOTH 120

enum reader_end {
    READER_ANSWERED, /* Enter */
    READER_LEFT,     /* the user wants to stop here */
    READER_CLOSED,   /* the terminal is gone */
};

struct reader;

/* NULL where this terminal cannot show pictures: nothing was changed then. */
struct reader *reader_open(void);
void reader_close(struct reader *reader);

/* From here on the pages stand beside this session, until there is another. It must live as long.
 */
void reader_watch(struct reader *reader, struct session *session);

/* Shows the page until the user answers, goes on or leaves. A page that is a run is only gone on
 * from when the session has ended. */
enum reader_end reader_show(struct reader *reader, const struct page *page);

/* What was typed, as UTF-8; until the next page is shown. */
const char *reader_input(const struct reader *reader);

#endif
