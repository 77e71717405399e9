/*
 * Stands in for libFuzzer: gives each file of its arguments, and each file of a folder among them, to the target once.
 * A target that dies is told with the input that it died of. A folder that is not there is an empty corpus.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_SIZE = 4096 };
static char current[PATH_SIZE];
static size_t replayed;

static void name_input(int number)
{
    static const char died[] = "died of input ";
    if (write(STDERR_FILENO, died, sizeof died - 1) < 0 || write(STDERR_FILENO, current, strlen(current)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        _exit(EXIT_FAILURE);
    raise(number);
}

static void die(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

/* The copy is exactly as long as the input, so that a sanitizer sees the first byte read beyond it. */
static void replay_file(const char *path, size_t size)
{
    snprintf(current, sizeof current, "%s", path);
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);
    if (!file || !data || fread(data, 1, size, file) != size)
        die(path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
}

static void replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        die(path);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char inner[PATH_SIZE];
        struct stat info;
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= PATH_SIZE || stat(inner, &info))
            die(inner);
        if (S_ISREG(info.st_mode))
            replay_file(inner, (size_t)info.st_size);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    static const int deaths[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    struct sigaction action = {.sa_handler = name_input, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++)
        sigaction(deaths[i], &action, NULL);
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info))
            continue;
        if (S_ISDIR(info.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i], (size_t)info.st_size);
    }
    printf("%s: %zu inputs replayed\n", argv[0], replayed);
    return EXIT_SUCCESS;
}
