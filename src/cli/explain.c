/*
 * gatehouse explain: asks the functions that decide on traffic about a request that nobody sent, and shows each rule
 * with its answer. Nothing is resolved, and nothing is connected to.
 */
#include "cli/cli.h"

#include "base/arena.h"
#include "base/escape.h"
#include "base/hostname.h"
#include "base/must.h"
#include "base/regex.h"
#include "conf/loader.h"
#include "modes/forward/decide.h"
#include "modes/forward/tunnel_check.h"
#include "modes/reverse/decide.h"
#include "process/imagine.h"
#include "process/keeper.h"
#include "process/way_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The block that gets the request: one of the two. */
struct chosen {
    const struct reverse_conf *reverse;
    const struct forward_conf *forward;
    unsigned count; /* of blocks that could */
};

struct explaining {
    const struct args *args;
    struct arena arena;
    struct config *config;
    struct imagined request;
    struct client_hello hello; /* in the tunnel, or passed through, if it is one */
    enum way_in least;         /* by which it has to come to a block */
    struct chosen chosen;
    struct rule_trace trace;
    const struct route_conf *route_shown;
};

/* The request */

static bool read_header(const char *text, struct field_line *ret)
{
    struct str line = str_of(text);
    size_t colon = str_find(line, ':');
    *ret = (struct field_line){.name = str_head(line, colon), .value = str_trim(str_skip(line, colon + 1))};
    return colon < line.len && is_token(ret->name) && is_field_value(ret->value);
}

static const char *read_headers(struct explaining *x, struct imagine *what)
{
    struct field_line *lines = arena_zalloc(&x->arena, (x->args->option_count + 1) * sizeof *lines);
    const char *text;
    for (; (text = args_nth(x->args, "--header", what->header_count)) != NULL; what->header_count++)
        if (!read_header(text, &lines[what->header_count]))
            return "--header is not written as 'NAME: VALUE'";
    what->headers = lines;
    return NULL;
}

static const char *read_hello(struct explaining *x)
{
    const char *name = args_get(x->args, "--sni");
    x->hello = tunnel_check_imagine(x->request.facts.host, x->request.facts.host_ip.version != 0);
    bool is_good = name == NULL || (hostname_normal(&x->arena, str_of(name), &x->hello.name) &&
                                    !hostname_is_numeric_like(x->hello.name));
    x->request.facts.tls_name = x->hello.name;
    return is_good ? NULL : "--sni is no host name";
}

static const char *read_request(struct explaining *x, bool is_forward)
{
    const char *method = args_get(x->args, "--method");
    const char *client = args_get(x->args, "--client");
    const char *to = args_get(x->args, "--to");
    struct imagine what = {.is_forward = is_forward, .method = str_of(method != NULL ? method : "GET")};
    what.url = str_of(x->args->words[0]);
    what.at = str_of(args_get(x->args, "--at"));
    if (!ip_parse(str_of(client != NULL ? client : "127.0.0.1"), &what.client))
        return "--client is no IP address";
    if (!is_token(what.method))
        return "--method is no method";
    const char *why = read_headers(x, &what);
    if (why == NULL)
        why = imagine_request(&what, &x->arena, &x->request);
    if (why != NULL)
        return why;
    if (to != NULL && x->request.facts.host_ip.version != 0)
        return "--to: the host of the URL is an address already, and no name that had another one";
    if (to != NULL && !ip_parse(str_of(to), &x->request.facts.destination))
        return "--to is no IP address";
    x->request.facts.started.us = (int64_t)time(NULL) * 1000000;
    if (what.at.at == NULL)
        x->request.facts.clock = NULL; /* now */
    return read_hello(x);
}

/* The block */

static bool is_wanted(const struct explaining *x, const struct word *name)
{
    const char *wanted = args_get(x->args, "--in");
    return wanted == NULL || str_eq(name->text, str_of(wanted));
}

/* By a name of its own, not as `the rest`. */
static bool is_named(const struct reverse_conf *block)
{
    for (size_t i = 0; i < block->host_count; i++)
        if (block->hosts[i].kind == HOST_DEFAULT)
            return false;
    return block->host_count > 0;
}

