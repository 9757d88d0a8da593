/* nearest: which of the words that exist is most like the one that somebody wrote.
 *
 * Whoever refuses a word offers one: ask for the distance of each known word and keep the least.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stdbool.h>

/* How many letters must be put in, left out or exchanged to make one word of the other
 * (Levenshtein's distance). Only the first 63 letters of each are looked at. */
unsigned nearest_distance(const char *a, const char *b);

/* Whether somebody who wrote `word` may have meant `known`: at most a third of its letters differ.
 * What is farther away is better not offered. */
bool nearest_is_close(const char *word, const char *known);

#endif
