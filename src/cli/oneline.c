/* gatehouse reverse, gatehouse forward: a configuration is written from the command line, and run. */
#include "cli/cli.h"

#include "base/must.h"
#include "process/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A word as the configuration takes it. */
static void add_word(struct text *into, const char *word)
{
    text_add_cstr(into, " \"");
    for (; *word != '\0'; word++) {
        if (*word == '"' || *word == '\\')
            text_add_char(into, '\\');
        text_add_char(into, *word);
    }
    text_add_char(into, '"');
}

/* Addresses and names that need no quotes are easier to read without. */
static void add_plain(struct text *into, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]/*-_@";
    if (word[0] != '\0' && strspn(word, plain) == strlen(word))
        text_printf(into, " %s", word);
    else
        add_word(into, word);
}

static void add_lines(struct text *into, const struct args *args, const char *option, const char *directive)
{
    const char *value;
    for (size_t i = 0; (value = args_nth(args, option, i)) != NULL; i++) {
        text_printf(into, "    %s", directive);
        add_plain(into, value);
        text_add_char(into, '\n');
    }
}

/* Paths are relative to where the command is typed. */
static void add_path(struct text *into, const char *path)
{
    char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *whole = NULL;
    if (asprintf(&whole, "%s%s%s", folder != NULL ? folder : "", folder != NULL ? "/" : "", path) < 0)
        die(__FILE__, __LINE__, "out of memory");
    add_word(into, whole);
    free(whole);
    free(folder);
}

static void add_log(struct text *into, const struct args *args)
{
    const char *path = args_get(args, "--log");
    if (path == NULL)
        return;
    text_add_cstr(into, "log { to file");
    add_path(into, path);
    text_add_cstr(into, " }\n\n");
}

static bool is_file(const char *word)
{
    struct stat there;
    return strchr(word, '/') != NULL || (stat(word, &there) == 0 && S_ISREG(there.st_mode));
}

/* `kind(values)`, of those that pass; false when there are none. */
static bool add_condition(struct text *into, const struct args *args, const char *option, const char *kind,
                          const char *prefix)
{
    bool has_any = false;
    const char *value;
    for (size_t i = 0; (value = args_nth(args, option, i)) != NULL; i++) {
        struct ip ip;
        bool is_bare = value[0] != '.' && value[0] != '*' && value[0] != '[' && !ip_parse(str_of(value), &ip);
        if (prefix[0] != '\0' && is_file(value))
            continue;
        if (!has_any)
            text_printf(into, "%s(", kind);
        struct text word;
        text_init(&word);
        text_printf(&word, "%s%s", is_bare ? prefix : "", value);
        add_plain(into, word.at);
        text_fini(&word);
        has_any = true;
    }
    if (has_any)
        text_add_cstr(into, " )");
    return has_any;
}

/* `list blocked { file … }` of the files among --block. */
static bool add_list(struct text *into, const struct args *args)
{
    bool has_any = false;
    const char *value;
    for (size_t i = 0; (value = args_nth(args, "--block", i)) != NULL; i++) {
        if (!is_file(value))
            continue;
        text_add_cstr(into, has_any ? "" : "list blocked {\n");
        text_add_cstr(into, "    file");
        add_path(into, value);
        text_add_char(into, '\n');
        has_any = true;
    }
    text_add_cstr(into, has_any ? "}\n\n" : "");
    return has_any;
}

/* --tls CERT KEY | --tls self-signed | --tls auto HOST... */
enum tls_form { TLS_NONE, TLS_FILES, TLS_SELF_SIGNED, TLS_AUTO, TLS_WRONG };

static enum tls_form tls_form(const struct args *args)
{
    const char *first = args_nth(args, "--tls", 0);
    size_t count = 0;
    while (args_nth(args, "--tls", count) != NULL)
        count++;
    if (count == 0)
        return TLS_NONE;
    if (strcmp(first, "auto") == 0)
        return count > 1 ? TLS_AUTO : TLS_WRONG;
    if (strcmp(first, "self-signed") == 0)
        return count == 1 ? TLS_SELF_SIGNED : TLS_WRONG;
    return count == 2 ? TLS_FILES : TLS_WRONG;
}

/* With --tls, port 80 stays in clear: its clients are sent on, and there an authority looks. */
static bool is_plain(const char *address)
{
    size_t len = strlen(address);
    return strcmp(address, "80") == 0 || (len >= 3 && strcmp(address + len - 3, ":80") == 0);
}

