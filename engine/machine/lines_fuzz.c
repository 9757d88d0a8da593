/* Any bytes as an image whose lines are asked for. Build: clang
 * -fsanitize=fuzzer,address,undefined. A good beginning for its corpus is a small guest, such as
 * build/guests/hello. */
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "machine/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct lines lines;
    struct lines_place place;

    lines_init(&lines, data, count);
    for (uint64_t address = 0x80000000; address < 0x80000400; address += 2)
        if (lines_find(&lines, address, &place))
            MUST(place.file == NULL ? place.function != NULL : place.line > 0);
    for (size_t i = 1; i < lines.row_count; i++)
        MUST(lines.rows[i - 1].address <= lines.rows[i].address);
    lines_fini(&lines);
    return 0;
}
