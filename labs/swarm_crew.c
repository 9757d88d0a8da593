#include "labs/swarm_crew.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A seed takes some milliseconds, and under sanitizers some hundred: who is silent for so long goes
 * round in circles. */
#define SILENCE_MS (120 * 1000)

/* Worker i of n takes every nth seed. It runs ahead as far as its pipe has room, and ends with it.
 */
static _Noreturn void work(uint64_t seed, uint32_t stride, const struct swarm_image *images,
                           int results)
{
    for (;; seed += stride) {
        struct swarm_result result;
        swarm_judge(seed, images, &result);
        if (write(results, &result, sizeof result) != (ssize_t)sizeof result)
            _exit(0);
    }
}

static enum status start_worker(struct swarm_crew *crew, uint32_t jobs,
                                const struct swarm_image *images, struct problem *problem)
{
    struct worker *worker = &crew->workers[crew->worker_count];
    uint64_t seed = crew->next_seed + crew->worker_count;
    int ends[2];

    if (pipe(ends) != 0)
        return problem_set(problem, STATUS_NO_MEMORY, "--jobs: no more pipes: %s", strerror(errno));
    fflush(NULL); /* what waits to be written is written once */
    worker->process = fork();
    if (worker->process < 0) {
        close(ends[0]);
        close(ends[1]);
        return problem_set(problem, STATUS_NO_MEMORY, "--jobs: no more processes: %s: write fewer",
                           strerror(errno));
    }
    if (worker->process == 0) {
        for (uint32_t i = 0; i < crew->worker_count; i++)
            close(crew->workers[i].results);
        close(ends[0]);
        signal(SIGPIPE, SIG_DFL);
        work(seed, jobs, images, ends[1]);
    }
    close(ends[1]);
    worker->results = ends[0];
    crew->worker_count++;
    return STATUS_OK;
}

enum status swarm_crew_open(struct swarm_crew *crew, uint64_t first, uint32_t jobs,
                            const struct swarm_image *images, struct problem *problem)
{
    enum status status = STATUS_OK;

    MUST(jobs > 0 && jobs <= SWARM_JOBS_MAX);
    *crew = (struct swarm_crew){.next_seed = first};
    for (uint32_t i = 0; i < jobs && status == STATUS_OK; i++)
        status = start_worker(crew, jobs, images, problem);
    return status;
}

static void note_death(struct swarm_crew *crew, struct worker *worker, bool is_silent)
{
    int status = 0;

    if (is_silent)
        kill(worker->process, SIGKILL);
    while (waitpid(worker->process, &status, 0) < 0 && errno == EINTR)
        ;
    worker->process = 0;
    if (is_silent)
        snprintf(crew->death, sizeof crew->death, "nothing came of it for %d s", SILENCE_MS / 1000);
    else if (WIFSIGNALED(status))
        snprintf(crew->death, sizeof crew->death, "the program itself broke down: %s",
                 strsignal(WTERMSIG(status)));
    else
        snprintf(crew->death, sizeof crew->death, "the program itself broke down: exit status %d",
                 WEXITSTATUS(status));
}

bool swarm_crew_next(struct swarm_crew *crew, struct swarm_result *result)
{
    /* The first seed was worker 0's, and workers take turns. */
    struct worker *worker = &crew->workers[0];
    size_t count = 0;

    while (count < sizeof *result) {
        struct pollfd ready = {.fd = worker->results, .events = POLLIN};
        int ready_count = poll(&ready, 1, SILENCE_MS);
        if (ready_count < 0 && errno == EINTR)
            continue;
        ssize_t got = ready_count <= 0
                          ? 0
                          : read(worker->results, (char *)result + count, sizeof *result - count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            note_death(crew, worker, ready_count == 0);
            return false;
        }
        count += (size_t)got;
    }
    MUST(result->seed == crew->next_seed);
    crew->next_seed++;
    struct worker first = *worker;
    memmove(&crew->workers[0], &crew->workers[1], (crew->worker_count - 1) * sizeof first);
    crew->workers[crew->worker_count - 1] = first;
    return true;
}

void swarm_crew_close(struct swarm_crew *crew)
{
    for (uint32_t i = 0; i < crew->worker_count; i++) {
        close(crew->workers[i].results);
        if (crew->workers[i].process == 0)
            continue;
        kill(crew->workers[i].process, SIGTERM);
        while (waitpid(crew->workers[i].process, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    crew->worker_count = 0;
}
