# GH_TRY_LINK(FLAGS, IF-OK, IF-NOT): whether a program compiles and links with FLAGS, a warning being a failure.
AC_DEFUN([GH_TRY_LINK], [
    gh_saved_cflags=$CFLAGS
    CFLAGS="$CFLAGS -Werror $1"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [[char text[16]; memset(text, 0, sizeof text); return text[0];]])],
        [gh_linked=yes], [gh_linked=no])
    CFLAGS=$gh_saved_cflags
    AS_IF([test "$gh_linked" = yes], [$2], [$3])
])

# GH_FOLDER(NAME, VARIABLE, COMMENT): defines NAME as the folder of VARIABLE, which may be made of others, as in ${prefix}/etc.
AC_DEFUN([GH_FOLDER], [
    gh_saved_prefix=$prefix
    test "$prefix" = NONE && prefix=$ac_default_prefix
    gh_folder=$$2
    for gh_depth in 1 2 3; do eval "gh_folder=\"$gh_folder\""; done
    prefix=$gh_saved_prefix
    AC_DEFINE_UNQUOTED([$1], ["$gh_folder"], [$3])
])

# GH_CFLAGS(VARIABLE, FLAGS): appends each of FLAGS that the compiler takes beside those before it.
AC_DEFUN([GH_CFLAGS], [
    AC_SUBST([$1])
    for gh_flag in $2; do
        AC_MSG_CHECKING([whether $CC accepts $gh_flag])
        GH_TRY_LINK([$$1 $gh_flag], [$1="$$1 $gh_flag"])
        AC_MSG_RESULT([$gh_linked])
    done
])

# GH_LDFLAGS(VARIABLE, FLAGS): the same when linking; HARDEN_CFLAGS hold, as -pie needs -fPIE.
AC_DEFUN([GH_LDFLAGS], [
    AC_SUBST([$1])
    for gh_flag in $2; do
        AC_MSG_CHECKING([whether $CC links with $gh_flag])
        GH_TRY_LINK([$HARDEN_CFLAGS $gh_flag], [$1="$$1 $gh_flag"])
        AC_MSG_RESULT([$gh_linked])
    done
])

# GH_FORTIFY(VARIABLE): the highest _FORTIFY_SOURCE that compiler and C library take without a warning; none without -O.
AC_DEFUN([GH_FORTIFY], [
    for gh_level in 3 2; do
        AC_MSG_CHECKING([for _FORTIFY_SOURCE=$gh_level])
        GH_TRY_LINK([-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$gh_level], [$1="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$gh_level"])
        AC_MSG_RESULT([$gh_linked])
        AS_IF([test "$gh_linked" = yes], [break])
    done
])

# GH_LIBRARY(PREFIX, MODULE, DEBIAN-PACKAGE): a required library; a missing one is added to $missing.
AC_DEFUN([GH_LIBRARY], [
    PKG_CHECK_MODULES([$1], [$2], [], [missing="$missing $3"])
])

# GH_PYTHON: a Python that can run the end-to-end tests. The first python3 in PATH may well lack Debian's modules, so
# each one is asked; one that has pytest-xdist and websockets too is preferred. PYTEST_XDIST tells whether -n works.
AC_DEFUN([GH_PYTHON], [
    AC_ARG_VAR([PYTHON], [Python for the tests; must be able to import pytest])
    AC_MSG_CHECKING([for a Python that can import pytest])
    gh_candidates=$PYTHON
    AS_IF([test -z "$PYTHON"], [
        gh_saved_ifs=$IFS; IFS=:
        for gh_dir in $PATH:/usr/bin; do gh_candidates="$gh_candidates $gh_dir/python3"; done
        IFS=$gh_saved_ifs])
    PYTHON=; PYTEST_XDIST=no
    for gh_modules in "pytest, xdist, websockets" "pytest, xdist" "pytest"; do
        for gh_candidate in $gh_candidates; do
            AS_IF([test -z "$PYTHON" && "$gh_candidate" -c "import sys, $gh_modules; assert sys.version_info >= (3, 9)" >/dev/null 2>&1],
                [PYTHON=$gh_candidate
                 AS_CASE([$gh_modules], [*xdist*], [PYTEST_XDIST=yes])])
        done
    done
    AC_MSG_RESULT([${PYTHON:-none}])
    AC_SUBST([PYTEST_XDIST])
])
