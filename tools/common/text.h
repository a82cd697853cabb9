/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_TEXT_H
#define COCOS_TOOLS_TEXT_H

/* Small texts: numbers and times as people write them, foreign text made safe for a terminal. */

#include <stddef.h>
#include <stdint.h>

/* Room for 32 bytes in hex. */
#define TOOL_HEX_SIZE 65

/*
 * Copy foreign text into `out`, cut to fit, with control characters and bytes that are not UTF-8
 * replaced by '?', so that a peer cannot write escape sequences to a terminal. Newlines become
 * spaces.
 */
void tool_clean(char *out, size_t cap, const char *text);

/* Go's duration syntax, as "1h30m", "250ms", "1.5s"; "0" alone. @return 0, or -1 when it is
 * something else. */
int tool_duration_parse(const char *text, int64_t *ns);
/* "2.5 s", "3 min 20 s", "1 h 4 min". */
void tool_duration_text(char *out, size_t cap, int64_t ns);
/* "12 B", "3.4 KiB", "1.0 GiB". */
void tool_size_text(char *out, size_t cap, uint64_t bytes);

/* Decimal without sign or blanks, at most `max`. @return 0 or -1. */
int tool_number_parse(const char *text, uint64_t max, uint64_t *value);

/* Lower-case hex; out has 2 * len + 1 bytes. */
void tool_hex(char *out, const uint8_t *data, size_t len);
/* Exactly `len` bytes of hex. @return 0 or -1. */
int tool_hex_parse(const char *text, uint8_t *out, size_t len);
/* Standard base64 with padding; out has 4 * ((len + 2) / 3) + 1 bytes. */
void tool_base64(char *out, const uint8_t *data, size_t len);
/* @return bytes written to out, or -1 when it is not base64 of at most cap bytes. */
long tool_base64_parse(const char *text, uint8_t *out, size_t cap);

/* How many insertions, deletions, replacements and swaps of neighbours lie between two words. */
size_t tool_distance(const char *a, const char *b);

#endif
