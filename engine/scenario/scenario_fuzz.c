/* Any bytes as the lines of a scenario: key = value. What is taken is written back as text that is
 * taken again, and comes to the same. (The file around the lines is read by labs/ini.c.) */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "scenario/fault.h"
#include "scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

/* Lines that are refused are left out, with a reason. */
static void take_lines(struct scenario *scenario, char *text, bool is_own)
{
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct problem problem = {STATUS_OK, ""};
        char *value = strstr(line, " = ");
        if (value == NULL)
            continue;
        *value = '\0';
        enum status status = scenario_set(scenario, line, value + 3, &problem);
        MUST((status == STATUS_OK) == (problem.text[0] == '\0'));
        MUST(status == STATUS_OK || !is_own);
    }
}

static void write_again(const struct scenario *scenario)
{
    struct bytes text = {0}, again = {0}, lines = {0};
    struct scenario other;

    scenario_text(scenario, &text);
    bytes_put(&lines, text.data, text.count);
    scenario_init(&other);
    take_lines(&other, (char *)lines.data, true);
    enum status status = scenario_check(&other, false, NULL);
    MUST(status == STATUS_OK);
    scenario_text(&other, &again);
    MUST(text.count == again.count && memcmp(text.data, again.data, text.count) == 0);
    scenario_fini(&other);
    bytes_fini(&text);
    bytes_fini(&again);
    bytes_fini(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct problem problem = {STATUS_OK, ""};
    struct scenario scenario;
    struct bytes text = {0};

    bytes_put(&text, data, count);
    bytes_put_u8(&text, 0);
    scenario_init(&scenario);
    take_lines(&scenario, (char *)text.data, false);
    if (scenario_check(&scenario, false, &problem) == STATUS_OK)
        write_again(&scenario);
    else
        MUST(problem.text[0] != '\0');
    scenario_fini(&scenario);
    bytes_fini(&text);
    return 0;
}
