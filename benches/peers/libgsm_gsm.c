/* Throughput of libgsm: "encode R" and "decode R", million samples a second of CPU time.
   cc -O2 libgsm_gsm.c -lgsm; arguments: a file of 16-bit samples, seconds to measure. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if __has_include(<gsm/gsm.h>)
#include <gsm/gsm.h>
#else
#include <gsm.h>
#endif

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
    size_t frames = ftell(file) / 320;
    rewind(file);
    gsm_signal *samples = malloc(frames * 320), *out = malloc(frames * 320);
    gsm_byte *coded = malloc(frames * 33);
    if (fread(samples, 320, frames, file) != frames) return 1;
    for (int decode = 0; decode < 2; decode++) {
        double begin = cpu(), spent;
        size_t rounds = 0;
        do {
            gsm state = gsm_create();
            for (size_t k = 0; k < frames; k++) {
                if (decode) gsm_decode(state, coded + 33 * k, out + 160 * k);
                else gsm_encode(state, samples + 160 * k, coded + 33 * k);
            }
            gsm_destroy(state);
            rounds++;
            spent = cpu() - begin;
        } while (spent < atof(argv[2]));
        printf("%s %.3f\n", decode ? "decode" : "encode", rounds * frames * 160 / 1e6 / spent);
    }
    return 0;
}
