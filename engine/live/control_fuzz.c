/* Any bytes at a door: cut into lines anywhere, each read as a message; what is read is written back
 * as a line that is read again, and comes to the same. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "live/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void write_again(const struct control_message *message)
{
    struct control_message again;
    struct bytes text = {0};

    control_put(&text, json_incref(message->root));
    enum status status = control_read((const char *)text.data, text.count - 1, &again, NULL);
    MUST(status == STATUS_OK && again.kind == message->kind);
    MUST(json_equal(again.root, message->root));
    control_message_fini(&again);
    bytes_fini(&text);
}

static void judge_arguments(const struct control_message *message)
{
    struct problem problem = {STATUS_OK, ""};
    const char *text;
    struct bytes bytes = {0};

    enum status status = control_know_all(message->data, "guest to mode", &problem);
    MUST((status == STATUS_OK) == (problem.text[0] == '\0'));
    if (control_text(message->data, "to", &text, NULL) == STATUS_OK && text != NULL &&
        control_unbase64(text, &bytes))
        MUST(bytes.count <= strlen(text));
    MUST(control_number(message->data, "id", 1) <= INT64_MAX);
    bytes_fini(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct control_lines lines = {0};
    size_t cut = count > 0 ? data[0] % count : 0;
    bool is_too_long = false;

    for (int half = 0; half < 2 && !is_too_long; half++) {
        const char *line;
        size_t length;
        control_lines_put(&lines, data + (half == 0 ? 0 : cut), half == 0 ? cut : count - cut);
        while ((line = control_lines_next(&lines, &length, &is_too_long)) != NULL) {
            struct problem problem = {STATUS_OK, ""};
            struct control_message message;
            if (control_read(line, length, &message, &problem) == STATUS_OK) {
                judge_arguments(&message);
                write_again(&message);
            } else {
                MUST(problem.text[0] != '\0');
            }
            control_message_fini(&message);
        }
    }
    control_lines_fini(&lines);
    return 0;
}