static enum way_in way_to(struct explaining *x, const struct reverse_conf *block)
{
    return is_wanted(x, &block->name) ? way_in_to(x->config, block, &x->request.facts, &x->arena) : WAY_NONE;
}

/* Where a scheme is spoken at all, what has it comes there; of such listeners rather to the one with the port of the
   URL, where that has the host. */
static void choose_listeners(struct explaining *x)
{
    x->least = WAY_HOST;
    for (size_t i = 0; i < x->config->reverse_count; i++) {
        const struct reverse_conf *block = &x->config->reverses[i];
        enum way_in way = way_to(x, block);
        if (way > x->least)
            x->least = way;
        if (x->least == WAY_HOST && is_wanted(x, &block->name) && way_in_is_spoken(block, &x->request.facts))
            x->least = WAY_SCHEME;
    }
}

/* The name of a site of ours is more likely meant to come to its reverse block than to leave through a forward one. */
static void choose_block(struct explaining *x)
{
    choose_listeners(x);
    for (size_t i = 0; i < x->config->reverse_count; i++) {
        const struct reverse_conf *block = &x->config->reverses[i];
        if (way_to(x, block) < x->least)
            continue;
        x->chosen.reverse = block;
        x->chosen.count++;
    }
    if (x->chosen.reverse != NULL && is_named(x->chosen.reverse))
        return;
    for (size_t i = 0; i < x->config->forward_count; i++)
        if (is_wanted(x, &x->config->forwards[i].name)) {
            x->chosen.forward = &x->config->forwards[i];
            x->chosen.count++;
        }
}

static bool has_name(const struct explaining *x)
{
    for (size_t i = 0; i < x->config->reverse_count; i++)
        if (is_wanted(x, &x->config->reverses[i].name))
            return true;
    for (size_t i = 0; i < x->config->forward_count; i++)
        if (is_wanted(x, &x->config->forwards[i].name))
            return true;
    return false;
}

/* The block that gets the request where it was looked for, on an address of the one that is named. Where none is named
   all were asked. */
static const struct reverse_conf *other_block(struct explaining *x)
{
    const char *wanted = args_get(x->args, "--in");
    const struct reverse_conf *other = NULL;
    for (size_t i = 0; wanted != NULL && i < x->config->reverse_count && other == NULL; i++)
        if (is_wanted(x, &x->config->reverses[i].name))
            other = way_in_instead(x->config, &x->config->reverses[i], &x->request.facts, &x->arena);
    return other;
}

/* The handshake needs a block for the name in the greeting only. */
static void say_unserved(const struct explaining *x, struct str host)
{
    bool is_spoken = x->least != WAY_HOST, is_tls = str_eq(x->request.facts.scheme, STR("https"));
    if (is_tls && (!is_spoken || x->request.facts.tls_name.at != NULL))
        printf("no block serves the host %.*s over TLS: the handshake ends\n", STR_ARGS(host));
    else if (!is_spoken)
        printf("no block serves the host %.*s, nor anything in clear: answered 400\n", STR_ARGS(host));
    else
        printf("no block serves the host %.*s: answered 421\n", STR_ARGS(host));
}

static int say_no_block(struct explaining *x)
{
    struct str host = x->request.facts.host;
    if (!has_name(x))
        return wrong_usage("explain: there is no block '%s'", args_get(x->args, "--in"));
    const struct reverse_conf *other = other_block(x);
    if (other != NULL)
        printf("a request for the host %.*s comes to the block %.*s\n", STR_ARGS(host), STR_ARGS(other->name.text));
    else
        say_unserved(x, host);
    return EXIT_DONE;
}

static int say_many_blocks(struct explaining *x)
{
    fputs("gatehouse: explain: it depends on where the request comes in; say which: --in", stderr);
    for (size_t i = 0; i < x->config->reverse_count; i++)
        if (way_to(x, &x->config->reverses[i]) >= x->least)
            fprintf(stderr, " %.*s", STR_ARGS(x->config->reverses[i].name.text));
    for (size_t i = 0; i < x->config->forward_count; i++)
        fprintf(stderr, " %.*s", STR_ARGS(x->config->forwards[i].name.text));
    fputc('\n', stderr);
    return EXIT_USAGE;
}

