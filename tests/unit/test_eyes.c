/* Who stands in for a missing eye. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/eyes.h"

typedef struct eyes_case {
    dms_eyes eyes;
    dms_eyes_present present;
    int source[2], own[2]; /* by side; -1: none */
} eyes_case;

static void every_eye_stands_where_it_should(void **state)
{
    static const eyes_case cases[] = {
        {DMS_EYES_BOTH, {{true, true}, false}, {0, 1}, {0, 1}},
        {DMS_EYES_BOTH, {{true, false}, false}, {0, 0}, {0, -1}},
        {DMS_EYES_BOTH, {{false, true}, false}, {1, 1}, {-1, 1}},
        {DMS_EYES_BOTH, {{false, false}, false}, {-1, -1}, {-1, -1}},
        {DMS_EYES_LEFT, {{true, true}, false}, {0, 0}, {0, 0}},
        {DMS_EYES_LEFT, {{false, true}, false}, {-1, -1}, {-1, -1}},
        {DMS_EYES_RIGHT, {{true, true}, false}, {1, 1}, {1, 1}},
        {DMS_EYES_RIGHT, {{true, false}, false}, {-1, -1}, {-1, -1}},
        {DMS_EYES_BOTH, {{true, false}, true}, {0, 0}, {0, -1}},
        {DMS_EYES_RIGHT, {{true, false}, true}, {0, 0}, {0, 0}},
        {DMS_EYES_LEFT, {{false, false}, true}, {-1, -1}, {-1, -1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int side = 0; side < 2; side++) {
            const eyes_case *c = &cases[i];
            int source = dms_eyes_source(c->eyes, &c->present, side);
            int own = dms_eyes_own(c->eyes, &c->present, side);

            if (source != c->source[side] || own != c->own[side])
                fail_msg("case %zu, side %d: source %d, own %d", i, side,
                         source, own);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_eye_stands_where_it_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
