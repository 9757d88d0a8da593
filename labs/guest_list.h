/* guest_list: the programs that can be moved, as a table: what each is for, what it does to its
 * memory (measured when the list is asked for: sim/survey.h), and who uses it (read from the data
 * of the labs and exercises).
 */
#ifndef LABS_GUEST_LIST_H
#define LABS_GUEST_LIST_H

#include <stdio.h>

/* Returns the exit status. A guest that cannot be measured is listed with the reason. */
int guest_list(FILE *file);

#endif
