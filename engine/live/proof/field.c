/* field PATH [FILE]: one value out of JSON (standard input), for scripts: "rounds.0.bytes_sent". A
 * number or word is printed as it is, anything else as JSON; status 1 when there is none. Of an
 * array `count` is how many there are. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    json_error_t error;

    if (argc < 2) {
        fprintf(stderr, "usage: field PATH [FILE]\n");
        return 2;
    }
    json_t *root = argc > 2 ? json_load_file(argv[2], 0, &error) : json_loadf(stdin, 0, &error);
    if (root == NULL) {
        fprintf(stderr, "field: %s: line %d: %s\n", argc > 2 ? argv[2] : "standard input",
                error.line, error.text);
        return 1;
    }
    json_t *value = root;
    for (char *key = strtok(argv[1], "."); key != NULL && value != NULL; key = strtok(NULL, ".")) {
        if (!json_is_array(value)) {
            value = json_object_get(value, key);
        } else if (strcmp(key, "count") == 0) {
            printf("%zu\n", json_array_size(value));
            json_decref(root);
            return 0;
        } else {
            value = json_array_get(value, strtoul(key, NULL, 10));
        }
    }
    if (json_is_string(value))
        printf("%s\n", json_string_value(value));
    else if (value != NULL && json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT) == 0)
        printf("\n");
    int status = value == NULL;
    json_decref(root);
    return status;
}
