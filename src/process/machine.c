#include "process/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned machine_cores(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    int count = CPU_COUNT(&cores);
    return count > 0 ? (unsigned)count : 1;
}

/* The number in a file of the cgroup, UINT64_MAX for `max` or no such file. */
static uint64_t read_number(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return UINT64_MAX;
    char line[64] = "";
    uint64_t number = UINT64_MAX;
    if (fgets(line, sizeof line, file) != NULL && line[0] >= '0' && line[0] <= '9')
        number = strtoull(line, NULL, 10);
    fclose(file);
    return number;
}

/* Our place in the tree of cgroups (version 2), "/" when there is none. */
static void own_cgroup(char *into, size_t size)
{
    snprintf(into, size, "/");
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL)
        return;
    char line[1024];
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(into, size, "%s", line + 3);
        }
    fclose(file);
}

static uint64_t cgroup_memory(void)
{
    char group[1024];
    own_cgroup(group, sizeof group);
    uint64_t least = UINT64_MAX;
    for (;;) {
        char path[sizeof group + 64];
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
        uint64_t own = read_number(path);
        least = own < least ? own : least;
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return least;
        *slash = '\0';
    }
}

uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_C(1) << 30;
    uint64_t group = cgroup_memory();
    return group < machine ? group : machine;
}
