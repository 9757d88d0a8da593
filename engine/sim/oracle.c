#include "sim/oracle.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/status.h"

const char *oracle_rule_key(enum oracle_rule rule)
{
    static const char *const keys[RULE_COUNT] = {
#define ORACLE_KEY(rule, key) key,
        ORACLE_RULES(ORACLE_KEY)
#undef ORACLE_KEY
    };
    MUST((unsigned)rule < RULE_COUNT);
    return keys[rule];
}

bool oracle_holds(const struct oracle *oracle)
{
    for (unsigned rule = 0; rule < RULE_COUNT; rule++)
        if (oracle->applies[rule] && oracle->is_broken[rule])
            return false;
    return true;
}

void oracle_break(struct oracle *oracle, enum oracle_rule rule, uint64_t now_ns, const char *format,
                  ...)
{
    bool is_first = oracle->what[0] == '\0';
    oracle->applies[rule] = true;
    oracle->is_broken[rule] = true;
    if (!is_first)
        return;
    int used =
        snprintf(oracle->what, sizeof oracle->what, "%s broken at %llu ns: ", oracle_rule_key(rule),
                 (unsigned long long)now_ns);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(oracle->what + used, sizeof oracle->what - (size_t)used, format, arguments);
    va_end(arguments);
}
