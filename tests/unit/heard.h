/* What a monitor hears, a line a message. Include behind cmocka.h. */
#ifndef DMS_TESTS_HEARD_H
#define DMS_TESTS_HEARD_H

#include <stdio.h>
#include <string.h>

#include "dms/monitor.h"

static char said[4096];

static inline void hear(void *user, dms_log_level level, const char *text)
{
    size_t len = strlen(said);

    (void)user, (void)level;
    snprintf(said + len, sizeof said - len, "%s\n", text);
}

static inline void assert_said(const char *part)
{
    if (!strstr(said, part))
        fail_msg("'%s' is not in:\n%s", part, said);
}

#endif
