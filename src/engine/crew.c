#include "engine/crew.h"

#include "net/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "machine/machine.h"
#include "net/compute.h"
#include "machine/threads.h"

enum {
    BATCH_MAX = 256,
    /* With so many patients a worker has its net's making back. */
    PATIENTS_EACH = 64,
    /* Bytes of maps for each pixel of an image, about. */
    MAP_BYTES = 128
};

struct dms_crew {
    const dms_model *model;
    dms_net_options options; /* of each net */
    dms_workers *workers;
    int count;
    dms_net **nets; /* count */
};

int dms_crew_choose(const dms_crew_need *need)
{
    size_t count = (size_t)need->threads;

    if (need->asked > 0)
        count = (size_t)need->asked;
    else if (need->patients / PATIENTS_EACH < count)
        count = 1;
    else
        while (count > 1 &&
               (count * need->bytes_each > need->bytes_free / 2 ||
                (size_t)need->threads % count != 0)) /* no thread is idle */
            count--;
    if (need->patients > 0 && count > need->patients)
        count = need->patients;
    return (int)count;
}

/* A worker's maps; about. */
static size_t bytes_each(const dms_net_options *net)
{
    size_t side = (size_t)net->size;

    return 2 * (size_t)net->patients * side * side * MAP_BYTES;
}

/* Threads to share out; 0 where a build has no say in it. */
static int threads_of(const dms_compute *compute)
{
    int most = dms_threads_use(0);

    return most > 0 && compute && compute->threads > 0 ? compute->threads
                                                       : most;
}

static dms_status choose(dms_crew *crew, int *threads,
                         const dms_crew_options *o, dms_error *err)
{
    const dms_model *model = crew->model;
    dms_net_options *net = &crew->options;
    dms_crew_need need = {.asked = o->compute ? o->compute->workers : 0,
                          .patients = o->patients,
                          .bytes_free = dms_machine_memory()};
    dms_status st;

    *net = (dms_net_options){.patients = o->batch,
                             .size = o->size ? o->size
                                             : model->config.preprocess.size,
                             .labels = model->config.labels};
    TRY(dms_compute_apply(net, o->compute, model->params, o->patients, err));
    *threads = threads_of(o->compute);
    need.threads = *threads > 0 ? *threads : 1;
    need.bytes_each = bytes_each(net);
    if (o->compute && o->compute->deterministic && need.asked == 0)
        need.asked = 1;
    crew->count = dms_crew_choose(&need);
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): at least one */
    *threads /= crew->count;
    if (crew->count > 1 && *threads == 0)
        *threads = 1;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    net->patients = o->batch > crew->count ? o->batch / crew->count : 1;
done:
    return st;
}

/* The first net is there, and its weights are everybody's. */
static dms_status start(void *user, int worker, dms_error *err)
{
    dms_crew *crew = user;
    const dms_model *model = crew->model;

    if (worker == 0)
        return DMS_OK;
    return dms_net_create(&crew->nets[worker], &model->config.architecture,
                          model->params, &crew->options, err);
}

/* As a worker would: kernels depend on how many threads there are. */
static dms_status make_first(dms_crew *crew, int each, dms_error *err)
{
    dms_status st;
    const dms_model *model = crew->model;
    int threads = dms_threads_use(each);

    TRY(dms_net_create(&crew->nets[0], &model->config.architecture,
                       model->params, &crew->options, err));
    if (crew->count > 1)
        TRY(dms_net_load(crew->nets[0], err));
    crew->options.like = crew->nets[0];
done:
    dms_threads_use(threads);
    return st;
}

dms_status dms_crew_create(dms_crew **out, const dms_model *model,
                           const dms_crew_options *options, dms_error *err)
{
    dms_status st;
    dms_crew *crew = NULL;
    dms_workers_options pool = {.start = start};

    if (options->batch < 1 || options->batch > BATCH_MAX)
        return dms_fail(err, DMS_EINVAL,
                        "a batch of %d patients, expected 1 to %d",
                        options->batch, BATCH_MAX);
    crew = dms_calloc(1, sizeof *crew);
    if (!crew)
        return dms_fail_memory(err, "workers");
    crew->model = model;
    TRY(choose(crew, &pool.threads, options, err));
    crew->nets = dms_calloc((size_t)crew->count, sizeof(dms_net *));
    if (!crew->nets) {
        st = dms_fail_memory(err, "workers");
        goto done;
    }
    pool.count = crew->count;
    pool.user = crew;
    TRY(make_first(crew, pool.threads, err));
    TRY(dms_workers_create(&crew->workers, &pool, err));
    *out = crew, crew = NULL;
done:
    dms_crew_destroy(crew);
    return st;
}

void dms_crew_destroy(dms_crew *crew)
{
    if (!crew)
        return;
    dms_workers_destroy(crew->workers);
    for (int i = crew->count; crew->nets && i-- > 0;)
        dms_net_destroy(crew->nets[i]); /* the first one last */
    dms_free(crew->nets);
    dms_free(crew);
}

int dms_crew_workers(const dms_crew *crew)
{
    return crew->count;
}

int dms_crew_batch(const dms_crew *crew)
{
    return crew->options.patients;
}

dms_net *dms_crew_net(const dms_crew *crew, int worker)
{
    return crew->nets[worker];
}

dms_status dms_crew_run(size_t *done, dms_crew *crew, const dms_work *work,
                        const dms_monitor *monitor, dms_error *err)
{
    return dms_workers_run(done, crew->workers, work, monitor, err);
}
