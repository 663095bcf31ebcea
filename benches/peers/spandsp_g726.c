/* Throughput of SpanDSP's G.726 at 32 kbit/s, linear, low nibble first; usage and output as avcodec_g726.c. */
#include <spandsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_ROUNDS = 100000 };

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 1;
    static int16_t samples[1 << 22], back[1 << 23];
    static uint8_t codes[1 << 22];
    static double rounds[MAX_ROUNDS];
    size_t count = fread(samples, sizeof *samples, sizeof samples / sizeof *samples, file);
    int bytes = 0;
    fclose(file);
    for (int decoding = 0; decoding < 2; decoding++) {
        double begin = cpu_seconds(), seconds = atof(argv[2]);
        int n = 0;
        while (n < MAX_ROUNDS && (n < 3 || cpu_seconds() - begin < seconds)) {
            double before = cpu_seconds();
            g726_state_t *state = g726_init(NULL, 32000, G726_ENCODING_LINEAR, G726_PACKING_RIGHT);
            if (decoding) g726_decode(state, back, codes, bytes);
            else bytes = g726_encode(state, codes, samples, (int)count);
            g726_free(state);
            rounds[n++] = cpu_seconds() - before;
        }
        qsort(rounds, n, sizeof *rounds, by_size);
        printf("%s %.3f\n", decoding ? "decode" : "encode", count / 1e6 / rounds[n / 2]);
    }
    return 0;
}
