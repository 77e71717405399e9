#include "conf/include.h"

#include "conf/array.h"
#include "conf/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_glob(struct str piece)
{
    return str_find(piece, '*') < piece.len || str_find(piece, '?') < piece.len || str_find(piece, '[') < piece.len;
}

static bool fail(struct include *include, const char *why)
{
    include->why = why;
    return false;
}

static bool add_path(struct include *include, struct str path)
{
    if (include->count == INCLUDE_FOUND_MAX)
        return fail(include, "too many files");
    include->paths = array_room(include->arena, include->paths, include->count, sizeof *include->paths);
    include->paths[include->count++] = arena_cstr(include->arena, path);
    return true;
}

static bool find_below(struct include *include, struct str base, struct str rest);

/* The entries of the folder `base` that match the piece; what follows the piece is looked for in each. */
static bool find_in_folder(struct include *include, struct str base, struct str piece, struct str rest)
{
    const char *folder = path_in(include->arena, include->folder, base);
    const char *pattern = arena_cstr(include->arena, piece);
    int fd = include->opener->open(include->opener, folder, OPEN_DIRECTORY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && include->folder_count > 0)
        return true; /* below a folder that matched by chance */
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        const char *why = strerror(errno);
        if (fd >= 0)
            close(fd);
        return fail(include, why);
    }
    include->folders = array_room(include->arena, include->folders, include->folder_count, sizeof *include->folders);
    include->folders[include->folder_count++] = folder;
    bool fine = true;
    for (const struct dirent *entry; fine && (entry = readdir(dir)) != NULL;) {
        if (fnmatch(pattern, entry->d_name, FNM_PERIOD | FNM_NOESCAPE) != 0)
            continue;
        struct str path = arena_join(include->arena, base, str_of(entry->d_name));
        fine = rest.at == NULL ? add_path(include, path)
                               : find_below(include, arena_join(include->arena, path, STR("/")), rest);
    }
    closedir(dir);
    return fine;
}

/* `base` is empty or ends with a slash. */
static bool find_below(struct include *include, struct str base, struct str rest)
{
    struct str piece, whole = rest;
    while (str_cut(&rest, '/', &piece)) {
        if (has_glob(piece))
            return find_in_folder(include, base, piece, rest);
        if (rest.at == NULL)
            break;
        base = arena_join(include->arena, base, str_head(whole, piece.len + 1));
        whole = rest;
    }
    return add_path(include, arena_join(include->arena, base, whole));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool include_find(struct include *include, struct str path)
{
    enum { PIECES_MAX = 32 };
    size_t slashes = 0;
    for (size_t i = 0; i < path.len; i++)
        slashes += path.at[i] == '/';
    if (path.len == 0 || memchr(path.at, '\0', path.len) != NULL)
        return fail(include, "this is no path");
    if (slashes > PIECES_MAX)
        return fail(include, "the path has too many parts");
    if (!find_below(include, str_head(path, 0), path))
        return false;
    if (include->count > 1)
        qsort(include->paths, include->count, sizeof *include->paths, compare);
    return true;
}
