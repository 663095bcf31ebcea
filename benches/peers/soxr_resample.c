/* Throughput of soxr (HQ, 16 bits) from 44.1 to 8 kHz: million input samples a second of CPU time, twice.
   cc -O2 soxr_resample.c -lsoxr; arguments: a file of 16-bit samples, seconds to measure. */
#include "peer.h"
#include <soxr.h>
#include <stdint.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    size_t octets;
    int16_t *in = whole_file(argv[1], &octets);
    size_t count = octets / 2, done, room = count / 5 + 1000;
    int16_t *out = malloc(2 * room);
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
