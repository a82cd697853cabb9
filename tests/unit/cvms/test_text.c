/* SPDX-License-Identifier: Apache-2.0 */
#include "cvms/text.h"

#include <string.h>

#include "suite.h"

static void gives(const char *in, size_t max, const char *out)
{
    char *text = cocos__cvms_text(in, max);

    ck_assert_str_eq(text, out);
    free(text);
}

START_TEST(keeps_plain_text_and_lines)
{
    gives("a\nb", 10, "a\nb");
    gives("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 40,
          "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    gives(NULL, 10, "");
}
END_TEST

START_TEST(takes_the_sting_out_of_terminal_sequences)
{
    gives("\x1b[31mred\x07\x7f\r", 40, " [31mred   ");
    gives("\xc2\x9b"
          "31m",
          40, " 31m"); /* CSI as one character of C1 */
}
END_TEST

START_TEST(marks_bytes_that_are_not_utf8)
{
    gives("\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", 40, "??????????");
    gives("ab\xe2\x82\xac", 4, "ab??"); /* cut within a character */
}
END_TEST

START_TEST(cuts_what_is_too_long)
{
    gives("abcdef", 3, "abc");
}
END_TEST

TEST_MAIN(text,
          keeps_plain_text_and_lines,
          takes_the_sting_out_of_terminal_sequences,
          marks_bytes_that_are_not_utf8,
          cuts_what_is_too_long)
