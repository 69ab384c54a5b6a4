/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back from str_escape(): \" \\ \n \r \t, \xNN for one byte, \uNNNN and \UNNNNNNNN for one character. Paths are bytes
 * and JSON is UTF-8, so exact bytes travel in this form: in sentences between quotes, in messages in the `…_bytes` fields.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes `n` bytes of `text` to `ret`, which has room for n + 1 bytes, and ends them with NUL. False, with the offset of the bad
 * escape in *ret_bad, when a backslash begins nothing known or a NUL would come out.
 */
bool escape_decode(const char *text, size_t n, char *ret, size_t *ret_n, size_t *ret_bad);
