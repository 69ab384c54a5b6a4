/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few macros that the whole tree shares: scope-bound cleanup, ownership transfer, array sizes.
 *
 * `_cleanup_(f)` calls f(&variable) when the variable leaves its scope; a cleanup function therefore takes a
 * pointer to the variable. `DEFINE_FREEP(type, free)` writes that wrapper. `TAKE_PTR(p)` yields p and clears it:
 * the line that transfers ownership out of the scope.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(f)         __attribute__((cleanup(f)))
#define _printf_(a, b)       __attribute__((format(printf, a, b)))
#define _unused_             __attribute__((unused))
#define _warn_unused_result_ __attribute__((warn_unused_result))
#define _pure_               __attribute__((pure))

#define ARRAY_SIZE(a)                                                                                        \
        (sizeof(a) / sizeof((a)[0]) +                                                                        \
         0 * sizeof(struct { _Static_assert(!__builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0])), "not an array"); int x; }))

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* GLib has the same two. */
#ifndef MIN
#define MIN(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define MAX(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#endif

#define TAKE_PTR(p)                                                                                          \
        ({                                                                                                   \
                __typeof__(p) *_pp = &(p);                                                                   \
                __typeof__(p) _taken = *_pp;                                                                 \
                *_pp = NULL;                                                                                 \
                _taken;                                                                                      \
        })

#define TAKE_FD(fd)                                                                                          \
        ({                                                                                                   \
                int *_pfd = &(fd);                                                                           \
                int _taken = *_pfd;                                                                          \
                *_pfd = -1;                                                                                  \
                _taken;                                                                                      \
        })

#define DEFINE_FREEP(type, free_function)                                                                    \
        static inline void free_function##p(type **p)                                                        \
        {                                                                                                    \
                free_function(*p);                                                                           \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}
