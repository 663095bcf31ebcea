/* Throughput of libgsm: "encode R" and "decode R", million samples a second of CPU time.
   cc -O2 libgsm_gsm.c -lgsm; arguments: a file of 16-bit samples, seconds to measure. */
#include "peer.h"
#include <stdint.h>
#if __has_include(<gsm/gsm.h>)
#include <gsm/gsm.h>
#else
#include <gsm.h>
#endif

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    size_t octets;
    gsm_signal *samples = whole_file(argv[1], &octets);
    size_t frames = octets / 320;
    gsm_signal *out = malloc(frames * 320);
    gsm_byte *coded = malloc(frames * 33);
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
