/* Calls on a thread of 128 KB, which is what musl and many thread pools give.
 * The threads that the library starts have no more: workers, and OpenMP's where
 * OMP_STACKSIZE says nothing. Include behind cmocka.h. */
#ifndef DMS_TESTS_STACK_RIG_H
#define DMS_TESTS_STACK_RIG_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dms/dms.h"

enum {
    STACK = 128 << 10,
    ROOM = 1 << 20, /* of a stack that is measured: who needs more is named */
    PATIENTS = 8,
    SIDE = 32,
    PAINT = 0xa5
};

/* Sanitizers' red zones and shadow calls are not the library's need. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

typedef struct fixture {
    char folder[64];
    char data[96];
    char image[2][160];
    dms_model *model;
} fixture;

typedef dms_status (*call)(const fixture *f, dms_error *err);

typedef struct visit {
    call run;
    const fixture *f;
    dms_status st;
    dms_error err;
} visit;

static inline void *visit_main(void *arg)
{
    visit *v = arg;

    v->err = (dms_error){0};
    v->st = v->run(v->f, &v->err);
    return NULL;
}

static inline void visit_on(visit *v, void *stack, size_t size)
{
    pthread_attr_t attr;
    pthread_t thread;

    assert_int_equal(pthread_attr_init(&attr), 0);
    if (stack)
        assert_int_equal(pthread_attr_setstack(&attr, stack, size), 0);
    else
        assert_int_equal(pthread_attr_setstacksize(&attr, size), 0);
    assert_int_equal(pthread_create(&thread, &attr, visit_main, v), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
    if (v->st != DMS_OK)
        fail_msg("%s", v->err.message);
}

/* First on a painted stack with room to spare, so that a call that needs too
 * much is a number and not a crash; then on one of that size. */
static inline void assert_runs_in_128_kb(const char *name, call run,
                                         const fixture *f)
{
    visit v = {.run = run, .f = f};
#ifndef SANITIZED
    uint8_t *stack = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t free_bytes = 0;

    assert_ptr_not_equal(stack, MAP_FAILED);
    memset(stack, PAINT, ROOM);
    visit_on(&v, stack, ROOM);
    while (free_bytes < ROOM && stack[free_bytes] == PAINT)
        free_bytes++;
    munmap(stack, ROOM);
    print_message("%-28s %4zu KB\n", name, (ROOM - free_bytes + 1023) >> 10);
    if (ROOM - free_bytes > STACK)
        fail_msg("%s takes %zu bytes of stack", name, ROOM - free_bytes);
    visit_on(&v, NULL, STACK);
#else
    (void)name;
    visit_on(&v, NULL, ROOM);
#endif
}

#define ASSERT_RUNS(run, f) assert_runs_in_128_kb(#run, run, f)

static inline const char *at(const fixture *f, const char *name)
{
    static _Thread_local char path[4][256];
    static _Thread_local int next;

    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", f->folder, name);
    return path[next];
}

/* A folder that no call before has written to. */
static inline const char *fresh(const fixture *f, const char *name)
{
    static int number;
    char numbered[64];

    snprintf(numbered, sizeof numbered, "%s%d", name, ++number);
    return at(f, numbered);
}

static inline int setup(void **state)
{
    static fixture f;
    const dms_synth_options synth = {.struct_size = sizeof synth,
                                     .patients = PATIENTS,
                                     .seed = 3,
                                     .size = 96};
    dms_architecture arch = dms_architecture_default();

    snprintf(f.folder, sizeof f.folder, "/tmp/dms_stack_XXXXXX");
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.data, sizeof f.data, "%s/data", f.folder);
    snprintf(f.image[0], sizeof f.image[0], "%s/images/1_left.jpg", f.data);
    snprintf(f.image[1], sizeof f.image[1], "%s/images/1_right.jpg", f.data);
    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16, arch.size = SIDE;
    *state = &f;
    return dms_synth_write(f.data, &synth, NULL, NULL) ||
           dms_model_create(&f.model, &arch, NULL, 1, NULL) ||
           dms_model_write(f.model, at(&f, "model.st"), NULL);
}

static inline int teardown(void **state)
{
    const fixture *f = *state;
    char command[96];

    dms_model_destroy(f->model);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

/* Before any thread: what is started without saying how large. */
static inline void make_all_stacks_small(void)
{
#ifndef SANITIZED
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
#endif
}

#endif
