/* Measures peaks: all threads start a short run together, repeatedly, and the
 * fastest run counts. */
#include <sched.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "machine/peak_kernels.h"

#ifdef _OPENMP
#include <omp.h>
#endif

typedef struct peak_work {
    double (*run)(const struct peak_work *work); /* seconds of one run */
    const dms_peak_kernel *kernel;
    size_t rounds;
    float *a, *b, *c; /* arrays of the triad */
    size_t len;
    int threads;
    cpu_set_t cpus; /* where the threads may run */
} peak_work;

/* For a CPU without any instruction set listed here: whatever the compiler
 * generates. */
static float run_plain(size_t rounds, float seed)
{
    enum { LANES = 4 * DMS_PEAK_CHAINS };
    float sum[LANES], all = 0;
    volatile float factor = seed;

    for (int i = 0; i < LANES; i++)
        sum[i] = seed;
    for (size_t r = 0; r < rounds; r++) {
        float x = factor;

        for (int i = 0; i < LANES; i++)
            sum[i] += x * x;
    }
    for (int i = 0; i < LANES; i++)
        all += sum[i];
    return all;
}

static bool always(void)
{
    return true;
}

static const dms_peak_kernel plain = {
    DMS_PEAK_F32, "plain C", 2.0 * 4 * DMS_PEAK_CHAINS, always, run_plain};

/* The i-th kernel for kind that this CPU can run; NULL past the last. */
static const dms_peak_kernel *kernel_for(dms_peak_kind kind, size_t i)
{
    size_t count;
    const dms_peak_kernel *kernels = dms_peak_kernels(&count);

    for (size_t k = 0; k < count; k++)
        if (kernels[k].kind == kind && kernels[k].supported() && i-- == 0)
            return &kernels[k];
    return kind == DMS_PEAK_F32 && i == 0 ? &plain : NULL;
}

const char *dms_peak_instruction(dms_peak_kind kind)
{
    const dms_peak_kernel *kernel = kernel_for(kind, 0);

    return kernel ? kernel->instruction : NULL;
}

static int thread_number(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

static void find_cpus(peak_work *work)
{
    CPU_ZERO(&work->cpus);
#pragma omp parallel num_threads(work->threads)
    {
        cpu_set_t own;

        if (sched_getaffinity(0, sizeof own, &own) == 0)
#pragma omp critical
            CPU_OR(&work->cpus, &work->cpus, &own);
    }
}

/* Bind the calling thread to a core of its own: the scheduler often wakes
 * threads on the waker's core, and a run ends before they are moved. */
static void take_core(cpu_set_t *before, const peak_work *work)
{
    int wanted = thread_number(), count = CPU_COUNT(&work->cpus);
    cpu_set_t one;

    if (sched_getaffinity(0, sizeof *before, before) != 0)
        CPU_ZERO(before);
    CPU_ZERO(&one);
    for (int cpu = 0; count > 0 && cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &work->cpus) && wanted-- % count == 0) {
            CPU_SET(cpu, &one);
            break;
        }
    if (CPU_COUNT(&one) > 0 && CPU_COUNT(before) > 0)
        sched_setaffinity(0, sizeof one, &one);
}

static void leave_core(const cpu_set_t *before)
{
    if (CPU_COUNT(before) > 0)
        sched_setaffinity(0, sizeof *before, before);
}

/* Seconds from the first thread's start to the last thread's end. */
static double multiply_add(const peak_work *work)
{
    double first = 0, last = 0;
    float kept = 0;

#pragma omp parallel num_threads(work->threads) reduction(+ : kept)
    {
        double began, ended;
        cpu_set_t before;

        take_core(&before, work);
        kept += work->kernel->run(work->rounds / 16, 0);
#pragma omp barrier
        began = dms_clock_now();
        kept += work->kernel->run(work->rounds, 0);
        ended = dms_clock_now();
#pragma omp critical
        {
            if (first == 0 || began < first)
                first = began;
            if (ended > last)
                last = ended;
        }
        leave_core(&before);
    }
    return kept == 0 ? last - first : 0; /* always: all factors are 0 */
}

static double triad(const peak_work *work)
{
    double began = dms_clock_now();

#pragma omp parallel num_threads(work->threads)
    {
        cpu_set_t before;

        take_core(&before, work);
#pragma omp for schedule(static)
        for (size_t i = 0; i < work->len; i++)
            work->a[i] = work->b[i] + 3.0f * work->c[i];
        leave_core(&before);
    }
    return dms_clock_now() - began;
}

/* The fastest of at least three runs that take `seconds` in total. */
static double quickest(const peak_work *work, double seconds)
{
    double end = dms_clock_now() + seconds, best = work->run(work);

    for (int i = 1; i < 3 || dms_clock_now() < end; i++) {
        double took = work->run(work);

        if (took > 0 && took < best)
            best = took;
    }
    return best;
}

/* Choose the rounds so that a run takes 2 to 4 ms: long compared with the
 * clock's resolution, short compared with another process's time slice. */
static size_t choose_rounds(peak_work work)
{
    work.threads = 1;
    for (work.rounds = 1 << 12; work.rounds < (size_t)1 << 40; work.rounds *= 2)
        if (multiply_add(&work) > 2e-3)
            break;
    return work.rounds;
}

static int usable_threads(int threads)
{
#ifdef _OPENMP
    return threads > 0 ? threads : 1;
#else
    (void)threads;
    return 1;
#endif
}

double dms_peak_measure(dms_peak_kind kind, int threads, double seconds)
{
    double best = 0;
    const dms_peak_kernel *kernel;

    for (size_t i = 0; (kernel = kernel_for(kind, i)) && kernel != &plain; i++)
        ;
    seconds /= (double)(kernel ? 2 : 1);
    for (size_t i = 0; (kernel = kernel_for(kind, i)); i++) {
        peak_work work = {.run = multiply_add,
                          .kernel = kernel,
                          .threads = usable_threads(threads)};
        double rate, took;

        find_cpus(&work);
        work.rounds = choose_rounds(work);
        took = quickest(&work, seconds);
        rate = took > 0 ? kernel->operations * (double)work.rounds *
                              work.threads / took / 1e9
                        : 0;
        if (rate > best)
            best = rate;
    }
    return best;
}

double dms_bandwidth_measure(int threads, double seconds)
{
    const size_t len = (size_t)16 << 20; /* 64 MB per array */
    peak_work work = {
        .run = triad, .len = len, .threads = usable_threads(threads)};
    float *all = dms_calloc_aligned(3 * len, sizeof *all);
    double took;

    if (!all)
        return 0;
    find_cpus(&work);
    work.a = all, work.b = all + len, work.c = all + 2 * len;
    for (size_t i = 0; i < 3 * len; i++)
        all[i] = 1; /* unwritten pages all map to one page of zeros */
    took = quickest(&work, seconds);
    dms_free(all);
    return took > 0 ? 3.0 * (double)(len * sizeof *all) / took / 1e9 : 0;
}
