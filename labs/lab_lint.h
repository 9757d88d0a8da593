/* lab_lint: looks all labs through, so that none breaks in a student's hands. Beyond what loading
 * refuses (lab.h): both languages have the same sections, none is missing that a step needs or left
 * over, every placeholder exists and is known where it stands, every page fits a terminal of
 * 80 x 24 whatever is answered, English is ASCII, and Chinese uses the glossary's terms.
 */
#ifndef LABS_LAB_LINT_H
#define LABS_LAB_LINT_H

/* Prints a line for each thing that is wrong, and a last one; returns EXIT_DONE or EXIT_USAGE. */
int lab_lint(const char *folder);

#endif
