/* gatehouse.conf(5): what the tables know, with as much prose around it as a reader needs. */
#include "conf/directives.h"
#include "conf/doc.h"

#include "acl/acl_conf.h"
#include "http/template_conf.h"

/* Text of the tables in roff: backslashes and hyphens escaped, no line that begins with a control character. */
static void add_escaped(struct text *into, struct str s)
{
    if (s.len > 0 && (s.at[0] == '.' || s.at[0] == '\''))
        text_add_cstr(into, "\\&");
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '\\')
            text_add_cstr(into, "\\e");
        else if (s.at[i] == '-')
            text_add_cstr(into, "\\-");
        else if (str_starts(str_skip(s, i), STR("…"))) {
            text_add_cstr(into, "\\&...");
            i += sizeof "…" - 2;
        } else
            text_add_char(into, s.at[i]);
    }
}

static void add_text(struct text *into, const char *s)
{
    add_escaped(into, str_of(s));
}

static void add_synopsis(const struct directive *row, struct text *into)
{
    struct text line;
    text_init(&line);
    directive_synopsis(row, &line);
    struct str rest = str_skip(text_str(&line), strlen(row->name));
    text_add_cstr(into, ".TP\n\\fB");
    add_text(into, row->name);
    text_add_cstr(into, "\\fR");
    add_escaped(into, rest);
    text_add_char(into, '\n');
    text_fini(&line);
}

static void add_facts(const struct directive *row, struct text *into)
{
    struct text range;
    text_init(&range);
    directive_range(row, &range);
    if (range.len > 0) {
        text_add_cstr(into, " Range: ");
        add_escaped(into, text_str(&range));
        text_add_char(into, '.');
    }
    const char *fallback = row->fallback != NULL ? row->fallback : row->fallback_note;
    if (fallback != NULL) {
        text_add_cstr(into, row->fallback != NULL ? " Default: \\fB" : " Default: ");
        add_text(into, fallback);
        text_add_cstr(into, row->fallback != NULL ? "\\fR." : ".");
    }
    if (row->repeats && !row->is_rule && row->blocks != OPTIONS_USER - 1)
        text_add_cstr(into, " As often as needed.");
    text_fini(&range);
}

static void add_row(const struct directive *row, struct text *into)
{
    add_synopsis(row, into);
    add_text(into, row->help);
    text_add_char(into, '.');
    add_facts(row, into);
    text_add_char(into, '\n');
    if (row->options == 0)
        return;
    text_add_cstr(into, ".RS\n");
    for (const struct directive *option = directives; option->name != NULL; option++)
        if (option->blocks & row->options)
            add_row(option, into);
    text_add_cstr(into, ".RE\n");
}

/* Rules, which stand in three blocks, are told in a section of their own. */
static bool is_of_block(const struct directive *row, const struct block_name *block)
{
    return (row->blocks & block->kind) && !row->is_rule && row->blocks != OPTIONS_USER - 1;
}

/* A row is told in full in the first of its blocks; in the others it is named. */
static bool is_told_before(const struct directive *row, const struct block_name *block)
{
    return (row->blocks & (block->kind - 1)) != 0;
}

static void add_named_rows(const struct block_name *block, struct text *into)
{
    const char *separator = ".PP\nAs above: ";
    for (const struct directive *row = directives; row->name != NULL; row++) {
        if (!is_of_block(row, block) || !is_told_before(row, block))
            continue;
        text_printf(into, "%s\\fB", separator);
        add_text(into, row->name);
        text_add_cstr(into, "\\fR");
        separator = ",\n";
    }
    text_add_cstr(into, separator[0] == ',' ? ".\n" : "");
}

static void add_blocks(struct text *into)
{
    for (const struct block_name *block = block_names; block->kind != 0 && block->kind < OPTIONS_USER; block++) {
        text_printf(into, ".SS %s", block->kind == BLOCK_TOP ? "At " : "In ");
        add_text(into, block->title);
        text_add_char(into, '\n');
        for (const struct directive *row = directives; row->name != NULL; row++)
            if (is_of_block(row, block) && !is_told_before(row, block))
                add_row(row, into);
        add_named_rows(block, into);
        if (block->kind == BLOCK_TOP)
            add_row(directive_find(BLOCK_TOP, STR("include")), into);
    }
}

static void add_rules(struct text *into)
{
    for (const struct directive *row = directives; row->name != NULL; row++)
        if (row->is_rule)
            add_row(row, into);
}

static void add_type(const struct value_doc *doc, struct text *into)
{
    text_printf(into, ".TP\n\\fI%s\\fR\n", doc->label);
    add_text(into, doc->help);
    text_add_cstr(into, ": ");
    add_text(into, doc->examples);
    text_add_cstr(into, ".\n");
}

static void add_types(struct text *into)
{
    for (size_t i = 0; i < VALUE_TYPE_COUNT; i++)
        if (value_docs[i].label[0] != '\0')
            add_type(&value_docs[i], into);
    for (const struct value_doc *doc = word_docs; doc->label != NULL; doc++)
        add_type(doc, into);
}

