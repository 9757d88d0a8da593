/* The list of options that --help prints, in groups: by what they are about. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "labs/options_private.h"

/* DOC: option-groups
 *
 * A scenario's option stands in exactly one of these; options_test sees to it. */
static const struct group {
    const char *title;
    const char *keys[16];
} groups[] = {
    {"the guest, and who talks to it",
     {"guest", "memory", "harts", "cpu-rate", "dirty-rate", "working-set", "pattern", "clients",
      "request-rate", "args", "image"}},
    {"the link and the move",
     {"mode", "bandwidth", "latency", "start-at", "run-for", "seed", "fault"}},
    {"when rounds end (pre-copy, continuous, hybrid, auto)",
     {"downtime-limit", "max-rounds", "total-time-limit", "on-limit", "switch-when", "switch-after",
      "switch-below", "switch-deadline"}},
    {"remedies while the guest runs at the source",
     {"bandwidth-limit", "auto-converge", "dirty-limit", "hot-last", "skip-rewritten"}},
    {"after the switch (post-copy, hybrid, auto)", {"prefetch", "push-after", "fault-throttle"}},
    {"what goes over the wire", {"compress", "delta-cache", "free-hints"}},
    {"how writes are noticed", {"dirty-tracking", "trap-cost"}},
    {"the consistent cut", {"cache", "disk-at", "leave-out"}},
    {"connections", {"route", "tunnel-for"}},
};
#define GROUP_COUNT (sizeof groups / sizeof groups[0])

const char *options_group(const char *key)
{
    const char *title = NULL;
    for (size_t i = 0; i < GROUP_COUNT; i++)
        for (size_t j = 0; groups[i].keys[j] != NULL; j++)
            if (strcmp(groups[i].keys[j], key) == 0)
                title = title == NULL ? groups[i].title : "two groups";
    return title;
}

/* Broken behind a bar where the line would be too wide. */
#define CHOICES_COLUMNS 53
static void print_choices(const char *choices)
{
    while (*choices != '\0') {
        size_t count = strlen(choices);
        while (count > CHOICES_COLUMNS) {
            do
                count--;
            while (choices[count - 1] != '|');
        }
        printf("  %-26s%.*s\n", "", (int)count, choices);
        choices += count;
    }
}

static void print_line(const char *key, const char *value, const char *help)
{
    char head[40];
    snprintf(head, sizeof head, "--%s %s", key, value);
    if (strlen(head) < 26)
        printf("  %-26s%s\n", head, help);
    else
        printf("  %s\n  %-26s%s\n", head, "", help);
}

static void print_option(const struct scenario_option *option, const struct preset *presets)
{
    bool is_flag = options_is_flag(option->key);
    const char *value = option->default_text;

    for (const struct preset *preset = presets; preset != NULL && preset->key != NULL; preset++)
        if (strcmp(preset->key, option->key) == 0)
            value = preset->value;
    print_line(option->key, is_flag && strcmp(value, "off") == 0 ? "" : value, option->help);
    if (option->choices != NULL && !is_flag)
        print_choices(option->choices);
}

static bool is_listed(const char *key, unsigned takes)
{
    int idx = options_find(key);
    MUST(idx >= 0);
    return options_part_objection((uint32_t)idx, takes) == NULL &&
           ((takes & TAKES_EVERY_MODE) == 0 || strcmp(key, "mode") != 0);
}

/* A group of which nothing is left has no title either. */
static void print_group(const struct group *group, unsigned takes, const struct preset *presets)
{
    bool has_title = false;

    for (size_t i = 0; group->keys[i] != NULL; i++) {
        if (!is_listed(group->keys[i], takes))
            continue;
        if (!has_title)
            printf("\n%s:\n", group->title);
        has_title = true;
        print_option(scenario_option((uint32_t)options_find(group->keys[i])), presets);
        if (strcmp(group->keys[i], "args") == 0)
            printf("  %-26s%s\n", "-- ARGUMENTS...", "the same, as the last of the line");
    }
}

void options_print_help(unsigned takes, const struct preset *presets)
{
    bool has_scenario = (takes & TAKES_SCENARIO) != 0;

    if (takes == 0)
        return;
    for (size_t i = 0; has_scenario && i < GROUP_COUNT; i++)
        print_group(&groups[i], takes, presets);
    printf(has_scenario ? "\nthis command:\n" : "\noptions:\n");
    for (size_t i = 0; i < own_option_count; i++)
        if ((own_options[i].takes & takes) != 0)
            print_line(own_options[i].key, own_options[i].value != NULL ? own_options[i].value : "",
                       own_options[i].help);
}
