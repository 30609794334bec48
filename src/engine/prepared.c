/* A model's prepared weights, shared with other processes. */
#include "dms/prepared.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "engine/engine.h"
#include "net/compute.h"
#include "net/model.h"

struct dms_prepared {
    dms_kept *kept; /* in the model's store */
    int fd;
};

/* Takes ownership of fd, also after a failure. */
static dms_status adopt(dms_prepared **out, const dms_model *model, int fd,
                        dms_error *err)
{
    dms_status st = DMS_OK;
    uint64_t values = 0;
    dms_prepared *prepared = dms_calloc(1, sizeof *prepared);

    if (!prepared) {
        close(fd);
        return dms_fail_memory(err, "prepared weights");
    }
    prepared->fd = fd;
    TRY(dms_params_digest(&values, model->params, false, err));
    TRY(dms_kept_map(&prepared->kept, model->store, fd, values, err));
    *out = prepared, prepared = NULL;
done:
    dms_prepared_destroy(prepared);
    return st;
}

/* Write the prepared weights of the engine's first net to a new file. */
static dms_status write_kept(int *fd, const dms_engine *engine,
                             const dms_model *model, dms_error *err)
{
    dms_net *net = dms_engine_net(engine, 0);
    uint64_t values = 0;
    dms_status st;

    TRY(dms_net_load(net, err));
    TRY(dms_params_digest(&values, model->params, false, err));
    TRY(dms_kept_write(fd, dms_net_kept(net), values, err));
done:
    return st;
}

dms_status dms_prepared_create(dms_prepared **out, const dms_model *model,
                               int batch, const dms_compute *compute,
                               size_t patients, dms_error *err)
{
    dms_engine_options options = dms_engine_options_of(model);
    dms_engine *engine = NULL;
    dms_compute own;
    dms_status st;
    int fd = -1;

    options.batch = batch;
    options.compute = &own;
    options.patients = patients;
    TRY(dms_compute_take(&own, compute, err));
    TRY(dms_engine_create(&engine, &options, err));
    TRY(write_kept(&fd, engine, model, err));
    TRY(adopt(out, model, fd, err));
done:
    dms_engine_destroy(engine);
    return st;
}

dms_status dms_prepared_open(dms_prepared **out, const dms_model *model, int fd,
                             dms_error *err)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own < 0)
        return dms_fail_errno(err, "prepared weights: cannot use descriptor %d",
                              fd);
    return adopt(out, model, own, err);
}

int dms_prepared_fd(const dms_prepared *prepared)
{
    return prepared->fd;
}

size_t dms_prepared_bytes(const dms_prepared *prepared)
{
    return dms_kept_size(prepared->kept);
}

void dms_prepared_destroy(dms_prepared *prepared)
{
    if (!prepared)
        return;
    dms_kept_release(prepared->kept);
    close(prepared->fd);
    dms_free(prepared);
}
