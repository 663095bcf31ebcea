/* What the measured peers share: the clock of this thread, the input file, the median of rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Seconds of CPU time of this thread. */
static inline double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* All of a file; `octets` is its size. Ends the program where it cannot be read. */
static inline void *whole_file(const char *name, size_t *octets) {
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END)) exit(1);
    *octets = ftell(file);
    rewind(file);
    void *data = malloc(*octets + 1);
    if (!data || fread(data, 1, *octets, file) != *octets) exit(1);
    fclose(file);
    return data;
}

static inline int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of so many rounds. */
static inline double median(double *rounds, size_t count) {
    qsort(rounds, count, sizeof *rounds, by_size);
    return rounds[count / 2];
}
