/* Compares character codes only; no locale is consulted. */
#include "base/ascii.h"

#include <string.h>

char dms_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char dms_ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool dms_ascii_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool dms_ascii_is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

bool dms_ascii_is_all(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

bool dms_ascii_same_start(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (dms_ascii_lower(a[i]) != dms_ascii_lower(b[i]))
            return false;
        if (a[i] == '\0')
            return true;
    }
    return true;
}

bool dms_ascii_same(const char *a, const char *b)
{
    return dms_ascii_same_start(a, b, strlen(a) + 1);
}

bool dms_ends_with(const char *text, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    return len >= word_len &&
           memcmp(text + len - word_len, word, word_len) == 0;
}

bool dms_ascii_contains(const char *text, const char *word)
{
    size_t len = strlen(word);

    do {
        if (dms_ascii_same_start(text, word, len))
            return true;
    } while (*text++);
    return false;
}
