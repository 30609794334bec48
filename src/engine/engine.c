/* Each worker creates its own net on its own thread, since kernels depend on
 * the number of threads; the store lets them share one copy of the weights. */
#include "engine/engine.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "engine/views.h"
#include "machine/machine.h"
#include "machine/threads.h"
#include "net/compute.h"
#include "net/model.h"

enum {
    /* With so many patients each, creating another worker's net pays. */
    PATIENTS_EACH = 64,
    /* Bytes of maps per pixel of an image, approximately. */
    MAP_BYTES = 128
};

typedef struct member {
    const dms_architecture *arch;
    dms_params *params;
    dms_net_options net; /* of each worker's net */
} member;

struct dms_engine {
    member *members; /* owned: member_count, at least one */
    int member_count;
    dms_pool *pool;
    int count;        /* of workers */
    dms_net **nets;   /* count x member_count */
    dms_views *views; /* one per net; NULL: no test-time augmentation */
};

int dms_engine_choose(const dms_engine_need *need)
{
    size_t count = (size_t)need->threads;

    if (need->asked > 0)
        count = (size_t)need->asked;
    else if (need->patients / PATIENTS_EACH < count)
        count = 1;
    else
        while (count > 1 &&
               (count * need->bytes_each > need->bytes_free / 2 ||
                (size_t)need->threads % count != 0)) /* leave no thread idle */
            count--;
    if (need->patients > 0 && count > need->patients)
        count = need->patients;
    return (int)count;
}

dms_engine_options dms_engine_options_of(const dms_model *model)
{
    return (dms_engine_options){.arch = &model->config.architecture,
                                .params = model->params,
                                .labels = model->config.labels,
                                .store = model->store,
                                .batch = 1,
                                .size = model->config.preprocess.size};
}

/* Bytes of a worker's maps, approximately. */
static size_t bytes_each(const dms_engine *e)
{
    size_t bytes = 0;

    for (int i = 0; i < e->member_count; i++) {
        const dms_net_options *net = &e->members[i].net;
        size_t side = (size_t)net->size;

        bytes += 2 * (size_t)net->patients * side * side * MAP_BYTES;
    }
    return bytes;
}

/* The part behind the map is float32, whatever the backbone's precision. */
static dms_status choose_numbers(dms_net_options *net,
                                 const dms_engine_options *o, dms_error *err)
{
    dms_compute one_view = o->compute ? *o->compute : (dms_compute){0};
    dms_status st;

    one_view.tta = DMS_TTA_NONE;
    *net = (dms_net_options){.patients = o->batch,
                             .size = o->size,
                             .store = o->store,
                             .labels = o->labels,
                             .part = o->part,
                             .sums_apart = o->sums_apart,
                             .attention = o->attention};
    st = dms_compute_apply(net, &one_view, o->params, o->patients, err);
    if (o->part == DMS_NET_FROM_MAP) {
        net->map_type = net->type;
        net->type = DMS_TYPE_F32;
    }
    return st;
}

/* Choose the number of workers; *threads becomes the threads per worker. */
static void choose_workers(dms_engine *e, int *threads,
                           const dms_engine_options *o)
{
    dms_engine_need need = {.asked = o->compute ? o->compute->workers : 0,
                            .threads = *threads > 0 ? *threads : 1,
                            .patients = o->patients,
                            .bytes_each = bytes_each(e),
                            .bytes_free = dms_machine_memory()};

    if (o->compute && o->compute->deterministic && need.asked == 0)
        need.asked = 1;
    e->count = dms_engine_choose(&need);
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): at least one */
    *threads /= e->count;
    if (e->count > 1 && *threads == 0)
        *threads = 1;
    for (int i = 0; i < e->member_count; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
        e->members[i].net.patients =
            o->batch > e->count ? o->batch / e->count : 1;
}

static dms_status make_members(dms_engine *e, const dms_engine_options *o,
                               dms_error *err)
{
    dms_status st = DMS_OK;

    e->member_count = 1 + o->more_count;
    e->members = dms_calloc((size_t)e->member_count, sizeof *e->members);
    if (!e->members)
        return dms_fail_memory(err, "engine");
    for (int i = 0; i < e->member_count; i++) {
        const dms_engine_options *from = i == 0 ? o : &o->more[i - 1];
        dms_engine_options own = *o;

        own.arch = from->arch;
        own.params = from->params;
        own.labels = from->labels;
        own.store = from->store;
        own.size = from->size;
        e->members[i] = (member){.arch = own.arch, .params = own.params};
        TRY(choose_numbers(&e->members[i].net, &own, err));
    }
done:
    return st;
}

/* A worker's nets, one per member. */
static dms_net **nets_of(const dms_engine *e, int worker)
{
    return e->nets + (size_t)worker * (size_t)e->member_count;
}

/* 0 until they are allocated. */
static size_t net_count(const dms_engine *e)
{
    return e->nets ? (size_t)e->count * (size_t)e->member_count : 0;
}

static dms_status make_views(dms_engine *e, dms_error *err)
{
    dms_status st = DMS_OK;

    if (e->members[0].net.part == DMS_NET_FROM_MAP)
        return dms_fail(err, DMS_EINVAL,
                        "tta: a net that begins with the map has no images to "
                        "mirror");
    e->views = dms_calloc(net_count(e), sizeof *e->views);
    if (!e->views)
        return dms_fail_memory(err, "engine");
    for (size_t i = 0; st == DMS_OK && i < net_count(e); i++) {
        const member *m = &e->members[i % (size_t)e->member_count];

        st = dms_views_init(&e->views[i], m->net.patients, m->arch->labels,
                            m->net.size, err);
    }
    return st;
}

