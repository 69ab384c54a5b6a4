/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Diagnostics: words for the administrator about the program itself, on standard error, with a <level> prefix when the
 * journal reads it. Decision lines, events and counters are other streams and do not go through here. Log where you
 * stop: lower layers return errors, the one that goes on logs once and says what it does now.
 */
#pragma once

#include <stdbool.h>

#include "base/macros.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_TRACE };

/* Reads `error|warn|info|debug|trace`; false for any other word. */
bool log_level_parse(const char *word, enum log_level *ret);
void log_set_level(enum log_level level);
/* True: prefix each line with the journal's <N> priority instead of a word. */
void log_set_journal(bool journal);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                                       \
        do {                                                                                                 \
                if (log_enabled(LOG_LEVEL_DEBUG))                                                            \
                        log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                             \
        } while (0)
