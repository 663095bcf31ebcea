/* Throughput of SpanDSP's G.726 at 32 kbit/s, linear, low nibble first; usage and output as avcodec_g726.c. */
#include "peer.h"
#include <spandsp.h>

enum { MAX_ROUNDS = 100000 };

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
        double begin = cpu(), seconds = atof(argv[2]);
        int n = 0;
        while (n < MAX_ROUNDS && (n < 3 || cpu() - begin < seconds)) {
            double before = cpu();
            g726_state_t *state = g726_init(NULL, 32000, G726_ENCODING_LINEAR, G726_PACKING_RIGHT);
            if (decoding) g726_decode(state, back, codes, bytes);
            else bytes = g726_encode(state, codes, samples, (int)count);
            g726_free(state);
            rounds[n++] = cpu() - before;
        }
        printf("%s %.3f\n", decoding ? "decode" : "encode", count / 1e6 / median(rounds, n));
    }
    return 0;
}