static void add_listens(struct text *into, const struct args *args, enum tls_form form)
{
    bool has_plain = false;
    const char *value;
    for (size_t i = 0; (value = args_nth(args, "--listen", i)) != NULL; i++) {
        bool is_clear = form == TLS_NONE || is_plain(value);
        has_plain |= is_clear;
        text_add_cstr(into, "    listen");
        add_plain(into, value);
        text_add_cstr(into, is_clear ? "\n" : " tls\n");
    }
    if (form != TLS_NONE && has_plain)
        text_add_cstr(into, "    redirect https://$host$uri status 308 if scheme(http)\n");
}

static void add_certificate(struct text *into, const struct args *args, enum tls_form form)
{
    const char *value;
    switch (form) {
    case TLS_FILES:
        text_add_cstr(into, "    certificate");
        add_path(into, args_nth(args, "--tls", 0));
        add_path(into, args_nth(args, "--tls", 1));
        break;
    case TLS_AUTO:
        text_add_cstr(into, "    host");
        for (size_t i = 1; (value = args_nth(args, "--tls", i)) != NULL; i++)
            add_plain(into, value);
        text_add_cstr(into, "\n    certificate auto { agree-terms on }");
        break;
    case TLS_SELF_SIGNED:
        text_add_cstr(into, "    certificate self-signed");
        break;
    case TLS_NONE:
    case TLS_WRONG:
        return;
    }
    text_add_char(into, '\n');
}

static void write_reverse(const struct args *args, struct text *into)
{
    enum tls_form form = tls_form(args);
    const char *value;
    add_log(into, args);
    text_add_cstr(into, "reverse site {\n");
    add_listens(into, args, form);
    add_certificate(into, args, form);
    text_add_cstr(into, "    to");
    for (size_t i = 0; (value = args_nth(args, "--to", i)) != NULL; i++)
        add_plain(into, value);
    text_add_cstr(into, "\n}\n");
}

static void write_forward(const struct args *args, struct text *into)
{
    add_log(into, args);
    bool has_list = add_list(into, args);
    text_add_cstr(into, "forward proxy {\n");
    add_lines(into, args, "--listen", "listen");
    if (has_list)
        text_add_cstr(into, "    deny as blocked if listed(blocked)\n");
    struct text hosts;
    text_init(&hosts);
    if (add_condition(&hosts, args, "--block", "host", "."))
        text_printf(into, "    deny as blocked-host if %s\n", hosts.at);
    text_clear(&hosts);
    text_add_cstr(into, "    allow as allowed if ");
    if (!add_condition(into, args, "--from", "source", ""))
        text_add_cstr(into, "source( 127.0.0.0/8 ::1 )");
    if (add_condition(&hosts, args, "--only", "host", ""))
        text_printf(into, " and %s", hosts.at);
    text_fini(&hosts);
    text_add_cstr(into, "\n}\n");
}

/* `${…}` would be replaced, and cannot be quoted. */
static bool has_variable(const struct args *args)
{
    for (size_t i = 0; i < args->option_count; i++)
        if (strstr(args->options[i].value, "${") != NULL || strchr(args->options[i].value, '\n') != NULL)
            return true;
    return false;
}

static int run_text(const struct args *args, const char *text)
{
    if (args_has(args, "--print")) {
        fputs(text, stdout);
        return EXIT_DONE;
    }
    char *folder = getcwd(NULL, 0);
    char *path = NULL;
    if (asprintf(&path, "%s/command line", folder != NULL ? folder : "") < 0)
        die(__FILE__, __LINE__, "out of memory");
    struct supervisor_options options = {.source = {.path = path, .text = text}, .control_is_optional = true};
    int status = supervisor_run(&options);
    free(path);
    free(folder);
    return status;
}

static int run_written(const struct args *args, void (*write_conf)(const struct args *args, struct text *into))
{
    if (has_variable(args))
        return wrong_usage("a value holds '${' or a line's end; write a file, and use `gatehouse run -c FILE`");
    struct text text;
    text_init(&text);
    write_conf(args, &text);
    int status = run_text(args, text.at);
    text_fini(&text);
    return status;
}

int reverse_command(const struct args *args)
{
    if (tls_form(args) == TLS_WRONG)
        return wrong_usage("--tls takes CERT KEY, auto HOST..., or self-signed");
    return run_written(args, write_reverse);
}

int forward_command(const struct args *args)
{
    return run_written(args, write_forward);
}
