/* What every file of a run needs from the trainer: its clock, the learning rate
 * that depends on it, and the release of all parts. Relies on setup.c to fill
 * the trainer; release accepts one that is partly set up. */
#include "train/trainer.h"

#include "base/alloc.h"

double dms_trainer_elapsed(const dms_trainer *trainer)
{
    return dms_clock_now() - trainer->clock_start;
}

double dms_trainer_rate(const dms_trainer *t, int64_t step)
{
    double limit = t->options->time_limit;

    return dms_schedule_rate(&t->schedule, step,
                             limit > 0 ? dms_trainer_elapsed(t) / limit : 0.0);
}

static void release_nets(dms_train_nets *nets)
{
    dms_net_destroy(nets->net);
    dms_net_destroy(nets->net_rest);
    dms_engine_destroy(nets->validator);
    dms_optimizer_destroy(nets->optimizer);
    dms_params_destroy(nets->params);
    dms_params_destroy(nets->eval_params);
    dms_free(nets->targets);
    dms_free(nets->eye_targets);
}

void dms_trainer_release(dms_trainer *t)
{
    release_nets(&t->nets);
    dms_train_teacher_close(&t->teacher);
    dms_train_patients_close(&t->patients);
    dms_train_state_release(&t->state);
    dms_model_config_release(&t->config);
    dms_free(t->pos_weight);
    dms_free(t->outputs.checkpoint_path);
    dms_free(t->outputs.best_path);
    dms_free(t->outputs.last_path);
    dms_train_events_close(&t->outputs.events);
}
