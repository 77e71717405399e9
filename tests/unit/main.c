/* Runs every suite of tests/unit. The table is made by the build from the names of the files: see sources.am. */
#include <check.h>
#include <stdlib.h>

#define SUITE(name) Suite *suite_##name(void);
#include "tests/unit/suites.def"
#undef SUITE

static Suite *(*const suites[])(void) = {
#define SUITE(name) suite_##name,
#include "tests/unit/suites.def"
#undef SUITE
    NULL, /* ends the table, which may be empty otherwise */
};

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; suites[i]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
