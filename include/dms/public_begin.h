/* What follows is the library's public face, for C and C++: exported from
 * libdmsnet.so, which hides all else. Ended by public_end.h; no guard. */
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
