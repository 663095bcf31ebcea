/* Throughput of opencore-amr, narrow band, 12.2 kbit/s: "encode R" and "decode R", million samples a second
   of CPU time. cc -O2 opencore_amr.c -lopencore-amrnb; arguments: a file of 16-bit samples, seconds. */
#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
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
    size_t frames = ftell(file) / 320;
    rewind(file);
    short *samples = malloc(frames * 320), out[160];
    unsigned char *coded = malloc(frames * 32);
    if (fread(samples, 320, frames, file) != frames) return 1;
    for (int decode = 0; decode < 2; decode++) {
        double begin = cpu(), spent;
        size_t rounds = 0;
        do {
            void *state = decode ? Decoder_Interface_init() : Encoder_Interface_init(0);
            for (size_t k = 0; k < frames; k++) {
                if (decode) Decoder_Interface_Decode(state, coded + 32 * k, out, 0);
                else Encoder_Interface_Encode(state, MR122, samples + 160 * k, coded + 32 * k, 0);
            }
            if (decode) Decoder_Interface_exit(state);
            else Encoder_Interface_exit(state);
            rounds++;
            spent = cpu() - begin;
        } while (spent < atof(argv[2]));
        printf("%s %.3f\n", decode ? "decode" : "encode", rounds * frames * 160 / 1e6 / spent);
    }
    return 0;
}
