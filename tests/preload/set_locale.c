/* Preloaded before a program: calls setlocale as a program with a face in the
 * user's language does, before main and before any thread. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static void set_locale(void) __attribute__((constructor));

static void set_locale(void)
{
    const char *name = getenv("DMS_TEST_LOCALE");

    if (!name || !setlocale(LC_ALL, name)) {
        fprintf(stderr, "no locale %s: tools/install-packages.sh --tests\n",
                name ? name : "in DMS_TEST_LOCALE");
        abort();
    }
}
