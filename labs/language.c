#include "labs/language.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "labs/beside.h"

static const char *const names[LANGUAGE_COUNT] = {"en", "zh_CN"};

const char *language_name(enum language language)
{
    return names[language];
}

bool language_find(const char *name, enum language *language)
{
    for (int i = 0; i < LANGUAGE_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *language = (enum language)i;
            return true;
        }
    return false;
}

/* gettext's own order: LANGUAGE counts, unless the locale is C, which is never translated. */
enum language language_of_environment(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *wanted = "", *list = getenv("LANGUAGE");

    for (size_t i = 0; i < 3 && *wanted == '\0'; i++)
        if (getenv(variables[i]) != NULL)
            wanted = getenv(variables[i]);
    bool is_c = *wanted == '\0' || strcmp(wanted, "C") == 0 || strcmp(wanted, "POSIX") == 0;
    if (!is_c && list != NULL && *list != '\0')
        wanted = list;
    return strncmp(wanted, "zh", 2) == 0 ? LANGUAGE_ZH_CN : LANGUAGE_EN;
}

bool language_is_showable(enum language language)
{
    return language == LANGUAGE_EN || strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void language_use(enum language language)
{
    char folder[BESIDE_PATH_MAX];

    if (language == LANGUAGE_EN || !beside_path("locale", folder, sizeof folder))
        return;
    /* The locale itself need not have been generated: any but C lets gettext look at LANGUAGE. */
    setenv("LANGUAGE", names[language], 1);
    setlocale(LC_MESSAGES, "C.UTF-8");
    bindtextdomain("ferry", folder);
    bind_textdomain_codeset("ferry", "UTF-8");
    textdomain("ferry");
}
