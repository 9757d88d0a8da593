#include "labs/lab_lint.h"
int lab_lint(const char *folder) { (void)folder; return 2; }