static void add_conditions(struct text *into)
{
    static const char *const phases[] = {[PHASE_CONNECT] = "connect",
                                         [PHASE_REQUEST] = "request",
                                         [PHASE_DIAL] = "dial",
                                         [PHASE_RESPONSE] = "response",
                                         [PHASE_DONE] = "log"};
    for (const struct condition_kind *kind = condition_kinds; kind->name != NULL; kind++) {
        text_add_cstr(into, ".TP\n\\fB");
        add_text(into, kind->name);
        text_add_cstr(into, "\\fR");
        if (kind->values != NULL && kind->max_values > 0) {
            text_add_char(into, '(');
            add_text(into, kind->values);
            text_add_char(into, ')');
        }
        text_add_char(into, '\n');
        add_text(into, kind->help);
        text_printf(into, ". Phase: %s.\n", phases[kind->phase]);
    }
}

static void add_variables(struct text *into)
{
    for (const struct variable_doc *doc = variable_docs(); doc->name != NULL; doc++) {
        text_add_cstr(into, ".TP\n\\fB$");
        add_text(into, doc->name);
        text_add_cstr(into, "\\fR\n");
        add_text(into, doc->help);
        text_printf(into, ". Phase: %s.\n", doc->phase);
    }
}

static const char beginning[] =
    ".SH NAME\n"
    "gatehouse.conf \\- configuration of the gatehouse HTTP proxy\n"
    ".SH DESCRIPTION\n"
    "One file describes all that\n.BR gatehouse (1)\ndoes: reverse blocks for sites whose servers are behind it, forward blocks for clients that\n"
    "go out through it. Rules and routes are asked from top to bottom, and the first that matches decides.\n"
    "What the file means is checked by\n.BR \"gatehouse check\" ;\nevery mistake is told with its place and its remedy, and a file with a mistake is\n"
    "never put to use. The text below is made from the same table as\n.BR \"gatehouse doc\" .\n"
    ".SS A small reverse proxy\n.nf\n.RS\n"
    "reverse site {\n    listen :80\n    to 127.0.0.1:3000\n}\n.RE\n.fi\n"
    ".SS A small forward proxy\n.nf\n.RS\n"
    "forward office {\n    listen 10.0.0.1:3128\n    deny as ads reason \"No advertisements.\" if host(.ads.example)\n"
    "    allow if source(10.0.0.0/8)\n}\n.RE\n.fi\n"
    ".SH FORM\n"
    "A statement is words, then a block in braces, the end of the line, or a semicolon. A semicolon is needed only between statements in\n"
    "one line; a backslash at the end of a line continues the statement; a\n.B #\nwhere a word could begin opens a comment.\n"
    ".PP\n"
    "A word is bare characters, or text in double quotes that ends in its own line, in which \\e\" \\e\\e \\en and \\et stand for a quote, a\n"
    "backslash, a line feed and a tab; elsewhere a backslash is itself. Single quotes are characters like any other.\n"
    "Braces count only as words of their own: write blanks around them.\n"
    "After\n.BR if ,\nparentheses are words too, and unquoted\n.BR and ,\n.B or\nand\n.B not\nare never values.\n"
    ".PP\n"
    "Definitions may follow their use. A path is relative to the file it stands in; its empty,\n.B .\nand\n.B ..\nparts are taken out as text,\n"
    "before links are followed. An\n.B include\nwithout a wildcard names a file that must be there; one with a wildcard may match nothing.\n"
    ".B ${env.NAME}\nis replaced in any word, when the file is loaded, by a variable of the environment, which must be set.\n";

static const char rules_beginning[] =
    "Rules stand in a reverse, route or forward block, before its first route, and are asked in their order. Each may have\n"
    ".B as\n.I NAME\nafter its first word, which logs, pages and\n.B explain\nshow; else it is called FILE:LINE. With no rule that ends the matter a reverse\n"
    "block allows and a forward block denies. After an\n.B allow\nof a reverse block the rules of the route still run.\n";

static const char conditions_beginning[] =
    "An\n.I EXPRESSION\nis the name of an acl,\n.I KIND\\fR(\\fIVALUE\\fR \\&...),\nor these joined by\n.BR not ,\n.B and\nand\n.BR or ,\n"
    "which bind in this order, and parentheses. The values of one condition are alternatives. A kind without values is written bare.\n"
    "Each condition has a phase, from which on it is known; asking it in a rule that comes earlier is a mistake. One that cannot be\n"
    "known for a request, such as the path of a tunnel, is unknown, and so is its\n.BR not ;\na rule that ends unknown does not hold.\n";

static const char ending[] = ".SH FILES\n.TP\n.I " SYSCONFDIR
                             "/gatehouse/gatehouse.conf\nthe file that is read when none is named.\n"
                             ".SH SEE ALSO\n.BR gatehouse (1)\n";

void manual_write(const char *version, struct text *into)
{
    text_printf(
        into,
        ".\\\" Made by gatehouse from its table of directives: conf/directives.c\n.TH GATEHOUSE.CONF 5 \"\" \"gatehouse %s\" \"File Formats\"\n",
        version);
    text_add_cstr(into, beginning);
    text_add_cstr(into, ".SH VALUES\n");
    add_types(into);
    text_add_cstr(into, ".SH DIRECTIVES\n");
    add_blocks(into);
    text_add_cstr(into, ".SH RULES\n");
    text_add_cstr(into, rules_beginning);
    add_rules(into);
    text_add_cstr(into, ".SH CONDITIONS\n");
    text_add_cstr(into, conditions_beginning);
    add_conditions(into);
    text_add_cstr(
        into,
        ".SH VARIABLES\nIn texts,\n.BI $ name\nor\n.BI ${ name }\nstands for what is known of the request;\n.B $$\nis a dollar.\n");
    add_variables(into);
    text_add_cstr(into, ending);
}
