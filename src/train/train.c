/* The entry of training: one run, or a run per fold. */
#include "train/trainer.h"

dms_status dms_train(dms_train_result **out, const dms_train_options *options,
                     const dms_monitor *monitor, dms_error *err)
{
    return options->folds > 0 && options->fold == 0
               ? dms_trainer_run_folds(out, options, monitor, err)
               : dms_trainer_run(out, options, monitor, NULL, err);
}
