#include "api/crew.h"

#include "api/model.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "machine/machine.h"
#include "net/compute.h"
#include "train/threads.h"

enum {
    BATCH_MAX = 256,
    /* A worker of so many patients has its net's preparation back. */
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

/* A worker's weights in its kernels' order, and its maps; about. */
static size_t bytes_each(const dms_model *model, const dms_net_options *net)
{
    const dms_params *params = model->params;
    size_t width = net->int8 ? 1 : net->type == DMS_TYPE_BF16 ? 2 : 4;
    size_t side = (size_t)net->size, values = 0;

    if (net->winograd)
        width *= 2;
    for (size_t i = 0; i < params->count; i++)
        values += params->items[i].len;
    return values * width + 2 * (size_t)net->patients * side * side * MAP_BYTES;
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
                                             : model->config.preprocess.size};
    TRY(dms_compute_apply(net, o->compute, model->params, o->patients, err));
    *threads = threads_of(o->compute);
    need.threads = *threads > 0 ? *threads : 1;
    need.bytes_each = bytes_each(model, net);
    if (o->compute && o->compute->deterministic && need.asked == 0)
        need.asked = 1;
    crew->count = dms_crew_choose(&need);
    *threads /= crew->count;
    if (crew->count > 1 && *threads == 0)
        *threads = 1;
    net->patients = o->batch > crew->count ? o->batch / crew->count : 1;
    /* what each prepares must pay for each */
    TRY(dms_compute_apply(net, o->compute, model->params,
                          o->patients / (size_t)crew->count, err));
done:
    return st;
}

static dms_status start(void *user, int worker, dms_error *err)
{
    dms_crew *crew = user;
    const dms_model *model = crew->model;

    return dms_net_create(&crew->nets[worker], &model->config.architecture,
                          model->params, &crew->options, err);
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
    for (int i = 0; crew->nets && i < crew->count; i++)
        dms_net_destroy(crew->nets[i]);
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
