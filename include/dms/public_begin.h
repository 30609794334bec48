/* Begins public declarations, for C and C++: exported from libdmsnet.so, which
 * hides everything else. public_end.h ends them; no include guard. */
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
