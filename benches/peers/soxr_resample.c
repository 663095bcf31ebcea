/* Throughput of soxr (HQ, 16 bits) from 44.1 to 8 kHz: million input samples a second of CPU time, twice.
   cc -O2 soxr_resample.c -lsoxr; arguments: a file of 16-bit samples, seconds to measure. */
#include <soxr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 1;
    fseek(file, 0, SEEK_END);
    size_t count = ftell(file) / 2, done, room = count / 5 + 1000;
    rewind(file);
    int16_t *in = malloc(2 * count), *out = malloc(2 * room);
    if (fread(in, 2, count, file) != count) return 1;
    soxr_io_spec_t io = soxr_io_spec(SOXR_INT16_I, SOXR_INT16_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    double begin = cpu(), spent;
    size_t rounds = 0;
    do {
        if (soxr_oneshot(44100, 8000, 1, in, count, NULL, out, room, &done, &io, &quality, NULL)) return 1;
        rounds++;
        spent = cpu() - begin;
    } while (spent < atof(argv[2]));
    printf("encode %.3f\ndecode %.3f\n", rounds * count / 1e6 / spent, rounds * count / 1e6 / spent);
    return 0;
}
