/* Ends the public declarations that public_begin.h began. */
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
