/* Prepared weights, reference-counted in a store, so that runs share them.
 * Relies on kept_file.c for blocks that processes share.
 *
 * The store's lock protects the list and the user counts; a block's lock, its
 * filling. A filled block of a store never changes. */
#include "graph/kept.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/kept_file.h"

struct dms_kept {
    dms_kept_store *store; /* NULL: the block belongs to one run */
    dms_kept *next;        /* in the store's list */
    uint64_t form;
    size_t size;
    size_t users; /* protected by the store's lock */
    void *data;
    dms_kept_file *file;  /* data is mapped from it; NULL: data is owned */
    pthread_mutex_t lock; /* held while filling */
    bool filled;
    bool heavy;
};

struct dms_kept_store {
    pthread_mutex_t lock;
    dms_kept *first; /* list of the blocks in use: users > 0 */
};

dms_kept_store *dms_kept_store_create(void)
{
    dms_kept_store *store = dms_calloc(1, sizeof *store);

    if (store)
        pthread_mutex_init(&store->lock, NULL);
    return store;
}

void dms_kept_store_destroy(dms_kept_store *store)
{
    if (!store)
        return;
    pthread_mutex_destroy(&store->lock);
    dms_free(store);
}

static void destroy(dms_kept *kept)
{
    if (kept->file)
        dms_kept_file_close(kept->file);
    else
        dms_free(kept->data);
    pthread_mutex_destroy(&kept->lock);
    dms_free(kept);
}

/* file = NULL: the block allocates its own memory and does not write to it. */
static dms_kept *create(uint64_t form, size_t size, dms_kept_file *file)
{
    dms_kept *kept = dms_calloc(1, sizeof *kept);

    if (!kept)
        return NULL;
    pthread_mutex_init(&kept->lock, NULL);
    kept->form = form;
    kept->size = size;
    kept->users = 1;
    kept->file = file;
    kept->filled = file != NULL;
    kept->data = file ? dms_kept_file_data(file) : dms_alloc_aligned(size);
    if (!kept->data) {
        destroy(kept);
        return NULL;
    }
    return kept;
}

/* Lock held. */
static dms_kept *find(dms_kept_store *store, uint64_t form, size_t size)
{
    dms_kept *kept = store->first;

    while (kept && (kept->form != form || kept->size != size))
        kept = kept->next;
    if (kept)
        kept->users++;
    return kept;
}

/* Lock held. */
static void link_in(dms_kept_store *store, dms_kept *kept)
{
    kept->store = store;
    kept->next = store->first;
    store->first = kept;
}

dms_status dms_kept_acquire(dms_kept **out, dms_kept_store *store,
                            uint64_t form, size_t size, dms_error *err)
{
    dms_kept *kept;

    if (store)
        pthread_mutex_lock(&store->lock);
    kept = store ? find(store, form, size) : NULL;
    if (!kept) {
        kept = create(form, size, NULL);
        if (kept && store)
            link_in(store, kept);
    }
    if (store)
        pthread_mutex_unlock(&store->lock);
    *out = kept;
    return kept ? DMS_OK : dms_fail_memory(err, "prepared weights");
}

void dms_kept_release(dms_kept *kept)
{
    dms_kept_store *store = kept ? kept->store : NULL;
    bool last = true;

    if (!kept)
        return;
    if (store) {
        dms_kept **link = &store->first;

        pthread_mutex_lock(&store->lock);
        last = --kept->users == 0;
        while (last && *link != kept)
            link = &(*link)->next;
        if (last)
            *link = kept->next;
        pthread_mutex_unlock(&store->lock);
    }
    if (last)
        destroy(kept);
}

size_t dms_kept_users(const dms_kept *kept)
{
    size_t users = 1;

    if (kept->store) {
        pthread_mutex_lock(&kept->store->lock);
        users = kept->users;
        pthread_mutex_unlock(&kept->store->lock);
    }
    return users;
}

void *dms_kept_data(const dms_kept *kept)
{
    return kept->data;
}

size_t dms_kept_size(const dms_kept *kept)
{
    return kept->size;
}

dms_status dms_kept_fill(dms_kept *kept,
                         dms_status (*fill)(void *user, dms_error *err),
                         void *user, dms_error *err)
{
    dms_status st = DMS_OK;

    pthread_mutex_lock(&kept->lock);
    if (!kept->filled)
        st = fill(user, err);
    kept->filled = st == DMS_OK;
    pthread_mutex_unlock(&kept->lock);
    return st;
}

void dms_kept_set_heavy(dms_kept *kept, bool heavy)
{
    kept->heavy = heavy;
}

bool dms_kept_is_heavy(const dms_kept *kept)
{
    return kept->heavy;
}

void dms_kept_empty(dms_kept *kept)
{
    assert(!kept->store);
    kept->filled = false;
}

dms_status dms_kept_write(int *fd, const dms_kept *kept, uint64_t values,
                          dms_error *err)
{
    return dms_kept_file_write(fd, kept->data,
                               &(dms_kept_head){.form = kept->form,
                                                .values = values,
                                                .heavy = kept->heavy,
                                                .size = kept->size},
                               err);
}

dms_status dms_kept_map(dms_kept **out, dms_kept_store *store, int fd,
                        uint64_t values, dms_error *err)
{
    dms_kept_head head;
    dms_kept_file *file = NULL;
    dms_status st = dms_kept_file_open(&file, &head, fd, values, err);
    dms_kept *kept;

    if (st != DMS_OK)
        return st;
    kept = create(head.form, (size_t)head.size, file);
    if (kept)
        kept->heavy = head.heavy != 0;
    else {
        dms_kept_file_close(file);
        return dms_fail_memory(err, "prepared weights");
    }
    pthread_mutex_lock(&store->lock);
    link_in(store, kept);
    pthread_mutex_unlock(&store->lock);
    *out = kept;
    return DMS_OK;
}