static dms_status start(void *user, int worker, dms_error *err)
{
    dms_engine *e = user;
    dms_net **nets = nets_of(e, worker);
    dms_status st = DMS_OK;

    for (int i = 0; i < e->member_count; i++) {
        member *m = &e->members[i];

        TRY(dms_net_create(&nets[i], m->arch, m->params, &m->net, err));
        if (e->count > 1)
            TRY(dms_net_load(nets[i], err));
    }
done:
    return st;
}

dms_status dms_engine_create(dms_engine **out, const dms_engine_options *o,
                             dms_error *err)
{
    dms_status st;
    dms_engine *e = NULL;
    /* 0 in a build without OpenMP, which has none to distribute */
    dms_pool_options pool = {.start = start, .threads = dms_threads_use(0)};

    if (o->batch < 1 || o->batch > DMS_ENGINE_BATCH_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "batch of %d patients, expected 1 to %d", o->batch,
                        DMS_ENGINE_BATCH_MAX);
    if (pool.threads > 0 && o->compute && o->compute->threads > 0)
        pool.threads = o->compute->threads;
    e = dms_calloc(1, sizeof *e);
    if (!e)
        return dms_fail_memory(err, "engine");
    TRY(make_members(e, o, err));
    choose_workers(e, &pool.threads, o);
    e->nets = dms_calloc((size_t)e->count * (size_t)e->member_count,
                         sizeof(dms_net *));
    if (!e->nets) {
        st = dms_fail_memory(err, "engine");
        goto done;
    }
    if (o->compute && o->compute->tta == DMS_TTA_FLIPS)
        TRY(make_views(e, err));
    pool.count = e->count;
    pool.user = e;
    TRY(dms_pool_create(&e->pool, &pool, err));
    *out = e, e = NULL;
done:
    dms_engine_destroy(e);
    return st;
}

void dms_engine_destroy(dms_engine *engine)
{
    if (!engine)
        return;
    dms_pool_destroy(engine->pool);
    for (size_t i = 0; i < net_count(engine); i++)
        dms_net_destroy(engine->nets[i]);
    for (size_t i = 0; engine->views && i < net_count(engine); i++)
        dms_views_release(&engine->views[i]);
    dms_free(engine->views);
    dms_free(engine->nets);
    dms_free(engine->members);
    dms_free(engine);
}

int dms_engine_workers(const dms_engine *engine)
{
    return engine->count;
}

int dms_engine_members(const dms_engine *engine)
{
    return engine->member_count;
}

int dms_engine_batch_size(const dms_engine *engine)
{
    return engine->members[0].net.patients;
}

dms_net *dms_engine_net(const dms_engine *engine, int worker)
{
    return nets_of(engine, worker)[0];
}

void dms_engine_weights_changed(dms_engine *engine)
{
    for (size_t i = 0; i < net_count(engine); i++)
        dms_net_weights_changed(engine->nets[i]);
}

/* The state of a feed. */
typedef struct feeding {
    dms_engine *engine;
    const dms_feed *feed;
} feeding;

static dms_status forward(const dms_engine *e, dms_engine_batch *batch,
                          dms_error *err)
{
    size_t net =
        (size_t)batch->worker * (size_t)e->member_count + (size_t)batch->member;
    dms_views *views = e->views ? &e->views[net] : NULL;
    dms_status st = views ? dms_views_forward(views, batch->net, err)
                          : dms_net_forward(batch->net, 0, err);

    batch->patient_logits = views ? dms_views_patient_logits(views)
                                  : dms_net_patient_logits(batch->net);
    batch->eye_logits =
        views ? dms_views_eye_logits(views) : dms_net_eye_logits(batch->net);
    return st;
}

static dms_status run_batch(void *user, int worker, size_t at, size_t count,
                            dms_error *err)
{
    const feeding *f = user;
    dms_status st = DMS_OK;

    for (int i = 0; i < f->engine->member_count; i++) {
        dms_engine_batch batch = {.net = nets_of(f->engine, worker)[i],
                                  .worker = worker,
                                  .member = i,
                                  .size = dms_engine_batch_size(f->engine),
                                  .at = at,
                                  .count = count};

        TRY(f->feed->fill(f->feed->user, &batch, err));
        TRY(forward(f->engine, &batch, err));
        TRY(f->feed->take(f->feed->user, &batch, err));
    }
done:
    return st;
}

dms_status dms_engine_run(size_t *done, dms_engine *engine,
                          const dms_feed *feed, const dms_monitor *monitor,
                          dms_error *err)
{
    feeding f = {engine, feed};
    const dms_work work = {.run = run_batch,
                           .user = &f,
                           .total = feed->total,
                           .piece = (size_t)dms_engine_batch_size(engine),
                           .stage = feed->stage};

    dms_status st;

    for (size_t i = 0; i < net_count(engine); i++)
        dms_net_observe(engine->nets[i], feed->observer, feed->observer_user);
    st = dms_pool_run(done, engine->pool, &work, monitor, err);
    for (size_t i = 0; i < net_count(engine); i++)
        dms_net_observe(engine->nets[i], NULL, NULL);
    return st;
}