/* The certificate */

static const struct tls_server_conf *tls_of(const struct chosen *chosen)
{
    must(chosen->reverse != NULL || chosen->forward != NULL);
    return chosen->reverse != NULL ? chosen->reverse->tls : chosen->forward->tls;
}

/* A forward block's certificate is shown to itself, whatever the URL. */
static bool is_in_clear(const struct explaining *x)
{
    return x->chosen.reverse != NULL && str_eq(x->request.facts.scheme, STR("http"));
}

/* What could never be shown explains nothing. */
static const char *read_certificate(struct explaining *x)
{
    struct facts *facts = &x->request.facts;
    const struct tls_server_conf *tls = tls_of(&x->chosen);
    const char *subject = args_get(x->args, "--client-certificate");
    if (subject == NULL)
        return NULL;
    facts->client_certificate = escape_subject_in(&x->arena, str_of(subject));
    if (facts->client_certificate.len == 0)
        return "--client-certificate: the subject is empty; without the option the client shows no certificate";
    if (tls == NULL || tls->client_certificate == CLIENT_CERTIFICATE_NONE)
        return "--client-certificate: the block asks clients for none";
    if (is_in_clear(x))
        return "--client-certificate: it is shown by TLS only: write https://…";
    return NULL;
}

/* Then the handshake ends, and no rule is asked. */
static bool lacks_certificate(const struct explaining *x)
{
    const struct tls_server_conf *tls = tls_of(&x->chosen);
    return tls != NULL && tls->client_certificate == CLIENT_CERTIFICATE_REQUIRED &&
           x->request.facts.client_certificate.at == NULL;
}

/* Every listener of such a block speaks TLS, since the loader refuses others: what comes in clear is no greeting. */
static int say_no_certificate(const struct explaining *x)
{
    const struct word *block = x->chosen.reverse != NULL ? &x->chosen.reverse->name : &x->chosen.forward->name;
    bool is_clear = is_in_clear(x);
    printf("the block %.*s requires a certificate of the client: %s the TLS handshake ends; say %s--client-certificate "
           "SUBJECT\n",
           STR_ARGS(block->text), is_clear ? "in clear" : "without one", is_clear ? "https://… and " : "");
    return EXIT_DONE;
}

/* The rules */

static void show_conditions(const struct expression *expression, const struct facts *facts)
{
    if (expression == NULL)
        return;
    if (expression->op != EXPRESSION_CONDITION) {
        show_conditions(expression->left, facts);
        show_conditions(expression->right, facts);
        return;
    }
    struct match match = {0};
    enum truth truth = expression_truth(expression, facts, &match);
    printf("             %-8s %.*s", truth_word(truth), STR_ARGS(expression->name));
    if (match.list.at != NULL)
        printf("  (list %.*s, %s:%u)", STR_ARGS(match.list), match.file, match.line);
    putchar('\n');
}

/* A rule's line as it stands in the file. */
static void show_line(const char *mark, struct str place, const struct place *where)
{
    struct str line = str_trim(where->text);
    printf("  %-8s %.*s: %.*s\n", mark, STR_ARGS(place), STR_ARGS(line));
}

static bool is_route_rule(const struct route_conf *route, const struct rule *rule)
{
    return rule >= route->rules.at && rule < route->rules.at + route->rules.count;
}

static void show_route(const struct route_conf *route)
{
    printf("route %.*s (%.*s)\n", STR_ARGS(route->glob.text), STR_ARGS(route->place_text));
}

/* The rules of a route come after the choice of it, and not otherwise. */
static void announce_route(struct explaining *x, const struct rule *rule)
{
    const struct reverse_conf *block = x->chosen.reverse;
    for (size_t i = 0; block != NULL && i < block->route_count; i++)
        if (is_route_rule(&block->routes[i], rule) && x->route_shown != &block->routes[i]) {
            x->route_shown = &block->routes[i];
            show_route(x->route_shown);
        }
}

