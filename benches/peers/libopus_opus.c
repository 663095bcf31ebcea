/* Throughput of libopus, complexity 5, 16 kbit/s, one channel at 8000 samples a second: "encode R" and
   "decode R", million samples a second of CPU time.
   cc -O2 libopus_opus.c -lopus; arguments: a file of 16-bit samples, seconds. */
#include "peer.h"
#include <opus/opus.h>

#define PACKET 400

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    size_t octets;
    short *samples = whole_file(argv[1], &octets), out[160];
    size_t frames = octets / 320;
    unsigned char *coded = malloc(frames * PACKET);
    int *bytes = malloc(frames * sizeof *bytes), fault = 0;
    for (int decode = 0; decode < 2; decode++) {
        double begin = cpu(), spent;
        size_t rounds = 0;
        do {
            OpusEncoder *encoder = opus_encoder_create(8000, 1, OPUS_APPLICATION_VOIP, &fault);
            OpusDecoder *decoder = opus_decoder_create(8000, 1, &fault);
            opus_encoder_ctl(encoder, OPUS_SET_BITRATE(16000));
            opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(5));
            for (size_t k = 0; k < frames; k++) {
                if (decode) fault |= opus_decode(decoder, coded + PACKET * k, bytes[k], out, 160, 0) != 160;
                else bytes[k] = opus_encode(encoder, samples + 160 * k, 160, coded + PACKET * k, PACKET);
            }
            opus_encoder_destroy(encoder);
            opus_decoder_destroy(decoder);
            if (fault) return 1;
            rounds++;
            spent = cpu() - begin;
        } while (spent < atof(argv[2]));
        printf("%s %.3f\n", decode ? "decode" : "encode", rounds * frames * 160 / 1e6 / spent);
    }
    return 0;
}
