/*
 * What both modes do with a request and with the rules that were reached: facts from the head, replies, fields, logs.
 */
#ifndef PROXY_APPLY_H
#define PROXY_APPLY_H

#include "acl/verdict.h"
#include "proxy/mode.h"

/* The facts of PHASE_REQUEST from a head that has passed validation; facts->scheme stays as it is unless it is none yet
   ("http", and "tunnel" for CONNECT). What is borrowed lives as long as the head. */
void facts_of_request(struct facts *facts, const struct head *head);

/* The facts of PHASE_RESPONSE from an answer's head, which need not outlive the call; the text of its fields lives in
   the arena. */
void facts_of_answer(struct facts *facts, const struct head *head, struct arena *arena);

/* A PLAN_REPLY as a deny, redirect or respond says, its texts expanded. A deny without a page has no body. */
void plan_reply(struct plan *plan, const struct rule *rule, const struct facts *facts, struct arena *arena);
/* A PLAN_REPLY with a page of ours, escaped by the caller. */
void plan_page(struct plan *plan, uint16_t status, struct str html);
/* Which logs get a line, by the `log` rules that were reached: `off` takes back those before it. */
void plan_logs(struct plan *plan, const struct acted *acted, struct arena *arena);

/* Acts on a head as the set-, add- and remove-header rules of that side say, in their order. Host is its authority. */
void apply_field_rules(const struct acted *acted, enum rule_side side, const struct facts *facts, struct arena *arena,
                       struct head *head);

/* Does one of those rules set or remove the field of that name, or what a server may take for it? */
bool field_rules_have(const struct acted *acted, enum rule_side side, struct str name);

/* Names in lower case, of which a final `*` stands for any rest; ends with NULL. */
struct field_patterns {
    const char *const *patterns;
    _Atomic uint64_t
        known; /* what fields_drop() has found of them, which begins as 0: a bit for each known field that is one … */
    _Atomic uint32_t letters; /* … and for the letters that they begin with */
};

/* Drops every field whose name is one of them. Case does not matter, and an underscore counts as a hyphen, since CGI
   and its heirs cannot tell them apart. */
void fields_drop(struct fields *fields, struct field_patterns *of);
/* Would it drop one of that name? */
bool field_patterns_have(const struct field_patterns *of, struct str name);

/* A URL as it may stand in Location: nothing that could end the field or be read in two ways. A path that begins with
   two slashes is no host: "/.//x". */
struct str location_safe(struct arena *arena, struct str url, const struct facts *facts);

/* The host the client asked for, with the port unless it is the default of the scheme; none when the request named
   none. */
struct str public_authority(struct arena *arena, const struct facts *facts);

#endif