static void show_rule(struct rule_trace *trace, const struct rule *rule, enum truth truth, const struct match *match)
{
    struct explaining *x = container_of(trace, struct explaining, trace);
    announce_route(x, rule);
    show_line(truth_word(truth), rule->place_text, &rule->place);
    if (rule->when != NULL && rule->when->op != EXPRESSION_CONDITION)
        show_conditions(rule->when, &x->request.facts);
    else if (match != NULL && match->list.at != NULL)
        printf("             list %.*s, %s:%u\n", STR_ARGS(match->list), match->file, match->line);
}

static void show_request(const struct explaining *x)
{
    const struct facts *facts = &x->request.facts;
    char client[ADDR_TEXT_MAX];
    ip_text(&facts->client, client);
    if (facts->method == METHOD_CONNECT)
        printf("request CONNECT %.*s:%u, from %s", STR_ARGS(facts->host), facts->port, client);
    else
        printf("request %.*s %.*s://%.*s:%u%.*s%s%.*s, from %s", STR_ARGS(facts->method_text), STR_ARGS(facts->scheme),
               STR_ARGS(facts->host), facts->port, STR_ARGS(facts->path), facts->query.at != NULL ? "?" : "",
               STR_ARGS(facts->query), client);
    if (facts->client_certificate.at != NULL)
        printf(", certificate \"%.*s\"", STR_ARGS(facts->client_certificate));
    putchar('\n');
}

static const char *action_word(enum action action)
{
    static const char *const words[] = {
        [ACTION_NONE] = "allow",        [ACTION_ALLOW] = "allow",     [ACTION_DENY] = "deny",
        [ACTION_REDIRECT] = "redirect", [ACTION_RESPOND] = "respond", [ACTION_NEED_ADDRESS] = "deny",
        [ACTION_ERROR] = "deny",
    };
    return words[action];
}

static void show_result(const char *word, struct str name, const struct rule *rule, unsigned status, struct str reason)
{
    printf("result %s as %.*s", word, STR_ARGS(name));
    if (rule != NULL && !str_eq(rule->place_text, name))
        printf(" (%.*s)", STR_ARGS(rule->place_text));
    if (status != 0)
        printf(", status %u", status);
    if (reason.len > 0)
        printf(": %.*s", STR_ARGS(reason));
    putchar('\n');
}

static void show_pool(const struct pool_conf *pool)
{
    printf("served by the pool %.*s: one of its servers in turn, by weight\n", STR_ARGS(pool->name.text));
    for (size_t i = 0; i < pool->server_count; i++) {
        const struct server_conf *server = &pool->servers[i];
        printf("  %.*s", STR_ARGS(server->text));
        if (server->weight != 1)
            printf(" weight %u", server->weight);
        printf("%s%s\n", server->is_backup ? " backup" : "", server->is_down ? " down" : "");
    }
}

static void explain_reverse(struct explaining *x)
{
    const struct reverse_conf *block = x->chosen.reverse;
    struct reverse_decision decision;
    struct facts *facts = &x->request.facts;
    struct str path = facts->path;
    facts->has_hello = block->is_passthrough;
    printf("block reverse %.*s (%.*s)\n", STR_ARGS(block->name.text), STR_ARGS(block->place_text));
    if (x->least == WAY_HOST && facts->method != METHOD_CONNECT)
        printf("none of its listeners speaks %.*s: this shows what the rules would say\n", STR_ARGS(facts->scheme));
    reverse_decide(block, facts, &x->arena, &x->trace, &decision);
    if (decision.route != NULL && x->route_shown != decision.route)
        show_route(decision.route);
    if (!str_eq(path, facts->path))
        printf("the path has become %.*s\n", STR_ARGS(facts->path));
    const struct rule *rule = decision.fault == FAULT_NONE ? decision.verdict.rule : NULL;
    unsigned status = decision.fault != FAULT_NONE ? fault_info(decision.fault)->status
                      : rule != NULL               ? rule->status
                                                   : 0;
    const char *word = decision.fault != FAULT_NONE ? "deny" : action_word(decision.verdict.action);
    show_result(word, decision.name, rule, status, facts->reason);
    if (block->is_passthrough)
        puts("TLS is passed through, without decrypting");
    if (decision.serve.kind == SERVE_POOL)
        show_pool(decision.serve.pool);
    else if (decision.serve.kind == SERVE_FILES)
        printf("served from the folder %s\n", decision.serve.files);
}

