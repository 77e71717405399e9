/*
 * The kinds of conditions: for each, how its values are compiled and how it is asked. The rows that bind them to their
 * names are in kinds.c. For acl/ only.
 */
#ifndef ACL_CONDITION_H
#define ACL_CONDITION_H

#include "acl/acl_conf.h"
#include "acl/name_pattern_conf.h"
#include "base/must.h"

/* Each kind's struct hides behind struct condition. */
#define CONDITION(name)                                                                                                \
    struct condition *name##_parse(const struct acl_scope *scope, const struct word *values, size_t count);            \
    enum truth name##_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)

CONDITION(source); /* match_address.c */
CONDITION(destination);
CONDITION(host); /* match_name.c */
CONDITION(listed);
CONDITION(tls_sni);
CONDITION(path); /* match_path.c */
CONDITION(path_regex);
CONDITION(url_regex);
CONDITION(method); /* match_request.c */
CONDITION(scheme);
CONDITION(port);
CONDITION(header);
CONDITION(client_certificate); /* match_subject.c */
CONDITION(time);               /* match_time.c */
CONDITION(response_type);      /* match_response.c */
CONDITION(response_size);
#undef CONDITION

void regex_condition_fini(struct condition *condition);

/* The list that `name` (a word, of which `skip` bytes are passed over) stands for; NULL after reporting. */
const struct list_conf *condition_list(const struct acl_scope *scope, const struct word *word, size_t skip);
/* The place of a word's bytes from `from` on; the whole word when that cannot be told. */
struct place condition_place(const struct word *word, size_t from);

/* For the lints; host_patterns() also of tls-sni. */
const struct name_pattern *host_patterns(const struct condition *condition, size_t *ret_count);
const struct list_conf *const *address_lists(const struct condition *condition, size_t *ret_count);
bool scheme_may_be_tunnel(const struct condition *condition);
bool method_may_be_connect(const struct condition *condition);

#endif
