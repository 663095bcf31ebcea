/* Throughput of opencore-amr, narrow band, 12.2 kbit/s: "encode R" and "decode R", million samples a second
   of CPU time. cc -O2 opencore_amr.c -lopencore-amrnb; arguments: a file of 16-bit samples, seconds. */
#include "peer.h"
#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    size_t octets;
    short *samples = whole_file(argv[1], &octets), out[160];
    size_t frames = octets / 320;
    unsigned char *coded = malloc(frames * 32);
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