/* What a tunnel comes to once its hello is known. True: it ends. */
static bool explain_inside(struct explaining *x, struct forward_decision *decision)
{
    struct facts *facts = &x->request.facts;
    bool is_open = decision->outcome == FORWARD_ALLOW && tunnel_check_applies(facts);
    if (!is_open || tunnel_check(x->chosen.forward, facts, &x->hello, &x->arena, decision))
        return false;
    struct str name = x->hello.name;
    printf("a tunnel is opened; its TLS greeting %s%.*s, and ends it\n", name.at != NULL ? "names " : "has no name",
           STR_ARGS(name));
    const struct rule *rule = decision->verdict.rule;
    if (rule != NULL)
        show_line("yes", rule->place_text, &rule->place);
    show_result("deny", decision->name, rule, 0, facts->reason);
    return true;
}

static void explain_forward(struct explaining *x)
{
    const struct forward_conf *block = x->chosen.forward;
    struct forward_decision decision;
    struct facts *facts = &x->request.facts;
    printf("block forward %.*s (%.*s)\n", STR_ARGS(block->name.text), STR_ARGS(block->place_text));
    forward_decide(block, facts, &x->arena, &x->trace, &decision);
    if (explain_inside(x, &decision))
        return;
    const struct rule *rule = decision.outcome == FORWARD_FAULT ? NULL : decision.verdict.rule;
    if (decision.outcome == FORWARD_LATER) {
        rule = decision.verdict.asks;
        printf("result depends on the address that the name has: %.*s asks for it; say --to IP\n",
               STR_ARGS(rule->place_text));
        return;
    }
    bool is_denied = decision.outcome == FORWARD_DENY || decision.outcome == FORWARD_FAULT;
    const char *word = is_denied ? "deny" : action_word(decision.verdict.action);
    show_result(word, decision.name, rule, forward_status(&decision, facts), decision.reason);
    if (decision.outcome == FORWARD_ALLOW) {
        bool is_tunnel = facts->method == METHOD_CONNECT;
        printf("%s %.*s, port %u%s\n", is_tunnel ? "a tunnel to" : "fetched from", STR_ARGS(facts->host), facts->port,
               decision.is_final ? "" : "; of its addresses, those that `deny-private` lets through");
    }
}

static int explain(struct explaining *x)
{
    /* The host finds the block, and what the block is says how the request would come. */
    const char *why = read_request(x, false);
    if (why != NULL)
        return wrong_usage("explain: %s", why);
    choose_block(x);
    if (x->chosen.count == 0)
        return say_no_block(x);
    if (x->chosen.count > 1)
        return say_many_blocks(x);
    read_request(x, x->chosen.forward != NULL);
    why = read_certificate(x);
    if (why != NULL)
        return wrong_usage("explain: %s", why);
    if (lacks_certificate(x))
        return say_no_certificate(x);
    show_request(x);
    x->trace.asked = show_rule;
    if (x->chosen.reverse != NULL)
        explain_reverse(x);
    else
        explain_forward(x);
    return EXIT_DONE;
}

int explain_command(const struct args *args)
{
    struct explaining x = {.args = args};
    arena_init(&x.arena);
    struct diag diag;
    diag_init(&diag);
    struct conf_options options = {0};
    x.config = conf_load(conf_path(args), &options, probing_opener(), NULL, &diag);
    int status = EXIT_MISTAKE;
    if (x.config != NULL) {
        status = explain(&x);
        config_unref(x.config);
    } else {
        diag_print(&diag);
    }
    diag_fini(&diag);
    arena_reset(&x.arena);
    regex_thread_done();
    arena_thread_done();
    return status;
}
