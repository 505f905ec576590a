/*
 * A unit test runs all of its tests, or the one that its command line names, where * stands for
 * anything. Linked into each of them; the C library hands a constructor the arguments of main.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
}
