/*
 * What a configuration holds, in one line: "1 reverse block, 2 listeners, 3 lists with 1,000,000 names".
 */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "base/text.h"
#include "conf/config.h"

void summary_of(const struct config *config, struct text *into);
/* 1234567 as "1,234,567". */
void summary_number(struct text *into, size_t number);

#endif
