/* translate: sentences in the language that the front door has chosen; without its choice they are
 * English, as they stand in the code.
 */
#ifndef TUI_TRANSLATE_H
#define TUI_TRANSLATE_H

#include <libintl.h>

#define _(text)  gettext(text)
#define N_(text) text /* for tables: translated where it is shown */

#endif
