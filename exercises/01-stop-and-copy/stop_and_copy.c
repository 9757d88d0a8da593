/* Exercise 01: stop-and-copy. README.md beside this file says what it is to do. */
#include "student.h"

struct action next(const struct view *view, void *memo)
{
    (void)view;
    (void)memo;

    /* Your code comes here. Until then the guest politely stays where it is. */
    return (struct action){.kind = ACTION_GIVE_UP};
}
