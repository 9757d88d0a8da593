/* png_file: a painted picture as a PNG file. The same pixels make the same picture; the file's
 * bytes depend on libpng and zlib. */
#ifndef VIZ_PNG_FILE_H
#define VIZ_PNG_FILE_H

#include <stdio.h>

#include "viz/paint.h"

/* False where libpng or the file would not. */
bool png_write_picture(FILE *file, struct paint *paint);

#endif
