/* gatehouse --version */
#include "cli/cli.h"

#include <stdio.h>

/* From config.h. */
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "without a version"
#endif
#ifndef BUILT_WITH
#define BUILT_WITH "libraries of unknown versions"
#endif
#ifdef HAVE_ZSTD
#define ZSTD_WORD " zstd"
#else
#define ZSTD_WORD ""
#endif
#ifdef SANITIZED
#define SANDBOX_WORDS "no system call filter (a sanitizer is built in)"
#else
#define SANDBOX_WORDS "system call filter"
#endif

static const struct row {
    const char *label;
    const char *words;
} rows[] = {
    {"modes", "forward reverse"},
    {"protocols", "HTTP/1.1 HTTP/1.0 WebSocket CONNECT"},
    {"lists", "domains hosts adblock dnsmasq rpz category cidr, plain gzip" ZSTD_WORD},
    {"logs", "json combined squid"},
    {"worker", "own user, no new privileges, no capabilities, Landlock, " SANDBOX_WORDS},
    {"built with", BUILT_WITH},
};

void version_print(void)
{
    printf("gatehouse %s\n", PACKAGE_VERSION);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf("  %-12s %s\n", rows[i].label, rows[i].words);
}
